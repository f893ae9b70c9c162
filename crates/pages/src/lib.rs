//! The pages of a registry for people (spec/api.md §7): `/`, with a list of packages and a search, and `/packages/ID`.
//!
//! The catalog's own answers as HTML: what is asked, what is read and what is refused is the catalog's, so a page shows what
//! `/api/v1/` says, within the same bounds. Wraps the catalog, whose name, rows and other answers stay what they are. Holds
//! no script, loads nothing from anywhere, and knows no ecosystem: its caller hands the dialects in.

pub mod limits;

mod answer;
mod ask;
mod front;
mod package;
mod shown;

use ask::Ask;
use deedbox_catalog::Catalog;
use deedbox_catalog::rows::totals_key;
use deedbox_model::{Changes, Defect, Keys, ProjectionId, Rows};
use deedbox_view::{Dialect, Entry, Facts, Method, Plan, Projection, Reads, Refused, Request, Response, Site, Step, Takes};
use std::sync::Arc;

/// The front page: this address alone.
pub const ROOT: &str = "/";
/// The mount of the packages' pages.
pub const PACKAGES: &str = "/packages/";

/// The catalog, with pages.
#[derive(Clone, Default)]
pub struct Pages {
    catalog: Catalog,
    dialects: Vec<Arc<dyn Dialect>>,
}

impl Pages {
    /// Pages that say how packages of these ecosystems are had.
    pub fn new(dialects: Vec<Arc<dyn Dialect>>) -> Self {
        Pages { catalog: Catalog, dialects }
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.dialects.iter().map(|dialect| dialect.ecosystem())).finish()
    }
}

impl Projection for Pages {
    fn id(&self) -> ProjectionId {
        self.catalog.id()
    }
    fn touches(&self, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
        self.catalog.touches(entry, facts)
    }
    fn touches_next(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
        self.catalog.touches_next(rows, entry, facts)
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
        self.catalog.fold(rows, entry, facts)
    }
    fn mounts(&self) -> &'static [&'static str] {
        &[ROOT, PACKAGES, deedbox_catalog::PACKAGES, deedbox_catalog::DOMAINS, deedbox_catalog::SEARCH]
    }
    fn takes(&self, method: Method, mount: &'static str, path: &str) -> Takes {
        match mount {
            ROOT => Takes::query(&["q", "ecosystem", "after"]),
            PACKAGES => Takes::NOTHING,
            _ => self.catalog.takes(method, mount, path),
        }
    }
    fn refuse(&self, refused: &Refused<'_>) -> Option<Response> {
        self.catalog.refuse(refused)
    }
    fn plan(&self, request: &Request) -> Plan {
        match Ask::of(request) {
            // Every event that changes the list changes this row too (spec/projections/catalog.md §1.1).
            Ask::Words | Ask::Front(_) => totals_key().map_or(Plan::Nothing, |key| Plan::Get(vec![key])),
            Ask::NoPage => Plan::Nothing,
            Ask::Package(asked) | Ask::Refused(asked) => self.catalog.plan(&asked),
            Ask::Catalog => self.catalog.plan(request),
        }
    }
    fn step(&self, request: &Request, reads: &Reads) -> Result<Step, Defect> {
        match Ask::of(request) {
            Ask::Words | Ask::NoPage => Ok(Step::Ready),
            // A list is one scan; a search begins with `totals` by itself.
            Ask::Front(front) if !front.is_search() => Ok(match (reads.rounds, self.catalog.plan(&front.asked)) {
                (1, plan @ Plan::Scan { .. }) => Step::Read(plan),
                _ => Step::Ready,
            }),
            Ask::Front(front) => self.catalog.step(&front.asked, reads),
            Ask::Package(asked) | Ask::Refused(asked) => self.catalog.step(&asked, reads),
            Ask::Catalog => self.catalog.step(request, reads),
        }
    }
    fn render(&self, request: &Request, reads: &Reads, site: &Site) -> Result<Response, Defect> {
        match Ask::of(request) {
            Ask::Words => front::words(reads, site),
            Ask::Front(front) => {
                let answer = self.catalog.render(&front.asked, reads, site)?;
                front::render(&front, &answer, reads, site, &self.dialects)
            }
            Ask::Package(asked) => {
                let answer = self.catalog.render(&asked, reads, site)?;
                package::render(&asked, &answer, site, &self.dialects)
            }
            Ask::NoPage => package::none(request),
            Ask::Refused(asked) => self.catalog.render(&asked, reads, site),
            Ask::Catalog => self.catalog.render(request, reads, site),
        }
    }
}
