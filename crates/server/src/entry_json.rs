//! An entry of the log as people read it (spec/api.md §3): times as RFC 3339, digests and ids as hex, keys and envelopes
//! as base64. A rendering for reading; what counts is the statement's bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::event::{Acceptance, DomainEvent, DomainKey, Event, Evidence, PackageEvent, RegistryEvent, Rules, Sight};
use deedbox_model::{DnsAnchor, EventId, ObjectRef, Protocol, PublicKey, Speaker, Statement, SuffixRule};
use serde::Serialize;
use serde_json::{Value, json};

/// One entry.
#[derive(Debug, Serialize)]
pub(crate) struct EntryJson {
    index: u64,
    id: String,
    status: &'static str,
    void: Option<String>,
    r#type: Option<&'static str>,
    #[serde(flatten)]
    said: Option<Said>,
    size: u64,
}

/// What an entry says that decodes.
#[derive(Debug, Serialize)]
struct Said {
    subject: String,
    issuer: String,
    kid: String,
    time: String,
    prev: Option<String>,
    under: Option<String>,
    by: Option<String>,
    body: Value,
}

impl EntryJson {
    /// `protocol` is the number in force at its index, if this program has it; `void` is the refusal's code, if authority refuses it.
    pub(crate) fn new(protocol: Option<&'static Protocol>, index: u64, bytes: &[u8], void: Option<String>) -> Self {
        let decoded = protocol.and_then(|protocol| Statement::decode(protocol, bytes).ok());
        let statement = decoded.as_ref().map(|decoded| decoded.peek());
        EntryJson {
            index,
            id: EventId::of(bytes).to_hex(),
            status: if void.is_some() { "void" } else { "effective" },
            void,
            r#type: statement.map(|s| s.event().type_name()),
            said: statement.map(said),
            size: bytes.len() as u64,
        }
    }
}

fn said(statement: &Statement) -> Said {
    let (issuer, under) = match statement.speaker() {
        Speaker::Registry => (statement.audience().to_string(), None),
        Speaker::Domain { domain, tenure } => (domain.to_string(), Some(tenure.to_hex())),
    };
    Said {
        subject: statement.subject().to_string(),
        issuer,
        kid: statement.kid().to_hex(),
        time: statement.time().to_rfc3339(),
        prev: statement.prev().map(|id| id.to_hex()),
        under,
        by: statement.by().map(|id| id.to_hex()),
        body: body(statement.event()),
    }
}

fn body(event: &Event) -> Value {
    match event {
        Event::Registry(event) => body_of_registry(event),
        Event::Domain(event) => body_of_domain(event),
        Event::Package(event) => body_of_package(event),
    }
}

fn body_of_registry(event: &RegistryEvent) -> Value {
    match event {
        RegistryEvent::Created(e) => json!({
            "rules": rules(&e.rules), "origin": e.origin.as_str(), "log_keys": keys(&e.log_keys),
            "receipt_keys": keys(&e.receipt_keys), "operator_keys": keys(&e.operator_keys),
        }),
        RegistryEvent::RulesChanged(e) => json!({ "rules": rules(&e.rules) }),
        RegistryEvent::SuffixesChanged(e) => json!({ "put": suffixes(&e.put), "removed": suffixes(&e.removed) }),
    }
}

fn body_of_domain(event: &DomainEvent) -> Value {
    match event {
        DomainEvent::Claimed(e) => with_sight(accepted(&e.acceptance), e.evidence, e.sight.as_ref()),
        DomainEvent::KeysChanged(e) => json!({
            "put": e.put.iter().map(domain_key).collect::<Vec<_>>(),
            "removed": e.removed.iter().map(|id| id.to_hex()).collect::<Vec<_>>(),
            "keys_only": e.keys_only,
        }),
        DomainEvent::Frozen(e) => json!({ "reason": e.reason.as_str() }),
        DomainEvent::Thawed(_) | DomainEvent::Released(_) => json!({}),
        DomainEvent::Transferred(e) => accepted(&e.acceptance),
        DomainEvent::RecoveryOpened(e) => with_sight(accepted(&e.acceptance), e.evidence, e.sight.as_ref()),
        DomainEvent::Granted(e) => json!({
            "key": STANDARD.encode(e.key.to_bytes()), "kid": e.key.id().to_hex(),
            "ids": e.ids.iter().map(|pattern| pattern.as_str()).collect::<Vec<_>>(),
            "actions": e.actions.iter().map(|action| action.as_str()).collect::<Vec<_>>(),
            "until": e.until.map(|until| until.to_rfc3339()),
        }),
        DomainEvent::Revoked(e) => json!({ "grant": e.grant.to_hex() }),
        DomainEvent::RecoveryContested(e) => json!({ "recovery": e.recovery.map(|id| id.to_hex()) }),
        DomainEvent::RecoveryCompleted(e) => with_sight(json!({ "recovery": e.recovery.to_hex() }), e.evidence, e.sight.as_ref()),
    }
}

fn accepted(acceptance: &Acceptance) -> Value {
    json!({
        "until": acceptance.terms().until.to_rfc3339(),
        "acceptance": STANDARD.encode(acceptance.bytes()),
        "keys": acceptance.terms().keys.iter().map(domain_key).collect::<Vec<_>>(),
    })
}

fn with_sight(mut body: Value, evidence: Evidence, sight: Option<&Sight>) -> Value {
    let sight = sight.map(|sight| json!({ "at": sight.at.to_rfc3339(), "records": STANDARD.encode(&sight.records) }));
    if let Value::Object(body) = &mut body {
        body.insert("evidence".to_owned(), json!(evidence.as_str()));
        body.insert("sight".to_owned(), json!(sight));
    }
    body
}

fn body_of_package(event: &PackageEvent) -> Value {
    match event {
        PackageEvent::ReleasePublished(e) => json!({
            "version": e.version.as_str(), "channels": e.channels.iter().map(|c| c.as_str()).collect::<Vec<_>>(),
            "manifest": object(&e.manifest), "artifacts": e.artifacts, "total_size": e.total_size,
            "native_name": e.native_name.as_str(), "native_version": e.native_version.as_str(),
            "principal": e.principal.iter().map(|artifact| {
                let digests = artifact.digests.iter().map(|(algorithm, digest)| {
                    let name = serde_json::to_value(algorithm).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
                    (name, json!(hex::encode(digest)))
                });
                json!({ "name": artifact.name, "size": artifact.size, "digests": digests.collect::<serde_json::Map<_, _>>() })
            }).collect::<Vec<_>>(),
        }),
        PackageEvent::ReleaseYanked(e) => json!({ "version": e.version.as_str(), "reason": e.reason.as_str() }),
        PackageEvent::ReleaseUnyanked(e) => json!({ "version": e.version.as_str() }),
        PackageEvent::ReleaseDeprecated(e) => json!({
            "version": e.version.as_str(),
            "notice": e.notice.as_ref().map(|notice| json!({
                "reason": notice.reason.as_str(), "message": notice.message.as_ref().map(object),
            })),
        }),
        PackageEvent::ChannelSet(e) => json!({ "channel": e.channel.as_str(), "version": e.version.as_str() }),
        PackageEvent::ChannelRemoved(e) => json!({ "channel": e.channel.as_str() }),
    }
}

/// A key of the root of DNS.
pub(crate) fn dns_anchor(anchor: &DnsAnchor) -> Value {
    json!({
        "key_tag": anchor.key_tag, "algorithm": anchor.algorithm, "digest_type": anchor.digest_type, "digest": hex::encode(&anchor.digest),
    })
}

fn suffixes(rules: &[SuffixRule]) -> Vec<&str> {
    rules.iter().map(SuffixRule::as_str).collect()
}

fn rules(rules: &Rules) -> Value {
    json!({ "protocol": rules.protocol, "parameters": STANDARD.encode(&rules.parameters) })
}

fn object(object: &ObjectRef) -> Value {
    json!({ "sha256": object.sha256.to_hex(), "size": object.size })
}

/// Keys as `{"kid", "key"}`.
pub(crate) fn keys(keys: &[PublicKey]) -> Vec<Value> {
    keys.iter().map(|key| json!({ "kid": key.id().to_hex(), "key": STANDARD.encode(key.to_bytes()) })).collect()
}

fn domain_key(key: &DomainKey) -> Value {
    json!({
        "kid": key.key.id().to_hex(), "key": STANDARD.encode(key.key.to_bytes()),
        "role": key.role.as_str(),
        "from": key.from.map(|t| t.to_rfc3339()), "until": key.until.map(|t| t.to_rfc3339()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use deedbox_testkit::{Registry, secret, time};

    #[test]
    fn parameters_are_said_in_base64() {
        let rules = Rules { protocol: 2, parameters: vec![0xa0, 0xff] };
        let registry = Registry::default();
        let event = Event::from(deedbox_model::event::RegistryRulesChanged { rules });
        let statement = registry.say(&deedbox_model::Subject::Registry, Some(EventId([7; 32])), time(5), &event);
        let json = serde_json::to_value(EntryJson::new(Some(Protocol::ONE), 1, statement.bytes(), None)).unwrap();
        assert_eq!(json["body"], json!({ "rules": { "protocol": 2, "parameters": "oP8=" } }));
        let created = serde_json::to_value(EntryJson::new(Some(Protocol::ONE), 0, registry.created(time(0)).bytes(), None)).unwrap();
        assert_eq!(created["body"]["rules"], json!({ "protocol": 1, "parameters": "" }));
    }

    #[test]
    fn an_entry_says_what_it_is_and_one_that_does_not_decode_says_nothing() {
        let (claim, _) = Registry::default().claim("acme.example", &secret(10), time(5));
        let json = serde_json::to_value(EntryJson::new(Some(Protocol::ONE), 7, claim.bytes(), None)).unwrap();
        assert_eq!(json["index"], 7);
        assert_eq!(json["id"], claim.id().to_hex());
        assert_eq!(json["status"], "effective");
        assert_eq!(json["issuer"], "registry.example/log");
        assert_eq!(json["subject"], "domain:acme.example");
        assert_eq!(json["time"], "2026-11-21T07:00:00.005Z");
        assert_eq!(json["body"]["evidence"], "operator");
        assert_eq!(json["body"]["keys"][0]["kid"], secret(10).public().id().to_hex());
        let void = serde_json::to_string(&EntryJson::new(Some(Protocol::ONE), 8, b"x", Some("undecodable".to_owned()))).unwrap();
        let id = EventId::of(b"x");
        assert_eq!(void, format!(r#"{{"index":8,"id":"{id}","status":"void","void":"undecodable","type":null,"size":1}}"#));
    }
}
