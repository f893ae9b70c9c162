//! Every package of a lock file against the log: read as npm reads it, one question, a verdict for each.

use super::anchor::Anchor;
use super::told::{SHOWS_FIRST, SHOWS_NOT};
use super::{found, shown};
use crate::args::Verify;
use crate::context::{self, Context};
use crate::failure::{refused, wrong};
use crate::terminal;
use deedbox_client::{Trusted, Verdict, VerifiedRelease, Wanted, judge_lock};
use deedbox_model::{Algorithm, Domain};
use deedbox_npm::lockfile::{BadLockfile, Locked, Release, Source, read, read_beside};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Component, Path};

/// A manifest beside a lock file.
const MANIFEST_BYTES: u64 = deedbox_npm::limits::PACKAGE_JSON_BYTES;

/// One line of the answer, for programs.
#[derive(Serialize)]
struct Line {
    package: String,
    /// Where it stands in the file.
    path: String,
    line: Option<usize>,
    verdict: &'static str,
    why: Option<String>,
    index: Option<u64>,
    yanked: Option<String>,
    deprecated: Option<String>,
}

/// How many there are of each kind.
#[derive(Default)]
struct Counts {
    verified: u64,
    refused: u64,
    not_checked: u64,
    folders: u64,
}

pub(super) async fn run(context: &Context, path: &Path, args: &Verify) -> anyhow::Result<()> {
    let locked = locked(path)?;
    let pinned: Vec<(&Locked, &Release)> = locked.iter().filter_map(|locked| Some((locked, locked.release()?))).collect();
    let domains: BTreeSet<Domain> = pinned.iter().map(|(_, release)| release.id.domain().clone()).collect();
    let resolved: Vec<&str> = pinned.iter().filter_map(|(locked, _)| locked.resolved.as_deref()).collect();
    let context = found::for_lockfile(context, path, &domains, &resolved)?;
    let trusted = context.trusted_or_asked(args.pin_on_first_use).await?;
    let wanted: Vec<Wanted> = pinned.iter().map(|(locked, release)| want(locked, release)).collect();
    let (verdicts, facts) = judge_lock(&trusted, &wanted).await?;

    let mut verdicts = verdicts.into_iter();
    let mut counts = Counts::default();
    let mut lines = Vec::with_capacity(locked.len());
    for one in &locked {
        lines.push(judged(one, &mut verdicts, &mut counts)?);
    }
    let failed = counts.refused > 0 || (args.require_all && counts.not_checked > 0);
    let not_shown = if facts.not_followed.is_empty() {
        format!("not shown: {SHOWS_NOT}")
    } else {
        let (count, why) = (facts.not_followed.len(), facts.not_followed.first().copied().unwrap_or_default());
        format!("not shown: of {count} packages, that {SHOWS_FIRST} ({why}); {SHOWS_NOT}")
    };
    if context.json {
        say_json(&context, &trusted, &facts, &counts, &lines, &not_shown, !failed)?;
    } else {
        lines.iter().for_each(say);
        let folders = if counts.folders == 0 { String::new() } else { format!(", {} folders of the project", counts.folders) };
        let proof = terminal::bytes(facts.proof_bytes as u64);
        terminal::say_line(&format!(
            "{} verified, {} do not verify, {} of other registries not checked{folders}; one proof of {proof} for {} entries in a tree of {}",
            counts.verified, counts.refused, counts.not_checked, facts.entries, facts.tree_size
        ));
        Anchor::of(context.named()?, trusted.pin().log_key.clone()).tell();
        if !failed {
            terminal::say_line(&not_shown);
        }
    }
    if counts.refused > 0 {
        let words =
            format!("{} does not verify: {} of its packages are not what the log says, or cannot be read", shown(path), counts.refused);
        return Err(refused(words));
    }
    if failed {
        let words = format!("{}: {} packages are of other registries, and --require-all was given", shown(path), counts.not_checked);
        return Err(refused(words));
    }
    Ok(())
}

/// What the lock file names, read with the manifests beside it.
fn locked(path: &Path) -> anyhow::Result<Vec<Locked>> {
    let bytes = context::read_file(path, deedbox_npm::limits::LOCKFILE_BYTES as u64)?;
    let folder = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let is_npms = path.file_name().is_some_and(|name| name == "package-lock.json" || name == "npm-shrinkwrap.json");
    if path.file_name().is_some_and(|name| name == "package-lock.json") && folder.join("npm-shrinkwrap.json").exists() {
        return Err(refused(format!(
            "npm reads {} and not {}: verify that one, or remove it",
            shown(&folder.join("npm-shrinkwrap.json")),
            shown(path)
        )));
    }
    // A lock file under another name is read by itself: what lies beside it is not its project.
    let locked = if is_npms { read_beside(&bytes, &|below| manifest(folder, below)) } else { read(&bytes) };
    locked.map_err(|e: BadLockfile| {
        let words = format!("{}: {e}", shown(path));
        if e.is_not_read_yet() { wrong(words) } else { refused(words) }
    })
}

/// The manifest of the project, or of a folder below it.
fn manifest(folder: &Path, below: &str) -> Option<Vec<u8>> {
    let below = Path::new(below);
    if !below.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let path = folder.join(below).join("package.json");
    let file = std::fs::metadata(&path).ok()?;
    // A manifest that is too large cannot be read, and what cannot be read is refused.
    if file.len() > MANIFEST_BYTES { Some(Vec::new()) } else { std::fs::read(&path).ok() }
}

fn want(locked: &Locked, release: &Release) -> Wanted {
    Wanted {
        label: label(locked),
        release: (release.id.clone(), release.version.clone()),
        digests: vec![(Algorithm::Sha512, release.sha512.as_bytes().to_vec())],
    }
}

fn label(locked: &Locked) -> String {
    match &locked.version {
        Some(version) => format!("{}@{version}", locked.name),
        None => locked.name.clone(),
    }
}

fn judged(locked: &Locked, verdicts: &mut impl Iterator<Item = Verdict>, counts: &mut Counts) -> anyhow::Result<Line> {
    let mut line = Line {
        package: label(locked),
        path: locked.path.clone(),
        line: locked.line,
        verdict: "not checked",
        why: None,
        index: None,
        yanked: None,
        deprecated: None,
    };
    match &locked.source {
        Source::Release(_) => match verdicts.next() {
            Some(Verdict::Verified(release)) => {
                counts.verified += 1;
                fill(&mut line, &release);
            }
            Some(Verdict::Refused(error)) => {
                counts.refused += 1;
                line.verdict = "does not verify";
                line.why = Some(error.to_string());
            }
            None => return Err(refused("there are fewer verdicts than packages")),
        },
        Source::Unread(why) => {
            counts.refused += 1;
            line.verdict = "does not verify";
            let at = locked.line.map(|line| format!(", line {line}")).unwrap_or_default();
            line.why = Some(format!("packages.{:?}{at}: {why}", locked.path));
        }
        Source::Folder(folder) => {
            counts.folders += 1;
            line.verdict = "a folder";
            line.why = Some(format!("a folder of the project: {folder}"));
        }
        Source::Elsewhere => {
            counts.not_checked += 1;
            line.why = Some("its name is not a domain's, so it is of another registry".to_owned());
        }
    }
    Ok(line)
}

fn fill(line: &mut Line, release: &VerifiedRelease) {
    line.verdict = "verified";
    line.index = Some(release.index());
    line.yanked = release.standing().yanked.map(|(reason, _)| reason.to_string());
    line.deprecated = release.standing().notice.as_ref().map(|(notice, _)| notice.reason.to_string());
}

fn say(line: &Line) {
    let mark = match line.verdict {
        "verified" => "✓",
        "does not verify" => "✗",
        _ => "-",
    };
    let standing: String = [("yanked", &line.yanked), ("deprecated", &line.deprecated)]
        .into_iter()
        .filter_map(|(word, reason)| reason.as_ref().map(|reason| format!("  {}: {reason}", word.to_uppercase())))
        .collect();
    let index = line.index.map(|index| format!("  entry {index}")).unwrap_or_default();
    let why = line.why.as_ref().map(|why| format!("  {why}")).unwrap_or_default();
    terminal::say_line(&format!("{mark} {}{index}{standing}{why}", line.package));
}

fn say_json(
    context: &Context,
    trusted: &Trusted,
    facts: &deedbox_client::lock::LockFacts,
    counts: &Counts,
    lines: &[Line],
    not_shown: &str,
    verified: bool,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Answer<'a> {
        verified: bool,
        #[serde(flatten)]
        anchor: Anchor,
        origin: String,
        tree_size: u64,
        entries_proven: usize,
        proof_bytes: usize,
        chains_not_followed: usize,
        counts: [(&'static str, u64); 4],
        packages: &'a [Line],
        not_shown: &'a str,
    }
    terminal::say_json(&Answer {
        verified,
        anchor: Anchor::of(context.named()?, trusted.pin().log_key.clone()),
        origin: trusted.pin().origin.to_string(),
        tree_size: facts.tree_size,
        entries_proven: facts.entries,
        proof_bytes: facts.proof_bytes,
        chains_not_followed: facts.not_followed.len(),
        counts: [
            ("verified", counts.verified),
            ("refused", counts.refused),
            ("not_checked", counts.not_checked),
            ("folders", counts.folders),
        ],
        packages: lines,
        not_shown,
    })
}

/// What a lock file names of domains, as the client asks for it; what is not read is an error here.
pub(crate) fn wanted(bytes: &[u8]) -> anyhow::Result<Vec<Wanted>> {
    let mut wanted = Vec::new();
    for one in read(bytes).map_err(|e| refused(e.to_string()))? {
        match &one.source {
            Source::Release(release) => wanted.push(want(&one, release)),
            Source::Unread(why) => return Err(refused(format!("{}: {why}", one.path))),
            Source::Folder(_) | Source::Elsewhere => {}
        }
    }
    Ok(wanted)
}
