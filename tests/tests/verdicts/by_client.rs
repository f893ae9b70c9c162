//! The verifying client over a proof of the effective entries before a case, and the case itself.
//!
//! The client supposes what a proof does not show (`crates/client/src/verify.rs`), so a few cases are not comparable: it supposes the head of a
//! chain that is not shown without a gap, and that a registry has a suffix list. A proof that does not begin with the registry's creation is
//! refused as a whole. Void entries of before are left out: of a package they would be gaps, and of the registry they refuse the whole proof.

use super::count::{CLIENT, CLIENT_EFFECT, Counts};
use super::judged::Case;
use deedbox_client::trust::verify_checkpoint;
use deedbox_client::{Unproven, VerifyError};
use deedbox_model::event::RegistryCreated;
use deedbox_model::{Event, EventId, Statement};
use deedbox_testkit::Registry;
use deedbox_tlog::key::KeyKind;
use deedbox_tlog::{Checkpoint, Edge, Hash, KeyName, Signer, Tiles, VerifierKey, leaf_hash, prove_multiproof};
use std::ops::Range;

/// What the client says of a case.
#[derive(Debug, PartialEq, Eq)]
enum Says {
    Effective,
    Refused(&'static str),
    /// No effect, and it does not say why.
    NoEffect,
}

pub(crate) fn judge(told: &[Case], own: Range<usize>, counts: &mut Counts) {
    for at in own {
        if told[0].refused.is_some() {
            counts.add("not comparable at the client: the log does not begin with a registry");
        } else {
            judge_one(told, at, counts);
        }
    }
}

fn judge_one(told: &[Case], at: usize, counts: &mut Counts) {
    let case = &told[at];
    let said = says(told, at);
    let expected = case.refused.map_or(Says::Effective, Says::Refused);
    if said == Says::NoEffect && case.refused.is_some() {
        counts.add(CLIENT_EFFECT);
        return;
    }
    if said != expected
        && let Some(what) = supposed(told, at)
    {
        counts.add(&format!("not comparable at the client: it supposes {what}"));
        return;
    }
    assert_eq!(said, expected, "the client on entry {at}, {}", case.name());
    counts.add(CLIENT);
}

/// What the client cannot know of this case, and supposes.
fn supposed(told: &[Case], at: usize) -> Option<&'static str> {
    let (case, statement) = (&told[at], &told[at].statement);
    let shown = |prev: EventId| told[..at].iter().any(|before| before.refused.is_none() && before.statement.id() == prev);
    let supposes_head = match statement.event() {
        Event::Package(_) => statement.prev().is_some(),
        Event::Registry(_) => statement.prev().is_some_and(|prev| !shown(prev)),
        Event::Domain(_) => false,
    };
    match case.refused {
        Some("stale_prev") if supposes_head => Some("the head of a chain that is not shown"),
        Some("no_ground") => Some("a suffix list"),
        _ => None,
    }
}

fn created(told: &[Case]) -> &RegistryCreated {
    told[0].statement.event().created().expect("the log begins with a registry")
}

/// A proof of the effective entries before, and of this one, in the tree of all up to it.
fn says(told: &[Case], at: usize) -> Says {
    let origin = created(told).origin.clone();
    let name = KeyName::new(origin.as_str()).unwrap();
    let log = Registry::default().log;
    let vkey = VerifierKey::new(name.clone(), KeyKind::Ed25519, &log.public().to_bytes()).unwrap();
    let leaves: Vec<Hash> = told[..=at].iter().map(|case| leaf_hash(case.bytes())).collect();
    let growth = Edge::empty().grow(&leaves).unwrap();
    let tiles: Tiles = growth.tiles.into_iter().collect();
    let indices: Vec<u64> = (0..=at).filter(|n| *n == at || told[*n].refused.is_none()).map(|n| n as u64).collect();
    let proof = prove_multiproof(&indices, leaves.len() as u64, &tiles).unwrap();
    let signer = Signer::new(name.clone(), ed25519_dalek::SigningKey::from_bytes(&log.seed())).unwrap();
    let checkpoint = Checkpoint::new(name, leaves.len() as u64, growth.root).unwrap().sign(&signer).unwrap().to_string();
    let entries = indices.iter().map(|index| (*index, told[*index as usize].bytes().to_vec())).collect();
    let unproven = Unproven::from_parts(entries, &proof, checkpoint, Vec::new());
    let checkpoint = verify_checkpoint(unproven.checkpoint().as_bytes(), &vkey).unwrap();
    let proven = unproven.prove(&checkpoint).unwrap();
    let at_index = at as u64;
    let statement: &Statement = &told[at].statement;
    let mut judged = match deedbox_client::verify::judge(&proven, &origin, &vkey) {
        Ok(judged) => judged,
        Err(error) => return refusal(error, at_index),
    };
    if judged.index_of(&statement.id()) == Some(at_index) {
        return Says::Effective;
    }
    let of_a_release = statement.package().zip(statement.event().version());
    match (statement.event(), of_a_release) {
        (Event::Domain(_), _) => refusal(judged.must_have_effect(&statement.id()).unwrap_err(), at_index),
        // A channel says nothing of a release.
        (Event::Package(deedbox_model::event::PackageEvent::ChannelSet(_)), _) => Says::NoEffect,
        (_, Some((id, version))) => refusal(judged.release(id, version).unwrap_err(), at_index),
        (_, None) => Says::NoEffect,
    }
}

fn refusal(error: VerifyError, at: u64) -> Says {
    match error {
        VerifyError::NotAuthorised { index, refusal, .. } if index == at => Says::Refused(refusal.code()),
        other => panic!("of entry {at} the client says {other}"),
    }
}
