//! A question of the catalog's: what a request asks for, or why that is refused.

use crate::answer::Refused;
use crate::route::{self, Route};
use crate::{read, render};
use deedbox_model::Defect;
use deedbox_view::{Plan, Question, Reads, Request, Resource, Response, Site, Step};

/// What is asked.
pub(crate) struct Asked(Result<Route, Refused>);

impl Asked {
    /// By this request.
    pub(crate) fn of(request: &Request) -> Self {
        Asked(route::route(request))
    }
}

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        Some(match &self.0 {
            Ok(Route::Package(id) | Route::Release(id, _)) => Resource::Package(id.clone()),
            Ok(Route::Versions { id, .. } | Route::Channels { id, .. } | Route::History { id, .. }) => Resource::Package(id.clone()),
            Ok(Route::Domain(domain) | Route::DomainHistory { domain, .. } | Route::Grants { domain, .. }) => {
                Resource::Domain(domain.clone())
            }
            Ok(Route::Packages { .. } | Route::Domains { .. } | Route::Search(_)) => Resource::Registry,
            Err(_) => Resource::Nothing,
        })
    }
    fn plan(&self) -> Plan {
        // A key that cannot be made is a key that no row has; `render` then says what is wrong with the request.
        self.0.as_ref().ok().and_then(|route| read::plan(route).ok()).unwrap_or(Plan::Nothing)
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        match &self.0 {
            Ok(route) => read::step(route, reads),
            Err(_) => Ok(Step::Ready),
        }
    }
    fn render(&self, reads: &Reads, _: &Site) -> Result<Response, Defect> {
        match &self.0 {
            Ok(route) => render::render(route, reads),
            Err(refused) => Ok(refused.clone().into_response()),
        }
    }
}
