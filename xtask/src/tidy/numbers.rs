//! A number in a message comes from the constant that is kept: one that was typed a second time stays behind when the limit moves.
//! The rule sees words that name a limit, and a number behind them. What only tests see is left out.

use super::{Finding, source, tree::Tree};

const THEN: &str = "Put the constant's number in, with `said!` or a format.";

/// Words before the number of a limit.
const LIMITS: [&str; 7] = ["at most ", "more than ", "longer than ", "larger than ", "up to ", " 1 to ", " 0 to "];

/// Looks for such numbers in what the program says.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, _) in tree.manifests().filter(|(name, _)| !["testkit", "tests", "xtask"].contains(name)) {
        for (file, seen) in source::in_folder(tree, &format!("crates/{name}/src/")) {
            let typed = seen.texts.iter().filter_map(|text| Some((text.line, limit(&text.text)?)));
            findings.extend(typed.map(|(line, what)| Finding::new(&file.path, line, format!("\"{what}\""), THEN)));
        }
    }
    findings
}

/// The words and the number. A power is arithmetic, not a limit that somebody chose.
fn limit(text: &str) -> Option<&str> {
    LIMITS.iter().find_map(|words| {
        let at = text.find(words)?;
        let behind = text.get(at + words.len()..)?;
        let digits = behind.bytes().take_while(|b| b.is_ascii_digit() || *b == b',').count();
        let is_limit = digits > 0 && !behind.get(digits..)?.starts_with('^');
        is_limit.then(|| text.get(at..at + words.len() + digits)).flatten().map(str::trim_start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_typed_is_found_and_what_is_no_limit_is_not() {
        let text = "fn f() {\n(\"a list has 1 to 8 keys\",\n\"at most 1,024 bytes\");\nsaid!(\"up to {} bytes\", N);\n}\n\
                    // at most 5\nconst A: &str = \"at most 2^63 - 1, <1 to 255>, more than one\";\n\
                    #[cfg(test)]\nmod tests { const B: &str = \"at most 5\"; }";
        let tree = Tree::of(&[("crates/model/Cargo.toml", ""), ("crates/model/src/a.rs", text)]);
        let found: Vec<(usize, String)> = check(&tree).into_iter().map(|finding| (finding.line, finding.what)).collect();
        assert_eq!(found, [(2, "\"1 to 8\"".to_owned()), (3, "\"at most 1,024\"".to_owned())]);
    }
}
