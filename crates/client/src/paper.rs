//! What a release's proof is for other people's tools: the statement as it is in the log, a C2SP tlog-proof and a COSE receipt of it
//! (spec/log.md §9, §10). Each is verified before it is given.

use crate::error::ClientError;
use crate::limits;
use crate::proofs::Proven;
use crate::trust::Trusted;
use crate::verify::VerifiedRelease;
use crate::verify_error::VerifyError;
use deedbox_model::{Protocol, Statement};
use deedbox_tlog::receipt::ReceiptKey;
use deedbox_tlog::{LogProof, Receipt, leaf_hash};

/// The three of them, of one tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paper {
    /// The statement's bytes: a COSE_Sign1.
    pub statement: Vec<u8>,
    /// The text of a tlog-proof.
    pub tlog_proof: String,
    /// The receipt's bytes: a COSE_Sign1.
    pub receipt: Vec<u8>,
}

/// Asks for both proofs of a release's entry, and verifies them with the pinned key and the receipt keys of entry 0.
pub async fn paper(trusted: &Trusted, release: &VerifiedRelease, proven: &Proven) -> Result<Paper, ClientError> {
    let registry = trusted.registry();
    let path = format!("api/v1/events/{}/proof", release.index());
    let entry = |wanted: u64| proven.entries().iter().find(|(index, _)| *index == wanted).map(|(_, bytes)| bytes.clone());
    let (Some(statement), Some(beginning)) = (entry(release.index()), entry(0)) else { return Err(VerifyError::NoBeginning.into()) };
    let leaf = leaf_hash(&statement);
    let keys = receipt_keys(&beginning)?;
    let subject = release.id().as_str();
    for _ in 0..limits::PAPER_TRIES {
        let text = registry.get_as(&path, "text/plain", limits::PAPER_BYTES).await?;
        let text = text.ok_or_else(|| registry.answer(&path, "a proof of an entry", "there is none"))?;
        let parsed = LogProof::parse(&text).map_err(|e| registry.answer(&path, "a tlog-proof", e))?;
        let checkpoint = trusted.accept(parsed.checkpoint().to_string().as_bytes()).await?;
        let is_its = parsed.proof().index() == release.index();
        if !is_its || parsed.proof().verify(&leaf, checkpoint.size(), checkpoint.root()).is_err() {
            return Err(registry.answer(&path, "a proof of the release's entry", "it does not verify"));
        }
        let bytes = registry.get_as(&path, "application/cose", limits::PAPER_BYTES).await?;
        let bytes = bytes.ok_or_else(|| registry.answer(&path, "a receipt of an entry", "there is none"))?;
        let receipt = Receipt::decode(&bytes).map_err(|e| registry.answer(&path, "a receipt", e))?;
        let origin = trusted.pin().origin.as_str();
        let root = keys.iter().find_map(|key| receipt.verify(key, origin, subject, &leaf).ok());
        let root = root.ok_or_else(|| registry.answer(&path, "a receipt by one of the log's receipt keys", "it does not verify"))?;
        if receipt.proof().size() != checkpoint.size() {
            // The log grew between the two answers: once more, so that both are of one tree.
            continue;
        }
        if &root != checkpoint.root() {
            return Err(registry.answer(&path, "a receipt of the checkpoint's tree", "its root is another one"));
        }
        return Ok(Paper { statement, tlog_proof: parsed.to_string(), receipt: bytes });
    }
    Err(registry.answer(&path, "two proofs of one tree", "the log grew each time between them; try again"))
}

fn receipt_keys(beginning: &[u8]) -> Result<Vec<ReceiptKey>, VerifyError> {
    let statement =
        Statement::decode(Protocol::BEGINNING, beginning).map_err(|e| VerifyError::Undecodable { index: 0, why: e.to_string() })?;
    let Some(created) = statement.peek().event().created() else { return Err(VerifyError::NoBeginning) };
    let keys = created.receipt_keys.iter().filter_map(|key| ReceiptKey::new(key.id().as_bytes().to_vec(), &key.to_bytes()).ok());
    Ok(keys.collect())
}
