//! Whether the holder of a release is one whom the user of this machine accepted, where the domain came to them without the word of the one before
//! (docs/guides/ownership.md).

use super::told::Checked;
use crate::context::Context;
use crate::failure::{refused, refused_as};
use crate::{home, terminal};
use deedbox_client::{ClientError, Tenures, VerifiedRelease, VerifyError};
use deedbox_tlog::VerifierKey;

/// The stable code of a release of a holder who was not accepted.
pub(super) const NOT_ACCEPTED: &str = "tenure_not_accepted";

/// Refuses what was not accepted; accepts it, where the user says so. All else of the release is verified.
pub(super) fn check(context: &Context, checked: &Checked, accept: bool) -> anyhow::Result<()> {
    let key = VerifierKey::parse(checked.anchor.log_key()).map_err(|e| refused(format!("the log key: {e}")))?;
    let tenures = Tenures::of(&context.home, &key);
    match tenures.must_be_accepted(&checked.release) {
        Err(ClientError::Verify(VerifyError::NotAccepted { .. })) if accept => note(&tenures, &checked.release),
        Err(ClientError::Verify(why @ VerifyError::NotAccepted { .. })) => Err(refused_as(NOT_ACCEPTED, why.to_string())),
        other => Ok(other?),
    }
}

/// Accepts the holder, and says it.
pub(super) fn note(tenures: &Tenures, release: &VerifiedRelease) -> anyhow::Result<()> {
    tenures.accept(release, home::now())?;
    if let Some(broken) = release.broken() {
        terminal::note(&format!("accepted the holder of {}: {broken}", release.owner()));
    }
    Ok(())
}
