//! Every bound of this crate in one place, each with its reason. They are frozen with this version of the
//! projection (spec/projections/oci.md §9): what is refused, kept and answered follows from them.

/// Characters of a repository's name: what clients of the OCI distribution specification are advised to stay within.
pub const REPOSITORY_BYTES: usize = 255;
/// Characters of a tag (OCI distribution, "Pulling manifests").
pub const TAG_BYTES: usize = 128;
/// Bytes of one manifest or index: the size that the distribution specification asks registries to take.
pub const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;
/// Manifests and indexes of one release: images for every platform there is, with an attestation each, fit many times.
pub const MANIFESTS: usize = 1_024;
/// Bytes of all manifests of one release: what one inspection may hold in memory.
pub const MANIFESTS_BYTES: u64 = 64 * 1024 * 1024;
/// Nesting of a manifest's JSON while it is read: the formats need six levels.
pub const JSON_DEPTH: usize = 32;
/// Manifests of one release that have a subject: one round of reading holds their rows, and so does the release's own.
pub const REFERRERS: usize = 256;
/// Bytes of what a release manifest repeats of its manifests (subjects and their annotations).
pub const NATIVE_BYTES: usize = 256 * 1024;
/// Names in one page of tags or repositories that is asked for with `n`, and referrers in one page.
pub const PAGE: usize = 1_000;
/// Repositories in a page if nobody says how many.
pub const CATALOG_PAGE: usize = 100;
/// Bytes of descriptors in one page of referrers: an index has 4 MiB at most.
pub const REFERRERS_PAGE_BYTES: usize = 3 * 1024 * 1024;
/// Bytes of a namespace that an answer says again: a host name with a port fits.
pub const NAMESPACE_BYTES: usize = 255;
