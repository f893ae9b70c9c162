//! Uploads: a permit, a budget, a stream that is hashed as it comes, and an object in place or nothing (spec/objects.md §4).

use crate::refusal::IntakeRefusal;
use crate::{Door, is_ahead};
use bytes::Bytes;
use deedbox_authority::rows::{DomainRow, domain_key};
use deedbox_authority::{PROJECTION, VERSION};
use deedbox_model::permit::Permit;
use deedbox_model::row::decode_row;
use deedbox_model::{Digests, Domain, ObjectRef, TimeMs};
use deedbox_store::{ProjectionId, Upload};

/// A proof that a permit was checked: its holder may upload on this domain's account.
#[derive(Debug, Clone)]
pub struct Uploader {
    domain: Domain,
}

impl Uploader {
    /// On whose account.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

/// One upload on its way. Dropped without `finish`, as when its sender hangs up, it leaves nothing: what was written is
/// removed in the background. A crash before that leaves a temporary file, which the sweep removes.
pub struct Incoming<'a> {
    door: &'a Door,
    uploader: &'a Uploader,
    upload: Option<Box<dyn Upload>>,
    object: ObjectRef,
    received: u64,
}

impl Door {
    /// Checks a permit: signature, audience, time, and that its key may publish for its domain now.
    pub async fn permit(&self, bytes: &[u8], now: TimeMs) -> Result<Uploader, IntakeRefusal> {
        let refused = |why: String| IntakeRefusal::Permit(why);
        let (kid, domain) = Permit::peek(bytes).map_err(|e| refused(e.to_string()))?;
        let key = domain_key(&domain)?;
        let projection = ProjectionId { name: PROJECTION, version: VERSION };
        let row = self.rows.read(&projection, std::slice::from_ref(&key)).await?.into_iter().next().flatten();
        let Some(row) = row else {
            return Err(refused(format!("nobody has claimed {domain}")));
        };
        let row: DomainRow = decode_row(&key, &row.bytes)?;
        let Some(registered) = row.keys.iter().find(|k| k.key.id() == kid) else {
            return Err(refused(format!("its key is not one of {domain}'s")));
        };
        let permit = Permit::verify(bytes, &registered.key).map_err(|e| refused(e.to_string()))?;
        if permit.audience() != &self.origin {
            return Err(refused(format!("it was made for {}, this is {}", permit.audience(), self.origin)));
        }
        if permit.terms().under != row.tenure {
            return Err(refused(format!("it was made under another tenure of {domain}")));
        }
        if is_ahead(permit.terms().time, now) {
            return Err(refused("it begins more than two minutes ahead of this registry's clock".to_owned()));
        }
        if now >= permit.terms().until {
            return Err(refused("it has expired: make a new one".to_owned()));
        }
        if !registered.is_valid_at(now) {
            return Err(refused(format!("its key may not publish for {domain} now")));
        }
        Ok(Uploader { domain })
    }

    /// Begins an upload of exactly this object. Refused before the first byte where it cannot end well.
    pub async fn begin<'a>(&'a self, uploader: &'a Uploader, object: ObjectRef, now: TimeMs) -> Result<Incoming<'a>, IntakeRefusal> {
        if object.size > self.policy.max_object_bytes {
            return Err(IntakeRefusal::ObjectTooLarge { size: object.size, limit: self.policy.max_object_bytes });
        }
        self.budget.reserve(&uploader.domain, object.sha256, object.size, now)?;
        match self.objects.begin().await {
            Ok(upload) => Ok(Incoming { door: self, uploader, upload: Some(upload), object, received: 0 }),
            Err(e) => {
                self.budget.release(&uploader.domain, [object.sha256]);
                Err(e.into())
            }
        }
    }
}

impl Incoming<'_> {
    /// The next bytes. More than were announced end the upload.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), IntakeRefusal> {
        self.received += bytes.len() as u64;
        if self.received > self.object.size {
            return Err(IntakeRefusal::DigestMismatch(format!("more than the {} bytes that were announced", self.object.size)));
        }
        match &mut self.upload {
            Some(upload) => Ok(upload.write(bytes).await?),
            None => Err(IntakeRefusal::DigestMismatch("the upload is over".to_owned())),
        }
    }

    /// Puts the object in place if the bytes are those announced; else leaves nothing.
    pub async fn finish(mut self) -> Result<Digests, IntakeRefusal> {
        match self.upload.take() {
            Some(upload) => {
                let result = upload.finish(self.object).await;
                match &result {
                    Ok(digests) => self.door.uploaded.learn(self.object.sha256, *digests),
                    Err(_) => self.door.budget.release(&self.uploader.domain, [self.object.sha256]),
                }
                Ok(result?)
            }
            None => Err(IntakeRefusal::DigestMismatch("the upload is over".to_owned())),
        }
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if let Some(upload) = self.upload.take() {
            self.door.budget.release(&self.uploader.domain, [self.object.sha256]);
            // These bytes are on nobody's account any more: who sends halves for a day must not fill the disk.
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(upload.abort());
            }
        }
    }
}
