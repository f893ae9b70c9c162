//! Rules of a public suffix list (spec/events.md §3.4): under which names anybody can get a domain, so that nobody can claim the name itself.
//! Three shapes, as the list that browsers share has them; every label is ASCII here. Judges nothing.

use crate::Domain;
use crate::domain::check_name;
use crate::text::BadText;

/// A rule: `com` (this name is a public suffix), `*.ck` (so is every name one label below), `!www.ck` (but not this one).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SuffixRule(String);

crate::text_type!(SuffixRule, BadText);

impl SuffixRule {
    /// Reads the one spelling.
    pub fn parse(s: &str) -> Result<Self, BadText> {
        let bad = |rule| BadText::new("a rule of a public suffix list", s, rule);
        let name = match s.strip_prefix('!') {
            Some(name) if !name.contains('.') => return Err(bad("an exception names a domain, of two labels or more")),
            Some(name) => name,
            None => s.strip_prefix("*.").unwrap_or(s),
        };
        check_name(name).map_err(bad)?;
        Ok(SuffixRule(s.to_owned()))
    }

    /// The rules that decide whether this very domain is a public suffix: by its name, as one of many, and not after all. It is one if the
    /// first or the second is in force and the third is not.
    pub fn of(domain: &Domain) -> [SuffixRule; 3] {
        let name = domain.as_str();
        let parent = name.split_once('.').map_or(name, |(_, parent)| parent);
        [SuffixRule(name.to_owned()), SuffixRule(format!("*.{parent}")), SuffixRule(format!("!{name}"))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_shapes_are_read_and_no_other() {
        for good in ["com", "com.au", "*.ck", "!www.ck", "*.kawasaki.example", "xn--p1ai", "a.b.c.example"] {
            assert_eq!(SuffixRule::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "*", "*.", "!", "!ck", "!*.ck", "*.*.ck", "a.*.ck", "Com", "com.", ".com", "b\u{fc}cher.example", "// com", "1.2"] {
            assert!(SuffixRule::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_rules_of_a_domain_read_back() {
        let rules = SuffixRule::of(&Domain::parse("a.kawasaki.example").unwrap());
        assert_eq!(rules.each_ref().map(SuffixRule::as_str), ["a.kawasaki.example", "*.kawasaki.example", "!a.kawasaki.example"]);
        for rule in rules {
            assert_eq!(SuffixRule::parse(rule.as_str()).unwrap(), rule);
        }
    }
}
