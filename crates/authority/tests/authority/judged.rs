//! A log that is judged one statement after another, as the tables of this crate need it.

use deedbox_authority::{Decision, Refusal, Signed, decide, touches, void_changes};
use deedbox_model::{Changes, Row, RowKey, Rows, Statement, Verified};
use deedbox_testkit::{Owner, Registry, secret, time};
use std::collections::BTreeMap;

/// A log judged one statement after another, with its rows.
#[derive(Default, Clone)]
pub(crate) struct Log {
    pub(crate) rows: BTreeMap<RowKey, Row>,
    pub(crate) next: u64,
}

impl Log {
    pub(crate) fn see(&self, statement: &Statement, signed: Signed<'_>) -> Decision {
        let keys = touches(statement).unwrap();
        let rows = Rows::new(keys.into_iter().map(|key| (key.clone(), self.rows.get(&key).cloned())).collect());
        decide(&rows, self.next, signed).unwrap()
    }
    pub(crate) fn write(&mut self, changes: Changes) {
        for (key, bytes) in changes {
            match bytes {
                Some(bytes) => self.rows.insert(key, Row { bytes: bytes.into(), seq: self.next }),
                None => self.rows.remove(&key),
            };
        }
        self.next += 1;
    }
    #[track_caller]
    pub(crate) fn accept(&mut self, statement: &Verified<Statement>) {
        match self.see(statement, Signed::Verified(statement)) {
            Decision::Effective(effective) => self.write(effective.changes),
            other => panic!("{other:?}"),
        }
    }
    #[track_caller]
    pub(crate) fn refuse(&mut self, statement: &Verified<Statement>, code: &str) -> Refusal {
        match self.see(statement, Signed::Verified(statement)) {
            Decision::Refused(refusal) => {
                assert_eq!(refusal.code(), code, "{refusal}");
                let before = self.rows.clone();
                self.write(void_changes(self.next, &refusal).unwrap());
                let news: Vec<_> = self.rows.iter().filter(|(key, _)| !before.contains_key(key)).collect();
                assert_eq!(news.len(), 1, "a void entry leaves its reason and nothing else");
                refusal
            }
            other => panic!("expected {code}, got {other:?}"),
        }
    }
}

/// A registry with acme.example claimed by key 10.
pub(crate) fn acme() -> (Log, Registry, Owner) {
    let registry = Registry::default();
    let mut log = Log::default();
    log.accept(&registry.created(time(0)));
    let (claim, owner) = registry.claim("acme.example", &secret(10), time(1));
    log.accept(&claim);
    (log, registry, owner)
}
