//! What is in the artifacts of a release, before anything of it is sent: the files that would be public for ever, and keys among them.

use crate::failure::refused_as;
use crate::packages::file::AddressedFile;
use crate::secrets::{Finding, INSIDE, Kind, Look, Seen, inside};
use crate::terminal;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

/// Findings that are named; the rest are counted.
const NAMED: usize = 20;
/// Paths that could not be looked into that are named.
const CLOSED_NAMED: usize = 5;

/// Looks through all artifacts, some at once. Gives what was seen, in their order.
pub(super) async fn look(look: &Arc<Look>, artifacts: &[AddressedFile]) -> anyhow::Result<Vec<Seen>> {
    let mut waiting = artifacts.iter().map(|artifact| (artifact.name().to_owned(), artifact.path().to_owned())).enumerate();
    let mut looking = tokio::task::JoinSet::new();
    let mut next = |looking: &mut tokio::task::JoinSet<_>| {
        if let Some((at, (name, path))) = waiting.next() {
            let look = Arc::clone(look);
            looking.spawn_blocking(move || {
                let seen = File::open(&path).and_then(|file| look.through(&name, &mut BufReader::new(file)));
                (at, path, seen)
            });
        }
    };
    for _ in 0..std::thread::available_parallelism().map_or(1, std::num::NonZero::get) {
        next(&mut looking);
    }
    let mut all: Vec<Seen> = artifacts.iter().map(|_| Seen::default()).collect();
    while let Some(done) = looking.join_next().await {
        let (at, path, seen) = done?;
        let seen = seen.map_err(|e| refused_as("artifact_unreadable", format!("{}: {e}", path.display())))?;
        if let Some(place) = all.get_mut(at) {
            *place = seen;
        }
        next(&mut looking);
    }
    Ok(all)
}

/// Refuses what holds a private key; gives the words of warnings for what may hold other secrets.
pub(super) fn judge(all: &[Seen]) -> anyhow::Result<Vec<String>> {
    if let Some(path) = all.iter().find_map(|seen| seen.too_much.as_deref()) {
        let path = inside(path);
        return Err(refused_as(
            "too_much_to_look_at",
            format!(
                "{} unpacks to more than is looked through for private keys: leave it out, or say that it is meant with --allow-private-key {}",
                shown(path),
                quoted(path)
            ),
        ));
    }
    let of = |kind: fn(&Finding) -> bool| -> Vec<&Finding> { all.iter().flat_map(|seen| &seen.findings).filter(|f| kind(f)).collect() };
    let own = of(|finding| finding.kind == Kind::SigningKey);
    if !own.is_empty() {
        return Err(refused_as(
            "signing_key_inside",
            format!(
                "the key that signs this release is in it ({}), and what is published is public for ever. Nothing was sent. Take it out of \
                 what is packed, and keep it outside of the package, as deedbox keygen does",
                places(&own)
            ),
        ));
    }
    let private = of(|finding| finding.kind == Kind::PrivateKey);
    if !private.is_empty() {
        let mut paths: Vec<&str> = private.iter().map(|finding| inside(&finding.path)).collect();
        paths.dedup();
        let flags: Vec<String> = paths.iter().take(NAMED).map(|path| format!("--allow-private-key {}", quoted(path))).collect();
        return Err(refused_as(
            "private_key_inside",
            format!(
                "a private key is in it ({}), and what is published is public for ever. Nothing was sent. Take it out of what is packed, or, \
                 if it is meant to be public as a test's is, say so with {}",
                places(&private),
                flags.join(" ")
            ),
        ));
    }
    let mut words: Vec<String> = Vec::new();
    let tokens = of(|finding| matches!(finding.kind, Kind::Token(_)));
    for finding in tokens.iter().take(NAMED) {
        if let Kind::Token(name) = finding.kind {
            let (path, line) = (shown(inside(&finding.path)), finding.line);
            words.push(format!("{path}, line {line}, has the shape of {name}: it will be public for ever if it is published"));
        }
    }
    if tokens.len() > NAMED {
        words.push(format!("{} more places have the shape of a token", tokens.len() - NAMED));
    }
    let closed: Vec<String> =
        all.iter().flat_map(|seen| &seen.closed).map(|(path, why)| format!("{} ({why})", shown(inside(path)))).collect();
    if !closed.is_empty() {
        let more = if closed.len() > CLOSED_NAMED { format!(" and {} more", closed.len() - CLOSED_NAMED) } else { String::new() };
        words.push(format!("not looked into for keys: {}{more}", closed.iter().take(CLOSED_NAMED).cloned().collect::<Vec<_>>().join(", ")));
    }
    Ok(words)
}

fn places(findings: &[&Finding]) -> String {
    let mut places: Vec<String> =
        findings.iter().take(NAMED).map(|finding| format!("{}, line {}", shown(inside(&finding.path)), finding.line)).collect();
    places.dedup();
    if findings.len() > NAMED {
        places.push(format!("and {} more", findings.len() - NAMED));
    }
    places.join("; ")
}

/// A path of an archive as a terminal may show it.
pub(super) fn shown(path: &str) -> String {
    deedbox_client::http::printable(path)
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b'+' | b'@' | b':'));
    let path = shown(path);
    if is_plain && !path.contains(INSIDE) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Says warnings to a person.
pub(super) fn warn(words: &[String]) {
    for word in words {
        terminal::note(&format!("warning: {word}"));
    }
}
