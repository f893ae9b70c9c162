//! Maven 3.8 and 3.9 and Gradle 4.4, unmodified, against a real registry (spec/projections/maven.md §7; each command of
//! docs/guides/maven.md). Their plugins come from Debian's own repository of Maven artifacts on this machine, so that nothing but
//! the registry is asked for anything else; Maven 3.9 itself is fetched once, by the machine's Maven from wherever that is set to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands, and so may what it is made of"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, bail, ensure};
use deedbox_maven::{ComparableVersion, Coordinates, Maven, Pom};
use deedbox_model::{Digests, Hasher};
use deedbox_tests::{
    debian::debian,
    registry::{Running, Said},
};
use deedbox_view::{ArtifactSource, Dialect as _};

/// Debian's repository, and what of it the tests build with.
const DEBIAN: &str = "/usr/share/maven-repo";
const PACKAGES: [&str; 10] = [
    "maven",
    "default-jdk-headless",
    "libmaven-dependency-plugin-java",
    "libmaven-compiler-plugin-java",
    "libmaven-resources-plugin-java",
    "libsurefire-java",
    "libmaven-jar-plugin-java",
    "libmaven-source-plugin-java",
    "libmaven-install-plugin-java",
    "libmaven-deploy-plugin-java",
];
const DEPENDENCY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.5.0";
const MAVEN_3_9: &str = "3.9.9";

/// A Maven in folders of its own.
struct Bench {
    mvn: PathBuf,
    scratch: tempfile::TempDir,
    registry: &'static Running,
}

impl Bench {
    fn new(mvn: PathBuf) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        let settings = format!(
            "<settings>\n  <mirrors><mirror><id>debian</id><mirrorOf>central</mirrorOf><url>file://{DEBIAN}</url></mirror></mirrors>\n</settings>\n"
        );
        fs::write(scratch.path().join("settings.xml"), settings)?;
        Ok(Bench { mvn, scratch, registry: shelf()? })
    }

    fn of_debian() -> anyhow::Result<Self> {
        debian(&PACKAGES)?;
        Self::new("/usr/bin/mvn".into())
    }

    fn url(&self) -> String {
        format!("{}/maven/", self.registry.url)
    }

    /// Maven in a folder, with a local repository by this name that begins with nothing but a plugin.
    fn mvn(&self, folder: &Path, repository: &str, args: &[&str]) -> anyhow::Result<Said> {
        // Debian's repository has no checksums, so what comes from there is there before a strict run.
        let local = self.repository(repository);
        if !local.exists() {
            let plugins = self.repository("plugins");
            if !plugins.exists() {
                self.run(self.scratch.path(), &plugins, &[&format!("{DEPENDENCY}:help")])?.done().context("plugins from Debian")?;
            }
            Said::of(Command::new("cp").arg("-r").arg(plugins).arg(&local))?.done()?;
        }
        self.run(folder, &local, args)
    }

    fn run(&self, folder: &Path, local: &Path, args: &[&str]) -> anyhow::Result<Said> {
        let mut command = Command::new(&self.mvn);
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.scratch.path())
            .env("LANG", "C.UTF-8");
        command.current_dir(folder).stdin(Stdio::null()).args(["-B", "-s"]).arg(self.scratch.path().join("settings.xml"));
        command.arg(format!("-Dmaven.repo.local={}", local.display())).arg("-Dstyle.color=never");
        Said::of(command.args(args))
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.scratch.path().join(format!("{name}-repository"))
    }

    /// A project that wants one dependency, pointed at the registry by `deedbox setup mvn`.
    fn project(&self, name: &str, artifact: &str, version: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)?;
        let dependency = format!(
            "  <dependencies>\n    <dependency><groupId>localhost.demo</groupId><artifactId>{artifact}</artifactId><version>{version}</version></dependency>\n  \
             </dependencies>\n"
        );
        fs::write(folder.join("pom.xml"), pom("localhost.app", "app", "1", &dependency))?;
        self.registry.deedbox(["setup", "mvn", "--domain", "demo.localhost", "--dir", &folder.display().to_string()])?.done()?;
        Ok(folder)
    }

    /// What a project's dependencies are, by name, with what they say.
    fn resolve(&self, project: &Path, repository: &str, more: &[&str]) -> anyhow::Result<BTreeMap<String, String>> {
        let out = project.join("target/dependency");
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        let copy = format!("{DEPENDENCY}:copy-dependencies");
        self.mvn(project, repository, &[&["-C", copy.as_str()], more].concat())?.done()?;
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(out)? {
            let path = entry?.path();
            found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), said_in(&path)?);
        }
        Ok(found)
    }

    fn get(&self, repository: &str, coordinate: &str) -> anyhow::Result<Said> {
        let goal = format!("{DEPENDENCY}:get");
        let remote = format!("-DremoteRepositories=demo::default::{}", self.url());
        self.mvn(self.scratch.path(), repository, &["-C", &goal, &remote, &format!("-Dartifact={coordinate}"), "-Dtransitive=false"])
    }

    /// A release into an empty repository, byte for byte, with strict checksums.
    fn gets_a_release(&self) -> anyhow::Result<()> {
        self.get("cold", "localhost.demo:left:1.0")?.done()?;
        let path = "localhost/demo/left/1.0/left-1.0.jar";
        ensure!(fs::read(self.repository("cold").join(path))? == fs::read(source("left", "1.0").join("left-1.0.jar"))?, "other bytes");
        let said = self.get("cold-2", "localhost.demo:left:9.9")?;
        ensure!(!said.ok, "it found a version that is nowhere");
        Ok(())
    }

    /// The highest version of a range, which a yanked one is not.
    fn resolves_a_range(&self) -> anyhow::Result<()> {
        let project = self.project("range", "left", "[1.0,2.0)")?;
        let found = self.resolve(&project, "range", &[])?;
        ensure!(found == BTreeMap::from([("left-1.1.jar".to_owned(), "left 1.1".to_owned())]), "{found:?}");
        let project = self.project("named", "left", "1.2")?;
        let found = self.resolve(&project, "range", &[])?;
        ensure!(found.contains_key("left-1.2.jar"), "a yanked version that is named goes on being there: {found:?}");
        Ok(())
    }

    /// A snapshot that moves, and goes back.
    fn follows_a_snapshot(&self, artifact: &str) -> anyhow::Result<()> {
        let publish = |says: &str| -> anyhow::Result<String> {
            let folder = pack(artifact, "1.0-SNAPSHOT", says)?;
            let pom = folder.join(format!("{artifact}-1.0-SNAPSHOT.pom")).display().to_string();
            let said = self.registry.deedbox(["publish", "--json", &pom])?.done()?.out;
            let release = said.split('"').find(|text| text.starts_with("maven:")).context("no release in the answer")?;
            Ok(release.to_owned())
        };
        let first = publish("first build")?;
        let project = self.project(&format!("snapshot-{artifact}"), artifact, "1.0-SNAPSHOT")?;
        let says = |more: &[&str]| -> anyhow::Result<String> {
            let found = self.resolve(&project, "snapshot", more)?;
            ensure!(found.len() == 1, "{found:?}");
            Ok(found.into_values().next().unwrap_or_default())
        };
        ensure!(says(&[])? == "first build");
        let second = publish("second build")?;
        ensure!(first != second && second.ends_with("-2"), "{first} {second}");
        ensure!(says(&["-U"])? == "second build");
        self.registry.deedbox(["channel", "set", &first, "1.0-SNAPSHOT"])?.done()?;
        ensure!(says(&["-U"])? == "first build");
        Ok(())
    }

    /// Bytes that are not the publisher's: refused by Maven with strict checksums, and by `deedbox verify`.
    fn refuses_other_bytes(&self, artifact: &str) -> anyhow::Result<()> {
        let folder = publish(self.registry, artifact, "1.0", &noise(1_500_000))?;
        let jar = folder.join(format!("{artifact}-1.0.jar"));
        let release = format!("maven:demo.localhost/{artifact}@1.0");
        self.registry.deedbox(["verify", &release, &jar.display().to_string()])?.done()?;
        let bytes = fs::read(&jar)?;
        let mut other = bytes.clone();
        let middle = other.len() / 2;
        other[middle] ^= 1;
        fs::write(self.registry.object(&bytes), &other)?;
        let said = self.get("changed", &format!("localhost.demo:{artifact}:1.0"))?;
        ensure!(!said.ok, "it took other bytes:\n{}", said.all());
        let verified = self.registry.deedbox(["verify", &release])?;
        ensure!(!verified.ok, "deedbox verify took other bytes:\n{}", verified.all());
        let changed = self.scratch.path().join("changed.jar");
        fs::write(&changed, other)?;
        let verified = self.registry.deedbox(["verify", &release, &changed.display().to_string()])?;
        ensure!(!verified.ok, "deedbox verify took another file:\n{}", verified.all());
        fs::write(self.registry.object(&bytes), &bytes)?;
        Ok(())
    }
}

/// Tries everything with one Maven, and says everything that went wrong at once.
fn works(bench: anyhow::Result<Bench>, name: &str) {
    let bench = bench.unwrap();
    let mut failures = Vec::new();
    for (what, result) in [
        ("a release into an empty repository", bench.gets_a_release()),
        ("a range, a yanked version", bench.resolves_a_range()),
        ("a snapshot that moves", bench.follows_a_snapshot(&format!("moving-{name}"))),
        ("other bytes", bench.refuses_other_bytes(&format!("changed-{name}"))),
    ] {
        if let Err(error) = result {
            failures.push(format!("{what}: {error:#}"));
        }
    }
    assert!(failures.is_empty(), "{name}:\n- {}", failures.join("\n- "));
}

#[test]
fn maven_3_8_installs_follows_and_refuses() {
    works(Bench::of_debian(), "3.8");
}

#[test]
fn maven_3_9_installs_follows_and_refuses() {
    works(maven_3_9().and_then(Bench::new), "3.9");
}

/// What `mvn package` leaves is published from the project, and what `mvn deploy` writes from the folder.
#[test]
fn a_maven_build_is_published_from_its_project_and_from_a_deployed_folder() {
    let bench = Bench::of_debian().unwrap();
    let folder = bench.scratch.path().join("built");
    fs::create_dir_all(folder.join("src/main/java/demo")).unwrap();
    let build = "  <properties>\n    <maven.compiler.source>17</maven.compiler.source>\n    <maven.compiler.target>17</maven.compiler.target>\n    \
                 <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>\n  </properties>\n";
    fs::write(folder.join("pom.xml"), pom("localhost.demo.parts", "built", "1.0", build)).unwrap();
    let class = "package demo;\n\npublic class Built {\n    public static String say() {\n        return \"built\";\n    }\n}\n";
    fs::write(folder.join("src/main/java/demo/Built.java"), class).unwrap();
    let path = folder.display().to_string();

    let refused = bench.registry.deedbox(["publish", &path]).unwrap();
    assert!(!refused.ok && refused.err.contains("run mvn package first"), "{}", refused.all());
    bench.mvn(&folder, "build", &["-q", "package"]).unwrap().done().unwrap();
    let said = bench.registry.deedbox(["publish", &path]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/parts/built@1.0 published"), "{}", said.out);
    bench.get("built", "localhost.demo.parts:built:1.0").unwrap().done().unwrap();

    fs::write(folder.join("pom.xml"), pom("localhost.demo.parts", "built", "1.1-SNAPSHOT", build)).unwrap();
    bench.mvn(&folder, "build", &["-q", "package"]).unwrap().done().unwrap();
    let said = bench.registry.deedbox(["publish", &path]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/parts/built@1.1-2"), "{}", said.out);

    fs::write(folder.join("pom.xml"), pom("localhost.demo.parts", "built", "1.2", build)).unwrap();
    let sources = "org.apache.maven.plugins:maven-source-plugin:3.2.1:jar";
    let deploy = ["-q", "package", sources, "deploy", "-DaltDeploymentRepository=x::default::file:target/repository"];
    bench.mvn(&folder, "build", &deploy).unwrap().done().unwrap();
    let deployed = folder.join("target/repository").display().to_string();
    let said = bench.registry.deedbox(["publish", &deployed]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/parts/built@1.2 published"), "{}", said.out);
    // The POM says dependencies and a parent as it always did: Maven reads it from here.
    let project = bench.project("uses-built", "parts", "1").unwrap();
    let text = fs::read_to_string(project.join("pom.xml")).unwrap();
    let text =
        text.replace("<groupId>localhost.demo</groupId><artifactId>parts", "<groupId>localhost.demo.parts</groupId><artifactId>built");
    fs::write(project.join("pom.xml"), text.replace("<version>1</version></dependency>", "<version>[1.0,)</version></dependency>"))
        .unwrap();
    bench.mvn(&project, "built", &["-C", &format!("{DEPENDENCY}:copy-dependencies")]).unwrap().done().unwrap();
    assert!(project.join("target/dependency/built-1.2.jar").is_file());
    // With the group's domain unknown and nobody to ask, the words name the ids.
    let said = bench.registry.deedbox(["publish", "--id", "maven:demo.localhost/built", "--dry-run", &deployed]).unwrap();
    assert!(!said.ok && said.err.contains("--id maven:demo.localhost/parts/built"), "{}", said.all());
}

#[test]
fn gradle_4_4_resolves_and_publishes() {
    debian(&["gradle", "default-jdk-headless"]).unwrap();
    let registry = shelf().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let gradle = |folder: &Path, task: &str| {
        let mut command = Command::new("/usr/bin/gradle");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", scratch.path()).env("LANG", "C.UTF-8");
        command.env("GRADLE_USER_HOME", scratch.path().join("gradle-home")).current_dir(folder).stdin(Stdio::null());
        Said::of(command.args(["--no-daemon", "--quiet", task])).unwrap()
    };
    let app = scratch.path().join("app");
    fs::create_dir_all(&app).unwrap();
    let script = "apply plugin: 'base'\nconfigurations { wanted }\ndependencies { wanted 'localhost.demo:left:[1.0,2.0)' }\n\
                  task names { doLast { configurations.wanted.each { println it.name } } }\n";
    fs::write(app.join("build.gradle"), script).unwrap();
    registry.deedbox(["setup", "gradle", "--domain", "demo.localhost", "--dir", &app.display().to_string()]).unwrap().done().unwrap();
    let said = gradle(&app, "names").done().unwrap();
    assert!(said.out.contains("left-1.1.jar"), "{}", said.all());

    let library = scratch.path().join("library");
    fs::create_dir_all(&library).unwrap();
    // Debian's Gradle lacks what publishes into a folder: a task puts the same files where it would.
    let script = "apply plugin: 'java'\napply plugin: 'maven-publish'\ngroup = 'localhost.demo'\nversion = '1.0'\n\
                  publishing {\n    publications { library(MavenPublication) { from components.java } }\n}\n\
                  task stage(type: Copy) {\n    dependsOn jar, 'generatePomFileForLibraryPublication'\n    \
                  into \"$buildDir/repo/localhost/demo/gradled/1.0\"\n    from jar\n    \
                  from(\"$buildDir/publications/library/pom-default.xml\") { rename { 'gradled-1.0.pom' } }\n}\n";
    fs::write(library.join("build.gradle"), script).unwrap();
    fs::write(library.join("settings.gradle"), "rootProject.name = 'gradled'\n").unwrap();
    let path = library.display().to_string();
    let refused = registry.deedbox(["publish", &path]).unwrap();
    assert!(!refused.ok && refused.err.contains("run gradle publish"), "{}", refused.all());
    gradle(&library, "stage").done().unwrap();
    let said = registry.deedbox(["publish", &path]).unwrap().done().unwrap();
    assert!(said.out.contains("maven:demo.localhost/gradled@1.0 published"), "{}", said.out);
}

/// Every release that Debian has in Maven's layout is read: real jars, some of them old. What is refused is refused for what it is.
#[test]
fn real_jars_by_the_hundred_are_read_and_a_tree_of_them_is_published() {
    debian(&PACKAGES).unwrap();
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
    let (mut jars, mut read, mut refused) = (0, Vec::new(), BTreeMap::<&str, Vec<String>>::new());
    for path in &poms {
        let pom = match Pom::read(&fs::read(path).unwrap()) {
            Ok(pom) => pom,
            Err(e) => {
                refused.entry(e.code).or_default().push(format!("{}: {e}", path.display()));
                continue;
            }
        };
        // Groups without a domain stand below one here: their jars are as real.
        let coordinates = Coordinates::new(&pom.group, &pom.artifact).unwrap();
        let Some(id) = coordinates.ids().first().cloned() else { continue };
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let mut files = vec![OnDisk::new(path)];
        for entry in fs::read_dir(path.parent().unwrap()).unwrap().map(Result::unwrap) {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.strip_prefix(&stem).is_some_and(|tail| tail.starts_with(['.', '-']) && tail.ends_with(".jar")) && entry.path().is_file()
            {
                files.push(OnDisk::new(&entry.path()));
            }
        }
        let sources: Vec<&dyn ArtifactSource> = files.iter().map(|file| file as &dyn ArtifactSource).collect();
        let said = deedbox_view::Said { id: Some(&id), version: None };
        match Maven::new().inspect(&said, &sources) {
            Ok(_) => {
                read.push((path, coordinates));
                jars += files.len() - 1;
            }
            Err(e) => refused.entry(e.code).or_default().push(e.message),
        }
    }
    // Debian has jars a second time under versions of its own (`debian`, `2.x`, `3.0` for 3.0.0), which their properties do not say; and
    // it has releases that kept the version of a snapshot, which is no release here.
    let aliases = refused.remove("jar_version").unwrap_or_default();
    let is_alias = |words: &String| {
        let (jar, pom) = words.split_once("the POM says ").unwrap();
        let pom = pom.split(';').next().unwrap();
        pom == "debian" || pom.ends_with(".x") || jar.split('"').nth(1).unwrap().starts_with(pom)
    };
    assert!(aliases.iter().all(is_alias), "{aliases:#?}");
    let snapshots = refused.remove("pom_version").unwrap_or_default();
    assert!(snapshots.iter().all(|words| words.contains("-SNAPSHOT\"")), "{snapshots:#?}");
    assert!(refused.is_empty(), "{refused:#?}");
    assert!(read.len() >= 300 && jars >= 250, "{} releases with {jars} jars: what Debian has is less than it was", read.len());

    // All that is one domain's, at most three hundred releases, into a real registry: it reads them again, and shows them.
    let registry = shelf().unwrap();
    registry.deedbox(["claim", "apache.org", "--operator-key", "registry/keys/operator.pem"]).unwrap().done().unwrap();
    let theirs = read.iter().filter(|(_, coordinates)| coordinates.group().starts_with("org.apache.")).take(300);
    let paths: Vec<String> = theirs.map(|(path, _)| path.display().to_string()).collect();
    let said = registry.deedbox(["publish".to_owned()].into_iter().chain(paths.iter().cloned())).unwrap().done().unwrap();
    assert_eq!(said.out.matches(" published as entry ").count(), paths.len(), "{}", said.out);
    assert!(paths.len() >= 100, "{} releases of one domain", paths.len());
}

/// Maven's own program says for each pair which is higher.
#[test]
fn the_order_of_versions_is_that_of_mavens_own_program() {
    debian(&["maven", "default-jdk-headless"]).unwrap();
    let mut versions: Vec<String> =
        ["1", "1.0", "1.0.0", "1-1", "1.1", "1-sp", "1-ga", "1.final", "1.RELEASE", "1x", "1-x", "01", "1..2", "1-", "-1", "1.-1"]
            .map(str::to_owned)
            .into();
    let heads = ["1", "1.0", "2", "1.10", "1.2.3", "20040101", "999999999999999999999", "v1"];
    let tails = [
        "",
        "-SNAPSHOT",
        "-alpha1",
        "a1",
        "-b2",
        ".m3",
        "-rc",
        "rc1",
        "-cr2",
        ".Final",
        "-ga",
        "-sp",
        ".sp1",
        "-foo",
        ".x",
        "-1",
        ".0.0",
        "-0",
        "-20261121.070000-1",
        "+b",
        ".x-1",
        "SNAPSHOT-x.1",
    ];
    versions.extend(heads.iter().flat_map(|head| tails.iter().map(move |tail| format!("{head}{tail}"))));
    // Neighbours of the list and of two shuffles of it: some five hundred pairs.
    let count = versions.len();
    let shuffled = |step: usize| (0..count).map(|i| versions[i * step % count].clone()).collect::<Vec<_>>();
    let step = |from: usize| (from..).find(|step| gcd(*step, count) == 1).unwrap();
    let all: Vec<String> = [versions.clone(), shuffled(step(7)), shuffled(step(61))].concat();
    let class = "org.apache.maven.artifact.versioning.ComparableVersion";
    let said =
        Said::of(Command::new("java").args(["-cp", "/usr/share/java/maven3-artifact.jar", class]).args(&all)).unwrap().done().unwrap();
    let mut compared = 0;
    for line in said.out.lines().filter(|line| line.starts_with("   ")) {
        let [a, sign, b] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        let ours = match ComparableVersion::new(a).compare(&ComparableVersion::new(b)) {
            std::cmp::Ordering::Less => "<",
            std::cmp::Ordering::Equal => "==",
            std::cmp::Ordering::Greater => ">",
        };
        assert_eq!(ours, sign, "{a} and {b}");
        compared += 1;
    }
    assert_eq!(compared, all.len() - 1);
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
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

/// The registry of this test process: `left` 1.0, 1.1, 1.2 (yanked) and 2.0.
fn shelf() -> anyhow::Result<&'static Running> {
    static SHARED: Mutex<Option<&'static Running>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(running) = *shared {
        return Ok(running);
    }
    debian(&["default-jdk-headless"])?;
    let running = Box::leak(Box::new(Running::start()?));
    for version in ["1.0", "1.1", "1.2", "2.0"] {
        publish(running, "left", version, format!("left {version}").as_bytes())?;
    }
    running.deedbox(["yank", "maven:demo.localhost/left@1.2", "--reason", "broken"])?.done()?;
    *shared = Some(running);
    Ok(running)
}

fn publish(registry: &Running, artifact: &str, version: &str, says: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = pack_bytes(artifact, version, says)?;
    let pom = folder.join(format!("{artifact}-{version}.pom")).display().to_string();
    registry.deedbox(["publish", &pom])?.done()?;
    Ok(folder)
}

fn pack(artifact: &str, version: &str, says: &str) -> anyhow::Result<PathBuf> {
    pack_bytes(artifact, version, says.as_bytes())
}

/// Where the files of a release are packed.
fn source(artifact: &str, version: &str) -> PathBuf {
    std::env::temp_dir().join(format!("deedbox-maven-{}", std::process::id())).join(format!("{artifact}-{version}"))
}

/// A POM and a jar that the JDK's own program packs: it holds what it says.
fn pack_bytes(artifact: &str, version: &str, says: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = source(artifact, version);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("says.txt"), says)?;
    fs::write(folder.join(format!("{artifact}-{version}.pom")), pom("localhost.demo", artifact, version, ""))?;
    let jar = format!("{artifact}-{version}.jar");
    Said::of(Command::new("jar").current_dir(&folder).args(["--create", "--file", &jar, "says.txt"]))?.done()?;
    Ok(folder)
}

/// What a jar of ours says.
fn said_in(jar: &Path) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    Said::of(Command::new("jar").current_dir(folder.path()).arg("--extract").arg("--file").arg(jar).arg("says.txt"))?.done()?;
    Ok(fs::read_to_string(folder.path().join("says.txt"))?)
}

fn pom(group: &str, artifact: &str, version: &str, more: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  <groupId>{group}</groupId>\n  \
         <artifactId>{artifact}</artifactId>\n  <version>{version}</version>\n{more}</project>\n"
    )
}

/// Bytes that look random and are always the same: nothing that gets smaller when it is packed.
fn noise(length: usize) -> Vec<u8> {
    let mut state: u32 = 1;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..length).map(|_| next()).collect()
}

/// Maven 3.9, unpacked once into the target folder: an artifact like any other, which the machine's Maven fetches.
fn maven_3_9() -> anyhow::Result<PathBuf> {
    debian(&PACKAGES)?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    let clients = target.join("clients");
    let home = clients.join(format!("apache-maven-{MAVEN_3_9}"));
    let mvn = home.join("bin/mvn");
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if mvn.is_file() {
        return Ok(mvn);
    }
    fs::create_dir_all(&clients)?;
    let scratch = tempfile::tempdir_in(&clients)?;
    let copy = format!("-Dartifact=org.apache.maven:apache-maven:{MAVEN_3_9}:zip:bin");
    let local = format!("-Dmaven.repo.local={}", scratch.path().join("repository").display());
    let args = ["-B", "-q", &local, &format!("{DEPENDENCY}:get"), &copy, "-Dtransitive=false"];
    // Not with our settings: it is not among what Debian has.
    let said = Said::of(Command::new("/usr/bin/mvn").current_dir(scratch.path()).stdin(Stdio::null()).args(args))?;
    let zip = scratch.path().join(format!("repository/org/apache/maven/apache-maven/{MAVEN_3_9}/apache-maven-{MAVEN_3_9}-bin.zip"));
    if !zip.is_file() {
        bail!("Maven {MAVEN_3_9} cannot be fetched: this test needs a Maven repository that mvn reaches\n{}", said.all());
    }
    Said::of(Command::new("jar").current_dir(scratch.path()).arg("--extract").arg("--file").arg(&zip))?.done()?;
    // A launcher that the JDK's jar unpacks is no program yet.
    let unpacked = scratch.path().join(format!("apache-maven-{MAVEN_3_9}"));
    Said::of(Command::new("chmod").arg("+x").arg(unpacked.join("bin/mvn")))?.done()?;
    // Another test process may have been first.
    fs::rename(unpacked, &home).or_else(|e| if mvn.is_file() { Ok(()) } else { Err(e) })?;
    Ok(mvn)
}
