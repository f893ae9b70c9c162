//! In which order releases are published. Registries derive much from it: what is newest, what a channel points at. So it is that of the
//! folder they come from, where something there says it, else that of their ecosystem's versions, oldest first.

use super::Release;
use std::cmp::Ordering;

/// Releases of one package one after the other, in their order; packages as they came.
pub(super) fn ordered(releases: Vec<Release>) -> Vec<Release> {
    let mut packages: Vec<Vec<Release>> = Vec::new();
    for release in releases {
        match packages.iter_mut().find(|package| package.first().is_some_and(|first| first.id() == release.id())) {
            Some(package) => package.push(release),
            None => packages.push(vec![release]),
        }
    }
    packages.into_iter().flat_map(of_one).collect()
}

fn of_one(releases: Vec<Release>) -> Vec<Release> {
    let place = releases.first().map(Release::place);
    let is_ranked = releases.iter().all(|release| release.rank().is_some() && Some(release.place()) == place);
    sorted(releases, &|left, right| if is_ranked { left.rank().cmp(&right.rank()) } else { left.compare(right) })
}

/// Sorts by merging, stably. The standard library's sort may panic where a comparison is not a total order, and Maven's is not.
fn sorted<T>(mut all: Vec<T>, compare: &dyn Fn(&T, &T) -> Ordering) -> Vec<T> {
    if all.len() < 2 {
        return all;
    }
    let right = sorted(all.split_off(all.len() / 2), compare);
    let mut merged = Vec::with_capacity(all.len() + right.len());
    let mut left = sorted(all, compare).into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        let next = if compare(one, other) == Ordering::Greater { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_as_the_standard_library_does(all in proptest::collection::vec((0u8..20, any::<u16>()), 0..200)) {
            let mut expected = all.clone();
            expected.sort_by_key(|(key, _)| *key);
            prop_assert_eq!(sorted(all, &|a, b| a.0.cmp(&b.0)), expected);
        }

        #[test]
        fn what_is_no_order_loses_nothing(all in proptest::collection::vec(0u8..9, 0..200)) {
            // Each is above the one before it, and the first above the last.
            let mut found = sorted(all.clone(), &|a, b| ((b + 9 - a) % 9).cmp(&4));
            let mut all = all;
            all.sort_unstable();
            found.sort_unstable();
            prop_assert_eq!(found, all);
        }
    }
}
