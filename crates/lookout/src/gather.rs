//! A record chain (spec/dnssec.md), asked for zone by zone from one resolver: the keys of the root, then for each name on the way the DS records
//! or the proof that it has no such record. The room `dnssec` alone judges what a record is worth, with the same code as everybody's. This
//! file only asks.

use crate::ask::{Answer, Asked, Asker};
use deedbox_dnssec::{self as dnssec, Anchor, Delegation, Fault, Gatherer, Kind, Name, Record};

/// What is found above a name.
#[derive(Debug)]
pub(crate) enum Above<'a> {
    /// A chain that ends with a delegation without DS.
    Unsigned(Vec<u8>),
    /// Signed zones down to the last one that shows itself.
    Signed(Box<Signed<'a>>),
}

/// Signed zones down to one, of whose records the next may be shown.
#[derive(Debug)]
pub(crate) struct Signed<'a> {
    gatherer: Gatherer,
    anchors: &'a [Anchor],
    name: &'a Name,
    at: u64,
    /// Why there may be one more zone below, which does not show itself.
    doubt: Option<String>,
}

/// Asks for the zones from the root down to the one that `domain` is in. `name` is what the chain is for: the domain, or a name below it.
/// Fails in words.
pub(crate) async fn above<'a>(asker: &Asker, anchors: &'a [Anchor], domain: &Name, name: &'a Name, at: u64) -> Result<Above<'a>, String> {
    let mut gatherer = Gatherer::new(anchors, name, at);
    keys(asker, &mut gatherer).await?;
    let mut doubt = None;
    for child in down_to(domain) {
        match step(asker, &mut gatherer, &child).await? {
            Below::Zone | Below::Nothing => doubt = None,
            Below::Doubt(why) => doubt = Some(why),
            Below::Unsigned => {
                let chain = gatherer.chain().to_vec();
                let judged = dnssec::unsigned(&chain, anchors, domain, at);
                return judged.map(|_| Above::Unsigned(chain)).map_err(|fault| unproven(asker, domain, &fault));
            }
        }
    }
    Ok(Above::Signed(Box::new(Signed { gatherer, anchors, name, at, doubt })))
}

impl Signed<'_> {
    /// Ends the chain with the TXT records at its name, and gives their values with it. Fails in words.
    pub(crate) async fn texts(mut self, asker: &Asker, answers: &[Record]) -> Result<(Vec<Vec<u8>>, Vec<u8>), String> {
        let values = match self.gatherer.texts(answers) {
            Ok(values) => values,
            Err(fault) => self
                .texts_of_a_zone_below(asker, answers)
                .await
                .ok_or_else(|| stripped(asker, answers).or(self.doubt).unwrap_or_else(|| unproven(asker, self.name, &fault)))?,
        };
        let chain = self.gatherer.chain().to_vec();
        match dnssec::texts(&chain, self.anchors, self.name, self.at) {
            Ok(judged) if judged == values => Ok((values, chain)),
            Ok(_) => Err(format!("the record chain for {} proves other values than those that were seen", self.name)),
            Err(fault) => Err(unproven(asker, self.name, &fault)),
        }
    }

    /// The name may be the top of a zone of its own, below the domain's.
    async fn texts_of_a_zone_below(&mut self, asker: &Asker, answers: &[Record]) -> Option<Vec<Vec<u8>>> {
        match step(asker, &mut self.gatherer, self.name).await {
            Ok(Below::Zone) => self.gatherer.texts(answers).ok(),
            _ => None,
        }
    }

    /// Whether there may be one more zone below, which does not show itself.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.doubt.is_some()
    }

    /// Words for why `domain` is not proved to be unsigned.
    pub(crate) fn why_not_unsigned(&self, domain: &Name) -> String {
        let zone = self.gatherer.zone();
        match &self.doubt {
            None => format!("{domain} is in the signed zone {zone}: put the TXT record into DNS"),
            Some(why) => format!("{domain} is not proved to be outside the signed zone {zone}: put the TXT record into DNS ({why})"),
        }
    }
}

/// What is below a zone at one name.
enum Below {
    /// A signed zone, whose keys are known now.
    Zone,
    /// No zone cut.
    Nothing,
    /// No zone cut that shows itself. A name that has only names below it answers so, and a name that is not there.
    Doubt(String),
    /// A zone that is not signed, or by nothing that is understood: the chain is finished.
    Unsigned,
}

async fn step(asker: &Asker, gatherer: &mut Gatherer, child: &Name) -> Result<Below, String> {
    let Answer { answers, authorities, .. } = asker.ask(child, Asked::Ds).await.map_err(|trouble| trouble.to_string())?;
    let is_there = |what: Kind| answers.iter().any(|record| record.kind == what && record.owner == *child);
    if is_there(Kind::DS) {
        return match gatherer.delegation(child, &answers) {
            Ok(Delegation::Signed) => keys(asker, gatherer).await.map(|()| Below::Zone),
            Ok(Delegation::Unsigned(_)) => Ok(Below::Unsigned),
            Err(fault) => Err(stripped(asker, &answers).unwrap_or_else(|| unproven(asker, child, &fault))),
        };
    }
    if is_there(Kind::CNAME) {
        // No other record is beside an alias (RFC 1034 §3.6.2), so it is not a delegation.
        return Ok(Below::Nothing);
    }
    match gatherer.absence(&authorities) {
        Ok(_) => Ok(Below::Unsigned),
        Err(Fault::NotADelegation(_)) => Ok(Below::Nothing),
        Err(fault) => match stripped(asker, &authorities) {
            Some(why) => Err(why),
            None => Ok(Below::Doubt(unproven(asker, child, &fault))),
        },
    }
}

/// The keys of the zone that the chain has come to.
async fn keys(asker: &Asker, gatherer: &mut Gatherer) -> Result<(), String> {
    let zone = gatherer.zone().clone();
    let Answer { answers, .. } = asker.ask(&zone, Asked::Dnskey).await.map_err(|trouble| trouble.to_string())?;
    gatherer.keys(&answers).map_err(|fault| stripped(asker, &answers).unwrap_or_else(|| unproven(asker, &zone, &fault)))
}

/// From the first label below the root to the name itself.
fn down_to(name: &Name) -> Vec<Name> {
    let mut names: Vec<Name> = std::iter::successors(Some(name.clone()), Name::parent).filter(|name| name.labels() > 0).collect();
    names.reverse();
    names
}

fn unproven(asker: &Asker, name: &Name, fault: &Fault) -> String {
    format!("what the resolver {} says of {name} is not proved: {fault}", asker.resolver())
}

/// Words for an answer in which nothing is signed although the zone is.
fn stripped(asker: &Asker, section: &[Record]) -> Option<String> {
    let is_signed = section.iter().any(|record| record.kind == Kind::RRSIG);
    let words = || format!("the resolver {} leaves out the records of DNSSEC: use one that passes them on", asker.resolver());
    (!is_signed).then(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_come_to_label_by_label() {
        let names = |text: &str| down_to(&Name::parse(text).unwrap()).iter().map(Name::to_string).collect::<Vec<_>>();
        assert_eq!(names("a.acme.test"), ["test", "acme.test", "a.acme.test"]);
        assert!(down_to(&Name::root()).is_empty());
    }
}
