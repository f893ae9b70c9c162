//! Grants: letting other keys speak for some of a domain's packages, and taking that back (spec/events.md §4.10).

use crate::error::ClientError;
use crate::hands::{GoesOn, Voice, say};
use crate::submit::Included;
use crate::trust::Trusted;
use deedbox_model::event::{Event, PublisherGranted, PublisherRevoked};
use deedbox_model::{Domain, EventId, Signer, TimeMs};

/// Grants something, on top of what the log says of the domain now.
pub async fn grant(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    granted: PublisherGranted,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    say(trusted, key, domain, (Voice::Domain, GoesOn::Head), &Event::from(granted), now).await
}

/// Takes a grant back, whatever else is said of the domain meanwhile.
pub async fn revoke(
    trusted: &Trusted,
    key: &dyn Signer,
    domain: &Domain,
    grant: EventId,
    now: &dyn Fn() -> TimeMs,
) -> Result<Included, ClientError> {
    say(trusted, key, domain, (Voice::Domain, GoesOn::Tenure), &Event::from(PublisherRevoked { grant }), now).await
}
