//! `deedbox recover`: a domain whose keys are lost, for a key that has none of its rights (spec/events.md §4.9). Opens a recovery on evidence that the
//! registry sees, or by its operator's word; says until when it waits; and completes it when it is run again after that.

use super::given::parsed;
use super::hands::told;
use super::{request, shown};
use crate::args::Recover;
use crate::context::Context;
use crate::failure::{refused_as, wrong};
use crate::looking::Looking;
use crate::{home, terminal};
use deedbox_client::{Included, Recovering, Trusted, known_of, recover_seen, recover_with_operator, recovery_of, state};
use deedbox_lookout::Settings;
use deedbox_model::Domain;
use deedbox_model::event::{Acceptance, CLAIM_LABEL, DomainRecoveryCompleted, DomainRecoveryOpened, Evidence, Sight};
use deedbox_model::holding::Recovery;
use deedbox_server::Look as _;
use std::net::SocketAddr;

pub(super) async fn run(context: &Context, args: Recover) -> anyhow::Result<()> {
    let operator = args.operator_key.as_ref().map(|given| given.read("--operator-key")).transpose()?;
    let (acceptance, known) = match &args.countersign {
        Some(file) => {
            let acceptance = request::read(file)?;
            if operator.is_none() || !context.json {
                request::show(context, file, &acceptance)?;
            }
            if operator.is_none() {
                return Ok(());
            }
            (acceptance, None)
        }
        None => {
            let domain = parsed(args.domain.as_deref().unwrap_or_default())?;
            let key = context.signing_key()?;
            let trusted = context.trusted().await?;
            let (acceptance, known) = recovery_of(&trusted, &domain, &key, home::now()).await?;
            let known = known_of(&known, &acceptance, home::now());
            (acceptance, known)
        }
    };
    let trusted = context.trusted_quietly().await?;
    let domain = acceptance.domain();
    let recovering = match (known, operator) {
        (Some(known), _) => known,
        (None, Some(operator)) => {
            let seen = if args.look { Some(look(&trusted, &acceptance, args.resolver).await?) } else { None };
            recover_with_operator(&trusted, &acceptance, &operator, seen, &home::now).await?
        }
        (None, None) => {
            let ask = async || {
                Ok(match recover_seen(&trusted, &acceptance).await? {
                    Recovering::NotYet(seen) => Err(seen),
                    done => Ok(done),
                })
            };
            shown::until_seen(context, &acceptance, args.wait, ask).await?
        }
    };
    tell(context, domain, &acceptance, recovering)
}

/// What this machine sees of the domain, from the anchors that the registry has in force: the decider judges it by those.
async fn look(trusted: &Trusted, acceptance: &Acceptance, resolvers: Vec<SocketAddr>) -> anyhow::Result<(Evidence, Sight)> {
    let settings = Settings { resolvers, ..Settings::new(Vec::new()) };
    let looking = Looking::new(settings).map_err(|e| wrong(format!("nothing can be looked at from here: {e}. Give --resolver ADDRESS")))?;
    let anchors = state::dns_anchors(trusted.registry()).await?;
    let shown = looking.look(acceptance, &anchors).await.map_err(|seen| {
        let (domain, record) = (acceptance.domain(), acceptance.record());
        refused_as("not_shown_yet", format!("{seen}. The claimant has to put a TXT record at {CLAIM_LABEL}.{domain} that says {record}"))
    })?;
    Ok((shown.evidence, Sight { at: shown.at, records: shown.records }))
}

fn tell(context: &Context, domain: &Domain, acceptance: &Acceptance, recovering: Recovering) -> anyhow::Result<()> {
    match recovering {
        Recovering::NotYet(seen) => Err(refused_as("not_shown_yet", seen)),
        Recovering::Opened(included) => opened(context, domain, &included),
        Recovering::Waits(recovery) => Err(waits(domain, &recovery)),
        Recovering::Completed(included) => completed(context, domain, acceptance, &included),
        Recovering::Had => {
            let words = format!("{domain} was recovered before for the key {}: nothing had to be done", acceptance.kid().to_hex());
            if context.json {
                return terminal::say_json(&serde_json::json!({ "domain": domain.as_str(), "seen": true }));
            }
            terminal::say(&words);
            Ok(())
        }
    }
}

fn opened(context: &Context, domain: &Domain, included: &Included) -> anyhow::Result<()> {
    let recovery = included.judged.domain(domain).and_then(|row| row.recovery.as_ref());
    let (from, until) = recovery
        .map(|recovery| (terminal::moment(recovery.waits_until(domain)), terminal::moment(recovery.open_until(domain))))
        .unwrap_or_default();
    let said = format!(
        "opened a recovery of {domain}: until {from} its present keys can say no, and nothing changes hands\n  run the same command again after that, and before {until}: it completes the recovery. What you put at the domain has to be there then"
    );
    told::<DomainRecoveryOpened>(context, domain, included, &said)
}

/// Nothing is done before the wait is over, so the command fails.
fn waits(domain: &Domain, recovery: &Recovery) -> anyhow::Error {
    let contested = match recovery.contested {
        true => ". A key of the domain contested it, so only the registry's operator can complete it then: ask them",
        false => "",
    };
    refused_as(
        "too_soon",
        format!(
            "the recovery of {domain} is open (entry {}) and waits until {}. Run the same command again after that, and before {}{contested}",
            recovery.index,
            terminal::moment(recovery.waits_until(domain)),
            terminal::moment(recovery.open_until(domain))
        ),
    )
}

fn completed(context: &Context, domain: &Domain, acceptance: &Acceptance, included: &Included) -> anyhow::Result<()> {
    let row = included.judged.domain(domain);
    let held = row.and_then(|row| row.holds_until(domain)).map(terminal::moment).unwrap_or_default();
    let frozen = row.map(super::hands::still_frozen).filter(|frozen| !frozen.is_empty());
    let frozen = frozen.map(|frozen| format!("\n  it is frozen {frozen}")).unwrap_or_default();
    let said = format!(
        "{domain} is recovered for the key {}: no key from before speaks for it any more\n  its packages wait until {held} for their next release, and verify asks its users once whether they accept the new holder{frozen}",
        acceptance.kid().to_hex()
    );
    told::<DomainRecoveryCompleted>(context, domain, included, &said)
}
