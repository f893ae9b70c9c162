//! Uploading objects (spec/objects.md §4, spec/api.md §5): under a permit signed by the publisher's key, leaving out
//! what is there already, some at once. Running it again after it broke off sends only what is missing. A permit is short
//! and an upload may be long: before one runs out, the next is signed.

use crate::error::ClientError;
use crate::limits;
use crate::submit::tenure;
use crate::trust::Trusted;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deedbox_model::permit::{Permit, PermitTerms};
use deedbox_model::{Domain, EventId, ObjectRef, SecretKey, TimeMs};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use tokio::io::AsyncReadExt as _;

/// Where an object's bytes are.
#[derive(Debug, Clone)]
pub enum Payload {
    /// Here.
    Bytes(Vec<u8>),
    /// In a file, which must not change meanwhile.
    File(PathBuf),
}

/// Uploads objects for a domain. `now` is asked before each request, whose permit must be valid then; `progress` is told how
/// many bytes were sent, or were there already. Gives the number of objects that were sent.
pub async fn upload(
    trusted: &Trusted,
    key: &SecretKey,
    domain: &Domain,
    objects: Vec<(ObjectRef, Payload)>,
    now: &(dyn Fn() -> TimeMs + Sync),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<usize, ClientError> {
    let (owner, under) = tenure(trusted, domain, key).await?;
    let permits = &Permits { trusted, key, owner, under, now, last: Mutex::default() };
    let sent: Vec<bool> = stream::iter(objects)
        .map(|(object, payload)| one(trusted, permits, object, payload, progress))
        .buffer_unordered(limits::UPLOADS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(sent.into_iter().filter(|sent| *sent).count())
}

/// Asks whether the registry would take an upload for this domain under this key, and sends nothing of the object: the permit is looked at
/// before it is said whether the object is there.
pub async fn may_upload(
    trusted: &Trusted,
    key: &SecretKey,
    domain: &Domain,
    object: ObjectRef,
    now: &(dyn Fn() -> TimeMs + Sync),
) -> Result<bool, ClientError> {
    let (owner, under) = tenure(trusted, domain, key).await?;
    let permits = Permits { trusted, key, owner, under, now, last: Mutex::default() };
    trusted.registry().has_object(&format!("objects/sha256/{}", object.sha256.to_hex()), &permits.authorization()?).await
}

async fn one(
    trusted: &Trusted,
    permits: &Permits<'_>,
    object: ObjectRef,
    payload: Payload,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<bool, ClientError> {
    let path = format!("objects/sha256/{}", object.sha256.to_hex());
    if trusted.registry().has_object(&path, &permits.authorization()?).await? {
        progress(object.size);
        return Ok(false);
    }
    let (sent, mut counted) = tokio::sync::mpsc::unbounded_channel();
    let body = match payload {
        Payload::Bytes(bytes) => {
            // Nobody hears it if the upload is over already.
            let _ = sent.send(bytes.len() as u64);
            reqwest::Body::from(bytes)
        }
        Payload::File(path) => {
            let file = tokio::fs::File::open(&path).await.map_err(|e| ClientError::file(&path, e))?;
            let pieces = stream::try_unfold((file, sent), |(mut file, sent)| async move {
                let mut piece = vec![0; 256 * 1024];
                let read = file.read(&mut piece).await?;
                piece.truncate(read);
                let _ = sent.send(read as u64);
                std::io::Result::Ok(if read == 0 { None } else { Some((piece, (file, sent))) })
            });
            reqwest::Body::wrap_stream(pieces)
        }
    };
    // A layer takes minutes: what it has sent so far is told on the way.
    let authorization = permits.authorization()?;
    let put = trusted.registry().put(&path, &authorization, object.size, body);
    tokio::pin!(put);
    loop {
        tokio::select! {
            done = &mut put => {
                done?;
                break;
            }
            Some(bytes) = counted.recv() => progress(bytes),
        }
    }
    while let Ok(bytes) = counted.try_recv() {
        progress(bytes);
    }
    Ok(true)
}

/// The permits of one upload: the last one, until it is about to run out.
struct Permits<'a> {
    trusted: &'a Trusted,
    key: &'a SecretKey,
    owner: Domain,
    under: EventId,
    now: &'a (dyn Fn() -> TimeMs + Sync),
    last: Mutex<Option<(Range<TimeMs>, String)>>,
}

impl Permits<'_> {
    /// What the `Authorization` header says now.
    fn authorization(&self) -> Result<String, ClientError> {
        let now = (self.now)();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, authorization)) = last.as_ref().filter(|(times, _)| times.contains(&now)) {
            return Ok(authorization.clone());
        }
        let terms = PermitTerms { time: now, under: self.under, until: now.plus_ms(limits::PERMIT_MS) };
        let permit = Permit::sign(self.key, &self.owner, &self.trusted.pin().origin, &terms)
            .map_err(|e| ClientError::Here(format!("an upload permit cannot be made: {e}")))?;
        let authorization = format!("Deedbox {}", URL_SAFE_NO_PAD.encode(permit));
        *last = Some((now..now.plus_ms(limits::PERMIT_MS - limits::PERMIT_LEFT_MS), authorization.clone()));
        Ok(authorization)
    }
}
