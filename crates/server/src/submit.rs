//! A statement's way in: decoded, verified, admitted, appended (spec/api.md §3). Goes on when its sender goes away, so
//! that what was appended is also taken off its domain's account.

use crate::refusal::Refused;
use crate::taking::Taking;
use crate::told;
use deedbox_intake::Admitted;
use deedbox_ledger::{Appended, Ledger, SubmitError};
use deedbox_model::{Protocol, Statement, TimeMs, Unverified, Verified};
use deedbox_view::Reader;
use std::sync::Arc;

/// Appends the statement that these bytes are.
pub(crate) async fn submit(taking: &Arc<Taking>, reader: Reader, bytes: &[u8]) -> Result<Appended, Refused> {
    // Under a number that this program does not have it is the ledger that refuses: what is logged already is answered all the same.
    let statement = read(taking.reading.folded.protocol_now().unwrap_or(Protocol::NEWEST), bytes)?;
    let id = statement.peek().id();
    if taking.recent.may_hold(&id, statement.peek().time())
        && let Some(index) = taking.reading.index_of(&id).await?
    {
        return Ok(Appended { index, id, seen: true });
    }
    let ledger = taking.writing.ledger()?;
    let taking = Arc::clone(taking);
    let task = async move {
        let verified = taking.door.verify(statement).await?;
        append(&taking, &reader, &ledger, verified).await
    };
    tokio::spawn(task).await.unwrap_or_else(|_| Err(Refused::internal()))
}

/// Appends a statement that this registry has signed itself.
pub(crate) async fn submit_own(taking: &Arc<Taking>, reader: Reader, statement: Verified<Statement>) -> Result<Appended, Refused> {
    let ledger = taking.writing.ledger()?;
    let taking = Arc::clone(taking);
    let task = async move { append(&taking, &reader, &ledger, statement).await };
    tokio::spawn(task).await.unwrap_or_else(|_| Err(Refused::internal()))
}

fn read(protocol: &'static Protocol, bytes: &[u8]) -> Result<Unverified<Statement>, Refused> {
    Statement::decode(protocol, bytes).map_err(|e| Refused::unprocessable("undecodable", e.to_string()))
}

async fn append(taking: &Taking, reader: &Reader, ledger: &Ledger, mut statement: Verified<Statement>) -> Result<Appended, Refused> {
    loop {
        let read_by = statement.protocol().number();
        let bytes = Arc::clone(statement.bytes());
        match append_once(taking, reader, ledger, statement).await? {
            Ok(appended) => return Ok(appended),
            // Where the rules changed while it waited, it comes in anew, read by those in force: they may mean something else by it.
            Err(error) => {
                let SubmitError::Undecided(number) = error else { return Err(error.into()) };
                let protocol = taking.reading.folded.protocol(number).filter(|_| number != read_by).ok_or(error)?;
                statement = taking.door.verify(read(protocol, &bytes)?).await?;
            }
        }
    }
}

async fn append_once(
    taking: &Taking,
    reader: &Reader,
    ledger: &Ledger,
    statement: Verified<Statement>,
) -> Result<Result<Appended, SubmitError>, Refused> {
    // What is taken by a wrong clock moves log time for ever.
    let now = taking.clock.check()?;
    taking.room.must_be().await?;
    let admitted = admit(taking, reader, statement, now).await?;
    let statement = Arc::clone(admitted.statement());
    let objects = admitted.objects().to_vec();
    let result = ledger.submit(admitted).await;
    match &result {
        Ok(appended) => {
            taking.recent.add(&statement.id(), statement.time());
            taking.clock.appended(statement.time());
            if !appended.seen {
                taking.bounds.meters.appended.increment(1);
                tracing::info!(index = appended.index, kind = statement.event().type_name(), subject = %statement.subject(), "appended");
            }
            taking.door.pinned(&objects);
        }
        Err(SubmitError::Store(_)) => taking.room.suspect(),
        Err(_) => {}
    }
    match result {
        Err(SubmitError::Refused(refusal)) => Err(told::of_writer(&taking.reading, reader, &statement, refusal).await),
        result => Ok(result),
    }
}

/// Admits it, for this reader.
async fn admit(taking: &Taking, reader: &Reader, statement: Verified<Statement>, now: TimeMs) -> Result<Admitted, Refused> {
    let reading = &taking.reading;
    if reading.gate.is_open() {
        return Ok(taking.door.admit(statement, now).await?);
    }
    let admitted = taking.door.admit_for(statement, now, &told::nameable(reading, reader)).await;
    admitted.map_err(|refusal| told::of_door(&reading.gate, reader, refusal))
}
