//! The rows of §2, written down from the model's own state, so that they can be compared with those that the decider leaves.

use super::domain::Taken;
use super::{Freeze, Grant, Holding, Model, Package, Registry};
use deedbox_model::event::{DomainKey, Role};
use deedbox_model::{Channel, DnsAnchor, Domain, EventId, KeyId, PackageId, PublicKey, Value, Version};
use std::collections::BTreeMap;

fn map<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Map(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
fn uint(n: u64) -> Value {
    Value::Int(i64::try_from(n).unwrap())
}
fn index(n: u64) -> Value {
    map([("index", uint(n))])
}
fn event(id: EventId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}
fn key_id(id: KeyId) -> Value {
    Value::Bytes(id.as_bytes().to_vec())
}
fn text(text: impl ToString) -> Value {
    Value::Text(text.to_string())
}
fn list<T>(all: &[T], one: impl Fn(&T) -> Value) -> Value {
    Value::List(all.iter().map(one).collect())
}
fn or_null<T>(value: Option<T>, one: impl FnOnce(T) -> Value) -> Value {
    value.map_or(Value::Null, one)
}
fn public_key(key: &PublicKey) -> Value {
    map([("alg", text("ed25519")), ("key", Value::Bytes(key.to_bytes().to_vec()))])
}
fn anchor(anchor: &DnsAnchor) -> Value {
    map([
        ("digest", Value::Bytes(anchor.digest.clone())),
        ("key_tag", uint(anchor.key_tag.into())),
        ("algorithm", uint(anchor.algorithm.into())),
        ("digest_type", uint(anchor.digest_type.into())),
    ])
}
fn domain_key(key: &DomainKey) -> Value {
    let role = match key.role {
        Role::Admin => "admin",
        Role::Publish => "publish",
        Role::Recovery => "recovery",
    };
    let time = |time: Option<deedbox_model::TimeMs>| or_null(time, |time| uint(time.as_ms()));
    map([("key", public_key(&key.key)), ("role", text(role)), ("from", time(key.from)), ("until", time(key.until))])
}
fn freeze(freeze: Option<Freeze>) -> Value {
    or_null(freeze, |freeze| map([("at", uint(freeze.at)), ("until", or_null(freeze.until, uint))]))
}
fn taken(taken: Taken) -> Value {
    map([("at", uint(taken.at)), ("by", key_id(taken.by))])
}

fn registry(registry: &Registry) -> Value {
    map([
        ("origin", text(&registry.origin)),
        ("protocol", uint(registry.protocol)),
        ("log_keys", list(&registry.log_keys, public_key)),
        ("receipt_keys", list(&registry.receipt_keys, public_key)),
        ("operator_keys", list(&registry.operator_keys, public_key)),
        ("dns_anchors", list(&registry.anchors, anchor)),
        ("suffixes", uint(registry.suffixes.len() as u64)),
        ("head", event(registry.head)),
    ])
}

fn holding(holding: &Holding) -> Value {
    let frozen = [("owner", holding.owner_freeze), ("contest", holding.contest_freeze), ("operator", holding.operator_freeze)];
    let recovery = or_null(holding.recovery.as_ref(), |recovery| {
        map([
            ("opened", event(recovery.opened)),
            ("index", uint(recovery.index)),
            ("at", uint(recovery.at)),
            ("record", text(&recovery.record)),
            ("evidence", text(recovery.evidence.as_str())),
            ("keys", list(&recovery.keys, domain_key)),
            ("contested", Value::Bool(recovery.contested)),
        ])
    });
    let before = or_null(holding.before.as_ref(), |before| {
        map([("keys", list(&before.keys, domain_key)), ("at", uint(before.at)), ("by", key_id(before.by))])
    });
    map([
        ("tenure", event(holding.tenure.event)),
        ("tenure_index", uint(holding.tenure.index)),
        ("tenure_at", uint(holding.tenure.at)),
        ("through", text(holding.tenure.through)),
        ("evidence", text(holding.evidence.as_str())),
        ("keys", list(&holding.keys, domain_key)),
        ("keys_only", Value::Bool(holding.keys_only)),
        ("frozen", map(frozen.map(|(name, one)| (name, freeze(one))))),
        ("recovery", recovery),
        ("before", before),
        ("released", Value::Bool(holding.released)),
        ("head", event(holding.head())),
    ])
}

fn package(package: &Package) -> Value {
    map([
        ("head", event(package.head())),
        ("native_name", text(&package.native_name)),
        ("releases", uint(package.releases.len() as u64)),
        ("released_at", uint(package.released_at())),
    ])
}

/// A row, and the index of the entry that wrote it last (spec/projections/README.md §1.1).
pub(crate) type Written = (Value, u64);

impl Holding {
    fn rows(&self, domain: &Domain) -> Vec<(String, Written)> {
        let changed_at = self.chain.last().expect("a chain begins with a claim").1;
        let mut rows = vec![(format!("domain/{domain}"), (holding(self), changed_at))];
        rows.extend(self.chain.iter().map(|(id, n)| (format!("chain/{domain}@{id}"), (index(*n), *n))));
        // What happened to a key last is what wrote its row last.
        rows.extend(self.happened.iter().map(|(id, changed_at, _)| {
            let (n, was) = self.story(*id).expect("something happened to it");
            (format!("domainkey/{domain}@{id}"), (map([("index", uint(n)), ("taken", or_null(was, taken))]), *changed_at))
        }));
        rows
    }
}

impl Package {
    fn rows(&self, id: &PackageId) -> Vec<(String, Written)> {
        let changed_at = self.chain.last().expect("a package begins with a release").1;
        let native = format!("native/{}/{}", id.ecosystem(), self.native_name);
        let mut rows =
            vec![(format!("package/{id}"), (package(self), changed_at)), (native, (map([("id", text(id))]), self.released_at()))];
        for (version, release) in &self.releases {
            let row = map([
                ("event", event(release.event)),
                ("index", uint(release.index)),
                ("yanked", Value::Bool(release.yanked)),
                ("deprecated", Value::Bool(release.deprecated)),
            ]);
            rows.push((format!("release/{id}@{version}"), (row, release.changed_at)));
            let named = map([("version", text(version))]);
            rows.push((format!("nativeversion/{id}@{}", release.native_version), (named, release.index)));
        }
        let channel = |(channel, (version, n)): (&Channel, &(Version, u64))| {
            (format!("channel/{id}@{channel}"), (map([("version", text(version))]), *n))
        };
        rows.extend(self.channels.iter().map(channel));
        rows
    }
}

fn grant(grant: &Grant) -> Value {
    map([
        ("domain", text(&grant.domain)),
        ("tenure", event(grant.tenure)),
        ("key", public_key(&grant.key)),
        ("ids", list(&grant.ids, |id| text(id))),
        ("actions", list(&grant.actions, |action| text(action))),
        ("until", or_null(grant.until, uint)),
        ("revoked", Value::Bool(grant.revoked)),
    ])
}

impl Model {
    /// Every row, by its key.
    pub(crate) fn rows(&self) -> BTreeMap<String, Written> {
        let mut rows = BTreeMap::new();
        if let Some(it) = &self.registry {
            rows.insert("registry".to_owned(), (registry(it), it.head_at));
            let last = self.effective.last().expect("a registry began").1;
            rows.insert("time".to_owned(), (map([("time", uint(self.now))]), last));
            rows.extend(it.rules.iter().map(|n| (format!("rules/{n:020}"), (index(*n), *n))));
            rows.extend(it.suffixes.iter().map(|(rule, n)| (format!("suffix/{rule}"), (index(*n), *n))));
        }
        rows.extend(self.effective.iter().map(|(id, n)| (format!("event/{id}"), (index(*n), *n))));
        rows.extend(self.voids.iter().map(|(n, code)| (format!("void/{n:020}"), (map([("code", text(code))]), *n))));
        rows.extend(self.keys.iter().map(|(id, (key, n))| (format!("key/{id}"), (map([("key", public_key(key))]), *n))));
        rows.extend(self.covered.iter().map(|(domain, (by, n))| (format!("covered/{domain}"), (map([("by", text(by))]), *n))));
        rows.extend(self.grants.iter().map(|(id, it)| (format!("grant/{id}"), (grant(it), it.changed_at))));
        rows.extend(self.domains.iter().flat_map(|(domain, it)| it.rows(domain)));
        rows.extend(self.packages.iter().flat_map(|(id, it)| it.rows(id)));
        rows
    }
}
