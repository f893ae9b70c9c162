//! `deedbox claim`: a domain for a key. Below `localhost` a loopback registry files it by itself; elsewhere it looks for what the claimant puts
//! at the domain (`shown`), or its operator vouches: here with both keys, or on another machine around the half that the publisher made
//! (`request`). A domain that its holder gave up is claimed again in the same ways.

use super::{request, shown};

use super::given::public;
use crate::args::Claim;
use crate::context::Context;
use crate::failure::wrong;
use crate::{home, terminal};
use deedbox_client::{
    Holder, Included, Looked, Trusted, accept, claim_local, claim_seen, claim_with_operator, countersign, kept_acceptance, place_of_claim,
};
use deedbox_model::event::Acceptance;
use deedbox_model::holding::Through;
use deedbox_model::{Domain, SecretKey, Signer};
use serde::Serialize;
use std::path::Path;

#[derive(Serialize)]
struct Claimed {
    domain: String,
    kid: String,
    index: u64,
    event: String,
    seen: bool,
    tree_size: u64,
}

pub(crate) async fn run(context: &Context, args: Claim) -> anyhow::Result<()> {
    let operator = args.operator_key.as_ref().map(|given| given.read("--operator-key")).transpose()?;
    if let Some(file) = &args.countersign {
        return countersigned(context, file, operator.as_ref()).await;
    }
    let domain = Domain::parse(args.domain.as_deref().unwrap_or_default()).map_err(|e| wrong(e.to_string()))?;
    let key = context.signing_key()?;
    let holder = Holder { key: &key, recovery: args.recovery_key.as_deref().map(public).transpose()? };
    if let Some(file) = &args.request {
        return requested(context, &domain, holder, file).await;
    }
    let trusted = context.trusted().await?;
    let included = match operator {
        None if !domain.is_localhost() => seen(context, &trusted, &domain, holder, args.wait).await?,
        operator => claim(&trusted, &domain, holder, operator.as_ref()).await?,
    };
    told(context, &trusted, &domain, &key.public().id().to_hex(), &included)
}

/// Waits until the registry sees what the claimant puts at the domain.
async fn seen(context: &Context, trusted: &Trusted, domain: &Domain, holder: Holder<'_>, minutes: u32) -> anyhow::Result<Included> {
    let acceptance = kept_acceptance(trusted, domain, holder, home::now()).await?;
    let ask = async || {
        Ok(match claim_seen(trusted, &acceptance).await? {
            Looked::Filed(included) => Ok(*included),
            Looked::NotYet(seen) => Err(seen),
        })
    };
    shown::until_seen(context, &acceptance, minutes, ask).await
}

/// Makes the claimant's half; nothing is sent.
async fn requested(context: &Context, domain: &Domain, holder: Holder<'_>, file: &Path) -> anyhow::Result<()> {
    let trusted = context.trusted().await?;
    let prev = place_of_claim(&trusted, domain).await?;
    let acceptance = accept(&trusted, domain, holder, prev, home::now())?;
    let next = format!("send it to the operator of {}", trusted.pin().origin);
    request::write(context, &acceptance, file, (&format!("your half of the claim of {domain}"), &next))?;
    if !context.json {
        terminal::say("  the operator files it with: deedbox claim --countersign FILE --operator-key FILE");
    }
    Ok(())
}

/// Shows a request; files it, if the operator's key is here.
async fn countersigned(context: &Context, file: &Path, operator: Option<&SecretKey>) -> anyhow::Result<()> {
    let acceptance: Acceptance = request::read(file)?;
    let Some(operator) = operator else {
        return request::show(context, file, &acceptance);
    };
    if !context.json {
        request::show(context, file, &acceptance)?;
    }
    let trusted = context.trusted().await?;
    let included = countersign(&trusted, &acceptance, operator, home::now()).await?;
    told(context, &trusted, acceptance.domain(), &acceptance.kid().to_hex(), &included)
}

fn told(context: &Context, trusted: &Trusted, domain: &Domain, kid: &str, included: &Included) -> anyhow::Result<()> {
    let claimed = Claimed {
        domain: domain.to_string(),
        kid: kid.to_owned(),
        index: included.index,
        event: included.event.to_hex(),
        seen: included.seen,
        tree_size: included.tree_size,
    };
    if context.json {
        return terminal::say_json(&claimed);
    }
    let (origin, index) = (&trusted.pin().origin, claimed.index);
    terminal::say(&if claimed.seen {
        format!("{domain} was claimed before, as entry {index} of {origin}, for this same key {kid}: nothing had to be done")
    } else {
        format!("claimed {domain} as entry {index} of {origin}, for the key {kid}")
    });
    let row = included.judged.domain(domain);
    if let Some(until) = row.filter(|row| row.through == Through::Reclaim).and_then(|row| row.holds_until(domain)) {
        terminal::say(&format!(
            "  somebody had {domain} before and gave it up: packages of then wait until {} for their next release, and verify asks its users once whether they accept you",
            terminal::moment(until)
        ));
    }
    Ok(())
}

/// Files the claim.
pub(crate) async fn claim(
    trusted: &Trusted,
    domain: &Domain,
    holder: Holder<'_>,
    operator: Option<&SecretKey>,
) -> anyhow::Result<Included> {
    Ok(match operator {
        Some(operator) => claim_with_operator(trusted, domain, holder, operator, home::now()).await?,
        None => claim_local(trusted, domain, holder, home::now()).await?,
    })
}
