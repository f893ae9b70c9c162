//! Every package of a lock file against the log: read as its own clients read it, one question, a verdict for each.

use super::anchor::Anchor;
use super::told::{SHOWS_FIRST, SHOWS_NOT};
use super::{found, shown};
use crate::args::Verify;
use crate::context::Context;
use crate::ecosystems::Ecosystems;
use crate::failure::refused;
use crate::locked::{Locked, LockedTo};
use crate::terminal;
use deedbox_client::{Trusted, Verdict, VerifiedRelease, Wanted, judge_lock};
use serde::Serialize;
use std::path::Path;

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
    /// The event that gave its domain to its holder, and how.
    tenure: Option<String>,
    through: Option<&'static str>,
}

/// How many there are of each kind.
#[derive(Default)]
struct Counts {
    verified: u64,
    refused: u64,
    not_checked: u64,
    folders: u64,
    /// The releases whose holders are accepted if all else verifies; none where the user does not say so.
    accepting: Option<Vec<VerifiedRelease>>,
}

pub(super) async fn run(context: &Context, path: &Path, args: &Verify) -> anyhow::Result<()> {
    let (ecosystem, files) = Ecosystems::default().reader_of(path)?;
    let locked = (files.read)(path)?;
    let context = found::for_lockfile(context, path, ecosystem, &locked)?;
    let trusted = context.trusted_or_asked(args.pin_on_first_use).await?;
    let wanted: Vec<Wanted> = locked.iter().filter_map(Locked::wanted).cloned().collect();
    let (verdicts, facts) = judge_lock(&trusted, &wanted).await?;

    let mut verdicts = verdicts.into_iter();
    let mut counts = Counts { accepting: args.accept_tenure.then(Vec::new), ..Counts::default() };
    let mut lines = Vec::with_capacity(locked.len());
    for one in &locked {
        lines.push(judged(one, &mut verdicts, &mut counts)?);
    }
    let failed = counts.refused > 0 || (args.require_all && counts.not_checked > 0);
    for release in counts.accepting.iter().flatten() {
        match failed {
            true => terminal::note(&format!("the holder of {} is not accepted, because not all verifies", release.owner())),
            false => super::accepted::note(&trusted.tenures(), release)?,
        }
    }
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

fn judged(locked: &Locked, verdicts: &mut impl Iterator<Item = Verdict>, counts: &mut Counts) -> anyhow::Result<Line> {
    let mut line = Line {
        package: locked.label.clone(),
        path: locked.path.clone(),
        line: locked.line,
        verdict: "not checked",
        why: None,
        index: None,
        yanked: None,
        deprecated: None,
        tenure: None,
        through: None,
    };
    match &locked.to {
        LockedTo::Release { .. } => match verdicts.next() {
            Some(Verdict::Verified(release)) => {
                counts.verified += 1;
                fill(&mut line, &release);
            }
            Some(Verdict::NotAccepted(release, why)) => {
                fill(&mut line, &release);
                match &mut counts.accepting {
                    Some(accepting) => {
                        counts.verified += 1;
                        accepting.push(*release);
                    }
                    None => {
                        counts.refused += 1;
                        line.verdict = "does not verify";
                        line.why = Some(why.to_string());
                    }
                }
            }
            Some(Verdict::Refused(error)) => {
                counts.refused += 1;
                line.verdict = "does not verify";
                line.why = Some(error.to_string());
            }
            None => return Err(refused("there are fewer verdicts than packages")),
        },
        LockedTo::Unread(why) => {
            counts.refused += 1;
            line.verdict = "does not verify";
            line.why = Some(why.clone());
        }
        LockedTo::Folder(folder) => {
            counts.folders += 1;
            line.verdict = "a folder";
            line.why = Some(format!("a folder of the project: {folder}"));
        }
        LockedTo::Elsewhere => {
            counts.not_checked += 1;
            line.why = Some("its name is not a domain's, so it is of another registry".to_owned());
        }
    }
    Ok(line)
}

fn fill(line: &mut Line, release: &VerifiedRelease) {
    line.verdict = "verified";
    line.index = Some(release.index());
    line.tenure = release.tenure().map(|tenure| tenure.to_hex());
    line.through = Some(release.through().as_str());
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
    let handed_over = if line.through == Some("transfer") { "  handed over" } else { "" };
    terminal::say_line(&format!("{mark} {}{index}{handed_over}{standing}{why}", line.package));
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
