//! A real registry from outside: the compiled `deedbox`, served on a free port of loopback from a folder of its own, with a key and the
//! claim of one domain. What is published was packed by the real npm. Everything goes through the command line that people use; the
//! process ends with the value.

use std::{
    ffi::OsStr,
    fs::{self, File, TryLockError},
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::SystemTime,
};

use anyhow::{Context as _, bail, ensure};
use tempfile::TempDir;

use crate::{
    clients::{self, Client, lock, run, workspace},
    recorder::{Recorder, Reserved},
};

/// The domain that the registry's key holds.
pub const DOMAIN: &str = "demo.localhost";

/// The file of a registry's folder with what was asked of it.
pub(crate) const ASKED: &str = "asked";
/// The file of a registry's folder with its address for clients and the program's build.
const SITE: &str = "site.json";
/// The file of a registry's folder that is locked while somebody uses the folder.
const IN_USE: &str = "in-use";
/// Held while a folder is made or the folders are listed.
const SERVED_LOCK: &str = "served.lock";

/// A registry that runs.
#[derive(Debug)]
pub struct Running {
    child: Child,
    program: PathBuf,
    folder: TempDir,
    /// Passes clients on and writes down what they ask.
    _recorder: Recorder,
    /// Says that the folder is in use.
    _lock: File,
    /// Its address, without a `/` at the end.
    pub url: String,
    /// Where npm clients are pointed, with the `/` at the end.
    pub npm_url: String,
}

/// A package to be packed: what stands in its files.
#[derive(Debug, Clone)]
pub struct Source {
    /// The name without the scope.
    pub name: String,
    /// The version.
    pub version: String,
    /// What else `package.json` says, beside name, version and licence.
    pub manifest: serde_json::Value,
    /// Paths and bytes.
    pub files: Vec<(&'static str, Vec<u8>)>,
}

/// What a command said.
#[derive(Debug, Clone)]
pub struct Said {
    /// Whether it ended with 0.
    pub ok: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Said {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn of(command: &mut Command) -> anyhow::Result<Self> {
        let output = command.output().with_context(|| format!("{command:?} cannot be started"))?;
        Ok(output.into())
    }

    /// Both streams.
    #[must_use]
    pub fn all(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The same, if it ended well.
    ///
    /// # Errors
    /// With all that it said, if it did not.
    pub fn done(self) -> anyhow::Result<Self> {
        ensure!(self.ok, "it failed and said:\n{}", self.all());
        Ok(self)
    }
}

impl Running {
    /// Starts a new registry and claims [`DOMAIN`].
    ///
    /// # Errors
    /// When the program cannot be built, does not start, or refuses the claim; in words.
    pub fn start() -> anyhow::Result<Self> {
        Self::start_with(&[])
    }

    /// The same with more arguments of `deedbox serve`.
    ///
    /// # Errors
    /// The same.
    pub fn start_with(more: &[&str]) -> anyhow::Result<Self> {
        let program = program()?;
        let (folder, lock) = new_folder()?;
        let address = Reserved::new()?;
        let url = address.url();
        fs::write(folder.path().join(SITE), serde_json::json!({ "site": url, "program": build(&program)? }).to_string())?;
        let (child, at) = serve(&program, folder.path(), Some(&url), more)?;
        let recorder = address.record(at, &folder.path().join(ASKED))?;
        let running = Running { child, program, folder, _recorder: recorder, _lock: lock, npm_url: format!("{url}/npm/"), url };
        running.deedbox(["keygen"])?.done()?;
        running.deedbox(["claim", DOMAIN])?.done()?;
        Ok(running)
    }

    /// Runs `deedbox` with the registry's address and the key that holds the domain.
    ///
    /// # Errors
    /// When it cannot be started. That it refuses is not an error here.
    pub fn deedbox<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> anyhow::Result<Said> {
        Said::of(command(&self.program, self.folder.path()).args(["--registry", &self.url]).args(args))
    }

    /// Packs with the real npm, all in one run, and publishes each; returns the tarballs in the same order.
    ///
    /// # Errors
    /// When npm or the registry refuses; in their words.
    pub fn publish(&self, sources: &[Source], more: &[&str]) -> anyhow::Result<Vec<PathBuf>> {
        let root = self.folder.path().join("packages");
        let folders = sources.iter().map(|source| source.write(&root)).collect::<anyhow::Result<Vec<_>>>()?;
        let packed = root.join("packed");
        fs::create_dir_all(&packed)?;
        let npm = clients::npm11()?;
        run(npm.command(&self.folder.path().join("npm-home"), &root).args(["pack", "--pack-destination"]).arg(&packed).args(folders))?;
        let tarballs: Vec<PathBuf> = sources.iter().map(|source| packed.join(source.tarball())).collect();
        let args = [OsStr::new("publish")].into_iter().chain(tarballs.iter().map(|path| path.as_os_str()));
        self.deedbox(args.chain(more.iter().map(OsStr::new)))?.done()?;
        Ok(tarballs)
    }

    /// A project of its own in `folder` (made if it is not there), whose client's settings point here.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn project(&self, client: &Client, folder: &Path, package_json: &serde_json::Value) -> anyhow::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("package.json"), format!("{package_json:#}\n"))?;
        client.point_at(folder, &clients::Registry { domain: DOMAIN, url: &self.npm_url })
    }

    /// How often the registry says that it answered this path with this status.
    ///
    /// # Errors
    /// When its log cannot be read.
    pub fn answered(&self, path: &str, status: u16) -> anyhow::Result<usize> {
        let log = fs::read_to_string(self.folder.path().join("serve.log"))?;
        let said = format!("path=\"{path}\" status={status} ");
        Ok(log.lines().filter(|line| line.contains(" answered ") && line.contains(&said)).count())
    }

    /// Changes an object of the store as a failing disk does: its file looks as if nobody had written it. A registry that has sent it whole
    /// before then sends the other bytes; one that has not, or sees a file written anew, breaks off.
    ///
    /// # Errors
    /// When the object is not there, or cannot be changed.
    pub fn rot(&self, bytes: &[u8], other: &[u8]) -> anyhow::Result<()> {
        let path = self.object(bytes);
        let file = File::options().write(true).open(&path).with_context(|| format!("{} is not there", path.display()))?;
        let written = file.metadata()?.modified()?;
        fs::write(&path, other)?;
        Ok(file.set_modified(written)?)
    }

    /// Where an object of the store lies: the file that holds exactly these bytes' SHA-256 in its name.
    #[must_use]
    pub fn object(&self, bytes: &[u8]) -> PathBuf {
        use sha2::Digest as _;
        let hex = hex::encode(sha2::Sha256::digest(bytes));
        let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
        self.folder.path().join("registry/objects/sha256").join(part(0..2)).join(part(2..4)).join(&hex)
    }

    /// Where it is served from. The folder stays when the registry ends.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn stop(&mut self) {
        drop(self.child.stdin.take());
        // It may have ended already: then there is nothing to wait for.
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Source {
    /// A package whose `index.js` exports its own name and version.
    #[must_use]
    pub fn plain(name: &str, version: &str) -> Self {
        let index = format!("module.exports = '{name} {version}'\n");
        Source {
            name: name.to_owned(),
            version: version.to_owned(),
            manifest: serde_json::json!({ "main": "index.js", "description": format!("{name} for tests") }),
            files: vec![("index.js", index.into_bytes())],
        }
    }

    fn tarball(&self) -> String {
        format!("{DOMAIN}-{}-{}.tgz", self.name, self.version)
    }

    fn write(&self, root: &Path) -> anyhow::Result<PathBuf> {
        let folder = root.join(format!("{}-{}", self.name, self.version));
        fs::create_dir_all(&folder)?;
        let mut manifest = serde_json::json!({ "name": format!("@{DOMAIN}/{}", self.name), "version": self.version, "license": "MIT" });
        if let (Some(all), Some(more)) = (manifest.as_object_mut(), self.manifest.as_object()) {
            all.extend(more.clone());
        }
        fs::write(folder.join("package.json"), format!("{manifest:#}\n"))?;
        for (path, bytes) in &self.files {
            fs::write(folder.join(path), bytes)?;
        }
        Ok(folder)
    }
}

/// The program with nobody's settings but the folder's own home.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DEEDBOX_") {
            command.env_remove(name);
        }
    }
    command.current_dir(folder).env("DEEDBOX_HOME", folder.join("home")).env("npm_config_update_notifier", "false").stdin(Stdio::null());
    command
}

/// A registry's folder that a test has served from and left, held by this process.
#[derive(Debug)]
pub struct Served {
    folder: PathBuf,
    site: String,
    _lock: File,
}

impl Served {
    /// Every folder in the target folder that was served from by the program as it is now and is not in use. What an earlier program
    /// served, and what is not such a folder, is removed: nobody would ask it again.
    ///
    /// # Errors
    /// When they cannot be listed or removed.
    pub fn all() -> anyhow::Result<Vec<Self>> {
        let build = build(&program()?)?;
        let _lock = lock(SERVED_LOCK)?;
        let mut all = Vec::new();
        for entry in fs::read_dir(served()?)? {
            let folder = entry?.path();
            match Self::held(&folder) {
                Ok(None) => {}
                Ok(Some((served, of))) if of == build => all.push(served),
                _ => fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?,
            }
        }
        all.sort_by(|a, b| a.folder.cmp(&b.folder));
        Ok(all)
    }

    /// One folder.
    ///
    /// # Errors
    /// When no registry was served from it, or it is in use.
    pub fn of(folder: &Path) -> anyhow::Result<Self> {
        Ok(Self::held(folder)?.with_context(|| format!("{} is in use", folder.display()))?.0)
    }

    /// With the build that served it; `None` when it is in use.
    fn held(folder: &Path) -> anyhow::Result<Option<(Self, String)>> {
        let lock = File::open(folder.join(IN_USE))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let said: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(SITE))?)?;
        let text = |name: &str| said.get(name).and_then(|text| text.as_str()).map(str::to_owned).with_context(|| format!("no {name}"));
        Ok(Some((Served { folder: folder.to_owned(), site: text("site")?, _lock: lock }, text("program")?)))
    }

    /// Where it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The address that clients knew the registry by, without a `/` at the end.
    #[must_use]
    pub fn site(&self) -> &str {
        &self.site
    }
}

/// A folder for a registry, in use. It stays: what was served from it is asked again at the end of all tests (`retrace`), which removes
/// it.
fn new_folder() -> anyhow::Result<(TempDir, File)> {
    // Nobody finds a folder that does not say yet that it is in use.
    let _lock = lock(SERVED_LOCK)?;
    let mut folder = tempfile::Builder::new().prefix("registry-").tempdir_in(served()?)?;
    folder.disable_cleanup(true);
    let in_use = File::create(folder.path().join(IN_USE))?;
    in_use.lock()?;
    Ok((folder, in_use))
}

/// Where the folders of registries are that tests have served from.
fn served() -> anyhow::Result<PathBuf> {
    let folder = clients::target_folder().join("served");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// Where the folders go of registries that answered otherwise when they were asked again.
#[must_use]
pub fn answered_otherwise() -> PathBuf {
    clients::target_folder().join("answered-otherwise")
}

/// Tells one build of the program from the next.
fn build(program: &Path) -> anyhow::Result<String> {
    let metadata = fs::metadata(program)?;
    let modified = metadata.modified()?.duration_since(SystemTime::UNIX_EPOCH)?;
    Ok(format!("{} bytes of {}", metadata.len(), modified.as_nanos()))
}

/// Starts to serve on a free port of loopback, and waits until it says which. Clients know it by another address, if one is given.
pub(crate) fn serve(program: &Path, folder: &Path, site: Option<&str>, more: &[&str]) -> anyhow::Result<(Child, SocketAddr)> {
    // The shell ends it when this process closes its end of the pipe, however this process ends: a registry that all tests of a file
    // share is never dropped.
    const UNTIL_THE_PIPE_CLOSES: &str = r#""$@" & server=$!; read -r line; kill -9 $server; wait $server"#;
    let mut command = command(Path::new("/bin/sh"), folder);
    command
        .args(["-c", UNTIL_THE_PIPE_CLOSES, "sh"])
        .arg(program)
        .stdin(Stdio::piped())
        .env("RUST_LOG", "warn,deedbox_server::dispatch=debug")
        .env("NO_COLOR", "1");
    command.args(["serve", "--allow-local-claims", "--listen", "127.0.0.1:0", "--data"]).arg(folder.join("registry"));
    command.args(site.iter().flat_map(|site| ["--public-url", *site])).args(more);
    let log = File::options().create(true).append(true).open(folder.join("serve.log"))?;
    let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().context("deedbox serve cannot be started")?;
    let stdout = child.stdout.take().context("no standard output")?;
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        // `listening  http://… (on 127.0.0.1:40001); stop with Ctrl-C`
        let on = line.trim().strip_prefix("listening").and_then(|rest| rest.split_once(" (on "));
        if let Some((at, _)) = on.and_then(|(_, rest)| rest.split_once(')')) {
            return Ok((child, at.parse()?));
        }
    }
    drop(child.stdin.take());
    let _ = child.wait();
    bail!("deedbox serve ended before it listened: {}", fs::read_to_string(folder.join("serve.log")).unwrap_or_default())
}

/// The `deedbox` of this workspace in the profile of the running test: as cargo left it if nothing that it is made of is newer, else
/// built now. `cargo test --workspace` builds it before any test runs; `cargo test -p deedbox-tests` alone does not.
///
/// # Errors
/// When it cannot be built; in cargo's words.
pub fn program() -> anyhow::Result<PathBuf> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(Path::parent).context("the test is not in a target folder")?;
    let program = folder.join("deedbox");
    // Two test processes that find it missing: one builds, the other waits and finds it.
    let _lock = lock("clients/deedbox.lock")?;
    if !is_current(&program) {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.current_dir(workspace()).args(["build", "--quiet", "-p", "deedbox"]);
        if folder.file_name() == Some(OsStr::new("release")) {
            build.arg("--release");
        }
        run(&mut build)?;
    }
    ensure!(program.is_file(), "{} is not there, though it was built", program.display());
    Ok(program)
}

/// Whether the program is newer than everything under `crates` and the lock file. Cargo's own list of what it is made of is not there
/// when it was built beside the tests.
fn is_current(program: &Path) -> bool {
    let modified = |path: &Path| -> Option<SystemTime> { fs::metadata(path).ok()?.modified().ok() };
    let Some(built) = modified(program) else { return false };
    let mut folders = vec![workspace().join("crates")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { return false };
        for entry in entries {
            let Ok(path) = entry.map(|entry| entry.path()) else { return false };
            // Tests and benchmarks are not part of the program.
            if path.is_dir() && !["tests", "benches", "examples"].iter().any(|name| path.ends_with(name)) {
                folders.push(path);
            } else if path.is_file() && modified(&path).is_none_or(|changed| changed > built) {
                return false;
            }
        }
    }
    ["Cargo.lock", "Cargo.toml"].iter().all(|file| modified(&workspace().join(file)).is_some_and(|changed| changed <= built))
}
