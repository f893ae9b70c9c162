//! How long a domain's waits are (spec/authority.md §2.2).

use crate::limits::LOCAL_DAY_MS;
use deedbox_model::Domain;
use deedbox_model::time::DAY_MS;

/// This many days, in milliseconds. Below localhost a day is a second.
pub(super) fn days(domain: &Domain, days: u64) -> u64 {
    days * if domain.is_localhost() { LOCAL_DAY_MS } else { DAY_MS }
}
