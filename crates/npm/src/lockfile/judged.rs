//! What npm makes of one entry of `packages`. npm takes a package's name from its folder unless `name` stands in
//! the entry, trims names and versions, takes the first of several fields that hold a digest, splits `integrity` at JavaScript's white
//! space, checks none for what comes from git, ignores `inBundle` and goes by what the package above bundles. So of a domain's package
//! each field has one form here.

use super::entry::{Entries, Entry, bundles};
use super::project::Project;
use super::{Locked, Release, Source, place, quoted};
use crate::name::PackageName;
use crate::version::PackageVersion;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use deedbox_model::Sha512Digest;

/// Hosts whose addresses npm reads as git repositories, whatever the path ends in; it compares no digest for those.
const GIT_HOSTS: [&str; 5] = ["github.com", "gitlab.com", "bitbucket.org", "gist.github.com", "git.sr.ht"];
/// What an address may have percent-encoded: the slash, the at-sign and the plus of names and versions.
const ENCODED: [&str; 3] = ["2f", "40", "2b"];

/// What npm makes of one entry; nothing where it installs nothing from it: the project itself and its folders.
pub(super) fn judge(path: &str, entry: &Entry<'_>, entries: &Entries<'_>, project: &Project) -> Option<Locked> {
    // What does not end in a package's folder is the project's own, or a folder that a link leads to; npm fetches none of these.
    let (_, folder) = place::split(path)?;
    let name = entry.text("name").filter(|name| !name.is_empty()).unwrap_or(folder);
    let text = |key: &str| entry.text(key).map(str::to_owned);
    let (version, resolved) = (text("version"), text("resolved"));
    let source = match source(path, folder, name, entry, entries, project) {
        Ok(source) => source,
        Err(why) => Source::Unread(why),
    };
    Some(Locked { path: path.to_owned(), name: name.to_owned(), version, resolved, line: None, source })
}

fn source(path: &str, folder: &str, name: &str, entry: &Entry<'_>, entries: &Entries<'_>, project: &Project) -> Result<Source, String> {
    if !place::is_name(folder) || !place::is_name(name) {
        return Err("its name is not one that npm takes".to_owned());
    }
    if entry.fields.get("name").is_some_and(|name| !name.is_string()) {
        return Err("its name is not text".to_owned());
    }
    let is_domains = place::is_domains(folder) || place::is_domains(name);
    if entry.is("link") {
        return link(is_domains, entry, entries, project.has_workspaces());
    }
    if !is_domains {
        return Ok(Source::Elsewhere);
    }
    if place::is_domains(folder) && folder != name {
        return Err(format!("it says that it is {name}, and is installed as a domain's package"));
    }
    let package = PackageName::from_native(name).map_err(|e| e.to_string())?;
    let id = package.id().map_err(|e| e.to_string())?;
    if let Some(key) = entry.fields.keys().find(|key| key.starts_with('_')) {
        return Err(format!("it has the field {}, which npm may read in place of another", quoted(key)));
    }
    let version = version(entry)?;
    is_fetched(path, entry, entries, project)?;
    if let Some(resolved) = entry.fields.get("resolved") {
        let resolved = resolved.as_str().ok_or("resolved is not text")?;
        tarball_address(resolved).map_err(|why| format!("resolved is not the plain address of a tarball: {why}"))?;
    }
    let integrity = match entry.fields.get("integrity") {
        None => return Err("the lock file names no digest for it; install it again to get one".to_owned()),
        Some(integrity) => integrity.as_str().ok_or("integrity is not text")?,
    };
    let sha512 = sha512(integrity).map_err(|why| format!("integrity has another form than npm writes: {why}"))?;
    Ok(Source::Release(Release { id, version, sha512 }))
}

/// A link: to a workspace of the project, which is its own source. A domain's name on any other folder is not the domain's package.
fn link(is_domains: bool, entry: &Entry<'_>, entries: &Entries<'_>, has_workspaces: bool) -> Result<Source, String> {
    let target = entry.text("resolved").filter(|target| !target.is_empty()).ok_or("it is a link that names no folder")?;
    if is_domains {
        let inside =
            place::defect(target).is_none() && !target.contains(':') && !target.split('/').any(|s| s == ".." || s == "node_modules");
        if !inside || !has_workspaces || !entries.contains_key(target) {
            return Err(format!("it is a link to {}, which is not a workspace of the project, so no log knows its bytes", quoted(target)));
        }
        if entry.fields.contains_key("integrity") {
            return Err("it is a link and has an integrity, which nothing checks".to_owned());
        }
    }
    Ok(Source::Folder(target.to_owned()))
}

fn version(entry: &Entry<'_>) -> Result<deedbox_model::Version, String> {
    let version = match entry.fields.get("version") {
        None => return Err("it has no version".to_owned()),
        Some(version) => version.as_str().ok_or("its version is not text")?,
    };
    let parsed = PackageVersion::parse(version).map_err(|e| e.to_string())?;
    if parsed.native() != version {
        return Err(format!("npm reads its version {} without build metadata", quoted(version)));
    }
    Ok(parsed.neutral().clone())
}

/// Whether npm fetches it as this entry says, and takes it neither from the tarball nor by the lock file of a package above.
fn is_fetched(path: &str, entry: &Entry<'_>, entries: &Entries<'_>, project: &Project) -> Result<(), String> {
    for above in place::above(path).filter(|above| !above.is_empty()) {
        let Some(holder) = entries.get(above) else { return Err(format!("it is below {}, which has no entry", quoted(above))) };
        if holder.is("link") {
            return Err(format!("it is below {}, which is a link", quoted(above)));
        }
        if holder.is("hasShrinkwrap") || holder.is_truthy("_hasShrinkwrap") {
            return Err(format!("npm takes it from the lock file inside {}, not from this entry", quoted(above)));
        }
        if holder.bundles() || project.manifest(above).is_some_and(bundles) {
            return Err(format!("{} may bring it in its own tarball, so this entry does not say which bytes are installed", quoted(above)));
        }
    }
    let by_project = place::above(path).next() == Some("") && entries.get("").is_some_and(Entry::bundles);
    let by_project = by_project || (place::above(path).next() == Some("") && project.manifest("").is_some_and(bundles));
    if entry.is("inBundle") && !by_project {
        return Err("it says inBundle, and nothing above it bundles anything: npm fetches it all the same".to_owned());
    }
    Ok(())
}

/// An address that npm fetches as a tarball by HTTP, in the one form that every reader of URLs takes alike.
fn tarball_address(text: &str) -> Result<(), &'static str> {
    let rest = ["https://", "http://"].iter().find_map(|scheme| text.strip_prefix(scheme)).ok_or("it is not http or https")?;
    let (authority, path) = rest.split_once('/').ok_or("it has no path")?;
    if !path.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/@!+%".contains(&b)) {
        return Err("a query, a fragment or a character that is not plain");
    }
    if path.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err("its path is not in normal form");
    }
    let mut pieces = path.split('%');
    pieces.next();
    if pieces.any(|piece| piece.get(..2).is_none_or(|hex| !ENCODED.contains(&hex.to_ascii_lowercase().as_str()))) {
        return Err("more is percent-encoded than a slash, an at-sign or a plus");
    }
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, after)) => {
            if !host.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f' | b':')) {
                return Err("its host is not in normal form");
            }
            ("", after.strip_prefix(':').or_else(|| after.is_empty().then_some("")).ok_or("its host is not in normal form")?)
        }
        None => authority.split_once(':').unwrap_or((authority, "")),
    };
    let is_host = |host: &str| !host.is_empty() && host.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    if !(authority.starts_with('[') || is_host(host)) || !port.bytes().all(|b| b.is_ascii_digit()) || authority.ends_with(':') {
        return Err("its host is not in normal form");
    }
    if GIT_HOSTS.contains(&host.strip_prefix("www.").unwrap_or(host)) {
        return Err("npm takes an address of that host for a git repository, and compares no digest");
    }
    Ok(())
}

/// The one SHA-512 of an integrity: digests with one space between them, as npm writes them, each in the one base64 that there is of
/// it. npm takes the strongest, and any of several of one kind.
fn sha512(integrity: &str) -> Result<Sha512Digest, &'static str> {
    let mut found = None;
    for part in integrity.split(' ') {
        let (algorithm, base64) = part.split_once('-').ok_or("a part that is not a digest")?;
        let length = match algorithm {
            "sha1" => 20,
            "sha256" => 32,
            "sha384" => 48,
            "sha512" => 64,
            _ => return Err("a digest of a kind that is not known here, or a space too many"),
        };
        let bytes = BASE64.decode(base64).ok().filter(|bytes| bytes.len() == length && BASE64.encode(bytes) == base64);
        let bytes = bytes.ok_or("a digest that is not one of its kind in base64, and nothing else")?;
        if let Some(digest) = Sha512Digest::from_slice(&bytes)
            && found.replace(digest).is_some()
        {
            return Err("two sha512, of which npm takes either");
        }
    }
    found.ok_or("no sha512")
}
