//! `POST /api/v1/proofs`: one multiproof for a whole lock file (spec/api.md §4).

use crate::body::{Sender, read_whole};
use crate::budget::{Share, carried};
use crate::gate::{Asking, Authorized, Gate, TellsOfOne};
use crate::headers::{TREE_SIZE, cache_control};
use crate::limits::{CHAIN_EVENTS, CHAIN_ROWS, PROOFS_ASKED, PROOFS_BODY_BYTES, PROOFS_ROWS_BYTES, PROOFS_STATEMENT_BYTES, RULES_ROWS};
use crate::log_files::Tree;
use crate::making::Making;
use crate::marks::weighed;
use crate::one_proof::fault;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::request::shortened;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{EventRow, RULES};
use deedbox_catalog::PROJECTION as CATALOG;
use deedbox_catalog::rows::{ReleaseRow, domain_history_prefix, history_index, history_prefix, release_key};
use deedbox_model::row::decode_row;
use deedbox_model::{Defect, Domain, PackageId, ProjectionId, Row, RowKey, Version};
use deedbox_store::{RowReader, RowStore, read_rows};
use deedbox_tlog::limits::MAX_MULTIPROOF_LEAVES;
use deedbox_tlog::{TILE_WIDTH, plan_multiproof, prove_multiproof};
use deedbox_view::{Cache, Reader, Resource};
use http::{HeaderValue, header};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

const MEDIA_TYPE: &str = "application/vnd.deedbox.proofs+cbor";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    #[serde(default)]
    releases: Vec<String>,
    #[serde(default)]
    indices: Vec<u64>,
    #[serde(default)]
    chains: bool,
}

/// All of an answer but the statements, which are last in canonical order and the most of it.
#[derive(Serialize)]
struct Head {
    hashes: ByteBuf,
    indices: Vec<u64>,
    missing: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unchained: Option<Vec<String>>,
    checkpoint: ByteBuf,
}

/// POST of ids and indices.
pub(crate) async fn post(State(reading): State<Arc<Reading>>, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let Asking(reader) = Asking::of(&parts.extensions);
    let body = read_whole(&reading.bounds, Sender::of(&parts.extensions), &parts.headers, body, "the question", PROOFS_BODY_BYTES).await?;
    let _asking = reading.bounds.places.asking().await?;
    let asked: Asked = serde_json::from_slice(&body.bytes)
        .map_err(|e| Refused::bad_request(format!("the body is not {{\"releases\", \"indices\", \"chains\"}} in JSON: {e}")))?;
    if asked.releases.len() + asked.indices.len() > PROOFS_ASKED {
        return Err(Refused::unprocessable("too_many", format!("more than {PROOFS_ASKED} releases and indices: ask in parts")));
    }
    let _one_of_few = reading.bounds.places.proofs().await?;
    let mut making = Making::begin(&reading.bounds, Share::Entries).await?;
    making.hold(&reading.bounds, PROOFS_ROWS_BYTES).await?;

    // Rows first, head after: the published tree has every entry that is folded.
    let folded = reading.folded.size();
    let mut indices = BTreeSet::from([0]);
    indices.extend(&asked.indices);
    add_rules(&reading, &mut indices).await?;
    let releases = parsed(&asked.releases)?;
    let Added { missing, last } = add_releases(&reading, &reader, &releases, &mut indices).await?;
    let unchained = if asked.chains { Some(add_chains(&reading, &reader, &last, &mut indices).await?) } else { None };
    let tree = reading.gate.ask(&reader, Tree).ok_or_else(|| Refused::not_found("the log has no entry yet"))?;
    let head = reading.log.head(&tree);
    let checkpoint = head.checkpoint.ok_or_else(|| Refused::not_found("the log has no entry yet"))?;
    if let Some(beyond) = indices.range(head.tree.size..).next() {
        return Err(Refused::bad_request(format!("index {beyond} is not below the published size {}", head.tree.size)));
    }
    if indices.len() > MAX_MULTIPROOF_LEAVES {
        let words =
            format!("with the claims and yanks that belong to them, these are more than {MAX_MULTIPROOF_LEAVES} entries: ask in parts");
        return Err(Refused::unprocessable("too_many", words));
    }
    let indices: Vec<u64> = indices.into_iter().collect();
    let tiles = reading.log.tiles(&tree, plan_multiproof(&indices, head.tree.size).map_err(|e| fault(&e))?).await?;
    let count = indices.len() as u64;
    // Thousands of hashes: off the threads that serve others.
    let proven =
        reading.bounds.workers.run(move || prove_multiproof(&indices, head.tree.size, &tiles).map(|proof| (proof.to_bytes(), indices)));
    let (hashes, indices) = proven.await?.map_err(|e| fault(&e))?;
    let beginning = Head {
        hashes: ByteBuf::from(hashes),
        indices: indices.clone(),
        missing,
        unchained,
        checkpoint: ByteBuf::from(checkpoint.to_string()),
    };
    let mut text = Text::beginning(&beginning, count).map_err(|e| fault(&e))?;
    drop(last);
    drop((releases, asked, body, beginning));
    add_statements(&reading, &reader, &indices, &mut text, &mut making).await?;
    let (pieces, bytes) = text.end();
    let weight = making.weight(bytes);
    let pieces = pieces.into_iter().map(move |piece| Ok::<_, Infallible>(carried(piece, &weight)));
    let mut response = Response::new(Body::from_stream(futures::stream::iter(pieces)));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(bytes));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response.headers_mut().insert(header::CACHE_CONTROL, cache_control(Cache::Never));
    response.headers_mut().insert(TREE_SIZE, HeaderValue::from(folded));
    Ok(weighed(response))
}

/// What came of the releases that were asked for.
struct Added<'a> {
    /// Those that the registry does not have.
    missing: Vec<String>,
    /// By package the last of its releases' events, or all there are where one of the releases is not here: a lock file may call it by
    /// another name than the log does.
    last: BTreeMap<&'a PackageId, u64>,
}

/// A release that is asked for.
type Release = (PackageId, Version);

impl TellsOfOne for &Release {
    fn tells_of_one(&self) -> Resource {
        self.0.tells_of_one()
    }
}

fn parsed(releases: &[String]) -> Result<Vec<Release>, Refused> {
    let one = |release: &String| {
        let parsed = release.rsplit_once('@').and_then(|(id, version)| Some((PackageId::parse(id).ok()?, Version::parse(version).ok()?)));
        parsed.ok_or_else(|| {
            Refused::bad_request(format!("{:?} is not a release: it is written ecosystem:domain/name@version", shortened(release)))
        })
    };
    releases.iter().map(one).collect()
}

/// Those of the releases that somebody may read.
fn readable<'a>(gate: &Gate, reader: &Reader, releases: &'a [Release]) -> Vec<Authorized<&'a Release>> {
    releases.iter().filter_map(|release| gate.ask_one(reader, release)).collect()
}

fn release_keys(releases: &[Authorized<&Release>]) -> Result<Vec<RowKey>, Defect> {
    releases.iter().map(|release| release_key(&release.get().0, &release.get().1)).collect()
}

/// The rows of releases, for who may read them.
async fn release_rows(reading: &Reading, releases: &[Authorized<&Release>]) -> Result<Vec<(RowKey, Option<Row>)>, Refused> {
    let keys = release_keys(releases)?;
    let rows = read(reading.rows.views().as_ref(), &CATALOG, &keys).await?;
    Ok(keys.into_iter().zip(rows).collect())
}

/// Adds the changes of the registry's rules: which rules were in force where each of the others stands.
async fn add_rules(reading: &Reading, indices: &mut BTreeSet<u64>) -> Result<(), Refused> {
    let mut after: Option<String> = None;
    loop {
        let changes = reading.rows.decisions().scan(&AUTHORITY, RULES, after.as_deref(), RULES_ROWS).await?;
        let Some((last, _)) = changes.last() else { return Ok(()) };
        after = Some(last.to_string());
        for (key, row) in &changes {
            indices.insert(decode_row::<EventRow>(key, &row.bytes)?.index);
        }
        // More than an answer holds is refused below.
        if indices.len() > MAX_MULTIPROOF_LEAVES {
            return Ok(());
        }
    }
}

/// Adds what belongs to each release: its event, all events of the domain that published it, and the yank and the notice that are
/// in force. What somebody may not read is missing to them.
async fn add_releases<'a>(
    reading: &Reading,
    reader: &Reader,
    releases: &'a [Release],
    indices: &mut BTreeSet<u64>,
) -> Result<Added<'a>, Refused> {
    let readable = readable(&reading.gate, reader, releases);
    let mut found = readable.iter().zip(release_rows(reading, &readable).await?).peekable();
    let (mut missing, mut last) = (Vec::new(), BTreeMap::new());
    let mut publishers: BTreeSet<Domain> = BTreeSet::new();
    for release in releases {
        let row = found.next_if(|(of, _)| std::ptr::eq(*of.get(), release)).and_then(|(_, (key, row))| Some((key, row?)));
        let Some((key, row)) = row else {
            missing.push(format!("{}@{}", release.0, release.1));
            last.insert(&release.0, u64::MAX);
            continue;
        };
        let row: ReleaseRow = decode_row(&key, &row.bytes)?;
        indices.insert(row.index);
        let newest = last.entry(&release.0).or_insert(row.index);
        *newest = row.index.max(*newest);
        indices.extend(row.yanked.map(|yanked| yanked.index));
        indices.extend(row.notice.map(|notice| notice.index));
        publishers.insert(row.publisher);
    }
    add_domains(reading, publishers, indices).await?;
    Ok(Added { missing, last })
}

/// Adds all events of domains: the claims that their releases were made under, and what their keys were at each index.
async fn add_domains(reading: &Reading, domains: BTreeSet<Domain>, indices: &mut BTreeSet<u64>) -> Result<(), Refused> {
    let mut all = std::mem::take(indices);
    let added = read_rows(reading.rows.views().as_ref(), &CATALOG, move |rows| {
        for domain in domains {
            let Some(events) = events(rows, &domain_history_prefix(&domain)?, u64::MAX, CHAIN_EVENTS)? else {
                let words = format!("{domain} has more than {CHAIN_EVENTS} events: take a copy of the whole log to verify its releases");
                return Err(Refused::unprocessable("too_many", words));
            };
            all.extend(events);
        }
        Ok::<_, Refused>(all)
    });
    *indices = added.await??;
    Ok(())
}

/// Adds the events of the releases' packages, of each from its first one up to this one. Gives the packages that have too
/// many. All of them are read in one visit to the rows: a visit costs more than a short chain.
async fn add_chains(
    reading: &Reading,
    reader: &Reader,
    last: &BTreeMap<&PackageId, u64>,
    indices: &mut BTreeSet<u64>,
) -> Result<Vec<String>, Refused> {
    let readable = last.iter().filter_map(|(id, last)| Some((reading.gate.ask_one(reader, (*id).clone())?, *last)));
    let packages: Vec<(Authorized<PackageId>, u64)> = readable.collect();
    let mut chained = std::mem::take(indices);
    let chains = read_rows(reading.rows.views().as_ref(), &CATALOG, move |rows| {
        let mut unchained = Vec::new();
        for (id, last) in packages {
            let most = CHAIN_EVENTS.min(MAX_MULTIPROOF_LEAVES.saturating_sub(chained.len()));
            match chain(rows, &id, last, most)? {
                Some(chain) => chained.extend(chain),
                None => unchained.push(id.get().to_string()),
            }
        }
        Ok::<_, Refused>((chained, unchained))
    });
    let unchained;
    (*indices, unchained) = chains.await??;
    Ok(unchained)
}

/// The indices of a package's events up to this one, if there are at most so many.
fn chain(rows: &mut dyn RowReader, id: &Authorized<PackageId>, last: u64, most: usize) -> Result<Option<Vec<u64>>, Refused> {
    events(rows, &history_prefix(id.get())?, last, most)
}

/// The same of any subject, by how the keys of its events begin.
fn events(rows: &mut dyn RowReader, prefix: &RowKey, last: u64, most: usize) -> Result<Option<Vec<u64>>, Refused> {
    let mut found: Vec<u64> = Vec::new();
    let mut after: Option<RowKey> = None;
    loop {
        let page = rows.scan(prefix.as_str(), after.as_ref().map(RowKey::as_str), CHAIN_ROWS, u64::MAX)?;
        let is_last = page.len() < CHAIN_ROWS as usize;
        let indices = page.iter().filter_map(|(key, _)| history_index(key));
        found.extend(indices.take_while(|index| *index <= last));
        if found.len() > most {
            return Ok(None);
        }
        let is_last = is_last || found.last().is_some_and(|found| *found >= last);
        match page.into_iter().next_back() {
            Some((key, _)) if !is_last => after = Some(key),
            _ => return Ok(Some(found)),
        }
    }
}

async fn read(of: &dyn RowStore, projection: &ProjectionId, keys: &[RowKey]) -> Result<Vec<Option<Row>>, Refused> {
    let mut rows = Vec::with_capacity(keys.len());
    for some in keys.chunks(deedbox_view::question::MAX_GET) {
        rows.extend(of.read(projection, some).await?);
    }
    Ok(rows)
}

/// Adds the statements at ascending indices, each bundle read once, and weighs them as they come.
async fn add_statements(reading: &Reading, reader: &Reader, indices: &[u64], text: &mut Text, making: &mut Making) -> Result<(), Refused> {
    let mut total = 0;
    for group in indices.chunk_by(|a, b| a / u64::from(TILE_WIDTH) == b / u64::from(TILE_WIDTH)) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let entries = reading.log.entries(*first, *last + 1).await?;
        let entry = |index: &u64| {
            let at = usize::try_from(index - first).unwrap_or(usize::MAX);
            entries.get(at).ok_or_else(|| fault(&format!("entry {index} is missing")))
        };
        let mut of_group = 0;
        for index in group {
            of_group += entry(index)?.len();
        }
        total += of_group;
        if total > PROOFS_STATEMENT_BYTES {
            let words = format!("the statements have more than {PROOFS_STATEMENT_BYTES} bytes: ask in parts");
            return Err(Refused::unprocessable("too_many", words));
        }
        making.hold(&reading.bounds, PROOFS_ROWS_BYTES + text.bytes + of_group).await?;
        for index in group {
            let bytes = reading.gate.entry(reader, entry(index)?.clone(), |bytes| reading.about(*index, bytes));
            let bytes = bytes.ok_or_else(|| Refused::not_found(format!("the log has no entry \"{index}\" that is folded")))?;
            text.add(bytes.get());
        }
    }
    Ok(())
}

/// The canonical CBOR of an answer, in pieces: in one it would be moved each time that it has to be longer.
struct Text {
    full: Vec<Bytes>,
    piece: Vec<u8>,
    bytes: usize,
}

impl Text {
    const PIECE: usize = 64 * 1024;
    const OF_BYTES: u8 = 2;
    const OF_TEXT: u8 = 3;
    const OF_ARRAY: u8 = 4;
    const OF_MAP: u8 = 5;

    /// Up to the first of so many statements.
    fn beginning(head: &Head, statements: u64) -> Result<Self, deedbox_model::NotCanonical> {
        let named = if head.unchained.is_some() { 5 } else { 4 };
        let fields = deedbox_model::encode(head)?;
        let mut text = Text { full: Vec::new(), piece: Vec::new(), bytes: 0 };
        // The same map with one field more, which comes after the others: its name is as long as the longest and greater.
        text.item(Self::OF_MAP, named + 1);
        text.piece.extend_from_slice(fields.get(1..).unwrap_or_default());
        text.item(Self::OF_TEXT, "statements".len() as u64);
        text.piece.extend_from_slice(b"statements");
        text.item(Self::OF_ARRAY, statements);
        text.bytes = text.piece.len();
        Ok(text)
    }

    fn add(&mut self, statement: &[u8]) {
        let before = self.piece.len();
        self.item(Self::OF_BYTES, statement.len() as u64);
        self.piece.extend_from_slice(statement);
        self.bytes += self.piece.len() - before;
        if self.piece.len() >= Self::PIECE {
            self.full.push(std::mem::replace(&mut self.piece, Vec::with_capacity(Self::PIECE)).into());
        }
    }

    /// The pieces, and how many bytes they have.
    fn end(mut self) -> (Vec<Bytes>, usize) {
        self.full.push(self.piece.into());
        (self.full, self.bytes)
    }

    /// The head of an item, its number as short as it can be (RFC 8949 §4.2.1).
    fn item(&mut self, major: u8, number: u64) {
        let bytes = number.to_be_bytes();
        let (info, from) = match number {
            0..=23 => (u8::try_from(number).unwrap_or_default(), 8),
            24..=0xff => (24, 7),
            0x100..=0xffff => (25, 6),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 0),
        };
        self.piece.push(major << 5 | info);
        self.piece.extend_from_slice(bytes.get(from..).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::Open;
    use deedbox_catalog::rows::history_key;
    use deedbox_store::{MemoryRows, RowBatch};

    #[tokio::test]
    async fn a_chain_is_read_to_its_end_or_left_out() {
        let id = |name: &str| PackageId::parse(&format!("npm:acme.example/{name}")).unwrap();
        let rows = MemoryRows::new();
        let key = |name: &str, index: u64| history_key(&id(name), index).unwrap();
        let page = u64::from(CHAIN_ROWS);
        let events = [("short", 3), ("page", page), ("long", 2 * page + 7), ("longer", 1)];
        let changes = events
            .iter()
            .flat_map(|(name, count)| (0..*count).map(|n| (key(name, n * 3), Some(Row { bytes: [0].into(), seq: n }))))
            .collect();
        rows.commit(&[RowBatch { projection: CATALOG, from: 0, to: 1, changes }]).await.unwrap();
        let chain = async |name: &str, last: u64, most: usize| {
            let id = Gate::new(Arc::new(Open)).ask_one(&Reader::ANYBODY, id(name)).unwrap();
            read_rows(&rows, &CATALOG, move |rows| super::chain(rows, &id, last, most)).await.unwrap().unwrap()
        };
        for (name, count) in events {
            let most = usize::try_from(count).unwrap();
            let all: Vec<u64> = (0..count).map(|n| n * 3).collect();
            for last in [3 * (count - 1), u64::MAX] {
                assert_eq!(chain(name, last, most).await, Some(all.clone()), "{name}");
                assert_eq!(chain(name, last, most - 1).await, None, "{name}");
            }
            let half: Vec<u64> = all.iter().copied().filter(|index| *index <= 3 * (count / 2)).collect();
            assert_eq!(chain(name, 3 * (count / 2), half.len()).await, Some(half), "{name}");
        }
        assert_eq!(chain("none", 9, 0).await, Some(Vec::new()));
    }

    #[derive(Serialize)]
    struct Whole {
        hashes: ByteBuf,
        indices: Vec<u64>,
        missing: Vec<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        unchained: Option<Vec<String>>,
        checkpoint: ByteBuf,
        statements: Vec<ByteBuf>,
    }

    #[test]
    fn an_answer_in_pieces_is_the_same_bytes_as_in_one() {
        for lengths in [vec![], vec![0], vec![23, 24, 255, 256], vec![65_535; 3], vec![700; 300]] {
            let statements: Vec<ByteBuf> = lengths.iter().map(|length| ByteBuf::from(vec![7; *length])).collect();
            let head = || Head {
                hashes: ByteBuf::from(vec![1; 320]),
                indices: (0..lengths.len() as u64).collect(),
                missing: vec!["npm:acme.example/widget@1.0.0".to_owned()],
                unchained: (lengths.len() % 2 == 0).then(|| vec!["npm:acme.example/other".to_owned()]),
                checkpoint: ByteBuf::from(b"checkpoint".to_vec()),
            };
            let mut text = Text::beginning(&head(), statements.len() as u64).unwrap();
            for statement in &statements {
                text.add(statement);
            }
            let (pieces, bytes) = text.end();
            let Head { hashes, indices, missing, unchained, checkpoint } = head();
            let whole = deedbox_model::encode(&Whole { hashes, indices, missing, unchained, checkpoint, statements }).unwrap();
            assert!(pieces.concat() == whole && bytes == whole.len(), "{lengths:?}");
        }
    }
}
