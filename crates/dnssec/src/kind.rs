//! Types of records by their numbers (RFC 1035 §3.2.2, RFC 4034, RFC 5155, RFC 6672). All others are read, and are out of place in a chain.

use std::fmt;

/// The type of a record, as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u16);

impl Kind {
    /// A delegation's name server.
    pub const NS: Kind = Kind(2);
    /// An alias of one name.
    pub const CNAME: Kind = Kind(5);
    /// The top of a zone.
    pub const SOA: Kind = Kind(6);
    /// Texts.
    pub const TXT: Kind = Kind(16);
    /// An alias of all names below one.
    pub const DNAME: Kind = Kind(39);
    /// The digest of a child's key.
    pub const DS: Kind = Kind(43);
    /// A signature.
    pub const RRSIG: Kind = Kind(46);
    /// What there is at a name, and which name is next.
    pub const NSEC: Kind = Kind(47);
    /// A zone's key.
    pub const DNSKEY: Kind = Kind(48);
    /// The same as NSEC, with hashed names.
    pub const NSEC3: Kind = Kind(50);
}

const NAMES: [(Kind, &str); 10] = [
    (Kind::NS, "NS"),
    (Kind::CNAME, "CNAME"),
    (Kind::SOA, "SOA"),
    (Kind::TXT, "TXT"),
    (Kind::DNAME, "DNAME"),
    (Kind::DS, "DS"),
    (Kind::RRSIG, "RRSIG"),
    (Kind::NSEC, "NSEC"),
    (Kind::DNSKEY, "DNSKEY"),
    (Kind::NSEC3, "NSEC3"),
];

/// Its name, or `TYPE` and its number (RFC 3597 §5).
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match NAMES.iter().find(|(kind, _)| kind == self) {
            Some((_, name)) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}
