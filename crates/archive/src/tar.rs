//! Tar, plain or in gzip.
