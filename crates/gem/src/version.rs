//! Versions: `Gem::Version`'s grammar and order (spec/projections/gem.md §2), in the one spelling without hyphens.

use deedbox_model::limits::VERSION_BYTES;
use deedbox_model::{NativeVersion, Version, said};
use std::cmp::Ordering;

/// A version of a gem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GemVersion {
    text: Version,
    /// Canonical: zeros at the end of the numbers before the first letter, and at the end of the whole, count for nothing.
    segments: Vec<Segment>,
}

/// Digits without leading zeros, or letters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Number(String),
    Letters(String),
}

/// Why a text is not a version here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{version:?} is not a version here: {rule}")]
pub struct BadVersion {
    /// The version, at most 80 characters of it.
    pub version: String,
    /// The rule that it breaks, and what to write instead.
    pub rule: &'static str,
}

impl GemVersion {
    /// Reads the one spelling: numbers, then more of digits and letters, joined by dots.
    pub fn parse(version: &str) -> Result<Self, BadVersion> {
        let bad = |rule| BadVersion { version: version.chars().take(80).collect(), rule };
        let mut parts = version.split('.');
        let first = parts.next().unwrap_or_default();
        if first.is_empty() || !first.bytes().all(|b| b.is_ascii_digit()) {
            return Err(bad("a version begins with a number, like 1.4.0 or 2.0.0.rc1"));
        }
        if !parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric())) {
            return Err(bad(
                "after the first number come dots, each with digits or letters behind it, like 1.4.0 or 2.0.0.rc1 (RubyGems writes a hyphen as .pre.)",
            ));
        }
        let text = Version::parse(version).map_err(|_| bad(said!("a version has at most {} characters", VERSION_BYTES)))?;
        Ok(GemVersion { text, segments: canonical(version) })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// As the model has it.
    pub fn neutral(&self) -> &Version {
        &self.text
    }

    /// What RubyGems tells versions apart by: `1.0` and `1.0.0` are one.
    pub fn native_key(&self) -> Result<NativeVersion, BadVersion> {
        let parts = self.segments.iter().map(|segment| match segment {
            Segment::Number(text) | Segment::Letters(text) => text.as_str(),
        });
        let text = parts.collect::<Vec<_>>().join(".");
        let text = if text.is_empty() { "0" } else { text.as_str() };
        NativeVersion::parse(text).map_err(|_| BadVersion { version: self.as_str().to_owned(), rule: "it is not a native key" })
    }

    /// Whether there is a letter in it.
    pub fn is_prerelease(&self) -> bool {
        self.as_str().bytes().any(|b| b.is_ascii_alphabetic())
    }

    /// `Gem::Version#<=>`.
    pub fn precedence(&self, other: &Self) -> Ordering {
        let zero = Segment::Number("0".to_owned());
        let length = self.segments.len().max(other.segments.len());
        for at in 0..length {
            let (a, b) = (self.segments.get(at).unwrap_or(&zero), other.segments.get(at).unwrap_or(&zero));
            let order = match (a, b) {
                (Segment::Number(a), Segment::Number(b)) => a.len().cmp(&b.len()).then_with(|| a.cmp(b)),
                (Segment::Letters(a), Segment::Letters(b)) => a.cmp(b),
                (Segment::Letters(_), Segment::Number(_)) => Ordering::Less,
                (Segment::Number(_), Segment::Letters(_)) => Ordering::Greater,
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }

    /// The order in which one version stands for the gem: every release comes after every prerelease.
    pub fn shown_order(&self, other: &Self) -> Ordering {
        other.is_prerelease().cmp(&self.is_prerelease()).then_with(|| self.precedence(other))
    }
}

fn canonical(version: &str) -> Vec<Segment> {
    let mut segments = Vec::new();
    for part in version.split('.') {
        let mut rest = part;
        while let Some(first) = rest.bytes().next() {
            let digits = first.is_ascii_digit();
            let end = rest.bytes().position(|b| b.is_ascii_digit() != digits).unwrap_or(rest.len());
            let (run, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            segments.push(if digits {
                let number = run.trim_start_matches('0');
                Segment::Number(if number.is_empty() { "0" } else { number }.to_owned())
            } else {
                Segment::Letters(run.to_owned())
            });
            rest = after;
        }
    }
    let first_letters = segments.iter().position(|s| matches!(s, Segment::Letters(_))).unwrap_or(segments.len());
    let mut behind = segments.split_off(first_letters);
    for part in [&mut segments, &mut behind] {
        while part.last() == Some(&Segment::Number("0".to_owned())) {
            part.pop();
        }
    }
    segments.append(&mut behind);
    segments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(version: &str) -> GemVersion {
        GemVersion::parse(version).unwrap()
    }

    /// Versions of RubyGems' own test cases, and some more.
    const TABLE: [&str; 28] = [
        "0",
        "0.0",
        "0.beta.1",
        "1",
        "1.0",
        "1.0.0",
        "1.0.a",
        "1.0.0.a.1",
        "1.0.a10",
        "1.0.a9",
        "1.1",
        "1.1.rc10",
        "1.2",
        "1.2.b1",
        "1.2.0.b1",
        "1.2.3",
        "1.2.3.a.4",
        "1.8.2",
        "1.8.2.a",
        "1.8.2.a9",
        "1.8.2.a10",
        "1.8.2.b",
        "1.9.3",
        "2.0",
        "2.0.B",
        "9",
        "10",
        "99999999999999999999999.1",
    ];

    #[test]
    fn versions_are_read_in_one_spelling() {
        for good in TABLE {
            assert_eq!(of(good).as_str(), good);
        }
        for bad in ["", "a", ".1", "1.", "1..2", "1-2", "1.0.0-rc1", " 1", "1 ", "v1", "1.0_1", "1+1", "junk", "1.2.3\n", "\u{661}"] {
            assert!(GemVersion::parse(bad).is_err(), "{bad:?}");
        }
        assert!(GemVersion::parse(&"1".repeat(128)).is_ok());
        assert!(GemVersion::parse(&"1".repeat(129)).is_err());
    }

    #[test]
    fn the_order_is_that_of_rubygems_own_cases() {
        use Ordering::*;
        for (a, order, b) in [
            ("1.0", Equal, "1.0.0"),
            ("1.0", Greater, "1.0.a"),
            ("1.8.2", Greater, "0.0.0"),
            ("1.8.2", Greater, "1.8.2.a"),
            ("1.8.2.b", Greater, "1.8.2.a"),
            ("1.8.2.a10", Greater, "1.8.2.a9"),
            ("0.beta.1", Equal, "0.0.beta.1"),
            ("0.0.beta", Less, "0.0.beta.1"),
            ("0.0.beta", Less, "0.beta.1"),
            ("5.a", Less, "5.0.0.rc2"),
            ("5.x", Greater, "5.0.0.rc2"),
            ("1.9.3", Greater, "1.9.2.99"),
            ("2.0.B", Less, "2.0.a"),
        ] {
            assert_eq!(of(a).precedence(&of(b)), order, "{a} {b}");
            assert_eq!(of(b).precedence(&of(a)), order.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn equal_versions_have_one_native_key_and_others_have_another() {
        for a in TABLE {
            for b in TABLE {
                let same = of(a).native_key().unwrap() == of(b).native_key().unwrap();
                assert_eq!(same, of(a).precedence(&of(b)) == Ordering::Equal, "{a} {b}");
            }
        }
    }

    #[test]
    fn a_letter_makes_a_prerelease_and_stands_behind_releases() {
        assert!(of("1.0.a").is_prerelease() && !of("1.0").is_prerelease());
        assert_eq!(of("1.0").shown_order(&of("2.0.rc1")), Ordering::Greater);
    }

    /// The whole table against the real Ruby.
    #[test]
    fn ruby_orders_the_table_alike() {
        let script = "v = ARGV.map { |a| Gem::Version.new(a) }; v.each { |a| puts v.map { |b| (a <=> b).to_s }.join(' ') }";
        let output = std::process::Command::new("ruby").arg("-e").arg(script).args(TABLE).output();
        let output = output.expect("ruby is not on this machine: apt-get install ruby");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let ours: String = TABLE
            .iter()
            .map(|a| TABLE.iter().map(|b| (of(a).precedence(&of(b)) as i8).to_string()).collect::<Vec<_>>().join(" ") + "\n")
            .collect();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), ours);
    }
}
