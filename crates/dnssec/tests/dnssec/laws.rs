//! What holds for every chain: a bit more or less is another chain, and no bytes stop the program.

use std::sync::LazyLock;

use deedbox_dnssec::{Anchor, Kind, Name, Record, Unsigned, texts, unsigned};
use proptest::prelude::*;

use crate::signer::{AT, Ring, World, ds_data, name, nsec, owner, record, shifted, wire};

/// What a chain proves: both questions are asked of it.
fn proven(world: &World, chain: &[u8]) -> Option<String> {
    let of_texts = texts(chain, &world.anchors(), &owner(), AT);
    let of_unsigned = unsigned(chain, &world.anchors(), &name("acme.test"), AT);
    match (of_texts, of_unsigned) {
        (Ok(values), Err(_)) => Some(format!("{values:?}")),
        (Err(_), Ok(Unsigned { delegation, how })) => Some(format!("{delegation} {how:?}")),
        (Err(_), Err(_)) => None,
        (Ok(_), Ok(_)) => panic!("a chain proves both"),
    }
}

/// One good chain of each kind.
static GOOD: LazyLock<Vec<Vec<Record>>> = LazyLock::new(|| {
    let world = World::new();
    let (domain, ring) = (name("acme.test"), Ring { iterations: 1, salt: vec![7] });
    let denied = |record: Record| world.test.set(vec![record]);
    let hashed = |text: &str, by: (i8, i8), kinds: &[Kind]| {
        let hash = ring.hash(&name(text));
        denied(ring.nsec3(&world.test.name, shifted(hash, by.0), shifted(hash, by.1), 1, kinds))
    };
    let strange = record(&domain, Kind::DS, ds_data(&Anchor { digest_type: 1, ..world.acme.anchor(2) }));
    vec![
        world.to_texts(),
        [world.to_test(), denied(nsec(&domain, &name("b.test"), &[Kind::NS]))].concat(),
        [world.to_test(), hashed("acme.test", (0, 1), &[Kind::NS])].concat(),
        [world.to_test(), hashed("test", (0, 1), &[Kind::NS, Kind::SOA]), hashed("acme.test", (-1, 1), &[])].concat(),
        [world.to_test(), denied(strange)].concat(),
    ]
});

#[test]
fn no_bit_of_a_chain_can_be_another_one() {
    let world = World::new();
    let (anchors, domain) = (world.anchors(), name("acme.test"));
    let judge = |which: usize, chain: &[u8]| match which {
        0 => texts(chain, &anchors, &owner(), AT).is_ok(),
        _ => unsigned(chain, &anchors, &domain, AT).is_ok(),
    };
    // The way to `test` is the same in all of them: its bits are tried once.
    let shared = wire(&world.to_test()).len();
    for (which, chain) in GOOD.iter().enumerate() {
        let mut chain = wire(chain);
        assert!(judge(which, &chain));
        let first = if which == 0 { 0 } else { shared };
        for bit in first * 8..chain.len() * 8 {
            chain[bit / 8] ^= 1 << (bit % 8);
            assert!(!judge(which, &chain), "{which}: bit {bit}");
            chain[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn the_costliest_chain_ends() {
    let world = World::new();
    // As many digests as fit, each of which looks like the tag of each of as many keys as fit.
    let (root, test) = (&world.root, &world.test);
    let digests = (0..60).map(|i| record(&test.name, Kind::DS, ds_data(&Anchor { digest: vec![i; 48], digest_type: 4, ..test.anchor(4) })));
    let keys = (0..120).map(|i| record(&test.name, Kind::DNSKEY, [&[1, 0, 3, 13][..], &[i; 30]].concat()));
    let chain = [root.keys(), root.set(digests.collect()), test.set(keys.collect())].concat();
    assert_eq!(proven(&world, &wire(&chain)), None);
}

/// A good chain whose records were moved, left out, repeated or exchanged.
fn shuffled() -> impl Strategy<Value = (usize, Vec<Record>)> {
    let chains = &*GOOD;
    let pool: Vec<Record> = chains.concat();
    (0..chains.len(), prop::collection::vec((0..4u8, any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4)).prop_map(
        move |(which, changes): (usize, Vec<(u8, prop::sample::Index, prop::sample::Index)>)| {
            let mut chain = chains[which].clone();
            for (change, at, other) in changes {
                let at = at.index(chain.len());
                match change {
                    0 if chain.len() > 1 => drop(chain.remove(at)),
                    1 => chain.insert(at, chain[other.index(chain.len())].clone()),
                    2 => chain[at] = pool[other.index(pool.len())].clone(),
                    _ => {
                        let other = other.index(chain.len());
                        chain.swap(at, other);
                    }
                }
            }
            (which, chain)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn records_that_were_moved_prove_nothing_new((which, chain) in shuffled()) {
        let proof = proven(&World::new(), &wire(&chain));
        // What proves something is one of the good chains, byte for byte.
        prop_assert!(proof.is_none() || GOOD.contains(&chain), "{which}: {proof:?}");
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert_eq!(proven(&World::new(), &bytes), None);
    }

    #[test]
    fn bytes_within_a_chain_are_judged(
        which in 0..5usize, at in any::<prop::sample::Index>(), removed in 0..8usize, put in prop::collection::vec(any::<u8>(), 0..8),
    ) {
        let world = World::new();
        let before = wire(&GOOD[which]);
        let at = at.index(before.len());
        let mut after = before.clone();
        after.splice(at..(at + removed).min(before.len()), put);
        prop_assert!(proven(&world, &after).is_none() || after == before);
    }

    #[test]
    fn a_record_is_written_as_it_was_read(bytes in prop::collection::vec(prop_oneof![Just(0u8), Just(1), 2..8u8, any::<u8>()], 0..64)) {
        if let Ok((record, length)) = Record::read(&bytes) {
            let mut written = Vec::new();
            record.write(&mut written).unwrap();
            prop_assert!(written.eq_ignore_ascii_case(&bytes[..length]));
        }
        if let Ok(name) = Name::from_wire(&bytes) {
            prop_assert!(name.wire().eq_ignore_ascii_case(&bytes));
            prop_assert!(name.ancestors().all(|above| name.is_within(&above)));
            prop_assert_eq!(name.ancestors().count(), name.labels() + 1);
        }
    }

    #[test]
    fn the_text_of_a_name_is_its_only_one(text in "[a-zA-Z0-9_.-]{0,40}") {
        if let Ok(name) = Name::parse(&text) {
            prop_assert_eq!(name.to_string(), text);
            prop_assert_eq!(Name::from_wire(name.wire()), Ok(name));
        }
    }
}
