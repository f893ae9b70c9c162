//! Every limit of this crate, with its reason (`spec/dnssec.md`, section 9). All but the last two are frozen: a verdict follows from them, so every
//! verifier has the same. Past a limit there is a fault, never a shorter answer.

/// Bytes of a record chain: it stands in an entry of the log beside its statement, and an entry has at most 16 bits of length. A chain of four zones
/// with RSA keys of 2,048 bits has about 5,000.
pub const CHAIN_BYTES: usize = 12_288;

/// Records of a chain, RRSIG records among them: some hundred are in a chain of many zones with many keys.
pub const RECORDS: usize = 256;

/// Octets of a name, with the length octets and the root's (RFC 1035 §3.1).
pub const NAME_BYTES: usize = 255;

/// Octets of a label (RFC 1035 §3.1).
pub const LABEL_BYTES: usize = 63;

/// Signature checks of one chain: each costs up to a tenth of a millisecond. A chain of ten zones needs twenty-one.
pub const CHECKS: u32 = 64;

/// Keys of one zone that share a key tag and an algorithm. The tag has 16 bits, so honest zones have two at the very most; without a limit, each
/// signature would be checked with each of a few hundred keys that were made to collide (CVE-2023-50387).
pub const KEYS_OF_ONE_TAG: usize = 4;

/// Bits of an RSA modulus, at least: RFC 5702 §2 demands 512 for RSASHA256 and 1,024 for RSASHA512, and 512 were broken in 1999.
pub const RSA_BITS_MIN: usize = 1_024;

/// Bits of an RSA modulus, at most (RFC 3110 §1, RFC 5702 §2).
pub const RSA_BITS_MAX: usize = 4_096;

/// Bits of an RSA exponent, at most: 2^32 + 1 is the largest that signers have used, and the cost of a check grows with it.
pub const RSA_EXPONENT_BITS: usize = 33;

/// Additional iterations of an NSEC3 hash: RFC 9276 §3.2 allows to refuse more than a validator's limit, and validators have agreed on 50.
pub const NSEC3_ITERATIONS: u16 = 50;

/// Octets of an NSEC3 salt. The field can say 255; signers use up to 8, and RFC 9276 §3.1 wants none.
pub const NSEC3_SALT_BYTES: usize = 32;

/// TXT records at one name, each one value: those that do not concern us stand there too.
pub const TEXTS: usize = 64;

/// RRSIG records of one set that a gatherer tries: a zone that changes its keys and its algorithm at once has four. Not frozen.
pub const SIGNATURES_TRIED: usize = 16;

/// NSEC and NSEC3 sets of one answer that a gatherer combines: an answer that denies has at most four (RFC 5155 §7.2). Not frozen.
pub const DENIALS_TRIED: usize = 8;
