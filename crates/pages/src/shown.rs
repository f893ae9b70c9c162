//! Text that strangers wrote, as a page shows it. The template escapes what HTML reads; here what a person would not see is
//! made visible: control characters and those that turn the direction of what stands behind them (UAX #9).

use serde::Deserialize;
use std::fmt;

/// A text of somebody else. Every such text on a page is of this type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Shown(String);

impl From<String> for Shown {
    fn from(text: String) -> Self {
        Shown(text)
    }
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        Shown(text.to_owned())
    }
}

impl Shown {
    /// As it came: for addresses and comparisons, never for a page.
    pub(crate) fn raw(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            if is_unseen(c) { write!(f, "[U+{:04X}]", u32::from(c))? } else { fmt::Write::write_char(f, c)? }
        }
        Ok(())
    }
}

/// Controls, marks and overrides of direction, and characters without width that make two texts look alike.
fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_made_visible_and_scripts_of_any_direction_stay() {
        for (text, shown) in [
            ("plain \u{e9} \u{5d0}\u{5d1} \u{1f4e6}", "plain \u{e9} \u{5d0}\u{5d1} \u{1f4e6}"),
            ("a\u{202e}b", "a[U+202E]b"),
            ("\u{2066}x\u{2069}", "[U+2066]x[U+2069]"),
            ("a\u{200b}\u{feff}\n\u{1b}[31m", "a[U+200B][U+FEFF][U+000A][U+001B][31m"),
            ("\u{e0041}", "[U+E0041]"),
            // Joiners spell words of several scripts, and pictures.
            ("\u{200d}\u{200c}", "\u{200d}\u{200c}"),
        ] {
            assert_eq!(Shown::from(text).to_string(), shown);
        }
    }
}
