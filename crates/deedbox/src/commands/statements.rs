//! `deedbox statements`: what a key has signed, for whoever fears that somebody else had it; and an end to its releases. The list is the registry's own
//! word, and nothing proves that it is whole.

use super::given::{day, kid_of};
use crate::args::Statements;
use crate::context::Context;
use crate::failure::{Failure, ended, words};
use crate::{home, terminal};
use deedbox_client::signed::{EventState, signed_by};
use deedbox_client::{Intent, Trusted, state, submit};
use deedbox_model::event::ReleaseYanked;
use deedbox_model::{Event, PackageId, ReasonCode, Signer, Version};
use serde::Serialize;

/// What became of the yank of one of its releases.
#[derive(Serialize)]
struct Yanked {
    release: String,
    /// `yanked`, `was_yanked` or `refused`.
    outcome: &'static str,
    index: Option<u64>,
    error: Option<Failure>,
}

#[derive(Serialize)]
struct Listed<'a> {
    ok: bool,
    kid: &'a str,
    events: &'a [EventState],
    yanks: &'a [Yanked],
}

pub(super) async fn run(context: &Context, args: Statements) -> anyhow::Result<()> {
    let (kid, since) = (kid_of(&args.kid)?, day("--since", args.since)?);
    let trusted = context.trusted().await?;
    let bar = terminal::count_bar(0, "reading the registry's events");
    let told = |read: u64, of: u64| {
        bar.set_length(of);
        bar.set_position(read);
    };
    let events = signed_by(trusted.registry(), &kid, since, told).await?;
    bar.finish_and_clear();
    if !context.json {
        for event in &events {
            say(event);
        }
        terminal::say(&format!(
            "{} events by the key {kid}, as the registry lists them; nothing proves that there are no others",
            events.len()
        ));
    }
    let yanks = match args.yank {
        true => yank_all(context, &trusted, &context.signing_key()?, &events).await?,
        false => Vec::new(),
    };
    let refused = yanks.iter().filter_map(|yank| yank.error.as_ref()).collect::<Vec<_>>();
    if context.json {
        terminal::say_json(&Listed { ok: refused.is_empty(), kid: &kid.to_hex(), events: &events, yanks: &yanks })?;
    }
    match refused.first() {
        None => Ok(()),
        Some(first) => Err(ended(&first.code, first.exit, format!("{} releases could not be yanked, see above", refused.len()))),
    }
}

fn say(event: &EventState) {
    let version = event.body.as_ref().and_then(|body| body.version.as_ref()).map(|version| format!("@{version}")).unwrap_or_default();
    let void = if event.is_effective() { "" } else { "  (void)" };
    let (time, kind) = (event.time.as_deref().unwrap_or_default(), event.r#type.as_deref().unwrap_or("does not decode"));
    terminal::say_line(&format!("{}  {time}  {kind}  {}{version}{void}", event.index, event.subject.as_deref().unwrap_or_default()));
}

/// Yanks each release of these events that is not yanked. One that is refused stops no other.
async fn yank_all(context: &Context, trusted: &Trusted, key: &dyn Signer, events: &[EventState]) -> anyhow::Result<Vec<Yanked>> {
    let mut yanks = Vec::new();
    for (id, version) in events.iter().filter_map(released) {
        let release = format!("{id}@{version}");
        let yank = match yank(trusted, key, id, version).await {
            Ok(None) => Yanked { release, outcome: "was_yanked", index: None, error: None },
            Ok(Some(index)) => Yanked { release, outcome: "yanked", index: Some(index), error: None },
            Err(error) => {
                terminal::note(&format!("{release}: {}", words(&error)));
                Yanked { release, outcome: "refused", index: None, error: Some(Failure::of(&error)) }
            }
        };
        if let (Some(index), false) = (yank.index, context.json) {
            terminal::say_line(&format!("yanked {} (security), entry {index}", yank.release));
        }
        yanks.push(yank);
    }
    Ok(yanks)
}

/// The release that an event with effect published.
fn released(event: &EventState) -> Option<(PackageId, Version)> {
    if !event.is_effective() || event.r#type.as_deref() != Some("release.published") {
        return None;
    }
    let id = PackageId::parse(event.subject.as_deref()?).ok()?;
    Some((id, Version::parse(event.body.as_ref()?.version.as_deref()?).ok()?))
}

/// The entry that yanks it; none where it was yanked.
async fn yank(trusted: &Trusted, key: &dyn Signer, id: PackageId, version: Version) -> anyhow::Result<Option<u64>> {
    if state::release(trusted.registry(), &id, &version).await?.is_some_and(|release| release.yanked.is_some()) {
        return Ok(None);
    }
    let event = Event::from(ReleaseYanked { reason: ReasonCode::Security, version });
    Ok(Some(submit(trusted, key, &Intent { id, event }, &home::now).await?.index))
}
