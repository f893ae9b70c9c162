//! File names: `N-V[-P]`, and the ways in which such a text can be read (spec/projections/gem.md §3).

use crate::limits::READINGS;
use crate::platform::Platform;
use crate::version::GemVersion;

/// One way to read a file name without its ending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reading<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: GemVersion,
    pub(crate) platform: Option<&'a str>,
}

/// `N-V[-P]`.
pub(crate) fn full_name(name: &str, version: &str, platform: Option<&str>) -> String {
    match platform {
        None => format!("{name}-{version}"),
        Some(platform) => format!("{name}-{version}-{platform}"),
    }
}

/// Every way to read a text as name, version and platform, the shortest name first. A version begins with a digit and a
/// platform with a letter, and neither a name nor a platform reads as another's, so that among gems that exist one fits.
pub(crate) fn readings(text: &str) -> impl Iterator<Item = Reading<'_>> {
    let hyphens = text.match_indices('-');
    let readings = hyphens.filter_map(|(at, _)| {
        let (name, rest) = (text.get(..at)?, text.get(at + 1..)?);
        let (version, platform) = rest.split_once('-').map_or((rest, None), |(version, platform)| (version, Some(platform)));
        let version = GemVersion::parse(version).ok()?;
        if name.is_empty() || platform.is_some_and(|platform| Platform::parse(platform).is_none()) {
            return None;
        }
        Some(Reading { name, version, platform })
    });
    readings.take(READINGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_read_in_every_way_it_can_be() {
        let all = |text: &str| {
            readings(text).map(|r| format!("{} {} {}", r.name, r.version.as_str(), r.platform.unwrap_or("ruby"))).collect::<Vec<_>>()
        };
        assert_eq!(all("widget-1.0.0"), ["widget 1.0.0 ruby"]);
        assert_eq!(all("widget-1.0.0-x86_64-linux"), ["widget 1.0.0 x86_64-linux"]);
        assert_eq!(all("foo-1-2.0"), ["foo-1 2.0 ruby"]);
        assert_eq!(all("foo-bar-1.0.rc1-java"), ["foo-bar 1.0.rc1 java"]);
        assert_eq!(all("widget"), Vec::<String>::new());
        assert_eq!(all("-1.0"), Vec::<String>::new());
        assert_eq!(all("foo-1-x-darwin-4"), ["foo 1 x-darwin-4", "foo-1-x-darwin 4 ruby"], "the second is refused as a name");
    }
}
