//! The part of a server that says which registry it is: the name and key of its log, and how it is reached. Only what anybody who reaches
//! the registry knows is open; what tells of its log is given to whoever may read that.

use crate::gate::{Authorized, TellsOf};
use crate::log_files::Tree;
use deedbox_model::Origin;
use deedbox_view::Resource;

/// Which registry this is.
pub(crate) struct Identity {
    pub(crate) origin: Origin,
    /// The verifier key of the log, as one line without its end.
    vkey: String,
    said: Said,
}

/// What it says of itself, beside its name.
pub(crate) struct Said {
    /// Under which URL clients reach it.
    pub(crate) public_url: String,
    /// The ecosystems that can be published.
    pub(crate) ecosystems: Vec<&'static str>,
    /// Whether claims below `localhost` are taken.
    pub(crate) allow_local_claims: bool,
}

/// The registry, as it speaks of itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Itself;

impl TellsOf for Itself {
    fn tells_of(&self) -> &[Resource] {
        &[Resource::Registry]
    }
}

impl Identity {
    pub(crate) fn new(origin: Origin, vkey: String, said: Said) -> Self {
        Identity { origin, vkey, said }
    }

    /// The verifier key, for who may read the tree that it signs.
    pub(crate) fn vkey(&self, _: &Authorized<Tree>) -> &str {
        &self.vkey
    }

    /// All that it says of itself.
    pub(crate) fn said(&self, _: &Authorized<Itself>) -> (&str, &Said) {
        (&self.vkey, &self.said)
    }
}
