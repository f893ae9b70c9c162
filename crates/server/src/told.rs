//! What somebody is told of why a statement or an upload is refused (docs/decisions/0017-one-gate.md). Whoever may not read all that the
//! refusal rests on gets the one that they would get if that were not there: the statement is judged once more, by the rows that they may
//! see. Where only what is hidden stands in the way, they are told that and no more. Changes no verdict: what is refused stays refused.

use crate::gate::Gate;
use crate::published::published;
use crate::reading::{Reading, resource_of};
use crate::refusal::Refused;
use deedbox_authority::rows::tells_of;
use deedbox_authority::{Decision, PROJECTION as AUTHORITY, Refusal, Signed};
use deedbox_intake::{IntakeRefusal, Published};
use deedbox_ledger::SubmitError;
use deedbox_model::permit::Permit;
use deedbox_model::row::Rows;
use deedbox_model::{Domain, Row, RowKey, Sha256Digest, Statement, Verified};
use deedbox_store::StoreError;
use deedbox_view::{Reader, Resource};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Something stands in the way that whoever asks may not read.
pub(crate) fn in_the_way() -> Refused {
    Refused::unprocessable("in_the_way", "something that is not for you to read stands in the way of this statement")
}

/// A refusal of the writer's, as this reader may have it.
pub(crate) async fn of_writer(reading: &Reading, reader: &Reader, statement: &Verified<Statement>, refusal: Refusal) -> Refused {
    if reading.gate.is_open() {
        return refusal.into();
    }
    match seen(reading, reader, statement).await {
        Ok(None) => refusal.into(),
        Ok(Some(Decision::Refused(refusal))) => refusal.into(),
        Ok(Some(Decision::Effective(_))) => in_the_way(),
        Ok(Some(Decision::Undecided { protocol })) => SubmitError::Undecided(protocol).into(),
        Err(refused) => refused,
    }
}

/// The verdict by the rows that this reader may see; none if those are all.
async fn seen(reading: &Reading, reader: &Reader, statement: &Verified<Statement>) -> Result<Option<Decision>, Refused> {
    // The writer has judged by all that is published.
    reading.folded.reaches(reading.log.size()).await?;
    let keys: Vec<RowKey> = reading.folded.deciders().touches(statement)?.into_iter().collect();
    let rows = reading.rows.decisions().read(&AUTHORITY, &keys).await?;
    let mut shown: BTreeMap<RowKey, Option<Row>> = BTreeMap::new();
    let mut is_cut = false;
    for (key, row) in keys.into_iter().zip(rows) {
        let told = row.as_ref().map(|row| tells_of(&key, &row.bytes)).transpose()?.flatten();
        let is_hidden = told.is_some_and(|subject| !reading.gate.may_read(reader, &[resource_of(&subject)]));
        is_cut |= is_hidden;
        shown.insert(key, row.filter(|_| !is_hidden));
    }
    if !is_cut {
        return Ok(None);
    }
    Ok(Some(reading.folded.deciders().decide(&Rows::new(shown), reading.log.size(), Signed::Verified(statement))?))
}

/// A refusal of the door's, as this reader may have it.
pub(crate) fn of_door(gate: &Gate, reader: &Reader, refusal: IntakeRefusal) -> Refused {
    match &refusal {
        IntakeRefusal::NativeNameOfDomain { domain, .. } if !may_read(gate, reader, domain) => in_the_way(),
        _ => refusal.into(),
    }
}

/// A refusal of a permit, as this reader may have it.
pub(crate) fn of_permit(gate: &Gate, reader: &Reader, permit: &[u8], refusal: IntakeRefusal) -> Refused {
    match (&refusal, Permit::peek(permit)) {
        (IntakeRefusal::Permit(_), Ok((_, domain, _))) if !may_read(gate, reader, &domain) => IntakeRefusal::unclaimed(&domain).into(),
        _ => refusal.into(),
    }
}

/// Whether this reader may read what tells of this domain.
pub(crate) fn may_read(gate: &Gate, reader: &Reader, domain: &Domain) -> bool {
    gate.is_open() || gate.may_read(reader, &[Resource::Domain(domain.clone())])
}

/// Which published objects this reader may name in a release: those that they may read. Whoever could name others would read them there.
pub(crate) fn nameable(reading: &Arc<Reading>, reader: &Reader) -> Published {
    let (reading, reader) = (Arc::clone(reading), reader.clone());
    Arc::new(move |addresses: Vec<Sha256Digest>| {
        let (reading, reader) = (Arc::clone(&reading), reader.clone());
        Box::pin(async move {
            let mut named = Vec::with_capacity(addresses.len());
            for address in &addresses {
                // Why it could not be read is in the log already.
                let unread = |refused: Refused| IntakeRefusal::Store(StoreError::medium("what an object is published with", refused.code));
                named.push(published(&reading, &reader, address).await.map_err(unread)?.is_some());
            }
            Ok(named)
        })
    })
}
