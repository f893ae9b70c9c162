//! What only this site has: rows never hold it, so that a mirror's rows are the origin's.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A key with which a site signs what its native clients check (npm's registry signatures). Deterministic (RFC 6979),
/// so that an answer is a function of rows and site.
pub trait SiteSigner: Send + Sync {
    /// The signature over a message, in the form that the ecosystem expects (npm: DER).
    fn sign(&self, message: &[u8]) -> Vec<u8>;
    /// The public key as DER SubjectPublicKeyInfo.
    fn public_spki(&self) -> &[u8];
}

/// One site.
#[derive(Clone)]
pub struct Site {
    /// Scheme, host and port under which clients reach it, without a slash at the end.
    pub base_url: String,
    /// The verifier key of the log, as one line without its end (spec/log.md); empty where nothing shows it.
    pub log_key: String,
    /// Signing keys by ecosystem.
    pub signers: BTreeMap<&'static str, Arc<dyn SiteSigner>>,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("base_url", &self.base_url)
            .field("log_key", &self.log_key)
            .field("signers", &self.signers.keys())
            .finish()
    }
}
