//! The log that the tables drive: it judges as that of the tables does, and remembers. When it ends, the others judge what it was told.

use super::count::{COUNTS, Counts};
use super::objects::objects_of;
use super::{by_client, by_ledger, by_replay};
use deedbox_authority::{Decision, Refusal, Signed, decide, touches, void_changes};
use deedbox_model::{Changes, Row, RowKey, Rows, Statement, Verified};
use deedbox_testkit::{Owner, Registry, secret, time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What an entry was, and the verdict on it: the code of its refusal, or none.
#[derive(Clone)]
pub(crate) struct Case {
    pub(crate) statement: Verified<Statement>,
    pub(crate) refused: Option<&'static str>,
}

impl Case {
    pub(crate) fn bytes(&self) -> &Arc<[u8]> {
        self.statement.bytes()
    }
    /// For a message.
    pub(crate) fn name(&self) -> String {
        format!("{} of {}", self.statement.event().type_name(), self.statement.subject())
    }
}

/// A log judged one statement after another, with its rows.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) rows: BTreeMap<RowKey, Row>,
    pub(crate) next: u64,
    told: Vec<Case>,
    /// How many of them another log was told, of which this is a copy.
    before: usize,
}

impl Clone for Log {
    fn clone(&self) -> Self {
        Log { rows: self.rows.clone(), next: self.next, told: self.told.clone(), before: self.told.len() }
    }
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
        self.told.push(Case { statement: statement.clone(), refused: None });
    }
    #[track_caller]
    pub(crate) fn refuse(&mut self, statement: &Verified<Statement>, code: &str) -> Refusal {
        let Decision::Refused(refusal) = self.see(statement, Signed::Verified(statement)) else { panic!("expected {code}") };
        assert_eq!(refusal.code(), code, "{refusal}");
        self.write(void_changes(self.next, &refusal).unwrap());
        self.told.push(Case { statement: statement.clone(), refused: Some(refusal.code()) });
        refusal
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if std::env::var_os(COUNTS).is_none() || std::thread::panicking() || self.told.len() == self.before {
            return;
        }
        let mut counts = Counts::default();
        let own = self.before..self.told.len();
        own.clone().for_each(|_| counts.add(super::count::CASES));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let objects = runtime.block_on(objects_of(&self.told));
        runtime.block_on(by_replay::judge(&self.told, own.clone(), &objects, &self.rows, &mut counts));
        runtime.block_on(by_ledger::judge(&self.told, own.clone(), &objects, &mut counts));
        by_client::judge(&self.told, own, &mut counts);
        counts.write();
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
