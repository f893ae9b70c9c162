//! A release by a proof that is kept, without a network where none is wanted. A proof says where it came from, and nobody signed that:
//! whose key is believed is decided by what this machine has pinned and by what the user gave, not by the proof.

use super::anchor::Anchor;
use super::release::no_proof_of;
use super::told::Checked;
use super::{Release, found, nothing_to_verify, shown};
use crate::args::Verify;
use crate::context::{By, Context, Named};
use crate::failure::{refused, wrong};
use crate::packages::file::FileArtifact;
use deedbox_client::trust::{no_standing_alarm, pinned_key, read_pin};
use deedbox_client::{RegistryUrl, SavedProof, saved};
use deedbox_tlog::VerifierKey;
use std::collections::BTreeSet;
use std::path::Path;

pub(super) async fn by_proof(
    context: &Context,
    path: &Path,
    args: &Verify,
    release: Option<&Release>,
    file: Option<&FileArtifact>,
) -> anyhow::Result<Checked> {
    let proof = SavedProof::read(path)?;
    if let Some((id, version)) = release.filter(|(id, version)| proof.name() != format!("{id}@{version}")) {
        return Err(refused(format!("{} is a proof of {}, not of {id}@{version}", shown(path), proof.name())));
    }
    // Where a registry was named, its newest checkpoint must continue the one of the proof. A proof needs no registry.
    let is_offline = args.offline || context.named()?.is_none();
    let (key, anchor) = if is_offline {
        believed_key(context, &proof)?
    } else {
        let trusted = context.trusted_or_asked(args.pin_on_first_use).await?;
        trusted.checkpoint_after(proof.checkpoint().as_bytes()).await?;
        (trusted.key().clone(), Anchor::of(context.named()?, trusted.pin().log_key.clone()))
    };
    let mut checked = verified_by(&proof, &key, anchor, path)?;
    checked.offline = is_offline;
    compare(&mut checked, file)?;
    Ok(checked)
}

pub(super) fn by_kept_proof(context: &Context, release: Option<&Release>, file: Option<&FileArtifact>) -> anyhow::Result<Checked> {
    context.named()?;
    let context = &found::for_release(context, release.map(|(id, _)| id)).or_else(|error| only_pin(context).unwrap_or(Err(error)))?;
    let place = context.home.registry(context.url()?);
    let found = match (release, file) {
        (Some((id, version)), _) => {
            let path = SavedProof::path(&place, id, version);
            path.is_file().then(|| SavedProof::read(&path).map(|proof| (path.clone(), proof))).transpose()?
        }
        (None, Some(file)) => saved::find(&place, &file.digests().sha256)?,
        (None, None) => return Err(nothing_to_verify()),
    };
    let Some((path, proof)) = found else {
        return Err(match (release, file) {
            (Some((id, version)), _) => {
                refused(format!("no proof of {id}@{version} is kept in {}: verify it once with the network", shown(&place.proofs())))
            }
            (_, Some(file)) => no_proof_of(file),
            (None, None) => nothing_to_verify(),
        });
    };
    let (key, anchor) = believed_key(context, &proof)?;
    let mut checked = verified_by(&proof, &key, anchor, &path)?;
    compare(&mut checked, file)?;
    Ok(checked)
}

/// By what is here alone: which of several chains of the package is the one that the registry follows, only its own answer says.
fn verified_by(proof: &SavedProof, key: &VerifierKey, anchor: Anchor, path: &Path) -> anyhow::Result<Checked> {
    let release = proof.verify(key)?;
    Ok(Checked {
        release,
        anchor,
        not_followed: Some("a kept proof does not say which chain the registry follows"),
        compared: Vec::new(),
        not_compared: None,
        offline: true,
        proof: vec![path.to_owned()],
    })
}

fn compare(checked: &mut Checked, file: Option<&FileArtifact>) -> anyhow::Result<()> {
    match file {
        Some(file) => checked.compare_file(file),
        None => {
            checked.not_compared = Some("no file was given to compare");
            Ok(())
        }
    }
}

/// The key that this machine believes: the pin of the registry that was named, or the key that was given. The address in a proof only
/// finds the pin where the machine has pinned no other log than that one.
fn believed_key(context: &Context, proof: &SavedProof) -> anyhow::Result<(VerifierKey, Anchor)> {
    let named = match context.named()? {
        Some(named) => named.clone(),
        None => Named { url: RegistryUrl::parse(proof.registry())?, by: By::Thing("the proof itself".to_owned()) },
    };
    let place = context.home.registry(&named.url);
    match (read_pin(&place)?, &context.log_key) {
        (Some(pin), given) => {
            let key = pinned_key(&place, &pin, given.as_deref())?;
            if context.named()?.is_none() && given.is_none() {
                only_one_log(context, &named)?;
            }
            no_standing_alarm(&context.home.log(&key), named.url.as_str())?;
            Ok((key, Anchor::of(Some(&named), pin.log_key)))
        }
        (None, Some(given)) => {
            let key = VerifierKey::parse(given).map_err(|e| wrong(format!("--log-key: {e}")))?;
            no_standing_alarm(&context.home.log(&key), named.url.as_str())?;
            let anchor = Anchor::of(context.named()?, key.to_string());
            Ok((key, anchor))
        }
        (None, None) => Err(refused(format!(
            "no log key is pinned for {}: a proof says nothing without a key that you believe. Give it with --log-key, or verify once with the network",
            named.url
        ))),
    }
}

/// The registry of the only pin on this machine, if there is one and no other.
fn only_pin(context: &Context) -> Option<anyhow::Result<Context>> {
    let places = context.home.registries().ok()?;
    let mut pins = places.iter().filter_map(|place| read_pin(place).ok().flatten());
    match (pins.next(), pins.next()) {
        (Some(pin), None) => {
            let url = RegistryUrl::parse(&pin.registry).map_err(anyhow::Error::from);
            Some(url.map(|url| context.at(Named { url, by: By::Thing("the only pin on this machine".to_owned()) })))
        }
        _ => None,
    }
}

/// With pins of several logs, a proof would choose among them whom to believe.
fn only_one_log(context: &Context, named: &Named) -> anyhow::Result<()> {
    let mut keys = BTreeSet::new();
    for place in context.home.registries()? {
        keys.extend(read_pin(&place)?.map(|pin| pin.log_key));
    }
    if keys.len() > 1 {
        return Err(wrong(format!(
            "{} logs are pinned on this machine, and a proof does not choose among them (this one says that it is of {}): name the registry with \
             --registry, or the key with --log-key",
            keys.len(),
            named.url
        )));
    }
    Ok(())
}
