//! What the door refuses, in words.

use deedbox_authority::{MAX_AHEAD_MS, MAX_BEHIND_MS, Refusal};
use deedbox_model::limits::MESSAGE_BYTES;
use deedbox_model::row::Defect;
use deedbox_model::time::span;
use deedbox_model::{Domain, NativeName, TimeMs, said};
use deedbox_store::StoreError;
use deedbox_view::InspectRefusal;

/// Why something does not come in.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant says itself in words below")]
pub enum IntakeRefusal {
    #[error(transparent)]
    Authority(#[from] Refusal),
    #[error("the statement's time {} is more than {} ahead of this registry's clock ({}): set the machine's clock and sign it again", time.to_rfc3339(), span(MAX_AHEAD_MS), now.to_rfc3339())]
    FromTheFuture { time: TimeMs, now: TimeMs },
    #[error("the statement's time {} is more than {} behind this registry's clock ({}): set the machine's clock and sign it again", time.to_rfc3339(), span(MAX_BEHIND_MS), now.to_rfc3339())]
    FromThePast { time: TimeMs, now: TimeMs },
    #[error("a registry takes claims of names below localhost only if it listens on a loopback address and runs with --allow-local-claims")]
    LocalClaims,
    #[error("this registry knows no ecosystem {found:?}; it knows {known}")]
    UnknownEcosystem { found: String, known: String },
    #[error("object {address} is not here: upload it first (PUT /objects/sha256/…), it is kept for a day")]
    ObjectMissing { address: String },
    #[error("object {address} has {found} bytes here, not {expected} as stated")]
    ObjectSize { address: String, found: u64, expected: u64 },
    #[error("the release manifest is not valid: {0}")]
    Manifest(String),
    #[error("the manifest and the artifact do not agree about {0}: build the manifest from this artifact again")]
    ManifestDiffers(&'static str),
    #[error("the statement's principal artifacts are not those of its manifest: build it from this manifest again")]
    PrincipalDiffers,
    #[error(
        "{native_name} belongs to {domain}, whose owner claimed it before anything was released under that name: it is theirs to publish; publish this below another name"
    )]
    NativeNameOfDomain { native_name: NativeName, domain: Domain },
    #[error("the deprecation message is not a text of 1 to {most} bytes without control characters", most = said!("{}", MESSAGE_BYTES))]
    Message,
    #[error(transparent)]
    Inspect(#[from] InspectRefusal),
    #[error("the upload permit is not valid: {0}")]
    Permit(String),
    #[error(
        "{domain} has {pending} bytes uploaded and not published; with this one they would be more than {limit}: publish them, or wait a day"
    )]
    Budget { domain: Domain, pending: u64, limit: u64 },
    #[error("{domain} has {limit} objects uploaded and not published, which is all it may have: publish them, or wait a day")]
    BudgetObjects { domain: Domain, limit: usize },
    #[error("{address} is being uploaded for this domain now, and two uploads never write one part")]
    UnderWay { address: String },
    #[error("the first {offset} bytes of {address} are here for this domain: an upload has to continue exactly there")]
    UploadOffset { address: String, offset: u64 },
    #[error("{size} bytes are too many for one object here: at most {limit}")]
    ObjectTooLarge { size: u64, limit: u64 },
    #[error("the uploaded bytes are not those of the address: {0}")]
    DigestMismatch(String),
    #[error("the registry's store failed, and nothing was accepted")]
    Store(#[source] StoreError),
    #[error(transparent)]
    Defect(#[from] Defect),
}

impl From<StoreError> for IntakeRefusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DigestMismatch { .. } => IntakeRefusal::DigestMismatch(error.to_string()),
            other => IntakeRefusal::Store(other),
        }
    }
}

impl IntakeRefusal {
    /// Of a permit for a domain that nobody has claimed.
    pub fn unclaimed(domain: &Domain) -> Self {
        IntakeRefusal::Permit(format!("nobody has claimed {domain}"))
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            IntakeRefusal::Authority(refusal) => refusal.code(),
            IntakeRefusal::FromTheFuture { .. } => "from_the_future",
            IntakeRefusal::FromThePast { .. } => "from_the_past",
            IntakeRefusal::LocalClaims => "local_claims",
            IntakeRefusal::UnknownEcosystem { .. } => "unknown_ecosystem",
            IntakeRefusal::ObjectMissing { .. } => "object_missing",
            IntakeRefusal::ObjectSize { .. } => "object_size",
            IntakeRefusal::Manifest(_) => "manifest",
            IntakeRefusal::ManifestDiffers(_) => "manifest_differs",
            IntakeRefusal::PrincipalDiffers => "principal_differs",
            IntakeRefusal::NativeNameOfDomain { .. } => "native_name_of_domain",
            IntakeRefusal::Message => "message",
            IntakeRefusal::Inspect(refusal) => refusal.code,
            IntakeRefusal::Permit(_) => "permit",
            IntakeRefusal::Budget { .. } | IntakeRefusal::BudgetObjects { .. } => "budget",
            IntakeRefusal::UnderWay { .. } => "upload_under_way",
            IntakeRefusal::UploadOffset { .. } => "upload_offset",
            IntakeRefusal::ObjectTooLarge { .. } => "object_too_large",
            IntakeRefusal::DigestMismatch(_) => "digest_mismatch",
            IntakeRefusal::Store(_) => "store",
            IntakeRefusal::Defect(_) => "defect",
        }
    }
}
