//! Names of files as file systems take them: what is one place on all of them, and what is another place, or none, on
//! some (spec/projections/npm.md §4). Reads names only; knows no archive and no disk.
//!
//! Sources: Unicode 16 chapter 3.13 (caseless matching) and DerivedCoreProperties (default ignorable); Windows' naming of
//! files; what ext4, APFS, HFS+, NTFS and ZFS compare.

use crate::limits::SEGMENT_BYTES;
use caseless::Caseless as _;
use deedbox_model::said;
use unicode_normalization::UnicodeNormalization as _;

/// Names that Windows takes for a device in any folder, with any extension. `COM` and `LPT` are followed by a digit.
const DEVICES: [&str; 7] = ["con", "prn", "aux", "nul", "conin$", "conout$", "clock$"];

/// Why a name is another place, or none, on some systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A separator of folders on Windows.
    Backslash,
    /// A control character, or one that ends a line.
    Control,
    /// A character that turns the direction of text: what people read is another name.
    Direction,
    /// A drive, or a stream of a file, on Windows.
    Colon,
    /// A dot or a space at the end, which Windows drops.
    End,
    /// A device of Windows.
    Device,
    /// More than [`SEGMENT_BYTES`].
    Long,
}

impl Fault {
    /// What it is: `it has a backslash`.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Fault::Backslash => "it has a backslash, which is a folder's end on Windows",
            Fault::Control => "it has a control character or a line end in it",
            Fault::Direction => "it has a character that turns the direction of text, so that people read another name",
            Fault::Colon => "it has a colon, which means a drive or a stream of a file on Windows",
            Fault::End => "a part of it ends with a dot or a space, which Windows drops",
            Fault::Device => "a part of it is the name of a device on Windows (CON, NUL, COM1 and others, with any extension)",
            Fault::Long => said!("a part of it has more than {} bytes, which file systems do not hold", SEGMENT_BYTES),
        }
    }

    /// The first fault of one name between slashes, which is neither `.` nor `..`.
    pub(crate) fn of(segment: &str) -> Option<Self> {
        let any = |is: fn(char) -> bool| segment.chars().any(is);
        if segment.contains('\\') {
            Some(Fault::Backslash)
        } else if any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
            Some(Fault::Control)
        } else if any(turns_direction) {
            Some(Fault::Direction)
        } else if segment.contains(':') {
            Some(Fault::Colon)
        } else if segment.ends_with(['.', ' ']) {
            Some(Fault::End)
        } else if is_device(segment) {
            Some(Fault::Device)
        } else {
            (segment.len() > SEGMENT_BYTES).then_some(Fault::Long)
        }
    }
}

/// Unicode's `Bidi_Control`.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Windows looks at what stands before the first dot, without the spaces at its end, in any case; raised digits count too.
fn is_device(segment: &str) -> bool {
    let stem = segment.split('.').next().unwrap_or_default();
    // The longest has seven characters: nothing longer is folded.
    if stem.chars().filter(|c| *c != ' ').count() > 7 {
        return false;
    }
    let stem = folded(stem, true);
    let stem = stem.trim_end_matches(' ');
    let numbered = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
    DEVICES.contains(&stem) || numbered.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()))
}

/// One form for all spellings of a path that are one place where case is not told apart.
pub(crate) fn place(path: &str) -> String {
    spelled_alike(path, true)
}

/// The same where case is told apart: only forms of composition and what nobody sees fall together.
pub(crate) fn place_in_case(path: &str) -> String {
    spelled_alike(path, false)
}

fn spelled_alike(path: &str, folds_case: bool) -> String {
    if path.is_ascii() {
        return if folds_case { path.to_ascii_lowercase() } else { path.to_owned() };
    }
    // A slash that only comes from folding ends no folder.
    let segments = path.split('/').map(|segment| folded(segment, folds_case).replace('/', "\u{2044}"));
    segments.collect::<Vec<_>>().join("/")
}

/// Compatibility decomposition, and the full folding of case (`toNFKC_Casefold` in its decomposed form); besides it dotless
/// i, which falls together with i by way of capitals, and the private characters that node-tar and WSL write on Windows for
/// those that may not be in a name there.
fn folded(segment: &str, folds_case: bool) -> String {
    if segment.is_ascii() {
        return if folds_case { segment.to_ascii_lowercase() } else { segment.to_owned() };
    }
    let meant = segment.chars().map(|c| match c {
        '\u{f001}'..='\u{f07f}' => u8::try_from(u32::from(c) - 0xf000).map_or(c, char::from),
        c => c,
    });
    let plain: String = meant.filter(|c| !is_ignorable(*c)).nfkd().filter(|c| !is_ignorable(*c)).collect();
    if !folds_case {
        return plain;
    }
    let cased = plain.to_uppercase().to_lowercase();
    cased.chars().nfkd().default_case_fold().nfkd().default_case_fold().nfkd().collect()
}

/// Unicode's `Default_Ignorable_Code_Point`: some file systems pass over these when they compare.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_one_place_have_one_form() {
        for (one, other) in [
            ("caf\u{e9}", "cafe\u{301}"),
            ("CAF\u{c9}", "cafe\u{301}"),
            ("stra\u{df}e", "STRASSE"),
            ("stra\u{1e9e}e", "strasse"),
            ("k", "\u{212a}"),
            ("\u{e5}", "\u{212b}"),
            ("\u{3c9}", "\u{2126}"),
            ("s", "\u{17f}"),
            ("i", "\u{131}"),
            ("\u{fb01}le", "file"),
            ("\u{3c2}", "\u{3a3}"),
            ("\u{149}", "\u{2bc}N"),
            ("\u{1f0}", "J\u{30c}"),
            ("\u{130}", "i\u{307}"),
            ("\u{1fb3}", "\u{391}\u{399}"),
            ("\u{13a0}", "\u{ab70}"),
            ("a\u{200b}b", "ab"),
            ("a\u{ad}b", "ab"),
            ("\u{2764}\u{fe0f}", "\u{2764}"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
            ("a?b", "a\u{f03f}b"),
            ("x\u{b2}", "x2"),
            ("\u{ff21}", "a"),
        ] {
            assert_eq!(place(one), place(other), "{one:?} {other:?}");
        }
        for (one, other) in [("a", "b"), ("e", "\u{e9}"), ("a/b", "a\u{ff0f}b"), ("o", "\u{f8}"), ("\u{456}", "i")] {
            assert_ne!(place(one), place(other), "{one:?} {other:?}");
        }
        assert_eq!(place_in_case("A\u{e9}"), place_in_case("Ae\u{301}"));
        assert_ne!(place_in_case("A\u{e9}"), place_in_case("a\u{e9}"));
        assert_ne!(place_in_case("stra\u{df}e"), place_in_case("strasse"));
    }

    #[test]
    fn what_is_another_place_somewhere_has_its_fault() {
        use Fault::*;
        for (fault, names) in [
            (Backslash, &["a\\b", "\\", "..\\x"][..]),
            (Control, &["a\nb", "\u{0}", "\u{7f}", "\u{85}", "\u{9b}31m", "a\u{2028}b", "a\u{2029}"]),
            (Direction, &["a\u{202e}gpj.exe", "\u{2066}x", "x\u{200f}", "x\u{200e}", "\u{61c}x", "\u{2069}"]),
            (Colon, &["a:b", "c:", ":", "file.txt:stream:$DATA"]),
            (End, &["a.", "a ", "a. .", "...", "\u{e9}."]),
            (
                Device,
                &[
                    "CON",
                    "con",
                    "nul.txt",
                    "NUL.tar.gz",
                    "Aux.js",
                    "prn.d.ts",
                    "COM1",
                    "com0.x",
                    "lpt9",
                    "LPT\u{b9}",
                    "com\u{b2}.js",
                    "COM\u{b3}",
                    "con .txt",
                    "CONIN$",
                    "conout$.log",
                    "CLOCK$",
                    "\u{ff23}on",
                    "N\u{200b}UL",
                ],
            ),
        ] {
            for name in names {
                assert_eq!(Fault::of(name), Some(fault), "{name:?}");
            }
        }
        assert_eq!(Fault::of(&"x".repeat(SEGMENT_BYTES + 1)), Some(Long));
        assert_eq!(Fault::of(&"\u{e9}".repeat(SEGMENT_BYTES / 2 + 1)), Some(Long));
        for name in [
            "README.md",
            ".npmignore",
            ".a.b",
            "console.js",
            "com10",
            "COM",
            "lpt",
            "null.js",
            "a con",
            "con-a.js",
            "nul_",
            "icon.png",
            "auxv",
            "com1a",
            "com\u{661}",
            " a",
            "a b",
            "caf\u{e9}",
            "e\u{301}",
            "\u{1f469}\u{200d}\u{1f4bb}.png",
            "a~1",
            "[id].js",
            "a?b*c",
            "\u{5e9}.txt",
        ] {
            assert_eq!(Fault::of(name), None, "{name:?}");
        }
        assert_eq!(Fault::of(&"x".repeat(SEGMENT_BYTES)), None);
    }

    proptest! {
        #[test]
        fn composition_and_case_do_not_change_a_place(name in "\\PC{0,8}") {
            let name = name.replace('/', "");
            let form = place(&name);
            prop_assert_eq!(&place(&name.nfc().collect::<String>()), &form);
            prop_assert_eq!(&place(&name.nfd().collect::<String>()), &form);
            prop_assert_eq!(&place(&name.to_uppercase()), &form);
            prop_assert_eq!(&place(&name.to_lowercase()), &form);
            prop_assert_eq!(&place(&caseless::default_case_fold_str(&name)), &form);
            prop_assert_eq!(&place(&form), &form);
            let cased = place_in_case(&name);
            prop_assert_eq!(&place_in_case(&name.nfc().collect::<String>()), &cased);
            prop_assert_eq!(&place_in_case(&name.nfd().collect::<String>()), &cased);
        }
    }
}
