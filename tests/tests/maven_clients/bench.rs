//! Maven and Gradle in folders of their own, the registry that they ask, and what is published there for them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, bail};
use deedbox_tests::{
    debian::debian,
    registry::{Running, Said},
};

/// Debian's repository, and what of it the tests build with.
pub(crate) const DEBIAN: &str = "/usr/share/maven-repo";
pub(crate) const PACKAGES: [&str; 10] = [
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
pub(crate) const DEPENDENCY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.5.0";
const MAVEN_3_9: &str = "3.9.9";
/// For machines that run a second each: without the compiler that pays off later they need half of the CPU, and do the same.
const SHORT_LIVED: &str = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC";
/// What a build with Debian's compiler says.
pub(crate) const BUILD: &str = "  <properties>\n    <maven.compiler.source>17</maven.compiler.source>\n    \
                                <maven.compiler.target>17</maven.compiler.target>\n    \
                                <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>\n  </properties>\n";

/// A Maven in folders of its own.
pub(crate) struct Bench {
    mvn: PathBuf,
    pub(crate) scratch: tempfile::TempDir,
    pub(crate) registry: &'static Running,
    /// Whether the versions of plugins that it builds with by itself are those that Debian has.
    builds: bool,
}

impl Bench {
    fn new(mvn: PathBuf, builds: bool) -> anyhow::Result<Self> {
        let scratch = tempfile::tempdir()?;
        let settings = format!(
            "<settings>\n  <mirrors><mirror><id>debian</id><mirrorOf>central</mirrorOf><url>file://{DEBIAN}</url></mirror></mirrors>\n</settings>\n"
        );
        fs::write(scratch.path().join("settings.xml"), settings)?;
        Ok(Bench { mvn, scratch, registry: shelf()?, builds })
    }

    pub(crate) fn of_debian() -> anyhow::Result<Self> {
        debian(&PACKAGES)?;
        Self::new("/usr/bin/mvn".into(), true)
    }

    pub(crate) fn of_3_9() -> anyhow::Result<Self> {
        Self::new(maven_3_9()?, false)
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/maven/", self.registry.url)
    }

    /// Maven in a folder, with a local repository by this name that begins with nothing but plugins.
    pub(crate) fn mvn(&self, folder: &Path, repository: &str, args: &[&str]) -> anyhow::Result<Said> {
        // Debian's repository has no checksums, so what comes from there is there before a strict run.
        let local = self.repository(repository);
        if !local.exists() {
            let plugins = self.repository("plugins");
            if !plugins.exists() {
                let folder = self.scratch.path().join("plugins");
                write_class(&folder, "Plugins", "plugins")?;
                fs::write(folder.join("pom.xml"), pom("localhost.plugins", "plugins", "1", BUILD))?;
                let help = format!("{DEPENDENCY}:help");
                let goals: &[&str] = if self.builds { &["-q", "package", &help] } else { &["-q", &help] };
                self.run(&folder, &plugins, goals)?.done().context("plugins from Debian")?;
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
            .env("MAVEN_OPTS", SHORT_LIVED)
            .env("LANG", "C.UTF-8");
        command.current_dir(folder).stdin(Stdio::null()).args(["-B", "-s"]).arg(self.scratch.path().join("settings.xml"));
        command.arg(format!("-Dmaven.repo.local={}", local.display())).arg("-Dstyle.color=never");
        Said::of(command.args(args))
    }

    pub(crate) fn repository(&self, name: &str) -> PathBuf {
        self.scratch.path().join(format!("{name}-repository"))
    }

    /// A project that wants these, each `group:artifact:version` and perhaps `:type`, `:type:classifier` behind it, pointed at the registry by
    /// `deedbox setup mvn`.
    pub(crate) fn project(&self, name: &str, wants: &[&str]) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)?;
        let dependency = |coordinate: &&str| {
            let elements = ["groupId", "artifactId", "version", "type", "classifier"].iter().zip(coordinate.split(':'));
            let elements: String = elements.map(|(element, text)| format!("<{element}>{text}</{element}>")).collect();
            format!("    <dependency>{elements}</dependency>\n")
        };
        let dependencies: String = wants.iter().map(dependency).collect();
        let more = format!("{BUILD}  <dependencies>\n{dependencies}  </dependencies>\n");
        fs::write(folder.join("pom.xml"), pom("localhost.app", "app", "1", &more))?;
        self.registry.deedbox(["setup", "mvn", "--domain", "demo.localhost", "--dir", &folder.display().to_string()])?.done()?;
        Ok(folder)
    }

    /// What a project's dependencies are, by name, with where they lie.
    pub(crate) fn resolve(&self, project: &Path, repository: &str, more: &[&str]) -> anyhow::Result<BTreeMap<String, PathBuf>> {
        let out = project.join("target/dependency");
        if out.exists() {
            fs::remove_dir_all(&out)?;
        }
        let copy = format!("{DEPENDENCY}:copy-dependencies");
        self.mvn(project, repository, &[&["-C", copy.as_str()], more].concat())?.done()?;
        let mut found = BTreeMap::new();
        for entry in fs::read_dir(out)? {
            let path = entry?.path();
            found.insert(path.file_name().unwrap().to_string_lossy().into_owned(), path);
        }
        Ok(found)
    }

    /// Fetches one file of a release from the registry, with strict checksums.
    pub(crate) fn get(&self, repository: &str, coordinate: &str) -> anyhow::Result<Said> {
        self.get_from(&self.url(), repository, coordinate, &["-C"])
    }

    /// Fetches one file of a release from a repository, called `demo`.
    pub(crate) fn get_from(&self, url: &str, repository: &str, coordinate: &str, more: &[&str]) -> anyhow::Result<Said> {
        let goal = format!("{DEPENDENCY}:get");
        let (remote, artifact) = (format!("-DremoteRepositories=demo::default::{url}"), format!("-Dartifact={coordinate}"));
        self.mvn(self.scratch.path(), repository, &[&[&goal, &remote, &artifact, "-Dtransitive=false"], more].concat())
    }
}

/// Gradle, with a home of its own for each name.
pub(crate) struct Gradle {
    pub(crate) scratch: tempfile::TempDir,
}

impl Gradle {
    pub(crate) fn of_debian() -> anyhow::Result<Self> {
        debian(&["gradle", "default-jdk-headless"])?;
        Ok(Gradle { scratch: tempfile::tempdir()? })
    }

    pub(crate) fn run(&self, folder: &Path, home: &str, tasks: &[&str]) -> anyhow::Result<Said> {
        let mut command = Command::new("/usr/bin/gradle");
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.scratch.path())
            .env("GRADLE_OPTS", SHORT_LIVED)
            .env("LANG", "C.UTF-8");
        command.env("GRADLE_USER_HOME", self.scratch.path().join(home)).current_dir(folder).stdin(Stdio::null());
        Said::of(command.args(["--no-daemon", "--quiet"]).args(tasks))
    }

    /// A project that copies what it wants into `build/wanted`, without a repository yet.
    pub(crate) fn project(&self, name: &str, wants: &str) -> anyhow::Result<PathBuf> {
        let folder = self.scratch.path().join(name);
        fs::create_dir_all(&folder)?;
        let script = format!(
            "apply plugin: 'base'\nconfigurations {{ wanted }}\ndependencies {{ wanted '{wants}' }}\n\
             task fetch(type: Copy) {{\n    from configurations.wanted\n    into \"$buildDir/wanted\"\n}}\n"
        );
        fs::write(folder.join("build.gradle"), script)?;
        fs::write(folder.join("settings.gradle"), format!("rootProject.name = '{name}'\n"))?;
        Ok(folder)
    }
}

/// The registry of this test process: `left` 1.0, 1.1, 1.2 (yanked) and 2.0.
pub(crate) fn shelf() -> anyhow::Result<&'static Running> {
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

/// Publishes a POM and a jar of `localhost.demo`; gives their folder.
pub(crate) fn publish(registry: &Running, artifact: &str, version: &str, says: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = pack(artifact, version, says)?;
    publish_pom(registry, &folder.join(format!("{artifact}-{version}.pom")))?;
    Ok(folder)
}

/// Publishes a POM with what lies beside it.
pub(crate) fn publish_pom(registry: &Running, pom: &Path) -> anyhow::Result<Said> {
    registry.deedbox(["publish".as_ref(), pom.as_os_str()])?.done()
}

/// Where the files of a release are packed.
pub(crate) fn source(artifact: &str, version: &str) -> PathBuf {
    std::env::temp_dir().join(format!("deedbox-maven-{}", std::process::id())).join(format!("{artifact}-{version}"))
}

/// A POM and a jar that the JDK's own program packs: it holds what it says.
pub(crate) fn pack(artifact: &str, version: &str, says: &[u8]) -> anyhow::Result<PathBuf> {
    let folder = source(artifact, version);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(format!("{artifact}-{version}.pom")), pom("localhost.demo", artifact, version, ""))?;
    pack_jar(&folder.join(format!("{artifact}-{version}.jar")), says)?;
    Ok(folder)
}

/// A jar that says something.
pub(crate) fn pack_jar(path: &Path, says: &[u8]) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("says.txt"), says)?;
    Said::of(Command::new("jar").current_dir(folder.path()).arg("--create").arg("--file").arg(path).arg("says.txt"))?.done()?;
    Ok(())
}

/// What a jar of ours says.
pub(crate) fn said_in(jar: &Path) -> anyhow::Result<String> {
    let folder = tempfile::tempdir()?;
    Said::of(Command::new("jar").current_dir(folder.path()).arg("--extract").arg("--file").arg(jar).arg("says.txt"))?.done()?;
    Ok(fs::read_to_string(folder.path().join("says.txt"))?)
}

pub(crate) fn pom(group: &str, artifact: &str, version: &str, more: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">\n  <modelVersion>4.0.0</modelVersion>\n  <groupId>{group}</groupId>\n  \
         <artifactId>{artifact}</artifactId>\n  <version>{version}</version>\n{more}</project>\n"
    )
}

/// A class of a project whose `say()` gives a text.
pub(crate) fn write_class(project: &Path, class: &str, says: &str) -> anyhow::Result<()> {
    let text =
        format!("package demo;\n\npublic class {class} {{\n    public static String say() {{\n        return \"{says}\";\n    }}\n}}\n");
    fs::create_dir_all(project.join("src/main/java/demo"))?;
    Ok(fs::write(project.join(format!("src/main/java/demo/{class}.java")), text)?)
}

/// What is at an address: status, headers, bytes.
pub(crate) fn fetch(url: &str) -> anyhow::Result<(u16, BTreeMap<String, String>, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let answer = reqwest::get(url).await?;
        let headers = answer.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect();
        Ok((answer.status().as_u16(), headers, answer.bytes().await?.to_vec()))
    })
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
    // A launcher that the JDK's jar unpacks is not a program yet.
    let unpacked = scratch.path().join(format!("apache-maven-{MAVEN_3_9}"));
    Said::of(Command::new("chmod").arg("+x").arg(unpacked.join("bin/mvn")))?.done()?;
    // Another test process may have been first.
    fs::rename(unpacked, &home).or_else(|e| if mvn.is_file() { Ok(()) } else { Err(e) })?;
    Ok(mvn)
}
