//! The target of orders: versions of the ecosystems that compare them by rules of their own (spec/projections/maven.md §2,
//! spec/projections/gem.md §2). An order that goes round would make a sort stop or give two registries two lists.

use deedbox_gem::GemVersion;
use deedbox_maven::version::snapshot_prefix;
use deedbox_maven::{ComparableVersion, PackageVersion};
use std::cmp::Ordering;

/// Three texts, a line each.
pub fn orders(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let lines: Vec<&str> = text.split('\n').take(3).collect();
    lines.iter().for_each(|line| build(line));

    let maven: Vec<ComparableVersion> = lines.iter().map(|line| ComparableVersion::new(line)).collect();
    law(&maven, ComparableVersion::compare, lines.iter().all(|line| is_usual(line)), &lines);
    for line in &lines {
        let other = ComparableVersion::new(&line.to_ascii_uppercase());
        assert!(ComparableVersion::new(line).compare(&other).is_eq(), "{line:?}");
    }

    let (gems, lines): (Vec<GemVersion>, Vec<&str>) = lines.iter().filter_map(|line| Some((GemVersion::parse(line).ok()?, *line))).unzip();
    law(&gems, GemVersion::precedence, true, &lines);
    law(&gems, GemVersion::shown_order, true, &lines);
    for (a, line) in gems.iter().zip(&lines) {
        assert_eq!(a.as_str(), *line, "one spelling");
        let key = a.native_key().unwrap();
        for b in &gems {
            assert_eq!(key == b.native_key().unwrap(), a.precedence(b).is_eq(), "{lines:?}");
        }
    }
}

/// Equal to itself, turned round when it is turned round, and never in a circle where that is not to be expected.
fn law<T>(all: &[T], compare: fn(&T, &T) -> Ordering, is_order: bool, lines: &[&str]) {
    for a in all {
        assert!(compare(a, a).is_eq(), "{lines:?}");
        for b in all {
            assert_eq!(compare(a, b), compare(b, a).reverse(), "{lines:?}");
            for c in all {
                let (first, second) = (compare(a, b), compare(b, c));
                if is_order && first.is_le() && second.is_le() {
                    let expected = first.then(second);
                    assert_eq!(compare(a, c), expected, "{lines:?}");
                }
            }
        }
    }
}

/// Numbers above nothing, with words among them: what people publish. Maven's own comparison goes round in others: where what
/// counts for nothing stands before a hyphen; and where a word that is above a release stands after a dot and has something behind
/// it. That word is then an item beside the number, not in a list of its own: above what is not there, and below every list, also
/// below one that is below what is not there. So Maven 3.8 has `1` < `1.x-1` < `1-SNAPSHOT-1` < `1`.
fn is_usual(version: &str) -> bool {
    let mut is_after_dot = false;
    let begins = version.starts_with(|c: char| c.is_ascii_digit());
    begins
        && !version.ends_with(['.', '-'])
        && version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        && version.to_ascii_lowercase().split_inclusive(['.', '-']).all(|piece| {
            let part = piece.trim_end_matches(['.', '-']);
            let is_item = is_after_dot && part.len() < piece.len() && part.bytes().all(|b| b.is_ascii_alphabetic());
            let is_below = matches!(part, "alpha" | "beta" | "milestone" | "rc" | "cr" | "snapshot");
            is_after_dot = piece.ends_with('.');
            !part.is_empty() && says_something(part) && (!is_item || is_below)
        })
}

/// Whether each number in it is above nothing, and no word stands for a release.
fn says_something(part: &str) -> bool {
    let mut runs = part.as_bytes().chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit());
    runs.all(|run| match run.first() {
        Some(b'0'..=b'9') => run.iter().any(|b| *b != b'0'),
        _ => !matches!(run, b"ga" | b"final" | b"release"),
    })
}

/// A build of a snapshot and its base lead to each other.
fn build(text: &str) {
    let Ok(version) = PackageVersion::parse(text) else { return };
    assert_eq!(version.as_str(), text);
    assert!(!text.to_ascii_uppercase().ends_with("SNAPSHOT"));
    match version.base() {
        None => assert_eq!(version.folder(), text),
        Some(base) => {
            assert_eq!(version.folder(), base.as_str());
            let prefix = snapshot_prefix(base.as_str()).unwrap();
            let build = text.strip_prefix(prefix).unwrap();
            assert!(build.len() > 16 && build.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')), "{build}");
        }
    }
}

/// Versions that go round in Maven, and ones of every kind.
pub fn seeds(add: &mut dyn FnMut(&'static str, Vec<u8>)) {
    for lines in [
        "1.0\n1.0.0\n1",
        "0-alpha\nx\n0",
        "1-0-alpha\n1-x\n1",
        "1.0-alpha-1\n1.0-beta2\n1.0-SNAPSHOT",
        "1.0.0.rc1\n1.0.a10\n1.0.a9",
        "1.0-20261121.070000-1\n1.0-beta-2-20261121.070000-12\n1.0-2026.1121070000-1",
        "99999999999999999999999.1\n0.beta.1\n0.0.beta",
        "2.0.B\n2.0.a\n2",
        "1-sp\n1-cr2\n1ga",
        "1x1\n1.x-1\n1-x.1",
        "1\n1.x-1\n1SNAPSHOT-x.1",
        "1.2-rc1\n1.2.beta-3\n1.2.3x4y",
    ] {
        add("orders", lines.into());
    }
}
