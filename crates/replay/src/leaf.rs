//! Leaves on their way to a verdict: decoding and signatures, on all cores, before any state is looked at but the protocol
//! number in force where they begin. Whether a
//! signature verifies depends on the bytes and the key alone; whether the key may speak is decided later, in order.

use deedbox_authority::{Refusal, Signed};
use deedbox_model::threads::on_all_cores;
use deedbox_model::{KeyId, Protocol, PublicKey, Statement, Unverified, Verified};
use std::collections::BTreeMap;
use std::sync::Arc;

/// An entry of the log.
#[derive(Debug, Clone)]
pub enum Leaf {
    /// As it was read.
    Bytes(Vec<u8>),
    /// From the writer of this very process, which has verified it.
    Verified(Arc<Verified<Statement>>),
}

/// A leaf of which all is known that does not depend on the log before it.
#[derive(Debug, Clone)]
pub(crate) enum Opened {
    /// Not a statement.
    Undecodable(Unreadable),
    /// A statement whose signature does not verify, or whose key nobody ever registered.
    NotVerified(Box<Statement>),
    /// A statement whose signature verifies.
    Verified(Arc<Verified<Statement>>),
}

/// Bytes that are not a statement of the protocol number that they were read by.
#[derive(Debug, Clone)]
pub(crate) struct Unreadable {
    protocol: &'static Protocol,
    refusal: Refusal,
    bytes: Vec<u8>,
}

impl Opened {
    /// The entry's bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Opened::Undecodable(unreadable) => &unreadable.bytes,
            Opened::NotVerified(statement) => statement.bytes(),
            Opened::Verified(statement) => statement.bytes(),
        }
    }
    pub(crate) fn statement(&self) -> Option<&Statement> {
        match self {
            Opened::Undecodable(_) => None,
            Opened::NotVerified(statement) => Some(statement),
            Opened::Verified(statement) => Some(statement),
        }
    }
    pub(crate) fn signed(&self) -> Signed<'_> {
        match self {
            Opened::Undecodable(Unreadable { protocol, refusal, .. }) => Signed::Undecodable { protocol, refusal },
            Opened::NotVerified(statement) => Signed::NotVerified(statement),
            Opened::Verified(statement) => Signed::Verified(statement),
        }
    }
}

/// A decoded leaf whose signature is not checked yet.
pub(crate) enum Decoded {
    Undecodable(Unreadable),
    Unverified(Box<Unverified<Statement>>),
    Verified(Arc<Verified<Statement>>),
}

impl Decoded {
    fn peek(&self) -> Option<&Statement> {
        match self {
            Decoded::Undecodable(_) => None,
            Decoded::Unverified(statement) => Some(statement.peek()),
            Decoded::Verified(statement) => Some(statement),
        }
    }
}

/// Decodes leaves on all cores, by one protocol number. What the writer decoded keeps the number that it was decoded by.
pub(crate) fn decode_all(protocol: &'static Protocol, leaves: Vec<Leaf>) -> Vec<Decoded> {
    on_all_cores(leaves, |leaf| match leaf {
        Leaf::Verified(statement) => Decoded::Verified(statement),
        Leaf::Bytes(bytes) => match Statement::decode(protocol, &bytes) {
            Ok(statement) => Decoded::Unverified(Box::new(statement)),
            Err(error) => {
                let refusal = Refusal::Undecodable(error.to_string());
                Decoded::Undecodable(Unreadable { protocol, refusal, bytes })
            }
        },
    })
}

/// The keys under which these leaves say they are signed.
pub(crate) fn kids(decoded: &[Decoded]) -> impl Iterator<Item = KeyId> {
    decoded.iter().filter_map(|leaf| match leaf {
        Decoded::Unverified(statement) => Some(statement.peek().kid()),
        Decoded::Undecodable(_) | Decoded::Verified(_) => None,
    })
}

/// The keys that these leaves register, if they turn out to be effective. A key that does not is in nobody's row, and
/// is refused for that before its signature is looked at.
pub(crate) fn registered(decoded: &[Decoded]) -> BTreeMap<KeyId, PublicKey> {
    let mut keys = BTreeMap::new();
    for statement in decoded.iter().filter_map(Decoded::peek) {
        keys.extend(statement.event().registered_keys().into_iter().map(|key| (key.id(), key)));
    }
    keys
}

/// Checks signatures on all cores.
pub(crate) fn verify_all(decoded: Vec<Decoded>, keys: &BTreeMap<KeyId, PublicKey>) -> Vec<Opened> {
    on_all_cores(decoded, |leaf| match leaf {
        Decoded::Undecodable(unreadable) => Opened::Undecodable(unreadable),
        Decoded::Verified(statement) => Opened::Verified(statement),
        Decoded::Unverified(unverified) => match unverified.verify_with(keys) {
            Ok(verified) => Opened::Verified(Arc::new(verified)),
            Err(statement) => Opened::NotVerified(statement),
        },
    })
}
