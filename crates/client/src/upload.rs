//! Uploading objects (spec/objects.md §4, spec/api.md §5): under a permit signed by the publisher's key, leaving out
//! what is there already, some at once. One that broke off, now or in an earlier run, goes on from the byte where it was. A permit is
//! short and an upload may be long: before one runs out, the next is signed.

use crate::error::ClientError;
use crate::http::{Has, Rest};
use crate::limits;
use crate::right::{Right, Wanted, right};
use crate::trust::Trusted;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use deedbox_model::permit::{Permit, PermitTerms};
use deedbox_model::{Domain, ObjectRef, Signer, TimeMs};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use std::io::SeekFrom;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio::time::Instant;

/// Bytes of a file that are read at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// How often progress is told.
const TOLD_EVERY: Duration = Duration::from_millis(100);

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
    key: &dyn Signer,
    domain: &Domain,
    objects: Vec<(ObjectRef, Payload)>,
    now: &(dyn Fn() -> TimeMs + Sync),
    progress: &(dyn Fn(u64) + Sync),
) -> Result<usize, ClientError> {
    let right = right(trusted, domain, key, Wanted::Upload, now()).await?;
    let permits = &Permits { trusted, key, right, now, last: Mutex::default() };
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
    key: &dyn Signer,
    domain: &Domain,
    object: ObjectRef,
    now: &(dyn Fn() -> TimeMs + Sync),
) -> Result<(), ClientError> {
    let right = right(trusted, domain, key, Wanted::Upload, now()).await?;
    let permits = Permits { trusted, key, right, now, last: Mutex::default() };
    trusted.registry().has_object(&format!("objects/sha256/{}", object.sha256.to_hex()), &permits.authorization()?).await.map(|_| ())
}

async fn one(
    trusted: &Trusted,
    permits: &Permits<'_>,
    object: ObjectRef,
    payload: Payload,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<bool, ClientError> {
    let path = format!("objects/sha256/{}", object.sha256.to_hex());
    let mut sending = Sending { trusted, permits, object, payload, progress, told: 0, from: 0, taken: Arc::default() };
    let mut tries = Tries { left: limits::UPLOAD_RETRIES, furthest: 0, may_go_on: true };
    let mut other = Other { furthest: 0, moved: Instant::now(), since: Instant::now() };
    let patience = trusted.registry().patience();
    let mut has_sent = false;
    loop {
        let has = match trusted.registry().has_object(&path, &permits.authorization()?).await {
            Ok(has) => has,
            // A registry that went away while it was sent to may be about to come back.
            Err(error) if has_sent && tries.again(&error, 0) => {
                tokio::time::sleep(tries.wait(patience.look)).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let from = match has {
            Has::Whole => {
                sending.tell(object.size);
                return Ok(has_sent);
            }
            Has::Part { received, size, is_held: true } if size == object.size && other.goes_on(received, patience.stands) => {
                tokio::time::sleep(patience.look).await;
                continue;
            }
            Has::Part { received, size, is_held: false } if size == object.size && received < size && tries.may_go_on => received,
            Has::Part { .. } | Has::Nothing => 0,
        };
        has_sent = true;
        match sending.send(&path, from).await {
            Ok(()) => return Ok(true),
            Err(error) if tries.again(&error, from) => tokio::time::sleep(tries.wait(patience.look)).await,
            Err(error) => return Err(error),
        }
    }
}

/// An upload of the same object for the same domain that somebody else sends: what they send need not be sent again.
struct Other {
    furthest: u64,
    /// When it last got further.
    moved: Instant,
    since: Instant,
}

impl Other {
    /// Whether it is worth waiting for. One that stands still was given up, and its registry does not know it yet.
    fn goes_on(&mut self, received: u64, stands: Duration) -> bool {
        if received > self.furthest {
            (self.furthest, self.moved) = (received, Instant::now());
        }
        self.moved.elapsed() < stands && self.since.elapsed() < limits::UPLOAD_WAIT
    }
}

/// How often an upload that broke off is gone on with by itself.
struct Tries {
    /// Without a byte more.
    left: u32,
    furthest: u64,
    /// Whether what is there may be gone on with.
    may_go_on: bool,
}

impl Tries {
    /// How long until the next: twice as long as before it.
    fn wait(&self, first: Duration) -> Duration {
        first * 2_u32.saturating_pow(limits::UPLOAD_RETRIES.saturating_sub(self.left).saturating_sub(1))
    }

    /// Whether to try again after this.
    fn again(&mut self, error: &ClientError, from: u64) -> bool {
        if from > self.furthest {
            (self.furthest, self.left) = (from, limits::UPLOAD_RETRIES);
        }
        let may = match error {
            // The registry went away, or the line did. What it has is asked for anew.
            ClientError::Unreachable { .. } | ClientError::BrokenOff { .. } | ClientError::Busy { .. } => true,
            ClientError::Refused { code, .. } if code == "upload_offset" || code == "upload_under_way" => true,
            // What was there before is not the beginning of this.
            ClientError::Refused { code, .. } if code == "digest_mismatch" && from > 0 => {
                self.may_go_on = false;
                true
            }
            _ => false,
        };
        self.left = self.left.saturating_sub(u32::from(may));
        may && self.left > 0
    }
}

/// One object that is sent, perhaps in several goes.
struct Sending<'a> {
    trusted: &'a Trusted,
    permits: &'a Permits<'a>,
    object: ObjectRef,
    payload: Payload,
    progress: &'a (dyn Fn(u64) + Sync),
    /// Bytes that were told to `progress`.
    told: u64,
    /// Where the last go began, and how many bytes were taken since.
    from: u64,
    taken: Arc<AtomicU64>,
}

/// A call that is interrupted has told all that was sent.
impl Drop for Sending<'_> {
    fn drop(&mut self) {
        self.tell_taken();
    }
}

impl Sending<'_> {
    fn tell_taken(&mut self) {
        self.tell(self.from + self.taken.load(Ordering::Relaxed));
    }

    fn tell(&mut self, bytes: u64) {
        if bytes > self.told {
            (self.progress)(bytes - self.told);
            self.told = bytes;
        }
    }

    /// From this byte to the end.
    async fn send(&mut self, path: &str, from: u64) -> Result<(), ClientError> {
        (self.from, self.taken) = (from, Arc::default());
        self.tell(from);
        let (size, taken) = (self.object.size, Arc::clone(&self.taken));
        let body = body(&self.payload, from, Arc::clone(&taken)).await?;
        let authorization = self.permits.authorization()?;
        let put = self.trusted.registry().put(path, &authorization, Rest { from, size, body, taken: &taken });
        tokio::pin!(put);
        // A layer takes minutes: what it has sent so far is told on the way.
        loop {
            let done = tokio::time::timeout(TOLD_EVERY, &mut put).await;
            self.tell_taken();
            if let Ok(done) = done {
                return done;
            }
        }
    }
}

/// The bytes from one of them on, counted as they are taken.
async fn body(payload: &Payload, from: u64, taken: Arc<AtomicU64>) -> Result<reqwest::Body, ClientError> {
    match payload {
        Payload::Bytes(bytes) => {
            let rest = usize::try_from(from).ok().and_then(|from| bytes.get(from..)).unwrap_or_default().to_vec();
            taken.store(rest.len() as u64, Ordering::Relaxed);
            Ok(reqwest::Body::from(rest))
        }
        Payload::File(path) => {
            let mut file = tokio::fs::File::open(path).await.map_err(|e| ClientError::file(path, e))?;
            file.seek(SeekFrom::Start(from)).await.map_err(|e| ClientError::file(path, e))?;
            let pieces = stream::try_unfold((file, taken), |(mut file, taken)| async move {
                let mut piece = vec![0; PIECE_BYTES];
                let read = file.read(&mut piece).await?;
                piece.truncate(read);
                taken.fetch_add(read as u64, Ordering::Relaxed);
                std::io::Result::Ok(if read == 0 { None } else { Some((piece, (file, taken))) })
            });
            Ok(reqwest::Body::wrap_stream(pieces))
        }
    }
}

/// The permits of one upload: the last one, until it is about to run out.
struct Permits<'a> {
    trusted: &'a Trusted,
    key: &'a dyn Signer,
    right: Right,
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
        let terms = PermitTerms { by: self.right.by, time: now, under: self.right.tenure, until: now.plus_ms(limits::PERMIT_MS) };
        let permit = Permit::sign(self.key, &self.right.owner, &self.trusted.pin().origin, &terms)
            .map_err(|e| ClientError::Here(format!("an upload permit cannot be made: {e}")))?;
        let authorization = format!("Deedbox {}", URL_SAFE_NO_PAD.encode(permit));
        *last = Some((now..now.plus_ms(limits::PERMIT_MS - limits::PERMIT_LEFT_MS), authorization.clone()));
        Ok(authorization)
    }
}
