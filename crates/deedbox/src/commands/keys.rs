//! `deedbox keys`: who may speak for a domain. The list is proven by the log; a change is one statement, signed with an admin key.

use super::given::{day, kid_of, parsed, public};
use super::hands::told;
use crate::args::Keys;
use crate::context::Context;
use crate::failure::wrong;
use crate::{home, terminal};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_authority::rows::DomainRow;
use deedbox_client::{ProvenDomain, change_keys, domain_keys, state};
use deedbox_model::event::{DomainKey, DomainKeysChanged, Evidence, Role};
use deedbox_model::holding::{Through, days};
use deedbox_model::limits::{KEYS_ONLY_DAYS, RECOVERY_KEY_DAYS};
use deedbox_model::{Domain, KeyId, TimeMs};
use serde::Serialize;

#[derive(Serialize)]
struct Listed {
    domain: String,
    tenure: String,
    tenure_index: u64,
    tenure_at: String,
    through: Through,
    evidence: Evidence,
    head: String,
    released: bool,
    /// From when on only keys decide.
    keys_only: Option<String>,
    frozen: Vec<ListedFreeze>,
    recovery: Option<ListedRecovery>,
    held_until: Option<String>,
    tree_size: u64,
    keys: Vec<ListedKey>,
}

/// A freeze that is in force by this machine's clock.
#[derive(Serialize)]
struct ListedFreeze {
    by: &'static str,
    at: String,
    until: Option<String>,
}

/// A recovery that is open by this machine's clock.
#[derive(Serialize)]
struct ListedRecovery {
    opened: String,
    index: u64,
    at: String,
    evidence: Evidence,
    contested: bool,
    waits_until: String,
    open_until: String,
    kids: Vec<String>,
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
            put(context, &parsed(&domain)?, key).await
        }
        Keys::Remove { domain, kids } => {
            let mut removed = kids.iter().map(|kid| kid_of(kid)).collect::<anyhow::Result<Vec<KeyId>>>()?;
            removed.sort_unstable();
            removed.dedup();
            let said = format!("took {} away from {domain}: what is signed with it from now on has no effect", kids.join(", "));
            let domain = parsed(&domain)?;
            change(context, &domain, DomainKeysChanged::remove(removed), &said).await?;
            left_grants(context, &domain, &kids).await
        }
        Keys::Only { domain, only } => {
            let on = only == "on";
            let said = match on {
                true => format!(
                    "only keys decide about {domain} from {} on: nobody opens a recovery of it on evidence then, and if its recovery keys are lost, it is lost",
                    terminal::moment(home::now().plus_ms(days(&parsed(&domain)?, KEYS_ONLY_DAYS)))
                ),
                false => format!("evidence decides about {domain} too now: whoever shows that it is theirs can recover it, after a wait"),
            };
            let change = DomainKeysChanged { put: Vec::new(), removed: Vec::new(), keys_only: Some(on) };
            self::change(context, &parsed(&domain)?, change, &said).await
        }
    }
}

/// Puts a key. A recovery key begins when it may, if no beginning is given: everybody else has that time to take it away.
async fn put(context: &Context, domain: &Domain, mut key: DomainKey) -> anyhow::Result<()> {
    if key.role == Role::Recovery && key.from.is_none() {
        // A day more than the rule says: the registry's clock may be ahead.
        key.from = Some(home::now().plus_ms(days(domain, RECOVERY_KEY_DAYS + 1)));
    }
    let from = key.from.filter(|from| *from > home::now()).map(|from| format!(", from {} on", terminal::moment(from))).unwrap_or_default();
    let said = format!("{} is a key of {domain} now ({}{from})", key.key.id(), key.role.as_str());
    change(context, domain, DomainKeysChanged::put(vec![key]), &said).await
}

async fn list(context: &Context, domain: &Domain) -> anyhow::Result<()> {
    let trusted = context.trusted().await?;
    let known = domain_keys(&trusted, domain).await?;
    let listed = listed(domain, &known, home::now());
    if context.json {
        return terminal::say_json(&listed);
    }
    for key in &listed.keys {
        let from = key.from.as_ref().map(|from| format!(", from {from}")).unwrap_or_default();
        let until = key.until.as_ref().map(|until| format!(", until {until}")).unwrap_or_default();
        terminal::say_line(&format!("{}  {}{from}{until}", key.kid, key.role.as_str()));
    }
    for line in standing(domain, &known.row, home::now()) {
        terminal::say_line(&line);
    }
    terminal::say(&format!(
        "{} keys of {domain}, by the {} of its events that the registry names, in the verified checkpoint of {} entries",
        listed.keys.len(),
        known.entries.len(),
        known.tree_size
    ));
    Ok(())
}

fn listed(domain: &Domain, known: &ProvenDomain, now: TimeMs) -> Listed {
    let row = &known.row;
    let keys = row.keys.iter().map(|key| ListedKey {
        kid: key.key.id().to_hex(),
        key: STANDARD.encode(key.key.to_bytes()),
        role: key.role,
        from: key.from.map(TimeMs::to_rfc3339),
        until: key.until.map(TimeMs::to_rfc3339),
    });
    let frozen = row.frozen.all().into_iter().filter_map(|(by, freeze)| {
        let freeze = freeze.filter(|freeze| freeze.is_in_force(now))?;
        Some(ListedFreeze { by, at: freeze.at.to_rfc3339(), until: freeze.until.map(TimeMs::to_rfc3339) })
    });
    let recovery = row.open_recovery(domain, now).map(|recovery| ListedRecovery {
        opened: recovery.opened.to_hex(),
        index: recovery.index,
        at: recovery.at.to_rfc3339(),
        evidence: recovery.evidence,
        contested: recovery.contested,
        waits_until: recovery.waits_until(domain).to_rfc3339(),
        open_until: recovery.open_until(domain).to_rfc3339(),
        kids: recovery.keys.iter().map(|key| key.key.id().to_hex()).collect(),
    });
    Listed {
        domain: domain.to_string(),
        tenure: row.tenure.to_hex(),
        tenure_index: row.tenure_index,
        tenure_at: row.tenure_at.to_rfc3339(),
        through: row.through,
        evidence: row.evidence,
        head: row.head.to_hex(),
        released: row.released,
        keys_only: row.keys_only.map(TimeMs::to_rfc3339),
        frozen: frozen.collect(),
        recovery,
        held_until: row.holds_until(domain).filter(|until| now < *until).map(TimeMs::to_rfc3339),
        tree_size: known.tree_size,
        keys: keys.collect(),
    }
}

/// How a domain stands besides its keys, a line for each thing that is out of the ordinary.
fn standing(domain: &Domain, row: &DomainRow, now: TimeMs) -> Vec<String> {
    let mut lines = Vec::new();
    if row.released {
        lines.push(format!("given up: nobody speaks for {domain} until somebody claims it again"));
    }
    match row.through {
        Through::Claim => {}
        Through::Reclaim => {
            lines.push(format!("claimed again after it was given up, {} (entry {})", terminal::moment(row.tenure_at), row.tenure_index))
        }
        Through::Transfer => lines.push(format!("handed over, {} (entry {})", terminal::moment(row.tenure_at), row.tenure_index)),
        Through::Recovery => lines.push(format!("recovered, {} (entry {})", terminal::moment(row.tenure_at), row.tenure_index)),
    }
    if let Some(until) = row.holds_until(domain).filter(|until| now < *until) {
        lines.push(format!("packages of before wait until {} for their next release", terminal::moment(until)));
    }
    for (by, freeze) in row.frozen.all() {
        if let Some(freeze) = freeze.filter(|freeze| freeze.is_in_force(now)) {
            lines.push(format!("frozen {}", super::hands::frozen_by(by, &freeze)));
        }
    }
    if let Some(recovery) = row.open_recovery(domain, now) {
        let kids: Vec<String> = recovery.keys.iter().map(|key| key.key.id().to_hex()).collect();
        let until = terminal::moment(recovery.waits_until(domain));
        let contested = if recovery.contested { ", contested" } else { "" };
        lines.push(format!("recovery open{contested} (entry {}), for the key {}, not before {until}", recovery.index, kids.join(", ")));
    }
    if let Some(from) = row.keys_only {
        lines.push(format!("only keys decide about it, from {} on: nobody opens a recovery of it on evidence", terminal::moment(from)));
    }
    lines
}

async fn change(context: &Context, domain: &Domain, change: DomainKeysChanged, said: &str) -> anyhow::Result<()> {
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    let included = change_keys(&trusted, &key, domain, change, &home::now).await?;
    told::<DomainKeysChanged>(context, domain, &included, said)
}

/// Grants outlive the keys that gave them: whoever takes a key away is told of those that it leaves.
async fn left_grants(context: &Context, domain: &Domain, kids: &[String]) -> anyhow::Result<()> {
    if context.json {
        return Ok(());
    }
    let trusted = context.trusted().await?;
    let (now, grants) = (home::now().as_ms(), state::grants(trusted.registry(), domain).await?.unwrap_or_default());
    let is_open = |grant: &&state::GrantState| grant.revoked.is_none() && grant.until_ms.is_none_or(|until| now < until);
    for grant in grants.iter().filter(is_open).filter(|grant| kids.contains(&grant.by)) {
        let (kid, id) = (terminal::excerpt(&grant.kid), terminal::excerpt(&grant.grant));
        terminal::say(&format!("  it gave a grant to the key {kid}, which stays; deedbox revoke {domain} {id} takes it back"));
    }
    Ok(())
}

fn role_of(text: &str) -> anyhow::Result<Role> {
    Role::parse(text).ok_or_else(|| wrong(format!("{:?} is not a role: use publish, admin or recovery", terminal::excerpt(text))))
}
