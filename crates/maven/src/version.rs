//! Versions (spec/projections/maven.md §2). The native key is the version as written; a timestamped build of a snapshot
//! is a version of its own, in the folder of its base; the base itself is a channel.

use crate::limits::BUILD_NUMBER_DIGITS;
use deedbox_model::limits::CHANNEL_BYTES;
use deedbox_model::{Channel, NativeVersion, Version, said};

/// What a version of a snapshot ends with.
pub(crate) const SNAPSHOT: &str = "SNAPSHOT";

/// A version of a package here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageVersion {
    version: Version,
    build: Option<Build>,
}

/// What is behind the base in the version of a snapshot's build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build {
    /// `1.0-SNAPSHOT`.
    pub(crate) base: Channel,
    /// `20261121.070000`.
    pub(crate) timestamp: String,
    /// `1`.
    pub(crate) number: String,
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
    pub fn parse(text: &str) -> Result<Self, BadVersion> {
        let bad = |rule| BadVersion { version: text.chars().take(80).collect(), rule };
        let version = Version::parse(text).map_err(|e| bad(e.rule))?;
        if text.to_ascii_uppercase().ends_with(SNAPSHOT) {
            return Err(bad("a snapshot is published under the time of its build, like 1.0-20261121.070000-1"));
        }
        if text.eq_ignore_ascii_case("LATEST") || text.eq_ignore_ascii_case("RELEASE") {
            return Err(bad("Maven replaces LATEST and RELEASE by another version; choose a number"));
        }
        let Some((base, timestamp, number)) = split_build(text) else { return Ok(PackageVersion { version, build: None }) };
        if base.is_empty() {
            return Err(bad("the build of a snapshot has the version before its time, like 1.0-20261121.070000-1"));
        }
        if number.len() > BUILD_NUMBER_DIGITS {
            return Err(bad(said!("a build number has at most {} digits", BUILD_NUMBER_DIGITS)));
        }
        let base = Channel::parse(&format!("{base}{SNAPSHOT}"))
            .map_err(|_| bad(said!("the base of a snapshot is a channel too: at most {} letters, digits and . _ + -", CHANNEL_BYTES)))?;
        Ok(PackageVersion { version, build: Some(Build { base, timestamp: timestamp.to_owned(), number: number.to_owned() }) })
    }

    /// As it is written everywhere.
    pub fn as_str(&self) -> &str {
        self.version.as_str()
    }
    /// The neutral version: the same text.
    pub fn neutral(&self) -> &Version {
        &self.version
    }
    /// As the model's key: the same text.
    pub fn native_key(&self) -> Result<NativeVersion, BadVersion> {
        NativeVersion::parse(self.as_str()).map_err(|_| BadVersion { version: self.as_str().to_owned(), rule: "it is not a native key" })
    }
    /// The folder in a repository: the version, or the base of a snapshot's build.
    pub fn folder(&self) -> &str {
        self.build.as_ref().map_or(self.as_str(), |build| build.base.as_str())
    }
    /// The channel that a build of a snapshot moves.
    pub fn base(&self) -> Option<&Channel> {
        self.build.as_ref().map(|build| &build.base)
    }
    pub(crate) fn build(&self) -> Option<&Build> {
        self.build.as_ref()
    }
}

impl std::fmt::Display for PackageVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `1.0-` of `1.0-SNAPSHOT`; none if it is not a snapshot's.
pub fn snapshot_prefix(version: &str) -> Option<&str> {
    version.strip_suffix(SNAPSHOT).filter(|prefix| prefix.len() > 1 && prefix.ends_with('-'))
}

/// Base with its hyphen, time and number, as Maven's own pattern splits them: `^(.*-)?([0-9]{8}\.[0-9]{6}-[0-9]+)$`.
fn split_build(text: &str) -> Option<(&str, &str, &str)> {
    let (before, number) = text.rsplit_once('-')?;
    let at = before.rfind('-').map_or(0, |at| at + 1);
    let (base, timestamp) = before.split_at(at);
    (is_timestamp(timestamp) && is_digits(number)).then_some((base, timestamp, number))
}

/// The time and number at the beginning of a text, and what follows them.
pub(crate) fn leading_build(text: &str) -> Option<(&str, &str)> {
    let (timestamp, rest) = text.split_at_checked(15).filter(|(timestamp, _)| is_timestamp(timestamp))?;
    let digits = rest.strip_prefix('-')?;
    let length = digits.bytes().take_while(u8::is_ascii_digit).count();
    if length == 0 {
        return None;
    }
    Some(text.split_at(timestamp.len() + 1 + length))
}

fn is_timestamp(text: &str) -> bool {
    text.len() == 15 && text.split_once('.').is_some_and(|(day, time)| day.len() == 8 && is_digits(day) && is_digits(time))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_of_a_snapshot_is_in_the_folder_of_its_base() {
        for (text, folder) in [
            ("1.0", "1.0"),
            ("2.11.0", "2.11.0"),
            ("1.0-rc1", "1.0-rc1"),
            ("r09", "r09"),
            ("1.0-20261121.070000-1", "1.0-SNAPSHOT"),
            ("1.0-beta-2-20261121.070000-12", "1.0-beta-2-SNAPSHOT"),
            ("1.0-20261121.070000", "1.0-20261121.070000"),
            ("1.0-2026.1121070000-1", "1.0-2026.1121070000-1"),
            ("20261121", "20261121"),
        ] {
            let version = PackageVersion::parse(text).unwrap();
            assert_eq!((version.as_str(), version.folder()), (text, folder));
        }
    }

    #[test]
    fn what_maven_would_take_for_something_else_is_refused() {
        for bad in
            ["", "1.0-SNAPSHOT", "1.0-snapshot", "SNAPSHOT", "LATEST", "latest", "release", "20261121.070000-1", "1.0 ", "[1.0]", "${v}"]
        {
            assert!(PackageVersion::parse(bad).is_err(), "{bad:?}");
        }
        assert!(PackageVersion::parse("1.0-20261121.070000-1234567890").is_err());
        assert_eq!(snapshot_prefix("1.0-SNAPSHOT"), Some("1.0-"));
        assert_eq!(snapshot_prefix("1.0"), None);
        assert_eq!(snapshot_prefix("-SNAPSHOT"), None);
    }

    #[test]
    fn a_file_name_says_which_build_it_is_of() {
        assert_eq!(leading_build("20261121.070000-12-sources.jar"), Some(("20261121.070000-12", "-sources.jar")));
        assert_eq!(leading_build("20261121.070000-1.jar"), Some(("20261121.070000-1", ".jar")));
        for bad in ["", "20261121.070000", "20261121.070000-", "20261121.07000-1.jar", "SNAPSHOT.jar"] {
            assert_eq!(leading_build(bad), None);
        }
    }
}
