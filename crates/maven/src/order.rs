//! How Maven compares versions, as Maven 3.8 does (its class `ComparableVersion`; spec/projections/maven.md §2.4). Nothing
//! in this projection is sorted by it: metadata is in the order of events, as a deploy leaves it. Nothing may be: Maven's
//! comparison goes round in odd versions, so that it is not an order, and this type has no `Ord`.

use std::cmp::Ordering;

/// A version as Maven compares it.
#[derive(Debug, Clone)]
pub struct ComparableVersion {
    items: Vec<Item>,
}

#[derive(Debug, Clone)]
enum Item {
    /// Without leading zeros; any length.
    Number(String),
    /// A qualifier by its rank, or by its text after all that have one.
    Word(Word),
    List(Vec<Item>),
}

/// Ranks below, at and above that of a release; other words come after all of these, by their letters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Known(usize),
    Other(String),
}

const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];
const RELEASE: usize = 5;

impl ComparableVersion {
    /// Any text is one; 1,024 characters count, eight times what a version has here.
    pub fn new(version: &str) -> Self {
        let version: String = version.chars().take(1_024).collect::<String>().to_ascii_lowercase();
        // Lists are opened by hyphens and by changes between digits and letters, each inside the one before.
        let mut lists: Vec<Vec<Item>> = vec![Vec::new()];
        let mut token = String::new();
        let mut is_number = false;
        for c in version.chars() {
            match c {
                '.' | '-' => {
                    let item = if token.is_empty() { Item::Number(String::new()) } else { item(is_number, &token) };
                    push(&mut lists, item);
                    token.clear();
                    if c == '-' {
                        lists.push(Vec::new());
                    }
                    continue;
                }
                _ if c.is_ascii_digit() => {
                    if !is_number && !token.is_empty() {
                        open_unless_empty(&mut lists);
                        push(&mut lists, Item::Word(word(&token, true)));
                        lists.push(Vec::new());
                        token.clear();
                    }
                    is_number = true;
                }
                _ => {
                    if is_number && !token.is_empty() {
                        push(&mut lists, item(true, &token));
                        lists.push(Vec::new());
                        token.clear();
                    }
                    is_number = false;
                }
            }
            token.push(c);
        }
        if !token.is_empty() {
            if !is_number {
                open_unless_empty(&mut lists);
            }
            push(&mut lists, item(is_number, &token));
        }
        // From the innermost list out: each loses what says nothing at its end, then is the last of the one around it.
        let mut inner: Option<Vec<Item>> = None;
        while let Some(mut list) = lists.pop() {
            list.extend(inner.take().map(Item::List));
            normalize(&mut list);
            inner = Some(list);
        }
        ComparableVersion { items: inner.unwrap_or_default() }
    }

    /// Compares as Maven does. Versions that Maven takes for the same are equal: `1`, `1.0`, `1.0.0`, `1-ga`. `a` is above `b`
    /// exactly if `b` is below `a`. Among usual versions this is a total order. In two cases it is not transitive, because
    /// Maven's own is not. First, if nothing or a zero comes before a hyphen: `0-alpha` is above `x`, `x` is above `0`, and `0`
    /// is above `0-alpha`. Second, if a word that is above a release has a dot before it and more after it: `1` is above
    /// `1-SNAPSHOT`, that is above `1.x-1`, and that is above `1`.
    pub fn compare(&self, other: &Self) -> Ordering {
        lists(&self.items, &other.items)
    }
}

fn push(lists: &mut [Vec<Item>], item: Item) {
    if let Some(list) = lists.last_mut() {
        list.push(item);
    }
}

/// `.x` counts as `-x` for a word.
fn open_unless_empty(lists: &mut Vec<Vec<Item>>) {
    if lists.last().is_some_and(|list| !list.is_empty()) {
        lists.push(Vec::new());
    }
}

fn item(is_number: bool, token: &str) -> Item {
    if is_number { Item::Number(token.trim_start_matches('0').to_owned()) } else { Item::Word(word(token, false)) }
}

fn word(token: &str, before_digit: bool) -> Word {
    let name = match (token, before_digit) {
        ("a", true) => "alpha",
        ("b", true) => "beta",
        ("m", true) => "milestone",
        ("ga" | "final" | "release", _) => "",
        ("cr", _) => "rc",
        _ => token,
    };
    QUALIFIERS.iter().position(|known| *known == name).map_or_else(|| Word::Other(name.to_owned()), Word::Known)
}

fn normalize(list: &mut Vec<Item>) {
    for at in (0..list.len()).rev() {
        match list.get(at) {
            Some(item) if item.is_nothing() => {
                list.remove(at);
            }
            Some(Item::List(_)) => {}
            _ => break,
        }
    }
}

impl Item {
    fn is_nothing(&self) -> bool {
        match self {
            Item::Number(digits) => digits.is_empty(),
            Item::Word(word) => *word == Word::Known(RELEASE),
            Item::List(items) => items.is_empty(),
        }
    }

    /// Compared with what is not there.
    fn with_nothing(&self) -> Ordering {
        match self {
            Item::Number(digits) => digits.is_empty().cmp(&true).reverse(),
            Item::Word(word) => word.cmp(&Word::Known(RELEASE)),
            Item::List(items) => items.iter().map(Item::with_nothing).find(|order| order.is_ne()).unwrap_or(Ordering::Equal),
        }
    }

    fn with(&self, other: &Item) -> Ordering {
        match (self, other) {
            (Item::Number(a), Item::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
            (Item::Word(a), Item::Word(b)) => a.cmp(b),
            (Item::List(a), Item::List(b)) => lists(a, b),
            // A number is above a list is above a word: 1.1 > 1-1 > 1-sp.
            (a, b) => a.kind().cmp(&b.kind()),
        }
    }

    fn kind(&self) -> u8 {
        match self {
            Item::Word(_) => 0,
            Item::List(_) => 1,
            Item::Number(_) => 2,
        }
    }
}

fn lists(a: &[Item], b: &[Item]) -> Ordering {
    for at in 0..a.len().max(b.len()) {
        let order = match (a.get(at), b.get(at)) {
            (Some(a), Some(b)) => a.with(b),
            (Some(a), None) => a.with_nothing(),
            (None, Some(b)) => b.with_nothing().reverse(),
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    Ordering::Equal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compare(a: &str, b: &str) -> Ordering {
        ComparableVersion::new(a).compare(&ComparableVersion::new(b))
    }

    #[test]
    fn qualifiers_and_numbers_are_in_mavens_documented_order() {
        let qualifiers = [
            "1-alpha2snapshot",
            "1-alpha2",
            "1-alpha-123",
            "1-beta-2",
            "1-beta123",
            "1-m2",
            "1-m11",
            "1-rc",
            "1-cr2",
            "1-rc123",
            "1-SNAPSHOT",
            "1",
            "1-sp",
            "1-sp2",
            "1-sp123",
            "1-abc",
            "1-def",
            "1-pom-1",
            "1-1-snapshot",
            "1-1",
            "1-2",
            "1-123",
        ];
        let numbers = ["2.0", "2.0.a", "2-1", "2.0.2", "2.0.123", "2.1.0", "2.1-a", "2.1b", "2.1-c", "2.1-1", "2.1.0.1", "2.2", "2.123"];
        let big = ["11.a2", "11.a11", "11.b2", "11.b11", "11.m2", "11.m11", "11", "11.a", "11b", "11c", "11m"];
        for list in [&qualifiers[..], &numbers, &big] {
            for (i, a) in list.iter().enumerate() {
                for (j, b) in list.iter().enumerate() {
                    // Maven's own list has 2.0 and 2.0.a apart, and so on: strictly ascending.
                    assert_eq!(compare(a, b), i.cmp(&j), "{a} {b}");
                }
            }
        }
    }

    #[test]
    fn what_says_nothing_at_an_end_makes_no_difference() {
        for (a, b) in [
            ("1", "1.0"),
            ("1", "1.0.0"),
            ("1.0", "1-0"),
            ("1", "1-0"),
            ("1.0", "1.0-0"),
            ("1", "1ga"),
            ("1", "1release"),
            ("1", "1-final"),
            ("1a", "1-a"),
            ("1a", "1.0-a"),
            ("1x", "1.0.0-x"),
            ("1.0x", "1-x"),
            ("1cr", "1rc"),
            ("1a1", "1-alpha-1"),
            ("1b2", "1-beta-2"),
            ("1m3", "1-milestone-3"),
            ("1X", "1x"),
            ("1-SNAPSHOT", "1-snapshot"),
            ("0.0-1", "-1"),
            ("01", "1"),
            ("0001.0.07", "1.0.7"),
        ] {
            assert_eq!(compare(a, b), Ordering::Equal, "{a} {b}");
        }
        for (low, high) in [
            ("1", "2"),
            ("1.5", "2"),
            ("1", "2.5"),
            ("1.0", "1.1"),
            ("1.0-alpha-1", "1.0"),
            ("1.0-alpha-1", "1.0-beta-1"),
            ("1.0-beta-1", "1.0-SNAPSHOT"),
            ("1.0-SNAPSHOT", "1.0"),
            ("1.0", "1.0-1"),
            ("1.0-1", "1.0-2"),
            ("2.0-1", "2.0.1"),
            ("1.0-alpha-1-SNAPSHOT", "1.0-alpha-1"),
            ("20190126.230843", "1234567890.12345"),
            ("123456789012345.1H.5-beta", "12345678901234567890.1H.5-beta"),
            ("1.0.9.3", "1.0.10.1"),
        ] {
            assert_eq!((compare(low, high), compare(high, low)), (Ordering::Less, Ordering::Greater), "{low} {high}");
        }
    }

    /// What Maven 3.8 itself prints of these.
    #[test]
    fn odd_versions_go_round_as_they_do_in_maven() {
        for round in [
            ["0-alpha", "x", "0"],
            ["1-0-alpha", "1-x", "1"],
            ["1", "1SNAPSHOT-x.1", "1.x-1"],
            ["1", "1-SNAPSHOT", "1.x-1"],
            ["2", "2b2", "2.sp.1"],
        ] {
            for (at, high) in round.iter().enumerate() {
                let low = round[(at + 1) % 3];
                assert_eq!(compare(high, low), Ordering::Greater, "{high} {low}");
            }
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_turning_round_turns_the_order(a in "[0-9a-cmrsx.-]{0,12}", b in ".{0,12}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
            prop_assert_eq!(compare(&a, &a), Ordering::Equal);
        }
    }
}
