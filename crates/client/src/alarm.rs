//! What a log must never do: the alarms of who follows it (spec/log.md §7). The evidence is kept by `trust`.

use std::path::PathBuf;

/// What a log must never do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// Two histories.
    #[error(
        "FORK: the log {origin} at {registry} has shown two histories. A checkpoint of {found} entries does not continue the one of {seen} entries \
         that this machine has seen. Both are signed by the log's own key and kept in {}. Trust nothing from there; show that file to \
         others who use the registry. This alarm stays until you remove the file", evidence.display()
    )]
    Fork {
        /// The log.
        origin: String,
        /// Where.
        registry: String,
        /// Entries of the checkpoint that was seen before.
        seen: u64,
        /// Entries of the one that contradicts it.
        found: u64,
        /// The file that proves it.
        evidence: PathBuf,
    },
    /// An alarm of an earlier run.
    #[error(
        "FORK: the log at {registry} has shown two histories before; the evidence is in {}. Nothing from there is verified until you remove \
         that file", evidence.display()
    )]
    Standing {
        /// Where.
        registry: String,
        /// The file that proves it.
        evidence: PathBuf,
    },
    /// A step back in one history.
    #[error(
        "stale: the log {origin} at {registry} shows {found} entries, but this machine has seen {seen}. The older tree is {}. \
         The registry may have been restored from a backup, or somebody shows an old copy: ask its operator, or try again later",
        if *.consistent { "a beginning of the newer one" } else { "not shown to be a beginning of the newer one, whose tiles are not there" }
    )]
    Stale {
        /// The log.
        origin: String,
        /// Where.
        registry: String,
        /// Entries of the checkpoint that was seen before.
        seen: u64,
        /// Entries of the one that is shown now.
        found: u64,
        /// Whether the tiles show that it is a beginning of what was seen.
        consistent: bool,
    },
}
