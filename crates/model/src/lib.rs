//! The words that every other room speaks: ids, domains, versions, digests, keys, canonical encoding,
//! statements, manifests and rows (spec/encoding.md, spec/statements.md, spec/objects.md).
//!
//! Parsed once, at the door: a value of a type in this crate is valid, and has one spelling. Knows no
//! ecosystem, no clock, no file, no socket and no randomness.

mod acceptance;
pub mod batch;
pub mod canonical;
pub mod channel;
pub mod digest;
pub mod domain;
mod domain_key;
pub mod encoding;
pub mod envelope;
pub mod event;
pub mod event_id;
pub mod holding;
pub mod id;
pub mod key;
pub mod limits;
pub mod manifest;
pub mod native;
pub mod origin;
pub mod parameters;
pub mod pattern;
mod payload;
pub mod pem;
pub mod permit;
pub mod projection;
pub mod protocol;
pub mod reason;
pub mod row;
pub mod said;
pub mod statement;
pub mod subject;
pub mod suffix;
pub mod text;
pub mod threads;
pub mod time;
pub mod value;
pub mod version;

pub use batch::Batch;
pub use channel::Channel;
pub use digest::{Addresser, Algorithm, Blake3Digest, Digests, Hasher, Md5Digest, ObjectRef, Sha1Digest, Sha256Digest, Sha512Digest};
pub use domain::Domain;
pub use encoding::{NotCanonical, decode, encode};
pub use envelope::{Envelope, EnvelopeError};
pub use event::Event;
pub use event_id::EventId;
pub use holding::Holding;
pub use id::{Ecosystem, Name, PackageId};
pub use key::{BadSignature, KeyId, NotSigned, PublicKey, SecretKey, Signer};
pub use manifest::{Artifact, Manifest, Metadata};
pub use native::{NativeName, NativeVersion};
pub use origin::Origin;
pub use parameters::{DnsAnchor, Parameters};
pub use pattern::IdPattern;
pub use projection::ProjectionId;
pub use protocol::{EventType, Protocol};
pub use reason::ReasonCode;
pub use row::{Changes, Defect, Keys, Row, RowKey, Rows};
pub use statement::{Speaker, Statement, StatementError, Unverified, Verified};
pub use subject::Subject;
pub use suffix::SuffixRule;
pub use time::{TimeMs, Utc};
pub use value::Value;
pub use version::Version;
