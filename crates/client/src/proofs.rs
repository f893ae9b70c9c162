//! Proofs for many (spec/api.md §4, spec/log.md §8): statements, one multiproof, and the checkpoint that it leads to.
//! `Unproven` is what was read; `Proven` exists only through a verified checkpoint.

use crate::verify_error::VerifyError;
use deedbox_model::{PackageId, Value, Version};
use deedbox_tlog::{Multiproof, VerifiedCheckpoint, leaf_hash};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Query {
    /// `id@version`, each once.
    pub releases: Vec<String>,
    /// Indices of entries; entry 0 comes with every answer.
    pub indices: Vec<u64>,
    /// Whether the events of the releases' packages are asked for too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub chains: bool,
}

impl Default for Query {
    fn default() -> Self {
        Query { releases: Vec::new(), indices: vec![0], chains: false }
    }
}

impl Query {
    /// One release.
    pub fn release(id: &PackageId, version: &Version) -> Self {
        Query { releases: vec![format!("{id}@{version}")], ..Self::default() }
    }
}

/// The answer's shape. The checkpoint is text; some writers send it as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    hashes: ByteBuf,
    indices: Vec<u64>,
    missing: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unchained: Option<Vec<String>>,
    checkpoint: Value,
    statements: Vec<ByteBuf>,
}

/// Entries and a proof that nobody has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unproven {
    indices: Vec<u64>,
    statements: Vec<Vec<u8>>,
    hashes: Vec<u8>,
    checkpoint: String,
    missing: Vec<String>,
}

impl Unproven {
    /// Reads canonical CBOR. Says nothing about the proof.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        match Self::decode_answer(bytes)? {
            (unproven, None) => Ok(unproven),
            (_, Some(_)) => Err("it says which chains are missing in it, and nobody asked for that".to_owned()),
        }
    }

    /// The same of an answer, with the packages whose chains the registry left out, if it says so (spec/api.md §4).
    pub fn decode_answer(bytes: &[u8]) -> Result<(Self, Option<Vec<String>>), String> {
        let encoded: Encoded = deedbox_model::decode(bytes).map_err(|e| e.to_string())?;
        let checkpoint = match encoded.checkpoint {
            Value::Text(text) => text,
            Value::Bytes(bytes) => String::from_utf8(bytes).map_err(|e| e.to_string())?,
            _ => return Err("the checkpoint is neither text nor bytes".to_owned()),
        };
        if encoded.indices.len() != encoded.statements.len() {
            return Err("there are not as many indices as statements".to_owned());
        }
        let unproven = Unproven {
            indices: encoded.indices,
            statements: encoded.statements.into_iter().map(ByteBuf::into_vec).collect(),
            hashes: encoded.hashes.into_vec(),
            checkpoint,
            missing: encoded.missing,
        };
        Ok((unproven, encoded.unchained))
    }

    /// Canonical CBOR.
    pub fn encode(&self) -> Result<Vec<u8>, String> {
        self.encode_answer(None)
    }

    /// The same as an answer to who asked for chains, with the packages whose chains are left out.
    pub fn encode_answer(&self, unchained: Option<&[String]>) -> Result<Vec<u8>, String> {
        let encoded = Encoded {
            hashes: ByteBuf::from(self.hashes.clone()),
            indices: self.indices.clone(),
            missing: self.missing.clone(),
            unchained: unchained.map(<[String]>::to_vec),
            checkpoint: Value::Text(self.checkpoint.clone()),
            statements: self.statements.iter().cloned().map(ByteBuf::from).collect(),
        };
        deedbox_model::encode(&encoded).map_err(|e| e.to_string())
    }

    /// Entries with the multiproof that leads from them to this signed checkpoint: how a registry, or a test, makes one.
    pub fn from_parts(entries: Vec<(u64, Vec<u8>)>, proof: &Multiproof, checkpoint: String, missing: Vec<String>) -> Self {
        let (indices, statements) = entries.into_iter().unzip();
        Unproven { indices, statements, hashes: proof.to_bytes(), checkpoint, missing }
    }

    /// The signed checkpoint, unverified.
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    /// What the registry says it does not have. Nothing proves that.
    pub fn missing(&self) -> &[String] {
        &self.missing
    }

    /// The statements, unverified.
    pub fn statements(&self) -> impl Iterator<Item = &[u8]> {
        self.statements.iter().map(Vec::as_slice)
    }

    /// Bytes of the multiproof.
    pub fn proof_bytes(&self) -> usize {
        self.hashes.len()
    }

    /// Checks that every entry is in the tree of this checkpoint, at its index.
    pub fn prove(self, checkpoint: &VerifiedCheckpoint) -> Result<Proven, VerifyError> {
        let proof = Multiproof::from_bytes(checkpoint.size(), &self.hashes)?;
        let leaves: Vec<_> = self.indices.iter().zip(&self.statements).map(|(index, bytes)| (*index, leaf_hash(bytes))).collect();
        proof.verify(&leaves, checkpoint.size(), checkpoint.root())?;
        let entries = self.indices.into_iter().zip(self.statements).collect();
        Ok(Proven { entries, checkpoint: checkpoint.clone() })
    }
}

/// Entries that are in the tree of a verified checkpoint.
#[derive(Debug, Clone)]
pub struct Proven {
    entries: Vec<(u64, Vec<u8>)>,
    checkpoint: VerifiedCheckpoint,
}

impl Proven {
    /// The entries with their indices, ascending.
    pub fn entries(&self) -> &[(u64, Vec<u8>)] {
        &self.entries
    }
    /// The checkpoint.
    pub fn checkpoint(&self) -> &VerifiedCheckpoint {
        &self.checkpoint
    }
}
