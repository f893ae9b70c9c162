//! Uploads: a permit, a budget, a stream that is hashed as it comes, and an object in place, a part that is gone on with, or nothing
//! (spec/objects.md §4). A part belongs to a domain and an object; one upload writes it at a time.

use crate::budget::{Progress, Reservation};
use crate::limits::{PART_FROM_BYTES, PART_LEAST_BYTES};
use crate::refusal::IntakeRefusal;
use crate::{Door, is_ahead};
use bytes::Bytes;
use deedbox_authority::rows::{DomainRow, GrantRow, domain_key, grant_key};
use deedbox_authority::{MAX_AHEAD_MS, PROJECTION as AUTHORITY};
use deedbox_model::event::Action;
use deedbox_model::permit::Permit;
use deedbox_model::row::decode_row;
use deedbox_model::time::span;
use deedbox_model::{Digests, Domain, EventId, ObjectRef, Sha256Digest, TimeMs};
use deedbox_store::{Begin, Left, StoreError, Upload, read_one};
use std::future::Future;
use std::sync::Arc;

/// A proof that a permit was checked: its holder may upload on this domain's account.
#[derive(Debug, Clone)]
pub struct Uploader {
    domain: Domain,
}

/// One upload on its way. Dropped without `finish`, as when its sender hangs up, it leaves its part if it has one, and else nothing.
pub struct Incoming<'a> {
    door: &'a Door,
    going: Going,
}

/// The file of an upload, and what holds its bytes on the account: never one without the other. Dropped, it cleans up in the background.
/// A crash before that leaves the part as far as it was written, or a temporary file, which is swept.
struct Going {
    /// None once it is over.
    file: Option<(Box<dyn Upload>, Reservation)>,
    object: ObjectRef,
    received: u64,
    since: TimeMs,
    /// Whether what was written cannot be part of the object.
    is_spoilt: bool,
}

impl Door {
    /// Checks a permit: signature, audience, time, and that its key may publish for its domain now.
    pub async fn permit(&self, bytes: &[u8], now: TimeMs) -> Result<Uploader, IntakeRefusal> {
        let refused = |why: String| IntakeRefusal::Permit(why);
        let (kid, domain, by) = Permit::peek(bytes).map_err(|e| refused(e.to_string()))?;
        let Some(row) = self.domain_row(&domain).await? else {
            return Err(IntakeRefusal::unclaimed(&domain));
        };
        if row.released {
            return Err(refused(format!("the holder of {domain} gave it up")));
        }
        let may = match by {
            None => row.keys.iter().find(|key| key.key.id() == kid).map(|key| {
                let may = key.role.speaks_of_packages() && key.is_valid_at(now);
                (key.key, may)
            }),
            Some(grant) => self.grant_row(&grant, &domain, &row).await?.filter(|grant| grant.key.id() == kid).map(|grant| {
                let may = grant.actions.contains(&Action::Publish) && grant.is_in_force(now);
                (grant.key, may)
            }),
        };
        let Some((key, may)) = may else {
            let whose = if by.is_some() { "that of the grant" } else { "one of the domain's" };
            return Err(refused(format!("its key is not {whose}: {domain}")));
        };
        let permit = Permit::verify(bytes, &key).map_err(|e| refused(e.to_string()))?;
        if permit.audience() != &self.origin {
            return Err(refused(format!("it was made for {}, this is {}", permit.audience(), self.origin)));
        }
        if permit.terms().under != row.tenure {
            return Err(refused(format!("it was made under another tenure of {domain}")));
        }
        if is_ahead(permit.terms().time, now) {
            return Err(refused(format!("it begins more than {} ahead of this registry's clock", span(MAX_AHEAD_MS))));
        }
        if now >= permit.terms().until {
            return Err(refused("it has expired: make a new one".to_owned()));
        }
        if !may {
            return Err(refused(format!("its key may not publish for {domain} now")));
        }
        if row.frozen.are_in_force(now) {
            return Err(refused(format!("{domain} is frozen")));
        }
        Ok(Uploader { domain })
    }

    pub(crate) async fn domain_row(&self, domain: &Domain) -> Result<Option<DomainRow>, IntakeRefusal> {
        let key = domain_key(domain)?;
        let row = read_one(self.rows.as_ref(), &AUTHORITY, &key).await?;
        Ok(row.map(|row| decode_row(&key, &row.bytes)).transpose()?)
    }

    /// A grant of this domain, under its present tenure.
    pub(crate) async fn grant_row(&self, grant: &EventId, domain: &Domain, row: &DomainRow) -> Result<Option<GrantRow>, IntakeRefusal> {
        let key = grant_key(grant)?;
        let found = read_one(self.rows.as_ref(), &AUTHORITY, &key).await?;
        let found: Option<GrantRow> = found.map(|found| decode_row(&key, &found.bytes)).transpose()?;
        Ok(found.filter(|found| &found.domain == domain && found.tenure == row.tenure))
    }

    /// Begins an upload of exactly this object, from its first byte. Refused before that where it cannot end well.
    pub async fn begin<'a>(&'a self, uploader: &Uploader, object: ObjectRef, now: TimeMs) -> Result<Incoming<'a>, IntakeRefusal> {
        self.fits(&object)?;
        let reservation = self.budget.reserve(&uploader.domain, object, object.size >= PART_FROM_BYTES)?;
        let how = if reservation.has_part() { Begin::Anew } else { Begin::Apart };
        self.incoming(reservation, how, now).await
    }

    /// Goes on with the part of an upload, from this byte: that of the first one that is not here.
    pub async fn resume<'a>(
        &'a self,
        uploader: &Uploader,
        object: ObjectRef,
        offset: u64,
        now: TimeMs,
    ) -> Result<Incoming<'a>, IntakeRefusal> {
        self.fits(&object)?;
        let reservation = self.budget.resume(&uploader.domain, object, offset)?;
        let incoming = self.incoming(reservation, Begin::Again, now).await?;
        if incoming.going.received != offset {
            // The file is not what the account says. What is right of it stays, and the publisher is told how much that is.
            return Err(IntakeRefusal::UploadOffset { address: object.sha256.to_address(), offset: incoming.going.received });
        }
        Ok(incoming)
    }

    /// How far an upload is on this domain's account, if it broke off or is on its way.
    pub fn progress(&self, uploader: &Uploader, address: &Sha256Digest) -> Option<Progress> {
        self.budget.progress(&uploader.domain, address)
    }

    /// Whether an object is in place on this domain's account: uploaded for it, and not published. What others have uploaded is nobody's
    /// business before an event refers to it.
    pub fn has(&self, uploader: &Uploader, address: &Sha256Digest) -> bool {
        self.budget.is_here(&uploader.domain, address)
    }

    fn fits(&self, object: &ObjectRef) -> Result<(), IntakeRefusal> {
        let limit = self.policy.max_object_bytes;
        if object.size > limit { Err(IntakeRefusal::ObjectTooLarge { size: object.size, limit }) } else { Ok(()) }
    }

    /// Goes on to its end where its sender goes away meanwhile: a part that is being hashed again is not forgotten.
    async fn incoming(&self, reservation: Reservation, how: Begin, now: TimeMs) -> Result<Incoming<'_>, IntakeRefusal> {
        let objects = Arc::clone(&self.objects);
        let going = in_any_case(async move {
            let id = reservation.id().clone();
            let upload = match objects.begin_for(&id, how).await {
                Ok(upload) => upload,
                Err(error) => {
                    // What cannot be opened is not gone on with either. If this fails too, the next start finds it.
                    if reservation.has_part() {
                        let _ = objects.forget(Left::Part, vec![id]).await;
                    }
                    return Err(error.into());
                }
            };
            let received = upload.received();
            Ok(Going { object: id.object, received, file: Some((upload, reservation)), since: now, is_spoilt: false })
        });
        Ok(Incoming { door: self, going: going.await? })
    }
}

/// Does the work to its end, also where nobody waits for it any more.
async fn in_any_case<T: Send + 'static>(work: impl Future<Output = Result<T, IntakeRefusal>> + Send + 'static) -> Result<T, IntakeRefusal> {
    tokio::spawn(work).await.unwrap_or_else(|e| Err(StoreError::medium("an upload", e).into()))
}

fn over() -> IntakeRefusal {
    IntakeRefusal::DigestMismatch("the upload is over".to_owned())
}

impl Incoming<'_> {
    /// The next bytes. More than were announced end the upload.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), IntakeRefusal> {
        let going = &mut self.going;
        let (upload, reservation) = going.file.as_mut().ok_or_else(over)?;
        let received = going.received + bytes.len() as u64;
        if received > going.object.size {
            going.is_spoilt = true;
            return Err(IntakeRefusal::DigestMismatch(format!("more than the {} bytes that were announced", going.object.size)));
        }
        upload.write(bytes).await?;
        going.received = received;
        reservation.received(received);
        Ok(())
    }

    /// Puts the object in place if the bytes are those announced; else leaves nothing. What comes into place is on the account, also where
    /// its sender hangs up meanwhile.
    pub async fn finish(mut self) -> Result<Digests, IntakeRefusal> {
        let (upload, reservation) = self.going.file.take().ok_or_else(over)?;
        let (object, since) = (self.going.object, self.going.since);
        let finished = in_any_case(async move {
            let digests = upload.finish(object).await?;
            reservation.here(since);
            Ok(digests)
        });
        let digests = finished.await?;
        self.door.uploaded.learn(object.sha256, digests);
        Ok(digests)
    }
}

impl Drop for Going {
    fn drop(&mut self) {
        let Some((upload, reservation)) = self.file.take() else { return };
        let (since, keeps) = (self.since, !self.is_spoilt && self.received >= PART_LEAST_BYTES && reservation.may_keep());
        // The reservation goes along: the account holds these bytes until they are gone from the disk, or are a part.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                match keeps {
                    true => match upload.keep().await {
                        0 => {}
                        bytes => reservation.kept(bytes, since),
                    },
                    false => upload.abort().await,
                }
            });
        }
    }
}
