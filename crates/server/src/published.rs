//! An object by its address alone, for a reader who may read what it is published with (docs/decisions/0017-one-gate.md). Gives no bytes.

use crate::app::App;
use crate::events::about_entry;
use crate::gate::Authorized;
use crate::refusal::Refused;
use crate::shelf::{Bare, Readable};
use deedbox_model::Sha256Digest;
use deedbox_view::Reader;

/// An object, if an event refers to it and this reader may read what the first one that does is about.
pub(crate) async fn published(app: &App, reader: &Reader, address: &Sha256Digest) -> Result<Option<Authorized<Readable>>, Refused> {
    let Some(object) = app.objects.readable(address).await? else { return Ok(None) };
    let bare = Bare::new(object, about_entry(app, object.index()).await?);
    Ok(app.gate.ask(reader, bare).and_then(|bare| bare.part(object)))
}
