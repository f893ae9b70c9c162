//! Where a person finds a commit. Apart from the record, which knows no store: the fuzzer reads records alone.

/// A commit as a person finds it: its number, and its file.
pub(crate) fn place_of(number: u64) -> String {
    format!("commit {number} (commits/{})", deedbox_store::commits::commit_path(number))
}
