//! The questions that have a page for an answer, each around the catalog's own. What is read is what the catalog reads, but for the front
//! page, which shows how much there is besides.

use crate::ask::Front;
use crate::owner::{self, Owner};
use crate::{front, package};
use deedbox_catalog::rows::totals_key;
use deedbox_model::{Defect, Domain};
use deedbox_view::{Dialect, Plan, Question, Reads, Resource, Response, Site, Step};
use std::sync::Arc;

/// The front page.
pub(crate) struct FrontPage {
    pub(crate) front: Front,
    /// The list, or the search, that it shows.
    pub(crate) asked: Box<dyn Question>,
    pub(crate) dialects: Arc<[Arc<dyn Dialect>]>,
}

/// The front page's words.
pub(crate) struct FrontWords;

/// The page of a package.
pub(crate) struct PackagePage {
    pub(crate) asked: Box<dyn Question>,
    /// The domain in the package's id, where that is one.
    pub(crate) domain: Option<Domain>,
    pub(crate) path: String,
    pub(crate) dialects: Arc<[Arc<dyn Dialect>]>,
}

/// That there is no page.
pub(crate) struct NoPage {
    pub(crate) path: String,
}

/// Every event that changes the list changes this row too (spec/projections/catalog.md §1.1).
fn totals() -> Plan {
    totals_key().map_or(Plan::Nothing, |key| Plan::Get(vec![key]))
}

impl Question for FrontPage {
    fn resource(&self) -> Option<Resource> {
        Some(Resource::Registry)
    }
    fn plan(&self) -> Plan {
        totals()
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        // A search begins with `totals` by itself.
        if self.front.is_search() {
            return self.asked.step(reads);
        }
        // A list is one scan.
        Ok(match (reads.rounds, self.asked.plan()) {
            (1, plan @ Plan::Scan { .. }) => Step::Read(plan),
            _ => Step::Ready,
        })
    }
    fn render(&self, reads: &Reads, site: &Site) -> Result<Response, Defect> {
        let answer = self.asked.render(reads, site)?;
        front::render(&self.front, &answer, reads, site, &self.dialects)
    }
}

impl Question for FrontWords {
    fn resource(&self) -> Option<Resource> {
        Some(Resource::Registry)
    }
    fn plan(&self) -> Plan {
        totals()
    }
    fn step(&self, _: &Reads) -> Result<Step, Defect> {
        Ok(Step::Ready)
    }
    fn render(&self, reads: &Reads, site: &Site) -> Result<Response, Defect> {
        front::words(reads, site)
    }
}

impl Question for PackagePage {
    fn resource(&self) -> Option<Resource> {
        self.asked.resource()
    }
    fn resources(&self, reads: &Reads) -> Result<Vec<Resource>, Defect> {
        let owner = self.owner(reads)?.map(|owner| Resource::Domain(owner.domain));
        Ok(self.asked.resources(reads)?.into_iter().chain(owner).collect())
    }
    fn plan(&self) -> Plan {
        match (self.asked.plan(), &self.domain) {
            (Plan::Get(keys), Some(domain)) => Plan::Get(keys.into_iter().chain(owner::keys(domain)).collect()),
            (plan, _) => plan,
        }
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        self.asked.step(reads)
    }
    fn render(&self, reads: &Reads, site: &Site) -> Result<Response, Defect> {
        let answer = self.asked.render(reads, site)?;
        package::render(&self.path, &answer, self.owner(reads)?, site, &self.dialects)
    }
}

impl PackagePage {
    /// Who owns the domain; nobody where there is no package.
    fn owner(&self, reads: &Reads) -> Result<Option<Owner>, Defect> {
        self.domain.as_ref().map_or(Ok(None), |domain| Owner::of(domain, reads))
    }
}

impl Question for NoPage {
    fn resource(&self) -> Option<Resource> {
        Some(Resource::Nothing)
    }
    fn plan(&self) -> Plan {
        Plan::Nothing
    }
    fn step(&self, _: &Reads) -> Result<Step, Defect> {
        Ok(Step::Ready)
    }
    fn render(&self, _: &Reads, _: &Site) -> Result<Response, Defect> {
        package::none(&self.path)
    }
}
