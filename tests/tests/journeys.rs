//! The commands of the README and of the guides, word for word, in the order in which they stand: in a fresh shell with a fresh home,
//! against a real registry at the very address that they name. What stands in a `sh` block is run by bash as it is; the first command
//! that fails fails the test. Each section has a stage here, which is what its reader has before the first line; a section with
//! commands and without a stage fails too.
//!
//! `https://registry.example` is the registry itself: the test lives in namespaces of its own (`unshare`: mounts, network, processes),
//! where that name is loopback, nginx speaks TLS there as docs/guides/operate.md says word for word, and its authority is one that the
//! test made, as in a house with a private CA. Nothing else can be reached from there.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, ensure};
use deedbox_tests::{debian::debian, registry::Said};
use tempfile::TempDir;

/// What a section's reader has before its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A project, and a registry where somebody has published `npm:acme.example/widget@1.0.0`.
    Project,
    /// The same, with the package installed, its tarball at hand, and the log's key in a file.
    Installed,
    /// The source of `@acme.example/widget`, a registry without claims, and its operator's key in the folder above.
    Source,
    /// The same, with a key.
    Keyed,
    /// The same, and name servers that the registry asks; the domain's owner puts there what the command says.
    Named,
    /// The same as [`Stage::Source`], with a key and the domain claimed.
    Claimed,
    /// The same, with a recovery key.
    Cold,
    /// The same as [`Stage::Claimed`], with the version 1.0.0 published.
    Published,
    /// The same as [`Stage::Keyed`], with the package in a domain below localhost.
    Team,
    /// A folder, and no registry: the section starts one.
    Folder,
    /// The same, on a machine that has the public suffix list of Debian.
    Listed,
    /// A folder with the data of a registry that is stopped.
    Stopped,
    /// Another test runs these commands, or they build this program.
    Elsewhere(&'static str),
}

/// Each section with commands, by file. Blocks of one section are one shell.
const STAGES: &[(&str, &[(&str, Stage)])] = &[
    (
        "README.md",
        &[
            ("The two commands", Stage::Elsewhere("they are the demo and all tests")),
            ("Installing from a registry", Stage::Project),
            ("Publishing", Stage::Source),
            ("Verifying", Stage::Installed),
            ("With other people's tools", Stage::Installed),
            ("Running one", Stage::Folder),
        ],
    ),
    (
        "docs/guides/install.md",
        &[
            ("Setting up", Stage::Project),
            ("Names stay at home", Stage::Project),
            ("Verifying what was installed", Stage::Installed),
            ("Taking it back", Stage::Installed),
        ],
    ),
    (
        "docs/guides/publish.md",
        &[
            ("Once", Stage::Source),
            ("Claiming a domain", Stage::Named),
            ("By the operator's word", Stage::Keyed),
            ("Below localhost", Stage::Keyed),
            ("A release", Stage::Claimed),
            ("Keys", Stage::Claimed),
            ("Afterwards", Stage::Published),
        ],
    ),
    (
        "docs/guides/ownership.md",
        &[
            ("Keys that you have before you need them", Stage::Claimed),
            ("When you fear for a key", Stage::Claimed),
            ("Handing it over", Stage::Cold),
            ("Giving it up", Stage::Cold),
            ("When all keys are lost", Stage::Claimed),
            ("When a key is stolen", Stage::Team),
        ],
    ),
    (
        "docs/guides/verify.md",
        &[
            ("Where nobody named the registry", Stage::Installed),
            ("A release", Stage::Installed),
            ("A lock file", Stage::Installed),
            ("Offline", Stage::Installed),
        ],
    ),
    (
        "docs/guides/operate.md",
        &[
            ("Starting", Stage::Folder),
            ("In a container", Stage::Elsewhere("they build an image from what the machine's registries have")),
            ("A private CA", Stage::Project),
            ("Claims", Stage::Listed),
            ("Backup", Stage::Elsewhere("crates/server/tests/server/carried.rs")),
            ("Checking", Stage::Stopped),
        ],
    ),
    ("docs/guides/gem.md", &[("", Stage::Elsewhere("tests/tests/gem_clients.rs"))]),
    ("docs/guides/maven.md", &[("", Stage::Elsewhere("tests/tests/maven_clients/guide.rs"))]),
    ("docs/guides/oci.md", &[("", Stage::Elsewhere("tests/tests/oci_guide.rs"))]),
    ("docs/guides/bench.md", &[("", Stage::Elsewhere("they are measurements"))]),
    ("docs/guides/test.md", &[("", Stage::Elsewhere("they start this test"))]),
];

/// Commands that are not run here, by how they begin, and why.
const NOT_HERE: [(&str, &str); 3] =
    [("cargo ", "it builds what the test runs already"), ("RUSTFLAGS=", "the same"), ("docker compose ", "it builds an image")];

/// One section's commands.
#[derive(Debug)]
struct Section {
    title: String,
    /// Each with its number in the file.
    lines: Vec<(usize, String)>,
}

/// The `sh` blocks of a file, by section.
fn sections(text: &str) -> Vec<Section> {
    let mut all: Vec<Section> = Vec::new();
    let (mut title, mut inside) = (String::new(), false);
    for (n, line) in text.lines().enumerate() {
        if !inside && let Some(found) = line.strip_prefix("##") {
            title = found.trim_start_matches('#').trim().to_owned();
        } else if line.trim() == "```sh" {
            inside = true;
        } else if inside && line.trim() == "```" {
            inside = false;
        } else if inside && !line.trim().is_empty() {
            match all.last_mut().filter(|last| last.title == title) {
                Some(last) => last.lines.push((n + 1, line.trim().to_owned())),
                None => all.push(Section { title: title.clone(), lines: vec![(n + 1, line.trim().to_owned())] }),
            }
        }
    }
    all
}

/// What clients do behind the guide's proxy, with its authority in the system's store and nowhere else; and below a path.
const BEHIND_THE_PROXY: &[&str] = &[
    "curl -fsS -o page.html -H 'accept: text/html' https://registry.example/ && grep -q 'deedbox setup npm' page.html",
    "test \"$(curl -s -o /dev/null -w '%{http_code} %{redirect_url}' http://registry.example/npm/-/ping)\" = '308 https://registry.example/npm/-/ping'",
    "gem list --remote --clear-sources --source https://registry.example/gem/acme.example/",
    "skopeo inspect docker://registry.example/acme.example/none:1 2>skopeo.txt || grep -qi 'unknown' skopeo.txt",
    "deedbox verify npm:acme.example/widget@1.0.0 --registry https://registry.example",
    "curl -fsS -o own.json https://registry.example/npm/@acme.example%2fwidget && grep -q '\"latest\":\"1.0.0\"' own.json",
    "curl -fsS -o below.json https://registry.example:8443/team/npm/@acme.example%2fwidget && grep -q '\"latest\":\"1.0.0\"' below.json",
    "curl -fsS -o below.html -H 'accept: text/html' https://registry.example:8443/team/ && grep -q 'href=\"./packages/npm:acme.example/widget\"' below.html",
    "if SSL_CERT_DIR=/nowhere SSL_CERT_FILE=$(ls /usr/share/ca-certificates/mozilla/*.crt | sed -n 1p) deedbox verify npm:acme.example/widget@1.0.0 --registry https://registry.example; then false; else test $? = 3; fi",
];

#[test]
fn clients_trust_the_authority_of_the_system_and_paths_come_through_as_they_were() -> anyhow::Result<()> {
    debian(&["ruby", "skopeo"])?;
    let lines = BEHIND_THE_PROXY.iter().enumerate().map(|(n, line)| (n, (*line).to_owned())).collect();
    House::built()?.run("journeys.rs", &Section { title: "behind the proxy".to_owned(), lines }, Stage::Project)
}

/// A block of a guide in another language.
fn block(guide: &str, language: &str, which: usize) -> String {
    let text = read(guide);
    text.split(&format!("```{language}\n")).nth(which + 1).and_then(|rest| rest.split("```").next()).unwrap().to_owned()
}

#[test]
fn the_unit_of_the_guide_is_one_that_systemd_takes() -> anyhow::Result<()> {
    debian(&["systemd"])?;
    let folder = tempfile::tempdir()?;
    // What it starts has to be there.
    let unit = block("docs/guides/operate.md", "ini", 0).replace("/usr/local/bin/deedbox", "/bin/true");
    fs::write(folder.path().join("deedbox.service"), unit)?;
    let said = Said::of(Command::new("systemd-analyze").args(["verify", "./deedbox.service"]).current_dir(&folder))?.done()?;
    ensure!(said.all().is_empty(), "{}", said.all());
    Ok(())
}

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)).unwrap()
}

/// The stage of a section; a file whose one stage has no title is all at that stage.
fn stage(file: &str, title: &str) -> Option<Stage> {
    let (_, stages) = STAGES.iter().find(|(name, _)| *name == file)?;
    stages.iter().find(|(name, _)| *name == title || name.is_empty()).map(|(_, stage)| *stage)
}

#[test]
fn every_section_with_commands_has_a_stage_and_every_stage_its_section() {
    let guides = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guides")).unwrap();
    let guides = guides.map(|entry| format!("docs/guides/{}", entry.unwrap().file_name().into_string().unwrap()));
    for file in guides.chain(["README.md".to_owned()]) {
        let found = sections(&read(&file));
        for section in &found {
            assert!(
                stage(&file, &section.title).is_some(),
                "{file}: no test runs the commands of {:?}: give it a stage in journeys.rs",
                section.title
            );
        }
        for (title, _) in STAGES.iter().find(|(name, _)| *name == file).map(|(_, stages)| *stages).unwrap_or_default() {
            assert!(
                title.is_empty() || found.iter().any(|section| section.title == *title),
                "{file} has no section {title:?} with commands"
            );
        }
    }
    for (_, stages) in STAGES {
        for (_, stage) in *stages {
            if let Stage::Elsewhere(test) = stage
                && test.starts_with("tests/")
            {
                assert!(read(test).contains("guides/"), "{test} reads no guide");
            }
        }
    }
}

#[test]
fn the_readme_word_for_word() -> anyhow::Result<()> {
    walk("README.md")
}

#[test]
fn the_guide_to_installing_word_for_word() -> anyhow::Result<()> {
    walk("docs/guides/install.md")
}

#[test]
fn the_guide_to_publishing_word_for_word() -> anyhow::Result<()> {
    walk("docs/guides/publish.md")
}

#[test]
fn the_guide_to_ownership_word_for_word() -> anyhow::Result<()> {
    walk("docs/guides/ownership.md")
}

#[test]
fn the_guide_to_verifying_word_for_word() -> anyhow::Result<()> {
    walk("docs/guides/verify.md")
}

#[test]
fn the_guide_to_operating_word_for_word() -> anyhow::Result<()> {
    walk("docs/guides/operate.md")
}

/// Runs every section of a file.
fn walk(file: &str) -> anyhow::Result<()> {
    let house = House::built()?;
    let mut done = 0;
    for section in sections(&read(file)) {
        let stage = stage(file, &section.title).with_context(|| format!("{file}: {:?} has no stage", section.title))?;
        if matches!(stage, Stage::Elsewhere(_)) {
            continue;
        }
        house.run(file, &section, stage).with_context(|| format!("{file}, {:?}", section.title))?;
        done += section.lines.len();
    }
    ensure!(done > 0, "{file} has no commands");
    Ok(())
}

/// All that the journeys stand on, on this machine: the program, nginx, an authority and a certificate of it.
struct House {
    folder: TempDir,
}

/// What stands before every journey, in its namespaces: `$HOUSE` is the folder of the [`House`], `$HERE` that of the journey.
const BEFORE: &str = r#"
set -euo pipefail
ip link set lo up
mount --bind "$HOUSE/hosts" /etc/hosts
mount --bind "$HOUSE/authorities.pem" /etc/ssl/certs/ca-certificates.crt
wait_for() { for _ in $(seq 200); do if curl -fsS -o /dev/null "$1" 2>>"$HERE/waiting.log"; then return; fi; sleep 0.1; done; cat "$HERE"/*.log >&2; return 1; }
serve() { (cd "$HERE/registry" && exec deedbox serve --allow-local-claims --data data --public-url https://registry.example "$@" >>"$HERE/serve.log" 2>&1) & }
proxy() { nginx -p "$HERE/nginx" -c "$HOUSE/nginx.conf" -e "$HERE/nginx.log" & }
other() { HOME="$HERE/other" DEEDBOX_REGISTRY=https://registry.example "$@" >>"$HERE/other.log" 2>&1 || { cat "$HERE/other.log" >&2; return 1; }; }
mkdir -p "$HERE"/{registry,home,other,here,nginx,other-source}
"#;

const WIDGET: &str = r#"
source_of() {
  mkdir -p "$1"
  printf '{ "name": "@acme.example/widget", "version": "1.0.0", "license": "MIT", "main": "index.js" }\n' > "$1/package.json"
  printf 'module.exports = "widget"\n' > "$1/index.js"
}
"#;

impl Stage {
    /// The shell's lines that make it.
    fn lines(self) -> &'static str {
        match self {
            Stage::Project | Stage::Installed => {
                r#"
serve; proxy; wait_for https://registry.example/ready
source_of "$HERE/other-source"
other deedbox keygen
other deedbox claim acme.example --operator-key "$HERE/registry/data/keys/operator.pem"
(cd "$HERE/other-source" && other deedbox publish)
cd "$HERE/here"
printf '{ "name": "app", "private": true }\n' > package.json
"#
            }
            Stage::Named => {
                r#"
nameservers "$HERE/names" >>"$HERE/names.log" 2>&1 &
until [ -e "$HERE/names/resolver" ]; do kill -0 %1 || { cat "$HERE/names.log" >&2; exit 1; }; sleep 0.1; done
printf 'example\n' > "$HERE/suffixes"
serve --resolver "$(cat "$HERE/names/resolver")" --dns-anchors "$HERE/names/anchors" --public-suffixes "$HERE/suffixes" --access-log "$HERE/access.log"
proxy; wait_for https://registry.example/ready
cd "$HERE/here"
owner() {
  until grep -q 'POST /api/v1/claims 422 ' "$HERE/access.log"; do sleep 0.1; done
  half=$(find "$HERE/home" -name 'acme.example-*.acceptance' | grep .)
  { echo server 127.0.0.1 "$(cat "$HERE/names/zones")"; echo zone acme.example.
    echo "update add _deedbox.acme.example. 60 TXT deedbox-claim=sha256:$(sha256sum "$half" | cut -d ' ' -f 1)"; echo send; } | nsupdate
}
{ owner || kill $$; } &
"#
            }
            Stage::Source | Stage::Keyed | Stage::Claimed | Stage::Cold | Stage::Published | Stage::Team => {
                r#"
serve; proxy; wait_for https://registry.example/ready
source_of "$HERE/here"
cd "$HERE/here"
cp "$HERE/registry/data/keys/operator.pem" "$HERE"
"#
            }
            Stage::Folder | Stage::Listed => "cd \"$HERE/here\"\n",
            Stage::Stopped => {
                r#"
serve; wait_for http://127.0.0.1:8417/ready; kill %1; wait %1 || true
cp -r "$HERE/registry/data" "$HERE/here/deedbox-data"
cd "$HERE/here"
"#
            }
            Stage::Elsewhere(_) => "",
        }
    }

    /// What the section's reader did before, in a shell of their own, with the home that the section has.
    fn earlier(self) -> &'static str {
        match self {
            Stage::Installed => {
                r#"
deedbox setup npm --domain acme.example --registry https://registry.example
npm install @acme.example/widget
npm pack @acme.example/widget && mv acme.example-widget-1.0.0.tgz widget-1.0.0.tgz
curl -fsS -o registry.vkey https://registry.example/log/log.vkey
"#
            }
            Stage::Keyed | Stage::Named => {
                r#"
printf 'registry = "https://registry.example"\n' > deedbox.toml
deedbox keygen
"#
            }
            Stage::Team => {
                r#"
sed -i 's/acme\.example/team.localhost/' package.json
deedbox keygen
"#
            }
            Stage::Claimed => {
                r#"
printf 'registry = "https://registry.example"\n' > deedbox.toml
deedbox keygen
deedbox claim acme.example --operator-key ../operator.pem
"#
            }
            Stage::Cold => {
                r#"
printf 'registry = "https://registry.example"\n' > deedbox.toml
deedbox keygen
deedbox keygen --out ../offline.pem
deedbox claim acme.example --recovery-key ../offline.pem --operator-key ../operator.pem
"#
            }
            Stage::Published => {
                r#"
printf 'registry = "https://registry.example"\n' > deedbox.toml
deedbox keygen
deedbox claim acme.example --operator-key ../operator.pem
deedbox publish
"#
            }
            _ => "",
        }
    }
}

impl House {
    fn built() -> anyhow::Result<Self> {
        debian(&["nginx-light", "curl", "openssl", "iproute2", "util-linux"])?;
        debian(&["bind9", "bind9-utils", "bind9-dnsutils", "publicsuffix"])?;
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("bin"))?;
        std::os::unix::fs::symlink(deedbox_tests::registry::program()?, at("bin/deedbox"))?;
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_nameservers"), at("bin/nameservers"))?;
        fs::write(at("hosts"), "127.0.0.1 localhost registry.example\n")?;
        certificates(folder.path())?;
        let known = fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap_or_default();
        fs::write(at("authorities.pem"), [known, fs::read(at("house-ca.pem"))?].concat())?;
        fs::write(at("nginx.conf"), nginx_conf(folder.path())?)?;
        Ok(House { folder })
    }

    fn run(&self, file: &str, section: &Section, stage: Stage) -> anyhow::Result<()> {
        let here = self.folder.path().join("journeys").join(section.title.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        fs::create_dir_all(&here)?;
        let script = here.join("journey.sh");
        fs::write(&script, shell(file, section))?;
        fs::write(here.join("earlier.sh"), format!("set -euo pipefail\n{}", stage.earlier()))?;
        let fresh = r#"
fresh() { env -i HOME="$HERE/home" PATH="$PATH" LANG=C.UTF-8 NO_COLOR=1 NODE_EXTRA_CA_CERTS="$HOUSE/house-ca.pem" npm_config_fetch_retries=0 npm_config_update_notifier=false bash "$1"; }
fresh "$HERE/earlier.sh"
fresh "$HERE/journey.sh"
"#;
        let before = here.join("before.sh");
        fs::write(&before, format!("{BEFORE}{WIDGET}{}{fresh}", stage.lines()))?;
        let path = std::env::join_paths(
            [self.folder.path().join("bin")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        )?;
        let mut command = Command::new("unshare");
        // All that was started ends with the shell.
        command.args(["--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash"]).arg(&before);
        command.env_clear().env("PATH", path).env("HOUSE", self.folder.path()).env("HERE", &here).env("HOME", here.join("other"));
        command.env("NODE_EXTRA_CA_CERTS", self.folder.path().join("house-ca.pem")).env("npm_config_fetch_retries", "0");
        let said = Said::of(&mut command)?;
        ensure!(said.ok, "a command failed, of these that were run:\n{}", said.all());
        Ok(())
    }
}

/// The section's commands as one script, word for word. What serves runs until it listens, and is then stopped.
fn shell(file: &str, section: &Section) -> String {
    let mut script = String::from("set -eEuo pipefail\nat=\ntrap 'echo \"FAILED: $at\" >&2' ERR\n");
    for (n, line) in &section.lines {
        if NOT_HERE.iter().any(|(begin, _)| line.starts_with(begin)) {
            continue;
        }
        let place = format!("{file}:{n}: {line}").replace('\'', "'\\''");
        script.push_str(&format!("at='{place}'; echo \"$at\"\n"));
        if line.starts_with("deedbox serve") {
            let line = line.split(" #").next().unwrap_or(line);
            script.push_str(&format!(
                "{line} > served.log 2>&1 &\nuntil grep -q listening served.log; do kill -0 $!; sleep 0.1; done; kill $!; wait $!\n"
            ));
        } else {
            script.push_str(&format!("{line}\n"));
        }
    }
    script
}

/// An authority of the house, and a certificate of it for the registry.
fn certificates(folder: &Path) -> anyhow::Result<()> {
    let openssl = |args: &str| {
        let said = Said::of(Command::new("openssl").current_dir(folder).args(args.split(' ')))?;
        said.done().with_context(|| format!("openssl {args}"))
    };
    let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2";
    openssl(&format!("{new} -keyout house-ca.key -out house-ca.pem -subj /CN=house -addext basicConstraints=critical,CA:TRUE"))?;
    openssl(&format!(
        "{new} -keyout privkey.pem -out fullchain.pem -subj /CN=registry.example -CA house-ca.pem -CAkey house-ca.key \
         -addext subjectAltName=DNS:registry.example -addext basicConstraints=critical,CA:FALSE"
    ))?;
    Ok(())
}

/// The guide's server blocks, in a configuration that starts nothing else. The certificate lies where the test put it.
fn nginx_conf(folder: &Path) -> anyhow::Result<String> {
    let (host, below) = (block("docs/guides/operate.md", "nginx", 0), block("docs/guides/operate.md", "nginx", 1));
    ensure!(host.contains("/etc/ssl/registry.example/"), "the guide's certificate lies elsewhere");
    let place = folder.display().to_string();
    let host = host.replace("/etc/ssl/registry.example", &place);
    let below = format!(
        "server {{\nlisten 8443 ssl;\nssl_certificate {place}/fullchain.pem;\nssl_certificate_key {place}/privkey.pem;\n{below}\n}}"
    );
    Ok(format!(
        "user root root;\ndaemon off;\nmaster_process off;\npid nginx.pid;\nevents {{}}\nhttp {{\naccess_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path f;\nuwsgi_temp_path u;\nscgi_temp_path s;\n{host}\n{below}\n}}\n"
    ))
}
