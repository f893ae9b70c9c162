//! Putting a record chain together out of answers: each step is tried with what was answered, by the verifier's own rules, and what fits is kept in
//! canonical form. `spec/dnssec.md` §8. Asks nobody: who calls it sends the questions, and hands in what came back.

use crate::{
    denial::Unsigned,
    ds::Anchor,
    fault::Fault,
    kind::Kind,
    limits::{CHAIN_BYTES, DENIALS_TRIED, RECORDS, SIGNATURES_TRIED},
    name::Name,
    path::{Path, Step},
    record::Record,
    rrsig::Rrsig,
    set::SignedSet,
    zone::Checks,
};

/// What a DS answer has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delegation {
    /// The child is signed: its keys come next.
    Signed,
    /// The child counts as unsigned, and the chain is complete as one for [`crate::unsigned`].
    Unsigned(Unsigned),
}

/// A record chain that grows from the root down. A call that fails leaves it as it was.
#[derive(Debug, Clone)]
pub struct Gatherer {
    path: Path,
    chain: Vec<u8>,
    records: usize,
}

impl Gatherer {
    /// Begins a chain to `name`: the name of the texts for [`crate::texts`], the domain for [`crate::unsigned`].
    pub fn new(anchors: &[Anchor], name: &Name, at_seconds: u64) -> Gatherer {
        Gatherer { path: Path::from_root(anchors, name, at_seconds), chain: Vec::new(), records: 0 }
    }

    /// The zone whose keys come next, or whose keys are known; the root at first.
    pub fn zone(&self) -> &Name {
        self.path.zone()
    }

    /// The chain as far as it has come.
    pub fn chain(&self) -> &[u8] {
        &self.chain
    }

    /// Takes the answer to the question for DNSKEY records of [`Gatherer::zone`]. Records that do not belong there are passed over, here and in the
    /// other calls.
    ///
    /// # Errors
    /// [`Fault::Missing`] if the answer has no such records; otherwise why they are not the zone's keys.
    pub fn keys(&mut self, answer: &[Record]) -> Result<(), Fault> {
        let zone = self.zone().clone();
        self.step(&zone, Kind::DNSKEY, answer, |path, set, checks| path.keys(set, checks))
    }

    /// Takes the answer to the question for DS records of `child`, a name below [`Gatherer::zone`] and at or above the name.
    ///
    /// # Errors
    /// [`Fault::Missing`] if the answer has no such records: [`Gatherer::absence`] may say why. Otherwise why they are not good.
    pub fn delegation(&mut self, child: &Name, answer: &[Record]) -> Result<Delegation, Fault> {
        let step = self.step(child, Kind::DS, answer, |path, set, checks| path.delegation(set, checks))?;
        Ok(match step {
            Step::Signed => Delegation::Signed,
            Step::Unsigned(unsigned) => Delegation::Unsigned(unsigned),
        })
    }

    /// Takes the answer to the question for TXT records at the name; then the chain is complete.
    ///
    /// # Errors
    /// [`Fault::Missing`] if the answer has no such records; otherwise why they are not good.
    pub fn texts(&mut self, answer: &[Record]) -> Result<Vec<Vec<u8>>, Fault> {
        let name = self.path.name().clone();
        self.step(&name, Kind::TXT, answer, |path, set, checks| path.texts(set, checks))
    }

    /// Takes the authority section of an answer without DS records; then the chain is complete.
    ///
    /// # Errors
    /// [`Fault::NotADelegation`] if it shows that this name is not one: the next question is for the name below it. Otherwise why nothing is shown; of a
    /// name that only has names below it, NSEC records do not say more than that, so that the next question is worth a try here too.
    pub fn absence(&mut self, authority: &[Record]) -> Result<Unsigned, Fault> {
        let sets = self.denials(authority)?;
        let hashed = || sets.iter().filter(|set| set.kind == Kind::NSEC3);
        let pairs = hashed().flat_map(|first| hashed().map(move |second| vec![first, second]));
        let mut fault = None;
        for proof in sets.iter().map(|set| vec![set]).chain(pairs) {
            match self.path.denied(&proof) {
                Ok(unsigned) => {
                    self.append(proof.into_iter())?;
                    return Ok(unsigned);
                }
                Err(not) if fault.is_none() || is_of_the_name(&not) => fault = Some(not),
                Err(_) => {}
            }
        }
        Err(fault.unwrap_or(Fault::Missing { owner: self.path.name().clone(), kind: Kind::NSEC }))
    }

    /// The sets of an authority section that deny something and that the zone has signed.
    fn denials(&self, authority: &[Record]) -> Result<Vec<SignedSet>, Fault> {
        let mut owners: Vec<(&Name, Kind)> = authority
            .iter()
            .filter(|record| [Kind::NSEC, Kind::NSEC3].contains(&record.kind))
            .map(|record| (&record.owner, record.kind))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        let mut sets = Vec::new();
        let mut fault = None;
        for (owner, kind) in owners.into_iter().take(DENIALS_TRIED) {
            let good = candidates(owner, kind, authority).and_then(|sets| first_good(sets, |set, checks| self.path.verify(set, checks)));
            match good {
                Ok((set, ())) => sets.push(set),
                Err(not) => fault = Some(not),
            }
        }
        match fault {
            Some(fault) if sets.is_empty() => Err(fault),
            _ => Ok(sets),
        }
    }

    /// Tries a step with each signature of the set that was answered.
    fn step<T>(
        &mut self,
        owner: &Name,
        kind: Kind,
        answer: &[Record],
        step: impl Fn(&mut Path, &SignedSet, &mut Checks) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let (set, (path, shown)) = first_good(candidates(owner, kind, answer)?, |set, checks| {
            let mut path = self.path.clone();
            let shown = step(&mut path, set, checks)?;
            Ok((path, shown))
        })?;
        self.append([&set].into_iter())?;
        self.path = path;
        Ok(shown)
    }

    /// Writes sets behind the chain if it stays within its limits.
    fn append<'a>(&mut self, sets: impl Iterator<Item = &'a SignedSet>) -> Result<(), Fault> {
        let (mut chain, mut records) = (self.chain.clone(), self.records);
        for set in sets {
            set.write(&mut chain)?;
            records += set.rdatas.len() + 1;
        }
        if chain.len() > CHAIN_BYTES {
            return Err(Fault::TooLong(chain.len()));
        }
        if records > RECORDS {
            return Err(Fault::TooManyRecords);
        }
        (self.chain, self.records) = (chain, records);
        Ok(())
    }
}

/// Whether a fault is what a record says of the name itself, and not that it says nothing of it.
fn is_of_the_name(fault: &Fault) -> bool {
    matches!(fault, Fault::NotADelegation(_) | Fault::HasDs(_) | Fault::Apex(_) | Fault::Redirected(_))
}

/// The set of one owner and type in an answer, once with each of its signatures.
fn candidates(owner: &Name, kind: Kind, answer: &[Record]) -> Result<Vec<SignedSet>, Fault> {
    if answer.len() > RECORDS {
        return Err(Fault::TooManyRecords);
    }
    let of = |kind: Kind| answer.iter().filter(move |record| record.owner == *owner && record.kind == kind);
    let mut rdatas: Vec<Vec<u8>> = of(kind).map(|record| record.rdata.clone()).collect();
    rdatas.sort_unstable();
    rdatas.dedup();
    if rdatas.is_empty() {
        return Err(Fault::Missing { owner: owner.clone(), kind });
    }
    let signatures = of(Kind::RRSIG).filter_map(|record| Rrsig::read(&record.rdata)).filter(|rrsig| rrsig.covered == kind);
    let set = |rrsig: Rrsig| SignedSet { owner: owner.clone(), kind, rdatas: rdatas.clone(), rrsig };
    let sets: Vec<SignedSet> = signatures.take(SIGNATURES_TRIED).map(set).collect();
    if sets.is_empty() { Err(Fault::NoSignature { owner: owner.clone(), kind }) } else { Ok(sets) }
}

/// The first set that is good, with what it has shown; otherwise what is wrong with the last one.
fn first_good<T>(sets: Vec<SignedSet>, mut good: impl FnMut(&SignedSet, &mut Checks) -> Result<T, Fault>) -> Result<(SignedSet, T), Fault> {
    let mut checks = Checks::of_a_chain();
    let mut fault = Fault::TooManyChecks;
    for set in sets {
        match good(&set, &mut checks) {
            Ok(shown) => return Ok((set, shown)),
            Err(not) => fault = not,
        }
    }
    Err(fault)
}
