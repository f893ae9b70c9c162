//! Chains that a gatherer puts together out of answers, which are in any order, have more in them, and are signed more than once. `spec/dnssec.md` §8.

use deedbox_dnssec::{Delegation, Fault, Gatherer, How, Kind, Name, Record, Unsigned, texts, unsigned};

use crate::{
    signer::{AT, Ring, Secret, World, Zone, ds_data, name, nsec, owner, record, shifted, txt, wire},
    texts::fault,
};

/// What a server may answer with: in another order, with other TTLs, a record twice, other signatures, and more.
fn untidy(zone: &Zone, set: Vec<Record>) -> Vec<Record> {
    let (owner, kind) = (set[0].owner.clone(), set[0].kind);
    let records: Vec<Record> = set.iter().filter(|record| record.kind == kind).cloned().collect();
    let old = zone.set_with(records.clone(), |head| head.expiration = AT as u32 - 1);
    let strange = zone.set_with(records.clone(), |head| head.algorithm = 5);
    let other = zone.set(vec![record(&owner, Kind(13), *b"\x01a\x01b")]);
    let mut all = [vec![old[old.len() - 1].clone(), strange[strange.len() - 1].clone()], other, set, records].concat();
    all.push(record(&name("elsewhere.test"), kind, *b"\0"));
    all.push(record(&owner, Kind::RRSIG, *b"\0"));
    all.iter_mut().enumerate().for_each(|(i, record)| record.ttl = i as u32);
    all.reverse();
    all
}

fn gatherer(world: &World, name: &Name) -> Gatherer {
    Gatherer::new(&world.anchors(), name, AT)
}

/// A gatherer that has come to `test`.
fn at_test(world: &World, name: &Name) -> Gatherer {
    let mut gatherer = gatherer(world, name);
    gatherer.keys(&world.root.keys()).unwrap();
    assert_eq!(gatherer.delegation(&world.test.name, &world.root.delegates(&world.test)), Ok(Delegation::Signed));
    gatherer.keys(&world.test.keys()).unwrap();
    gatherer
}

#[test]
fn untidy_answers_become_the_one_chain() {
    let world = World::new();
    let (root, test, acme) = (&world.root, &world.test, &world.acme);
    let mut gatherer = gatherer(&world, &owner());
    for (above, zone) in [(None, root), (Some(root), test), (Some(test), acme)] {
        if let Some(above) = above {
            assert_eq!(gatherer.delegation(&zone.name, &untidy(above, above.delegates(zone))), Ok(Delegation::Signed));
        }
        assert_eq!(gatherer.zone(), &zone.name);
        gatherer.keys(&untidy(zone, zone.keys())).unwrap();
    }
    let values = gatherer.texts(&untidy(acme, acme.set(vec![txt(&owner(), "one")]))).unwrap();
    assert_eq!(values, [b"one"]);
    assert_eq!(gatherer.chain(), wire(&world.to_texts()));
    assert_eq!(texts(gatherer.chain(), &world.anchors(), &owner(), AT), Ok(values));
}

#[test]
fn capitals_become_small_letters_where_signers_hash_them_so() {
    let world = World::new();
    let mut keys = world.root.keys();
    let mut delegation = world.root.delegates(&world.test);
    keys.reverse();
    // The root's name has no letters; the signer of the zone below has.
    let mut of_test = world.test.keys();
    let signer = of_test[1].rdata.windows(6).position(|window| window == b"\x04test\0").unwrap();
    of_test[1].rdata[signer + 1..signer + 5].copy_from_slice(b"TesT");
    delegation.reverse();
    let mut gatherer = gatherer(&world, &owner());
    gatherer.keys(&keys).unwrap();
    gatherer.delegation(&world.test.name, &delegation).unwrap();
    gatherer.keys(&of_test).unwrap();
    assert_eq!(gatherer.chain(), wire(&world.to_test()));
}

#[test]
fn an_answer_without_ds_records_is_missing_and_its_authority_says_why() {
    let world = World::new();
    let domain = name("acme.test");
    let mut gatherer = at_test(&world, &domain);
    let soa = world.test.set(vec![record(&world.test.name, Kind::SOA, *b"\0\0")]);
    let proof = world.test.set(vec![nsec(&domain, &name("b.test"), &[Kind::NS, Kind::RRSIG, Kind::NSEC])]);
    let authority = [soa, untidy(&world.test, proof)].concat();
    assert_eq!(gatherer.delegation(&domain, &authority), Err(fault!(Missing, "acme.test", DS)));
    let shown = Unsigned { delegation: domain.clone(), how: How::Nsec };
    assert_eq!(gatherer.absence(&authority), Ok(shown.clone()));
    assert_eq!(unsigned(gatherer.chain(), &world.anchors(), &domain, AT), Ok(shown));
}

#[test]
fn out_of_many_nsec3_records_those_are_kept_that_prove_it() {
    let world = World::new();
    let (domain, ring) = (name("a.acme.test"), Ring { iterations: 1, salt: vec![9] });
    let nsec3 = |owner: [u8; 20], next, kinds: &[Kind]| world.test.set(vec![ring.nsec3(&name("test"), owner, next, 1, kinds)]);
    let hash = |text: &str| ring.hash(&name(text));
    let apex = nsec3(hash("test"), shifted(hash("test"), 1), &[Kind::NS, Kind::SOA]);
    let covering = nsec3(shifted(hash("acme.test"), -1), shifted(hash("acme.test"), 1), &[Kind::NS]);
    let wildcard = nsec3(shifted(hash("www.test"), -1), shifted(hash("www.test"), 1), &[Kind::TXT]);
    let shown = Unsigned { delegation: name("acme.test"), how: How::OptOut };
    for authority in [
        [covering.clone(), wildcard.clone(), apex.clone()].concat(),
        [apex.clone(), wildcard.clone(), covering.clone()].concat(),
        [wildcard, apex.clone(), covering.clone()].concat(),
    ] {
        let mut gatherer = at_test(&world, &domain);
        assert_eq!(gatherer.absence(&authority), Ok(shown.clone()));
        assert_eq!(gatherer.chain(), wire(&[world.to_test(), apex.clone(), covering.clone()].concat()));
    }
}

#[test]
fn a_name_that_is_not_a_delegation_is_said_to_be_none() {
    let world = World::new();
    let domain = name("acme.co.test");
    let mut gatherer = at_test(&world, &domain);
    let before = gatherer.chain().to_vec();
    let here = world.test.set(vec![nsec(&name("co.test"), &domain, &[Kind::TXT, Kind::RRSIG, Kind::NSEC])]);
    let apex = world.test.set(vec![nsec(&name("test"), &name("co.test"), &[Kind::NS, Kind::SOA, Kind::RRSIG, Kind::NSEC])]);
    assert_eq!(gatherer.absence(&[apex, here].concat()), Err(Fault::NotADelegation(name("co.test"))));
    assert_eq!(gatherer.absence(&[]), Err(fault!(Missing, "acme.co.test", NSEC)));
    // It goes on from where it was.
    assert_eq!(gatherer.chain(), before);
    let acme = Zone::new("acme.co.test", Secret::ed25519(70));
    assert_eq!(gatherer.delegation(&domain, &world.test.delegates(&acme)), Ok(Delegation::Signed));
}

#[test]
fn a_ds_set_that_nobody_understands_completes_the_chain() {
    let world = World::new();
    let domain = name("acme.test");
    let mut gatherer = at_test(&world, &domain);
    let anchor = deedbox_dnssec::Anchor { digest_type: 1, ..world.acme.anchor(2) };
    let answer = world.test.set(vec![record(&domain, Kind::DS, ds_data(&anchor))]);
    let shown = Unsigned { delegation: domain.clone(), how: How::NotUnderstood };
    assert_eq!(gatherer.delegation(&domain, &answer), Ok(Delegation::Unsigned(shown.clone())));
    assert_eq!(unsigned(gatherer.chain(), &world.anchors(), &domain, AT), Ok(shown));
}

#[test]
fn what_is_wrong_is_not_kept() {
    let world = World::new();
    let mut gatherer = at_test(&world, &owner());
    let before = (gatherer.zone().clone(), gatherer.chain().to_vec());
    let stranger = Zone::new("test", Secret::ed25519(71));
    let child = &world.acme;
    let unsigned_records = vec![child.ds(2)];
    assert_eq!(gatherer.delegation(&child.name, &unsigned_records), Err(fault!(NoSignature, "acme.test", DS)));
    let fault = Fault::NoKey { owner: child.name.clone(), kind: Kind::DS, zone: name("test"), key_tag: stranger.key_tag(), algorithm: 15 };
    assert_eq!(gatherer.delegation(&child.name, &stranger.delegates(child)), Err(fault));
    assert_eq!(gatherer.keys(&world.test.keys()), Err(fault!(OutOfPlace, "test", DNSKEY)));
    assert_eq!(
        gatherer.texts(&world.acme.set(vec![txt(&owner(), "one")])),
        Err(Fault::Signer { owner: owner(), kind: Kind::TXT, signer: name("acme.test"), zone: name("test") })
    );
    assert_eq!((gatherer.zone().clone(), gatherer.chain().to_vec()), before);
    assert_eq!(gatherer.delegation(&child.name, &world.test.delegates(child)), Ok(Delegation::Signed));
}

#[test]
fn a_gatherer_has_its_limits() {
    let world = World::new();
    let root = &world.root;
    let signature = |records: &[Record]| records[records.len() - 1].clone();
    // Sixteen signatures are tried, and the seventeenth is not.
    let old = signature(&root.set_with(vec![root.key()], |head| head.expiration = 0));
    let many = |count: usize| [vec![root.key()], vec![old.clone(); count], vec![signature(&root.keys())]].concat();
    assert_eq!(gatherer(&world, &owner()).keys(&many(15)), Ok(()));
    assert_eq!(gatherer(&world, &owner()).keys(&many(16)), Err(fault!(Expired, ".", DNSKEY)));
    // An answer has no more records than a chain.
    let mut gatherer = gatherer(&world, &owner());
    assert_eq!(gatherer.keys(&many(255)), Err(Fault::TooManyRecords));
    // A chain has no more bytes than it may have, and stays as it was.
    let long = |i: u8| record(&Name::root(), Kind::DNSKEY, [&[1, 0, 3, 200][..], &[i; 600]].concat());
    let keys = root.set([vec![root.key()], (0..20).map(long).collect()].concat());
    assert!(matches!(gatherer.keys(&keys), Err(Fault::TooLong(_))));
    assert_eq!(gatherer.chain(), b"");
    let short = |i: u8| record(&Name::root(), Kind::DNSKEY, [1, 0, 3, 200, i]);
    let keys = root.set([vec![root.key()], (0..=253).map(short).collect()].concat());
    gatherer.keys(&keys).unwrap();
    assert_eq!(gatherer.delegation(&world.test.name, &root.delegates(&world.test)), Err(Fault::TooManyRecords));
}
