//! Signed zones of DNS for tests of claims: the root, `example` and a zone for each claimed domain, each with one Ed25519 key of a number. Makes
//! record chains (spec/dnssec.md) with the room's own writer; that they are what other signers make is `dnssec`'s to test.

use crate::world::secret;
use deedbox_dnssec::{Kind, Name, Record};
use deedbox_model::event::{CLAIM_LABEL, Sight};
use deedbox_model::{DnsAnchor, Domain, SecretKey, Sha256Digest, TimeMs};

const TTL: u32 = 3_600;
const ED25519: u8 = 15;
const SHA256: u8 = 2;

/// A zone, with the key that signs it.
struct Zone {
    name: Name,
    key: SecretKey,
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn root() -> Zone {
    Zone { name: Name::root(), key: secret(201) }
}
fn example() -> Zone {
    Zone { name: name("example"), key: secret(202) }
}
fn of(domain: &Domain) -> Zone {
    Zone { name: name(domain.as_str()), key: secret(203) }
}

impl Zone {
    fn dnskey(&self) -> Vec<u8> {
        let mut rdata = vec![1, 1, 3, ED25519];
        rdata.extend(self.key.public().to_bytes());
        rdata
    }

    fn anchor(&self) -> DnsAnchor {
        let digest = Sha256Digest::of(&[self.name.wire(), &self.dnskey()].concat());
        DnsAnchor { digest: digest.as_bytes().to_vec(), key_tag: key_tag(&self.dnskey()), algorithm: ED25519, digest_type: SHA256 }
    }

    fn ds(&self) -> Record {
        let anchor = self.anchor();
        let mut rdata = anchor.key_tag.to_be_bytes().to_vec();
        rdata.extend([anchor.algorithm, anchor.digest_type]);
        rdata.extend(anchor.digest);
        record(&self.name, Kind::DS, rdata)
    }

    /// Its own keys, signed.
    fn keys(&self, at: TimeMs) -> Vec<Record> {
        self.signed(record(&self.name, Kind::DNSKEY, self.dnskey()), at)
    }

    /// A record and its signature, for an hour before and a day after.
    fn signed(&self, record: Record, at: TimeMs) -> Vec<Record> {
        let seconds = u32::try_from(at.as_ms() / 1_000).unwrap();
        let mut rdata = record.kind.0.to_be_bytes().to_vec();
        rdata.extend([ED25519, u8::try_from(record.owner.labels()).unwrap()]);
        for number in [TTL, seconds + 86_400, seconds - 3_600] {
            rdata.extend(number.to_be_bytes());
        }
        rdata.extend(key_tag(&self.dnskey()).to_be_bytes());
        rdata.extend(self.name.wire());
        let mut message = rdata.clone();
        record.write(&mut message).unwrap();
        rdata.extend(self.key.sign(&message));
        let signature = Record { owner: record.owner.clone(), kind: Kind::RRSIG, ttl: TTL, rdata };
        vec![record, signature]
    }
}

/// RFC 4034 appendix B.
fn key_tag(rdata: &[u8]) -> u16 {
    let sum: u32 = rdata.iter().zip([8, 0].into_iter().cycle()).map(|(byte, shift)| u32::from(*byte) << shift).sum();
    ((sum + (sum >> 16)) & 0xffff) as u16
}

fn record(owner: &Name, kind: Kind, rdata: Vec<u8>) -> Record {
    Record { owner: owner.clone(), kind, ttl: TTL, rdata }
}

fn to_example(at: TimeMs) -> Vec<Record> {
    [root().keys(at), root().signed(example().ds(), at), example().keys(at)].concat()
}

fn wire(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        record.write(&mut bytes).unwrap();
    }
    bytes
}

/// Where trust in these zones begins.
pub fn anchors() -> Vec<DnsAnchor> {
    vec![root().anchor()]
}

/// A look at a domain right below `example` whose zone is signed and has this TXT record.
pub fn signed(domain: &Domain, value: &str, at: TimeMs) -> Sight {
    let zone = of(domain);
    let text = [&[u8::try_from(value.len()).unwrap()], value.as_bytes()].concat();
    let text = record(&zone.name.child(CLAIM_LABEL).unwrap(), Kind::TXT, text);
    let records = [to_example(at), example().signed(zone.ds(), at), zone.keys(at), zone.signed(text, at)].concat();
    Sight { at, records: wire(&records) }
}

/// A look at a domain right below `example` whose zone is not signed.
pub fn unsigned(domain: &Domain, at: TimeMs) -> Sight {
    let owner = name(domain.as_str());
    // The next name is the zone's own, as where there is no later one; then one window of types with NS, RRSIG and NSEC.
    let nsec = [example().name.wire(), &[0, 6, 0x20, 0, 0, 0, 0, 0x03]].concat();
    let records = [to_example(at), example().signed(record(&owner, Kind::NSEC, nsec), at)].concat();
    Sight { at, records: wire(&records) }
}
