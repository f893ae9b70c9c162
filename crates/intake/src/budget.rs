//! How much a domain may have uploaded and not published (spec/objects.md §4). An account holds what is on its way, the parts of what
//! broke off, and what is in place and unpublished; it is kept in memory and filled again at a start from what lies on the disk
//! (`Door::recall`). Does no I/O.
//!
//! A reservation is a value: it lets go of its own bytes when it is dropped, and of nobody else's.

use crate::limits::{ACCOUNT_OBJECTS, PARTS_KEPT, SAME_OBJECT_AT_ONCE};
use crate::refusal::IntakeRefusal;
use deedbox_model::{Domain, ObjectRef, Sha256Digest, TimeMs};
use deedbox_store::{Left, Remnant, UploadId};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What one account has of one object, under its address and its announced size.
#[derive(Debug, Default)]
struct Entry {
    /// Uploads that are on their way. However many they are, the object counts once.
    coming: usize,
    part: Option<Part>,
    /// Since when it is in place and unpublished.
    here: Option<TimeMs>,
}

/// The part of an upload: somebody writes it, or it waits to be gone on with.
#[derive(Debug)]
enum Part {
    Held { received: Arc<AtomicU64> },
    Kept { bytes: u64, since: TimeMs },
}

impl Entry {
    fn bytes(&self, size: u64) -> u64 {
        let whole = if self.coming > 0 || self.here.is_some() { size } else { 0 };
        let part = match self.part {
            Some(Part::Kept { bytes, .. }) => bytes,
            _ => 0,
        };
        whole.saturating_add(part)
    }
    fn is_kept(&self) -> bool {
        matches!(self.part, Some(Part::Kept { .. }))
    }
    fn is_empty(&self) -> bool {
        self.coming == 0 && self.part.is_none() && self.here.is_none()
    }
}

/// An object under its address and its announced size.
type Key = (Sha256Digest, u64);

/// What a domain has, with its sums: they are asked at each upload.
#[derive(Debug, Default)]
struct Account {
    entries: BTreeMap<Key, Entry>,
    bytes: u64,
    parts_kept: usize,
}

impl Account {
    /// Changes what there is of an object, made where there is nothing, and forgotten where nothing is left of it.
    fn change<T>(&mut self, key: Key, change: impl FnOnce(&mut Entry) -> T) -> T {
        let entry = self.entries.entry(key).or_default();
        let (bytes, kept) = (entry.bytes(key.1), entry.is_kept());
        let done = change(entry);
        self.bytes = self.bytes.saturating_sub(bytes).saturating_add(entry.bytes(key.1));
        self.parts_kept = self.parts_kept - usize::from(kept) + usize::from(entry.is_kept());
        if entry.is_empty() {
            self.entries.remove(&key);
        }
        done
    }

    /// All that is known of an address.
    fn of_address(&self, address: &Sha256Digest) -> impl Iterator<Item = (&Key, &Entry)> {
        self.entries.range((*address, 0)..=(*address, u64::MAX))
    }
}

type Accounts = BTreeMap<Domain, Account>;

/// All accounts; a clone is the same.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    limit: u64,
    accounts: Arc<Mutex<Accounts>>,
}

/// Bytes on an account as long as this lives.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Budget,
    id: UploadId,
    /// How far the part is that this one writes; none where another one does.
    part: Option<Arc<AtomicU64>>,
}

/// What is known of an upload that is not in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What was announced.
    pub object: ObjectRef,
    /// Bytes that are here.
    pub received: u64,
    /// Whether somebody is sending more now.
    pub is_held: bool,
}

fn key(object: &ObjectRef) -> Key {
    (object.sha256, object.size)
}

fn upload_id(account: &Domain, (sha256, size): Key) -> UploadId {
    UploadId { account: account.clone(), object: ObjectRef { size, sha256 } }
}

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Budget { limit, accounts: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an upload on the account before its first byte. It writes the object's part, giving up what was kept of it, if the part is
    /// nobody else's and `keeps`.
    pub(crate) fn reserve(&self, domain: &Domain, object: ObjectRef, keeps: bool) -> Result<Reservation, IntakeRefusal> {
        let mut accounts = self.lock();
        let account = accounts.entry(domain.clone()).or_default();
        let done = self.room(domain, account, &object).map(|()| {
            account.change(key(&object), |entry| {
                entry.coming += 1;
                let is_free = !matches!(entry.part, Some(Part::Held { .. }));
                let part = (keeps && is_free).then(|| Arc::new(AtomicU64::new(0)));
                if let Some(received) = &part {
                    entry.part = Some(Part::Held { received: Arc::clone(received) });
                }
                part
            })
        });
        if account.entries.is_empty() {
            accounts.remove(domain);
        }
        let id = UploadId { account: domain.clone(), object };
        done.map(|part| Reservation { budget: self.clone(), id, part })
    }

    /// Goes on with a part from this byte, which must be its next.
    pub(crate) fn resume(&self, domain: &Domain, object: ObjectRef, offset: u64) -> Result<Reservation, IntakeRefusal> {
        let mut accounts = self.lock();
        let moved = |found: u64| IntakeRefusal::UploadOffset { address: object.sha256.to_address(), offset: found };
        let Some(account) = accounts.get_mut(domain) else { return Err(moved(0)) };
        match account.entries.get(&key(&object)).and_then(|entry| entry.part.as_ref()) {
            Some(Part::Kept { bytes, .. }) if *bytes == offset => {}
            Some(Part::Kept { bytes, .. }) => return Err(moved(*bytes)),
            Some(Part::Held { .. }) => return Err(IntakeRefusal::UnderWay { address: object.sha256.to_address() }),
            None => return Err(moved(0)),
        }
        self.room(domain, account, &object)?;
        let received = Arc::new(AtomicU64::new(offset));
        account.change(key(&object), |entry| {
            entry.coming += 1;
            entry.part = Some(Part::Held { received: Arc::clone(&received) });
        });
        let id = UploadId { account: domain.clone(), object };
        Ok(Reservation { budget: self.clone(), id, part: Some(received) })
    }

    /// Whether one more upload of this object may be on its way.
    fn room(&self, domain: &Domain, account: &Account, object: &ObjectRef) -> Result<(), IntakeRefusal> {
        let known = account.entries.get(&key(object));
        if known.is_none() && account.entries.len() >= ACCOUNT_OBJECTS {
            return Err(IntakeRefusal::BudgetObjects { domain: domain.clone(), limit: ACCOUNT_OBJECTS });
        }
        if known.is_some_and(|entry| entry.coming >= SAME_OBJECT_AT_ONCE) {
            return Err(IntakeRefusal::UnderWay { address: object.sha256.to_address() });
        }
        let pending = account.bytes.saturating_sub(known.map_or(0, |entry| entry.bytes(object.size)));
        if pending.saturating_add(object.size) > self.limit {
            return Err(IntakeRefusal::Budget { domain: domain.clone(), pending, limit: self.limit });
        }
        Ok(())
    }

    /// How far an upload of this address is on an account: the furthest, where several sizes were announced.
    pub(crate) fn progress(&self, domain: &Domain, address: &Sha256Digest) -> Option<Progress> {
        let accounts = self.lock();
        let parts = accounts.get(domain)?.of_address(address).filter_map(|((sha256, size), entry)| {
            let (received, is_held) = match entry.part.as_ref()? {
                Part::Held { received } => (received.load(Ordering::Relaxed), true),
                Part::Kept { bytes, .. } => (*bytes, false),
            };
            Some(Progress { object: ObjectRef { size: *size, sha256: *sha256 }, received, is_held })
        });
        parts.filter(|progress| progress.received > 0).max_by_key(|progress| progress.received)
    }

    /// Whether an account knows an object of this address that is in place and not published.
    pub(crate) fn is_here(&self, domain: &Domain, address: &Sha256Digest) -> bool {
        self.lock().get(domain).is_some_and(|account| account.of_address(address).any(|(_, entry)| entry.here.is_some()))
    }

    /// Whether anybody is sending this address now.
    pub(crate) fn is_coming(&self, address: &Sha256Digest) -> bool {
        self.lock().values().any(|account| account.of_address(address).any(|(_, entry)| entry.coming > 0))
    }

    /// Puts on the accounts what uploads have left. Nothing is on its way yet.
    pub(crate) fn recall(&self, left: impl IntoIterator<Item = Remnant>) {
        let mut accounts = self.lock();
        for Remnant { id, left, bytes, modified_ms } in left {
            let since = TimeMs::new(modified_ms).unwrap_or_default();
            accounts.entry(id.account).or_default().change(key(&id.object), |entry| match left {
                Left::Part => entry.part = Some(Part::Kept { bytes, since }),
                Left::Note => entry.here = Some(since),
            });
        }
    }

    /// Takes objects that are published, or gone, off every account; gives the notes that say otherwise.
    pub(crate) fn settle(&self, objects: &[Sha256Digest]) -> Vec<UploadId> {
        let mut notes = Vec::new();
        self.lock().retain(|domain, account| {
            for address in objects {
                let here: Vec<Key> = account.of_address(address).filter(|(_, entry)| entry.here.is_some()).map(|(key, _)| *key).collect();
                for key in here {
                    account.change(key, |entry| entry.here = None);
                    notes.push(upload_id(domain, key));
                }
            }
            !account.entries.is_empty()
        });
        notes
    }

    /// Objects that came into place before this and are not published, as far as an account knows.
    pub(crate) fn here_before(&self, time: TimeMs) -> Vec<Sha256Digest> {
        let accounts = self.lock();
        let entries = accounts.values().flat_map(|account| &account.entries);
        entries.filter(|(_, entry)| entry.here.is_some_and(|since| since < time)).map(|((sha256, _), _)| *sha256).collect()
    }

    /// Takes over the parts that were kept before this, so that nobody goes on with one while it is removed.
    pub(crate) fn parts_before(&self, time: TimeMs) -> Vec<Reservation> {
        let mut old = Vec::new();
        for (domain, account) in self.lock().iter_mut() {
            let is_old = |entry: &Entry| matches!(entry.part, Some(Part::Kept { since, .. }) if since < time);
            let keys: Vec<Key> = account.entries.iter().filter(|(_, entry)| is_old(entry)).map(|(key, _)| *key).collect();
            for key in keys {
                let received = Arc::new(AtomicU64::new(0));
                account.change(key, |entry| {
                    entry.coming += 1;
                    entry.part = Some(Part::Held { received: Arc::clone(&received) });
                });
                old.push(Reservation { budget: self.clone(), id: upload_id(domain, key), part: Some(received) });
            }
        }
        old
    }
}

impl Reservation {
    /// Whose upload, of what.
    pub(crate) fn id(&self) -> &UploadId {
        &self.id
    }
    /// Whether it writes the object's part.
    pub(crate) fn has_part(&self) -> bool {
        self.part.is_some()
    }
    /// How far it is.
    pub(crate) fn received(&self, bytes: u64) {
        if let Some(received) = &self.part {
            received.store(bytes, Ordering::Relaxed);
        }
    }

    /// The object is in place; it stays on the account until it is published or gone.
    pub(crate) fn here(self, now: TimeMs) {
        self.change(|entry| entry.here = Some(now));
    }

    /// Whether its part may stay: it has one, the account has not too many, and the object did not come into place by another upload.
    pub(crate) fn may_keep(&self) -> bool {
        let accounts = self.budget.lock();
        let Some(account) = accounts.get(&self.id.account) else { return false };
        let is_here = account.entries.get(&key(&self.id.object)).is_some_and(|entry| entry.here.is_some());
        self.part.is_some() && account.parts_kept < PARTS_KEPT && !is_here
    }

    /// Its part stays, with so many bytes.
    pub(crate) fn kept(mut self, bytes: u64, since: TimeMs) {
        if self.part.take().is_some() {
            self.change(|entry| entry.part = Some(Part::Kept { bytes, since }));
        }
    }

    /// There is something of it as long as this lives.
    fn change(&self, change: impl FnOnce(&mut Entry)) {
        let mut accounts = self.budget.lock();
        if let Some(account) = accounts.get_mut(&self.id.account) {
            account.change(key(&self.id.object), change);
            if account.entries.is_empty() {
                accounts.remove(&self.id.account);
            }
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let had_part = self.part.is_some();
        self.change(|entry| {
            entry.coming = entry.coming.saturating_sub(1);
            if had_part {
                entry.part = None;
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(name: &str) -> Domain {
        name.parse().unwrap()
    }
    fn object(n: u8, size: u64) -> ObjectRef {
        ObjectRef { size, sha256: Sha256Digest([n; 32]) }
    }
    fn now() -> TimeMs {
        TimeMs::new(1_000).unwrap()
    }
    /// Bytes that are free on an account, found by asking.
    fn is_full_after(budget: &Budget, owner: &Domain, free: u64) {
        assert!(budget.reserve(owner, object(250, free), false).is_ok(), "{free} bytes should be free");
        let refused = budget.reserve(owner, object(250, free + 1), false).unwrap_err();
        assert_eq!(refused.code(), "budget", "{free} bytes should be all that is free");
    }

    #[test]
    fn a_domain_may_fill_its_budget_to_the_last_byte_and_gets_it_back() {
        let (budget, acme) = (Budget::new(100), domain("acme.example"));
        let first = budget.reserve(&acme, object(1, 60), false).unwrap();
        is_full_after(&budget, &acme, 40);
        let _other = budget.reserve(&domain("other.example"), object(2, 100), false).unwrap();
        assert!(!budget.is_here(&acme, &object(1, 60).sha256) && budget.is_coming(&object(1, 60).sha256));
        first.here(now());
        assert!(budget.is_here(&acme, &object(1, 60).sha256) && !budget.is_coming(&object(1, 60).sha256));
        assert!(!budget.is_here(&domain("other.example"), &object(1, 60).sha256), "another account's is nobody's business");
        is_full_after(&budget, &acme, 40);
        assert_eq!(budget.settle(&[object(1, 60).sha256]), [UploadId { account: acme.clone(), object: object(1, 60) }]);
        is_full_after(&budget, &acme, 100);
        assert!(!budget.lock().contains_key(&acme), "an empty account takes no room");
    }

    #[test]
    fn a_reservation_is_released_by_itself_and_only_by_itself() {
        let (budget, acme) = (Budget::new(100), domain("acme.example"));
        let first = budget.reserve(&acme, object(1, 60), true).unwrap();
        let second = budget.reserve(&acme, object(1, 60), true).unwrap();
        assert!(first.has_part() && !second.has_part(), "one writes the part");
        is_full_after(&budget, &acme, 40);
        drop(second);
        is_full_after(&budget, &acme, 40);
        let third = budget.reserve(&acme, object(1, 60), true).unwrap();
        third.here(now());
        drop(first);
        // What is in place stays on the account when another upload is cut off.
        is_full_after(&budget, &acme, 40);
        budget.settle(&[object(1, 60).sha256]);
        is_full_after(&budget, &acme, 100);
    }

    #[test]
    fn the_same_object_is_freed_when_the_last_that_holds_it_lets_go_in_whatever_order() {
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2], [2, 0, 1]] {
            let (budget, acme) = (Budget::new(100), domain("acme.example"));
            let mut held: Vec<Option<Reservation>> = (0..3).map(|n| Some(budget.reserve(&acme, object(1, 60), n == 1).unwrap())).collect();
            for (nth, at) in order.into_iter().enumerate() {
                is_full_after(&budget, &acme, 40);
                drop(held[at].take());
                if nth == 2 {
                    is_full_after(&budget, &acme, 100);
                }
            }
        }
    }

    #[test]
    fn a_part_counts_by_its_bytes_and_one_goes_on_with_it() {
        let (budget, acme) = (Budget::new(100), domain("acme.example"));
        let upload = budget.reserve(&acme, object(1, 80), true).unwrap();
        upload.received(30);
        let progress = |received, is_held| Some(Progress { object: object(1, 80), received, is_held });
        assert_eq!(budget.progress(&acme, &object(1, 80).sha256), progress(30, true));
        assert_eq!(budget.resume(&acme, object(1, 80), 30).unwrap_err().code(), "upload_under_way");
        assert!(upload.may_keep());
        upload.kept(30, now());
        assert_eq!(budget.progress(&acme, &object(1, 80).sha256), progress(30, false));
        is_full_after(&budget, &acme, 70);
        for (size, offset, found) in [(80, 29, 30), (80, 31, 30), (80, 0, 30), (81, 30, 0)] {
            match budget.resume(&acme, object(1, size), offset).unwrap_err() {
                IntakeRefusal::UploadOffset { offset, .. } => assert_eq!(offset, found),
                other => panic!("{other}"),
            }
        }
        assert_eq!(budget.progress(&domain("other.example"), &object(1, 80).sha256), None, "another account's part is nobody's business");
        assert!(budget.resume(&domain("other.example"), object(1, 80), 30).is_err());
        let again = budget.resume(&acme, object(1, 80), 30).unwrap();
        assert_eq!(budget.resume(&acme, object(1, 80), 30).unwrap_err().code(), "upload_under_way", "one wins, the other is told");
        is_full_after(&budget, &acme, 20);
        drop(again);
        is_full_after(&budget, &acme, 100);
        assert_eq!(budget.progress(&acme, &object(1, 80).sha256), None);
    }

    #[test]
    fn parts_and_objects_and_uploads_at_once_are_bounded_for_each_account() {
        let (budget, acme) = (Budget::new(u64::MAX), domain("acme.example"));
        for n in 0..PARTS_KEPT {
            let upload = budget.reserve(&acme, object(1, 100 + n as u64), true).unwrap();
            assert!(upload.may_keep());
            upload.kept(1, now());
        }
        assert!(!budget.reserve(&acme, object(2, 1), true).unwrap().may_keep());
        let old = budget.parts_before(now());
        assert!(old.is_empty());
        assert_eq!(budget.parts_before(now().plus_ms(1)).len(), PARTS_KEPT);
        assert!(budget.reserve(&acme, object(2, 1), true).unwrap().may_keep(), "they were taken over and let go");

        let same: Vec<_> = (0..SAME_OBJECT_AT_ONCE).map(|_| budget.reserve(&acme, object(3, 1), false).unwrap()).collect();
        assert_eq!(budget.reserve(&acme, object(3, 1), false).unwrap_err().code(), "upload_under_way");
        drop(same);
        for n in 0..ACCOUNT_OBJECTS {
            budget.reserve(&acme, object(4, n as u64), false).unwrap().here(now());
        }
        assert_eq!(budget.reserve(&acme, object(5, 1), false).unwrap_err().code(), "budget");
        assert!(budget.reserve(&acme, object(4, 0), false).is_ok(), "one of them may come again");
        assert_eq!(budget.here_before(now().plus_ms(1)).len(), ACCOUNT_OBJECTS);
        budget.settle(&[object(4, 0).sha256]);
        assert!(budget.lock().is_empty(), "an empty account takes no room");
    }

    #[test]
    fn an_account_is_filled_again_from_what_was_left() {
        let (budget, acme) = (Budget::new(100), domain("acme.example"));
        let remnant =
            |n, left, bytes| Remnant { id: UploadId { account: acme.clone(), object: object(n, 50) }, left, bytes, modified_ms: 7 };
        budget.recall([remnant(1, Left::Note, 0), remnant(2, Left::Part, 20)]);
        is_full_after(&budget, &acme, 30);
        budget.resume(&acme, object(2, 50), 20).unwrap().here(now());
        assert!(budget.reserve(&acme, object(3, 1), false).is_err());
    }
}
