//! How much a domain may have uploaded and not published. Kept in memory: a restart forgets it, which gives each
//! domain its whole budget once more and costs at most that much disk until the sweep.

use crate::UNREFERENCED_MS;
use crate::refusal::IntakeRefusal;
use deedbox_model::{Domain, Sha256Digest, TimeMs};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

#[derive(Debug, Clone, Copy)]
struct Pending {
    size: u64,
    since: TimeMs,
}

/// Bytes on each domain's account.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: u64,
    accounts: Mutex<BTreeMap<Domain, BTreeMap<Sha256Digest, Pending>>>,
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Budget { limit, accounts: Mutex::default() }
    }

    /// Puts an upload on the account before its first byte; the same object twice counts once.
    pub(crate) fn reserve(&self, domain: &Domain, object: Sha256Digest, size: u64, now: TimeMs) -> Result<(), IntakeRefusal> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let account = accounts.entry(domain.clone()).or_default();
        account.retain(|_, pending| pending.since.plus_ms(UNREFERENCED_MS) > now);
        let others: u64 = account.iter().filter(|(digest, _)| **digest != object).map(|(_, pending)| pending.size).sum();
        if others.saturating_add(size) > self.limit {
            return Err(IntakeRefusal::Budget { domain: domain.clone(), pending: others, limit: self.limit });
        }
        account.insert(object, Pending { size, since: now });
        Ok(())
    }

    /// Takes an upload off the account: it failed, or it is published.
    pub(crate) fn release(&self, domain: &Domain, objects: impl IntoIterator<Item = Sha256Digest>) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = accounts.get_mut(domain) {
            for object in objects {
                account.remove(&object);
            }
            if account.is_empty() {
                accounts.remove(domain);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_may_fill_its_budget_to_the_last_byte_and_gets_it_back() {
        let budget = Budget::new(100);
        let domain: Domain = "acme.example".parse().unwrap();
        let (a, b) = (Sha256Digest([1; 32]), Sha256Digest([2; 32]));
        let now = TimeMs::new(1_000).unwrap();
        budget.reserve(&domain, a, 60, now).unwrap();
        budget.reserve(&domain, a, 60, now).unwrap();
        assert_eq!(budget.reserve(&domain, b, 41, now).unwrap_err().code(), "budget");
        budget.reserve(&domain, b, 40, now).unwrap();
        budget.reserve(&"other.example".parse().unwrap(), b, 100, now).unwrap();
        budget.release(&domain, [a]);
        budget.reserve(&domain, a, 60, now).unwrap();
        assert!(budget.reserve(&domain, Sha256Digest([3; 32]), 1, now).is_err());
        budget.reserve(&domain, Sha256Digest([3; 32]), 100, now.plus_ms(UNREFERENCED_MS)).unwrap();
    }
}
