//! The crate's own decider over rows in a map, fed with bytes as a log has them.

use super::model::{Verdict, Written};
use deedbox_authority::{Decision, Refusal, Signed, decide, touches, touches_undecodable, void_changes};
use deedbox_model::row::decode_row;
use deedbox_model::{Changes, KeyId, Keys, Protocol, PublicKey, Row, RowKey, Rows, Statement, Value};
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Decider {
    rows: BTreeMap<RowKey, Row>,
    next: u64,
}

impl Decider {
    /// Judges the next entry and writes what follows.
    pub(crate) fn judge(&mut self, bytes: &[u8]) -> Verdict {
        let decision = match Statement::decode(Protocol::ONE, bytes) {
            Err(error) => {
                let refusal = Refusal::Undecodable(error.to_string());
                let rows = self.read(touches_undecodable().unwrap());
                decide(&rows, self.next, Signed::Undecodable { protocol: Protocol::ONE, refusal: &refusal }).unwrap()
            }
            Ok(unverified) => {
                let rows = self.read(touches(unverified.peek()).unwrap());
                let key = self.key(unverified.peek());
                match key.map(|key| unverified.clone().verify_or_give_back(&key)) {
                    Some(Ok(verified)) => decide(&rows, self.next, Signed::Verified(&verified)).unwrap(),
                    _ => decide(&rows, self.next, Signed::NotVerified(unverified.peek())).unwrap(),
                }
            }
        };
        match decision {
            Decision::Effective(effective) => {
                self.write(effective.changes);
                Verdict::Effective
            }
            Decision::Refused(refusal) => {
                self.write(void_changes(self.next, &refusal).unwrap());
                Verdict::Void(refusal.code())
            }
            Decision::Undecided { .. } => Verdict::Undecided,
        }
    }

    /// Every row, by its key.
    pub(crate) fn rows(&self) -> BTreeMap<String, Written> {
        self.rows.iter().map(|(key, row)| (key.as_str().to_owned(), (decode_row(key, &row.bytes).unwrap(), row.seq))).collect()
    }

    /// The key that a statement says it is signed with: one that it brings itself, or one that is registered.
    fn key(&self, statement: &Statement) -> Option<PublicKey> {
        if let Some(created) = statement.event().created() {
            return created.operator_keys.iter().copied().find(|key| key.id() == statement.kid());
        }
        self.registered(statement.kid())
    }

    fn registered(&self, id: KeyId) -> Option<PublicKey> {
        let key = RowKey::new(format!("key/{id}")).unwrap();
        let row: Value = decode_row(&key, &self.rows.get(&key)?.bytes).unwrap();
        let Some(Value::Bytes(bytes)) = row.get("key").and_then(|key| key.get("key")) else { panic!("{row:?}") };
        Some(PublicKey::from_bytes(bytes.as_slice().try_into().unwrap()).unwrap())
    }

    fn read(&self, keys: Keys) -> Rows {
        Rows::new(keys.into_iter().map(|key| (key.clone(), self.rows.get(&key).cloned())).collect())
    }

    fn write(&mut self, changes: Changes) {
        for (key, bytes) in changes {
            match bytes {
                Some(bytes) => self.rows.insert(key, Row { bytes: bytes.into(), seq: self.next }),
                None => self.rows.remove(&key),
            };
        }
        self.next += 1;
    }
}
