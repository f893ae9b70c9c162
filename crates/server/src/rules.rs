//! What a start says in the registry's name (spec/events.md §3): entry 0 of a new log, and what the operator's settings change of the rules
//! and of the public suffix list in force. Each by the way that every statement takes. A crash between two of them leaves a list that is in
//! force in part; the next start goes on with the rest.

use crate::error::OpenError;
use crate::open::Server;
use deedbox_authority::PROJECTION as AUTHORITY;
use deedbox_authority::rows::{RegistryRow, SUFFIXES, registry_key};
use deedbox_model::event::{Event, RegistryCreated, RegistryRulesChanged, RegistrySuffixesChanged, Rules};
use deedbox_model::parameters::root_anchors;
use deedbox_model::row::decode_row;
use deedbox_model::{DnsAnchor, EventId, Parameters, Protocol, PublicKey, Statement, Subject, SuffixRule, limits};
use deedbox_store::read_one;
use std::collections::BTreeSet;

/// Rows of the suffix list that are read at once.
const ROWS: u32 = 1_000;
/// Bytes of rules in one event: with their heads in CBOR they fit a statement, whatever lengths they have.
const RULES_BYTES: usize = 48 * 1024;

impl Server {
    /// Entry 0.
    pub(crate) async fn create(&self, log_key: PublicKey, anchors: Option<&[DnsAnchor]>) -> Result<(), OpenError> {
        let dns_anchors = anchors.map_or_else(root_anchors, <[_]>::to_vec);
        let created = RegistryCreated {
            rules: rules(deedbox_authority::PROTOCOL, dns_anchors)?,
            origin: self.origin().clone(),
            log_keys: vec![log_key],
            receipt_keys: vec![self.app.receipts.key()],
            operator_keys: vec![self.clerk.key()],
        };
        self.say(None, created.into()).await.map(|_| ())
    }

    /// Puts in force what is not.
    pub(crate) async fn put_in_force(
        &self,
        anchors: Option<Vec<DnsAnchor>>,
        suffixes: Option<BTreeSet<SuffixRule>>,
    ) -> Result<(), OpenError> {
        if anchors.is_none() && suffixes.is_none() {
            return Ok(());
        }
        let row = self.row().await?;
        if let Err(why) = self.may_say(&row) {
            tracing::warn!(%why, "the suffix list or the anchors of DNS that were given are not compared with those in force");
            return Ok(());
        }
        let mut head = row.head;
        if let Some(anchors) = anchors.filter(|anchors| *anchors != row.dns_anchors) {
            head = self.say(Some(head), RegistryRulesChanged { rules: rules(row.protocol, anchors)? }.into()).await?;
        }
        let Some(wanted) = suffixes else { return Ok(()) };
        let found = self.suffixes_in_force().await?;
        let changes = wanted.difference(&found).map(|rule| (rule, true)).chain(found.difference(&wanted).map(|rule| (rule, false)));
        for change in in_events(changes) {
            tracing::info!(put = change.put.len(), removed = change.removed.len(), "the public suffix list changes");
            head = self.say(Some(head), change.into()).await?;
        }
        Ok(())
    }

    /// Whether this start can say something: what is there is served all the same where it cannot.
    fn may_say(&self, row: &RegistryRow) -> Result<(), String> {
        self.app.taking.writing.ledger().map_err(|_| "nothing can be written")?;
        self.app.taking.clock.check().map_err(|wrong| wrong.to_string())?;
        if row.protocol != deedbox_authority::PROTOCOL {
            return Err(format!("protocol {} is in force, whose parameters this program does not write", row.protocol));
        }
        Ok(())
    }

    async fn row(&self) -> Result<RegistryRow, OpenError> {
        let key = registry_key().map_err(not_said)?;
        let row = read_one(self.app.reading.rows.decisions().as_ref(), &AUTHORITY, &key).await?;
        let row = row.ok_or_else(|| not_said("the log's first entry is not folded"))?;
        decode_row(&key, &row.bytes).map_err(not_said)
    }

    async fn suffixes_in_force(&self) -> Result<BTreeSet<SuffixRule>, OpenError> {
        let rows = self.app.reading.rows.decisions();
        let mut found = BTreeSet::new();
        let mut after: Option<String> = None;
        loop {
            let page = rows.scan(&AUTHORITY, SUFFIXES, after.as_deref(), ROWS).await?;
            let Some((last, _)) = page.last() else { return Ok(found) };
            after = Some(last.to_string());
            for (key, _) in &page {
                let rule = key.as_str().strip_prefix(SUFFIXES).unwrap_or_default();
                found.insert(SuffixRule::parse(rule).map_err(not_said)?);
            }
        }
    }

    /// Something that the registry says of itself, by the way that every statement takes.
    async fn say(&self, prev: Option<EventId>, event: Event) -> Result<EventId, OpenError> {
        let taking = &self.app.taking;
        let ledger = taking.writing.ledger().map_err(|_| not_said("nothing can be written"))?;
        let now = taking.clock.check().map_err(not_said)?;
        let statement = self.clerk.sign(&Subject::Registry, prev, now, &event).map_err(not_said)?;
        let protocol = taking.reading.folded.protocol_now().unwrap_or(Protocol::BEGINNING);
        let decoded = Statement::decode(protocol, statement.bytes()).map_err(not_said)?;
        let admitted = taking.door.admit(taking.door.verify(decoded).await?, now).await?;
        let appended = ledger.submit(admitted).await?;
        taking.recent.add(&appended.id, statement.time());
        taking.clock.appended(statement.time());
        Ok(appended.id)
    }
}

fn not_said(why: impl std::fmt::Display) -> OpenError {
    OpenError::NotSaid(why.to_string())
}

fn rules(protocol: u64, dns_anchors: Vec<DnsAnchor>) -> Result<Rules, OpenError> {
    let parameters = Parameters { dns_anchors }.to_bytes().map_err(not_said)?;
    Ok(Rules { parameters, protocol })
}

/// Rules that come into force or go out of it, in as few events as hold them.
fn in_events<'a>(changes: impl Iterator<Item = (&'a SuffixRule, bool)>) -> Vec<RegistrySuffixesChanged> {
    let mut events: Vec<RegistrySuffixesChanged> = Vec::new();
    let mut bytes = RULES_BYTES;
    for (rule, is_put) in changes {
        let full = events.last().is_none_or(|event| event.put.len() + event.removed.len() == limits::SUFFIX_RULES);
        if full || bytes + rule.as_str().len() > RULES_BYTES {
            events.push(RegistrySuffixesChanged { put: Vec::new(), removed: Vec::new() });
            bytes = 0;
        }
        bytes += rule.as_str().len() + 3;
        if let Some(event) = events.last_mut() {
            let list = if is_put { &mut event.put } else { &mut event.removed };
            list.push(rule.clone());
        }
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_model::encode;

    #[test]
    fn a_list_of_any_size_fits_its_events() {
        let long = |n: usize| SuffixRule::parse(&format!("{}.{n}x.example", ["a"; 110].join("."))).unwrap();
        let short = |n: usize| SuffixRule::parse(&format!("{}{}", (b'a' + (n % 26) as u8) as char, n)).unwrap();
        let lists = [
            (0..10_000).map(short).collect::<BTreeSet<_>>(),
            (0..3_000).map(long).collect(),
            (0..2_000).map(short).chain((0..500).map(long)).collect(),
            BTreeSet::new(),
        ];
        for list in lists {
            let events = in_events(list.iter().map(|rule| (rule, true)));
            let mut all = BTreeSet::new();
            for event in &events {
                assert!(encode(event).unwrap().len() < limits::STATEMENT_BYTES - 1_024);
                assert!(event.put.is_sorted() && event.put.len() <= limits::SUFFIX_RULES);
                all.extend(event.put.iter().cloned());
            }
            assert_eq!(all, list);
        }
    }

    #[test]
    fn the_roots_anchors_are_parameters() {
        let rules = rules(1, root_anchors()).unwrap();
        assert_eq!(Parameters::of(&rules).unwrap().dns_anchors, root_anchors());
    }
}
