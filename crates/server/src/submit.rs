//! A statement's way in: decoded, verified, admitted, appended (spec/api.md §3). Goes on when its sender goes away, so
//! that what was appended is also taken off its domain's account.

use crate::app::App;
use crate::refusal::Refused;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{EventRow, event_key};
use deedbox_intake::Admitted;
use deedbox_ledger::{Appended, Ledger, SubmitError};
use deedbox_model::row::decode_row;
use deedbox_model::{EventId, Protocol, Statement, Unverified, Verified};
use deedbox_store::read_one;
use std::sync::Arc;

/// Appends the statement that these bytes are.
pub(crate) async fn submit(app: &Arc<App>, bytes: &[u8]) -> Result<Appended, Refused> {
    // Under a number that this program does not have it is the ledger that refuses: what is logged already is answered all the same.
    let statement = read(app.protocol_now().unwrap_or(Protocol::NEWEST), bytes)?;
    let id = statement.peek().id();
    if app.recent.may_hold(&id, statement.peek().time())
        && let Some(index) = index_of(app, &id).await?
    {
        return Ok(Appended { index, id, seen: true });
    }
    let ledger = app.writing.ledger()?;
    let app = Arc::clone(app);
    let task = async move {
        let verified = app.door.verify(statement).await?;
        append(&app, &ledger, verified).await
    };
    tokio::spawn(task).await.unwrap_or_else(|_| Err(Refused::internal()))
}

/// Appends a statement that this registry has signed itself.
pub(crate) async fn submit_own(app: &Arc<App>, statement: Verified<Statement>) -> Result<Appended, Refused> {
    let ledger = app.writing.ledger()?;
    let app = Arc::clone(app);
    let task = async move { append(&app, &ledger, statement).await };
    tokio::spawn(task).await.unwrap_or_else(|_| Err(Refused::internal()))
}

fn read(protocol: &'static Protocol, bytes: &[u8]) -> Result<Unverified<Statement>, Refused> {
    Statement::decode(protocol, bytes).map_err(|e| Refused::unprocessable("undecodable", e.to_string()))
}

async fn append(app: &App, ledger: &Ledger, mut statement: Verified<Statement>) -> Result<Appended, Refused> {
    loop {
        let read_by = statement.protocol().number();
        let bytes = Arc::clone(statement.bytes());
        match append_once(app, ledger, statement).await? {
            Ok(appended) => return Ok(appended),
            // Where the rules changed while it waited, it comes in anew, read by those in force: they may mean something else by it.
            Err(error) => {
                let SubmitError::Undecided(number) = error else { return Err(error.into()) };
                let protocol = app.deciders.protocol(number).filter(|_| number != read_by).ok_or(error)?;
                statement = app.door.verify(read(protocol, &bytes)?).await?;
            }
        }
    }
}

async fn append_once(app: &App, ledger: &Ledger, statement: Verified<Statement>) -> Result<Result<Appended, SubmitError>, Refused> {
    // What is taken by a wrong clock moves log time for ever.
    let now = app.clock.check()?;
    app.room.must_be().await?;
    let admitted: Admitted = app.door.admit(statement, now).await?;
    let statement = Arc::clone(admitted.statement());
    let objects = admitted.objects().to_vec();
    let result = ledger.submit(admitted).await;
    match &result {
        Ok(appended) => {
            app.recent.add(&statement.id(), statement.time());
            app.clock.appended(statement.time());
            if !appended.seen {
                app.meters.appended.increment(1);
                tracing::info!(index = appended.index, kind = statement.event().type_name(), subject = %statement.subject(), "appended");
            }
            app.door.pinned(&objects);
        }
        Err(SubmitError::Store(_)) => app.room.suspect(),
        Err(_) => {}
    }
    Ok(result)
}

/// The index of an effective event.
pub(crate) async fn index_of(app: &App, id: &EventId) -> Result<Option<u64>, Refused> {
    let key = event_key(id)?;
    let row = read_one(app.rows.decisions().as_ref(), &AUTHORITY, &key).await?;
    Ok(match row {
        Some(row) => Some(decode_row::<EventRow>(&key, &row.bytes)?.index),
        None => None,
    })
}
