//! The two questions that a record chain answers: which texts stand at a name, and that a name is in no signed zone. `spec/dnssec.md` §6 and §7.

use crate::{denial::Unsigned, ds::Anchor, fault::Fault, kind::Kind, name::Name, path::Path, set::read_chain, zone::Checks};

/// The values of the TXT records at exactly `name`, each record's strings joined, in ascending order of the records' data. `anchors` are the root's;
/// `at_seconds` is Unix time, at which every signature must be valid.
///
/// # Errors
/// A [`Fault`] if `chain` does not prove them.
pub fn texts(chain: &[u8], anchors: &[Anchor], name: &Name, at_seconds: u64) -> Result<Vec<Vec<u8>>, Fault> {
    let sets = read_chain(chain)?;
    let mut checks = Checks::of_a_chain();
    let mut path = Path::from_root(anchors, name, at_seconds);
    match path.descend(&sets, &mut checks)? {
        (Some(unsigned), _) => Err(Fault::NotUnderstood(unsigned.delegation)),
        (None, []) => Err(Fault::Ends(path.zone().clone())),
        (None, [set]) => path.texts(set, &mut checks),
        (None, [first, second, ..]) => Err(if first.kind == Kind::TXT { second } else { first }.out_of_place()),
    }
}

/// The delegation at or above `domain` that no DS record signs, so that nothing in `domain` can be proven. The other arguments are as for [`texts`].
///
/// # Errors
/// A [`Fault`] if `chain` does not prove that there is one.
pub fn unsigned(chain: &[u8], anchors: &[Anchor], domain: &Name, at_seconds: u64) -> Result<Unsigned, Fault> {
    let sets = read_chain(chain)?;
    let mut checks = Checks::of_a_chain();
    let mut path = Path::from_root(anchors, domain, at_seconds);
    match path.descend(&sets, &mut checks)? {
        (Some(_), [more, ..]) => Err(more.out_of_place()),
        (Some(unsigned), []) => Ok(unsigned),
        (None, []) => Err(Fault::Ends(path.zone().clone())),
        (None, rest) => {
            rest.iter().try_for_each(|set| path.verify(set, &mut checks))?;
            path.denied(&rest.iter().collect::<Vec<_>>())
        }
    }
}
