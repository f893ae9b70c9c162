//! `deedbox freeze`, `thaw`, `accept`, `transfer`, `give-up`, `contest`: what the holder of a domain, or the registry's operator, says of it
//! (spec/events.md §4.6 to §4.9). Each says until when it holds, and what comes next.

use super::given::{parsed, public};
use super::request;
use super::standing::{Done, reason};
use crate::args;
use crate::context::Context;
use crate::failure::{refused, wrong};
use crate::keyfile::KeyGiven;
use crate::{home, terminal};
use deedbox_authority::rows::DomainRow;
use deedbox_client::{Contested, Holder, Included, Voice, domain_keys, to_contest};
use deedbox_model::event::{Body, DomainFrozen, DomainRecoveryContested, DomainReleased, DomainThawed, DomainTransferred};
use deedbox_model::holding::Freeze;
use deedbox_model::{Domain, Signer};
use std::io::Write as _;

/// The key that speaks, and for whom.
fn speaker(context: &Context, operator: Option<&KeyGiven>) -> anyhow::Result<(Box<dyn Signer>, Voice)> {
    Ok(match operator {
        Some(given) => (Box::new(given.read("--operator-key")?), Voice::Registry),
        None => (Box::new(context.signing_key()?), Voice::Domain),
    })
}

pub(super) async fn freeze(context: &Context, args: args::Freeze) -> anyhow::Result<()> {
    let (domain, reason) = (parsed(&args.domain)?, reason(&args.reason)?);
    let (key, voice) = speaker(context, args.operator_key.as_ref())?;
    let trusted = context.trusted().await?;
    let included = deedbox_client::freeze(&trusted, key.as_ref(), &domain, voice, reason, &home::now).await?;
    let until = |freeze: Option<Freeze>| freeze.and_then(|freeze| freeze.until).map(terminal::moment).unwrap_or_default();
    let (who, end) = match (voice, included.judged.domain(&domain)) {
        (Voice::Registry, row) => (
            "by the registry's word",
            format!("it ends at {}, or with deedbox thaw {domain} --operator-key FILE", until(row.and_then(|row| row.frozen.operator))),
        ),
        (Voice::Domain, row) => {
            let from = row
                .and_then(|row| row.frozen.owner.map(|freeze| row.thaws_from(&domain, freeze)))
                .map(terminal::moment)
                .unwrap_or_default();
            ("by its own word", format!("deedbox thaw {domain} ends it, from {from} on"))
        }
    };
    let said =
        format!("{domain} is frozen {who} ({reason}): nothing is published and nothing handed over; keys can only be taken away\n  {end}");
    told::<DomainFrozen>(context, &domain, &included, &said)
}

pub(super) async fn thaw(context: &Context, args: args::Thaw) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let (key, voice) = speaker(context, args.operator_key.as_ref())?;
    let trusted = context.trusted().await?;
    let included = deedbox_client::thaw(&trusted, key.as_ref(), &domain, voice, &home::now).await?;
    let others = included.judged.domain(&domain).map(still_frozen).unwrap_or_default();
    let said = match others.as_str() {
        "" => format!("{domain} is thawed"),
        others => format!("this freeze of {domain} is ended; another one is still in force: {others}"),
    };
    told::<DomainThawed>(context, &domain, &included, &said)
}

/// The freezes that are in force, in words.
pub(super) fn still_frozen(row: &DomainRow) -> String {
    let words =
        row.frozen.all().into_iter().filter_map(|(by, freeze)| Some((by, freeze.filter(|freeze| freeze.is_in_force(home::now()))?)));
    let words: Vec<String> = words.map(|(by, freeze)| frozen_by(by, &freeze)).collect();
    words.join(", and ")
}

/// One freeze, in words.
pub(super) fn frozen_by(by: &str, freeze: &Freeze) -> String {
    let who = match by {
        "owner" => "by its own word",
        "contest" => "by a key that contests",
        _ => "by the registry's word",
    };
    let until = freeze.until.map_or_else(|| "until it is thawed".to_owned(), |until| format!("until {}", terminal::moment(until)));
    format!("{who} since {}, {until}", terminal::moment(freeze.at))
}

/// The next holder's half of a transfer, or the claimant's of a recovery by the operator's word.
pub(super) async fn accept(context: &Context, args: args::Accept) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    let known = domain_keys(&trusted, &domain).await?;
    if known.row.released {
        return Err(refused(format!("nobody has {domain}: its last holder gave it up. Claim it with deedbox claim {domain}")));
    }
    let holder = Holder { key: &key, recovery: args.recovery_key.as_deref().map(public).transpose()? };
    let acceptance = deedbox_client::accept(&trusted, &domain, holder, Some(known.row.head), home::now())?;
    let next = "send it to the domain's present holder, or to the registry's operator";
    request::write(context, &acceptance, &args.out, (&format!("that you accept {domain}"), next))?;
    if !context.json {
        terminal::say(&format!("  the holder hands it over with: deedbox transfer {domain} --to FILE"));
        terminal::say("  the operator recovers it for you with: deedbox recover --countersign FILE --operator-key FILE");
    }
    Ok(())
}

pub(super) async fn transfer(context: &Context, args: args::Transfer) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let acceptance = request::read(&args.to)?;
    if *acceptance.domain() != domain {
        return Err(refused(format!("{} accepts {}, not {domain}", args.to.display(), acceptance.domain())));
    }
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    if !context.json {
        request::show(context, &args.to, &acceptance)?;
    }
    confirmed(args.yes, &domain, "hand over", "all its present keys lose it")?;
    let included = deedbox_client::transfer(&trusted, &key, &acceptance, &home::now).await?;
    let said = format!(
        "{domain} is handed over to the key {}: none of the keys before speaks for it any more\n  an admin or recovery key from before that did not say this can contest it for 7 days, with deedbox contest {domain}",
        acceptance.kid().to_hex()
    );
    told::<DomainTransferred>(context, &domain, &included, &said)
}

pub(super) async fn give_up(context: &Context, args: args::GiveUp) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    confirmed(
        args.yes,
        &domain,
        "give up",
        "anybody who shows that it is theirs can claim it then, and publish new versions of its packages",
    )?;
    let included = deedbox_client::give_up(&trusted, &key, &domain, &home::now).await?;
    let said =
        format!("{domain} is given up: its packages stay as they are, and nobody speaks for them until somebody claims {domain} again");
    told::<DomainReleased>(context, &domain, &included, &said)
}

/// What cannot be taken back is asked for: the domain's name, typed, or `--yes`.
fn confirmed(yes: bool, domain: &Domain, what: &str, means: &str) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !terminal::can_ask() {
        return Err(wrong(format!("to {what} {domain} cannot be taken back: {means}. Say --yes if you mean it")));
    }
    let _ = write!(std::io::stderr().lock(), "To {what} {domain} cannot be taken back: {means}. Type the domain's name to go on: ");
    let mut answer = String::new();
    if std::io::stdin().read_line(&mut answer).is_ok() && answer.trim() == domain.as_str() {
        return Ok(());
    }
    Err(refused(format!("that is not {domain}: nothing was done")))
}

pub(super) async fn contest(context: &Context, args: args::Contest) -> anyhow::Result<()> {
    let domain = parsed(&args.domain)?;
    let key = context.signing_key()?;
    let trusted = context.trusted().await?;
    let known = domain_keys(&trusted, &domain).await?;
    let contested = if args.removal { Contested::Taking } else { to_contest(&known, &domain, &key, home::now()) };
    let included = deedbox_client::contest(&trusted, &key, &domain, contested, &home::now).await?;
    let frozen = included.judged.domain(&domain).and_then(|row| row.frozen.contest).and_then(|freeze| freeze.until);
    let until = frozen.map(terminal::moment).unwrap_or_default();
    let said = match contested {
        Contested::Recovery(_) => format!(
            "contested the recovery of {domain}: it waits longer, only the registry's operator can complete it, and {domain} is frozen until {until}\n  tell the operator why, in another way. A recovery key of the domain thaws it: deedbox thaw {domain} --key FILE"
        ),
        Contested::Taking => format!(
            "contested that your key was taken from {domain}, or {domain} handed over: it is frozen until {until}\n  show until then that the domain is yours: deedbox recover {domain}"
        ),
    };
    told::<DomainRecoveryContested>(context, &domain, &included, &said)
}

/// Says what is in the log now.
pub(super) fn told<B: Body>(context: &Context, domain: &Domain, included: &Included, said: &str) -> anyhow::Result<()> {
    if context.json {
        return terminal::say_json(&Done {
            subject: domain.to_string(),
            r#type: B::TYPE,
            index: included.index,
            event: included.event.to_hex(),
            seen: included.seen,
            tree_size: included.tree_size,
        });
    }
    terminal::say(&format!("{said}\n  entry {}, included in the verified checkpoint of {} entries", included.index, included.tree_size));
    Ok(())
}
