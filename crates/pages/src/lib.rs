//! The pages of a registry for people (spec/api.md §7): `/`, with a list of packages and a search, and `/packages/ID`.
//!
//! The catalog's own answers as HTML: what is asked, what is read and what is refused is the catalog's, so a page shows what
//! `/api/v1/` says, within the same bounds. Wraps the catalog's view, whose other answers stay what they are, and folds nothing. Holds
//! no script, loads nothing from anywhere, and knows no ecosystem: its caller hands the dialects in.

pub mod limits;

mod answer;
mod ask;
mod front;
mod owner;
mod package;
mod question;
mod shown;

use ask::Ask;
use deedbox_catalog::Catalog;
use deedbox_model::{PackageId, ProjectionId};
use deedbox_view::{Dialect, Method, Question, Refused, Request, Response, Takes, View};
use question::{FrontPage, FrontWords, NoPage, PackagePage};
use std::sync::Arc;

/// The front page: this address alone.
pub const ROOT: &str = "/";
/// The mount of the packages' pages.
pub const PACKAGES: &str = "/packages/";

/// The catalog, with pages.
#[derive(Clone, Default)]
pub struct Pages {
    catalog: Catalog,
    dialects: Arc<[Arc<dyn Dialect>]>,
}

impl Pages {
    /// Pages that say how packages of these ecosystems are had.
    pub fn new(dialects: Vec<Arc<dyn Dialect>>) -> Self {
        Pages { catalog: Catalog, dialects: dialects.into() }
    }
}

impl std::fmt::Debug for Pages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.dialects.iter().map(|dialect| dialect.ecosystem())).finish()
    }
}

impl View for Pages {
    fn reads(&self) -> ProjectionId {
        self.catalog.reads()
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
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        let dialects = Arc::clone(&self.dialects);
        match Ask::of(request) {
            Ask::Words => Box::new(FrontWords),
            Ask::Front(front) => Box::new(FrontPage { asked: self.catalog.parse(&front.asked), front, dialects }),
            Ask::Package(asked) => {
                let domain = PackageId::parse(&asked.path).ok().map(|id| id.domain().clone());
                Box::new(PackagePage { asked: self.catalog.parse(&asked), domain, path: asked.path, dialects })
            }
            Ask::NoPage => Box::new(NoPage { path: request.path.clone() }),
            Ask::Refused(asked) => self.catalog.parse(&asked),
            Ask::Catalog => self.catalog.parse(request),
        }
    }
}
