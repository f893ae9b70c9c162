//! Versions: SemVer 2.0.0 in the one spelling that npm accepts (spec/projections/npm.md §2). npm drops build metadata
//! wherever it tells versions apart; so does the native version.

use crate::limits::VERSION_NUMBER;
use deedbox_model::limits::VERSION_BYTES;
use deedbox_model::{NativeVersion, Version, said};
use std::cmp::Ordering;

/// A version of a release: strict SemVer, numbers no larger than JavaScript's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageVersion {
    neutral: Version,
    semver: semver::Version,
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

impl PackageVersion {
    /// Reads the one spelling.
    pub fn parse(version: &str) -> Result<Self, BadVersion> {
        let bad = |rule| BadVersion { version: version.chars().take(80).collect(), rule };
        let plain = version.trim().trim_start_matches(['v', '=']).trim_start();
        if plain != version && semver::Version::parse(plain).is_ok() {
            return Err(bad(
                "a version is written here as npm writes it when it publishes, without a v or = in front and without spaces: take them out of package.json",
            ));
        }
        let neutral = Version::parse(version).map_err(|_| {
            bad(said!("a version has 1 to {} ASCII characters and begins with a digit, like 1.4.0 or 2.0.0-rc.1", VERSION_BYTES))
        })?;
        let semver = semver::Version::parse(version)
            .map_err(|_| bad("a version is strict SemVer 2.0.0, three numbers without leading zeros, like 1.4.0 or 2.0.0-rc.1"))?;
        if [semver.major, semver.minor, semver.patch].iter().any(|n| *n > VERSION_NUMBER) {
            return Err(bad(said!("npm takes no number above {_} in a version", VERSION_NUMBER)));
        }
        Ok(PackageVersion { neutral, semver })
    }

    /// As it was published, with build metadata.
    pub fn neutral(&self) -> &Version {
        &self.neutral
    }

    /// Without build metadata: what npm tells versions apart by.
    pub fn native(&self) -> &str {
        let text = self.neutral.as_str();
        text.split_once('+').map_or(text, |(native, _)| native)
    }

    /// Without build metadata, as the model's key. Fails for none that this type holds.
    pub fn native_key(&self) -> Result<NativeVersion, BadVersion> {
        NativeVersion::parse(self.native()).map_err(|_| BadVersion { version: self.native().to_owned(), rule: "it is not a native key" })
    }

    /// Whether it is a prerelease.
    pub fn is_prerelease(&self) -> bool {
        !self.semver.pre.is_empty()
    }

    /// SemVer §11: build metadata counts for nothing.
    pub fn precedence(&self, other: &Self) -> Ordering {
        self.semver.cmp_precedence(&other.semver)
    }

    /// The order in which `latest` falls back: every release comes after every prerelease, then by precedence.
    pub fn fallback_order(&self, other: &Self) -> Ordering {
        other.is_prerelease().cmp(&self.is_prerelease()).then_with(|| self.precedence(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_takes_these_and_they_keep_their_spelling() {
        for good in [
            "0.0.0",
            "1.2.3",
            "10.20.30",
            "1.2.3-rc.1",
            "1.2.3-0",
            "1.2.3-0a",
            "1.2.3--",
            "1.2.3---x",
            "1.0.0-alpha.beta.1",
            "1.0.0-12345678901234567890",
            "9007199254740991.9007199254740991.9007199254740991",
        ] {
            let version = PackageVersion::parse(good).unwrap();
            assert_eq!(version.native(), good);
            assert_eq!(version.neutral().as_str(), good);
            assert_eq!(version.native_key().unwrap().as_str(), good);
        }
        for (good, native) in [("1.2.3+build", "1.2.3"), ("1.2.3-rc.1+build.5-x", "1.2.3-rc.1"), ("1.2.3+0001", "1.2.3")] {
            assert_eq!(PackageVersion::parse(good).unwrap().native(), native);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "=1.2.3",
            " 1.2.3",
            "1.2.3 ",
            "01.2.3",
            "1.02.3",
            "1.2.03",
            "1.2.3-01",
            "1.2.3-",
            "1.2.3+",
            "1.2.3-a..b",
            "1.2.3-a_b",
            "1.2.3-\u{e4}",
            "1.2.x",
            "latest",
            "*",
            "-1.2.3",
            "9007199254740992.0.0",
            "0.9007199254740992.0",
            "0.0.9007199254740992",
            "99999999999999999999.0.0",
        ] {
            assert!(PackageVersion::parse(bad).is_err(), "{bad:?}");
        }
        assert!(PackageVersion::parse(&format!("1.2.3-{}", "a".repeat(122))).is_ok());
        assert!(PackageVersion::parse(&format!("1.2.3-{}", "a".repeat(123))).is_err());
    }

    /// The comparisons of node-semver's own fixtures, ascending.
    #[test]
    fn the_order_is_that_of_semver() {
        let ascending = [
            "0.0.0-foo",
            "0.0.0",
            "0.0.1",
            "0.9.0",
            "0.9.9",
            "0.10.0",
            "0.99.0",
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0-rc.1",
            "1.0.0",
            "1.2.3-4",
            "1.2.3-5",
            "1.2.3-4-foo",
            "1.2.3-5-Foo",
            "1.2.3-5-foo",
            "1.2.3-a.5",
            "1.2.3-a.10",
            "1.2.3-a.b",
            "1.2.3-a.b.c.5.d.100",
            "1.2.3-a.b.c.10.d.5",
            "1.2.3-asdf",
            "1.2.3-r100",
            "1.2.3-r2",
            "1.2.3",
            "2.0.0",
            "2.7.2",
            "3.0.0",
        ];
        let versions: Vec<_> = ascending.iter().map(|v| PackageVersion::parse(v).unwrap()).collect();
        for (a, b) in versions.iter().zip(versions.iter().skip(1)) {
            assert_eq!(a.precedence(b), Ordering::Less, "{} {}", a.native(), b.native());
        }
        let built = |s| PackageVersion::parse(s).unwrap();
        assert_eq!(built("1.0.0+a").precedence(&built("1.0.0+b")), Ordering::Equal);
    }

    #[test]
    fn a_release_is_preferred_to_a_higher_prerelease() {
        let of = |s| PackageVersion::parse(s).unwrap();
        assert_eq!(of("1.0.0").fallback_order(&of("2.0.0-rc.1")), Ordering::Greater);
        assert_eq!(of("1.0.0-a").fallback_order(&of("1.0.0-b")), Ordering::Less);
    }
}
