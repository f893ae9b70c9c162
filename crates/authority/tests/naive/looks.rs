//! What the looks of a history show. The history makes the records, so it knows; how records of DNS are read is the room `dnssec`'s to test.

use deedbox_model::event::{Evidence, Sight};
use deedbox_model::{DnsAnchor, Domain};
use std::collections::BTreeMap;

/// What is known of some records.
#[derive(Clone)]
pub(crate) struct Look {
    /// The domain that was looked at.
    pub(crate) domain: Domain,
    /// When the records were signed, for an hour before and a day after.
    pub(crate) signed_at: u64,
    /// The text at the domain's `_deedbox` name; none if the domain is not signed.
    pub(crate) text: Option<String>,
    /// The anchor below which all is signed.
    pub(crate) anchor: DnsAnchor,
}

/// All of them, by their bytes.
#[derive(Default, Clone)]
pub(crate) struct Looks(BTreeMap<Vec<u8>, Look>);

impl Looks {
    pub(crate) fn add(&mut self, records: &[u8], look: Look) {
        self.0.insert(records.to_vec(), look);
    }

    /// Whether this sight shows what its class says: spec/authority.md §4.3 check 11.
    pub(crate) fn show(&self, domain: &Domain, evidence: Evidence, sight: &Sight, record: &str, anchors: &[DnsAnchor]) -> bool {
        let Some(look) = self.0.get(&sight.records) else { return false };
        let seconds = sight.at.as_ms() / 1_000;
        let signed_at = look.signed_at / 1_000;
        let is_of_then = (signed_at - 3_600..=signed_at + 86_400).contains(&seconds);
        let says_so = match evidence {
            Evidence::Dnssec => look.text.as_deref() == Some(record),
            Evidence::Dns | Evidence::Https => look.text.is_none(),
            Evidence::Localhost | Evidence::Operator => false,
        };
        look.domain == *domain && anchors.contains(&look.anchor) && is_of_then && says_so
    }
}
