//! A zone whose keys are known: what it has signed, and what it has not (RFC 4035 §5.3). `spec/dnssec.md` §4 and §5. Does not know how it is reached.

use crate::{
    algorithm::Algorithm,
    dnskey::Key,
    ds::Anchor,
    fault::Fault,
    limits::{CHECKS, KEYS_OF_ONE_TAG},
    name::Name,
    set::SignedSet,
};

/// How many signature checks are left.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Checks(u32);

impl Checks {
    /// As many as one chain may make.
    pub(crate) fn of_a_chain() -> Checks {
        Checks(CHECKS)
    }

    fn take(&mut self) -> Result<(), Fault> {
        self.0 = self.0.checked_sub(1).ok_or(Fault::TooManyChecks)?;
        Ok(())
    }
}

/// A zone, and the keys that may sign for it.
#[derive(Debug, Clone)]
pub(crate) struct Zone {
    pub(crate) name: Name,
    keys: Vec<Key>,
}

impl Zone {
    /// Takes the keys out of a DNSKEY set that one of those keys has signed that `named_by` names.
    pub(crate) fn enter(name: &Name, named_by: &[Anchor], set: &SignedSet, at: u32, checks: &mut Checks) -> Result<Zone, Fault> {
        let read: Option<Vec<Key>> = set.rdatas.iter().map(|rdata| Key::read(rdata)).collect();
        let mut keys = read.ok_or_else(|| set.malformed())?;
        keys.retain(Key::may_sign);
        few_of_one_tag(name, &keys)?;
        let named: Vec<Key> = keys.iter().filter(|key| named_by.iter().any(|ds| ds.names(name, key))).cloned().collect();
        if named.is_empty() {
            return Err(Fault::Unnamed(name.clone()));
        }
        Zone { name: name.clone(), keys: named }.verify(set, at, checks)?;
        Ok(Zone { name: name.clone(), keys })
    }

    /// Checks that this zone has signed a set, at its own name or below, and that the signature is valid at a time.
    pub(crate) fn verify(&self, set: &SignedSet, at: u32, checks: &mut Checks) -> Result<(), Fault> {
        let (owner, kind, rrsig) = (|| set.owner.clone(), set.kind, &set.rrsig);
        if rrsig.signer != self.name {
            return Err(Fault::Signer { owner: owner(), kind, signer: rrsig.signer.clone(), zone: self.name.clone() });
        }
        if !set.owner.is_within(&self.name) {
            return Err(Fault::Outside { owner: owner(), kind, zone: self.name.clone() });
        }
        if usize::from(rrsig.labels) != set.owner.labels() {
            return Err(Fault::Wildcard { owner: owner(), kind });
        }
        if !rrsig.has_begun(at) {
            return Err(Fault::NotYetValid { owner: owner(), kind });
        }
        if !rrsig.lasts(at) {
            return Err(Fault::Expired { owner: owner(), kind });
        }
        let Some(algorithm) = Algorithm::of(rrsig.algorithm) else {
            return Err(Fault::Algorithm { owner: owner(), kind, algorithm: rrsig.algorithm });
        };
        self.verify_with_keys(algorithm, set, checks)
    }

    fn verify_with_keys(&self, algorithm: Algorithm, set: &SignedSet, checks: &mut Checks) -> Result<(), Fault> {
        let (key_tag, number) = (set.rrsig.key_tag, set.rrsig.algorithm);
        let mut keys = self.keys.iter().filter(|key| key.tag == key_tag && key.algorithm == number).peekable();
        if keys.peek().is_none() {
            return Err(Fault::NoKey { owner: set.owner.clone(), kind: set.kind, zone: self.name.clone(), key_tag, algorithm: number });
        }
        let message = set.signed_bytes()?;
        for key in keys {
            checks.take()?;
            if algorithm.verify(&key.public, &message, &set.rrsig.signature) {
                return Ok(());
            }
        }
        Err(Fault::Signature { owner: set.owner.clone(), kind: set.kind })
    }
}

/// Refuses keys that were made to look alike.
fn few_of_one_tag(zone: &Name, keys: &[Key]) -> Result<(), Fault> {
    let alike = |key: &&Key| keys.iter().filter(|other| (other.tag, other.algorithm) == (key.tag, key.algorithm)).count() > KEYS_OF_ONE_TAG;
    match keys.iter().find(alike) {
        Some(key) => Err(Fault::KeysOfOneTag { zone: zone.clone(), key_tag: key.tag, algorithm: key.algorithm }),
        None => Ok(()),
    }
}
