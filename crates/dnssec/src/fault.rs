//! Why a record chain proves nothing: each case is one sentence of `spec/dnssec.md`, named by its section there. Words for people, never a panic.

use crate::{
    kind::Kind,
    limits::{CHAIN_BYTES, CHECKS, KEYS_OF_ONE_TAG, NSEC3_ITERATIONS, NSEC3_SALT_BYTES, RECORDS, TEXTS},
    name::{BadName, Name},
};

/// What is wrong with a chain, a record or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// §1.1: a name that is not good.
    #[error(transparent)]
    Name(#[from] BadName),
    /// §1.2: the bytes end within a record.
    #[error("the bytes end within a record")]
    Cut,
    /// §1.2: another class than IN.
    #[error("the {kind} record at {owner} is of class {class}, and a record chain is of class IN")]
    Class {
        /// The record's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
        /// Its class.
        class: u16,
    },
    /// §2.1: too many bytes.
    #[error("a record chain has at most {CHAIN_BYTES} bytes, not {0}")]
    TooLong(usize),
    /// §2.1: too many records.
    #[error("a record chain has at most {RECORDS} records")]
    TooManyRecords,
    /// §2.2: a set without an RRSIG behind it.
    #[error("behind the {kind} records at {owner} stands no RRSIG record for them")]
    NoSignature {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §2.3: capitals in an owner's or a signer's name.
    #[error("{0} is written with capitals; owners and signers stand in lower case in a record chain")]
    Capitals(Name),
    /// §2.3: records of a set out of their order, or one of them twice.
    #[error("the {kind} records at {owner} do not ascend by their data, each once")]
    Order {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §2.3: a TTL that is not the signed one.
    #[error("a {kind} record at {owner}, or its RRSIG record, has another TTL than the one that is signed")]
    Ttl {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §2.4: the data of a record are not what its type says.
    #[error("the data of a {kind} record at {owner} do not have the form of that type")]
    Form {
        /// The record's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §3.1: an alias.
    #[error("there is a {kind} record at {owner}; a record chain follows no alias")]
    Alias {
        /// The record's owner.
        owner: Name,
        /// CNAME or DNAME.
        kind: Kind,
    },
    /// §3.1: a set that is not the one that comes next.
    #[error("the {kind} records at {owner} are out of place in this record chain")]
    OutOfPlace {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §3.1: nothing more, and nothing proven yet.
    #[error("the record chain ends in {0} before it has proven anything")]
    Ends(Name),
    /// §3.1, of a gatherer: an answer without the records that were asked for.
    #[error("the answer has no {kind} records at {owner}")]
    Missing {
        /// The owner that was asked for.
        owner: Name,
        /// The type that was asked for.
        kind: Kind,
    },
    /// §4.1: signed by another zone.
    #[error("the {kind} records at {owner} are signed by {signer}, not by the zone {zone}")]
    Signer {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
        /// Who signed.
        signer: Name,
        /// Who should have.
        zone: Name,
    },
    /// §4.1: a set that its signer has no say over.
    #[error("the {kind} records at {owner} are not within the zone {zone} that signed them")]
    Outside {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
        /// The signer.
        zone: Name,
    },
    /// §4.1: a wildcard's signature.
    #[error("the {kind} records at {owner} are signed as those of a wildcard")]
    Wildcard {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §4.2: too early.
    #[error("the signature of the {kind} records at {owner} was not valid yet")]
    NotYetValid {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §4.2: too late.
    #[error("the signature of the {kind} records at {owner} had expired")]
    Expired {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §4.3: a signature of an algorithm that is not understood.
    #[error("the {kind} records at {owner} are signed with algorithm {algorithm}, which is not understood")]
    Algorithm {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
        /// The algorithm's number.
        algorithm: u8,
    },
    /// §4.3: no key that could have signed.
    #[error("the zone {zone} shows no usable key {key_tag} of algorithm {algorithm}, with which the {kind} records at {owner} are signed")]
    NoKey {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
        /// The signer.
        zone: Name,
        /// The key's tag.
        key_tag: u16,
        /// Its algorithm.
        algorithm: u8,
    },
    /// §4.3: too many checks.
    #[error("this record chain needs more than {CHECKS} signature checks")]
    TooManyChecks,
    /// §4.4: a signature that no key has made.
    #[error("the signature of the {kind} records at {owner} is wrong")]
    Signature {
        /// The set's owner.
        owner: Name,
        /// Its type.
        kind: Kind,
    },
    /// §5.2: too many keys that look alike.
    #[error("the zone {zone} has more than {KEYS_OF_ONE_TAG} keys with the tag {key_tag} and algorithm {algorithm}")]
    KeysOfOneTag {
        /// The zone.
        zone: Name,
        /// The tag.
        key_tag: u16,
        /// The algorithm.
        algorithm: u8,
    },
    /// §5.3: no key is known from above.
    #[error("no usable key of the zone {0} is named by a DS record or an anchor")]
    Unnamed(Name),
    /// §6.1: a chain that should prove values leads into an unsigned zone.
    #[error("the zone {0} counts as unsigned: none of its DS records has an algorithm and a digest that are understood")]
    NotUnderstood(Name),
    /// §6.2: too many values.
    #[error("there are more than {TEXTS} TXT records at {0}")]
    TooManyTexts(Name),
    /// §7.1: records that deny something else.
    #[error("the {kind} record at {owner} says nothing about a delegation at or above {name}")]
    OtherName {
        /// The record's owner.
        owner: Name,
        /// NSEC or NSEC3.
        kind: Kind,
        /// Whose delegations count.
        name: Name,
    },
    /// §7.2: the name is there, and is not a delegation.
    #[error("{0} is not a delegation")]
    NotADelegation(Name),
    /// §7.2: the delegation is signed.
    #[error("the delegation of {0} has a DS record: it is signed")]
    HasDs(Name),
    /// §7.2: the record is the child's own.
    #[error("the record at {0} is from the top of a zone, and says nothing about its delegation")]
    Apex(Name),
    /// §7.2: everything below the name is somewhere else.
    #[error("there is a DNAME record at {0}; a record chain follows no alias")]
    Redirected(Name),
    /// §7.3: an NSEC3 record of a kind that is not understood.
    #[error("the NSEC3 record at {0} has a hash or a flag that is not understood")]
    Nsec3Unknown(Name),
    /// §7.3: too much to hash.
    #[error("the NSEC3 record at {0} has more than {NSEC3_ITERATIONS} iterations or {NSEC3_SALT_BYTES} octets of salt")]
    Nsec3Costly(Name),
    /// §7.3: NSEC3 records that cannot be used together.
    #[error("the NSEC3 records of this proof differ in iterations or salt")]
    Nsec3Differ,
    /// §7.5: the closest encloser is a delegation itself.
    #[error("{0} is a delegation itself, so that nothing below it is in the zone that speaks")]
    Delegated(Name),
    /// §7.5: nothing covers the name below the closest encloser.
    #[error("no NSEC3 record of this proof covers {0}")]
    NotCovered(Name),
    /// §7.5: a covered name that is denied, not left out.
    #[error("the NSEC3 record that covers {0} does not have the opt-out flag: there is no such delegation")]
    NoOptOut(Name),
}
