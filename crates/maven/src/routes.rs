//! Routes: from a path to what it asks for (spec/projections/maven.md §6). Each thing has one path: a group with a dot
//! inside a part, an empty part, a build outside its snapshot's folder lead nowhere.

use crate::name::{Coordinates, METADATA, check_group};
use crate::version::{PackageVersion, leading_build, snapshot_prefix};
use deedbox_model::{Algorithm, Channel};
use deedbox_view::{Method, Request};

/// Where Maven and Gradle are pointed.
pub(crate) const MOUNT: &str = "/maven/";
const PREFIXES: &str = ".meta/prefixes.txt";

/// What is asked for, and by which digest if only that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) thing: Thing,
    pub(crate) checksum: Option<Algorithm>,
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Thing {
    /// The mount itself.
    Root,
    /// What begins the paths of what is here.
    Prefixes,
    /// The metadata of a folder, which may be that of a group, of a package, or of both at once; an artifact may have a dot in
    /// its name, and then its folder is not a group's.
    Folder { group: Option<String>, package: Option<Coordinates> },
    /// The metadata of a snapshot.
    Snapshot(Coordinates, Channel),
    /// A file, by what follows `A-V` in its name.
    File(Coordinates, PackageVersion, String),
    /// The file of whatever build a snapshot points at.
    Latest(Coordinates, Channel, String),
    /// Nothing is there.
    Nothing,
    /// A write.
    Write,
}

/// Finds what a request asks for.
pub(crate) fn route(request: &Request) -> Route {
    if request.method != Method::Get {
        return Route { thing: Thing::Write, checksum: None };
    }
    let path = request.path.as_str();
    let sums = [(".sha1", Algorithm::Sha1), (".md5", Algorithm::Md5), (".sha256", Algorithm::Sha256), (".sha512", Algorithm::Sha512)];
    let sum = sums.iter().find_map(|(ending, algorithm)| Some((path.strip_suffix(ending)?, *algorithm)));
    match sum {
        Some((path, algorithm)) => match thing(path) {
            Some(thing) if thing != Thing::Root => Route { thing, checksum: Some(algorithm) },
            _ => Route { thing: Thing::Nothing, checksum: None },
        },
        None => Route { thing: thing(path).unwrap_or(Thing::Nothing), checksum: None },
    }
}

fn thing(path: &str) -> Option<Thing> {
    match path {
        "" => return Some(Thing::Root),
        PREFIXES => return Some(Thing::Prefixes),
        _ => {}
    }
    let (folder, file) = path.rsplit_once('/')?;
    let package = |folder: &str| {
        let (group, artifact) = folder.rsplit_once('/')?;
        Coordinates::new(&group_of(group)?, artifact).ok()
    };
    if file == METADATA {
        return match folder.rsplit_once('/') {
            Some((above, base)) if snapshot_prefix(base).is_some() => Some(Thing::Snapshot(package(above)?, Channel::parse(base).ok()?)),
            _ => match (group_of(folder), package(folder)) {
                (None, None) => None,
                (group, package) => Some(Thing::Folder { group, package }),
            },
        };
    }
    let (above, version) = folder.rsplit_once('/')?;
    let package = package(above)?;
    let rest = file.strip_prefix(package.artifact())?.strip_prefix('-')?;
    let Some(prefix) = snapshot_prefix(version) else {
        let version = PackageVersion::parse(version).ok().filter(|parsed| parsed.folder() == version)?;
        let tail = rest.strip_prefix(version.as_str())?.to_owned();
        return Some(Thing::File(package, version, tail));
    };
    if let Some(tail) = rest.strip_prefix(version) {
        return Some(Thing::Latest(package, Channel::parse(version).ok()?, tail.to_owned()));
    }
    let (build, tail) = leading_build(rest.strip_prefix(prefix)?)?;
    let build = PackageVersion::parse(&format!("{prefix}{build}")).ok()?;
    Some(Thing::File(package, build, tail.to_owned()))
}

/// The group whose folder this is.
fn group_of(folder: &str) -> Option<String> {
    if folder.contains('.') || folder.len() > crate::limits::NAME_BYTES {
        return None;
    }
    let group = folder.replace('/', ".");
    check_group(&group).is_ok().then_some(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Route {
        route(&Request::get(MOUNT, path))
    }

    #[test]
    fn each_path_leads_to_its_thing() {
        let widget = Coordinates::new("example.acme", "widget").unwrap();
        let version = |text: &str| PackageVersion::parse(text).unwrap();
        let snapshot = || Channel::parse("1.0-SNAPSHOT").unwrap();
        for (path, expected) in [
            ("", Thing::Root),
            (".meta/prefixes.txt", Thing::Prefixes),
            (
                "example/acme/widget/maven-metadata.xml",
                Thing::Folder { group: Some("example.acme.widget".into()), package: Some(widget.clone()) },
            ),
            ("example/maven-metadata.xml", Thing::Folder { group: Some("example".into()), package: None }),
            ("example/acme/widget/1.0-SNAPSHOT/maven-metadata.xml", Thing::Snapshot(widget.clone(), snapshot())),
            ("example/acme/widget/1.0/widget-1.0.pom", Thing::File(widget.clone(), version("1.0"), ".pom".into())),
            ("example/acme/widget/1.0/widget-1.0-sources.jar.asc", Thing::File(widget.clone(), version("1.0"), "-sources.jar.asc".into())),
            (
                "example/acme/widget/1.0-SNAPSHOT/widget-1.0-20261121.070000-1.jar",
                Thing::File(widget.clone(), version("1.0-20261121.070000-1"), ".jar".into()),
            ),
            ("example/acme/widget/1.0-SNAPSHOT/widget-1.0-SNAPSHOT-sources.jar", Thing::Latest(widget, snapshot(), "-sources.jar".into())),
        ] {
            assert_eq!(of(path), Route { thing: expected.clone(), checksum: None }, "{path}");
            if expected != Thing::Root {
                assert_eq!(of(&format!("{path}.sha1")), Route { thing: expected.clone(), checksum: Some(Algorithm::Sha1) });
                assert_eq!(of(&format!("{path}.sha512")), Route { thing: expected, checksum: Some(Algorithm::Sha512) });
            }
        }
        let dotted = Coordinates::new("example.acme", "wid.get").unwrap();
        assert_eq!(of("example/acme/wid.get/1.0/wid.get-1.0.jar").thing, Thing::File(dotted.clone(), version("1.0"), ".jar".into()));
        let folder = Thing::Folder { group: None, package: Some(dotted) };
        assert_eq!(of("example/acme/wid.get/maven-metadata.xml").thing, folder, "of a package, and of no group");
    }

    #[test]
    fn a_second_path_to_the_same_thing_leads_nowhere() {
        for path in [
            "/",
            ".sha1",
            "widget",
            "example/acme/widget",
            "example/acme/widget/",
            "example/acme/widget/1.0/",
            "example.acme/widget/1.0/widget-1.0.pom",
            "example/acme/./widget/1.0/widget-1.0.pom",
            "example//acme/widget/1.0/widget-1.0.pom",
            "example/acme/widget/1.0/other-1.0.pom",
            "example/acme/widget/1.0/widget-1.1.pom",
            "example/acme/widget/1.0-20261121.070000-1/widget-1.0-20261121.070000-1.jar",
            "example/acme/widget/1.0-SNAPSHOT/widget-1.1-20261121.070000-1.jar",
            "example.acme/maven-metadata.xml",
            "maven-metadata.xml",
            "example/acme/widget/maven-metadata-central.xml",
            "../x",
        ] {
            assert_eq!(of(path).thing, Thing::Nothing, "{path}");
        }
        let write = Request { method: Method::Write, ..Request::get(MOUNT, "example/acme/widget/1.0/widget-1.0.pom") };
        assert_eq!(route(&write).thing, Thing::Write);
    }
}
