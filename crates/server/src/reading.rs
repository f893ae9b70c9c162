//! The part of a server that reads the log and the objects, through the gate (docs/decisions/0017-one-gate.md): events, proofs, the log's
//! files, what is below `/objects/`. Has no way to write anything, and none to what is kept of answers.

use crate::bounds::Bounds;
use crate::folded::Folded;
use crate::gate::Gate;
use crate::identity::Identity;
use crate::log_files::LogFiles;
use crate::refusal::Refused;
use crate::shelf::ObjectShelf;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{EventRow, event_key};
use deedbox_model::row::decode_row;
use deedbox_model::{EventId, Statement, Subject};
use deedbox_store::{RowStores, read_one};
use deedbox_view::Resource;
use std::sync::Arc;

/// What reads the log.
pub(crate) struct Reading {
    pub(crate) gate: Gate,
    pub(crate) log: Arc<LogFiles>,
    pub(crate) objects: Arc<ObjectShelf>,
    pub(crate) rows: RowStores,
    pub(crate) folded: Arc<Folded>,
    pub(crate) identity: Identity,
    pub(crate) bounds: Arc<Bounds>,
}

impl Reading {
    /// The index of an effective event.
    pub(crate) async fn index_of(&self, id: &EventId) -> Result<Option<u64>, Refused> {
        let key = event_key(id)?;
        let row = read_one(self.rows.decisions().as_ref(), &AUTHORITY, &key).await?;
        Ok(match row {
            Some(row) => Some(decode_row::<EventRow>(&key, &row.bytes)?.index),
            None => None,
        })
    }

    /// What an entry is about. One that says nothing is an entry, and no more.
    pub(crate) fn about(&self, index: u64, bytes: &[u8]) -> Resource {
        let read = self.folded.protocol_at(index).and_then(|protocol| Statement::decode(protocol, bytes).ok());
        read.as_ref().map_or(Resource::Entries, |statement| resource_of(statement.peek().subject()))
    }

    /// The same of an entry of the log, where somebody may not read everything.
    pub(crate) async fn about_entry(&self, index: u64) -> Result<Resource, Refused> {
        if self.gate.is_open() {
            return Ok(Resource::Entries);
        }
        let entry = self.log.entries(index, index + 1).await?.pop();
        Ok(entry.map_or(Resource::Entries, |entry| entry.about(|bytes| self.about(index, bytes))))
    }
}

/// What a statement about this tells of.
pub(crate) fn resource_of(subject: &Subject) -> Resource {
    match subject {
        Subject::Package(id) => Resource::Package(id.clone()),
        Subject::Domain(domain) => Resource::Domain(domain.clone()),
        Subject::Registry => Resource::Registry,
    }
}
