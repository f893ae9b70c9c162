//! What a projection is. No storage.
