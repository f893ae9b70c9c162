//! Chains that should prove texts: what they prove, and each way in which they do not. `spec/dnssec.md` §1 to §6.

use deedbox_dnssec::{Anchor, BadName, Fault, Kind, Name, Record, texts};

use crate::signer::{AT, Head, Secret, World, Zone, ds_data, key_tag, name, owner, record, txt, wire};

/// What is wrong with a chain, its bytes, and the fault.
pub type Case = (&'static str, Vec<u8>, Fault);

fn one() -> Result<Vec<Vec<u8>>, Fault> {
    Ok(vec![b"one".to_vec()])
}

fn judge(world: &World, chain: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    texts(chain, &world.anchors(), &owner(), AT)
}

/// `fault!(Expired, "test", DS)`: a fault of a set.
macro_rules! fault {
    ($fault:ident, $owner:expr, $kind:ident) => {
        deedbox_dnssec::Fault::$fault { owner: crate::signer::name($owner), kind: deedbox_dnssec::Kind::$kind }
    };
}
pub(crate) use fault;

#[test]
fn a_good_chain_gives_its_texts() {
    let world = World::new();
    assert_eq!(judge(&world, &wire(&world.to_texts())), one());
}

#[test]
fn the_strings_of_a_record_are_one_value_and_each_record_is_another() {
    let world = World::new();
    let two = record(&owner(), Kind::TXT, b"\x03two\x00\x02-2".to_vec());
    let chain = [world.to_acme(), world.acme.set(vec![txt(&owner(), "one"), two])].concat();
    assert_eq!(judge(&world, &wire(&chain)), Ok(vec![b"one".to_vec(), b"two-2".to_vec()]));
}

#[test]
fn texts_may_stand_at_the_top_of_a_zone_and_names_need_no_cut() {
    let mut world = World::new();
    world.acme = Zone::new("_deedbox.acme.test", Secret::ed25519(3));
    assert_eq!(judge(&world, &wire(&world.to_texts())), one());
    // `test` itself holds the texts.
    let chain = [world.to_test(), world.test.set(vec![txt(&owner(), "one")])].concat();
    assert_eq!(judge(&world, &wire(&chain)), one());
}

#[test]
fn every_algorithm_that_is_understood_signs() {
    let mut world = World::new();
    for secret in [Secret::RsaSha256(Secret::rsa()), Secret::RsaSha512(Secret::rsa()), Secret::p256(7), Secret::p384(), Secret::ed25519(7)]
    {
        world.test = Zone::new("test", secret);
        for digest_type in [2, 4] {
            let test = &world.test;
            let chain = [
                world.root.keys(),
                world.root.set(vec![test.ds(digest_type)]),
                test.keys(),
                test.delegates(&world.acme),
                world.acme.keys(),
                world.acme.set(vec![txt(&owner(), "one")]),
            ];
            assert_eq!(judge(&world, &wire(&chain.concat())), one(), "{} {digest_type}", test.secret.algorithm());
        }
    }
}

#[test]
fn a_zone_may_have_keys_of_two_kinds_and_ds_records_that_are_not_understood() {
    let world = World::new();
    // The key that the parent names signs the keys only, and another one signs the zone. Keys that may not sign lie beside them.
    let named = Zone::new("acme.test", Secret::p256(9));
    let revoked = Zone { flags: 0x0181, ..Zone::new("acme.test", Secret::ed25519(10)) };
    let unknown = record(&named.name, Kind::DNSKEY, [&[1, 0, 3, 200][..], &[7; 40]].concat());
    let keys = named.set(vec![named.key(), world.acme.key(), revoked.key(), unknown]);
    let old = Anchor { digest_type: 1, digest: vec![0; 20], ..named.anchor(2) };
    let digests = world.test.set(vec![named.ds(4), record(&named.name, Kind::DS, ds_data(&old))]);
    let chain = [world.to_test(), digests, keys, world.acme.set(vec![txt(&owner(), "one")])].concat();
    assert_eq!(judge(&world, &wire(&chain)), one());
}

#[test]
fn any_of_the_anchors_may_name_the_root() {
    let world = World::new();
    let other = World { root: Zone::new(".", Secret::ed25519(99)), ..World::new() };
    let chain = wire(&world.to_texts());
    for anchors in [vec![world.root.anchor(2), other.root.anchor(2)], vec![other.root.anchor(2), world.root.anchor(4)]] {
        assert_eq!(texts(&chain, &anchors, &owner(), AT), one());
    }
    let odd = |change: fn(&mut Anchor)| {
        let mut anchor = world.root.anchor(2);
        change(&mut anchor);
        vec![anchor]
    };
    for anchors in [
        vec![],
        vec![other.root.anchor(2)],
        odd(|anchor| anchor.digest_type = 1),
        odd(|anchor| anchor.algorithm = 13),
        odd(|anchor| anchor.key_tag ^= 1),
        odd(|anchor| anchor.digest.push(0)),
    ] {
        assert_eq!(texts(&chain, &anchors, &owner(), AT), Err(Fault::Unnamed(Name::root())), "{anchors:?}");
    }
}

#[test]
fn a_signature_is_valid_from_its_first_second_to_its_last() {
    let world = World::new();
    let with = |inception: u64, expiration: u64| {
        let change = |head: &mut Head| (head.inception, head.expiration) = (inception as u32, expiration as u32);
        let chain = [world.to_acme(), world.acme.set_with(vec![txt(&owner(), "one")], change)].concat();
        judge(&world, &wire(&chain))
    };
    assert_eq!(with(AT, AT), one());
    assert_eq!(with(AT + 1, AT + 2), Err(fault!(NotYetValid, "_deedbox.acme.test", TXT)));
    assert_eq!(with(AT - 2, AT - 1), Err(fault!(Expired, "_deedbox.acme.test", TXT)));
}

#[test]
fn time_is_compared_in_a_circle_of_32_bits() {
    let world = World::new();
    // A time in 2106 that the field can no longer say, and what it says then.
    let later = (1u64 << 32) + 5;
    let when = |head: &mut Head| (head.inception, head.expiration) = (u32::MAX - 5, 10);
    let (root, test, acme) = (&world.root, &world.test, &world.acme);
    let chain = [
        root.set_with(vec![root.key()], when),
        root.set_with(vec![test.ds(2)], when),
        test.set_with(vec![test.key()], when),
        test.set_with(vec![acme.ds(2)], when),
        acme.set_with(vec![acme.key()], when),
        acme.set_with(vec![txt(&owner(), "one")], when),
    ]
    .concat();
    assert_eq!(texts(&wire(&chain), &world.anchors(), &owner(), later), one());
    assert_eq!(texts(&wire(&chain), &world.anchors(), &owner(), later + 6), Err(fault!(Expired, ".", DNSKEY)));
    assert_eq!(texts(&wire(&chain), &world.anchors(), &owner(), later - 12), Err(fault!(NotYetValid, ".", DNSKEY)));
}

/// Keys that do not exist, with the tag of a real one; they stand before it in canonical order.
fn look_alikes(zone: &Zone, count: u8) -> Vec<Record> {
    let alike = |i: u8| {
        let with = |last: u16| [&[1, 0, 3, 15][..], &[i; 30], &last.to_be_bytes()].concat();
        let missing = zone.key_tag().wrapping_sub(key_tag(&with(0)));
        // Carries may make it one less.
        let rdata = [missing, missing.wrapping_sub(1)].map(with).into_iter().find(|rdata| key_tag(rdata) == zone.key_tag());
        record(&zone.name, Kind::DNSKEY, rdata.unwrap())
    };
    (1..=count).map(alike).collect()
}

/// A chain to texts that lie `depth` zones below the root, each of which has three keys that look like its real one.
fn deep(depth: usize) -> (Vec<u8>, Vec<Anchor>, Name) {
    let mut zone = Zone::new(".", Secret::ed25519(50));
    let anchors = vec![zone.anchor(2)];
    let keys = |zone: &Zone| zone.set([look_alikes(zone, 3), vec![zone.key()]].concat());
    let mut chain = keys(&zone);
    for i in 0..depth {
        let child = Zone { name: zone.name.child("a").unwrap(), ..Zone::new("a", Secret::ed25519(51 + i as u8)) };
        chain.extend(zone.delegates(&child));
        chain.extend(keys(&child));
        zone = child;
    }
    let owner = zone.name.child("_deedbox").unwrap();
    chain.extend(zone.set(vec![txt(&owner, "one")]));
    (wire(&chain), anchors, owner)
}

#[test]
fn a_chain_makes_at_most_64_signature_checks() {
    // The root's keys cost one, each zone four for its DS and one for its keys, the texts four.
    let (chain, anchors, owner) = deep(11);
    assert_eq!(texts(&chain, &anchors, &owner, AT), one());
    let (chain, anchors, owner) = deep(12);
    assert!(chain.len() < 12_288);
    assert_eq!(texts(&chain, &anchors, &owner, AT), Err(Fault::TooManyChecks));
}

#[test]
fn what_proves_no_texts_says_why() {
    let world = World::new();
    for (what, chain, fault) in cases() {
        assert_eq!(judge(&world, &chain), Err(fault), "{what}");
    }
}

/// Replaces a piece of bytes that is there.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// Each way in which a chain proves no texts.
pub fn cases() -> Vec<Case> {
    [bytes(), forms(), order_of_sets(), signatures(), keys()].concat()
}

fn bytes() -> Vec<Case> {
    let world = World::new();
    let good = wire(&world.to_texts());
    let with = |end: &[u8]| [&good, end].concat();
    let long_name = [&[63][..], &[b'a'; 63], &[63], &[b'a'; 63], &[63], &[b'a'; 63], &[63], &[b'a'; 63], &[0]].concat();
    let many = |count: usize| b"\0\0\x10\0\x01\0\0\0\0\0\0".repeat(count);
    vec![
        ("no bytes", vec![], Fault::Ends(Name::root())),
        ("the last byte is missing", good[..good.len() - 1].to_vec(), Fault::Cut),
        ("a byte too many", with(&[0]), Fault::Cut),
        ("a pointer", with(&[0xc0, 0x0c]), Fault::Name(BadName::Compressed)),
        ("a label of an older kind", with(&[0x41]), Fault::Name(BadName::Compressed)),
        ("a name of 257 octets", with(&long_name), Fault::Name(BadName::Long)),
        ("a record of class CH", with(b"\0\0\x10\0\x03\0\0\0\0\0\0"), Fault::Class { owner: Name::root(), kind: Kind::TXT, class: 3 }),
        ("12,289 bytes", with(&vec![0; 12_289 - good.len()]), Fault::TooLong(12_289)),
        ("257 records", many(257), Fault::TooManyRecords),
        ("256 records", many(256), fault!(NoSignature, ".", TXT)),
        ("an owner with capitals", replaced(&good, b"\x04acme\x04test", b"\x04Acme\x04test"), Fault::Capitals(name("acme.test"))),
        (
            "a signer with capitals",
            {
                // The last name in the chain is the signer of the texts.
                let at = good.windows(11).rposition(|window| window == b"\x04acme\x04test\0").unwrap();
                [&good[..at], b"\x04acmE", &good[at + 5..]].concat()
            },
            Fault::Capitals(name("acme.test")),
        ),
    ]
}

fn forms() -> Vec<Case> {
    let world = World::new();
    let (root, test, acme) = (&world.root, &world.test, &world.acme);
    let end = |set: Vec<Record>| wire(&[world.to_acme(), set].concat());
    let good = || acme.set(vec![txt(&owner(), "one"), txt(&owner(), "two")]);
    let changed = |change: fn(&mut Vec<Record>)| {
        let mut set = good();
        change(&mut set);
        end(set)
    };
    let odd_text = |rdata: &[u8]| end(acme.set(vec![record(&owner(), Kind::TXT, rdata)]));
    let stub = |owner: &Name, kind: Kind| record(owner, kind, [1, 0, 3, 15]);
    vec![
        ("texts without a signature", end(vec![txt(&owner(), "one")]), fault!(NoSignature, "_deedbox.acme.test", TXT)),
        (
            "keys without a signature, and then more",
            wire(&[vec![root.key()], root.delegates(test)].concat()),
            fault!(NoSignature, ".", DNSKEY),
        ),
        (
            "the signature of another type",
            end(acme.set_with(vec![txt(&owner(), "one")], |head| head.covered = Kind::DS)),
            fault!(NoSignature, "_deedbox.acme.test", TXT),
        ),
        (
            "the signature of another owner",
            changed(|set| set.last_mut().unwrap().owner = name("acme.test")),
            fault!(NoSignature, "_deedbox.acme.test", TXT),
        ),
        ("two signatures", changed(|set| set.push(set[2].clone())), fault!(OutOfPlace, "_deedbox.acme.test", RRSIG)),
        ("a signature alone", wire(&root.keys()[1..]), fault!(OutOfPlace, ".", RRSIG)),
        ("texts that descend", changed(|set| set.swap(0, 1)), fault!(Order, "_deedbox.acme.test", TXT)),
        ("a text twice", changed(|set| set.insert(0, set[0].clone())), fault!(Order, "_deedbox.acme.test", TXT)),
        ("a text of another TTL", changed(|set| set[1].ttl -= 1), fault!(Ttl, "_deedbox.acme.test", TXT)),
        ("a signature of another TTL", changed(|set| set[2].ttl -= 1), fault!(Ttl, "_deedbox.acme.test", TXT)),
        (
            "an original TTL that is another one",
            end(acme.set_with(vec![txt(&owner(), "one")], |head| head.ttl -= 1)),
            fault!(Ttl, "_deedbox.acme.test", TXT),
        ),
        ("a text without strings", odd_text(b""), fault!(Form, "_deedbox.acme.test", TXT)),
        ("a text that ends in a string", odd_text(b"\x01a\x02b"), fault!(Form, "_deedbox.acme.test", TXT)),
        ("a key without a key", wire(&root.set(vec![stub(&root.name, Kind::DNSKEY)])), fault!(Form, ".", DNSKEY)),
        (
            "a DS record without a digest",
            wire(&[root.keys(), root.set(vec![test.ds(2), stub(&test.name, Kind::DS)])].concat()),
            fault!(Form, "test", DS),
        ),
        ("a signature that is cut", changed(|set| set[2].rdata.truncate(17)), fault!(Form, "_deedbox.acme.test", RRSIG)),
        (
            "a signer's name that is compressed",
            changed(|set| {
                set[2].rdata.truncate(18);
                set[2].rdata.extend([0xc0, 0x0c]);
            }),
            fault!(Form, "_deedbox.acme.test", RRSIG),
        ),
    ]
}

fn order_of_sets() -> Vec<Case> {
    let world = World::new();
    let (root, test, acme) = (&world.root, &world.test, &world.acme);
    let end = |set: Vec<Record>| wire(&[world.to_acme(), set].concat());
    let other = Zone::new("other.test", Secret::ed25519(20));
    let text = || acme.set(vec![txt(&owner(), "one")]);
    let many: Vec<Record> = (0..65).map(|i| txt(&owner(), &format!("{i:02}"))).collect();
    let alias = |kind| acme.set(vec![record(&owner(), kind, name("elsewhere.test").wire())]);
    vec![
        ("only the root's keys", wire(&root.keys()), Fault::Ends(Name::root())),
        ("no keys of the last zone", wire(&[root.keys(), root.delegates(test)].concat()), Fault::Ends(name("test"))),
        ("no texts", wire(&world.to_acme()), Fault::Ends(name("acme.test"))),
        ("texts in no zone", wire(&text()), fault!(OutOfPlace, "_deedbox.acme.test", TXT)),
        ("a DS set before all keys", wire(&root.delegates(test)), fault!(OutOfPlace, "test", DS)),
        ("the keys of a child first", wire(&test.keys()), fault!(OutOfPlace, "test", DNSKEY)),
        ("keys twice", wire(&[root.keys(), root.keys()].concat()), fault!(OutOfPlace, ".", DNSKEY)),
        ("keys of a zone that nobody named", wire(&[root.keys(), test.keys()].concat()), fault!(OutOfPlace, "test", DNSKEY)),
        (
            "keys of another zone than the one that was named",
            wire(&[root.keys(), root.delegates(test), other.keys()].concat()),
            fault!(OutOfPlace, "other.test", DNSKEY),
        ),
        (
            "a DS set where keys come next",
            wire(&[root.keys(), root.delegates(test), root.delegates(test)].concat()),
            fault!(OutOfPlace, "test", DS),
        ),
        (
            "texts where keys come next",
            wire(&[root.keys(), root.delegates(test), text()].concat()),
            fault!(OutOfPlace, "_deedbox.acme.test", TXT),
        ),
        ("a DS set beside the way", wire(&[world.to_test(), test.delegates(&other)].concat()), fault!(OutOfPlace, "other.test", DS)),
        ("a zone twice", end(acme.delegates(acme)), fault!(OutOfPlace, "acme.test", DS)),
        ("a way up", end(acme.set(vec![test.ds(2)])), fault!(OutOfPlace, "test", DS)),
        ("texts at another name", end(acme.set(vec![txt(&name("acme.test"), "one")])), fault!(OutOfPlace, "acme.test", TXT)),
        (
            "texts below the name",
            end(acme.set(vec![txt(&name("a._deedbox.acme.test"), "one")])),
            fault!(OutOfPlace, "a._deedbox.acme.test", TXT),
        ),
        ("texts twice", end([text(), text()].concat()), fault!(OutOfPlace, "_deedbox.acme.test", TXT)),
        ("more behind the texts", end([text(), acme.keys()].concat()), fault!(OutOfPlace, "acme.test", DNSKEY)),
        ("something else before the texts", end([acme.set(vec![record(&owner(), Kind(1), [127, 0, 0, 1])]), text()].concat()), {
            Fault::OutOfPlace { owner: owner(), kind: Kind(1) }
        }),
        ("a CNAME", end(alias(Kind::CNAME)), fault!(Alias, "_deedbox.acme.test", CNAME)),
        ("a CNAME before the texts", end([alias(Kind::CNAME), text()].concat()), fault!(Alias, "_deedbox.acme.test", CNAME)),
        ("a DNAME", wire(&[world.to_test(), test.set(vec![record(&name("acme.test"), Kind::DNAME, name("a.test").wire())])].concat()), {
            fault!(Alias, "acme.test", DNAME)
        }),
        ("65 texts", end(acme.set(many)), Fault::TooManyTexts(owner())),
    ]
}

fn signatures() -> Vec<Case> {
    let world = World::new();
    let (root, test, acme) = (&world.root, &world.test, &world.acme);
    let end = |set: Vec<Record>| wire(&[world.to_acme(), set].concat());
    let text = |change: fn(&mut Head)| end(acme.set_with(vec![txt(&owner(), "one")], change));
    let no_key = |text: &str, kind: Kind, zone: &Zone, key_tag: u16, algorithm: u8| Fault::NoKey {
        owner: name(text),
        kind,
        zone: zone.name.clone(),
        key_tag,
        algorithm,
    };
    let wrong = || fault!(Signature, "_deedbox.acme.test", TXT);
    let changed = |change: fn(&mut Vec<Record>)| {
        let mut set = acme.set(vec![txt(&owner(), "one"), txt(&owner(), "two")]);
        change(&mut set);
        end(set)
    };
    let signed_by = |zone: &Zone| Fault::Signer { owner: owner(), kind: Kind::TXT, signer: zone.name.clone(), zone: name("acme.test") };
    // A key of another zone that claims to be this one.
    let thief = Zone::new("acme.test", Secret::ed25519(30));
    vec![
        ("the parent's signature", end(test.set(vec![txt(&owner(), "one")])), signed_by(test)),
        ("the root's signature", end(root.set(vec![txt(&owner(), "one")])), signed_by(root)),
        ("a signer below", text(|head| head.signer = owner()), signed_by(&Zone::new("_deedbox.acme.test", Secret::ed25519(3)))),
        ("the signature of a wildcard", text(|head| head.labels = 2), fault!(Wildcard, "_deedbox.acme.test", TXT)),
        ("more labels than there are", text(|head| head.labels = 4), fault!(Wildcard, "_deedbox.acme.test", TXT)),
        ("a signature that begins later", text(|head| head.inception = AT as u32 + 1), fault!(NotYetValid, "_deedbox.acme.test", TXT)),
        ("a signature that has ended", text(|head| head.expiration = AT as u32 - 1), fault!(Expired, "_deedbox.acme.test", TXT)),
        (
            "keys whose signature has ended",
            wire(&root.set_with(vec![root.key()], |head| head.expiration = AT as u32 - 1)),
            fault!(Expired, ".", DNSKEY),
        ),
        (
            "a DS set whose signature begins later",
            wire(&[root.keys(), root.set_with(vec![test.ds(2)], |head| head.inception = AT as u32 + 1)].concat()),
            fault!(NotYetValid, "test", DS),
        ),
        ("a signature of SHA-1", text(|head| head.algorithm = 5), Fault::Algorithm { owner: owner(), kind: Kind::TXT, algorithm: 5 }),
        (
            "a signature of an algorithm to come",
            text(|head| head.algorithm = 16),
            Fault::Algorithm { owner: owner(), kind: Kind::TXT, algorithm: 16 },
        ),
        (
            "a signature of another algorithm than the key's",
            text(|head| head.algorithm = 13),
            no_key("_deedbox.acme.test", Kind::TXT, acme, acme.key_tag(), 13),
        ),
        (
            "the tag of no key",
            end(acme.set_with(vec![txt(&owner(), "one")], |head| head.key_tag ^= 1)),
            no_key("_deedbox.acme.test", Kind::TXT, acme, acme.key_tag() ^ 1, 15),
        ),
        (
            "a key that the zone does not show",
            end(thief.set(vec![txt(&owner(), "one")])),
            no_key("_deedbox.acme.test", Kind::TXT, acme, thief.key_tag(), 15),
        ),
        (
            "another key's signature",
            end(thief.set_with(vec![txt(&owner(), "one")], |head| head.key_tag = World::new().acme.key_tag())),
            wrong(),
        ),
        ("another text", changed(|set| set[1].rdata[3] ^= 1), wrong()),
        ("a text less", changed(|set| drop(set.remove(0))), wrong()),
        ("another signature", changed(|set| *set[2].rdata.last_mut().unwrap() ^= 1), wrong()),
        ("half a signature", changed(|set| set[2].rdata.truncate(18 + 11 + 32)), wrong()),
        ("no signature", changed(|set| set[2].rdata.truncate(18 + 11)), wrong()),
        ("a longer signature", changed(|set| set[2].rdata.push(0)), wrong()),
    ]
}

fn keys() -> Vec<Case> {
    let world = World::new();
    let (root, test, acme) = (&world.root, &world.test, &world.acme);
    // A child that is named and whose keys are shown; what follows does not matter.
    let child = |digests: Vec<Record>, keys: Vec<Record>| wire(&[world.to_test(), test.set(digests), keys].concat());
    let ds = |change: &dyn Fn(&mut Anchor)| {
        let mut anchor = acme.anchor(2);
        change(&mut anchor);
        vec![record(&acme.name, Kind::DS, ds_data(&anchor))]
    };
    let unnamed = || Fault::Unnamed(name("acme.test"));
    let odd = |flags: u16, protocol: u8| Zone { flags, protocol, ..Zone::new("acme.test", Secret::ed25519(3)) };
    let odd_child = |zone: &Zone| child(vec![zone.ds(2)], zone.keys());
    let elsewhere = Zone::new("other.test", Secret::ed25519(3));
    let second = Zone::new("acme.test", Secret::ed25519(40));
    let no_key = |zone: &Zone| Fault::NoKey {
        owner: name("acme.test"),
        kind: Kind::DNSKEY,
        zone: name("acme.test"),
        key_tag: zone.key_tag(),
        algorithm: 15,
    };
    let crowd = |count| [look_alikes(acme, count), vec![acme.key()]].concat();
    let unsigned_child = |change: &dyn Fn(&mut Anchor)| child(ds(change), acme.keys());
    vec![
        ("another root", wire(&Zone::new(".", Secret::ed25519(41)).keys()), Fault::Unnamed(Name::root())),
        ("another digest", child(ds(&|anchor| anchor.digest[31] ^= 1), acme.keys()), unnamed()),
        ("a digest that is cut", child(ds(&|anchor| anchor.digest.truncate(31)), acme.keys()), unnamed()),
        ("a digest of the other length", child(ds(&|anchor| anchor.digest_type = 4), acme.keys()), unnamed()),
        ("another tag", child(ds(&|anchor| anchor.key_tag ^= 1), acme.keys()), unnamed()),
        ("another algorithm", child(ds(&|anchor| anchor.algorithm = 13), acme.keys()), unnamed()),
        (
            "the digest of the same key in another zone",
            child(ds(&|anchor| anchor.digest = elsewhere.anchor(2).digest), acme.keys()),
            unnamed(),
        ),
        ("a key that was taken back", odd_child(&odd(0x0181, 3)), unnamed()),
        ("a key that is not for the zone", odd_child(&odd(0x0001, 3)), unnamed()),
        ("a key of another protocol", odd_child(&odd(0x0101, 2)), unnamed()),
        (
            "keys that are signed by one of them that nobody named",
            child(vec![acme.ds(2)], second.set(vec![acme.key(), second.key()])),
            no_key(&second),
        ),
        (
            "keys that are signed by the parent",
            child(vec![acme.ds(2)], test.set(vec![acme.key()])),
            Fault::Signer { owner: name("acme.test"), kind: Kind::DNSKEY, signer: name("test"), zone: name("acme.test") },
        ),
        (
            "a DS set that the child has signed",
            wire(&[world.to_test(), acme.set(vec![acme.ds(2)])].concat()),
            Fault::Signer { owner: name("acme.test"), kind: Kind::DS, signer: name("acme.test"), zone: name("test") },
        ),
        (
            "five keys of one tag",
            child(vec![acme.ds(2)], acme.set(crowd(4))),
            Fault::KeysOfOneTag { zone: name("acme.test"), key_tag: acme.key_tag(), algorithm: 15 },
        ),
        ("four keys of one tag", child(vec![acme.ds(2)], acme.set(crowd(3))), Fault::Ends(name("acme.test"))),
        ("only a digest of SHA-1", unsigned_child(&|anchor| anchor.digest_type = 1), Fault::NotUnderstood(name("acme.test"))),
        ("only RSA with SHA-1", unsigned_child(&|anchor| anchor.algorithm = 5), Fault::NotUnderstood(name("acme.test"))),
        (
            "only an algorithm and a digest to come",
            wire(&[root.keys(), root.set(vec![record(&test.name, Kind::DS, [0, 1, 200, 2, 1])])].concat()),
            { Fault::NotUnderstood(name("test")) },
        ),
    ]
}
