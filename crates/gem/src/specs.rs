//! The old indices: lists of names, versions and platforms, as they follow from the lines of `/versions`
//! (spec/projections/gem.md §6).

use crate::marshal::{self, Tuple};
use crate::routes::Kind;
use crate::version::GemVersion;
use std::collections::BTreeMap;

/// Of each `(name, platform)` the versions that are there, as they are written, with the places at which they came: versions
/// of one precedence stay in that order. By their texts, for a yank must not cost a visit to every other version.
type Gems<'a> = BTreeMap<(&'a str, Option<&'a str>), BTreeMap<&'a str, Vec<usize>>>;

/// One of the three lists, from all lines, before it is packed.
pub(crate) fn render(lines: &str, kind: Kind) -> Vec<u8> {
    let mut gems = Gems::new();
    let mut place = 0;
    for line in lines.lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(numbers)) = (words.next(), words.next()) else { continue };
        for number in numbers.split(',') {
            let (gone, number) = number.strip_prefix('-').map_or((false, number), |number| (true, number));
            let (version, platform) = number.split_once('-').map_or((number, None), |(version, platform)| (version, Some(platform)));
            let versions = gems.entry((name, platform)).or_default();
            if gone {
                versions.remove(version);
            } else {
                versions.entry(version).or_default().push(place);
                place += 1;
            }
        }
    }
    let mut tuples: Vec<Tuple<'_>> = Vec::new();
    for ((name, platform), versions) in &gems {
        let mut there: Vec<(usize, &str, GemVersion)> = Vec::with_capacity(versions.len());
        for (text, places) in versions {
            let Ok(version) = GemVersion::parse(text) else { continue };
            if version.is_prerelease() == (kind == Kind::Prereleases) {
                there.extend(places.iter().map(|place| (*place, *text, version.clone())));
            }
        }
        there.sort_by(|(a_came, _, a), (b_came, _, b)| a.precedence(b).then(a_came.cmp(b_came)));
        let skipped = if kind == Kind::Latest { there.len().saturating_sub(1) } else { 0 };
        tuples.extend(there.iter().skip(skipped).map(|(_, text, _)| (*name, *text, *platform)));
    }
    marshal::tuples(&tuples)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    /// What the lists are by definition: each line adds a version or takes away every one of its text.
    fn by_definition(lines: &str, kind: Kind) -> Vec<u8> {
        let mut gems: BTreeMap<(&str, Option<&str>), Vec<GemVersion>> = BTreeMap::new();
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

    /// Few names, versions and platforms, so that they meet; versions of one precedence, and texts that are not versions.
    fn line() -> impl Strategy<Value = String> {
        let number = ("-?", "(1|1\\.0|1\\.0\\.0|2|2\\.0\\.rc1|10|x|)", "(-java|-x86-linux|)");
        let numbers = proptest::collection::vec(number.prop_map(|(sign, version, platform)| format!("{sign}{version}{platform}")), 1..4);
        ("[ab]", numbers).prop_map(|(name, numbers)| format!("{name} {} 00\n", numbers.join(",")))
    }

    proptest! {
        #[test]
        fn the_lists_are_what_every_history_of_lines_leaves(lines in proptest::collection::vec(line(), 0..60)) {
            let lines = lines.concat();
            for kind in [Kind::Releases, Kind::Latest, Kind::Prereleases] {
                prop_assert_eq!(render(&lines, kind), by_definition(&lines, kind));
            }
        }
    }

    #[test]
    fn a_yank_does_not_cost_a_visit_to_every_other_version() {
        let mut lines = String::new();
        (0..60_000).for_each(|n| lines.push_str(&format!("a 1.{n} 00\n")));
        (0..60_000).for_each(|n| lines.push_str(&format!("a {}1.7 00\n", if n % 2 == 0 { "-" } else { "" })));
        let begun = Instant::now();
        render(&lines, Kind::Releases);
        // By visits it took three and a half thousand million comparisons: minutes.
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }
}
