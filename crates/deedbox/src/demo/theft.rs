//! The demo's story of a stolen key: it takes the other key away, is told no, and the domain comes back to its holder by a recovery. Below localhost a
//! day is a second, so the wait of fourteen days is over before the demo ends.

use super::story::Story;
use crate::failure::refused;
use crate::home::now;
use deedbox_client::{ClientError, Contested, Recovering, Trusted, accept, change_keys, claim_local, contest, domain_keys, recover_seen};
use deedbox_model::event::{Acceptance, DomainKey, DomainKeysChanged, Role};
use deedbox_model::{Domain, PublicKey, SecretKey};
use std::time::Duration;

/// Whose key is stolen.
const DOMAIN: &str = "shop.localhost";
/// Between two looks at a wait.
const LOOK: Duration = Duration::from_millis(200);

/// The first half: it ends with a recovery that waits.
pub(crate) struct Theft {
    domain: Domain,
    stolen: SecretKey,
    acceptance: Acceptance,
}

fn admin(key: PublicKey) -> DomainKey {
    DomainKey { key, from: None, role: Role::Admin, until: None }
}

impl Theft {
    /// A key is stolen, and takes the other one away.
    pub(crate) async fn begin(trusted: &Trusted, keys: [SecretKey; 3], story: &mut Story) -> anyhow::Result<Self> {
        let domain = Domain::parse(DOMAIN)?;
        let [stolen, other, next] = keys;
        claim_local(trusted, &domain, &stolen, now()).await?;
        let put = DomainKeysChanged::put(vec![admin(other.public())]);
        let second = change_keys(trusted, &stolen, &domain, put, &now).await?;
        story.tick(&format!("claimed {domain} with a key, and gave it a second one: entry {}", second.index));
        let taken = change_keys(trusted, &stolen, &domain, DomainKeysChanged::remove(vec![other.public().id()]), &now).await?;
        story.tick(&format!("the first key is stolen, and its thief takes the second one away: entry {}", taken.index));
        let no = contest(trusted, &other, &domain, Contested::Taking, &now).await?;
        story.tick(&format!("the second key says no to that, which it can for a week: entry {}; the domain stands still", no.index));
        match change_keys(trusted, &stolen, &domain, DomainKeysChanged::put(vec![admin(next.public())]), &now).await {
            Err(ClientError::Refused { code, .. }) if code == "frozen" => {
                story.tick(&format!("what the thief tries now is refused: {code}"))
            }
            Err(error) => return Err(error.into()),
            Ok(_) => return Err(refused("a frozen domain took a key")),
        }
        let known = domain_keys(trusted, &domain).await?;
        let acceptance = accept(trusted, &domain, &next, Some(known.row.tenure), now())?;
        let Recovering::Opened(opened) = recover_seen(trusted, &acceptance).await? else {
            return Err(refused("the recovery was not opened"));
        };
        story.tick(&format!(
            "its holder opens a recovery for a new key: entry {}; it waits for 14 days, which are seconds below localhost",
            opened.index
        ));
        Ok(Theft { domain, stolen, acceptance })
    }

    /// The recovery is completed when its wait is over.
    pub(crate) async fn end(self, trusted: &Trusted, story: &mut Story) -> anyhow::Result<()> {
        let Theft { domain, stolen, acceptance } = self;
        let known = domain_keys(trusted, &domain).await?;
        let open = known.row.recovery.filter(|recovery| recovery.record == acceptance.record());
        let until = open.map(|recovery| recovery.waits_until(&domain)).ok_or_else(|| refused("the recovery is not there any more"))?;
        while now() < until {
            tokio::time::sleep(LOOK).await;
        }
        let Recovering::Completed(completed) = recover_seen(trusted, &acceptance).await? else {
            return Err(refused("the recovery was not completed"));
        };
        let row = domain_keys(trusted, &domain).await?.row;
        if row.keys.iter().any(|key| key.key == stolen.public()) {
            return Err(refused("the stolen key is still there"));
        }
        story.tick(&format!(
            "the wait is over, and {domain} is its holder's again: entry {}; the stolen key speaks for nothing",
            completed.index
        ));
        Ok(())
    }
}
