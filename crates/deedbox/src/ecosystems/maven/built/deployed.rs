//! In which order the releases in a folder were deployed: what Maven left in `maven-metadata.xml`, in a local repository
//! `maven-metadata-local.xml`. Where it names them all, that is their order; where it does not, they have none by it.

use super::Draft;
use crate::reading::read_file;
use deedbox_maven::{Listed, PackageVersion, limits};
use std::path::Path;

/// Gives the releases of one package, which lie in folders below `folder`, their ranks, if the folder says them.
pub(super) fn rank(folder: &Path, drafts: &mut [Draft]) {
    let Some(listed) = read(folder) else { return };
    let folder_of = |draft: &Draft| {
        let parsed = PackageVersion::parse(&draft.version);
        parsed.map_or_else(|_| draft.version.clone(), |parsed| parsed.folder().to_owned())
    };
    let place = |draft: &Draft| listed.versions.iter().rposition(|version| *version == folder_of(draft));
    if drafts.iter().any(|draft| place(draft).is_none()) {
        return;
    }
    // What was deployed last stands in the list where it was deployed first.
    let is_last = |draft: &Draft, last: &Option<String>| last.as_deref() == Some(folder_of(draft).as_str());
    let builds: Vec<Option<String>> = drafts
        .iter()
        .map(|draft| if folder_of(draft) == draft.version { None } else { read(&folder.join(folder_of(draft)))?.build })
        .collect();
    let mut order: Vec<(_, usize)> = drafts
        .iter()
        .zip(&builds)
        .enumerate()
        .map(|(at, (draft, current))| {
            let build = draft.version.rsplitn(3, '-').take(2).collect::<Vec<_>>();
            let build = match build.as_slice() {
                [number, time] if folder_of(draft) != draft.version => {
                    Some(((*time).to_owned(), number.parse::<u64>().unwrap_or(u64::MAX)))
                }
                _ => None,
            };
            let is_current = current.as_ref().is_some_and(|current| draft.version.ends_with(current.as_str()));
            ((is_last(draft, &listed.latest), is_last(draft, &listed.release), place(draft), is_current, build), at)
        })
        .collect();
    order.sort();
    for (rank, (_, at)) in order.into_iter().enumerate() {
        if let Some(draft) = drafts.get_mut(at) {
            draft.rank = Some(rank as u64);
        }
    }
    drafts.sort_by_key(|draft| draft.rank);
}

/// What a folder's metadata says: of the repository itself, else of a local repository, else of the one that it was copied from.
fn read(folder: &Path) -> Option<Listed> {
    let names = std::fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("maven-metadata") && name.ends_with(".xml")).collect();
    names.sort_by_key(|name| (name != "maven-metadata.xml", name != "maven-metadata-local.xml", name.clone()));
    names.iter().find_map(|name| Listed::read(&read_file(&folder.join(name), limits::METADATA_BYTES as u64).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_maven::Coordinates;

    fn ranked(versions: &[&str], files: &[(&str, &str)]) -> Vec<(String, Option<u64>)> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let package = Coordinates::new("example.acme", "w").unwrap();
        let draft = |version: &&str| Draft { package: package.clone(), version: (*version).to_owned(), files: Vec::new(), rank: None };
        let mut drafts: Vec<Draft> = versions.iter().map(draft).collect();
        rank(dir.path(), &mut drafts);
        drafts.into_iter().map(|draft| (draft.version, draft.rank)).collect()
    }

    fn metadata(versions: &str, more: &str) -> String {
        let versions: String = versions.split(' ').map(|version| format!("<version>{version}</version>")).collect();
        format!("<metadata><versioning>{more}<versions>{versions}</versions></versioning></metadata>")
    }

    #[test]
    fn the_order_is_that_of_the_deploys() {
        let order = |versions: &[&str], files: &[(&str, &str)]| -> Vec<String> {
            ranked(versions, files)
                .into_iter()
                .map(|(version, rank)| format!("{version}{}", if rank.is_none() { "?" } else { "" }))
                .collect()
        };
        let (list, local) = ("maven-metadata.xml", "maven-metadata-local.xml");
        assert_eq!(order(&["1.0", "2.0"], &[]), ["1.0?", "2.0?"]);
        assert_eq!(order(&["1.0", "2.0"], &[(list, &metadata("2.0 1.0", ""))]), ["2.0", "1.0"]);
        assert_eq!(order(&["1.0", "2.0"], &[(local, &metadata("2.0 1.0", ""))]), ["2.0", "1.0"]);
        assert_eq!(order(&["1.0", "2.0"], &[(local, &metadata("2.0 1.0", "")), (list, &metadata("1.0 2.0", ""))]), ["1.0", "2.0"]);
        assert_eq!(order(&["1.0", "2.0"], &[(list, &metadata("2.0", ""))]), ["1.0?", "2.0?"], "what it does not name has no place");
        assert_eq!(order(&["1.0", "1.1"], &[(list, &metadata("1.0 1.1", "<release>1.0</release>"))]), ["1.1", "1.0"]);
        assert_eq!(order(&["1.0"], &[(list, "<nonsense")]), ["1.0?"]);
        let builds = ["1.0-20260102.000000-2", "1.0-20260101.000000-10", "1.0-20260101.000000-9"];
        let sorted = ["1.0-20260101.000000-9", "1.0-20260101.000000-10", "1.0-20260102.000000-2"];
        assert_eq!(order(&builds, &[(list, &metadata("1.0-SNAPSHOT", ""))]), sorted);
        let current = "<metadata><versioning><snapshot><timestamp>20260101.000000</timestamp><buildNumber>9</buildNumber></snapshot></versioning></metadata>";
        let files = [(list, metadata("1.0-SNAPSHOT", "")), ("1.0-SNAPSHOT/maven-metadata.xml", current.to_owned())];
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        assert_eq!(order(&builds, &files), ["1.0-20260101.000000-10", "1.0-20260102.000000-2", "1.0-20260101.000000-9"]);
    }
}
