//! Maven packages: a directory with a `pom.xml` that Maven has built, one with a Gradle build that has published into a
//! folder, a directory in repository layout, or one `.pom` with what lies beside it. Builds nothing: what is missing is
//! said in words. A snapshot gets the time of its build here.

mod deployed;

use crate::failure::{refused, wrong};
use crate::home;
use crate::packages::file::FileArtifact;
use crate::packages::{Found, LeftOut, Packages, Wish};
use crate::reading::read_file;
use deedbox_client::{Registry, state};
use deedbox_maven::version::snapshot_prefix;
use deedbox_maven::{Coordinates, Maven, PackageVersion, Pom, coordinates_of, limits};
use deedbox_model::PackageId;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Entries that are looked at below a directory before it is taken for something else.
const ENTRIES: usize = 200_000;
/// Folders inside each other: a group of twenty parts, its artifact and version.
const DEPTH: usize = 32;
/// What a Gradle build is known by.
const GRADLE_FILES: [&str; 4] = ["build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"];
/// Where Gradle builds usually publish to, below the project.
const GRADLE_FOLDERS: [&str; 5] = ["build/repo", "build/repos", "build/repository", "build/maven-repo", "build/staging-deploy"];
/// Files that Maven and others leave beside artifacts, and that are not part of a release.
const NOT_OURS: [&str; 6] = [".md5", ".sha1", ".sha256", ".sha512", ".lastUpdated", ".repositories"];
/// How what Maven and others leave beside artifacts begins.
const BESIDE: [&str; 4] = ["maven-metadata", "_remote.repositories", "resolver-status", "m2e-"];
/// What is a release's even where no POM says so.
const PACKED: [&str; 7] = [".jar", ".war", ".ear", ".rar", ".aar", ".klib", ".module"];
/// What a Maven build attaches under names of its own.
const ATTACHED: [&str; 5] = ["-sources.jar", "-javadoc.jar", "-tests.jar", "-test-sources.jar", "-test-javadoc.jar"];

/// The name of a manifest that Maven or Gradle builds by, if this directory has one.
pub(super) fn manifest(path: &Path) -> Option<String> {
    crate::packages::file_of(path, &["pom.xml"]).or_else(|| crate::packages::file_of(path, &GRADLE_FILES))
}

/// How the same bytes are built again.
const REBUILT: &str = "Maven writes the times of project.build.outputTimestamp into jars, if the POM sets that property; Gradle's archives are told \
                       preserveFileTimestamps = false and reproducibleFileOrder = true";

/// The packages at a path, if they are Maven's.
pub(super) async fn find(path: &Path, wish: Wish<'_>) -> anyhow::Result<Option<Packages>> {
    let laid = if path.is_file() && path.extension().is_some_and(|extension| extension == "pom") {
        Laid::from(beside(path)?)
    } else if let Some(manifest) = manifest(path) {
        if manifest == "pom.xml" { project(path)? } else { gradle(path)? }
    } else if path.is_dir() {
        layout(path)?
    } else {
        return Ok(None);
    };
    if laid.drafts.is_empty() && laid.refused.is_empty() && laid.left_out.is_empty() {
        return Ok(None);
    }
    let mut packages = Packages { refused: laid.refused, left_out: laid.left_out, notes: laid.notes, ..Packages::default() };
    let mut owners = Owners { registry: wish.registry, known: BTreeMap::new() };
    for draft in laid.drafts {
        let id = match wish.id {
            Some(id) => Some(id.clone()),
            None => owners.id_of(&draft.package).await?,
        };
        let version = match snapshot_prefix(&draft.version) {
            None => draft.version.clone(),
            Some(prefix) => format!("{prefix}{}-{}", timestamp(), owners.next_build(id.as_ref(), &draft.version).await?),
        };
        let stem = format!("{}-{version}", draft.package.artifact());
        let rank = draft.rank;
        let artifacts = tokio::task::spawn_blocking(move || {
            draft
                .files
                .into_iter()
                .map(|(path, tail)| anyhow::Ok(FileArtifact::named(&path, format!("{stem}{tail}"))?.into()))
                .collect::<anyhow::Result<Vec<_>>>()
        });
        let (artifacts, dialect) = (artifacts.await??, Arc::new(Maven));
        packages.found.push(Found { dialect, artifacts, id, version: None, rank, rebuilt: REBUILT, folder: None });
    }
    Ok(Some(packages))
}

/// What a directory in repository layout holds.
#[derive(Default)]
struct Laid {
    drafts: Vec<Draft>,
    refused: Vec<(String, anyhow::Error)>,
    left_out: Vec<LeftOut>,
    notes: Vec<String>,
}

impl From<Draft> for Laid {
    fn from(draft: Draft) -> Self {
        Laid { drafts: vec![draft], ..Self::default() }
    }
}

/// The files of one release, before a snapshot has its time.
struct Draft {
    package: Coordinates,
    version: String,
    /// Each with what follows artifact and version in its name.
    files: Vec<(PathBuf, String)>,
    /// Where it stands among the releases of its package, by what a deploy left there.
    rank: Option<u64>,
}

fn read_pom(path: &Path) -> anyhow::Result<(Pom, Coordinates)> {
    let bytes = read_file(path, limits::POM_BYTES)?;
    let pom = Pom::read(&bytes).map_err(|e| refused(format!("{}: {} [{}]", path.display(), e.message, e.code)))?;
    let package = coordinates_of(&pom).map_err(|e| refused(format!("{}: {} [{}]", path.display(), e.message, e.code)))?;
    Ok((pom, package))
}

/// What `mvn package` left in `target`.
fn project(dir: &Path) -> anyhow::Result<Laid> {
    // A build whose version is a property leaves the POM that is to be published beside the one that it was made from.
    let flattened = dir.join(".flattened-pom.xml");
    let pom_path = if flattened.is_file() { flattened } else { dir.join("pom.xml") };
    let (pom, package) = read_pom(&pom_path)?;
    let stem = format!("{}-{}", package.artifact(), pom.version);
    let target = dir.join("target");
    let mut files = vec![(pom_path, ".pom".to_owned())];
    let mut notes = Vec::new();
    if pom.packaging == "pom" {
        notes.push(format!("{package} is packed as pom: only its POM is published; name the folders of its modules beside it"));
    } else {
        let extension = match pom.packaging.as_str() {
            packed @ ("war" | "ear" | "rar" | "aar" | "zip" | "tar.gz") => packed,
            _ => "jar",
        };
        let main = target.join(format!("{stem}.{extension}"));
        if !main.is_file() {
            return Err(refused(format!(
                "{} is not there: run mvn package first, or, if the build gives it another name, mvn deploy \
                 -DaltDeploymentRepository=x::default::file:target/repository, and publish target/repository",
                main.display()
            )));
        }
        files.push((main, format!(".{extension}")));
        for tail in ATTACHED {
            let path = target.join(format!("{stem}{tail}"));
            if path.is_file() {
                files.push((path, tail.to_owned()));
            }
        }
    }
    let signatures: Vec<_> = files
        .iter()
        .map(|(_, tail)| (target.join(format!("{stem}{tail}.asc")), format!("{tail}.asc")))
        .filter(|(path, _)| path.is_file())
        .collect();
    files.extend(signatures);
    notes.extend(not_known_to_be_attached(&target, &stem, &files));
    Ok(Laid { notes, ..Draft { package, version: pom.version, files, rank: None }.into() })
}

/// A file may be attached, or be left of another build: only the build knows.
fn not_known_to_be_attached(target: &Path, stem: &str, files: &[(PathBuf, String)]) -> Option<String> {
    let names = std::fs::read_dir(target).into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let left = names.filter(|name| {
        let is_ours = files.iter().any(|(_, tail)| name.strip_prefix(stem) == Some(tail));
        name.strip_prefix(stem).is_some_and(|tail| tail.starts_with('-')) && !is_ours && target.join(name).is_file()
    });
    let mut left: Vec<String> = left.collect();
    left.sort();
    (!left.is_empty()).then(|| {
        format!(
            "left out, since the build may have made them for itself: {}. To publish all that it attaches, run mvn deploy \
             -DaltDeploymentRepository=x::default::file:target/repository and publish target/repository",
            left.join(", ")
        )
    })
}

/// What a Gradle build has published into a folder of its own.
fn gradle(dir: &Path) -> anyhow::Result<Laid> {
    for folder in GRADLE_FOLDERS {
        let folder = dir.join(folder);
        if folder.is_dir() {
            let laid = layout(&folder)?;
            if !(laid.drafts.is_empty() && laid.refused.is_empty() && laid.left_out.is_empty()) {
                return Ok(laid);
            }
        }
    }
    Err(wrong(format!(
        "{} is a Gradle build that has published nothing yet: let maven-publish publish into a folder, \
         publishing {{ repositories {{ maven {{ url = \"$buildDir/repo\" }} }} }}, run gradle publish, and publish again, or name the folder",
        dir.display()
    )))
}

/// One `.pom` and the files beside it whose names begin as its does.
fn beside(pom_path: &Path) -> anyhow::Result<Draft> {
    let (pom, package) = read_pom(pom_path)?;
    let name = pom_path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = name
        .strip_prefix(package.artifact())
        .and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".pom"))
        .ok_or_else(|| wrong(format!("{} is the POM of {package}:{}, and has another name", pom_path.display(), pom.version)))?
        .to_owned();
    let folder = pom_path.parent().unwrap_or(Path::new(""));
    let files = files_of(folder, &format!("{}-{version}", package.artifact()))?;
    Ok(Draft { package, version, files, rank: None })
}

/// The files of a folder that are those of one release.
fn files_of(folder: &Path, stem: &str) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(here).map_err(|e| wrong(format!("{}: {e}", here.display())))? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(tail) = name.strip_prefix(stem).filter(|tail| tail.starts_with(['.', '-'])) else { continue };
        if entry.path().is_file() && !NOT_OURS.iter().any(|ending| tail.ends_with(ending)) {
            files.push((entry.path(), tail.to_owned()));
        }
    }
    files.sort();
    Ok(files)
}

/// Every release below a directory in repository layout: `…/ARTIFACT/VERSION/ARTIFACT-VERSION.pom`. The releases of one package come in
/// the order in which they were deployed there, where that is written down.
fn layout(dir: &Path) -> anyhow::Result<Laid> {
    let mut folders = vec![(dir.to_owned(), 0)];
    let mut laid = Laid::default();
    let mut deep = Vec::new();
    let mut entries = 0;
    // By the folder of the artifact: a package's releases are in one.
    let mut packages: BTreeMap<PathBuf, Vec<Draft>> = BTreeMap::new();
    while let Some((folder, depth)) = folders.pop() {
        let below: Vec<std::fs::DirEntry> =
            std::fs::read_dir(&folder).map_err(|e| wrong(format!("{}: {e}", folder.display())))?.collect::<Result<_, _>>()?;
        entries += below.len();
        if entries > ENTRIES {
            return Err(wrong(format!("{} has more than {ENTRIES} entries below it: name a smaller part", dir.display())));
        }
        let mut files = Vec::new();
        for entry in below {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth < DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if is_folder {
                deep.push(left(&entry.path(), &format!("it lies more than {DEPTH} folders deep")));
            } else if let Ok(name) = entry.file_name().into_string() {
                files.push(name);
            }
        }
        files.sort();
        let drafts = version_folder(&folder, &files, &mut laid)?;
        if !drafts.is_empty() {
            packages.entry(folder.parent().unwrap_or(&folder).to_owned()).or_default().extend(drafts);
        }
    }
    for (folder, mut drafts) in packages {
        deployed::rank(&folder, &mut drafts);
        laid.drafts.extend(drafts);
    }
    // Of what is not a repository at all nothing is left out.
    if !laid.drafts.is_empty() {
        laid.left_out.extend(deep);
    }
    laid.left_out.sort();
    Ok(laid)
}

fn left(path: &Path, why: &str) -> LeftOut {
    LeftOut { path: path.display().to_string(), why: why.to_owned() }
}

/// The releases in a folder, if it is one of a version. A file that looks like a part of a release and is not one is left out.
fn version_folder(folder: &Path, files: &[String], laid: &mut Laid) -> anyhow::Result<Vec<Draft>> {
    let named = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let version = named(folder);
    let artifact = folder.parent().map(named).unwrap_or_default();
    let mut drafts: Vec<Draft> = Vec::new();
    for name in files {
        let stem = name.strip_suffix(".pom").and_then(|stem| Some((stem, stem.strip_prefix(&artifact)?.strip_prefix('-')?)));
        let Some((stem, named)) = stem else { continue };
        let is_build = PackageVersion::parse(named).is_ok_and(|parsed| parsed.folder() == version);
        if named != version && !is_build {
            continue;
        }
        match read_pom(&folder.join(name)) {
            Ok((_, package)) => {
                drafts.push(Draft { package, version: named.to_owned(), files: files_of(folder, stem)?, rank: None });
            }
            Err(error) => {
                // Its other files are not left out: they are refused with it.
                laid.refused.push((folder.join(name).display().to_string(), error));
            }
        }
    }
    let has_pom = files.iter().any(|name| name.ends_with(".pom"));
    let is_of_it = |name: &String| {
        let rest = name.strip_prefix(&artifact).and_then(|rest| rest.strip_prefix('-')?.strip_prefix(&version));
        let is_packed = PACKED.iter().any(|ending| name.ends_with(ending));
        !artifact.is_empty() && is_packed && rest.is_some_and(|rest| rest.starts_with(['.', '-']))
    };
    if !has_pom && !files.iter().any(is_of_it) {
        return Ok(drafts);
    }
    let refused: Vec<&str> = laid.refused.iter().filter_map(|(path, _)| path.rsplit('/').next()?.strip_suffix(".pom")).collect();
    for name in files {
        let path = folder.join(name);
        let is_in = drafts.iter().any(|draft| draft.files.iter().any(|(file, _)| *file == path));
        let is_refused = refused.iter().any(|stem| name.starts_with(stem));
        let is_beside = NOT_OURS.iter().any(|ending| name.ends_with(ending)) || BESIDE.iter().any(|start| name.starts_with(start));
        if is_in || is_refused || is_beside || name.starts_with('.') {
            continue;
        }
        let why = if !has_pom {
            "there is no POM beside it, and every release of Maven needs one: deploy it with its POM".to_owned()
        } else {
            format!(
                "its name does not begin with {artifact}-{version}, as those of {} do. sbt names the files of plugins in two ways \
                 (sbtPluginPublishLegacyMavenStyle := false leaves one); otherwise deploy it under its own artifact",
                folder.display()
            )
        };
        laid.left_out.push(left(&path, &why));
    }
    Ok(drafts)
}

/// Who holds which domain, as the registry says: where the domain ends in a group is not in the POM.
struct Owners<'a> {
    registry: Option<&'a Registry>,
    /// By group.
    known: BTreeMap<String, Option<deedbox_model::Domain>>,
}

impl Owners<'_> {
    /// The id under the longest claimed domain; none if there is no registry to ask, or nobody holds one.
    async fn id_of(&mut self, package: &Coordinates) -> anyhow::Result<Option<PackageId>> {
        let Some(registry) = self.registry else { return Ok(None) };
        let Some(longest) = package.ids().first().cloned() else { return Ok(None) };
        if !self.known.contains_key(package.group()) {
            let held = state::domain(registry, longest.domain()).await?;
            let held = held.and_then(|held| deedbox_model::Domain::parse(&held.domain).ok());
            self.known.insert(package.group().to_owned(), held);
        }
        let held = self.known.get(package.group()).cloned().flatten();
        Ok(held.and_then(|domain| package.id_under(&domain)))
    }

    /// One more than the build that the snapshot points at.
    async fn next_build(&self, id: Option<&PackageId>, base: &str) -> anyhow::Result<u64> {
        let (Some(registry), Some(id)) = (self.registry, id) else { return Ok(1) };
        let channels = state::channels(registry, id).await?.unwrap_or_default();
        let last = channels.iter().find(|channel| channel.channel == base);
        let number = last.and_then(|last| last.version.rsplit_once('-')?.1.parse::<u64>().ok());
        Ok(number.unwrap_or(0).saturating_add(1))
    }
}

/// `20261121.070000`, in UTC.
fn timestamp() -> String {
    let (day, time) = home::now().to_digits();
    format!("{day}.{time}")
}
