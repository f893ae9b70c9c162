//! A package's page: whose it is, how it is had, its channels and its newest releases (spec/api.md §7).

use crate::answer::{At, Guide, STYLE, Said, page, read};
use crate::owner::Owner;
use crate::shown::Shown;
use askama::Template;
use deedbox_model::{Defect, PackageId};
use deedbox_view::{Dialect, Response, Site, Wanted, encode_path};
use serde::Deserialize;
use std::sync::Arc;

/// A package as the catalog says it.
#[derive(Debug, Deserialize)]
struct Package {
    id: Shown,
    ecosystem: Shown,
    domain: Shown,
    native_name: Shown,
    first_at: At,
    releases: u64,
    description: Option<Shown>,
    keywords: Vec<Shown>,
    licence: Option<Shown>,
    homepage: Option<Shown>,
    repository: Option<Shown>,
    channels: Vec<Channel>,
    more_channels: bool,
    newest_releases: Vec<Release>,
    more_releases: bool,
}

#[derive(Debug, Deserialize)]
struct Channel {
    channel: Shown,
    version: Shown,
}

#[derive(Debug, Deserialize)]
struct Release {
    version: Shown,
    native_version: Shown,
    index: u64,
    published_at: At,
    standing: String,
    artifact_count: u64,
    yanked: Option<Yanked>,
    notice: Option<Notice>,
}

#[derive(Debug, Deserialize)]
struct Yanked {
    reason: Shown,
}

#[derive(Debug, Deserialize)]
struct Notice {
    reason: Shown,
    message: Option<Shown>,
}

#[derive(Template)]
#[template(path = "package.html")]
struct PackagePage<'a> {
    title: String,
    root: String,
    base_url: &'a str,
    log_key: &'a str,
    package: &'a Package,
    owner: Option<Owner>,
    guide: Option<Guide>,
    /// The release that people are shown how to have.
    chosen: Option<&'a Release>,
}

impl PackagePage<'_> {
    fn json(&self) -> String {
        format!("{}api/v1/packages/{}", self.root, encode_path(self.package.id.raw()))
    }
    fn release(&self, release: &Release) -> String {
        format!("{}@{}", self.json(), encode_path(release.version.raw()))
    }
    fn event(&self, release: &Release) -> String {
        format!("{}api/v1/events/{}", self.root, release.index)
    }
    fn domain(&self) -> String {
        format!("{}api/v1/domains/{}", self.root, encode_path(self.package.domain.raw()))
    }
}

#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    title: &'static str,
    root: String,
    said: Said,
}

/// The page.
pub(crate) fn render(
    path: &str,
    answer: &Response,
    owner: Option<Owner>,
    site: &Site,
    dialects: &[Arc<dyn Dialect>],
) -> Result<Response, Defect> {
    let root = root(path);
    let package = match read::<Package>(answer)? {
        Ok(package) => package,
        Err(said) => return page(answer.status, &RefusedPage { title: "Not found", root, said }, false),
    };
    let chosen = chosen(&package);
    let guide = match (chosen, PackageId::parse(package.id.raw())) {
        (Some(release), Ok(id)) => {
            let wanted = Wanted { id: &id, version: release.native_version.raw(), base_url: &site.base_url };
            dialects
                .iter()
                .find(|dialect| dialect.ecosystem() == id.ecosystem().as_str())
                .and_then(|dialect| Guide::of(dialect.as_ref(), &wanted))
        }
        _ => None,
    };
    let title = package.native_name.to_string();
    let (base_url, log_key) = (&site.base_url, &site.log_key);
    page(200, &PackagePage { title, root, base_url, log_key, package: &package, owner, guide, chosen }, false)
}

/// The way back to the front page: up from `/packages/`, and from each further part of the path.
fn root(path: &str) -> String {
    "../".repeat(1 + path.matches('/').count())
}

/// That there is no such page.
pub(crate) fn none(path: &str) -> Result<Response, Defect> {
    let said = Said {
        message: "There is no page at this address.".into(),
        help: "Only packages have pages: remove the part of the address that begins with @.".into(),
    };
    page(404, &RefusedPage { title: "Not found", root: root(path), said }, false)
}

/// What `latest` points at, else the release published last that is not yanked, else the last.
fn chosen(package: &Package) -> Option<&Release> {
    let releases = &package.newest_releases;
    let latest = package.channels.iter().find(|channel| channel.channel.raw() == "latest");
    let of_latest = latest.and_then(|latest| releases.iter().find(|release| release.version == latest.version));
    of_latest.or_else(|| releases.iter().find(|release| release.yanked.is_none())).or_else(|| releases.first())
}
