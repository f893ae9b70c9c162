//! The way from the root down to a zone: which set may come next, and what it proves. `spec/dnssec.md` §3, §5 and §6. The verifier walks it along a
//! chain; a gatherer tries each step with what it has been answered.

use crate::{
    denial::{self, How, Unsigned},
    ds::Anchor,
    fault::Fault,
    kind::Kind,
    limits::TEXTS,
    name::Name,
    set::SignedSet,
    zone::{Checks, Zone},
};

/// What a DS set has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The child is signed; its keys come next.
    Signed,
    /// The child counts as unsigned; nothing comes next.
    Unsigned(Unsigned),
}

/// Where the way has come to.
#[derive(Debug, Clone)]
enum Place {
    /// Before a zone's keys, which these digests name.
    Before(Name, Vec<Anchor>),
    /// In a zone whose keys are known.
    In(Zone),
}

/// The way to `name`, as far as it has been shown. A step that fails leaves it where it was.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    name: Name,
    at: u32,
    place: Place,
}

impl Path {
    /// Begins before the root. Signatures must be valid at `at_seconds` (of Unix time), of which they know the last 32 bits.
    pub(crate) fn from_root(anchors: &[Anchor], name: &Name, at_seconds: u64) -> Path {
        Path { name: name.clone(), at: (at_seconds & u64::from(u32::MAX)) as u32, place: Place::Before(Name::root(), anchors.to_vec()) }
    }

    /// What it leads to.
    pub(crate) fn name(&self) -> &Name {
        &self.name
    }

    /// The zone whose keys come next, or whose keys are known.
    pub(crate) fn zone(&self) -> &Name {
        match &self.place {
            Place::Before(name, _) => name,
            Place::In(zone) => &zone.name,
        }
    }

    /// Takes all DNSKEY and DS sets at the beginning of a chain, and hands back what follows them.
    pub(crate) fn descend<'a>(
        &mut self,
        mut sets: &'a [SignedSet],
        checks: &mut Checks,
    ) -> Result<(Option<Unsigned>, &'a [SignedSet]), Fault> {
        while let [set, rest @ ..] = sets {
            match set.kind {
                Kind::DNSKEY => self.keys(set, checks)?,
                Kind::DS => {
                    if let Step::Unsigned(unsigned) = self.delegation(set, checks)? {
                        return Ok((Some(unsigned), rest));
                    }
                }
                _ => break,
            }
            sets = rest;
        }
        Ok((None, sets))
    }

    /// A zone's keys.
    pub(crate) fn keys(&mut self, set: &SignedSet, checks: &mut Checks) -> Result<(), Fault> {
        match &self.place {
            Place::Before(name, named_by) if (set.kind, &set.owner) == (Kind::DNSKEY, name) => {
                self.place = Place::In(Zone::enter(name, named_by, set, self.at, checks)?);
                Ok(())
            }
            _ => Err(set.out_of_place()),
        }
    }

    /// The digests of a child's keys.
    pub(crate) fn delegation(&mut self, set: &SignedSet, checks: &mut Checks) -> Result<Step, Fault> {
        let zone = self.known_zone(set)?;
        if set.kind != Kind::DS || !set.owner.is_below(&zone.name) || !self.name.is_within(&set.owner) {
            return Err(set.out_of_place());
        }
        zone.verify(set, self.at, checks)?;
        let read: Option<Vec<Anchor>> = set.rdatas.iter().map(|rdata| Anchor::read(rdata)).collect();
        let mut digests = read.ok_or_else(|| set.malformed())?;
        digests.retain(Anchor::is_understood);
        if digests.is_empty() {
            return Ok(Step::Unsigned(Unsigned { delegation: set.owner.clone(), how: How::NotUnderstood }));
        }
        self.place = Place::Before(set.owner.clone(), digests);
        Ok(Step::Signed)
    }

    /// The values at the name.
    pub(crate) fn texts(&self, set: &SignedSet, checks: &mut Checks) -> Result<Vec<Vec<u8>>, Fault> {
        let zone = self.known_zone(set)?;
        if (set.kind, &set.owner) != (Kind::TXT, &self.name) {
            return Err(set.out_of_place());
        }
        if set.rdatas.len() > TEXTS {
            return Err(Fault::TooManyTexts(set.owner.clone()));
        }
        zone.verify(set, self.at, checks)?;
        let values: Option<Vec<Vec<u8>>> = set.rdatas.iter().map(|rdata| joined(rdata)).collect();
        values.ok_or_else(|| set.malformed())
    }

    /// That the zone has signed a set of a denial, whatever that says.
    pub(crate) fn verify(&self, set: &SignedSet, checks: &mut Checks) -> Result<(), Fault> {
        self.known_zone(set)?.verify(set, self.at, checks)
    }

    /// What sets of a denial say that were verified.
    pub(crate) fn denied(&self, sets: &[&SignedSet]) -> Result<Unsigned, Fault> {
        denial::judge(self.zone(), &self.name, sets)
    }

    fn known_zone(&self, set: &SignedSet) -> Result<&Zone, Fault> {
        match &self.place {
            Place::In(zone) => Ok(zone),
            Place::Before(..) => Err(set.out_of_place()),
        }
    }
}

/// The character-strings of a TXT record, of which there is at least one, as one value (RFC 1035 §3.3.14).
fn joined(mut rdata: &[u8]) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    while let Some((length, rest)) = rdata.split_first() {
        let (string, rest) = rest.split_at_checked(usize::from(*length))?;
        value.extend_from_slice(string);
        rdata = rest;
        if rdata.is_empty() {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_joined_without_anything_between() {
        assert_eq!(joined(b"\x02ab\x00\x01c"), Some(b"abc".to_vec()));
        assert_eq!(joined(b"\x00"), Some(Vec::new()));
        for wrong in [&b""[..], b"\x02a", b"\x01ab"] {
            assert_eq!(joined(wrong), None);
        }
    }
}
