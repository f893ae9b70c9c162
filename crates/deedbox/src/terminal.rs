//! What a person sees: lines on standard output, complaints and progress on standard error. Nothing else writes there.
//! A reader that went away (a closed pipe) is no error.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a line of the answer was said.
static HAS_SAID: AtomicBool = AtomicBool::new(false);

/// Whether a line of the answer was said.
pub(crate) fn has_said() -> bool {
    HAS_SAID.load(Ordering::Relaxed)
}

/// A line of the answer.
pub(crate) fn say(line: &str) {
    HAS_SAID.store(true, Ordering::Relaxed);
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The answer as JSON, for programs.
pub(crate) fn say_json<T: Serialize>(answer: &T) -> anyhow::Result<()> {
    say(&serde_json::to_string_pretty(answer)?);
    Ok(())
}

/// A line beside the answer.
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Begins a new line where a bar may have been drawn.
pub(crate) fn note_after_bar() {
    if std::io::stderr().is_terminal() {
        note("");
    }
}

/// Why it did not work.
pub(crate) fn complain(why: &str) {
    note(&format!("deedbox: {why}"));
}

/// A bar for bytes, drawn only where a person watches.
pub(crate) fn bytes_bar(total: u64, what: &str) -> ProgressBar {
    bar(total, what, "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec}")
}

/// A bar for things that are counted.
pub(crate) fn count_bar(total: u64, what: &str) -> ProgressBar {
    bar(total, what, "{msg} {bar:30} {pos}/{len}")
}

fn bar(total: u64, what: &str, template: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(what.to_owned())
}

/// Bytes for people.
pub(crate) fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}
