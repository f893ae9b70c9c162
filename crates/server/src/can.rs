//! `GET /api/v1/can`: whether a key may do something now, and which rule says so (spec/api.md §7). By this registry's rows and its clock: the decider
//! judges what is said. What a reader may not read is, for them, not there; where only that stands in the way, they are told so and no more.

use crate::clock::WallClock;
use crate::gate::Asking;
use crate::headers::TREE_SIZE;
use crate::limits::{CAN_GRANTS, CAN_ROWS, CAN_ROWS_AT_ONCE, CAN_ROWS_BYTES};
use crate::reading::{Reading, resource_of};
use crate::refusal::Refused;
use crate::reply::json;
use crate::request::{decode_query, shortened};
use crate::told::{in_the_way, may_read};
use axum::extract::State;
use axum::response::Response;
use deedbox_authority::rows::tells_of;
use deedbox_authority::{PROJECTION as AUTHORITY, Question, Rule, may, rows_of_may};
use deedbox_catalog::PROJECTION as CATALOG;
use deedbox_catalog::rows::{GrantRow, grant_prefix};
use deedbox_model::row::decode_row;
use deedbox_model::{Domain, EventId, KeyId, Row, RowKey, Rows};
use deedbox_store::{RowReader, read_rows};
use deedbox_view::Reader;
use http::{HeaderValue, StatusCode, Uri};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Serialize)]
struct CanJson {
    may: bool,
    action: &'static str,
    id: String,
    kid: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<RuleJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    tree_size: u64,
}

#[derive(Serialize)]
struct RuleJson {
    sentence: String,
    section: &'static str,
}

/// GET.
pub(crate) async fn get(
    State((reading, clock)): State<(Arc<Reading>, WallClock)>,
    Asking(reader): Asking,
    uri: Uri,
) -> Result<Response, Refused> {
    let query = decode_query(uri.query().unwrap_or_default())?;
    let one = |name: &str| -> Result<&str, Refused> {
        let mut found = query.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        match (found.next(), found.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(Refused::bad_request(format!("{name} is asked for once: ?action=ACTION&id=ID&key=KID"))),
        }
    };
    let question = Question::parse(one("action")?, one("id")?).map_err(Refused::bad_request)?;
    let key = one("key")?;
    let kid = KeyId::from_hex(key)
        .ok_or_else(|| Refused::bad_request(format!("key is the id of a key in 64 hexadecimal digits, not {:?}", shortened(key))))?;
    if reading.folded.protocol_now().is_none() {
        return Err(Refused::unavailable("undecided", "the protocol in force is not known to this program"));
    }
    let size = reading.folded.size();
    let answer = judged(&reading, &clock, &reader, &question, kid).await?;
    let mut told = CanJson {
        may: answer.is_ok(),
        action: question.action(),
        id: question.to_string(),
        kid: kid.to_hex(),
        rule: None,
        code: None,
        message: None,
        tree_size: size,
    };
    match answer {
        Ok(Rule { sentence, section }) => told.rule = Some(RuleJson { sentence, section }),
        Err(refused) => (told.code, told.message) = (Some(refused.code), Some(refused.message().to_owned())),
    }
    let mut response = json(StatusCode::OK, &told);
    response.headers_mut().insert(TREE_SIZE, HeaderValue::from(size));
    Ok(response)
}

/// The rule, or the refusal that this reader may have.
async fn judged(
    reading: &Reading,
    clock: &WallClock,
    reader: &Reader,
    question: &Question,
    kid: KeyId,
) -> Result<Result<Rule, Refused>, Refused> {
    let grants = match question {
        Question::Package(id, _) => grants_of(reading, reader, id.domain(), kid).await?,
        Question::Domain(..) => Vec::new(),
    };
    let keys: Vec<RowKey> = rows_of_may(question, &grants)?.into_iter().collect();
    let found = reading.rows.decisions().read(&AUTHORITY, &keys).await?;
    let all: BTreeMap<RowKey, Option<Row>> = keys.into_iter().zip(found).collect();
    let (mut shown, mut is_cut) = (all.clone(), false);
    if !reading.gate.is_open() {
        for (key, row) in &mut shown {
            let told = row.as_ref().map(|row| tells_of(key, &row.bytes)).transpose()?.flatten();
            if told.is_some_and(|subject| !reading.gate.may_read(reader, &[resource_of(&subject)])) {
                (*row, is_cut) = (None, true);
            }
        }
    }
    let now = clock.now();
    let verdict = may(&Rows::new(shown), question, kid, &grants, now)?;
    Ok(match verdict {
        Ok(_) if is_cut && may(&Rows::new(all), question, kid, &grants, now)?.is_err() => Err(in_the_way()),
        Ok(rule) => Ok(rule),
        Err(refusal) => Err(refusal.into()),
    })
}

/// The grants that this key has of a domain and of those above it, as far as this reader may know of them: the decider's rows of a grant have its event in
/// their key, and not its holder.
async fn grants_of(reading: &Reading, reader: &Reader, domain: &Domain, kid: KeyId) -> Result<Vec<EventId>, Refused> {
    let domains: Vec<Domain> = domain.self_and_parents().filter(|domain| may_read(&reading.gate, reader, domain)).collect();
    let found = read_rows(reading.rows.views().as_ref(), &CATALOG, move |rows| {
        let (mut found, mut seen) = (Vec::new(), 0);
        for domain in &domains {
            add_grants(rows, domain, kid, (&mut found, &mut seen))?;
        }
        found.sort_unstable();
        Ok::<_, Refused>(found.into_iter().map(|(_, grant)| grant).collect())
    });
    found.await?
}

/// Adds those of one domain, each with the index of its event, and how many grants were looked through.
fn add_grants(
    rows: &mut dyn RowReader,
    domain: &Domain,
    kid: KeyId,
    (found, seen): (&mut Vec<(u64, EventId)>, &mut usize),
) -> Result<(), Refused> {
    let prefix = grant_prefix(domain)?;
    let mut after: Option<String> = None;
    loop {
        let page = rows.scan(prefix.as_str(), after.as_deref(), CAN_ROWS_AT_ONCE, CAN_ROWS_BYTES)?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(last.to_string());
        *seen += page.len();
        for (key, row) in &page {
            let granted: GrantRow = decode_row(key, &row.bytes)?;
            let event = key.as_str().rsplit('@').next().and_then(EventId::from_hex);
            if let (true, Some(event)) = (granted.grant.key.id() == kid, event) {
                found.push((granted.index, event));
            }
        }
        if *seen > CAN_ROWS || found.len() > CAN_GRANTS {
            let words = format!(
                "{domain} and those above it gave more grants than are looked through here: GET /api/v1/domains/{domain}?view=grants lists them"
            );
            return Err(Refused::unprocessable("too_many", words));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_catalog::rows::grant_key;
    use deedbox_model::encode;
    use deedbox_model::event::{Action, PublisherGranted};
    use deedbox_store::StoreError;
    use deedbox_testkit::{secret, time};

    /// So many grants of one domain, of which every `each`th is one key's.
    struct Grants(BTreeMap<String, (RowKey, Row)>);

    impl Grants {
        fn new(domain: &Domain, count: u64, each: u64) -> Self {
            let row = |n: u64| {
                let key = secret(if n.is_multiple_of(each) { 7 } else { 8 }).public();
                let ids = vec![format!("file:{domain}/").parse().unwrap()];
                let grant = PublisherGranted { key, ids, actions: vec![Action::Publish], until: None };
                let (event, kid) = (EventId::of(&n.to_be_bytes()), secret(1).public().id());
                let row = GrantRow { index: n, at: time(n), kid, tenure: event, grant, revoked: None };
                let key = grant_key(domain, &event).unwrap();
                (key.to_string(), (key, Row { bytes: encode(&row).unwrap().into(), seq: n }))
            };
            Grants((0..count).map(row).collect())
        }
    }

    impl RowReader for Grants {
        fn cursor(&mut self) -> Result<u64, StoreError> {
            Ok(self.0.len() as u64)
        }
        fn read(&mut self, _: &[RowKey]) -> Result<Vec<Option<Row>>, StoreError> {
            Ok(Vec::new())
        }
        fn scan(&mut self, prefix: &str, after: Option<&str>, limit: u32, _: u64) -> Result<Vec<(RowKey, Row)>, StoreError> {
            let rows =
                self.0.values().filter(|(key, _)| key.as_str().starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
            Ok(rows.take(limit as usize).cloned().collect())
        }
    }

    #[test]
    fn the_grants_of_a_key_are_found_among_a_bounded_number() {
        let (domain, kid) = (Domain::parse("acme.example").unwrap(), secret(7).public().id());
        let (all, own, at_once) = (CAN_ROWS as u64, CAN_GRANTS as u64, u64::from(CAN_ROWS_AT_ONCE));
        for (count, each, seen_before, found) in [
            (0, 1, 0, Some(0)),
            (3 * at_once + 7, at_once, 0, Some(4)),
            (all, all, 0, Some(1)),
            (all + 1, all, 0, None),
            (at_once, at_once, all - at_once + 1, None),
            (own, 1, 0, Some(own)),
            (own + 1, 1, 0, None),
        ] {
            let (mut grants, mut added, mut seen) = (Grants::new(&domain, count, each), Vec::new(), usize::try_from(seen_before).unwrap());
            let result = add_grants(&mut grants, &domain, kid, (&mut added, &mut seen));
            match found {
                Some(found) => {
                    result.unwrap();
                    assert_eq!(added.len() as u64, found);
                    assert!(added.iter().all(|(index, event)| index.is_multiple_of(each) && *event == EventId::of(&index.to_be_bytes())));
                }
                None => assert_eq!(result.unwrap_err().code, "too_many", "{count}"),
            }
        }
    }
}
