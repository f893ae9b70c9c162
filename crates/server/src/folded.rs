//! The part of a server that knows how far the log is folded: how many entries, by which protocol numbers, and which generations can answer
//! (docs/decisions/0016). Reads no row and no entry.

use crate::mounts::{Generation, Mount};
use crate::refusal::Refused;
use deedbox_authority::Deciders;
use deedbox_model::{ProjectionId, Protocol};
use deedbox_replay::{Behind, Numbers};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// What is folded.
pub(crate) struct Folded {
    /// Entries folded into every projection.
    entries: watch::Receiver<u64>,
    /// Their protocol numbers.
    numbers: watch::Receiver<Numbers>,
    /// The generations that are not folded that far.
    behind: watch::Receiver<Behind>,
    deciders: Deciders,
    /// The generations that this program has.
    ids: Vec<ProjectionId>,
    /// By projection what was said last of a generation that is in force and cannot answer: once, and not to each who asks.
    said: Mutex<BTreeMap<&'static str, String>>,
}

impl Folded {
    /// `ids` are the generations that this program has.
    pub(crate) fn new(
        entries: watch::Receiver<u64>,
        numbers: watch::Receiver<Numbers>,
        behind: watch::Receiver<Behind>,
        deciders: Deciders,
        ids: Vec<ProjectionId>,
    ) -> Self {
        Folded { entries, numbers, behind, deciders, ids, said: Mutex::default() }
    }

    /// Entries folded into every projection.
    pub(crate) fn size(&self) -> u64 {
        *self.entries.borrow()
    }

    /// The version of a projection that is in force where so many entries are folded.
    pub(crate) fn version_of(&self, projection: &str, size: u64) -> u32 {
        self.numbers.borrow().version(projection, size)
    }

    /// The generations of this program that are in force where so many entries are folded.
    pub(crate) fn all_in_force(&self, size: u64) -> impl Iterator<Item = &ProjectionId> {
        self.ids.iter().filter(move |id| self.version_of(id.name, size) == id.version)
    }

    /// Why a generation cannot answer, if it cannot.
    fn why_not(&self, generation: &ProjectionId) -> Option<String> {
        if !self.ids.contains(generation) {
            return Some("this program does not have it; update it".to_owned());
        }
        self.behind.borrow().of(generation).map(str::to_owned)
    }

    /// The generation that is in force at a mount where so many entries are folded, if it can answer.
    pub(crate) fn in_force<'m>(&self, mount: &'m Mount, size: u64) -> Result<&'m Generation, Refused> {
        let version = self.version_of(mount.name, size);
        if let Some(generation) = mount.of(version)
            && self.behind.borrow().of(&generation.id).is_none()
        {
            return Ok(generation);
        }
        match self.why_not(&ProjectionId { name: mount.name, version }) {
            // It answers elsewhere, or just now.
            None => mount.of(version).ok_or_else(|| Refused::not_found("nothing is served at this address now".to_owned())),
            Some(why) => {
                if self.is_news(mount.name, format!("{version}: {why}")) {
                    tracing::warn!(projection = mount.name, version, why, "a generation that is in force cannot answer");
                }
                Err(Refused::unavailable("undecided", "this registry cannot answer this now by the rules in force"))
            }
        }
    }

    /// Whether something else was said last of this projection.
    fn is_news(&self, projection: &'static str, why: String) -> bool {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(projection) == Some(&why) {
            return false;
        }
        said.insert(projection, why);
        true
    }

    /// Why a generation that is in force cannot answer, if there is such a one.
    pub(crate) fn lacking(&self) -> Option<String> {
        let size = self.size();
        self.ids.iter().find_map(|id| {
            let in_force = ProjectionId { name: id.name, version: self.version_of(id.name, size) };
            self.why_not(&in_force).map(|why| format!("{in_force} is in force, and cannot answer: {why}"))
        })
    }

    /// The protocol number in force for a folded entry. None that is folded goes by a number that this program does not have.
    pub(crate) fn protocol_at(&self, index: u64) -> Option<&'static Protocol> {
        self.deciders.protocol(self.numbers.borrow().at(index))
    }

    /// The protocol number in force for what comes next, if this program has it.
    pub(crate) fn protocol_now(&self) -> Option<&'static Protocol> {
        self.deciders.protocol(self.numbers.borrow().now())
    }

    /// What judges, by the protocol number in force.
    pub(crate) fn deciders(&self) -> Deciders {
        self.deciders
    }

    /// Waits until so many entries are folded.
    pub(crate) async fn reaches(&self, size: u64) -> Result<(), Refused> {
        let folded = self.entries.clone().wait_for(|entries| *entries >= size).await.map(drop);
        folded.map_err(|_| Refused::unavailable("store", "this registry serves and takes no statement now"))
    }

    /// This protocol number, if this program has it.
    pub(crate) fn protocol(&self, number: u64) -> Option<&'static Protocol> {
        self.deciders.protocol(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_generation_from_answering_is_said_once_and_again_when_it_changes() {
        let (entries, numbers, behind) = (watch::channel(0).1, watch::channel(Numbers::default()).1, watch::channel(Behind::default()).1);
        let folded = Folded::new(entries, numbers, behind, deedbox_authority::DECIDERS, Vec::new());
        let news = |projection, why: &str| folded.is_news(projection, why.to_owned());
        assert!(news("npm", "2: far"));
        assert!((0..1_000).all(|_| !news("npm", "2: far")));
        assert!(news("gem", "2: far") && !news("npm", "2: far"), "each projection by itself");
        assert!(news("npm", "2: near") && !news("npm", "2: near"));
    }
}
