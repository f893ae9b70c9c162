//! `deedbox keys`: who may speak for a domain. The list is proven by the log; a change is one statement, signed with an admin key.

use super::standing::Done;
use crate::args::Keys;
use crate::context::Context;
use crate::failure::wrong;
use crate::{home, keyfile, terminal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_client::{change_keys, domain_keys};
use deedbox_model::event::{Body as _, DomainKey, DomainKeysChanged, Role};
use deedbox_model::{Domain, KeyId, PublicKey, TimeMs};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Listed {
    domain: String,
    tenure: String,
    head: String,
    tree_size: u64,
    keys: Vec<ListedKey>,
}

#[derive(Serialize)]
struct ListedKey {
    kid: String,
    key: String,
    role: Role,
    from: Option<String>,
    until: Option<String>,
}

pub(crate) async fn run(context: &Context, args: Keys) -> anyhow::Result<()> {
    match args {
        Keys::List { domain } => list(context, &parsed(&domain)?).await,
        Keys::Put { domain, public_key, role, from, until } => {
            let key =
                DomainKey { key: public(&public_key)?, from: day("--from", from)?, role: role_of(&role)?, until: day("--until", until)? };
            let said = format!("{} is a key of {domain} now ({role})", key.key.id());
            change(context, &parsed(&domain)?, DomainKeysChanged::put(vec![key]), &said).await
        }
        Keys::Remove { domain, kids } => {
            let mut removed = kids.iter().map(|kid| kid_of(kid)).collect::<anyhow::Result<Vec<KeyId>>>()?;
            removed.sort_unstable();
            removed.dedup();
            let said = format!("took {} away from {domain}: what is signed with it from now on has no effect", kids.join(", "));
            change(context, &parsed(&domain)?, DomainKeysChanged::remove(removed), &said).await
        }
    }
}

async fn list(context: &Context, domain: &Domain) -> anyhow::Result<()> {
    let trusted = context.trusted().await?;
    let known = domain_keys(&trusted, domain).await?;
    let keys = known.row.keys.iter().map(|key| ListedKey {
        kid: key.key.id().to_hex(),
        key: STANDARD.encode(key.key.to_bytes()),
        role: key.role,
        from: key.from.map(TimeMs::to_rfc3339),
        until: key.until.map(TimeMs::to_rfc3339),
    });
    let listed = Listed {
        domain: domain.to_string(),
        tenure: known.row.tenure.to_hex(),
        head: known.row.head.to_hex(),
        tree_size: known.tree_size,
        keys: keys.collect(),
    };
    if context.json {
        return terminal::say_json(&listed);
    }
    for key in &listed.keys {
        let from = key.from.as_ref().map(|from| format!(", from {from}")).unwrap_or_default();
        let until = key.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
        terminal::say_line(&format!("{}  {}{from}{until}", key.kid, key.role.as_str()));
    }
    terminal::say(&format!(
        "{} keys of {domain}, by the {} of its events that the registry names, in the verified checkpoint of {} entries",
        listed.keys.len(),
        known.entries.len(),
        known.tree_size
    ));
    Ok(())
}

async fn change(context: &Context, domain: &Domain, change: DomainKeysChanged, said: &str) -> anyhow::Result<()> {
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    let included = change_keys(&trusted, &key, domain, change, home::now()).await?;
    if context.json {
        return terminal::say_json(&Done {
            subject: domain.to_string(),
            r#type: DomainKeysChanged::TYPE,
            index: included.index,
            event: included.event.to_hex(),
            seen: included.seen,
            tree_size: included.tree_size,
        });
    }
    terminal::say(&format!("{said}\n  entry {}, included in the verified checkpoint of {} entries", included.index, included.tree_size));
    Ok(())
}

fn parsed(domain: &str) -> anyhow::Result<Domain> {
    Domain::parse(domain).map_err(|e| wrong(e.to_string()))
}

/// What was given is not shown where it is not read: it may be a private key.
fn public(text: &str) -> anyhow::Result<PublicKey> {
    if let Some(bytes) = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()) {
        return PublicKey::from_bytes(&bytes).map_err(|e| wrong(e.to_string()));
    }
    if Path::new(text).is_file() {
        return Ok(keyfile::read(Path::new(text))?.public());
    }
    Err(wrong("this is neither a public key (32 bytes of Ed25519 in base64, as deedbox keygen prints them) nor a key file".to_owned()))
}

fn kid_of(text: &str) -> anyhow::Result<KeyId> {
    KeyId::from_hex(text)
        .ok_or_else(|| wrong(format!("{:?} is not the id of a key: deedbox keys list shows them", terminal::excerpt(text))))
}

fn role_of(text: &str) -> anyhow::Result<Role> {
    Role::parse(text).ok_or_else(|| wrong(format!("{:?} is not a role: use publish, admin or recovery", terminal::excerpt(text))))
}

fn day(flag: &str, text: Option<String>) -> anyhow::Result<Option<TimeMs>> {
    let Some(text) = text else { return Ok(None) };
    let time = TimeMs::of_day(&text);
    time.map(Some).ok_or_else(|| wrong(format!("{flag} takes a day, like 2027-01-31, not {:?}", terminal::excerpt(&text))))
}
