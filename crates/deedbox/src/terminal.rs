//! What a person sees: lines on standard output, complaints and progress on standard error. Nothing else writes there.
//! A reader that went away (a closed pipe) is not an error.
//!
//! Names, words and bytes of strangers (lock files, archives, file names, answers of servers, other programs) go through here like
//! everything else: what a terminal would take for a command, what turns the order of letters, and what cannot be seen is written as an
//! escape. A line break of a stranger does not begin a line of ours.

use deedbox_model::TimeMs;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a line of the answer was said.
static HAS_SAID: AtomicBool = AtomicBool::new(false);

/// Whether a line of the answer was said.
pub(crate) fn has_said() -> bool {
    HAS_SAID.load(Ordering::Relaxed)
}

/// Characters of one answer of ours that are written: past any line that a person reads.
const SHOWN_CHARS: usize = 20_000;

/// Characters of a stranger's text that stand in a sentence of ours.
pub(crate) const EXCERPT_CHARS: usize = 2_000;

/// A line of the answer. A line break in it is one of ours if two spaces follow; any other is written as an escape.
pub(crate) fn say(line: &str) {
    HAS_SAID.store(true, Ordering::Relaxed);
    let _ = writeln!(std::io::stdout().lock(), "{}", lines(line));
}

/// A text that this program made whole, for a shell or a manual to read: as it is.
pub(crate) fn say_whole(text: &[u8]) {
    HAS_SAID.store(true, Ordering::Relaxed);
    let _ = std::io::stdout().lock().write_all(text);
}

/// A line of the answer that holds words of strangers: exactly one.
pub(crate) fn say_line(line: &str) {
    HAS_SAID.store(true, Ordering::Relaxed);
    let _ = writeln!(std::io::stdout().lock(), "{}", word(line));
}

/// The answer as JSON, for programs: the text of strangers is exact, and escaped.
pub(crate) fn say_json<T: Serialize>(answer: &T) -> anyhow::Result<()> {
    let json = serde_json::to_string_pretty(answer)?;
    HAS_SAID.store(true, Ordering::Relaxed);
    let _ = writeln!(std::io::stdout().lock(), "{}", json_escaped(&json));
    Ok(())
}

/// A line beside the answer. Line breaks as those of [`say`].
pub(crate) fn note(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{}", lines(line));
}

/// What another program said, line by line, so that none looks like ours.
pub(crate) fn relay(said: &str) {
    let mut err = std::io::stderr().lock();
    for line in said.trim_end().lines() {
        let _ = writeln!(err, "  | {}", word(line));
    }
}

/// Begins a new line where a bar may have been drawn.
pub(crate) fn note_after_bar() {
    if std::io::stderr().is_terminal() {
        note("");
    }
}

/// Why it did not work: one line.
pub(crate) fn complain(why: &str) {
    let _ = writeln!(std::io::stderr().lock(), "deedbox: {}", word(why));
}

/// A complaint of several lines about the arguments that were given, which stand in it. Where one of them is not plain text, the
/// arguments are shown in place of the complaint: its lines would be theirs.
pub(crate) fn usage(complaint: &str, given: &[String]) {
    if given.iter().any(|arg| word(arg) != *arg) {
        return complain(&format!("the arguments are not understood: {}. See deedbox --help", given.join(" ")));
    }
    let mut err = std::io::stderr().lock();
    for line in complaint.trim_end().lines() {
        let _ = writeln!(err, "{}", word(line));
    }
}

/// Asks a question that is answered with yes or no; no where nobody is there to answer.
pub(crate) fn agrees(question: &str) -> bool {
    if !can_ask() {
        return false;
    }
    let _ = write!(std::io::stderr().lock(), "{} [y/N] ", lines(question));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes" | "Yes")
}

/// Whether a person is there to be asked.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Text of strangers as one word of a line: control characters, line breaks too, and what is invisible or turns the order of letters
/// are escapes. Cut where it is longer than anybody reads.
pub(crate) fn word(text: &str) -> String {
    escaped(text, false)
}

/// The same, cut to what may stand in a sentence beside other words.
pub(crate) fn excerpt(text: &str) -> String {
    let mut word = word(text);
    if let Some((end, _)) = word.char_indices().nth(EXCERPT_CHARS) {
        word.truncate(end);
        word.push('…');
    }
    word
}

fn lines(text: &str) -> String {
    escaped(text, true)
}

fn escaped(text: &str, ours: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, (at, c)) in text.char_indices().enumerate() {
        if count >= SHOWN_CHARS {
            out.push('…');
            break;
        }
        match c {
            '\n' if ours && text.get(at + 1..).is_some_and(|rest| rest.starts_with("  ")) => out.push('\n'),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_hidden(c) => out.push_str(&format!("\\u{{{:x}}}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

/// What is a command to a terminal, turns the order of letters, ends a line, or is not seen at all.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{115f}'
                | '\u{1160}'
                | '\u{17b4}'
                | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e0fff}'
                | '\u{e000}'..='\u{f8ff}'
        )
}

/// JSON in which such characters are escapes of JSON: outside of texts it has none but line breaks.
fn json_escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut units = [0; 2];
    for c in json.chars() {
        if c != '\n' && is_hidden(c) {
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Where the lines of a running registry go: standard error, each as one line, whatever paths and words of strangers it holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogLines;

impl Write for LogLines {
    /// One call writes one line.
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        let _ = writeln!(std::io::stderr().lock(), "{}", word(text.strip_suffix('\n').unwrap_or(&text)));
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stderr().lock().flush()
    }
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
    bar.with_message(word(what))
}

/// A moment for people, to the second.
pub(crate) fn moment(time: TimeMs) -> String {
    let text = time.to_rfc3339();
    format!("{} UTC", text.get(..19).unwrap_or(&text).replace('T', " "))
}

/// Bytes for people.
pub(crate) fn bytes(n: u64) -> String {
    indicatif::HumanBytes(n).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_stranger_reaches_a_terminal_as_a_command() {
        for (text, shown) in [
            ("plain, ünï, 日本 ✓", "plain, ünï, 日本 ✓"),
            ("\u{1b}[2J\u{1b}]0;x\u{7}", "\\u{1b}[2J\\u{1b}]0;x\\u{7}"),
            ("a\u{202e}b\u{2066}c\u{200f}", "a\\u{202e}b\\u{2066}c\\u{200f}"),
            ("\u{9b}31m\u{85}\u{2028}", "\\u{9b}31m\\u{85}\\u{2028}"),
            ("x\r\n✓ y", "x\\r\\n✓ y"),
            ("a\tb\u{0}\u{7f}", "a\\tb\\u{0}\\u{7f}"),
            ("zero\u{200b}width\u{feff}\u{e0041}", "zero\\u{200b}width\\u{feff}\\u{e0041}"),
        ] {
            assert_eq!(word(text), shown);
        }
        assert_eq!(word(&"a".repeat(SHOWN_CHARS + 1)).chars().count(), SHOWN_CHARS + 1);
    }

    #[test]
    fn a_line_break_is_ours_only_before_two_spaces() {
        assert_eq!(lines("done\n  and more"), "done\n  and more");
        assert_eq!(lines("done\n✓ forged\n forged"), "done\\n✓ forged\\n forged");
    }

    #[test]
    fn json_keeps_the_exact_text() {
        let text = "\u{1b}\u{202e}\u{9b}\u{7f}\u{e0041}é\n";
        let json = json_escaped(&serde_json::to_string(text).unwrap());
        assert_eq!(json, "\"\\u001b\\u202e\\u009b\\u007f\\udb40\\udc41é\\n\"");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
