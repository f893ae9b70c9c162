//! An object by its address alone, for a reader who may read what it is published with (docs/decisions/0017-one-gate.md). Gives no bytes.

use crate::gate::Authorized;
use crate::reading::Reading;
use crate::refusal::Refused;
use crate::shelf::{Bare, Readable};
use deedbox_model::Sha256Digest;
use deedbox_view::Reader;

/// An object, if an event refers to it and this reader may read what the first one that does is about.
pub(crate) async fn published(reading: &Reading, reader: &Reader, address: &Sha256Digest) -> Result<Option<Authorized<Readable>>, Refused> {
    let Some(object) = reading.objects.readable(address).await? else { return Ok(None) };
    let bare = Bare::new(object, reading.about_entry(object.index()).await?);
    Ok(reading.gate.ask(reader, bare).and_then(|bare| bare.part(object)))
}
