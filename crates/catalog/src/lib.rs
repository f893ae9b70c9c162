//! The neutral projection: packages, domains, releases, objects, history and search (spec/projections/catalog.md).
//! Knows no ecosystem: an id, a version and a channel are texts to it, and it orders versions only by when they came.
//!
//! Its object rows are what lets a server hand out an object: no row, no bytes.

pub mod limits;
pub mod rows;

mod answer;
mod asked;
mod domain;
mod fold;
mod grant;
mod read;
mod render;
mod route;
mod words;

pub use rows::{ObjectRow, object_key};

use asked::Asked;
use deedbox_model::{Changes, Defect, Keys, ProjectionId, Rows};
use deedbox_view::{Entry, Facts, Method, Projection, Question, Request, Takes, View};

/// The rows of this projection.
pub const PROJECTION: ProjectionId = ProjectionId { name: "catalog", version: 1 };

/// The mount of packages and releases.
pub const PACKAGES: &str = "/api/v1/packages/";
/// The mount of domains.
pub const DOMAINS: &str = "/api/v1/domains/";
/// The mount of search.
pub const SEARCH: &str = "/api/v1/search/";

/// The projection `catalog`, version 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Catalog;

impl Projection for Catalog {
    fn id(&self) -> ProjectionId {
        PROJECTION
    }
    fn touches(&self, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect> {
        fold::touches(entry, facts)
    }
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect> {
        fold::fold(rows, entry, facts)
    }
}

impl View for Catalog {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &[PACKAGES, DOMAINS, SEARCH]
    }
    fn takes(&self, _: Method, mount: &'static str, _: &str) -> Takes {
        Takes::query(match mount {
            PACKAGES => &["view", "prefix", "after", "limit"],
            DOMAINS => &["view", "after", "limit"],
            _ => &["q", "ecosystem", "after", "limit"],
        })
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Asked::of(request))
    }
}
