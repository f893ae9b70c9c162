//! What became of each release, for people and for programs. Everything that was named is in it once: published, unchanged, skipped, refused
//! or not tried; and what is part of no release.

use super::contents::{shown, warn};
use super::release::{Described, Published, Release};
use crate::context::Context;
use crate::failure::{Failure, ended, words};
use crate::packages::LeftOut;
use crate::terminal;
use serde::Serialize;
use std::path::Path;

/// Files of one artifact that a person is shown; programs are told all that are kept.
const FILES_SHOWN: usize = 200;

/// What became of a release.
pub(super) enum Became {
    /// It is in the log now.
    Published(Published),
    /// It was there before, with the same contents.
    Unchanged(Option<Published>),
    /// Its version was there before, and that was allowed.
    Skipped,
    /// It would be published.
    Would,
    /// It was not published.
    Refused(anyhow::Error),
    /// Something before it was refused.
    NotTried,
}

/// A release, or a path that was to be one, with what became of it.
#[derive(Serialize)]
pub(super) struct Outcome {
    /// `ID@VERSION`, as soon as that is known.
    release: Option<String>,
    path: String,
    outcome: &'static str,
    index: Option<u64>,
    event: Option<String>,
    seen: Option<bool>,
    tree_size: Option<u64>,
    url: Option<String>,
    proof: Option<std::path::PathBuf>,
    channels: Vec<String>,
    #[serde(flatten)]
    described: Option<Described>,
    error: Option<Failure>,
    #[serde(skip)]
    refused: Option<anyhow::Error>,
}

impl Outcome {
    /// Of a release.
    pub(super) fn of(release: &Release, became: Became) -> Self {
        let mut outcome = Self::at(Path::new(release.path()), became);
        outcome.release = Some(release.name());
        outcome.channels = release.channels();
        if outcome.outcome == "would_publish" {
            outcome.described = Some(release.describe());
        }
        outcome
    }

    /// Of a path that is not known to be a release.
    pub(super) fn at(path: &Path, became: Became) -> Self {
        let (outcome, published, refused) = match became {
            Became::Published(published) if published.seen => ("unchanged", Some(published), None),
            Became::Published(published) => ("published", Some(published), None),
            Became::Unchanged(published) => ("unchanged", published, None),
            Became::Skipped => ("skipped", None, None),
            Became::Would => ("would_publish", None, None),
            Became::Refused(error) => ("refused", None, Some(error)),
            Became::NotTried => ("not_tried", None, None),
        };
        let of = published.as_ref();
        Outcome {
            release: None,
            path: path.display().to_string(),
            outcome,
            index: of.map(|p| p.index),
            event: of.map(|p| p.event.clone()),
            seen: of.map(|p| p.seen),
            tree_size: of.map(|p| p.tree_size),
            url: of.map(|p| p.url.clone()),
            proof: of.map(|p| p.proof.clone()),
            channels: Vec::new(),
            described: None,
            error: refused.as_ref().map(Failure::of),
            refused,
        }
    }

    fn name(&self) -> &str {
        self.release.as_deref().unwrap_or(&self.path)
    }

    /// A line for each that went well, as soon as it is known; what did not is said at the end, where it is read.
    fn say(&self) {
        match self.outcome {
            "published" | "unchanged" if self.index.is_some() => {
                let how = if self.outcome == "unchanged" { "was published before, with the same bytes, as" } else { "published as" };
                let (url, proof) = (self.url.as_deref().unwrap_or_default(), self.proof.as_deref().unwrap_or(Path::new("")).display());
                let proof = proof.to_string();
                terminal::say(&format!(
                    "{} {how} entry {}\n  {}\n  proof: {}",
                    shown(self.name()),
                    self.index.unwrap_or_default(),
                    terminal::word(url),
                    terminal::word(&proof)
                ));
            }
            "unchanged" => terminal::say_line(&format!("{} is published, with the same bytes: nothing would be done", self.name())),
            "skipped" => terminal::say_line(&format!("{} exists already, and is skipped", self.name())),
            "would_publish" => self.say_described(),
            _ => {}
        }
    }

    fn say_described(&self) {
        let channels = if self.channels.is_empty() { String::new() } else { format!(" as {}", self.channels.join(", ")) };
        terminal::say_line(&format!("would publish {}{channels}", self.name()));
        for artifact in self.described.iter().flat_map(|described| &described.artifacts) {
            terminal::say_line(&format!("  {} ({}, sha256:{})", artifact.name, terminal::bytes(artifact.size), artifact.sha256));
            for file in artifact.files.iter().take(FILES_SHOWN) {
                terminal::say_line(&format!("    {} ({})", shown(&file.path), terminal::bytes(file.size)));
            }
            let more = artifact.files.len().saturating_sub(FILES_SHOWN) as u64 + artifact.more_files;
            if more > 0 {
                terminal::say(&format!("    and {more} more files: --json lists them"));
            }
        }
        terminal::say("  nothing was signed or sent");
    }
}

/// All that a command has to say.
#[derive(Serialize)]
pub(super) struct Report {
    ok: bool,
    dry_run: bool,
    releases: Vec<Outcome>,
    left_out: Vec<LeftOut>,
    warnings: Vec<String>,
    error: Option<Failure>,
    #[serde(skip)]
    json: bool,
}

impl Report {
    pub(super) fn new(dry_run: bool, json: bool) -> Self {
        Report { ok: true, dry_run, releases: Vec::new(), left_out: Vec::new(), warnings: Vec::new(), error: None, json }
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        if !self.json {
            outcome.say();
        }
        self.releases.push(outcome);
    }

    pub(super) fn notes(&mut self, words: Vec<String>) {
        if !self.json {
            warn(&words);
        }
        self.warnings.extend(words);
    }

    pub(super) fn left_out(&mut self, files: Vec<LeftOut>) {
        self.left_out.extend(files);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.releases.iter().any(|outcome| outcome.refused.is_some())
    }

    /// Says what is not said yet; fails if anything was refused or left out.
    pub(super) fn end(mut self, context: &Context) -> anyhow::Result<()> {
        let failure = self.failure();
        self.ok = failure.is_none();
        self.error = failure.as_ref().map(Failure::of);
        if context.json {
            terminal::say_json(&self)?;
        }
        failure.map_or(Ok(()), Err)
    }

    /// The command was used wrongly: nothing was looked at.
    pub(super) fn end_with(mut self, context: &Context, error: anyhow::Error) -> anyhow::Result<()> {
        self.ok = false;
        self.error = Some(Failure::of(&error));
        if context.json {
            terminal::say_json(&self)?;
        }
        Err(error)
    }

    /// What ends the command. One release that was refused is refused in its own words; of several each is said first.
    fn failure(&mut self) -> Option<anyhow::Error> {
        for file in self.left_out.iter().filter(|_| !self.json) {
            terminal::note(&format!("left out: {}: {}", shown(&file.path), terminal::word(&file.why)));
        }
        let is_alone = self.releases.len() == 1 && self.left_out.is_empty();
        if is_alone && let Some(error) = self.releases.first_mut().and_then(|outcome| outcome.refused.take()) {
            let name = self.releases.first().and_then(|outcome| outcome.release.clone());
            return Some(match name {
                Some(name) => error.context(format!("{name} was not published")),
                None => error,
            });
        }
        for outcome in self.releases.iter().filter(|_| !self.json) {
            if let Some(error) = &outcome.refused {
                terminal::complain(&format!("{} was not published: {}", shown(outcome.name()), words(error)));
            } else if outcome.outcome == "not_tried" {
                terminal::note(&format!("{} was not tried", shown(outcome.name())));
            }
        }
        let first = self.releases.iter().find_map(|outcome| outcome.error.as_ref());
        if first.is_none() && self.left_out.is_empty() {
            return None;
        }
        let (code, exit) = first.map_or(("left_out", 1), |first| (first.code.as_str(), first.exit));
        Some(ended(code, exit, self.summary()))
    }

    /// `2 published, 1 refused, 3 not tried`.
    fn summary(&self) -> String {
        let count = |outcome: &str| self.releases.iter().filter(|one| one.outcome == outcome).count();
        let kinds = [
            ("published", "published"),
            ("unchanged", "unchanged"),
            ("skipped", "skipped"),
            ("would_publish", "would be published"),
            ("refused", "refused"),
            ("not_tried", "not tried"),
        ];
        let mut parts: Vec<String> = kinds
            .iter()
            .map(|(outcome, said)| (count(outcome), said))
            .filter(|(n, _)| *n > 0)
            .map(|(n, said)| format!("{n} {said}"))
            .collect();
        if !self.left_out.is_empty() {
            parts.push(format!("{} left out, which are part of no release", self.left_out.len()));
        }
        let help = if count("not_tried") > 0 { ". With --keep-going the others are tried too" } else { "" };
        format!("{}{help}", parts.join(", "))
    }
}
