//! `deedbox grant`, `revoke`, `grants`: who else may speak for some of a domain's packages (spec/events.md §4.10).

use super::given::{day, parsed, public};
use super::hands::told;
use crate::args;
use crate::context::Context;
use crate::failure::{refused, wrong};
use crate::{home, terminal};
use deedbox_client::state::{self, GrantState};
use deedbox_model::event::{Action, Body as _, PublisherGranted, PublisherRevoked};
use deedbox_model::{EventId, IdPattern};
use serde::Serialize;

pub(super) async fn grant(context: &Context, args: args::Grant) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let mut ids = args.ids.iter().map(|id| IdPattern::parse(id)).collect::<Result<Vec<_>, _>>().map_err(|e| wrong(e.to_string()))?;
    ids.sort();
    ids.dedup();
    let mut actions: Vec<Action> = args.actions.iter().filter_map(|action| Action::parse(action)).collect();
    actions.sort_unstable();
    actions.dedup();
    let granted = PublisherGranted { key: public(&args.public_key)?, ids, actions, until: day("--until", args.until)? };
    granted.check().map_err(|why| wrong(why.to_owned()))?;
    if !granted.is_within(&domain) {
        return Err(wrong(format!(
            "{domain} grants what is its own, or below it: ids like npm:{domain}/widget, or npm:{domain}/ for all of them"
        )));
    }
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    let (kid, what) = (granted.key.id(), said(&granted));
    let included = deedbox_client::grant(&trusted, &key, &domain, granted, &home::now).await?;
    let event = included.event;
    let said = format!("{kid} may {what}\n  this is the grant {event}; deedbox revoke {domain} {event} takes it back");
    told::<PublisherGranted>(context, &domain, &included, &said)
}

fn said(granted: &PublisherGranted) -> String {
    let actions: Vec<&str> = granted.actions.iter().map(|action| action.as_str()).collect();
    let ids: Vec<&str> = granted.ids.iter().map(|id| id.as_str()).collect();
    let until = granted.until.map(|until| format!(", until {}", terminal::moment(until))).unwrap_or_default();
    format!("{} {}{until}", actions.join(", "), ids.join(", "))
}

pub(super) async fn revoke(context: &Context, args: args::Revoke) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let grant = EventId::from_hex(&args.grant).ok_or_else(|| {
        wrong(format!("{:?} is not the id of a grant: deedbox grants {domain} shows them", terminal::excerpt(&args.grant)))
    })?;
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    let included = deedbox_client::revoke(&trusted, &key, &domain, grant, &home::now).await?;
    let said = format!("took the grant {grant} back: what is signed by it from now on has no effect");
    told::<PublisherRevoked>(context, &domain, &included, &said)
}

#[derive(Serialize)]
struct Listed {
    domain: String,
    grants: Vec<ListedGrant>,
}

#[derive(Serialize)]
struct ListedGrant {
    grant: String,
    kid: String,
    ids: Vec<String>,
    actions: Vec<String>,
    until: Option<String>,
    index: u64,
    /// Why it is over, if it is.
    over: Option<&'static str>,
}

/// By the registry's word: the log has the last one, where something is signed by a grant.
pub(super) async fn list(context: &Context, args: args::Grants) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let trusted = context.trusted().await?;
    let registry = trusted.registry();
    let Some(holder) = state::domain(registry, &domain).await?.filter(|state| state.domain == domain.as_str()) else {
        return Err(refused(format!("nobody has claimed {domain} itself at {}", registry.url())));
    };
    let now = home::now().as_ms();
    let over = |grant: &GrantState| match () {
        () if grant.tenure != holder.tenure => Some("the domain has changed hands"),
        () if grant.revoked.is_some() => Some("revoked"),
        () if grant.until_ms.is_some_and(|until| until <= now) => Some("its time is over"),
        () => None,
    };
    let mut grants = state::grants(registry, &domain).await?.unwrap_or_default();
    grants.sort_by_key(|grant| grant.index);
    let grants = grants.into_iter().map(|grant| ListedGrant {
        over: over(&grant),
        grant: grant.grant,
        kid: grant.kid,
        ids: grant.ids,
        actions: grant.actions,
        until: grant.until,
        index: grant.index,
    });
    let listed = Listed { domain: domain.to_string(), grants: grants.collect() };
    if context.json {
        return terminal::say_json(&listed);
    }
    for grant in &listed.grants {
        let until = grant.until.as_ref().map(|until| format!(", until {}", terminal::excerpt(until))).unwrap_or_default();
        let over = grant.over.map(|why| format!("  over: {why}")).unwrap_or_default();
        let ids: Vec<String> = grant.ids.iter().map(|id| terminal::excerpt(id)).collect();
        terminal::say_line(&format!("{}{over}", terminal::excerpt(&grant.grant)));
        terminal::say_line(&format!(
            "  the key {} may {} {}{until}",
            terminal::excerpt(&grant.kid),
            grant.actions.join(", "),
            ids.join(", ")
        ));
    }
    let open = listed.grants.iter().filter(|grant| grant.over.is_none()).count();
    terminal::say(&format!("{} grants of {domain}, of which {open} are in force, by the registry's word", listed.grants.len()));
    Ok(())
}
