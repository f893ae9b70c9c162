//! Looking: at the TXT records of a domain, and at its web server. Each look has one time limit for all of it, and there are only so many at
//! once. Says what is there and how much of it is proved; decides nothing.

use crate::addresses;
use crate::ask::{Answer, Asked, Asker};
use crate::gather::{Above, above};
use crate::limits;
use crate::page::Web;
use crate::settings::{self, Settings};
use crate::trouble::{BadSettings, Trouble, shown};
use deedbox_dnssec::{Anchor, Kind, Name, Record};
use deedbox_model::event::CLAIM_LABEL;
use deedbox_model::{Domain, Sha256Digest, TimeMs};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// Where one looks from: its resolvers, its way to web servers, its limits.
#[derive(Debug)]
pub struct Lookout {
    first_resolver: SocketAddr,
    other_resolvers: Vec<SocketAddr>,
    anchors: Vec<Anchor>,
    web: Arc<Web>,
    allow_private: bool,
    look: Duration,
    answer: Duration,
    places: Arc<Semaphore>,
}

/// What is in DNS at `_deedbox.DOMAIN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The values of the TXT records there, each joined from its strings, sorted. What is not UTF-8 is replaced.
    pub values: Vec<String>,
    /// How much of that is proved.
    pub ground: Ground,
}

/// What a domain's web server says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The claims in the file, in its order.
    pub claims: Vec<Sha256Digest>,
    /// Whether the domain is proved to be unsigned. Never `Signed`.
    pub ground: Ground,
}

/// What proves what was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ground {
    /// The records are signed from the root's keys down: the chain ends with them.
    Signed(Chain),
    /// A delegation at or above the domain has no DS: the chain ends with the proof. What was seen is the resolver's word.
    Unsigned(Chain),
    /// Neither is proved, for the reason in these words.
    Unproven(String),
}

/// A record chain, judged by the room `dnssec` before it is handed on.
#[derive(Clone, PartialEq, Eq)]
pub struct Chain {
    /// The records (spec/dnssec.md).
    pub bytes: Vec<u8>,
    /// When it was looked at: the time at which its signatures hold.
    pub observed: TimeMs,
}

impl Lookout {
    /// A place to look from. Asks nobody yet.
    ///
    /// # Errors
    /// When no resolver is known, or a certificate cannot be used.
    pub fn new(settings: Settings) -> Result<Self, BadSettings> {
        let (first_resolver, other_resolvers) = settings::resolvers(&settings)?;
        Ok(Lookout {
            first_resolver,
            other_resolvers,
            web: Arc::new(Web::new(&settings.extra_roots, settings.https_port)?),
            anchors: settings.anchors,
            allow_private: settings.allow_private_addresses,
            look: settings.look,
            answer: settings.answer,
            places: Arc::new(Semaphore::new(limits::AT_ONCE)),
        })
    }

    /// The same place, from which records are proved by other keys of the root. Its looks count with those from here.
    #[must_use]
    pub fn with_anchors(&self, anchors: Vec<Anchor>) -> Lookout {
        Lookout {
            first_resolver: self.first_resolver,
            other_resolvers: self.other_resolvers.clone(),
            anchors,
            web: Arc::clone(&self.web),
            allow_private: self.allow_private,
            look: self.look,
            answer: self.answer,
            places: Arc::clone(&self.places),
        }
    }

    /// The TXT records at `_deedbox.DOMAIN`, with the chain that proves them, or that the domain is not signed.
    ///
    /// # Errors
    /// When there are none, the name is an alias, or no resolver answers.
    pub async fn dns(&self, domain: &Domain) -> Result<Seen, Trouble> {
        let name = &name(domain)?;
        let below = &name.child(CLAIM_LABEL).map_err(|fault| bad_name(domain, fault.to_string()))?;
        let what = format!("TXT records at {below}");
        let attempt = |asker| self.look_at_texts(asker, name, below);
        self.limited(&what, self.first(attempt, |seen| seen.ground.is_proven())).await
    }

    /// The claims in `https://DOMAIN/.well-known/deedbox.json`, with the proof that the domain is not signed, if it is not.
    ///
    /// # Errors
    /// When the domain leads to no public address, or its web server serves anything but that file.
    pub async fn https(&self, domain: &Domain) -> Result<Page, Trouble> {
        let name = &name(domain)?;
        let url = self.web.checked(domain)?;
        let look = async {
            let attempt = |asker| addresses::of(asker, domain, name, self.allow_private);
            let addresses = self.first(attempt, |_| true).await?;
            let claims = self.web.claims(domain, &addresses).await?;
            Ok(Page { claims, ground: self.ground(name).await? })
        };
        self.limited(&url, look).await
    }

    /// The proof that a domain is not signed. Never `Signed`: of a signed zone this says `Unproven`.
    ///
    /// # Errors
    /// When it takes too long.
    pub async fn unsigned(&self, domain: &Domain) -> Result<Ground, Trouble> {
        let name = name(domain)?;
        self.limited(&format!("DS records of {domain}"), self.ground(&name)).await
    }

    async fn ground(&self, name: &Name) -> Result<Ground, Trouble> {
        let attempt = |asker: Asker| async move {
            let now = now();
            Ok(match above(&asker, &self.anchors, name, name, seconds(now)).await {
                Ok(Above::Unsigned(bytes)) => (Ground::Unsigned(Chain { bytes, observed: now }), true),
                Ok(Above::Signed(signed)) => (Ground::Unproven(signed.why_not_unsigned(name)), !signed.is_doubtful()),
                Err(why) => (Ground::Unproven(why), false),
            })
        };
        self.first(attempt, |(_, is_sure)| *is_sure).await.map(|(ground, _)| ground)
    }

    async fn look_at_texts(&self, asker: Asker, domain: &Name, name: &Name) -> Result<Seen, Trouble> {
        let answer = asker.ask(name, Asked::Txt).await?;
        let values = values(name, &answer)?;
        let now = now();
        let (values, ground) = match above(&asker, &self.anchors, domain, name, seconds(now)).await {
            Ok(Above::Unsigned(bytes)) => (values, Ground::Unsigned(Chain { bytes, observed: now })),
            Ok(Above::Signed(signed)) => match signed.texts(&asker, &answer.answers).await {
                Ok((values, bytes)) => (values, Ground::Signed(Chain { bytes, observed: now })),
                Err(why) => (values, Ground::Unproven(why)),
            },
            Err(why) => (values, Ground::Unproven(why)),
        };
        let mut values: Vec<String> = values.iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect();
        values.sort();
        Ok(Seen { values, ground })
    }

    /// One resolver after another, until one is sure of what it says; else the first that says anything, else the first trouble.
    async fn first<T, Attempt>(&self, attempt: impl Fn(Asker) -> Attempt, is_sure: impl Fn(&T) -> bool) -> Result<T, Trouble>
    where
        Attempt: Future<Output = Result<T, Trouble>>,
    {
        let ask = |resolver: SocketAddr| attempt(Asker::new(resolver, self.answer));
        let is_the_last_word = |result: &Result<T, Trouble>| match result {
            Ok(it) => is_sure(it),
            Err(trouble) => !trouble.is_the_resolvers(),
        };
        let mut best = ask(self.first_resolver).await;
        for resolver in &self.other_resolvers {
            if is_the_last_word(&best) {
                break;
            }
            let result = ask(*resolver).await;
            if is_the_last_word(&result) || (best.is_err() && result.is_ok()) {
                best = result;
            }
        }
        best
    }

    /// Waits for a place, and looks; both together within the time for one look.
    async fn limited<T>(&self, what: &str, look: impl Future<Output = Result<T, Trouble>>) -> Result<T, Trouble> {
        let in_place = async {
            let _place = self.places.acquire().await;
            look.await
        };
        let too_slow = |_| Trouble::TooSlow { what: what.to_owned(), seconds: self.look.as_secs() };
        timeout_at(Instant::now() + self.look, in_place).await.map_err(too_slow)?
    }
}

/// Its size: nobody reads its bytes.
impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("bytes", &self.bytes.len()).field("observed", &self.observed).finish()
    }
}

impl Ground {
    /// Whether there is a chain.
    pub fn is_proven(&self) -> bool {
        !matches!(self, Ground::Unproven(_))
    }
}

fn name(domain: &Domain) -> Result<Name, Trouble> {
    let name = Name::parse(domain.as_str()).map_err(|fault| bad_name(domain, fault.to_string()))?;
    match name.labels() {
        0..=limits::LABELS => Ok(name),
        many => Err(bad_name(domain, format!("it has {many} labels, and at most {} are looked at", limits::LABELS))),
    }
}

fn bad_name(domain: &Domain, why: String) -> Trouble {
    Trouble::BadName { domain: domain.clone(), why }
}

/// The machine's clock.
fn now() -> TimeMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    TimeMs::new(since.as_millis() as u64).unwrap_or_default()
}

/// The time of a chain, in whole seconds (spec/dnssec.md).
fn seconds(now: TimeMs) -> u64 {
    now.as_ms() / 1_000
}

/// The values of the TXT records at exactly this name.
fn values(name: &Name, answer: &Answer) -> Result<Vec<Vec<u8>>, Trouble> {
    let at_name = |kind: Kind| answer.answers.iter().filter(move |record| record.kind == kind && record.owner == *name);
    if let Some(alias) = at_name(Kind::CNAME).next() {
        let target = Name::from_wire(&alias.rdata).map_or_else(|_| "another name".to_owned(), |target| shown(&target.to_string()));
        return Err(Trouble::Alias { name: name.clone(), target });
    }
    let values: Vec<Vec<u8>> = at_name(Kind::TXT).map(joined).collect();
    match values.len() {
        0 => Err(Trouble::NothingThere { kind: Asked::Txt.words(), name: name.clone(), why: nothing(answer) }),
        1..=limits::VALUES => Ok(values),
        there => Err(Trouble::ManyValues { name: name.clone(), there }),
    }
}

fn nothing(answer: &Answer) -> &'static str {
    if answer.name_exists {
        "the name has none (it may take until the time of an older answer is over)"
    } else {
        "the name does not exist (NXDOMAIN)"
    }
}

/// The strings of a TXT record as one (RFC 1035 §3.3.14).
fn joined(record: &Record) -> Vec<u8> {
    let (mut value, mut rest) = (Vec::new(), record.rdata.as_slice());
    while let Some((length, after)) = rest.split_first() {
        let (text, after) = after.split_at(after.len().min(usize::from(*length)));
        value.extend_from_slice(text);
        rest = after;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn answer(name_exists: bool, records: &[(&str, Kind, &[u8])]) -> Answer {
        let record = |(owner, kind, rdata): &(&str, Kind, &[u8])| Record { owner: name(owner), kind: *kind, ttl: 0, rdata: rdata.to_vec() };
        Answer { name_exists, answers: records.iter().map(record).collect(), authorities: Vec::new() }
    }

    /// A server looks on whichever of its threads is free: this compiles, or it could not.
    #[allow(dead_code, reason = "it is only compiled")]
    fn looks_may_move_between_threads(lookout: &Lookout, domain: &Domain) {
        fn may_move(_: impl Send) {}
        may_move(lookout.dns(domain));
        may_move(lookout.https(domain));
        may_move(lookout.unsigned(domain));
    }

    #[test]
    fn the_strings_of_a_value_are_joined() {
        let seen = answer(true, &[("_deedbox.acme.test", Kind::TXT, b"\x01b"), ("_deedbox.acme.test", Kind::TXT, b"\x02ab\x00\x01c")]);
        assert_eq!(values(&name("_deedbox.acme.test"), &seen).unwrap(), [b"b".to_vec(), b"abc".to_vec()]);
        assert_eq!(joined(&seen.answers[0]), b"b");
        let short = answer(true, &[("a.test", Kind::TXT, b"\x09ab")]);
        assert_eq!(joined(&short.answers[0]), b"ab", "a length that lies");
    }

    #[test]
    fn what_another_name_has_is_not_this_ones() {
        let seen = answer(true, &[("_deedbox.evil.test", Kind::TXT, b"\x01a"), ("acme.test", Kind::TXT, b"\x01b")]);
        let said = values(&name("_deedbox.acme.test"), &seen).unwrap_err().to_string();
        assert!(said.starts_with("there is no TXT record at _deedbox.acme.test: the name has none"), "{said}");
        let said = values(&name("_deedbox.acme.test"), &answer(false, &[])).unwrap_err().to_string();
        assert!(said.ends_with("the name does not exist (NXDOMAIN)"), "{said}");
    }

    #[test]
    fn a_name_of_too_many_labels_is_not_looked_at() {
        let of = |labels: usize| super::name(&Domain::parse(&vec!["a"; labels].join(".")).unwrap());
        assert!(of(limits::LABELS).is_ok());
        let said = of(limits::LABELS + 1).unwrap_err().to_string();
        assert!(said.ends_with("cannot be looked up: it has 17 labels, and at most 16 are looked at"), "{said}");
    }

    #[test]
    fn an_alias_is_told_and_not_followed() {
        let target = name("x.evil.test");
        let seen = answer(true, &[("_deedbox.acme.test", Kind::CNAME, target.wire()), ("x.evil.test", Kind::TXT, b"\x01a")]);
        let said = values(&name("_deedbox.acme.test"), &seen).unwrap_err();
        assert_eq!(said, Trouble::Alias { name: name("_deedbox.acme.test"), target: "x.evil.test".to_owned() });
    }

    #[test]
    fn more_values_than_a_chain_may_have_are_refused() {
        let of = |count: usize| answer(true, &vec![("a.test", Kind::TXT, &b"\x01a"[..]); count]);
        assert_eq!(values(&name("a.test"), &of(limits::VALUES)).unwrap().len(), limits::VALUES);
        let there = limits::VALUES + 1;
        assert_eq!(values(&name("a.test"), &of(there)), Err(Trouble::ManyValues { name: name("a.test"), there }));
    }
}
