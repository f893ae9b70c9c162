//! The acceptance of whoever is to have a domain as a file (spec/events.md §4.2, spec/api.md §6), in base64, with what it says in words beside it:
//! their half of a claim, a transfer or a recovery. Only the acceptance counts; the words are compared with it. There is nothing secret in it.

use crate::context::Context;
use crate::failure::{refused, wrong};
use crate::reading::read_file;
use crate::terminal;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::event::Acceptance;
use serde::{Deserialize, Serialize};
use std::io::Write as _;
use std::path::Path;

/// A request has some 800 bytes; with sixteen keys two kilobytes.
const REQUEST_BYTES: u64 = 64 * 1024;
/// What the file says that it is.
const KIND: &str = "deedbox claim request, version 1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    kind: String,
    domain: String,
    /// The log that it was made for.
    log: String,
    /// The key that will speak for the domain.
    kid: String,
    acceptance: String,
}

/// What whoever says the other half looks at.
#[derive(Serialize)]
struct Shown {
    domain: String,
    log: String,
    keys: Vec<ShownKey>,
    filed: bool,
}

#[derive(Serialize)]
struct ShownKey {
    kid: String,
    role: String,
}

/// Writes an acceptance to a new file; nothing is sent. `what` it is of, and what becomes of the file, is said in the caller's words.
pub(super) fn write(context: &Context, acceptance: &Acceptance, file: &Path, (what, next): (&str, &str)) -> anyhow::Result<()> {
    let request = Request {
        kind: KIND.to_owned(),
        domain: acceptance.domain().to_string(),
        log: acceptance.audience().to_string(),
        kid: acceptance.kid().to_hex(),
        acceptance: STANDARD.encode(acceptance.bytes()),
    };
    let unwritten = |e: std::io::Error| match e.kind() {
        std::io::ErrorKind::AlreadyExists => wrong(format!("{} is there already: name another file", file.display())),
        _ => wrong(format!("{}: {e}", file.display())),
    };
    let mut out = std::fs::File::create_new(file).map_err(unwritten)?;
    out.write_all(format!("{}\n", serde_json::to_string_pretty(&request)?).as_bytes()).map_err(unwritten)?;
    if context.json {
        return terminal::say_json(&request);
    }
    terminal::say(&format!(
        "wrote {what} to {}; nothing was sent, and the file holds no secret",
        terminal::word(&file.display().to_string())
    ));
    terminal::say(&format!("  {next}, and tell them in another way that your key is\n  {}", request.kid));
    Ok(())
}

/// Reads one that somebody sent: hostile, like anything that comes by mail.
pub(super) fn read(file: &Path) -> anyhow::Result<Acceptance> {
    let bad = |why: &str| {
        refused(format!(
            "{} is not a request for a domain: {why}. The claimant makes one with deedbox claim DOMAIN --request FILE; for a domain that somebody has, with deedbox accept DOMAIN --out FILE",
            file.display()
        ))
    };
    let bytes = read_file(file, REQUEST_BYTES)?;
    let request: Request = serde_json::from_slice(&bytes).map_err(|e| bad(&format!("it does not read ({e})")))?;
    if request.kind != KIND {
        return Err(bad("it is of another kind or version"));
    }
    let bytes = STANDARD.decode(&request.acceptance).map_err(|_| bad("its acceptance is not base64"))?;
    let acceptance = Acceptance::decode(&bytes).map_err(|e| bad(&e.to_string()))?;
    let says = (acceptance.domain().to_string(), acceptance.audience().to_string(), acceptance.kid().to_hex());
    if says != (request.domain, request.log, request.kid) {
        return Err(bad("what it says is not what was signed"));
    }
    Ok(acceptance)
}

/// Says what filing it would mean.
pub(super) fn show(context: &Context, file: &Path, acceptance: &Acceptance) -> anyhow::Result<()> {
    let keys = acceptance.terms().keys.iter();
    let keys: Vec<ShownKey> =
        keys.map(|key| ShownKey { kid: key.key.id().to_hex(), role: format!("{:?}", key.role).to_lowercase() }).collect();
    let shown = Shown { domain: acceptance.domain().to_string(), log: acceptance.audience().to_string(), keys, filed: false };
    if context.json {
        return terminal::say_json(&shown);
    }
    terminal::say(&format!("{} asks for {} in the log {}, for", terminal::word(&file.display().to_string()), shown.domain, shown.log));
    for key in &shown.keys {
        terminal::say(&format!("  the key {} ({})", key.kid, key.role));
    }
    terminal::say(
        "  who has this key will be able to publish there, and to take other keys away: ask the claimant in another way whether the key is theirs",
    );
    Ok(())
}
