//! What `serve` looks at for a claim (spec/api.md §6): first the TXT record, which proves itself where DNS is signed, then the file at the
//! domain's own address. Puts together what the room `lookout` sees; the decider judges what comes of it.

use async_trait::async_trait;
use deedbox_authority::anchors_of;
use deedbox_lookout::{BadSettings, Chain, Ground, Lookout, Settings};
use deedbox_model::event::{Acceptance, CLAIM_LABEL, CLAIM_PATH, Evidence};
use deedbox_model::{DnsAnchor, Domain};
use deedbox_server::{Look, Shown};

/// Values of others' records that are shown to a claimant.
const VALUES_SHOWN: usize = 3;

/// The network, as this machine sees it.
pub(crate) struct Looking(Lookout);

impl Looking {
    /// Whom to ask and whom to trust; what the anchors are is said with each look.
    pub(crate) fn new(settings: Settings) -> Result<Self, BadSettings> {
        Lookout::new(settings).map(Looking)
    }
}

#[async_trait]
impl Look for Looking {
    async fn look(&self, acceptance: &Acceptance, anchors: &[DnsAnchor]) -> Result<Shown, String> {
        // The rules in force may name other anchors than a moment ago.
        let lookout = self.0.with_anchors(anchors_of(anchors));
        let in_dns = match in_dns(&lookout, acceptance).await {
            Ok(found) => return found,
            Err(words) => words,
        };
        match at_its_address(&lookout, acceptance).await {
            Ok(found) => found,
            Err(words) => Err(format!("{in_dns}; and {words}")),
        }
    }
}

/// Found, and what it is worth: evidence, or why it proves nothing.
type Found = Result<Shown, String>;

/// What was found in DNS; or what was seen instead.
async fn in_dns(lookout: &Lookout, acceptance: &Acceptance) -> Result<Found, String> {
    let domain = acceptance.domain();
    let seen = lookout.dns(domain).await.map_err(|trouble| trouble.to_string())?;
    if !seen.values.contains(&acceptance.record()) {
        return Err(others(domain, &seen.values));
    }
    Ok(match seen.ground {
        Ground::Signed(chain) => Ok(shown(Evidence::Dnssec, chain)),
        Ground::Unsigned(chain) => Ok(shown(Evidence::Dns, chain)),
        Ground::Unproven(why) => Err(format!("the TXT record is there, but it proves nothing: {why}")),
    })
}

/// The same at the domain's own address.
async fn at_its_address(lookout: &Lookout, acceptance: &Acceptance) -> Result<Found, String> {
    let page = lookout.https(acceptance.domain()).await.map_err(|trouble| trouble.to_string())?;
    let address = acceptance.address();
    if !page.claims.iter().any(|claim| claim.to_address() == address) {
        return Err(format!("the file at https://{}{CLAIM_PATH} names other claims", acceptance.domain()));
    }
    Ok(match page.ground {
        Ground::Unsigned(chain) => Ok(shown(Evidence::Https, chain)),
        Ground::Signed(_) => Err("the file is there, but this domain's DNS is signed: put the TXT record there instead".to_owned()),
        Ground::Unproven(why) => Err(format!("the file is there, but it proves nothing: {why}")),
    })
}

fn shown(evidence: Evidence, chain: Chain) -> Shown {
    Shown { evidence, at: chain.observed, records: chain.bytes }
}

/// What is there instead, shortened: words of strangers.
fn others(domain: &Domain, values: &[String]) -> String {
    let few: Vec<String> =
        values.iter().take(VALUES_SHOWN).map(|value| format!("{:?}", value.chars().take(100).collect::<String>())).collect();
    let more = if values.len() > VALUES_SHOWN { ", …" } else { "" };
    format!("the TXT record at {CLAIM_LABEL}.{domain} says {}{more}, and not the value that was given for this claim", few.join(", "))
}
