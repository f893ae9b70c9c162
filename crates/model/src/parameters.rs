//! What the parameters of a registry's rules say (spec/events.md §3.5), by protocol number 1. No bytes at all say that there are no anchors of
//! DNS, as in a closed network whose operator vouches for every claim. Judges nothing.

use crate::encoding;
use crate::event::Rules;
use crate::limits::{ANCHOR_DIGEST_BYTES, ANCHORS};
use crate::said;
use serde::{Deserialize, Serialize};

/// The parameters of protocol number 1.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Where trust in DNS begins: 1 to 8, ascending; an empty text of parameters stands for none. Without one, no claim can rest on DNS or
    /// on HTTPS.
    pub dns_anchors: Vec<DnsAnchor>,
}

/// A key of the root of DNS, as a DS record names it (RFC 4034 §5.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsAnchor {
    /// The key's digest: 32 bytes or 48.
    #[serde(with = "serde_bytes")]
    pub digest: Vec<u8>,
    /// Its tag.
    pub key_tag: u16,
    /// Its algorithm.
    pub algorithm: u8,
    /// How the digest was made: 2 for SHA-256, 4 for SHA-384.
    pub digest_type: u8,
}

/// The keys of the root of DNS as IANA publishes them: of 2017, and of 2024, which takes its place.
pub fn root_anchors() -> Vec<DnsAnchor> {
    let anchor =
        |key_tag, digest: &str| DnsAnchor { key_tag, algorithm: 8, digest_type: 2, digest: hex::decode(digest).unwrap_or_default() };
    let mut anchors = vec![
        anchor(20_326, "e06d44b80b8f1d39a95c0b0d7c65d08458e880409bbc683457104237c7f8ec8d"),
        anchor(38_696, "683d2d0acb8c9b712a1948b27f741219298d0a450d612c483af444a4c0fb2b16"),
    ];
    anchors.sort();
    anchors
}

impl Parameters {
    /// Reads the parameters of rules whose protocol number is 1.
    pub fn of(rules: &Rules) -> Result<Self, String> {
        if rules.parameters.is_empty() {
            return Ok(Parameters::default());
        }
        let parameters: Parameters = encoding::decode(&rules.parameters).map_err(|e| e.to_string())?;
        parameters.check().map_err(str::to_owned)?;
        Ok(parameters)
    }

    /// The rules for parameters that there are.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.dns_anchors.is_empty() || self.dns_anchors.len() > ANCHORS {
            return Err(said!("there are 1 to {} anchors, or no parameters at all", ANCHORS));
        }
        if !self.dns_anchors.is_sorted_by(|a, b| a < b) {
            return Err("anchors ascend by their digests, each named once");
        }
        let understood = |anchor: &DnsAnchor| match anchor.digest_type {
            2 => anchor.digest.len() == 32,
            4 => anchor.digest.len() == ANCHOR_DIGEST_BYTES,
            _ => false,
        };
        if !self.dns_anchors.iter().all(understood) {
            return Err("the digest of an anchor is SHA-256 (2) of 32 bytes or SHA-384 (4) of 48");
        }
        Ok(())
    }

    /// The bytes of these in rules.
    pub fn to_bytes(&self) -> Result<Vec<u8>, encoding::NotCanonical> {
        if self == &Parameters::default() { Ok(Vec::new()) } else { encoding::encode(self) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchor(first: u8, digest_type: u8, length: usize) -> DnsAnchor {
        let mut digest = vec![7; length];
        digest[0] = first;
        DnsAnchor { key_tag: 20_326, algorithm: 8, digest_type, digest }
    }

    fn read(parameters: &Parameters) -> Result<Parameters, String> {
        Parameters::of(&Rules { protocol: 1, parameters: encoding::encode(parameters).unwrap() })
    }

    #[test]
    fn what_is_written_reads_back() {
        let none = Parameters::default();
        assert_eq!(none.to_bytes().unwrap(), Vec::<u8>::new());
        assert_eq!(Parameters::of(&Rules { protocol: 1, parameters: Vec::new() }).unwrap(), none);
        let two = Parameters { dns_anchors: vec![anchor(1, 2, 32), anchor(2, 4, 48)] };
        assert_eq!(read(&two).unwrap(), two);
    }

    #[test]
    fn each_rule_is_kept() {
        let eight: Vec<DnsAnchor> = (0..9).map(|first| anchor(first, 2, 32)).collect();
        for (anchors, why) in [
            (vec![], "1 to 8"),
            (eight, "1 to 8"),
            (vec![anchor(2, 2, 32), anchor(1, 2, 32)], "ascend"),
            (vec![anchor(1, 2, 32), anchor(1, 2, 32)], "ascend"),
            (vec![anchor(1, 1, 20)], "SHA-256"),
            (vec![anchor(1, 2, 48)], "SHA-256"),
            (vec![anchor(1, 4, 32)], "SHA-256"),
        ] {
            let refused = read(&Parameters { dns_anchors: anchors }).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
        assert!(Parameters::of(&Rules { protocol: 1, parameters: vec![0xff] }).is_err());
    }
}
