//! The door for bytes: upload permits, digests, inspection, manifest check.
