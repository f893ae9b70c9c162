//! A claim or a recovery that a registry files when it sees what the claimant put at the domain (spec/api.md §6): says exactly what to put where,
//! asks the registry to look, and asks again until it is there. What is put stays the same for some days, so the command can be stopped and run again.

use crate::context::Context;
use crate::failure::refused;
use crate::home::now;
use crate::terminal;
use deedbox_client::ClientError;
use deedbox_model::event::{Acceptance, CLAIM_LABEL, CLAIM_PATH};
use std::time::Duration;
use tokio::time::Instant;

/// Between the first two looks. Each wait is half as long again as the one before it.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// The longest wait: the time that a record is usually kept by those who asked for it too early is longer than this.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Asks again and again until what the claimant puts at the domain is seen: at most so many minutes; once, for none. `ask` gives what comes of it,
/// or what was seen instead.
pub(super) async fn until_seen<T>(
    context: &Context,
    acceptance: &Acceptance,
    minutes: u32,
    ask: impl AsyncFn() -> Result<Result<T, String>, ClientError>,
) -> anyhow::Result<T> {
    let end = Instant::now() + Duration::from_secs(u64::from(minutes) * 60);
    let mut wait = FIRST_WAIT;
    let mut said = String::new();
    loop {
        let seen = match ask().await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(seen)) => seen,
            // It is away for a moment; one that was never there is another thing.
            Err(error @ (ClientError::Busy { .. } | ClientError::TooSlow { .. })) => error.to_string(),
            Err(error @ ClientError::Unreachable { .. }) if !said.is_empty() => error.to_string(),
            Err(error) => return Err(error.into()),
        };
        if said.is_empty() {
            tell_what_to_put(context, acceptance, minutes);
        }
        if seen != said {
            terminal::note(&format!("  {}  {}", clock(), terminal::excerpt(&seen)));
        }
        said = seen;
        if Instant::now() + wait > end {
            return Err(refused(format!("{said}. Nothing is known to be filed; run the same command again when the record is there")));
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 3 / 2).min(LONGEST_WAIT);
    }
}

/// The time of day, as the lines of waiting begin with it.
fn clock() -> String {
    let time = now().utc();
    format!("{:02}:{:02}:{:02} UTC", time.hour, time.minute, time.second)
}

fn tell_what_to_put(context: &Context, acceptance: &Acceptance, minutes: u32) {
    let domain = acceptance.domain();
    let until = acceptance.terms().until.to_rfc3339();
    let until = until.get(..16).unwrap_or_default().replace('T', " ");
    terminal::note(&format!("To show that {domain} is yours, put one of these where everybody can see it:"));
    terminal::note("");
    terminal::note(&format!("  in DNS    a TXT record at   {CLAIM_LABEL}.{domain}"));
    terminal::note(&format!("            with the value    {}", acceptance.record()));
    terminal::note("");
    terminal::note(&format!("  or        the file          https://{domain}{CLAIM_PATH}"));
    terminal::note(&format!("            that says         {{\"claims\":[\"{}\"]}}", acceptance.address()));
    terminal::note("");
    terminal::note("The record is the stronger evidence where your DNS is signed, and then the only one.");
    terminal::note(&format!(
        "It is for this registry and your key alone, and serves until {until} UTC. You may leave it there afterwards; a recovery needs it until it is completed."
    ));
    if minutes > 0 && !context.json {
        terminal::note("Looking for it; stop with Ctrl-C, and run the same command again whenever you like.");
    }
}
