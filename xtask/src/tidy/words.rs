//! Phrases that stood in many sentences here, and that a reader has to read twice: "a key that is none", "it is no key". The rule
//! sees words, not sentences: there are few phrases, and each is nearly always wrong. What fixtures say is left alone: others depend
//! on those bytes.

use super::{Finding, tree::Tree};

const THEN: &str = "Say what it is not: \"is not valid\", \"is not a key\". (\"There is none\" and \"there is no key\" are fine.)";

/// Verbs before the two phrases.
const VERBS: [&str; 4] = ["is", "are", "was", "were"];

/// Words after "is no" with which it is good English.
const AFTER_NO: [&str; 5] = ["longer", "more", "other", "less", "better"];

/// Where sentences are that are bytes of fixtures, and this rule's own examples.
const LEFT_ALONE: [&str; 3] = ["fixtures/", "xtask/src/fixtures/", "xtask/src/tidy/words.rs"];

/// Looks for them in documents and sources.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending(".md").chain(tree.ending(".rs")) {
        if LEFT_ALONE.iter().any(|begins| file.path.starts_with(begins)) {
            continue;
        }
        // A sentence goes on in the next line: the last word of a line stands before the first one of the next.
        let words = file.lines().flat_map(|(n, line)| words(line).map(move |word| (n, word)));
        let words: Vec<(usize, &str)> = words.collect();
        for near in words.windows(4) {
            let [(_, before), (line, verb), (_, said), (_, after)] = near else { continue };
            if VERBS.contains(verb) && !before.to_ascii_lowercase().ends_with("there") && is_wrong(said, after) {
                findings.push(Finding::new(&file.path, *line, format!("\"{verb} {said} {after}\""), THEN));
            }
        }
    }
    findings
}

/// The words of a line. A sign of a comment or a quotation mark is none, and a word keeps the stop that ends it.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let marks = |c: char| matches!(c, '"' | '(' | '*' | '/' | '!');
    line.split_whitespace().map(move |word| word.trim_start_matches(marks)).filter(|word| !word.is_empty())
}

/// Whether what follows a verb is one of the phrases.
fn is_wrong(said: &str, after: &str) -> bool {
    let none = said.trim_end_matches(|c: char| !c.is_alphanumeric()) == "none" && !(said == "none" && after == "of");
    let no = said == "no" && after.starts_with(char::is_alphabetic) && !AFTER_NO.iter().any(|word| after.starts_with(word));
    none || no
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> usize {
        check(&Tree::of(&[("docs/a.md", text), ("a.toml", text), ("fixtures/README.md", text)])).len()
    }

    #[test]
    fn a_thing_that_is_none_is_found() {
        for text in [
            "A key that is none. It is refused.",
            "/// When the names are none that can be read",
            "an origin that is no name of a key",
            "//! What is\n//! no statement is void here",
            "they were no objects then",
        ] {
            assert_eq!(found(text), 1, "{text}");
        }
    }

    #[test]
    fn usual_sentences_are_left_alone() {
        for text in [
            "Where there is none, nothing is done.",
            "There are no keys, and there\nis no key either",
            "wrong(\"there is no key\")",
            "It is no longer served, and is no more than that",
            "this is none of these",
            "it is none_of_them and was nonetheless",
            "the answer is no, says the server",
        ] {
            assert_eq!(found(text), 0, "{text}");
        }
    }
}
