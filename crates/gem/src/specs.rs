//! The old indices: lists of names, versions and platforms, as they follow from the lines of `/versions`
//! (spec/projections/gem.md §6).

use crate::marshal::{self, Tuple};
use crate::routes::Kind;
use crate::version::GemVersion;
use std::collections::BTreeMap;

/// `(name, platform)` and the versions that are there.
type Gems<'a> = BTreeMap<(&'a str, Option<&'a str>), Vec<GemVersion>>;

/// One of the three lists, from all lines, before it is packed.
pub(crate) fn render(lines: &str, kind: Kind) -> Vec<u8> {
    let mut gems = Gems::new();
    for line in lines.lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(numbers)) = (words.next(), words.next()) else { continue };
        for number in numbers.split(',') {
            let (gone, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
            let (version, platform) = number.split_once('-').map_or((number, None), |(version, platform)| (version, Some(platform)));
            let Ok(version) = GemVersion::parse(version) else { continue };
            let versions = gems.entry((name, platform)).or_default();
            if gone {
                versions.retain(|there| *there != version);
            } else {
                versions.push(version);
            }
        }
    }
    let mut tuples: Vec<Tuple<'_>> = Vec::new();
    for ((name, platform), versions) in &mut gems {
        versions.sort_by(GemVersion::precedence);
        versions.retain(|version| version.is_prerelease() == (kind == Kind::Prereleases));
        let skipped = if kind == Kind::Latest { versions.len().saturating_sub(1) } else { 0 };
        tuples.extend(versions.iter().skip(skipped).map(|version| (*name, version.as_str(), *platform)));
    }
    marshal::tuples(&tuples)
}
