//! Ids, domains, versions, digests, keys, canonical encoding, statements, manifests and rows.
