//! The file of the public suffix list, as its maintainers publish it: a rule a line, up to the first white space, `//` before a comment. Both of
//! its sections count: a name below which somebody hands out names is nobody's, whoever hands them out. Rules with other letters than ASCII
//! become xn-- labels.

use crate::failure::wrong;
use crate::reading::read_file;
use deedbox_model::SuffixRule;
use std::collections::BTreeSet;
use std::path::Path;

/// Bytes of the file: twenty times what it has.
const LIST_BYTES: u64 = 8 * 1024 * 1024;
/// Rules in it: ten times as many as it has. Each is a row.
const RULES: usize = 100_000;

/// Reads it.
pub(crate) fn read(path: &Path) -> anyhow::Result<BTreeSet<SuffixRule>> {
    let bytes = read_file(path, LIST_BYTES)?;
    let text =
        std::str::from_utf8(&bytes).map_err(|_| wrong(format!("{} is not UTF-8, so it is not the public suffix list", path.display())))?;
    rules(text).map_err(|why| wrong(format!("{} is not the public suffix list: {why}", path.display())))
}

fn rules(text: &str) -> Result<BTreeSet<SuffixRule>, String> {
    // A list that ends too early would take away all that it leaves out.
    if text.matches("===BEGIN ").count() != text.matches("===END ").count() {
        return Err("a section of it has no end: it was not read to its end".to_owned());
    }
    let mut rules = BTreeSet::new();
    for (number, line) in text.lines().enumerate() {
        let rule = line.split_whitespace().next().unwrap_or_default();
        if rule.is_empty() || rule.starts_with("//") {
            continue;
        }
        rules.insert(in_ascii(rule).map_err(|why| format!("line {}: {why}", number + 1))?);
        if rules.len() > RULES {
            return Err(format!("it has more than {RULES} rules"));
        }
    }
    if rules.is_empty() { Err("it has no rule".to_owned()) } else { Ok(rules) }
}

fn in_ascii(rule: &str) -> Result<SuffixRule, String> {
    let (mark, name) = match rule.strip_prefix('!') {
        Some(name) => ("!", name),
        None => rule.strip_prefix("*.").map_or(("", rule), |name| ("*.", name)),
    };
    let name = idna::domain_to_ascii(name).map_err(|_| format!("{rule:?} is not a rule"))?;
    SuffixRule::parse(&format!("{mark}{name}")).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sections_are_read_in_every_shape() {
        let text = "// the list\n\ncom\nCom.AU  // a comment\n*.ck\n!www.ck\nрф\n公司.cn\n// private\npages.example\n";
        let read: Vec<String> = rules(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(read, ["!www.ck", "*.ck", "com", "com.au", "pages.example", "xn--55qx5d.cn", "xn--p1ai"]);
    }

    #[test]
    fn a_list_that_was_cut_is_refused() {
        let whole = "// ===BEGIN ICANN DOMAINS===\ncom\n// ===END ICANN DOMAINS===\n// ===BEGIN PRIVATE DOMAINS===\na.example\n// ===END PRIVATE DOMAINS===\n";
        assert_eq!(rules(whole).unwrap().len(), 2);
        for end in [whole.find("com").unwrap(), whole.find("a.example").unwrap(), whole.rfind("// ===END").unwrap()] {
            assert!(rules(&whole[..end]).unwrap_err().contains("no end"));
        }
    }

    #[test]
    fn what_is_no_list_is_refused_with_its_line() {
        for (text, why) in [
            ("", "no rule"),
            ("// nothing\n", "no rule"),
            ("com\n<!doctype html>\n", "line 2"),
            ("com\n*.*.ck\n", "line 2"),
            ("com\n!ck\n", "line 2"),
        ] {
            let refused = rules(text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
