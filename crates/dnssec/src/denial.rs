//! The proofs that a delegation has no DS record (RFC 4035 §5.2, RFC 5155 §8.6 and §8.9, RFC 6840 §4). `spec/dnssec.md` §7. Its caller has checked the
//! signatures.

use crate::{
    bitmap::Bitmap,
    fault::Fault,
    kind::Kind,
    name::Name,
    nsec3::{Hashed, Nsec3},
    set::SignedSet,
};

/// A delegation that has no DS record that is understood: nothing at or below it is signed, as far as its parents say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsigned {
    /// The delegation; by [`How::OptOut`], the name at or below which it is.
    pub delegation: Name,
    /// What shows it.
    pub how: How,
}

/// What shows that a delegation is unsigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// An NSEC record of the delegation.
    Nsec,
    /// An NSEC3 record of the delegation.
    Nsec3,
    /// An NSEC3 record that leaves unsigned delegations out, and so covers this one.
    OptOut,
    /// Its DS records: none has an algorithm and a digest that are understood.
    NotUnderstood,
}

/// Judges records, signed by `zone`, about a delegation at or above `name`.
pub(crate) fn judge(zone: &Name, name: &Name, sets: &[&SignedSet]) -> Result<Unsigned, Fault> {
    match sets {
        [set] if set.kind == Kind::NSEC => nsec(zone, name, set),
        [set] if set.kind == Kind::NSEC3 => nsec3(zone, name, set, None),
        [first, second] if [first.kind, second.kind] == [Kind::NSEC3; 2] && first.owner != second.owner => {
            nsec3(zone, name, first, Some(second))
        }
        _ => match sets.iter().find(|set| ![Kind::NSEC, Kind::NSEC3].contains(&set.kind)).or(sets.last()) {
            Some(set) => Err(set.out_of_place()),
            None => Err(Fault::Ends(zone.clone())),
        },
    }
}

fn nsec(zone: &Name, name: &Name, set: &SignedSet) -> Result<Unsigned, Fault> {
    let rdata = set.only()?;
    let types = Name::read(rdata).ok().and_then(|(_, length)| Bitmap::read(rdata.get(length..)?)).ok_or_else(|| set.malformed())?;
    if !(set.owner.is_below(zone) && name.is_within(&set.owner)) {
        return Err(Fault::OtherName { owner: set.owner.clone(), kind: set.kind, name: name.clone() });
    }
    delegates_without_ds(&set.owner, &types)?;
    Ok(Unsigned { delegation: set.owner.clone(), how: How::Nsec })
}

/// The rule for what there is at a delegation without a DS record.
fn delegates_without_ds(owner: &Name, types: &Bitmap) -> Result<(), Fault> {
    if types.has(Kind::SOA) {
        return Err(Fault::Apex(owner.clone()));
    }
    if types.has(Kind::DNAME) {
        return Err(Fault::Redirected(owner.clone()));
    }
    if types.has(Kind::DS) {
        return Err(Fault::HasDs(owner.clone()));
    }
    if !types.has(Kind::NS) {
        return Err(Fault::NotADelegation(owner.clone()));
    }
    Ok(())
}

/// One record that matches the delegation; or one that matches its closest encloser and covers the next name below that; or one that matches, and a
/// second one that covers.
fn nsec3(zone: &Name, name: &Name, first: &SignedSet, second: Option<&SignedSet>) -> Result<Unsigned, Fault> {
    let matching = Nsec3::read(first, zone)?;
    let other = second.map(|set| Nsec3::read(set, zone)).transpose()?;
    if other.as_ref().is_some_and(|other| other.hashing != matching.hashing) {
        return Err(Fault::Nsec3Differ);
    }
    let mut below: Option<(Name, Hashed)> = None;
    for above in name.ancestors().take_while(|above| above.is_within(zone)) {
        let hash = matching.hashing.of(&above);
        if hash != matching.owner {
            below = Some((above, hash));
            continue;
        }
        return match below {
            Some((next, hash)) if above == *zone || !matching.types.has(Kind::NS) => {
                opted_out(&above, &matching.types, (next, &hash), other.as_ref().unwrap_or(&matching))
            }
            None if above == *zone => Err(Fault::Apex(above)),
            _ => {
                delegates_without_ds(&above, &matching.types)?;
                if other.is_some() { Err(Fault::Delegated(above)) } else { Ok(Unsigned { delegation: above, how: How::Nsec3 }) }
            }
        };
    }
    Err(Fault::OtherName { owner: first.owner.clone(), kind: first.kind, name: name.clone() })
}

/// The rule for a name below the closest encloser that is left out of the ring.
fn opted_out(encloser: &Name, types: &Bitmap, (next, hash): (Name, &Hashed), covering: &Nsec3) -> Result<Unsigned, Fault> {
    if types.has(Kind::DNAME) {
        return Err(Fault::Redirected(encloser.clone()));
    }
    if !covering.covers(hash) {
        return Err(Fault::NotCovered(next));
    }
    if !covering.opt_out {
        return Err(Fault::NoOptOut(next));
    }
    Ok(Unsigned { delegation: next, how: How::OptOut })
}
