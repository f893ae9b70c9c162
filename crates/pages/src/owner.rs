//! Whose domain a package is in, what the claim of it rests on, and how the domain stands (spec/events.md §4.1, §4.6 to §4.9), in words: what
//! `/api/v1/domains/` says, on the package's own page. Judges nothing, and knows no clock: it names times, and the reader sees what is past.

use deedbox_catalog::rows::{DomainRow, domain_key};
use deedbox_model::event::Evidence;
use deedbox_model::holding::{Freeze, Recovery, Through};
use deedbox_model::{Defect, Domain, RowKey, TimeMs};
use deedbox_view::Reads;

/// The nearest claimed domain at or above another.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) domain: Domain,
    row: DomainRow,
}

/// The rows that say who it is. A key that cannot be made is one that no row has.
pub(crate) fn keys(domain: &Domain) -> impl Iterator<Item = RowKey> {
    domain.self_and_parents().filter_map(|domain| domain_key(&domain).ok())
}

impl Owner {
    /// By the rows of [`keys`].
    pub(crate) fn of(domain: &Domain, reads: &Reads) -> Result<Option<Self>, Defect> {
        for domain in domain.self_and_parents() {
            if let Some(row) = reads.rows.decoded(&domain_key(&domain)?)? {
                return Ok(Some(Owner { domain, row }));
            }
        }
        Ok(None)
    }

    /// What the claim rests on.
    pub(crate) fn ground(&self) -> &'static str {
        match self.row.evidence {
            Evidence::Localhost => "without evidence: it is below localhost",
            Evidence::Operator => "by the operator's word",
            Evidence::Dns => "by a record in its DNS, which the operator saw and which is not signed",
            Evidence::Https => "by a file at its web server, which the operator saw",
            Evidence::Dnssec => "by signed DNS, as everybody can check",
        }
    }

    /// How the domain stands, a line for each thing that is out of the ordinary.
    pub(crate) fn standing(&self) -> Vec<String> {
        let row = &self.row;
        let at = moment(row.tenure_at);
        let begun = match row.through {
            Through::Claim => None,
            Through::Reclaim => Some(format!("Its holder before gave it up, and it was claimed again at {at}.")),
            Through::Transfer => Some(format!("Its holder before handed it over at {at}.")),
            Through::Recovery => Some(format!("It was recovered on evidence, and not handed over, at {at} by the operator’s clock.")),
        };
        let held = row.holds_until(&self.domain).map(|until| {
            format!(
                "Packages that were there before have their next release from {} on, and deedbox verify asks its users once.",
                moment(until)
            )
        });
        let released = row.released.then(|| "Its holder gave it up: nobody speaks for it until somebody claims it again.".to_owned());
        let frozen = row.frozen.all().into_iter().filter_map(|(by, freeze)| freeze.map(|freeze| frozen(by, &freeze)));
        let recovery = row.recovery.as_ref().map(|recovery| self.recovery(recovery));
        let keys_only = row
            .keys_only
            .map(|from| format!("From {} on only keys decide about it: nobody opens a recovery of it on evidence.", moment(from)));
        begun.into_iter().chain(held).chain(released).chain(frozen).chain(recovery).chain(keys_only).collect()
    }

    fn recovery(&self, recovery: &Recovery) -> String {
        let contested = if recovery.contested { " and contested" } else { "" };
        format!(
            "A recovery of it was opened{contested}, at {}: it waits until {}, and can be completed until {}.",
            moment(recovery.at),
            moment(recovery.waits_until(&self.domain)),
            moment(recovery.open_until(&self.domain))
        )
    }
}

fn frozen(by: &str, freeze: &Freeze) -> String {
    let who = match by {
        "owner" => "By its own word",
        "contest" => "By a key that contests",
        _ => "By the registry’s word",
    };
    let until = freeze.until.map_or_else(|| "until it is thawed".to_owned(), |until| format!("until {}", moment(until)));
    format!("{who} it is frozen since {}, {until}.", moment(freeze.at))
}

/// A time for people, to the second.
fn moment(time: TimeMs) -> String {
    let text = time.to_rfc3339();
    format!("{} UTC", text.get(..19).unwrap_or(&text).replace('T', " "))
}
