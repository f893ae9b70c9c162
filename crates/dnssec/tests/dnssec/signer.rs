//! A signer of zones for these tests, written from the RFCs and apart from the crate: it signs what no honest signer would, too. RFC 4034, RFC 5155.

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{KeyPair as RsaPair, KeySize},
    signature::{ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RSA_PKCS1_SHA512},
};
use deedbox_dnssec::{Anchor, Kind, Name, Record};
use ed25519_dalek::{Signer as _, SigningKey};
use p256::pkcs8::EncodePublicKey as _;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha384};

/// When all of it is looked at, in seconds.
pub const AT: u64 = 1_800_000_000;
/// When signatures begin and end, unless a test says otherwise.
const INCEPTION: u32 = AT as u32 - 3_600;
const EXPIRATION: u32 = AT as u32 + 86_400;
/// The TTL of all records.
pub const TTL: u32 = 3_600;

pub fn name(text: &str) -> Name {
    if text == "." { Name::root() } else { Name::parse(text).unwrap() }
}

pub fn record(owner: &Name, kind: Kind, rdata: impl Into<Vec<u8>>) -> Record {
    Record { owner: owner.clone(), kind, ttl: TTL, rdata: rdata.into() }
}

/// A record chain's bytes.
pub fn wire(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for record in records {
        record.write(&mut bytes).unwrap();
    }
    bytes
}

/// A private key of each algorithm that is understood.
pub enum Secret {
    Ed25519(SigningKey),
    P256(p256::ecdsa::SigningKey),
    P384(EcdsaKeyPair),
    RsaSha256(RsaPair),
    RsaSha512(RsaPair),
}

impl Secret {
    pub fn ed25519(seed: u8) -> Secret {
        Secret::Ed25519(SigningKey::from_bytes(&[seed; 32]))
    }

    pub fn p256(seed: u8) -> Secret {
        Secret::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap())
    }

    pub fn p384() -> Secret {
        Secret::P384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING).unwrap())
    }

    pub fn rsa() -> RsaPair {
        RsaPair::generate(KeySize::Rsa2048).unwrap()
    }

    pub fn algorithm(&self) -> u8 {
        match self {
            Secret::RsaSha256(_) => 8,
            Secret::RsaSha512(_) => 10,
            Secret::P256(_) => 13,
            Secret::P384(_) => 14,
            Secret::Ed25519(_) => 15,
        }
    }

    /// The public key as a DNSKEY record has it.
    pub fn public(&self) -> Vec<u8> {
        match self {
            Secret::Ed25519(key) => key.verifying_key().to_bytes().to_vec(),
            Secret::P256(key) => {
                let spki = key.verifying_key().to_public_key_der().unwrap();
                spki.as_bytes()[spki.as_bytes().len() - 64..].to_vec()
            }
            Secret::P384(key) => key.public_key().as_ref()[1..].to_vec(),
            Secret::RsaSha256(pair) | Secret::RsaSha512(pair) => {
                let [modulus, exponent] = integers(pair.public_key().as_ref());
                [&[exponent.len() as u8], exponent, modulus].concat()
            }
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Secret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Secret::P384(key) => key.sign(&random, message).unwrap().as_ref().to_vec(),
            Secret::RsaSha256(pair) | Secret::RsaSha512(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let padding = if self.algorithm() == 8 { &RSA_PKCS1_SHA256 } else { &RSA_PKCS1_SHA512 };
                pair.sign(padding, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// Modulus and exponent of an RSAPublicKey (RFC 8017 appendix A.1.1), without the zero octets that keep them positive.
fn integers(der: &[u8]) -> [&[u8]; 2] {
    let (sequence, _) = value(der);
    let (modulus, rest) = value(sequence);
    [modulus, value(rest).0].map(|number| number.strip_prefix(&[0]).unwrap_or(number))
}

/// The content of the value at the beginning of DER, and what follows it.
fn value(der: &[u8]) -> (&[u8], &[u8]) {
    let (header, length) = match der[1] {
        short @ ..=0x80 => (2, usize::from(short)),
        0x81 => (3, usize::from(der[2])),
        _ => (4, usize::from(u16::from_be_bytes([der[2], der[3]]))),
    };
    der[header..].split_at(length)
}

/// What stands in an RRSIG record before its signature; a test changes it, and the signature is right all the same.
pub struct Head {
    pub covered: Kind,
    pub algorithm: u8,
    pub labels: u8,
    pub ttl: u32,
    pub expiration: u32,
    pub inception: u32,
    pub key_tag: u16,
    pub signer: Name,
}

impl Head {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.covered.0.to_be_bytes().to_vec();
        bytes.extend([self.algorithm, self.labels]);
        for number in [self.ttl, self.expiration, self.inception] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.key_tag.to_be_bytes());
        bytes.extend(self.signer.wire());
        bytes
    }
}

/// A zone with one key that signs everything.
pub struct Zone {
    pub name: Name,
    pub secret: Secret,
    pub flags: u16,
    pub protocol: u8,
}

impl Zone {
    pub fn new(text: &str, secret: Secret) -> Zone {
        Zone { name: name(text), secret, flags: 257, protocol: 3 }
    }

    /// The data of its DNSKEY record.
    pub fn key_data(&self) -> Vec<u8> {
        let mut rdata = self.flags.to_be_bytes().to_vec();
        rdata.extend([self.protocol, self.secret.algorithm()]);
        rdata.extend(self.secret.public());
        rdata
    }

    pub fn key(&self) -> Record {
        record(&self.name, Kind::DNSKEY, self.key_data())
    }

    pub fn key_tag(&self) -> u16 {
        key_tag(&self.key_data())
    }

    /// A DS record's fields with a digest of the given type: 2 or 4, and SHA-256 for any other.
    pub fn anchor(&self, digest_type: u8) -> Anchor {
        let bytes = [self.name.wire(), &self.key_data()].concat();
        let digest = if digest_type == 4 { Sha384::digest(&bytes).to_vec() } else { Sha256::digest(&bytes).to_vec() };
        Anchor { key_tag: self.key_tag(), algorithm: self.secret.algorithm(), digest_type, digest }
    }

    pub fn ds(&self, digest_type: u8) -> Record {
        record(&self.name, Kind::DS, ds_data(&self.anchor(digest_type)))
    }

    /// Its key, signed by itself.
    pub fn keys(&self) -> Vec<Record> {
        self.set(vec![self.key()])
    }

    /// Its delegation of a child that is signed.
    pub fn delegates(&self, child: &Zone) -> Vec<Record> {
        self.set(vec![child.ds(2)])
    }

    /// Records of one owner and type in canonical order, and the RRSIG record for them.
    pub fn set(&self, records: Vec<Record>) -> Vec<Record> {
        self.set_with(records, |_| {})
    }

    /// The same, signed as a test says.
    pub fn set_with(&self, mut records: Vec<Record>, change: impl FnOnce(&mut Head)) -> Vec<Record> {
        records.sort_by(|a, b| a.rdata.cmp(&b.rdata));
        let signature = self.sign(&records, change);
        records.push(signature);
        records
    }

    fn sign(&self, records: &[Record], change: impl FnOnce(&mut Head)) -> Record {
        let first = &records[0];
        let mut head = Head {
            covered: first.kind,
            algorithm: self.secret.algorithm(),
            labels: first.owner.labels() as u8,
            ttl: TTL,
            expiration: EXPIRATION,
            inception: INCEPTION,
            key_tag: self.key_tag(),
            signer: self.name.clone(),
        };
        change(&mut head);
        let mut message = head.bytes();
        for record in records {
            Record { ttl: head.ttl, ..record.clone() }.write(&mut message).unwrap();
        }
        let mut rdata = head.bytes();
        rdata.extend(self.secret.sign(&message));
        record(&first.owner, Kind::RRSIG, rdata)
    }
}

/// RFC 4034 appendix B, as its C code says it.
pub fn key_tag(rdata: &[u8]) -> u16 {
    let sum = rdata.iter().enumerate().fold(0u32, |sum, (i, byte)| sum + if i & 1 == 0 { u32::from(*byte) << 8 } else { u32::from(*byte) });
    ((sum + (sum >> 16 & 0xffff)) & 0xffff) as u16
}

pub fn ds_data(anchor: &Anchor) -> Vec<u8> {
    let mut rdata = anchor.key_tag.to_be_bytes().to_vec();
    rdata.extend([anchor.algorithm, anchor.digest_type]);
    rdata.extend(&anchor.digest);
    rdata
}

/// A TXT record of one string.
pub fn txt(owner: &Name, text: &str) -> Record {
    record(owner, Kind::TXT, [&[text.len() as u8], text.as_bytes()].concat())
}

/// A list of types as window blocks.
pub fn types(kinds: &[Kind]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for window in 0..=255u8 {
        let mut octets = [0u8; 32];
        for kind in kinds.iter().filter(|kind| kind.0 >> 8 == u16::from(window)) {
            let low = usize::from(kind.0 & 0xff);
            octets[low / 8] |= 0x80 >> (low % 8);
        }
        if let Some(last) = octets.iter().rposition(|octet| *octet != 0) {
            bytes.extend([window, last as u8 + 1]);
            bytes.extend(&octets[..=last]);
        }
    }
    bytes
}

/// An NSEC record.
pub fn nsec(owner: &Name, next: &Name, kinds: &[Kind]) -> Record {
    record(owner, Kind::NSEC, [next.wire(), &types(kinds)].concat())
}

/// How a test hashes names.
#[derive(Clone)]
pub struct Ring {
    pub iterations: u16,
    pub salt: Vec<u8>,
}

impl Ring {
    pub fn hash(&self, name: &Name) -> [u8; 20] {
        let mut hash: [u8; 20] = Sha1::digest([name.wire(), &self.salt].concat()).into();
        for _ in 0..self.iterations {
            hash = Sha1::digest([&hash[..], &self.salt].concat()).into();
        }
        hash
    }

    /// An NSEC3 record of a zone, its owner a hash.
    pub fn nsec3(&self, zone: &Name, owner: [u8; 20], next: [u8; 20], flags: u8, kinds: &[Kind]) -> Record {
        let mut rdata = vec![1, flags];
        rdata.extend(self.iterations.to_be_bytes());
        rdata.push(self.salt.len() as u8);
        rdata.extend(&self.salt);
        rdata.push(20);
        rdata.extend(next);
        rdata.extend(types(kinds));
        record(&zone.child(&base32hex(&owner)).unwrap(), Kind::NSEC3, rdata)
    }
}

/// A hash a little before or behind another one.
pub fn shifted(hash: [u8; 20], by: i8) -> [u8; 20] {
    let mut number = u128::from_be_bytes(hash[4..].try_into().unwrap());
    number = number.wrapping_add_signed(i128::from(by));
    let mut shifted = hash;
    shifted[4..].copy_from_slice(&number.to_be_bytes());
    shifted
}

/// RFC 4648 §7 in lower case, of octets that fill all digits.
fn base32hex(octets: &[u8; 20]) -> String {
    let digit = |i: usize| (0..5).fold(0u8, |digit, bit| digit << 1 | octets[(i * 5 + bit) / 8] >> (7 - (i * 5 + bit) % 8) & 1);
    (0..32).map(|i| char::from_digit(u32::from(digit(i)), 32).unwrap()).collect()
}

/// Three zones: the root, `test` and `acme.test`, each signed by the one above.
pub struct World {
    pub root: Zone,
    pub test: Zone,
    pub acme: Zone,
}

impl World {
    pub fn new() -> World {
        World {
            root: Zone::new(".", Secret::ed25519(1)),
            test: Zone::new("test", Secret::p256(2)),
            acme: Zone::new("acme.test", Secret::ed25519(3)),
        }
    }

    pub fn anchors(&self) -> Vec<Anchor> {
        vec![self.root.anchor(2)]
    }

    /// The keys of the root, and the way to `test`.
    pub fn to_test(&self) -> Vec<Record> {
        [self.root.keys(), self.root.delegates(&self.test), self.test.keys()].concat()
    }

    /// The way to `acme.test`.
    pub fn to_acme(&self) -> Vec<Record> {
        [self.to_test(), self.test.delegates(&self.acme), self.acme.keys()].concat()
    }

    /// A good chain to the texts of [`owner`].
    pub fn to_texts(&self) -> Vec<Record> {
        [self.to_acme(), self.acme.set(vec![txt(&owner(), "one")])].concat()
    }
}

/// Where the texts stand.
pub fn owner() -> Name {
    name("_deedbox.acme.test")
}
