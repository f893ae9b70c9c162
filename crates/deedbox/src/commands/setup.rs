//! `deedbox setup`: a package manager's own settings for one domain's scope. Adds or replaces one setting; every other
//! line of the file stays as it is.

use crate::args::{PackageManager, Setup};
use crate::context::{self, Context};
use crate::failure::{refused, wrong};
use crate::terminal;
use deedbox_client::RegistryUrl;
use deedbox_model::Domain;
use std::io::Write as _;
use std::path::Path;

/// A settings file that is longer than this is not one.
const FILE_BYTES: u64 = 1024 * 1024;

pub(crate) fn run(context: &Context, args: Setup) -> anyhow::Result<()> {
    let domain = Domain::parse(&args.domain).map_err(|e| wrong(e.to_string()))?;
    let url = context.url()?;
    if !args.dir.is_dir() {
        return Err(wrong(format!("{} is no folder that is there: make it, or give the project's folder with --dir", args.dir.display())));
    }
    match args.client {
        PackageManager::Npm => npm_family(&args, &domain, url, "npm install @", None),
        PackageManager::Pnpm => npm_family(&args, &domain, url, "pnpm add @", Some("pnpm-lock.yaml")),
        PackageManager::Yarn => npm_family(&args, &domain, url, "yarn add @", Some("yarn.lock")),
        PackageManager::Bun => npm_family(&args, &domain, url, "bun add @", Some("bun.lock")),
        PackageManager::Deno => npm_family(&args, &domain, url, "deno add npm:@", Some("deno.lock")),
        PackageManager::Mvn | PackageManager::Gradle => super::setup_jvm::run(&args, &domain, url),
        PackageManager::Oci => {
            write(&args.dir, REGISTRIES_CONF, |text| registries_conf(text, &domain, url)).map(|said| terminal::say(&said))?;
            let at = args.dir.join(REGISTRIES_CONF);
            terminal::say(&format!(
                "  next: CONTAINERS_REGISTRIES_CONF={} podman pull {domain}/NAME:TAG\n  (or copy it to ~/.config/containers/registries.conf.d/deedbox.conf)",
                at.display()
            ));
            terminal::say(&format!("  other clients need no settings: docker pull {}/{domain}/NAME:TAG", url.authority()));
            Ok(())
        }
        PackageManager::Gem => {
            let install = gem_install(&domain, url);
            terminal::say(&format!("nothing to write: gem has its sources for a user, not for a project\n  next: {install}"));
            Ok(())
        }
        PackageManager::Bundle => {
            write(&args.dir, "Gemfile", |text| Ok(gemfile(text, &domain, url))).map(|said| terminal::say(&said))?;
            terminal::say("  next: write the gems of the domain into that block, and then: bundle install");
            Ok(())
        }
    }
}

/// The settings of npm and of those that read its own. Of the lock files only npm's are read by `deedbox verify`.
fn npm_family(args: &Setup, domain: &Domain, url: &RegistryUrl, install: &str, foreign_lock: Option<&str>) -> anyhow::Result<()> {
    let line = npmrc(domain, url);
    write(&args.dir, ".npmrc", |text| set_line(text, &line)).map(|said| terminal::say(&said))?;
    if args.client == PackageManager::Yarn {
        write(&args.dir, ".yarnrc.yml", |text| yarn(text, domain, url)).map(|said| terminal::say(&said))?;
    }
    terminal::say(&format!("  next: {install}{domain}/NAME   and then: {}", check(foreign_lock, domain)));
    if args.client == PackageManager::Yarn {
        terminal::say(
            "  Yarn 4 waits a day before it takes a new release; npmMinimalAgeGate: 0 among the lines of the scope in .yarnrc.yml turns that off",
        );
    }
    Ok(())
}

/// How to check what was installed. Of the lock files only npm's are read.
fn check(foreign_lock: Option<&str>, domain: &Domain) -> String {
    match foreign_lock {
        None => "deedbox verify --lockfile package-lock.json".to_owned(),
        Some(lock) => {
            format!("deedbox verify npm:{domain}/NAME@VERSION, for each one that {lock} names (verify does not read that file)")
        }
    }
}

/// How a gem of a domain is installed without any other source being asked.
fn gem_install(domain: &Domain, url: &RegistryUrl) -> String {
    format!("gem install NAME --clear-sources --source {url}/gem/{domain}/")
}

/// The text of a Gemfile with a block for a domain's source, if it has none yet.
fn gemfile(text: &str, domain: &Domain, url: &RegistryUrl) -> (String, String) {
    let source = format!("source \"{url}/gem/{domain}\"");
    let said = format!("{source} do … end");
    if text.lines().any(|line| line.trim_start().starts_with(&source)) {
        return (text.to_owned(), said);
    }
    let gap = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    (format!("{text}{gap}{source} do\n  # gem \"NAME\"\nend\n"), said)
}

/// Where Podman, Buildah and Skopeo read which registry a name is of (containers-registries.conf).
const REGISTRIES_CONF: &str = "registries.conf";

/// Images whose names begin with a domain come from a registry. Nothing but a whole block is added.
fn registries_conf(text: &str, domain: &Domain, url: &RegistryUrl) -> Result<(String, String), String> {
    let plain = if url.as_str().starts_with("http:") { "insecure = true\n" } else { "" };
    let prefix = format!("prefix = \"{domain}\"\n");
    let block = format!("[[registry]]\n{prefix}location = \"{}/{domain}\"\n{plain}", url.authority());
    let said = format!("images {domain}/… from {}", url.authority());
    if text.contains(&block) {
        return Ok((text.to_owned(), said));
    }
    if text.lines().any(|line| line.trim() == prefix.trim()) {
        return Err(format!("it has {domain} already, with another registry; change its location to \"{}/{domain}\"", url.authority()));
    }
    let gap = if text.is_empty() {
        ""
    } else if text.ends_with('\n') {
        "\n"
    } else {
        "\n\n"
    };
    Ok((format!("{text}{gap}{block}"), said))
}

/// The line of an `.npmrc` by which packages of a domain come from a registry.
pub(crate) fn npmrc(domain: &Domain, url: &RegistryUrl) -> String {
    format!("@{domain}:registry={url}/npm/")
}

/// Changes one file; gives what it wrote, in words.
pub(crate) fn write(dir: &Path, name: &str, change: impl Fn(&str) -> Result<(String, String), String>) -> anyhow::Result<String> {
    let path = dir.join(name);
    let old = if path.exists() {
        let bytes = context::read_file(&path, FILE_BYTES)?;
        String::from_utf8(bytes).map_err(|_| refused(format!("{} is not text; nothing was written", path.display())))?
    } else {
        String::new()
    };
    let (new, said) = change(&old).map_err(|why| refused(format!("{}: {why}; nothing was written", path.display())))?;
    if new == old {
        return Ok(format!("{} has it already: {said}", path.display()));
    }
    // Whole or not at all; the file's own permissions are kept, it may hold a token.
    let permissions = std::fs::metadata(&path).ok().map(|metadata| metadata.permissions());
    // Its words name the temporary file, which nobody asked for.
    let no_place = |e: std::io::Error| refused(format!("no file can be made in {}: {}; nothing was written", dir.display(), e.kind()));
    let mut file = tempfile::NamedTempFile::new_in(dir).map_err(no_place)?;
    file.write_all(new.as_bytes())?;
    if let Some(permissions) = permissions {
        file.as_file().set_permissions(permissions)?;
    }
    file.persist(&path).map_err(|e| refused(format!("{}: {e}", path.display())))?;
    Ok(format!("wrote into {}: {said}", path.display()))
}

/// The text with `line` in place of the line that sets the same thing, or at its end.
pub(crate) fn set_line(text: &str, line: &str) -> Result<(String, String), String> {
    let key = line.split_once('=').map_or(line, |(key, _)| key);
    let sets = |old: &str| old.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    let mut out = String::with_capacity(text.len() + line.len() + 1);
    let mut done = false;
    for old in text.split_inclusive('\n') {
        if !sets(old) {
            out.push_str(old);
        } else if !done {
            out.push_str(line);
            out.push_str(if old.ends_with('\n') { "\n" } else { "" });
            done = true;
        }
    }
    if !done {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    Ok((out, line.to_owned()))
}

/// `npmScopes` of Yarn 2 and later, and its leave to speak plain HTTP to a host. Only block style is edited.
pub(crate) fn yarn(text: &str, domain: &Domain, url: &RegistryUrl) -> Result<(String, String), String> {
    let scope = format!("  \"{domain}\":\n    npmRegistryServer: \"{url}/npm/\"\n");
    let mut text = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let mut said = format!("npmScopes \"{domain}\" from {url}/npm/");
    if !text.contains(&scope) {
        if text.contains(&format!("  \"{domain}\":")) || text.contains(&format!("  {domain}:")) {
            return Err(format!("npmScopes has {domain} already, with another registry; change its npmRegistryServer to \"{url}/npm/\""));
        }
        text = insert(&text, "npmScopes:", &scope)?;
    }
    if url.as_str().starts_with("http:") {
        let authority = url.authority();
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
        let leave = format!("  - \"{host}\"\n");
        if !text.contains(&leave) {
            text = insert(&text, "unsafeHttpWhitelist:", &leave)?;
        }
        said.push_str(&format!(", and unsafeHttpWhitelist \"{host}\", since it is not https"));
    }
    Ok((text, said))
}

/// The text with `lines` as the first of the top-level block `key`, which is made at the end if it is not there.
fn insert(text: &str, key: &str, lines: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len() + key.len() + lines.len() + 1);
    let mut done = false;
    for line in text.split_inclusive('\n') {
        out.push_str(line);
        if !done && line.starts_with(key) {
            if line.trim_end() != key {
                return Err(format!("{key} is written on one line; write it as a block, one entry a line"));
            }
            out.push_str(lines);
            done = true;
        }
    }
    if !done {
        out.push_str(key);
        out.push('\n');
        out.push_str(lines);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_npm_is_told_to_have_its_lock_file_read() {
        let domain = Domain::parse("acme.example").unwrap();
        assert_eq!(check(None, &domain), "deedbox verify --lockfile package-lock.json");
        let said = check(Some("yarn.lock"), &domain);
        assert!(said.starts_with("deedbox verify npm:acme.example/NAME@VERSION") && !said.contains("--lockfile"), "{said}");
    }

    #[test]
    fn one_setting_changes_and_every_other_line_stays() {
        let line = "@acme.example:registry=https://registry.example/npm/";
        for (old, new) in [
            ("", format!("{line}\n")),
            ("save-exact=true", format!("save-exact=true\n{line}\n")),
            ("a=1\n@acme.example:registry = http://old/\nb=2\n", format!("a=1\n{line}\nb=2\n")),
            ("@b.acme.example:registry=x\r\n", format!("@b.acme.example:registry=x\r\n{line}\n")),
            (&format!("{line}\n"), format!("{line}\n")),
            (&format!("{line}\n{line}\nc=3"), format!("{line}\nc=3")),
        ] {
            assert_eq!(set_line(old, line).unwrap().0, new);
        }
    }

    #[test]
    fn a_gemfile_gets_one_block_for_a_domain() {
        let domain = Domain::parse("acme.example").unwrap();
        let url = RegistryUrl::parse("https://registry.example").unwrap();
        let block = "source \"https://registry.example/gem/acme.example\" do\n  # gem \"NAME\"\nend\n";
        for (old, new) in [
            ("", block.to_owned()),
            ("gem \"a\"", format!("gem \"a\"\n\n{block}")),
            ("gem \"a\"\n", format!("gem \"a\"\n\n{block}")),
            (
                "source \"https://registry.example/gem/acme.example\" do\n  gem \"b\"\nend",
                "source \"https://registry.example/gem/acme.example\" do\n  gem \"b\"\nend".to_owned(),
            ),
        ] {
            assert_eq!(gemfile(old, &domain, &url).0, new);
        }
    }

    #[test]
    fn images_of_a_domain_come_from_the_registry_and_other_blocks_stay() {
        let domain = Domain::parse("acme.example").unwrap();
        let url = RegistryUrl::parse("http://127.0.0.1:8417").unwrap();
        let block = "[[registry]]\nprefix = \"acme.example\"\nlocation = \"127.0.0.1:8417/acme.example\"\ninsecure = true\n";
        assert_eq!(registries_conf("", &domain, &url).unwrap().0, block);
        let both = registries_conf("short-name-mode = \"enforcing\"", &domain, &url).unwrap().0;
        assert_eq!(both, format!("short-name-mode = \"enforcing\"\n\n{block}"));
        assert_eq!(registries_conf(&both, &domain, &url).unwrap().0, both, "twice changes nothing");
        let https = RegistryUrl::parse("https://registry.example").unwrap();
        assert!(!registries_conf("", &domain, &https).unwrap().0.contains("insecure"));
        assert!(registries_conf(&both, &domain, &https).is_err(), "another registry's block is not changed");
    }

    #[test]
    fn yarns_scopes_are_added_to_and_other_scopes_stay() {
        let domain = Domain::parse("acme.example").unwrap();
        let url = RegistryUrl::parse("http://127.0.0.1:8417").unwrap();
        let scope = "  \"acme.example\":\n    npmRegistryServer: \"http://127.0.0.1:8417/npm/\"\n";
        let leave = "unsafeHttpWhitelist:\n  - \"127.0.0.1\"\n";
        assert_eq!(yarn("", &domain, &url).unwrap().0, format!("npmScopes:\n{scope}{leave}"));
        let other = "nodeLinker: pnp\nnpmScopes:\n  other:\n    npmAlwaysAuth: true\n";
        let expected = format!("nodeLinker: pnp\nnpmScopes:\n{scope}  other:\n    npmAlwaysAuth: true\n{leave}");
        assert_eq!(yarn(other, &domain, &url).unwrap().0, expected);
        assert_eq!(yarn(&expected, &domain, &url).unwrap().0, expected, "twice changes nothing");
        assert!(yarn("npmScopes: {}\n", &domain, &url).is_err());
        assert!(yarn("npmScopes:\n  \"acme.example\":\n    npmRegistryServer: \"x\"\n", &domain, &url).is_err());
    }
}
