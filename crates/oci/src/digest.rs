//! Digests as the OCI specifications write them: `algorithm:hex` (OCI image specification, descriptor.md, "Digests").
//! Knows the two registered algorithms and no other.

use deedbox_model::{Digests, Sha256Digest, Sha512Digest};

/// What content is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Digest {
    /// `sha256:` and 64 lower-case hexadecimal digits.
    Sha256(Sha256Digest),
    /// `sha512:` and 128 lower-case hexadecimal digits.
    Sha512(Sha512Digest),
}

impl Digest {
    /// Reads the one spelling; none for another algorithm, another length or capitals.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("sha256", hex) => Sha256Digest::from_hex(hex).map(Digest::Sha256),
            ("sha512", hex) => Sha512Digest::from_hex(hex).map(Digest::Sha512),
            _ => None,
        }
    }

    /// Whether it is one of these.
    pub fn is_of(&self, digests: &Digests) -> bool {
        match self {
            Digest::Sha256(digest) => *digest == digests.sha256,
            Digest::Sha512(digest) => *digest == digests.sha512,
        }
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Digest::Sha256(digest) => write!(f, "sha256:{digest}"),
            Digest::Sha512(digest) => write!(f, "sha512:{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_one_spelling_and_two_algorithms() {
        let (short, long) = ("ab".repeat(32), "ab".repeat(64));
        for good in [format!("sha256:{short}"), format!("sha512:{long}")] {
            assert_eq!(Digest::parse(&good).unwrap().to_string(), good);
        }
        for bad in [
            String::new(),
            short.clone(),
            format!("sha256:{long}"),
            format!("sha512:{short}"),
            format!("sha384:{short}"),
            format!("SHA256:{short}"),
            format!("sha256:{}", short.to_uppercase()),
            format!("sha256:{short} "),
            format!("sha256-{short}"),
        ] {
            assert_eq!(Digest::parse(&bad), None, "{bad}");
        }
    }
}
