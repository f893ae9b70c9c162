//! Chains that should prove that a domain is in no signed zone: NSEC, NSEC3, opt-out, DS records that nobody understands; and each way in which a
//! signed zone could be passed off as an unsigned one. `spec/dnssec.md` §7.

use std::slice;

use deedbox_dnssec::{Fault, How, Kind, Name, Record, Unsigned, unsigned};

use crate::{
    signer::{AT, Ring, Secret, World, Zone, ds_data, name, nsec, record, shifted, txt, wire},
    texts::{Case, fault},
};

const DELEGATION: [Kind; 3] = [Kind::NS, Kind::RRSIG, Kind::NSEC];
const APEX: [Kind; 6] = [Kind::NS, Kind::SOA, Kind::RRSIG, Kind::NSEC, Kind::DNSKEY, Kind(51)];
const DELEGATION3: [Kind; 1] = [Kind::NS];
const SIGNED3: [Kind; 3] = [Kind::NS, Kind::DS, Kind::RRSIG];

fn domain() -> Name {
    name("acme.test")
}

fn judge(world: &World, chain: &[u8], domain: &Name) -> Result<Unsigned, Fault> {
    unsigned(chain, &world.anchors(), domain, AT)
}

fn ring() -> Ring {
    Ring { iterations: 2, salt: vec![0xaa, 0xbb] }
}

/// An NSEC3 record of `test` for a name that is there.
fn there(ring: &Ring, text: &str, flags: u8, kinds: &[Kind]) -> Record {
    let hash = ring.hash(&name(text));
    ring.nsec3(&name("test"), hash, shifted(hash, 1), flags, kinds)
}

/// An NSEC3 record of `test` that covers a name and little else.
fn covering(ring: &Ring, text: &str, flags: u8) -> Record {
    let hash = ring.hash(&name(text));
    ring.nsec3(&name("test"), shifted(hash, -1), shifted(hash, 1), flags, &DELEGATION3)
}

/// The way to `test`, and records that it has signed, each as a set of its own.
fn denied(world: &World, records: &[Record]) -> Vec<u8> {
    let sets: Vec<Record> = records.iter().flat_map(|record| world.test.set(vec![record.clone()])).collect();
    wire(&[world.to_test(), sets].concat())
}

#[test]
fn an_nsec_record_of_the_delegation_proves_that_it_is_unsigned() {
    let world = World::new();
    let chain = denied(&world, &[nsec(&domain(), &name("b.test"), &DELEGATION)]);
    let shown = Ok(Unsigned { delegation: domain(), how: How::Nsec });
    assert_eq!(judge(&world, &chain, &domain()), shown);
    // For what lies below it, too; and not for a sibling, nor for its parent.
    assert_eq!(judge(&world, &chain, &name("shop.acme.test")), shown);
    for other in ["acne.test", "b.test"] {
        let fault = Fault::OtherName { owner: domain(), kind: Kind::NSEC, name: name(other) };
        assert_eq!(judge(&world, &chain, &name(other)), Err(fault));
    }
    let fault = Fault::OtherName { owner: domain(), kind: Kind::NSEC, name: name("test") };
    assert_eq!(judge(&world, &chain, &name("test")), Err(fault));
}

#[test]
fn the_next_name_of_an_nsec_record_stays_as_it_was_signed() {
    let world = World::new();
    let types = &nsec(&domain(), &Name::root(), &DELEGATION).rdata[1..];
    let capitals = record(&domain(), Kind::NSEC, [b"\x01B\x04TEST\0", types].concat());
    assert_eq!(judge(&world, &denied(&world, &[capitals]), &domain()), Ok(Unsigned { delegation: domain(), how: How::Nsec }));
}

#[test]
fn an_nsec3_record_of_the_delegation_proves_that_it_is_unsigned() {
    let world = World::new();
    for ring in [ring(), Ring { iterations: 0, salt: vec![] }, Ring { iterations: 50, salt: vec![7; 32] }] {
        for flags in [0, 1] {
            let chain = denied(&world, &[there(&ring, "acme.test", flags, &DELEGATION3)]);
            let shown = Ok(Unsigned { delegation: domain(), how: How::Nsec3 });
            assert_eq!(judge(&world, &chain, &domain()), shown);
            assert_eq!(judge(&world, &chain, &name("a.shop.acme.test")), shown);
        }
    }
}

#[test]
fn a_name_that_is_left_out_of_the_ring_is_unsigned() {
    let (world, ring) = (World::new(), ring());
    let chain = denied(&world, &[there(&ring, "test", 0, &APEX), covering(&ring, "acme.test", 1)]);
    let shown = Ok(Unsigned { delegation: domain(), how: How::OptOut });
    assert_eq!(judge(&world, &chain, &domain()), shown);
    assert_eq!(judge(&world, &chain, &name("shop.acme.test")), shown);
    // The closest encloser may be a name within the zone.
    let chain = denied(&world, &[there(&ring, "co.test", 1, &[]), covering(&ring, "acme.co.test", 1)]);
    assert_eq!(judge(&world, &chain, &name("a.acme.co.test")), Ok(Unsigned { delegation: name("acme.co.test"), how: How::OptOut }));
}

#[test]
fn what_is_below_a_delegation_is_not_in_the_zone_that_speaks() {
    let (world, ring) = (World::new(), ring());
    let deep = name("a.b.acme.test");
    for (kinds, fault) in [(&SIGNED3[..], Fault::HasDs(domain())), (&DELEGATION3[..], Fault::Delegated(domain()))] {
        let chain = denied(&world, &[there(&ring, "acme.test", 1, kinds), covering(&ring, "b.acme.test", 1)]);
        assert_eq!(judge(&world, &chain, &deep), Err(fault));
    }
    // The same records of a name that is not delegated prove it.
    let chain = denied(&world, &[there(&ring, "acme.test", 1, &[]), covering(&ring, "b.acme.test", 1)]);
    assert_eq!(judge(&world, &chain, &deep), Ok(Unsigned { delegation: name("b.acme.test"), how: How::OptOut }));
}

#[test]
fn one_record_may_match_the_closest_encloser_and_cover_the_rest() {
    let (world, ring) = (World::new(), ring());
    let apex = ring.hash(&name("test"));
    // The only name of its ring; and one whose next name is the first of the ring again, or not.
    for next in [apex, shifted(apex, -1)] {
        let chain = denied(&world, &[ring.nsec3(&name("test"), apex, next, 1, &APEX)]);
        assert_eq!(judge(&world, &chain, &domain()), Ok(Unsigned { delegation: domain(), how: How::OptOut }));
    }
}

#[test]
fn a_ds_set_that_nobody_understands_leaves_its_zone_unsigned() {
    let world = World::new();
    let strange = |algorithm: u8, digest_type: u8| {
        let anchor = deedbox_dnssec::Anchor { algorithm, digest_type, ..world.acme.anchor(2) };
        record(&domain(), Kind::DS, ds_data(&anchor))
    };
    let shown = Ok(Unsigned { delegation: domain(), how: How::NotUnderstood });
    let none = world.test.set(vec![strange(15, 1), strange(5, 2), strange(12, 3)]);
    assert_eq!(judge(&world, &wire(&[world.to_test(), none.clone()].concat()), &domain()), shown);
    // One that is understood makes the zone signed.
    let one = world.test.set(vec![strange(15, 1), world.acme.ds(4)]);
    assert_eq!(judge(&world, &wire(&[world.to_test(), one].concat()), &domain()), Err(Fault::Ends(domain())));
    let more = [world.to_test(), none, world.acme.keys()].concat();
    assert_eq!(judge(&world, &wire(&more), &domain()), Err(fault!(OutOfPlace, "acme.test", DNSKEY)));
}

#[test]
fn a_delegation_may_be_unsigned_at_any_level() {
    let world = World::new();
    let root = &world.root;
    let chain = wire(&[root.keys(), root.set(vec![nsec(&name("test"), &Name::root(), &DELEGATION)])].concat());
    assert_eq!(judge(&world, &chain, &domain()), Ok(Unsigned { delegation: name("test"), how: How::Nsec }));
    let chain = wire(&[world.to_acme(), world.acme.set(vec![nsec(&name("a.acme.test"), &domain(), &DELEGATION)])].concat());
    assert_eq!(judge(&world, &chain, &name("a.acme.test")), Ok(Unsigned { delegation: name("a.acme.test"), how: How::Nsec }));
}

#[test]
fn what_proves_no_unsigned_delegation_says_why() {
    let world = World::new();
    for (what, chain, fault) in cases() {
        assert_eq!(judge(&world, &chain, &domain()), Err(fault), "{what}");
    }
}

/// Each way in which a chain proves no unsigned delegation of `acme.test`.
pub fn cases() -> Vec<Case> {
    [with_nsec(), with_nsec3(), with_opt_out(), with_anything()].concat()
}

fn with_nsec() -> Vec<Case> {
    let world = World::new();
    let (test, acme) = (&world.test, &world.acme);
    let of = |kinds: &[Kind]| denied(&world, &[nsec(&domain(), &name("b.test"), kinds)]);
    let other = |text: &str, next: &str, kinds: &[Kind]| denied(&world, &[nsec(&name(text), &name(next), kinds)]);
    let not_about = |text: &str| Fault::OtherName { owner: name(text), kind: Kind::NSEC, name: domain() };
    let two = vec![nsec(&domain(), &name("b.test"), &DELEGATION), nsec(&domain(), &name("c.test"), &DELEGATION)];
    let raw = |rdata: &[u8]| denied(&world, &[record(&domain(), Kind::NSEC, rdata)]);
    vec![
        ("a delegation that is signed", of(&[Kind::NS, Kind::DS, Kind::RRSIG, Kind::NSEC]), Fault::HasDs(domain())),
        ("a name that is not a delegation", of(&[Kind::TXT, Kind::RRSIG, Kind::NSEC]), Fault::NotADelegation(domain())),
        ("a name with a DNAME", of(&[Kind::NS, Kind::DNAME, Kind::RRSIG, Kind::NSEC]), Fault::Redirected(domain())),
        ("a DNAME and no delegation", of(&[Kind::DNAME, Kind::RRSIG, Kind::NSEC]), Fault::Redirected(domain())),
        ("the parent speaks of the top of a zone", of(&APEX), Fault::Apex(domain())),
        (
            "the child speaks of its own top",
            wire(&[world.to_acme(), acme.set(vec![nsec(&domain(), &name("a.acme.test"), &APEX)])].concat()),
            not_about("acme.test"),
        ),
        (
            "the child speaks of its own top as if it were a delegation",
            wire(&[world.to_acme(), acme.set(vec![nsec(&domain(), &name("a.acme.test"), &DELEGATION)])].concat()),
            not_about("acme.test"),
        ),
        (
            "the child signs in its parent's place",
            wire(&[world.to_test(), acme.set(vec![nsec(&domain(), &name("b.test"), &DELEGATION)])].concat()),
            Fault::Signer { owner: domain(), kind: Kind::NSEC, signer: domain(), zone: name("test") },
        ),
        ("a sibling's record", other("acne.test", "b.test", &DELEGATION), not_about("acne.test")),
        ("a record that covers the name", other("a.test", "b.test", &DELEGATION), not_about("a.test")),
        ("a delegation below the domain", other("a.acme.test", "b.test", &DELEGATION), not_about("a.acme.test")),
        ("the zone's own record", other("test", "acme.test", &DELEGATION), not_about("test")),
        (
            "another zone's record",
            denied(&world, &[nsec(&name("acme.tesu"), &name("b.tesu"), &DELEGATION)]),
            Fault::Outside { owner: name("acme.tesu"), kind: Kind::NSEC, zone: name("test") },
        ),
        (
            "a wildcard's record",
            wire(&[world.to_test(), test.set_with(vec![nsec(&domain(), &name("b.test"), &DELEGATION)], |head| head.labels = 1)].concat()),
            fault!(Wildcard, "acme.test", NSEC),
        ),
        (
            "an old record",
            wire(
                &[
                    world.to_test(),
                    test.set_with(vec![nsec(&domain(), &name("b.test"), &DELEGATION)], |head| head.expiration = AT as u32 - 1),
                ]
                .concat(),
            ),
            fault!(Expired, "acme.test", NSEC),
        ),
        ("two records of one name", wire(&[world.to_test(), test.set(two)].concat()), fault!(OutOfPlace, "acme.test", NSEC)),
        (
            "two records",
            denied(&world, &[nsec(&domain(), &name("b.test"), &DELEGATION), nsec(&name("b.test"), &name("c.test"), &DELEGATION)]),
            fault!(OutOfPlace, "b.test", NSEC),
        ),
        ("no next name", raw(b""), fault!(Form, "acme.test", NSEC)),
        ("types that are cut", raw(b"\0\0\x02\x20"), fault!(Form, "acme.test", NSEC)),
        ("types with a zero at the end", raw(b"\0\0\x02\x20\0"), fault!(Form, "acme.test", NSEC)),
    ]
}

fn with_nsec3() -> Vec<Case> {
    let (world, ring) = (World::new(), ring());
    let (test, acme) = (&world.test, &world.acme);
    let of = |kinds: &[Kind]| denied(&world, &[there(&ring, "acme.test", 0, kinds)]);
    let owner = |record: &Record| record.owner.clone();
    let changed = |change: fn(&mut Record)| {
        let mut record = there(&ring, "acme.test", 0, &DELEGATION3);
        change(&mut record);
        (denied(&world, &[record.clone()]), record.owner)
    };
    let malformed = |change: fn(&mut Record)| {
        let (chain, owner) = changed(change);
        (chain, Fault::Form { owner, kind: Kind::NSEC3 })
    };
    let unknown = |change: fn(&mut Record)| {
        let (chain, owner) = changed(change);
        (chain, Fault::Nsec3Unknown(owner))
    };
    let costly = |iterations: u16, salt: usize| {
        let record = there(&Ring { iterations, salt: vec![1; salt] }, "acme.test", 0, &DELEGATION3);
        (denied(&world, slice::from_ref(&record)), Fault::Nsec3Costly(owner(&record)))
    };
    let elsewhere = there(&ring, "acne.test", 0, &DELEGATION3);
    let at_child = ring.nsec3(&domain(), ring.hash(&domain()), [0; 20], 0, &DELEGATION3);
    let mut cases = vec![
        ("a delegation that is signed", of(&SIGNED3), Fault::HasDs(domain())),
        ("a name that is not a delegation", of(&[Kind::TXT, Kind::RRSIG]), Fault::NotADelegation(domain())),
        ("a name that only has names below it", of(&[]), Fault::NotADelegation(domain())),
        ("a name with a DNAME", of(&[Kind::NS, Kind::DNAME]), Fault::Redirected(domain())),
        ("the parent speaks of the top of a zone", of(&APEX), Fault::Apex(domain())),
        ("the child speaks of its own top", wire(&[world.to_acme(), acme.set(vec![at_child.clone()])].concat()), Fault::Apex(domain())),
        (
            "the child's record in its parent's place",
            denied(&world, slice::from_ref(&at_child)),
            Fault::Form { owner: owner(&at_child), kind: Kind::NSEC3 },
        ),
        (
            "the child signs in its parent's place",
            wire(&[world.to_test(), acme.set(vec![there(&ring, "acme.test", 0, &DELEGATION3)])].concat()),
            Fault::Signer { owner: owner(&there(&ring, "acme.test", 0, &[])), kind: Kind::NSEC3, signer: domain(), zone: name("test") },
        ),
        (
            "a sibling's record",
            denied(&world, slice::from_ref(&elsewhere)),
            Fault::OtherName { owner: owner(&elsewhere), kind: Kind::NSEC3, name: domain() },
        ),
        (
            "two records of one name",
            wire(
                &[world.to_test(), test.set(vec![there(&ring, "acme.test", 0, &DELEGATION3), there(&ring, "acme.test", 0, &[])])].concat(),
            ),
            Fault::OutOfPlace { owner: owner(&there(&ring, "acme.test", 0, &[])), kind: Kind::NSEC3 },
        ),
    ];
    let more: [(&'static str, (Vec<u8>, Fault)); 10] = [
        ("51 iterations", costly(51, 2)),
        ("33 octets of salt", costly(2, 33)),
        ("another hash", unknown(|record| record.rdata[0] = 2)),
        ("another flag", unknown(|record| record.rdata[1] = 2)),
        ("a salt that is cut", malformed(|record| record.rdata.truncate(6))),
        ("a hash of 19 octets", malformed(|record| record.rdata[7] = 19)),
        ("no hash", malformed(|record| record.rdata.truncate(7))),
        ("no parameters", malformed(|record| record.rdata.truncate(4))),
        ("types with a zero at the end", malformed(|record| *record.rdata.last_mut().unwrap() = 0)),
        ("an owner that is not a hash", malformed(|record| record.owner = name("acme.test"))),
    ];
    cases.extend(more.map(|(what, (chain, fault))| (what, chain, fault)));
    cases
}

fn with_opt_out() -> Vec<Case> {
    let (world, ring) = (World::new(), ring());
    let apex = || there(&ring, "test", 0, &APEX);
    let covers = || covering(&ring, "acme.test", 1);
    let of = |records: &[Record]| denied(&world, records);
    let out_of_place = |record: &Record| Fault::OutOfPlace { owner: record.owner.clone(), kind: record.kind };
    let other_name = |record: &Record| Fault::OtherName { owner: record.owner.clone(), kind: record.kind, name: domain() };
    let salted = Ring { iterations: 2, salt: vec![1] };
    let slower = Ring { iterations: 3, ..ring.clone() };
    let whole = |flags: u8, kinds: &[Kind]| {
        let hash = ring.hash(&name("test"));
        of(&[ring.nsec3(&name("test"), hash, hash, flags, kinds)])
    };
    let matching = there(&ring, "acme.test", 1, &SIGNED3);
    vec![
        ("a name that is covered and not left out", of(&[apex(), covering(&ring, "acme.test", 0)]), Fault::NoOptOut(domain())),
        ("a ring of one name without opt-out", whole(0, &APEX), Fault::NoOptOut(domain())),
        ("a zone with a DNAME at its top", whole(1, &[Kind::SOA, Kind::NS, Kind::DNAME]), Fault::Redirected(name("test"))),
        ("a record that covers another name", of(&[apex(), covering(&ring, "acne.test", 1)]), Fault::NotCovered(domain())),
        ("a record that matches the name", of(&[apex(), matching.clone()]), Fault::NotCovered(domain())),
        ("a delegation that is signed, and left out", of(&[matching.clone(), covers()]), Fault::HasDs(domain())),
        ("only the closest encloser", of(&[apex()]), Fault::NotCovered(domain())),
        ("no closest encloser", of(&[covers()]), other_name(&covers())),
        ("the covering record first", of(&[covers(), apex()]), other_name(&covers())),
        ("one record twice", of(&[apex(), apex()]), out_of_place(&apex())),
        ("three records", of(&[apex(), covers(), covering(&ring, "acne.test", 1)]), out_of_place(&covering(&ring, "acne.test", 1))),
        ("another salt", of(&[apex(), covering(&salted, "acme.test", 1)]), Fault::Nsec3Differ),
        ("more iterations", of(&[apex(), covering(&slower, "acme.test", 1)]), Fault::Nsec3Differ),
        (
            "a closest encloser that is a delegation",
            of(&[there(&ring, "acme.test", 1, &DELEGATION3), covering(&ring, "a.acme.test", 1)]),
            Fault::Delegated(domain()),
        ),
        ("NSEC and NSEC3", of(&[apex(), nsec(&domain(), &name("b.test"), &DELEGATION)]), fault!(OutOfPlace, "acme.test", NSEC)),
    ]
}

fn with_anything() -> Vec<Case> {
    let world = World::new();
    let (root, test) = (&world.root, &world.test);
    let proof = || test.set(vec![nsec(&domain(), &name("b.test"), &DELEGATION)]);
    let other = Zone::new("test", Secret::ed25519(60));
    vec![
        ("nothing", vec![], Fault::Ends(Name::root())),
        ("only a signed zone", wire(&world.to_acme()), Fault::Ends(domain())),
        ("only the parent", wire(&world.to_test()), Fault::Ends(name("test"))),
        ("a proof in no zone", wire(&proof()), fault!(OutOfPlace, "acme.test", NSEC)),
        ("a proof before the keys", wire(&[root.keys(), root.delegates(test), proof()].concat()), fault!(OutOfPlace, "acme.test", NSEC)),
        ("texts", wire(&[world.to_test(), test.set(vec![txt(&domain(), "one")])].concat()), fault!(OutOfPlace, "acme.test", TXT)),
        (
            "texts behind a proof",
            wire(&[world.to_test(), proof(), test.set(vec![txt(&domain(), "one")])].concat()),
            fault!(OutOfPlace, "acme.test", TXT),
        ),
        (
            "a CNAME",
            wire(&[world.to_test(), test.set(vec![record(&domain(), Kind::CNAME, [0])])].concat()),
            fault!(Alias, "acme.test", CNAME),
        ),
        (
            "a DS set behind a proof",
            wire(&[world.to_test(), proof(), test.delegates(&world.acme)].concat()),
            fault!(OutOfPlace, "acme.test", DS),
        ),
        (
            "another zone of the same name",
            wire(&[world.to_test(), other.set(vec![nsec(&domain(), &name("b.test"), &DELEGATION)])].concat()),
            Fault::NoKey { owner: domain(), kind: Kind::NSEC, zone: name("test"), key_tag: other.key_tag(), algorithm: 15 },
        ),
    ]
}
