//! What is in the artifacts of a release, before anything of it is sent: the files that would be public for ever, and keys among them.

use crate::failure::refused_as;
use crate::packages::file::AddressedFile;
use crate::secrets::{Finding, INSIDE, Kind, Look, Seen, inside};
use crate::terminal;
use deedbox_model::threads::cores;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;

/// Findings that are named; the rest are counted.
const NAMED: usize = 20;
/// Bytes of what is named in a refusal: its end, which says what to do, is shown too.
const NAMED_BYTES: usize = 4_000;
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
    for _ in 0..cores() {
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
        let meant = allowing(&[path]).map(|flags| format!(", or allow it with {flags}")).unwrap_or_default();
        return Err(refused_as(
            "too_much_to_look_at",
            format!("{} unpacks to more than this program searches for private keys: leave it out{meant}", shown(inside(path))),
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
        let paths: Vec<&str> = private.iter().map(|finding| finding.path.as_str()).collect();
        let meant = allowing(&paths).map(|flags| format!(", or, if it is meant to be public (a key for tests), allow it with {flags}"));
        return Err(refused_as(
            "private_key_inside",
            format!(
                "a private key is in it ({}), and what is published is public for ever. Nothing was sent. Take it out of what is packed{}",
                places(&private),
                meant.unwrap_or_default()
            ),
        ));
    }
    let mut words: Vec<String> = Vec::new();
    let tokens = of(|finding| matches!(finding.kind, Kind::Token(_)));
    for finding in tokens.iter().take(NAMED) {
        if let Kind::Token(name) = finding.kind {
            let (path, line) = (shown(inside(&finding.path)), finding.line);
            words.push(format!("{path}, line {line}, looks like {name}: it will be public for ever if it is published"));
        }
    }
    if tokens.len() > NAMED {
        words.push(format!("{} more places look like a token", tokens.len() - NAMED));
    }
    let closed: Vec<String> =
        all.iter().flat_map(|seen| &seen.closed).map(|(path, why)| format!("{} ({why})", shown(inside(path)))).collect();
    if !closed.is_empty() {
        let more = if closed.len() > CLOSED_NAMED { format!(" and {} more", closed.len() - CLOSED_NAMED) } else { String::new() };
        words.push(format!("not searched for keys: {}{more}", closed.iter().take(CLOSED_NAMED).cloned().collect::<Vec<_>>().join(", ")));
    }
    Ok(words)
}

fn places(findings: &[&Finding]) -> String {
    let mut places: Vec<String> =
        findings.iter().map(|finding| format!("{}, line {}", shown(inside(&finding.path)), finding.line)).collect();
    places.dedup();
    let (named, more) = some(&places, "; ");
    if more > 0 { format!("{named}; and {more} more") } else { named }
}

/// The flags that let these paths through, and how many more there are; none if no path can be typed.
fn allowing(paths: &[&str]) -> Option<String> {
    let mut flags: Vec<String> = Vec::new();
    for flag in paths.iter().filter_map(|path| typed(path)).map(|path| format!("--allow-private-key {path}")) {
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    let (named, more) = some(&flags, " ");
    let more = if more > 0 { format!(" (and {more} more; a folder allows all files in it)") } else { String::new() };
    (!flags.is_empty()).then(|| format!("{named}{more}"))
}

/// As many as a person reads and the printer shows, at least one; and how many are left.
fn some(all: &[String], between: &str) -> (String, usize) {
    let mut shown = String::new();
    for (at, one) in all.iter().enumerate() {
        if at > 0 && (at >= NAMED || shown.len() + one.len() > NAMED_BYTES) {
            return (shown, all.len() - at);
        }
        if at > 0 {
            shown.push_str(between);
        }
        shown.push_str(one);
    }
    (shown, 0)
}

/// A path of an archive as a terminal may show it.
pub(super) fn shown(path: &str) -> String {
    terminal::excerpt(path)
}

/// What a shell is given to name a path: itself as it is in the archive, if it can be shown and typed, else the nearest folder or archive
/// above it that can.
fn typed(path: &str) -> Option<String> {
    let is_plain = |path: &&str| !path.is_empty() && shown(path) == *path;
    let below = inside(path);
    let above = below.match_indices('/').rev().filter_map(|(at, _)| below.get(..at)).map(|above| above.strip_suffix('!').unwrap_or(above));
    let artifact = path.split_once(INSIDE).map(|(artifact, _)| artifact);
    std::iter::once(below).chain(above).chain(artifact).find(is_plain).map(quoted)
}

/// A path as a shell takes it, and not as a flag.
fn quoted(path: &str) -> String {
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    let is_plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b'+' | b'@' | b':'));
    if is_plain { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
}

/// Says warnings to a person.
pub(super) fn warn(words: &[String]) {
    for word in words {
        terminal::note(&format!("warning: {}", terminal::word(word)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(paths: &[String]) -> String {
        let findings = paths.iter().map(|path| Finding { path: path.clone(), line: 1, kind: Kind::PrivateKey }).collect();
        crate::failure::words(&judge(&[Seen { findings, ..Seen::default() }]).unwrap_err())
    }

    #[test]
    fn the_flag_that_is_proposed_lets_what_was_found_through() {
        for (path, flag) in [
            ("a.tgz!/package/key.pem", Some("package/key.pem")),
            ("a.tgz!/package/a key.pem", Some("'package/a key.pem'")),
            ("a.tgz!/package/it's.pem", Some("'package/it'\\''s.pem'")),
            ("a.tgz!/-x/key.pem", Some("./-x/key.pem")),
            ("a.gem!/data.tar.gz!/lib/key.pem", Some("'data.tar.gz!/lib/key.pem'")),
            ("a.tgz!/package/t/k\u{1b}.pem", Some("package/t")),
            ("a.tgz!/package/t\u{202e}/k.pem", Some("package")),
            ("a.gem!/data.tar.gz!/\n/k.pem", Some("data.tar.gz")),
            ("a.tgz!/\u{200b}/k.pem", Some("a.tgz")),
            ("key.pem", Some("key.pem")),
            ("\u{7}.pem", None),
        ] {
            assert_eq!(typed(path).as_deref(), flag, "{path:?}");
            let Some(flag) = flag else { continue };
            let allowed = flag.replace("'\\''", "\0").replace('\'', "").replace('\0', "'");
            assert!(Look::new(None, &[allowed]).is_allowed(path), "{path:?} by {flag}");
        }
        let long = format!("a.tgz!/package/{}", "k".repeat(terminal::EXCERPT_CHARS));
        assert_eq!(typed(&long).as_deref(), Some("package"));
        assert!(!refusal(&["\u{7}.pem".to_owned()]).contains("--allow"), "what cannot be typed is not proposed");
    }

    #[test]
    fn a_refusal_is_shown_to_its_end_and_counts_what_it_leaves_out() {
        let paths: Vec<String> = (0..300).map(|n| format!("a.tgz!/package/{n}{}/k.pem", "\u{1b}".repeat(400))).collect();
        let words = refusal(&paths);
        assert_eq!(terminal::word(&words), words);
        assert!(words.len() < 12_000 && words.ends_with("--allow-private-key package [private_key_inside]"), "{words}");
        let paths: Vec<String> = (0..300).map(|n| format!("a.tgz!/package/{n}{}.pem", "k".repeat(900))).collect();
        let words = refusal(&paths);
        assert!(words.len() < 12_000 && words.contains("; and 296 more)"), "{words}");
        assert!(words.contains(" (and 296 more; a folder allows"), "{words}");
    }
}
