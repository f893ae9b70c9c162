//! Whose domain a package is in, and what the claim of it rests on (spec/events.md §4.1), in words: what `/api/v1/domains/` says, on the
//! package's own page. Judges nothing.

use deedbox_catalog::rows::{DomainRow, domain_key};
use deedbox_model::event::Evidence;
use deedbox_model::{Defect, Domain, RowKey};
use deedbox_view::Reads;

/// The nearest claimed domain at or above another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) domain: Domain,
    evidence: Evidence,
}

/// The rows that say who it is. A key that cannot be made is one that no row has.
pub(crate) fn keys(domain: &Domain) -> impl Iterator<Item = RowKey> {
    domain.self_and_parents().filter_map(|domain| domain_key(&domain).ok())
}

impl Owner {
    /// By the rows of [`keys`].
    pub(crate) fn of(domain: &Domain, reads: &Reads) -> Result<Option<Self>, Defect> {
        for domain in domain.self_and_parents() {
            if let Some(DomainRow { evidence, .. }) = reads.rows.decoded(&domain_key(&domain)?)? {
                return Ok(Some(Owner { domain, evidence }));
            }
        }
        Ok(None)
    }

    /// What the claim rests on.
    pub(crate) fn ground(&self) -> &'static str {
        match self.evidence {
            Evidence::Localhost => "without evidence: it is below localhost",
            Evidence::Operator => "by the operator's word",
            Evidence::Dns => "by a record in its DNS, which the operator saw and which is not signed",
            Evidence::Https => "by a file at its web server, which the operator saw",
            Evidence::Dnssec => "by signed DNS, as everybody can check",
        }
    }
}
