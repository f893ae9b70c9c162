//! `/api/v1/events`: appending, and reading entries one by one or by the page (spec/api.md §3).

use crate::body::{Sender, read_whole};
use crate::budget::Share;
use crate::entry_json::EntryJson;
use crate::gate::{AllEntries, Asking, Authorized};
use crate::headers::{TREE_SIZE, value};
use crate::limits::{EVENTS_PAGE, EVENTS_PAGE_BYTES, EVENTS_PAGE_DEFAULT};
use crate::making::Making;
use crate::marks::weighed;
use crate::negotiate::choose;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::reply::{Plain, json, json_answer, json_text};
use crate::request::{accept, decode_query, has_media_type, number, shortened};
use crate::submit::submit;
use crate::taking::Taking;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use bytes::Bytes;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{VoidRow, void_key};
use deedbox_ledger::Appended;
use deedbox_model::row::decode_row;
use deedbox_model::{EventId, limits};
use deedbox_tlog::TILE_WIDTH;
use deedbox_view::{Cache, Reader};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use serde::Serialize;
use std::sync::Arc;

/// The media type of COSE (RFC 9052 §11.3.1).
pub(crate) const COSE: &str = "application/cose";
/// The same for a signed statement (RFC 9943).
const SCITT_STATEMENT: &str = "application/scitt-statement+cose";
/// What a statement is sent as: as itself, or as any COSE.
const STATEMENT_TYPES: [&str; 2] = [COSE, SCITT_STATEMENT];

#[derive(Serialize)]
struct AppendedJson {
    index: u64,
    id: String,
    seen: bool,
    tree_size: u64,
}

/// The answer to who appended something.
pub(crate) fn appended(reading: &Reading, appended: Appended) -> Response {
    let status = if appended.seen { StatusCode::OK } else { StatusCode::CREATED };
    let body = AppendedJson { index: appended.index, id: appended.id.to_hex(), seen: appended.seen, tree_size: reading.log.size() };
    let mut response = json(status, &body);
    response.headers_mut().insert(header::LOCATION, value(&format!("/api/v1/events/{}", appended.index)));
    response
}

/// POST of a statement.
pub(crate) async fn post(State(taking): State<Arc<Taking>>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    if !STATEMENT_TYPES.iter().any(|media_type| has_media_type(&parts.headers, media_type)) {
        let words = "a statement is sent with Content-Type: application/cose or application/scitt-statement+cose";
        return Err(Refused::bad_request(words).unread());
    }
    let from = Sender::of(&parts.extensions);
    let body = read_whole(&taking.bounds, from, &parts.headers, body, "the statement", limits::STATEMENT_BYTES).await?;
    let _asking = taking.bounds.places.asking().await?;
    let Asking(reader) = Asking::of(&parts.extensions);
    match submit(&taking, reader, &body.bytes).await {
        Ok(done) => Ok(appended(&taking.reading, done)),
        Err(refused) => {
            taking.bounds.meters.refused.increment(1);
            Err(refused)
        }
    }
}

#[derive(Serialize)]
struct PageJson {
    tree_size: u64,
    events: Vec<EntryJson>,
    next: Option<u64>,
}

/// GET of a page.
pub(crate) async fn list(State(reading): State<Arc<Reading>>, Asking(reader): Asking, uri: Uri) -> Result<Response, Refused> {
    let query = decode_query(uri.query().unwrap_or_default())?;
    let number = |name: &str, or: u64| match query.iter().find(|(n, _)| n == name) {
        None => Ok(or),
        Some((_, text)) => number(text)
            .ok_or_else(|| Refused::bad_request(format!("{name} is a decimal number without leading zeros, not {:?}", shortened(text)))),
    };
    let from = number("from", 0)?;
    let limit = number("limit", EVENTS_PAGE_DEFAULT)?;
    if limit == 0 || limit > EVENTS_PAGE {
        return Err(Refused::bad_request(format!("limit is 1 to {EVENTS_PAGE}")));
    }
    let _page = reading.bounds.places.page().await?;
    // Of an entry that is published and not folded yet nobody can say whether it is void.
    let folded = reading.folded.size();
    let to = from.saturating_add(limit).min(folded);
    // Who may not read them gets the page behind the last one.
    let (PageEntries { entries, held }, voids) = match reading.gate.ask(&reader, AllEntries) {
        Some(all) => {
            let page = page_entries(&reading, &all, from, to).await?;
            let voids = void_codes(&reading, &all, from, page.entries.len()).await?;
            (page, voids)
        }
        None => (PageEntries::default(), Vec::new()),
    };
    // The memory before the place: who waits for memory that slow readers hold keeps no projection from making an answer. Nobody who has a
    // place waits for this share.
    let mut making = Making::begin(&reading.bounds, Share::Entries).await?;
    making.hold(&reading.bounds, held).await?;
    let place = reading.bounds.places.in_turn(Arc::clone(&reading.bounds.places.renderings).acquire_owned()).await?;
    let (budget, of) = (Arc::clone(&reading.bounds.budget), Arc::clone(&reading.folded));
    // Milliseconds of a processor: off the threads that serve others.
    let text = reading.bounds.workers.run(move || {
        // The indices come last: nobody counts on from the largest number where there is nothing to count.
        let events: Vec<EntryJson> = entries
            .iter()
            .zip(voids)
            .zip(from..)
            .map(|((bytes, void), index)| EntryJson::new(of.protocol_at(index), index, bytes, void))
            .collect();
        let end = from.saturating_add(events.len() as u64);
        let next = (!events.is_empty() && end < folded).then_some(end);
        let text = json_text(&PageJson { tree_size: folded, events, next });
        drop(place);
        making.made(&budget, text)
    });
    let mut response = json_answer(StatusCode::OK, text.await?);
    response.headers_mut().insert(TREE_SIZE, HeaderValue::from(folded));
    Ok(weighed(response))
}

/// The entries of a page, and the bytes that it takes to answer with them.
#[derive(Default)]
struct PageEntries {
    entries: Vec<Bytes>,
    held: usize,
}

impl PageEntries {
    /// Adds an entry, if the page has room for it. There is always room for one.
    fn add(&mut self, entry: Bytes) -> bool {
        // As JSON an entry has its bytes, some of them in base64, and as many again around them; and then all of it again as text.
        let held = self.held + entry.len() * 6 + 2_048;
        if held > EVENTS_PAGE_BYTES && !self.entries.is_empty() {
            return false;
        }
        self.held = held;
        self.entries.push(entry);
        true
    }
}

/// The entries from `from`, up to `to` or until the page is full, read bundle by bundle.
async fn page_entries(reading: &Reading, all: &Authorized<AllEntries>, from: u64, to: u64) -> Result<PageEntries, Refused> {
    let width = u64::from(TILE_WIDTH);
    let mut page = PageEntries::default();
    let mut at = from;
    while at < to {
        let end = to.min((at / width + 1).saturating_mul(width));
        for entry in reading.log.entries(at, end).await? {
            if !page.add(all.open(entry)) {
                return Ok(page);
            }
        }
        at = end;
    }
    Ok(page)
}

/// GET of one entry.
pub(crate) async fn get(
    State(reading): State<Arc<Reading>>,
    Asking(reader): Asking,
    method: Method,
    Path(which): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let found = find(&reading, &reader, &which).await?;
    let vary = HeaderValue::from_static("Accept");
    let chosen = choose(&accept(&headers)?, &["application/json", COSE, SCITT_STATEMENT])?;
    if chosen != "application/json" {
        return Ok(Plain::new(chosen, found.bytes.get().clone(), Cache::Immutable).with(header::VARY, vary).answer(&method, &headers));
    }
    let folded = reading.folded.size();
    let void = void_codes(&reading, &found.bytes, found.index, 1).await?.pop().flatten();
    let entry = EntryJson::new(reading.folded.protocol_at(found.index), found.index, found.bytes.get(), void);
    let mut bytes = serde_json::to_vec(&entry).unwrap_or_default();
    bytes.push(b'\n');
    let plain =
        Plain::new("application/json", bytes, Cache::Revalidate).with(header::VARY, vary).with(TREE_SIZE, HeaderValue::from(folded));
    Ok(plain.answer(&method, &headers))
}

/// An entry that is folded.
pub(crate) struct Found {
    pub(crate) index: u64,
    pub(crate) bytes: Authorized<Bytes>,
}

/// Finds an entry by its index, or an effective one by its id.
pub(crate) async fn find(reading: &Reading, reader: &Reader, which: &str) -> Result<Found, Refused> {
    let nothing = || Refused::not_found(format!("the log has no entry {:?} that is folded", shortened(which)));
    let index = match EventId::from_hex(which) {
        Some(id) => reading.index_of(&id).await?.ok_or_else(nothing)?,
        None => {
            number(which).ok_or_else(|| Refused::bad_request("an entry is named by its index, or by its id in 64 hexadecimal digits"))?
        }
    };
    if index >= reading.folded.size() {
        return Err(nothing());
    }
    let entry = reading.log.entries(index, index + 1).await?.pop().ok_or_else(nothing)?;
    let bytes = reading.gate.entry(reader, entry, |bytes| reading.about(index, bytes)).ok_or_else(nothing)?;
    Ok(Found { index, bytes })
}

/// For each of so many entries, the code for which it is void, if it is: for who may read these entries.
async fn void_codes<T>(reading: &Reading, _: &Authorized<T>, from: u64, count: usize) -> Result<Vec<Option<String>>, Refused> {
    let keys = (from..).take(count).map(void_key).collect::<Result<Vec<_>, _>>()?;
    let rows = reading.rows.decisions().read(&AUTHORITY, &keys).await?;
    let code = |(key, row): (&deedbox_model::RowKey, Option<deedbox_model::Row>)| {
        row.map(|row| decode_row::<VoidRow>(key, &row.bytes).map(|void| void.code)).transpose()
    };
    Ok(keys.iter().zip(rows).map(code).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_ends_at_its_bytes_and_has_at_least_one_entry() {
        let mut page = PageEntries::default();
        assert!(page.add(Bytes::from(vec![7; EVENTS_PAGE_BYTES])), "the first one always has room");
        assert!(!page.add(Bytes::from_static(b"x")));
        let mut page = PageEntries::default();
        let largest = Bytes::from(vec![7; limits::STATEMENT_BYTES]);
        while page.add(largest.clone()) {}
        assert!(page.held <= EVENTS_PAGE_BYTES && page.entries.len() > 30, "{}", page.entries.len());
        let mut page = PageEntries::default();
        let usual = Bytes::from(vec![7; 700]);
        assert!((0..EVENTS_PAGE).all(|_| page.add(usual.clone())), "a page of usual entries has as many as were asked for");
    }
}
