//! The front page: what this is, its log's key, how to install, publish and verify, and the packages (spec/api.md §7).

use crate::answer::{At, Guide, STYLE, Said, page, read};
use crate::ask::Front;
use crate::shown::Shown;
use askama::Template;
use deedbox_catalog::rows::{TotalsRow, totals_key};
use deedbox_model::{Defect, PackageId};
use deedbox_view::{Cache, Dialect, Reads, Response, Site, Wanted, encode_path};
use serde::Deserialize;
use std::borrow::Cow;
use std::sync::Arc;

/// A list of packages, or what a search found.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(alias = "results")]
    packages: Vec<Summary>,
    next: Option<Shown>,
    found: Option<u64>,
    complete: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    id: Shown,
    native_name: Shown,
    description: Option<Shown>,
    licence: Option<Shown>,
    releases: u64,
    newest: Newest,
}

#[derive(Debug, Deserialize)]
struct Newest {
    version: Shown,
    published_at: At,
}

impl Summary {
    fn address(&self) -> String {
        format!("packages/{}", encode_path(self.id.raw()))
    }
}

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage<'a> {
    title: String,
    /// The way back to the front page from here.
    root: &'a str,
    base_url: &'a str,
    log_key: &'a str,
    totals: TotalsRow,
    front: &'a Front,
    q: Shown,
    ecosystems: Vec<&'static str>,
    guides: Vec<Guide>,
    list: Option<List>,
    refused: Option<Said>,
}

impl FrontPage<'_> {
    /// The address of the next page of this list.
    fn next(&self) -> Option<String> {
        let next = self.list.as_ref()?.next.as_ref()?;
        let pairs = [("q", self.front.q.as_str()), ("ecosystem", &self.front.ecosystem), ("after", next.raw())];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={}", encode_path(value)));
        Some(format!("?{}#packages", pairs.collect::<Vec<_>>().join("&")))
    }
}

/// The page.
pub(crate) fn render(
    front: &Front,
    answer: &Response,
    reads: &Reads,
    site: &Site,
    dialects: &[Arc<dyn Dialect>],
) -> Result<Response, Defect> {
    let (list, refused) = match read::<List>(answer)? {
        Ok(list) => (Some(list), None),
        Err(said) => (None, Some(said)),
    };
    let host = host(&site.base_url);
    let page_of = FrontPage {
        title: if front.is_search() {
            format!("{} in {host}", Shown::from(front.q.as_str()))
        } else {
            format!("{host}: packages that anyone can check")
        },
        root: "./",
        base_url: &site.base_url,
        log_key: &site.log_key,
        totals: totals(reads)?,
        q: Shown::from(front.q.as_str()),
        ecosystems: dialects.iter().map(|dialect| dialect.ecosystem()).collect(),
        guides: dialects.iter().filter_map(|dialect| example(dialect.as_ref(), site)).collect(),
        front,
        list,
        refused,
    };
    page(answer.status, &page_of, true)
}

/// How a package that does not exist would be had.
fn example(dialect: &dyn Dialect, site: &Site) -> Option<Guide> {
    let id = PackageId::parse(&format!("{}:acme.example/widget", dialect.ecosystem())).ok()?;
    Guide::of(dialect, &Wanted { id: &id, version: "1.0.0", base_url: &site.base_url })
}

fn totals(reads: &Reads) -> Result<TotalsRow, Defect> {
    Ok(reads.rows.decoded(&totals_key()?)?.unwrap_or_default())
}

fn host(base_url: &str) -> &str {
    base_url.split_once("://").map_or(base_url, |(_, host)| host)
}

/// What a program reads that came without asking for HTML.
pub(crate) fn words(reads: &Reads, site: &Site) -> Result<Response, Defect> {
    let TotalsRow { domains, packages, releases } = totals(reads)?;
    let (url, key) = (&site.base_url, &site.log_key);
    let text = format!(
        "A Deedbox registry: packages that anyone can check.\n\
         {packages} packages, {domains} domains, {releases} releases.\n\n\
         log key   {key}\n\
         log       {url}/log/checkpoint\n\
         packages  {url}/api/v1/packages/\n\
         search    {url}/api/v1/search/?q=WORD\n\
         about it  {url}/api/v1/registry\n\n\
         In a browser, this address shows a page for people.\n"
    );
    Ok(Response {
        media_type: Cow::Borrowed("text/plain; charset=utf-8"),
        cache: Cache::Revalidate,
        varies_by_accept: true,
        ..Response::json(text.into_bytes())
    })
}
