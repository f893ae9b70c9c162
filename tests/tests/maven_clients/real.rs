//! Real jars: every release that Debian has in Maven's layout is read, and every one that can be named here is published with
//! `deedbox publish`, each under the domain that its group begins with, and read back: every byte that comes out is the byte that
//! went in. What is left out or refused is counted, with its reason, and a reason that is not in the table fails the test.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use deedbox_maven::{Coordinates, Maven, Pom};
use deedbox_model::{Digests, Hasher, PackageId};
use deedbox_tests::{debian::debian, registry::Running};
use deedbox_view::{ArtifactSource, Dialect as _};

use super::bench::{DEBIAN, PACKAGES};

/// Releases, each with its jar, and jars, at least.
const AT_LEAST: usize = 300;

/// A release as Debian has it.
struct Release {
    pom: PathBuf,
    package: Coordinates,
    version: String,
    /// The POM first.
    files: Vec<OnDisk>,
}

impl Release {
    /// The id under the first domain that its group begins with.
    fn id(&self) -> PackageId {
        self.package.ids().pop().unwrap()
    }

    /// Why it cannot be published. A snapshot, which Debian has too, is one of its builds then (spec/projections/maven.md §2.2).
    fn refusal(&self) -> Option<(&'static str, String)> {
        let sources: Vec<&dyn ArtifactSource> = self.files.iter().map(|file| file as &dyn ArtifactSource).collect();
        let read = Maven.inspect(&deedbox_view::Said { id: Some(&self.id()), version: None }, &sources);
        let refusal = read.err().filter(|e| !(e.code == "pom_version" && self.is_snapshot()))?;
        Some((refusal.code, refusal.message))
    }

    fn is_snapshot(&self) -> bool {
        self.version.ends_with("-SNAPSHOT")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn real_jars_by_the_hundred_come_back_byte_for_byte() {
    debian(&PACKAGES).unwrap();
    debian(&["gradle"]).unwrap();
    let mut left_out = BTreeMap::<&str, Vec<String>>::new();
    let mut refused = BTreeMap::<&str, Vec<(String, PathBuf)>>::new();
    let mut releases = Vec::new();
    for path in poms() {
        let pom = Pom::read(&fs::read(&path).unwrap()).unwrap();
        let package = Coordinates::new(&pom.group, &pom.artifact).unwrap();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let version = stem[package.artifact().len() + 1..].to_owned();
        let mut names = vec![path.clone()];
        for entry in fs::read_dir(path.parent().unwrap()).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_its = name.strip_prefix(&stem).is_some_and(|tail| tail.starts_with(['.', '-']));
            if is_its && entry.path() != path && entry.path().is_file() {
                names.push(entry.path());
            }
        }
        let said = format!("{package}:{version}");
        let mut leave_out = |reason| left_out.entry(reason).or_default().push(said.clone());
        if !names.contains(&path.with_file_name(format!("{stem}.jar"))) {
            leave_out("without a jar");
        } else if is_second_name(&path) {
            leave_out("a second name that Debian has for a jar");
        } else if package.ids().is_empty() {
            leave_out("a group that begins with no domain");
        } else {
            let files: Vec<OnDisk> = names.iter().map(|name| OnDisk::new(name)).collect();
            let release = Release { pom: path, package, version, files };
            match release.refusal() {
                Some((code, message)) => refused.entry(code).or_default().push((message, release.pom)),
                None => releases.push(release),
            }
        }
    }
    explained(&left_out, &refused);

    // Every domain is claimed, as its holder would.
    let registry = Running::start().unwrap();
    for domain in releases.iter().map(|release| release.id().domain().clone()).collect::<BTreeSet<_>>() {
        let claim = ["claim", domain.as_str(), "--operator-key", "registry/keys/operator.pem"];
        registry.deedbox(claim).unwrap().done().unwrap();
    }
    let paths = releases.iter().map(|release| release.pom.as_os_str());
    let said = registry.deedbox(["publish".as_ref()].into_iter().chain(paths)).unwrap().done().unwrap();
    assert_eq!(said.out.matches(" published as entry ").count(), releases.len(), "{}", said.out);
    // What is refused is refused by the program too, in the same words.
    for (code, all) in &refused {
        for (_, pom) in all.iter().take(2) {
            let said = registry.deedbox(["publish".as_ref(), pom.as_os_str()]).unwrap();
            assert!(!said.ok && said.err.contains(code), "{code}: {}", said.all());
        }
    }

    let http = reqwest::Client::new();
    let get = async |path: &str| {
        let answer = http.get(format!("{}/maven/{path}", registry.url)).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        (answer.headers().clone(), answer.bytes().await.unwrap())
    };
    let (mut files, mut jars, mut bytes) = (0, 0, 0);
    for release in &releases {
        let folder = format!("{}/{}", release.package.folder(), release.version);
        for file in &release.files {
            let (headers, served) = get(&format!("{folder}/{}", file.name)).await;
            assert!(served == fs::read(&file.path).unwrap(), "{}: other bytes", file.path.display());
            assert_eq!(headers["x-checksum-sha512"], file.digests.sha512.to_string(), "{}", file.name);
            let (_, sha1) = get(&format!("{folder}/{}.sha1", file.name)).await;
            assert_eq!(sha1, file.digests.sha1.to_string(), "{}", file.name);
            files += 1;
            jars += usize::from(file.name.ends_with(".jar"));
            bytes += served.len();
        }
        let (_, metadata) = get(&format!("{}/maven-metadata.xml", release.package.folder())).await;
        let listed = format!("<version>{}</version>", release.version);
        assert!(String::from_utf8_lossy(&metadata).contains(&listed), "{} does not list {}", release.package, release.version);
    }
    for release in releases.iter().filter(|release| !release.is_snapshot()).step_by(releases.len() / 12) {
        let said = format!("{}@{}", release.id(), release.version);
        let jar = release.files.iter().find(|file| file.name.ends_with(".jar")).unwrap();
        registry.deedbox(["verify".as_ref(), said.as_ref(), jar.path.as_os_str()]).unwrap().done().unwrap();
    }
    let counted =
        |reasons: Vec<(&&str, usize)>| reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect::<Vec<_>>().join(", ");
    println!(
        "maven: {} releases with {jars} jars, {files} files of {bytes} bytes each way; left out: {}; refused: {}",
        releases.len(),
        counted(left_out.iter().map(|(reason, all)| (reason, all.len())).collect()),
        counted(refused.iter().map(|(code, all)| (code, all.len())).collect())
    );
    assert!(releases.len() >= AT_LEAST && jars >= AT_LEAST, "{} releases with {jars} jars", releases.len());
}

/// Each reason is true of each release that it is said of, and each refusal is one of these.
fn explained(left_out: &BTreeMap<&str, Vec<String>>, refused: &BTreeMap<&str, Vec<(String, PathBuf)>>) {
    for release in left_out.get("a group that begins with no domain").into_iter().flatten() {
        // `junit`, and `biz.aQute.bnd`: a domain has two labels, in lower case.
        let (group, _) = release.split_once(':').unwrap();
        let parts: Vec<&str> = group.split('.').take(2).collect();
        assert!(parts.len() == 1 || parts.concat().bytes().any(|b| b.is_ascii_uppercase()), "{release} begins with a domain");
    }
    assert!(refused.is_empty(), "{refused:#?}");
}

/// A version of Debian's own making: `debian`, `2.x`.
fn is_of_debian(version: &str) -> bool {
    version == "debian" || version.ends_with(".x")
}

/// Whether Debian has the jar of this POM under a version of its own making, and the very same file under the version that it was released as.
fn is_second_name(pom: &Path) -> bool {
    let version = |folder: &Path| folder.file_name().unwrap().to_string_lossy().into_owned();
    let (folder, package) = (pom.parent().unwrap(), pom.parent().and_then(Path::parent).unwrap());
    let jar_of = |folder: &Path| {
        fs::canonicalize(folder.join(format!("{}-{}.jar", package.file_name().unwrap().to_string_lossy(), version(folder)))).ok()
    };
    let others = fs::read_dir(package).unwrap().map(|entry| entry.unwrap().path()).filter(|other| other.is_dir());
    is_of_debian(&version(folder)) && others.filter(|other| !is_of_debian(&version(other))).any(|other| jar_of(&other) == jar_of(folder))
}

/// Every POM of Debian's repository, ascending.
fn poms() -> Vec<PathBuf> {
    let mut poms = Vec::new();
    let mut folders = vec![PathBuf::from(DEBIAN)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            match path.extension() {
                _ if entry.file_type().unwrap().is_dir() => folders.push(path),
                Some(extension) if extension == "pom" => poms.push(path),
                _ => {}
            }
        }
    }
    poms.sort();
    poms
}

/// A file with its digests.
struct OnDisk {
    path: PathBuf,
    name: String,
    size: u64,
    digests: Digests,
}

impl OnDisk {
    fn new(path: &Path) -> Self {
        let (size, digests) = Hasher::of(&fs::read(path).unwrap());
        OnDisk { path: path.to_owned(), name: path.file_name().unwrap().to_string_lossy().into_owned(), size, digests }
    }
}

impl ArtifactSource for OnDisk {
    fn name(&self) -> &str {
        &self.name
    }
    fn size(&self) -> u64 {
        self.size
    }
    fn digests(&self) -> Digests {
        self.digests
    }
    fn open(&self) -> std::io::Result<Box<dyn std::io::Read + '_>> {
        Ok(Box::new(fs::File::open(&self.path)?))
    }
}
