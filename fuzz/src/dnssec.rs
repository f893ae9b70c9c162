//! Record chains (spec/dnssec.md): as they come, and with every signature made right by the zone that it names, since the fuzzer cannot. What is accepted
//! is gathered again out of its own records, and every zone of the way is one of the three that sign.

use deedbox_dnssec::{Anchor, Gatherer, Kind, Name, Record, texts, unsigned};
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use std::sync::OnceLock;

/// When chains are looked at.
const AT: u64 = 1_800_000_000;
/// Octets of an RRSIG record's data before the signer's name.
const HEAD: usize = 18;

/// A zone with one Ed25519 key.
struct Zone {
    name: Name,
    key: SigningKey,
}

impl Zone {
    fn key_data(&self) -> Vec<u8> {
        [&[1, 1, 3, 15][..], &self.key.verifying_key().to_bytes()].concat()
    }

    fn key_tag(&self) -> u16 {
        let sum: u32 = self.key_data().chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
        (sum + (sum >> 16)) as u16
    }

    fn anchor(&self) -> Anchor {
        let digest = Sha256::digest([self.name.wire(), &self.key_data()].concat()).to_vec();
        Anchor { key_tag: self.key_tag(), algorithm: 15, digest_type: 2, digest }
    }
}

/// The root, `test` and `acme.test`.
fn zones() -> &'static [Zone; 3] {
    static ZONES: OnceLock<[Zone; 3]> = OnceLock::new();
    ZONES.get_or_init(|| {
        [(1, None), (2, Some("test")), (3, Some("acme.test"))].map(|(seed, text)| Zone {
            name: text.map_or_else(Name::root, |text| Name::parse(text).unwrap()),
            key: SigningKey::from_bytes(&[seed; 32]),
        })
    })
}

fn owner() -> Name {
    Name::parse("_deedbox.acme.test").unwrap()
}

/// A chain, as it comes and signed again.
pub fn chain(data: &[u8]) {
    judge(data);
    judge(&signed_again(data));
}

/// What is accepted must be accepted again when it is put together out of its records in another order.
fn judge(chain: &[u8]) {
    let anchors = [zones()[0].anchor()];
    let (name, domain) = (owner(), Name::parse("acme.test").unwrap());
    let of_texts = texts(chain, &anchors, &name, AT);
    let of_unsigned = unsigned(chain, &anchors, &domain, AT);
    assert!(of_texts.is_err() || of_unsigned.is_err(), "a chain proves both");
    if let Ok(values) = of_texts {
        let mut gatherer = gathered(chain, &anchors, &name);
        let mut answer = records(chain);
        answer.reverse();
        assert_eq!(gatherer.texts(&answer), Ok(values));
        assert_eq!(gatherer.chain(), chain);
    }
    if let Ok(shown) = of_unsigned {
        assert!(domain.is_within(&shown.delegation) && shown.delegation != Name::root());
        let mut gatherer = gathered(chain, &anchors, &domain);
        if records(chain).iter().any(|record| [Kind::NSEC, Kind::NSEC3].contains(&record.kind)) {
            gatherer.absence(&records(chain)).unwrap();
        }
        unsigned(gatherer.chain(), &anchors, &domain, AT).unwrap();
    }
}

/// A gatherer that has taken all keys and delegations of a chain.
fn gathered(chain: &[u8], anchors: &[Anchor], name: &Name) -> Gatherer {
    let records = records(chain);
    let mut answer = records.clone();
    answer.reverse();
    let mut gatherer = Gatherer::new(anchors, name, AT);
    let mut last = None;
    for record in records {
        let set = (record.owner.clone(), record.kind);
        if last.as_ref() == Some(&set) {
            continue;
        }
        match record.kind {
            Kind::DNSKEY => gatherer.keys(&answer).unwrap(),
            Kind::DS => drop(gatherer.delegation(&record.owner, &answer).unwrap()),
            _ => {}
        }
        last = Some(set);
    }
    gatherer
}

/// The whole records at the beginning of some bytes.
fn records(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while let Ok((record, length)) = Record::read(bytes) {
        records.push(record);
        bytes = &bytes[length..];
    }
    records
}

/// The same records, in which each RRSIG record is right for those of its owner directly before it.
fn signed_again(data: &[u8]) -> Vec<u8> {
    let (mut chain, mut set) = (Vec::new(), Vec::new());
    for mut record in records(data) {
        if record.kind == Kind::RRSIG {
            sign(&mut record, &set);
            set.clear();
        } else {
            if set.last().is_some_and(|last: &Record| (&last.owner, last.kind) != (&record.owner, record.kind)) {
                set.clear();
            }
            set.push(record.clone());
        }
        record.write(&mut chain).unwrap();
    }
    chain
}

/// Puts the signature of the zone that the data name behind them.
fn sign(signature: &mut Record, set: &[Record]) {
    let Some(Ok((signer, length))) = signature.rdata.get(HEAD..).map(Name::read) else { return };
    let Some(zone) = zones().iter().find(|zone| zone.name == signer) else { return };
    signature.rdata.truncate(HEAD + length);
    let mut message = signature.rdata.clone();
    for record in set {
        record.write(&mut message).unwrap();
    }
    signature.rdata.extend(zone.key.sign(&message).to_bytes());
}

/// A record of a TTL that says little, and the RRSIG record for it, not yet signed.
fn set(zone: &Zone, owner: &Name, kind: Kind, rdatas: &[Vec<u8>]) -> Vec<Record> {
    let record = |kind: Kind, rdata: Vec<u8>| Record { owner: owner.clone(), kind, ttl: 60, rdata };
    let mut head = kind.0.to_be_bytes().to_vec();
    head.extend([15, owner.labels() as u8, 0, 0, 0, 60]);
    head.extend((AT as u32 + 60).to_be_bytes());
    head.extend((AT as u32 - 60).to_be_bytes());
    head.extend(zone.key_tag().to_be_bytes());
    head.extend(zone.name.wire());
    let mut records: Vec<Record> = rdatas.iter().map(|rdata| record(kind, rdata.clone())).collect();
    records.push(record(Kind::RRSIG, head));
    records
}

/// One good chain of each kind.
pub fn seeds(add: &mut dyn FnMut(&'static str, Vec<u8>)) {
    let [root, test, acme] = zones();
    let keys = |zone: &Zone| set(zone, &zone.name, Kind::DNSKEY, &[zone.key_data()]);
    let digest = |zone: &Zone, digest_type: u8| {
        let anchor = zone.anchor();
        [&anchor.key_tag.to_be_bytes()[..], &[15, digest_type], &anchor.digest].concat()
    };
    let named = |zone: &Zone, child: &Zone| set(zone, &child.name, Kind::DS, &[digest(child, 2)]);
    let to_test = [keys(root), named(root, test), keys(test)].concat();
    let one = |owner: &Name, kind: Kind, rdata: &[u8]| set(test, owner, kind, &[rdata.to_vec()]);
    // NS; NS SOA.
    let (delegated, top) = (&[0, 1, 0x20][..], &[0, 1, 0x22][..]);
    let hash = |name: &Name| -> [u8; 20] { sha1::Sha1::digest(name.wire()).into() };
    let nsec3 = |owner: [u8; 20], next: [u8; 20], types: &[u8]| {
        let digits = b"0123456789abcdefghijklmnopqrstuv";
        let digit =
            |i: usize| (0..5).fold(0, |digit, bit| digit << 1 | usize::from(owner[(i * 5 + bit) / 8] >> (7 - (i * 5 + bit) % 8) & 1));
        let label: String = (0..32).map(|i| char::from(digits[digit(i)])).collect();
        one(&test.name.child(&label).unwrap(), Kind::NSEC3, &[&[1, 1, 0, 0, 0, 20][..], &next, types].concat())
    };
    let (apex, child) = (hash(&test.name), hash(&acme.name));
    let (mut before, mut after) = (child, child);
    before[19] = before[19].wrapping_sub(1);
    after[19] = after[19].wrapping_add(1);
    for end in [
        [named(test, acme), keys(acme), set(acme, &owner(), Kind::TXT, &[b"\x01t\x02wo".to_vec(), b"\x03one".to_vec()])].concat(),
        one(&owner(), Kind::TXT, b"\x03one"),
        one(&acme.name, Kind::NSEC, &[b"\0", delegated].concat()),
        nsec3(child, [0; 20], delegated),
        nsec3(apex, apex, top),
        [nsec3(apex, apex, top), nsec3(before, after, delegated)].concat(),
        one(&acme.name, Kind::DS, &digest(acme, 1)),
    ] {
        let mut chain = Vec::new();
        to_test.iter().chain(&end).for_each(|record| record.write(&mut chain).unwrap());
        add("dnssec", signed_again(&chain));
    }
}
