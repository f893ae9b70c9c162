//! The words under which a package is found (spec/projections/catalog.md §2). Looks into no table of characters:
//! rows made today and rows made by a later compiler are the same.

use crate::limits::{WORD_BYTES, WORDS};
use crate::rows::{About, Field};
use deedbox_model::PackageId;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The words of a package, at most 32: of its id, its keywords, its description, in that order.
pub(crate) fn of_package(id: &PackageId, about: &About) -> BTreeMap<String, Field> {
    let named = split(id.name().as_str()).chain(split(id.domain().as_str())).map(|word| (word, Field::Name));
    let tagged = about.keywords.iter().flat_map(|keyword| split(keyword)).map(|word| (word, Field::Keyword));
    let told = about.description.iter().flat_map(|text| split(text)).map(|word| (word, Field::Description));
    let mut words = BTreeMap::new();
    for (word, field) in named.chain(tagged).chain(told) {
        if words.len() == WORDS {
            break;
        }
        words.entry(word).or_insert(field);
    }
    words
}

/// Splits a text into words as row keys spell them: lower-case ASCII letters and digits as they are, each byte of
/// another letter as `%` and two hex digits; cut at 48 bytes.
pub(crate) fn split(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !is_letter(c)).filter(|word| !word.is_empty()).map(spell)
}

/// ASCII letters and digits, and all beyond ASCII but Latin-1's signs, general punctuation, CJK punctuation.
fn is_letter(c: char) -> bool {
    c.is_ascii_alphanumeric() || !(c.is_ascii() || matches!(c, '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}'))
}

fn spell(word: &str) -> String {
    let mut out = String::new();
    for c in word.chars() {
        let before = out.len();
        if c.is_ascii() {
            out.push(c.to_ascii_lowercase());
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                // Writing to a String does not fail.
                let _ = write!(out, "%{byte:02X}");
            }
        }
        if out.len() > WORD_BYTES {
            out.truncate(before);
            break;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_these_words() {
        for (text, expected) in [
            ("left-pad", vec!["left", "pad"]),
            ("HTTP/2 client", vec!["http", "2", "client"]),
            ("Bücher", vec!["b%C3%BCcher"]),
            ("a\u{a0}b\u{2014}c\u{3002}d", vec!["a", "b", "c", "d"]),
            ("", vec![]),
            ("--", vec![]),
        ] {
            assert_eq!(split(text).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_word_is_cut_between_characters() {
        assert_eq!(split(&"x".repeat(60)).collect::<Vec<_>>(), ["x".repeat(48)]);
        let cut = split(&format!("{}ü", "x".repeat(45))).next().unwrap();
        assert_eq!(cut, "x".repeat(45), "no half of a character");
    }

    #[test]
    fn a_package_has_at_most_32_words_and_its_name_comes_first() {
        let id = PackageId::parse("npm:acme.example/left-pad").unwrap();
        let about = About {
            keywords: vec!["pad".to_owned(), "string".to_owned()],
            description: Some((0..100).map(|n| format!("w{n} ")).collect()),
            ..About::default()
        };
        let words = of_package(&id, &about);
        assert_eq!(words.len(), 32);
        assert_eq!(words["pad"], Field::Name);
        assert_eq!(words["acme"], Field::Name);
        assert_eq!(words["string"], Field::Keyword);
        assert_eq!(words["w0"], Field::Description);
        assert!(!words.contains_key("w99"));
    }
}
