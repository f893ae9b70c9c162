//! Trust in a log: its key is pinned on first use, and every checkpoint must continue the last one that was seen
//! (spec/log.md §4, §7). A checkpoint that contradicts it is an alarm with evidence, and stays one until the evidence is
//! taken away by hand; one that is merely older is stale, which is another word.

use crate::alarm::Alarm;
use crate::error::ClientError;
use crate::http::Registry;
use crate::limits;
use crate::paths::{self, Home, LogPlace, Place};
use crate::proofs::{Proven, Query};
use crate::tenures::Tenures;
use crate::tiles;
use crate::verify;
use crate::verify_error::VerifyError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deedbox_model::{Origin, TimeMs};
use deedbox_tlog::{ConsistencyProof, KeyName, SignedCheckpoint, Tiles, VerifiedCheckpoint, VerifierKey, prove_consistency};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::path::PathBuf;

/// What is believed about a registry since its first use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its address.
    pub registry: String,
    /// The log's name.
    pub origin: Origin,
    /// The key that signs its checkpoints, as a vkey.
    pub log_key: String,
    /// The event that created it, in hex.
    pub created: String,
    /// When it was pinned.
    pub pinned_at: String,
}

/// The evidence of a fork: two checkpoints, each signed by the log, that cannot both be of one tree.
#[derive(Serialize)]
struct Evidence<'a> {
    what: &'static str,
    registry: &'a str,
    origin: &'a str,
    log_key: &'a str,
    noticed_at: String,
    seen: &'a str,
    found: &'a str,
    why: String,
    proof: Option<EvidenceProof>,
}

/// A consistency proof that leads from another old root to the newer checkpoint.
#[derive(Serialize)]
struct EvidenceProof {
    from_size: u64,
    to_size: u64,
    root_at_from_size: String,
    hashes: Vec<String>,
}

/// A registry whose log is pinned.
#[derive(Debug)]
pub struct Trusted {
    registry: Registry,
    place: Place,
    log_place: LogPlace,
    tenures: Tenures,
    pin: Pin,
    key: VerifierKey,
    is_new: bool,
    is_pinned: bool,
    now: TimeMs,
}

impl Trusted {
    /// Opens a registry: by its pin, or pinning it now. `log_key` is a vkey that the caller knows from elsewhere; `now`
    /// is written into what is kept.
    pub async fn open(registry: Registry, home: &Home, log_key: Option<&str>, now: TimeMs) -> Result<Self, ClientError> {
        Self::begin(registry, home, log_key, now, true).await
    }

    /// Opens a registry: by its pin, or by the key that it shows now, for this once. What its log shows is remembered as that log's; which
    /// log is believed at this address is not, and the next one who asks begins anew.
    pub async fn open_unpinned(registry: Registry, home: &Home, now: TimeMs) -> Result<Self, ClientError> {
        Self::begin(registry, home, None, now, false).await
    }

    async fn begin(registry: Registry, home: &Home, log_key: Option<&str>, now: TimeMs, pins: bool) -> Result<Self, ClientError> {
        let place = home.registry(registry.url());
        if let Some(pin) = read_pin(&place)? {
            let key = pinned_key(&place, &pin, log_key)?;
            let log_place = home.log(&key);
            no_standing_alarm(&log_place, registry.url().as_str())?;
            return Ok(Trusted {
                registry,
                place,
                tenures: Tenures::of(home, &key),
                log_place,
                pin,
                key,
                is_new: false,
                is_pinned: true,
                now,
            });
        }
        let key = match log_key {
            Some(text) => VerifierKey::parse(text).map_err(|e| ClientError::Use(format!("the log key of {}: {e}", registry.url())))?,
            None => shown_key(&registry).await?,
        };
        // The same log at another address: what it has shown there counts here too.
        let log_place = home.log(&key);
        no_standing_alarm(&log_place, registry.url().as_str())?;
        let origin = Origin::parse(key.name().as_str()).map_err(|e| ClientError::Use(format!("the log key of {}: {e}", registry.url())))?;
        let pin = Pin {
            registry: registry.url().as_str().to_owned(),
            origin,
            log_key: key.to_string(),
            created: String::new(),
            pinned_at: now.to_rfc3339(),
        };
        let tenures = Tenures::of(home, &key);
        let mut trusted = Trusted { registry, place, log_place, tenures, pin, key, is_new: true, is_pinned: pins, now };
        // Nothing is kept before entry 0 says that this key signs for this log.
        let (unproven, _) = trusted.ask(&Query::default()).await?;
        let checkpoint = trusted.signed(unproven.checkpoint().as_bytes())?;
        let proven = unproven.prove(&checkpoint)?;
        let (_, entry) = proven.entries().first().ok_or(VerifyError::NoBeginning)?;
        let created = verify::beginning(entry, &trusted.pin.origin, &trusted.key)?;
        trusted.pin.created = created.to_hex();
        let json = serde_json::to_vec_pretty(&trusted.pin).map_err(|e| ClientError::Here(e.to_string()))?;
        trusted.accept(checkpoint.signed().to_string().as_bytes()).await?;
        if pins {
            paths::write(&trusted.place.pin(), &json)?;
        }
        Ok(trusted)
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
    /// What is believed.
    pub fn pin(&self) -> &Pin {
        &self.pin
    }
    /// Where what is known about the address is kept.
    pub fn place(&self) -> &Place {
        &self.place
    }
    /// The holders of domains who were accepted here.
    pub fn tenures(&self) -> Tenures {
        self.tenures.clone()
    }
    /// Whether this was the first use.
    pub fn newly_pinned(&self) -> bool {
        self.is_new && self.is_pinned
    }
    /// Whether the key is pinned at this address: it was before, or is now.
    pub fn is_pinned(&self) -> bool {
        self.is_pinned
    }
    /// The key that is believed.
    pub fn key(&self) -> &VerifierKey {
        &self.key
    }

    /// The newest checkpoint, verified and continuing the last one seen.
    pub async fn checkpoint(&self) -> Result<VerifiedCheckpoint, ClientError> {
        let path = "log/checkpoint";
        let bytes = self.registry.get(path, limits::CHECKPOINT_BYTES).await?;
        let bytes = bytes.ok_or_else(|| self.registry.answer(path, "a checkpoint", "there is none"))?;
        self.accept(&bytes).await
    }

    /// Asks for entries with their proof, and proves them in a checkpoint that continues the last one seen.
    pub async fn prove(&self, query: &Query) -> Result<(crate::Unproven, Proven), ClientError> {
        self.prove_answer(query).await.map(|(unproven, proven, _)| (unproven, proven))
    }

    /// The same with the packages whose chains are left out, if the registry says so.
    pub(crate) async fn prove_answer(&self, query: &Query) -> Result<(crate::Unproven, Proven, Option<Vec<String>>), ClientError> {
        let (unproven, unchained) = self.ask(query).await?;
        let checkpoint = self.accept(unproven.checkpoint().as_bytes()).await?;
        let proven = unproven.clone().prove(&checkpoint)?;
        Ok((unproven, proven, unchained))
    }

    /// Verifies a checkpoint, compares it with the last one seen, and remembers it if it is larger.
    pub async fn accept(&self, bytes: &[u8]) -> Result<VerifiedCheckpoint, ClientError> {
        let found = self.signed(bytes)?;
        let Some(kept) = paths::read(&self.log_place.checkpoint(), limits::CHECKPOINT_BYTES as u64)? else {
            paths::write(&self.log_place.checkpoint(), found.signed().to_string().as_bytes())?;
            return Ok(found);
        };
        let seen = self.signed(&kept).map_err(|e| {
            let why = format!("this is not a checkpoint of the pinned log ({e}); remove the file to start from the next one");
            ClientError::file(&self.log_place.checkpoint(), why)
        })?;
        self.compare(&seen, &found).await?;
        if found.size() > seen.size() {
            paths::write(&self.log_place.checkpoint(), found.signed().to_string().as_bytes())?;
        }
        Ok(found)
    }

    /// The newest checkpoint, which continues one that came another way: in a proof that somebody kept.
    pub async fn checkpoint_after(&self, other: &[u8]) -> Result<VerifiedCheckpoint, ClientError> {
        let other = self.signed(other)?;
        let newest = self.checkpoint().await?;
        self.compare(&other, &newest).await?;
        Ok(newest)
    }

    /// Whether what was found continues what was seen, or is the same.
    async fn compare(&self, seen: &VerifiedCheckpoint, found: &VerifiedCheckpoint) -> Result<(), ClientError> {
        match found.size().cmp(&seen.size()) {
            Ordering::Equal if found.root() == seen.root() => Ok(()),
            Ordering::Equal => Err(self.fork(seen, found, None)?),
            Ordering::Greater => self.continues(seen, found).await,
            Ordering::Less => Err(self.went_back(seen, found).await?),
        }
    }

    /// Verifies signatures and origin only.
    fn signed(&self, bytes: &[u8]) -> Result<VerifiedCheckpoint, ClientError> {
        verify_checkpoint(bytes, &self.key).map_err(|error| match error {
            VerifyError::Checkpoint(why) if !self.is_new => {
                VerifyError::Checkpoint(format!("{why} (pinned {} in {})", self.pin.pinned_at, self.place.pin().display())).into()
            }
            error => error.into(),
        })
    }

    async fn ask(&self, query: &Query) -> Result<(crate::Unproven, Option<Vec<String>>), ClientError> {
        let path = "api/v1/proofs";
        let body = serde_json::to_vec(query).map_err(|e| ClientError::Here(e.to_string()))?;
        let bytes = self.registry.post(path, "application/json", body, limits::PROOFS_BYTES).await?;
        crate::Unproven::decode_answer(&bytes).map_err(|e| self.registry.answer(path, "a proof for many", e))
    }

    async fn continues(&self, seen: &VerifiedCheckpoint, found: &VerifiedCheckpoint) -> Result<(), ClientError> {
        let tiles = tiles::fetch(&self.registry, tiles::plan(seen.size(), found.size())?).await?;
        let Some(tiles) = tiles else {
            return Err(self.registry.answer("log/tile/", "a log with all its tiles", "a tile of the published tree is missing"));
        };
        let proof = prove_consistency(seen.size(), found.size(), &tiles).map_err(|e| self.registry.answer("log/tile/", "tiles", e))?;
        if proof.verify(seen.root(), found.root()).is_ok() {
            return Ok(());
        }
        match other_history(seen.size(), found, &tiles, &proof) {
            Some(evidence) => Err(self.fork(seen, found, Some(evidence))?),
            None => Err(self.registry.answer("log/tile/", "tiles of the signed tree", "they do not lead to the checkpoint's root")),
        }
    }

    /// An older checkpoint: stale, or a fork if the tiles of what was seen show that it is not their beginning.
    async fn went_back(&self, seen: &VerifiedCheckpoint, found: &VerifiedCheckpoint) -> Result<ClientError, ClientError> {
        let stale = |consistent| Alarm::Stale {
            origin: self.pin.origin.to_string(),
            registry: self.registry.url().to_string(),
            seen: seen.size(),
            found: found.size(),
            consistent,
        };
        let tiles = tiles::fetch(&self.registry, tiles::plan(found.size(), seen.size())?).await?;
        let proven = tiles.as_ref().and_then(|tiles| prove_consistency(found.size(), seen.size(), tiles).ok().map(|proof| (tiles, proof)));
        let Some((tiles, proof)) = proven else { return Ok(Box::new(stale(false)).into()) };
        if proof.verify(found.root(), seen.root()).is_ok() {
            return Ok(Box::new(stale(true)).into());
        }
        match other_history(found.size(), seen, tiles, &proof) {
            Some(evidence) => self.fork(seen, found, Some(evidence)),
            None => Ok(Box::new(stale(false)).into()),
        }
    }

    /// Keeps the evidence, then raises the alarm. A crash before the file is there raises it again on the next run.
    fn fork(
        &self,
        seen: &VerifiedCheckpoint,
        found: &VerifiedCheckpoint,
        proof: Option<EvidenceProof>,
    ) -> Result<ClientError, ClientError> {
        let why = match &proof {
            None => "both are of one size and have different roots".to_owned(),
            Some(proof) => format!(
                "the tiles lead to the larger tree's root, and say that its first {} entries have the root {}",
                proof.from_size, proof.root_at_from_size
            ),
        };
        let (seen_text, found_text) = (seen.signed().to_string(), found.signed().to_string());
        let evidence = Evidence {
            what: "two checkpoints of one log, each signed by its key, that cannot both be of one tree",
            registry: self.registry.url().as_str(),
            origin: self.pin.origin.as_str(),
            log_key: &self.pin.log_key,
            noticed_at: self.now.to_rfc3339(),
            seen: &seen_text,
            found: &found_text,
            why,
            proof,
        };
        let path = self.log_place.evidence().join(format!("fork-{}.json", self.now.as_ms()));
        let json = serde_json::to_vec_pretty(&evidence).map_err(|e| ClientError::Here(e.to_string()))?;
        paths::write(&path, &json)?;
        Ok(Box::new(Alarm::Fork {
            origin: self.pin.origin.to_string(),
            registry: self.registry.url().to_string(),
            seen: seen.size(),
            found: found.size(),
            evidence: path,
        })
        .into())
    }
}

/// The key that a registry shows as its log's; nothing says that it is the right one.
pub async fn shown_key(registry: &Registry) -> Result<VerifierKey, ClientError> {
    let path = "log/log.vkey";
    let bytes = registry.get(path, limits::VKEY_BYTES).await?;
    let bytes = bytes.ok_or_else(|| registry.answer(path, "the key of a log", "there is nothing"))?;
    let text = String::from_utf8(bytes).map_err(|e| registry.answer(path, "the key of a log", e))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    VerifierKey::parse(text).map_err(|e| registry.answer(path, "the key of a log", e))
}

/// The pin of a place, with no registry needed: for saved proofs.
pub fn read_pin(place: &Place) -> Result<Option<Pin>, ClientError> {
    let path = place.pin();
    let Some(bytes) = paths::read(&path, limits::JSON_BYTES as u64)? else { return Ok(None) };
    let pin = serde_json::from_slice(&bytes).map_err(|e| ClientError::file(&path, format!("not a pin ({e}); remove it to pin anew")))?;
    Ok(Some(pin))
}

/// The pinned key, which must be the one that the caller gives, if any.
pub fn pinned_key(place: &Place, pin: &Pin, log_key: Option<&str>) -> Result<VerifierKey, ClientError> {
    if let Some(given) = log_key.filter(|given| *given != pin.log_key) {
        let file = place.pin();
        return Err(VerifyError::OtherKey { given: given.to_owned(), pinned: pin.log_key.clone(), file }.into());
    }
    VerifierKey::parse(&pin.log_key).map_err(|e| ClientError::file(&place.pin(), e))
}

/// Refuses to go on while there is evidence of a fork.
pub fn no_standing_alarm(place: &LogPlace, registry: &str) -> Result<(), ClientError> {
    let dir = place.evidence();
    let entries = match std::fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(ClientError::file(&dir, e)),
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fork-")))
        .collect();
    files.sort();
    match files.into_iter().next() {
        None => Ok(()),
        Some(evidence) => Err(Alarm::Standing { registry: registry.to_owned(), evidence }.into()),
    }
}

/// Verifies a checkpoint by a key whose name is the log's.
pub fn verify_checkpoint(bytes: &[u8], key: &VerifierKey) -> Result<VerifiedCheckpoint, VerifyError> {
    let name: &KeyName = key.name();
    let signed = SignedCheckpoint::parse(bytes).map_err(|e| VerifyError::Checkpoint(e.to_string()))?;
    signed.verify(name, std::slice::from_ref(key), &[]).map_err(|e| VerifyError::Checkpoint(e.to_string()))
}

/// If tiles that lead to the larger tree's signed root give another root for the first `size` entries: which, and how.
/// Tiles that lead nowhere are evidence of nothing but bad tiles.
fn other_history(size: u64, larger: &VerifiedCheckpoint, tiles: &Tiles, proof: &ConsistencyProof) -> Option<EvidenceProof> {
    let root = tiles::root_of_first(size, tiles)?;
    proof.verify(&root, larger.root()).ok()?;
    Some(EvidenceProof {
        from_size: size,
        to_size: larger.size(),
        root_at_from_size: STANDARD.encode(root.as_bytes()),
        hashes: proof.hashes().iter().map(|hash| hash.to_base64()).collect(),
    })
}
