//! The only writer of rows: follow, verify, fold, commit.
