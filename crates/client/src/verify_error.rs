//! Why something that a registry shows does not verify: what was shown, and what to do.

use crate::broken::Break;
use deedbox_authority::Refusal;
use deedbox_model::Domain;
use deedbox_model::row::Defect;
use deedbox_tlog::MultiproofError;
use std::path::PathBuf;

/// Why something does not verify.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VerifyError {
    /// The checkpoint is not one of the pinned log.
    #[error("the checkpoint does not verify: {0}. It was altered, or it is not of the log whose key is pinned here")]
    Checkpoint(String),
    /// Another key was given than the one pinned.
    #[error(
        "the log key given is {given}, but {pinned} was pinned for this registry before. Find out which one is right. To pin again, remove {}",
        file.display()
    )]
    OtherKey {
        /// The key given.
        given: String,
        /// The key pinned.
        pinned: String,
        /// Where it is pinned.
        file: PathBuf,
    },
    /// The entries are not in the tree.
    #[error("the statements are not shown to be in the log: {0}. A statement or its proof was altered")]
    NotIncluded(#[from] MultiproofError),
    /// The proof does not begin where a log begins.
    #[error("the proof does not begin with entry 0, which names the registry's keys")]
    NoBeginning,
    /// Entry 0 is of another registry.
    #[error("entry 0 creates a registry that is not the pinned one: {0}")]
    OtherRegistry(String),
    /// An entry that is not a statement.
    #[error("entry {index} is not a statement of the protocol in force: {why}")]
    Undecodable {
        /// Its index.
        index: u64,
        /// What is wrong.
        why: String,
    },
    /// The decider says no.
    #[error("entry {index} ({what}) has no effect: {refusal}")]
    NotAuthorised {
        /// Its index.
        index: u64,
        /// Its type and subject.
        what: String,
        /// The decider's word.
        refusal: Refusal,
    },
    /// An order that cannot be.
    #[error("entry {index} continues a statement that comes after it")]
    Backwards {
        /// Its index.
        index: u64,
    },
    /// What came after the change to a protocol number that this program lacks.
    #[error(
        "this cannot be judged here: protocol {protocol} is in force after entry {index}, and this program does not know it. It can judge only the entries up to that one: get a newer deedbox"
    )]
    UndecidedFrom {
        /// The entry that changed it.
        index: u64,
        /// The protocol.
        protocol: u64,
    },
    /// A defect of this program.
    #[error("this cannot be judged: {0}")]
    Defect(#[from] Defect),
    /// It is not on the chain that the registry shows.
    #[error(
        "{release} (entry {index}) is not on the chain of its package that the registry shows: it has no effect in the log, or the registry contradicts itself"
    )]
    BesideTheChain {
        /// The release.
        release: String,
        /// Its entry.
        index: u64,
    },
    /// The release is not there.
    #[error("{0} is not in the log of {1}: check the spelling, or whether it was published there")]
    NotInLog(String, String),
    /// Its holder took the domain without the last one's word, and nobody here accepted that.
    #[error(
        "{release} is of a holder of {domain} who did not get it from the one before: {broken}. If you know that this holder is right, accept them once with \
         --accept-tenure; if not, ask whoever publishes it in another way, and do not use it until then"
    )]
    NotAccepted {
        /// The release.
        release: String,
        /// Its domain.
        domain: Domain,
        /// How the domain came to its holder.
        broken: Break,
    },
    /// Bytes that are not the release's.
    #[error(
        "{what} is not what {release} says: {why}. Do not use it. Fetch it again; if it is still different, tell the registry's operator"
    )]
    OtherBytes {
        /// The file or object.
        what: String,
        /// The release.
        release: String,
        /// The difference.
        why: String,
    },
}
