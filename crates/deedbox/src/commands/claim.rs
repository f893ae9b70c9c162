//! `deedbox claim`: a domain for a key. Below `localhost` a loopback registry files it by itself; elsewhere its operator
//! vouches.

use crate::args::Claim;
use crate::context::Context;
use crate::failure::wrong;
use crate::{home, terminal};
use deedbox_client::{Included, Trusted, claim_local, claim_with_operator};
use deedbox_model::{Domain, SecretKey};
use serde::Serialize;

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
    let domain = Domain::parse(&args.domain).map_err(|e| wrong(e.to_string()))?;
    let key = context.secret_key()?;
    let operator = args.operator_key.as_ref().map(|given| given.read("--operator-key")).transpose()?;
    if operator.is_none() && !domain.is_localhost() {
        return Err(wrong(format!(
            "a claim of {domain} is filed by the registry's operator: run this where the operator's key is, with --operator-key FILE. \
             (Claims below localhost, like demo.localhost, need none on a registry that allows them.)"
        )));
    }
    let trusted = context.trusted().await?;
    let included = claim(&trusted, &domain, &key, operator.as_ref()).await?;
    let claimed = Claimed {
        domain: domain.to_string(),
        kid: key.public().id().to_hex(),
        index: included.index,
        event: included.event.to_hex(),
        seen: included.seen,
        tree_size: included.tree_size,
    };
    if context.json {
        return terminal::say_json(&claimed);
    }
    let (origin, kid, index) = (&trusted.pin().origin, &claimed.kid, claimed.index);
    terminal::say(&if claimed.seen {
        format!("{domain} was claimed before, as entry {index} of {origin}, for this same key {kid}: nothing had to be done")
    } else {
        format!("claimed {domain} as entry {index} of {origin}, for the key {kid}")
    });
    Ok(())
}

/// Files the claim.
pub(crate) async fn claim(trusted: &Trusted, domain: &Domain, key: &SecretKey, operator: Option<&SecretKey>) -> anyhow::Result<Included> {
    Ok(match operator {
        Some(operator) => claim_with_operator(trusted, domain, key, operator, home::now()).await?,
        None => claim_local(trusted, domain, key).await?,
    })
}
