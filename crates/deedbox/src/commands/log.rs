//! `deedbox log`: what was said of a domain or a package, and by whose right, proven by the log and told like the minutes of a meeting. Says also what that
//! does not show.

use crate::args;
use crate::context::{Context, package};
use crate::failure::refused;
use crate::{minutes, terminal};
use deedbox_client::{Minute, Minutes, Right, minutes_of_domain, minutes_of_package};
use deedbox_model::event::{Evidence, Role};
use serde::Serialize;

#[derive(Serialize)]
struct Listed {
    about: String,
    since: Option<String>,
    events: Vec<ListedEvent>,
    tree_size: u64,
}

#[derive(Serialize)]
struct ListedEvent {
    index: u64,
    event: String,
    at: String,
    r#type: &'static str,
    subject: String,
    kid: String,
    right: &'static str,
    role: Option<Role>,
    grant: Option<String>,
    evidence: Option<Evidence>,
    effective: bool,
    refused: Option<String>,
    words: String,
}

pub(super) async fn run(context: &Context, args: args::Log) -> anyhow::Result<()> {
    let since = super::given::day("--since", args.since.clone())?;
    // Only an id of a package has a colon.
    let trusted;
    let Minutes { minutes: all, tree_size } = if args.target.contains(':') {
        let id = package(&args.target)?;
        trusted = context.trusted().await?;
        minutes_of_package(&trusted, &id).await?
    } else {
        let domain = super::given::parsed(&args.target)?;
        trusted = context.trusted().await?;
        minutes_of_domain(&trusted, &domain).await?
    };
    let shown: Vec<&Minute> = all.iter().filter(|minute| since.is_none_or(|since| minute.time >= since)).collect();
    if context.json {
        let events = shown.iter().map(|minute| listed(minute)).collect();
        terminal::say_json(&Listed { about: args.target.clone(), since: args.since, events, tree_size })?;
    } else {
        for minute in &shown {
            terminal::say_line(&minutes::line(minute));
        }
        terminal::say_line(&sum(&args.target, shown.len(), all.len(), tree_size));
    }
    let void = all.iter().filter(|minute| minute.refused.is_some()).count();
    if void == 0 {
        return Ok(());
    }
    Err(refused(format!(
        "{void} of the events that {} names have no effect: it leaves out what they go on from, or counts as done what is not",
        trusted.registry().url()
    )))
}

/// What was shown, and what was not.
fn sum(about: &str, shown: usize, all: usize, tree_size: u64) -> String {
    let events = if shown == all { format!("{all}") } else { format!("{shown} of the {all}") };
    format!(
        "{events} events of {about} that the registry names, proven in the verified checkpoint of {tree_size} entries. Times are UTC, and waits go by the operator's \
         clock. This does not show that the registry withholds nothing newer; statements without effect stand in the log only"
    )
}

fn listed(minute: &Minute) -> ListedEvent {
    let statement = &minute.statement;
    let (right, role, grant) = match &minute.right {
        Right::Operator => ("operator", None, None),
        Right::Key(role) => ("key", Some(*role), None),
        Right::Former => ("former-key", None, None),
        Right::Grant { grant, .. } => ("grant", None, Some(grant.to_hex())),
        Right::None => ("none", None, None),
    };
    ListedEvent {
        index: minute.index,
        event: statement.id().to_hex(),
        at: minute.time.to_rfc3339(),
        r#type: statement.event().type_name(),
        subject: statement.subject().to_string(),
        kid: minute.kid().to_hex(),
        right,
        role,
        grant,
        evidence: minute.evidence,
        effective: minute.refused.is_none(),
        refused: minute.no_effect(),
        words: minutes::said(minute),
    }
}
