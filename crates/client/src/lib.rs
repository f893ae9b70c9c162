//! Reads and checks a registry from outside (spec/api.md, spec/log.md, spec/authority.md). Imports nothing of the server.
//!
//! ```text
//! checkpoint → consistency with the last one seen → inclusion → statement → signature → authority over the package's chain → digest of a file
//! ```
//!
//! What was fetched is `Unproven`; what is in a verified checkpoint's tree is `Proven`; what authority's decider found
//! effective is a `VerifiedRelease`. Each is made only from the one before it, and none has public fields. Knows no
//! ecosystem, asks no clock: the caller says what time it is.

pub mod alarm;
pub mod broken;
pub mod can;
pub mod chain;
pub mod claim;
pub mod domain_keys;
pub mod error;
pub mod grants;
pub mod hands;
pub mod http;
pub mod limits;
pub mod lock;
pub mod minutes;
pub mod pace;
pub mod paper;
pub mod paths;
pub mod proofs;
pub mod recover;
mod right;
pub mod saved;
pub mod signed;
pub mod state;
pub mod submit;
pub mod tenures;
#[cfg(test)]
mod tests;
pub mod tiles;
pub mod trust;
pub mod upload;
pub mod verify;
pub mod verify_error;

pub use alarm::Alarm;
pub use broken::Break;
pub use can::{Can, can};
pub use chain::{Asked, Followed, ask_with_chains};
pub use claim::{Holder, Looked, accept, claim_local, claim_seen, claim_with_operator, countersign, kept_acceptance, place_of_claim};
pub use domain_keys::{ProvenDomain, domain_keys};
pub use error::{Class, ClientError};
pub use grants::{grant, revoke};
pub use hands::{Contested, Voice, change_keys, contest, freeze, give_up, thaw, to_contest, transfer};
pub use http::{Registry, RegistryUrl};
pub use lock::{Verdict, Wanted, judge_lock};
pub use minutes::{Minute, Minutes, Right, minutes_of_domain, minutes_of_package};
pub use pace::Patience;
pub use paths::{Home, LogPlace, Place};
pub use proofs::{Proven, Query, Unproven};
pub use recover::{Recovering, known_of, recover_seen, recover_with_operator, recovery_of};
pub use saved::SavedProof;
pub use submit::{Included, Intent, submit};
pub use tenures::Tenures;
pub use trust::{Pin, Trusted};
pub use upload::{Payload, may_upload, upload};
pub use verify::{Judged, Standing, VerifiedRelease};
pub use verify_error::VerifyError;
