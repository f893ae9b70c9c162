//! What verifies, and that nothing that was changed does. No network.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test is a sentence, and its helpers may stop where they stand"
)]

mod common;

use common::{HandMade, release, time};
use deedbox_client::trust::verify_checkpoint;
use deedbox_client::verify::judge;
use deedbox_client::{ClientError, Home, Judged, SavedProof, Tenures, Unproven, VerifiedRelease, VerifyError};
use deedbox_model::event::*;
use deedbox_model::holding::Through;
use deedbox_model::{
    Domain, Event, EventId, Hasher, ObjectRef, PackageId, Parameters, ReasonCode, SecretKey, Speaker, Subject, SuffixRule, Value, Version,
};
use deedbox_testkit::zones;
use std::collections::BTreeMap;

const ID: &str = "npm:acme.example/widget";

fn widget() -> (PackageId, Version) {
    (PackageId::parse(ID).unwrap(), Version::parse("1.0.0").unwrap())
}

fn check(made: &HandMade, unproven: Unproven) -> Result<VerifiedRelease, VerifyError> {
    let checkpoint = verify_checkpoint(unproven.checkpoint().as_bytes(), &made.vkey())?;
    let proven = unproven.prove(&checkpoint)?;
    let (id, version) = widget();
    judge(&proven, &made.origin, &made.vkey())?.release(&id, &version)
}

fn made() -> HandMade {
    let mut made = HandMade::new();
    for n in 0..5 {
        made.publish(&format!("npm:acme.example/other{n}"), "1.0.0", b"other");
    }
    made.publish(ID, "1.0.0", b"the tarball");
    made.publish(ID, "1.1.0", b"a newer tarball");
    made
}

#[test]
fn a_release_verifies_with_nothing_but_its_claim_and_the_beginning() {
    let made = made();
    let verified = check(&made, made.proof(9, &[0, 1, 7])).unwrap();
    assert_eq!((verified.index(), verified.claim_index(), verified.tree_size()), (7, 1, 9));
    assert_eq!(verified.owner().as_str(), "acme.example");
    let (size, digests) = Hasher::of(b"the tarball");
    assert_eq!(verified.compare("a file", size, &digests).unwrap(), "widget-1.0.0.tgz");
    let (size, digests) = Hasher::of(b"the tarbal!");
    let refused = verified.compare("a file", size, &digests).unwrap_err().to_string();
    assert!(refused.contains("a file is not what npm:acme.example/widget@1.0.0 says"), "{refused}");
}

#[test]
fn a_later_release_verifies_without_the_ones_between() {
    let made = made();
    let unproven = made.proof(9, &[0, 1, 8]);
    let checkpoint = verify_checkpoint(unproven.checkpoint().as_bytes(), &made.vkey()).unwrap();
    let mut judged = judge(&unproven.prove(&checkpoint).unwrap(), &made.origin, &made.vkey()).unwrap();
    let (id, version) = (PackageId::parse(ID).unwrap(), Version::parse("1.1.0").unwrap());
    assert_eq!(judged.release(&id, &version).unwrap().index(), 8);
}

#[test]
fn the_standing_is_what_the_events_say() {
    let mut made = made();
    let version = Version::parse("1.0.0").unwrap();
    made.package(ID, &Event::from(ReleaseYanked { reason: ReasonCode::Security, version: version.clone() }));
    let notice = Notice { reason: ReasonCode::Superseded, message: Some(ObjectRef::of(b"use 2")) };
    made.package(ID, &Event::from(ReleaseDeprecated { notice: Some(notice), version }));
    let verified = check(&made, made.proof(11, &[0, 1, 7, 9, 10])).unwrap();
    assert_eq!(verified.standing().yanked, Some((ReasonCode::Security, 9)));
    assert_eq!(verified.standing().notice.as_ref().map(|(notice, index)| (notice.reason, *index)), Some((ReasonCode::Superseded, 10)));
}

#[test]
fn over_its_whole_chain_a_second_release_of_a_version_has_no_effect() {
    let mut made = made();
    made.publish(ID, "1.0.0", b"other bytes");
    // 7 and 8 are the package's chain, and 9 continues it.
    assert_eq!(check(&made, made.proof(10, &[0, 1, 7])).unwrap().chain(), Some(1));
    assert_eq!(check(&made, made.proof(10, &[0, 1, 7, 8])).unwrap().chain(), Some(2));
    let refused = check(&made, made.proof(10, &[0, 1, 7, 8, 9])).unwrap_err().to_string();
    assert!(refused.contains("exists already"), "{refused}");
    // Without what is between, nobody can tell, and it does not say so.
    assert_eq!(check(&made, made.proof(10, &[0, 1, 9])).unwrap().chain(), None);
    assert_eq!(check(&made, made.proof(10, &[0, 1, 7, 9])).unwrap_err().to_string(), refused);
}

/// The proof as a map of values, changed, and read again.
fn doctored(unproven: &Unproven, change: impl Fn(&mut BTreeMap<String, Value>)) -> Option<Unproven> {
    let Value::Map(mut map) = deedbox_model::decode::<Value>(&unproven.encode().unwrap()).unwrap() else { panic!("a map") };
    change(&mut map);
    Unproven::decode(&deedbox_model::encode(&Value::Map(map)).unwrap()).ok()
}

fn list<'a>(map: &'a mut BTreeMap<String, Value>, key: &str) -> &'a mut Vec<Value> {
    match map.get_mut(key) {
        Some(Value::List(list)) => list,
        _ => panic!("{key} is a list"),
    }
}

fn bytes(value: &mut Value) -> &mut Vec<u8> {
    match value {
        Value::Bytes(bytes) => bytes,
        _ => panic!("bytes"),
    }
}

#[test]
fn every_byte_of_statements_and_hashes_counts() {
    let made = made();
    let good = made.proof(9, &[0, 1, 7]);
    assert!(check(&made, good.clone()).is_ok());
    for statement in 0..3 {
        let len = good.statements().nth(statement).unwrap().len();
        for at in (0..len).step_by(7).chain([len - 1]) {
            let bad = doctored(&good, |map| bytes(&mut list(map, "statements")[statement])[at] ^= 1).unwrap();
            let refused = check(&made, bad).unwrap_err();
            assert!(matches!(refused, VerifyError::NotIncluded(_)), "statement {statement}, byte {at}: {refused}");
        }
    }
    for at in 0..good.proof_bytes() {
        let bad = doctored(&good, |map| bytes(map.get_mut("hashes").unwrap())[at] ^= 1).unwrap();
        assert!(matches!(check(&made, bad), Err(VerifyError::NotIncluded(_))), "hash byte {at}");
    }
}

#[test]
fn a_proof_of_another_shape_is_refused() {
    let made = made();
    let good = made.proof(9, &[0, 1, 7]);
    type Change<'a> = &'a dyn Fn(&mut BTreeMap<String, Value>);
    let cases: [(&str, Change<'_>); 6] = [
        ("an index that is another", &|map| list(map, "indices")[2] = Value::Int(6)),
        ("an index beyond the tree", &|map| list(map, "indices")[2] = Value::Int(70)),
        ("the same entry twice", &|map| list(map, "indices")[2] = Value::Int(1)),
        ("a hash too many", &|map| bytes(map.get_mut("hashes").unwrap()).extend([0; 32])),
        ("a hash too few", &|map| bytes(map.get_mut("hashes").unwrap()).truncate(32)),
        ("half a hash", &|map| bytes(map.get_mut("hashes").unwrap()).truncate(40)),
    ];
    for (what, change) in cases {
        assert!(matches!(check(&made, doctored(&good, change).unwrap()), Err(VerifyError::NotIncluded(_))), "{what}");
    }
    assert!(doctored(&good, |map| drop(list(map, "statements").pop())).is_none(), "fewer statements than indices");
    assert!(matches!(check(&made, made.proof(9, &[1, 7])), Err(VerifyError::NoBeginning)));
    assert!(matches!(check(&made, made.proof(9, &[0, 1, 2])), Err(VerifyError::NotInLog(..))));
}

#[test]
fn a_checkpoint_is_the_logs_own_and_unaltered() {
    let made = made();
    let good = made.proof(9, &[0, 1, 7]);
    let with =
        |checkpoint: String| doctored(&good, |map| drop(map.insert("checkpoint".to_owned(), Value::Text(checkpoint.clone())))).unwrap();
    let stranger = made.checkpoint_by(&SecretKey::from_seed(&[9; 32]), 9, made.root(9));
    let other_root = made.checkpoint(9).replace(&made.root(9).to_base64(), &made.root(8).to_base64());
    for (what, checkpoint) in [
        ("signed by another key", stranger),
        ("another root", other_root),
        ("another origin", made.checkpoint(9).replacen("registry.example", "registry2.example", 1)),
        ("no checkpoint at all", "hello\n".to_owned()),
    ] {
        let refused = check(&made, with(checkpoint)).unwrap_err();
        assert!(matches!(refused, VerifyError::Checkpoint(_)), "{what}: {refused}");
    }
    // A good checkpoint of another size proves another tree.
    assert!(matches!(check(&made, with(made.checkpoint(8))), Err(VerifyError::NotIncluded(_))));
}

#[test]
fn what_its_owner_did_not_allow_is_not_a_release_though_it_is_in_the_log() {
    let thief = SecretKey::from_seed(&[9; 32]);
    let version = Version::parse("1.0.0").unwrap();

    let mut unknown_key = HandMade::new();
    unknown_key.package_by(&thief, unknown_key.tenure, ID, &release(ID, "1.0.0", b"x"));
    let refused = check(&unknown_key, unknown_key.proof(3, &[0, 1, 2])).unwrap_err().to_string();
    assert!(refused.contains("the signing key is not one of acme.example's keys"), "{refused}");

    let mut other_tenure = HandMade::new();
    let elsewhere = other_tenure.claim("other.example", &thief, 2);
    other_tenure.package_by(&other_tenure.publisher.clone(), elsewhere, ID, &release(ID, "1.0.0", b"x"));
    let refused = check(&other_tenure, other_tenure.proof(4, &[0, 1, 2, 3])).unwrap_err().to_string();
    assert!(refused.contains("acme.example is held under event"), "{refused}");

    // The claim is not in the proof: then nobody is known to own the domain.
    let made = made();
    let refused = check(&made, made.proof(9, &[0, 7])).unwrap_err().to_string();
    assert!(refused.contains("nobody has claimed acme.example"), "{refused}");

    // A yank by somebody else does not stand, and is not passed over either.
    let mut yanked = made.clone();
    let tenure = yanked.tenure;
    yanked.package_by(&thief, tenure, ID, &Event::from(ReleaseYanked { reason: ReasonCode::Broken, version }));
    assert!(matches!(check(&yanked, yanked.proof(10, &[0, 1, 7, 9])), Err(VerifyError::NotAuthorised { index: 9, .. })));
}

/// A proof of these entries, judged.
fn judged(made: &HandMade, indices: &[u64]) -> Result<Judged, VerifyError> {
    let unproven = made.proof(made.entries.len(), indices);
    let checkpoint = verify_checkpoint(unproven.checkpoint().as_bytes(), &made.vkey())?;
    judge(&unproven.prove(&checkpoint)?, &made.origin, &made.vkey())
}

/// A registry that puts a suffix list in force and then anchors of DNS, and a claim that rests on DNS.
fn grounded() -> HandMade {
    let mut made = HandMade::new();
    let operator = made.operator.clone();
    let registry =
        |made: &mut HandMade, prev, ms, event: &Event| made.say(&operator, &Speaker::Registry, &Subject::Registry, prev, ms, event);
    let list = RegistrySuffixesChanged { put: vec![SuffixRule::parse("host.example").unwrap()], removed: vec![] };
    let created = EventId::of(&made.entries[0]);
    let list = registry(&mut made, Some(created), 2, &Event::from(list));
    let parameters = Parameters { dns_anchors: zones::anchors() }.to_bytes().unwrap();
    registry(&mut made, Some(list), 3, &Event::from(RegistryRulesChanged { rules: Rules { parameters, protocol: 1 } }));
    let (key, domain) = (SecretKey::from_seed(&[6; 32]), Domain::parse("new.example").unwrap());
    let keys = vec![DomainKey { key: key.public(), from: None, role: Role::Admin, until: None }];
    let acceptance = Acceptance::sign(&key, &domain, &made.origin, &AcceptanceTerms::first(keys, time(4))).unwrap();
    let sight = Some(zones::signed(&domain, &acceptance.record(), time(4)));
    let claimed = DomainClaimed { sight, evidence: Evidence::Dnssec, acceptance };
    made.say(&operator, &Speaker::Registry, &Subject::Domain(domain), None, 4, &Event::from(claimed));
    made.publish(ID, "1.0.0", b"the tarball");
    made
}

#[test]
fn a_claim_that_rests_on_dns_is_judged_by_the_rules_that_are_shown_and_the_list_is_supposed() {
    let made = grounded();
    let claim = EventId::of(&made.entries[4]);
    // Entry 2, the list, is in no proof.
    let found = judged(&made, &[0, 1, 3, 4, 5]).unwrap();
    assert_eq!(found.index_of(&claim), Some(4));
    // A release of that domain says by whose root it was claimed.
    let (mut made, key) = (made, SecretKey::from_seed(&[6; 32]));
    let (id, domain) = (PackageId::parse("npm:new.example/x").unwrap(), Domain::parse("new.example").unwrap());
    let speaker = Speaker::Domain { domain, tenure: claim };
    let published = release("npm:new.example/x", "1.0.0", b"x");
    made.say(&key, &speaker, &Subject::Package(id.clone()), None, 6, &published);
    let mut found = judged(&made, &[0, 1, 3, 4, 6]).unwrap();
    let of_new = found.release(&id, &Version::parse("1.0.0").unwrap()).unwrap();
    assert_eq!((of_new.evidence(), of_new.rests_on_own_root()), (Evidence::Dnssec, true), "it is the root of these tests");
    let (id, version) = widget();
    assert!(!judged(&made, &[0, 1, 3, 4, 5]).unwrap().release(&id, &version).unwrap().rests_on_own_root());
    // Where the rules are not shown there are no anchors, and the claim shows nothing.
    let mut without = judged(&made, &[0, 1, 4, 5]).unwrap();
    assert_eq!(without.index_of(&claim), None);
    assert!(without.must_have_effect(&claim).unwrap_err().to_string().contains("no anchors of DNS"));
    // What continues an event that is shown, and is not the head, is void for everybody.
    let mut forked = made.clone();
    let created = EventId::of(&made.entries[0]);
    let operator = forked.operator.clone();
    let rules = Rules { parameters: Vec::new(), protocol: 1 };
    forked.say(&operator, &Speaker::Registry, &Subject::Registry, Some(created), 6, &Event::from(RegistryRulesChanged { rules }));
    assert!(judged(&forked, &[0, 1, 3, 4, 5, 7]).is_err());
}

#[test]
fn a_domains_event_without_effect_is_that_domains_business_alone() {
    let mut made = grounded();
    let (thief, domain) = (SecretKey::from_seed(&[9; 32]), Domain::parse("new.example").unwrap());
    let claim = EventId::of(&made.entries[4]);
    let removed = DomainKeysChanged::remove(vec![SecretKey::from_seed(&[6; 32]).public().id()]);
    let speaker = Speaker::Domain { domain: domain.clone(), tenure: claim };
    made.say(&thief, &speaker, &Subject::Domain(domain.clone()), Some(claim), 6, &Event::from(removed));
    let (id, version) = widget();
    let mut found = judged(&made, &[0, 1, 3, 4, 5, 6]).unwrap();
    assert_eq!(found.release(&id, &version).unwrap().index(), 5, "another domain's release stands");
    assert_eq!(found.domain(&domain).unwrap().keys.len(), 1, "and so do the keys");
    // A second claim of a domain that somebody has.
    let again = made.claim("acme.example", &thief, 7);
    let mut found = judged(&made, &[0, 1, 3, 4, 5, 7]).unwrap();
    assert!(found.must_have_effect(&again).unwrap_err().to_string().contains("is claimed already"));
    assert!(found.release(&id, &version).is_ok());
}

#[test]
fn entry_0_must_create_the_pinned_registry() {
    let made = made();
    let other = SecretKey::from_seed(&[8; 32]);
    // The same log, believed by another key: entry 0 does not name it.
    let name = deedbox_tlog::KeyName::new("registry.example").unwrap();
    let believed = deedbox_tlog::VerifierKey::new(name, deedbox_tlog::KeyKind::Ed25519, &other.public().to_bytes()).unwrap();
    let unproven = made.proof(9, &[0, 1, 7]);
    let checkpoint = verify_checkpoint(made.checkpoint(9).as_bytes(), &made.vkey()).unwrap();
    let refused = judge(&unproven.prove(&checkpoint).unwrap(), &made.origin, &believed).unwrap_err();
    assert!(refused.to_string().contains("does not name the key that signs the checkpoints"), "{refused}");
}

#[test]
fn a_saved_proof_verifies_alone_and_only_unaltered() {
    let made = made();
    let (id, version) = widget();
    let saved = SavedProof::new("https://registry.example", &id, &version, made.proof(9, &[0, 1, 7]));
    let bytes = saved.encode().unwrap();
    assert_eq!(SavedProof::decode(&bytes).unwrap(), saved);
    assert_eq!(SavedProof::decode(&bytes).unwrap().verify(&made.vkey()).unwrap().index(), 7);
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        // The address that it came from, and which of the proven releases it is about, are only words of its writer.
        let Ok(read) = SavedProof::decode(&bad) else { continue };
        if read.registry() != saved.registry() {
            continue;
        }
        assert!(read.verify(&made.vkey()).is_err(), "byte {at}");
    }
}

#[test]
fn a_thousand_releases_take_one_small_proof() {
    let mut made = HandMade::new();
    for n in 0..1_000 {
        made.publish(&format!("npm:acme.example/p{n}"), "1.0.0", b"x");
    }
    for n in 0..3_000_u64 {
        made.claim(&format!("d{n}.example"), &SecretKey::from_seed(&[7; 32]), 2_000 + n);
    }
    let indices: Vec<u64> = (0..1_002).collect();
    let unproven = made.proof(4_002, &indices);
    assert!(unproven.proof_bytes() < 200_000, "{}", unproven.proof_bytes());
    let bytes = unproven.encode().unwrap();
    assert!(bytes.len() < 1_200_000, "{}", bytes.len());
    let start = std::time::Instant::now();
    let unproven = Unproven::decode(&bytes).unwrap();
    let checkpoint = verify_checkpoint(unproven.checkpoint().as_bytes(), &made.vkey()).unwrap();
    let mut judged = judge(&unproven.prove(&checkpoint).unwrap(), &made.origin, &made.vkey()).unwrap();
    let version = Version::parse("1.0.0").unwrap();
    for n in 0..1_000 {
        judged.release(&PackageId::parse(&format!("npm:acme.example/p{n}")).unwrap(), &version).unwrap();
    }
    // Twenty times what an optimised build takes: this is a bound on the order of growth, not a benchmark.
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
}

const DAY: u64 = 86_400_000;

/// acme.example with a release, then recovered by somebody else, who published 31 days later, and handed it on. Entries: 0 and 1 as ever, 2 the first
/// release, 3 and 4 the recovery, 5 its release, 6 the transfer, 7 the release of the last holder.
fn recovered() -> HandMade {
    let mut made = HandMade::new();
    made.publish(ID, "1.0.0", b"the tarball");
    let domain = Domain::parse("acme.example").unwrap();
    let subject = Subject::Domain(domain.clone());
    let (operator, next, last) = (made.operator.clone(), SecretKey::from_seed(&[21; 32]), SecretKey::from_seed(&[22; 32]));
    let cold = SecretKey::from_seed(&[40; 32]);
    let accept = |key: &SecretKey, prev: EventId, ms: u64| {
        let of = |key: &SecretKey, role| DomainKey { key: key.public(), from: None, role, until: None };
        let mut keys = vec![of(key, Role::Admin), of(&cold, Role::Recovery)];
        keys.sort();
        Acceptance::sign(key, &domain, &HandMade::new().origin, &AcceptanceTerms::after(Some(prev), keys, time(ms))).unwrap()
    };
    let tenure = made.tenure;
    let opened = DomainRecoveryOpened { sight: None, evidence: Evidence::Operator, acceptance: accept(&next, tenure, 100) };
    let opened = made.say(&operator, &Speaker::Registry, &subject, Some(tenure), 100, &Event::from(opened));
    let completed = DomainRecoveryCompleted { sight: None, evidence: Evidence::Operator, recovery: opened };
    let completed = made.say(&operator, &Speaker::Registry, &subject, Some(opened), 15 * DAY, &Event::from(completed));
    let package = Subject::Package(PackageId::parse(ID).unwrap());
    let held = |tenure| Speaker::Domain { domain: domain.clone(), tenure };
    let before = EventId::of(&made.entries[2]);
    let second = made.say(&next, &held(completed), &package, Some(before), 46 * DAY, &release(ID, "1.1.0", b"by the next"));
    let transferred = DomainTransferred { acceptance: accept(&last, completed, 47 * DAY) };
    let transferred = made.say(&cold, &held(completed), &subject, Some(completed), 47 * DAY, &Event::from(transferred));
    made.say(&last, &held(transferred), &package, Some(second), 48 * DAY, &release(ID, "1.2.0", b"by the last"));
    made
}

fn proof_of(made: &HandMade, version: &str, indices: &[u64]) -> SavedProof {
    SavedProof::new("https://registry.example", &PackageId::parse(ID).unwrap(), &Version::parse(version).unwrap(), made.proof(8, indices))
}

#[test]
fn a_release_of_a_holder_who_took_the_domain_is_accepted_once_or_does_not_verify() {
    let made = recovered();
    let folder = tempfile::tempdir().unwrap();
    let tenures = Tenures::of(&Home::at(folder.path()), &made.vkey());
    let verified = |version, indices: &[u64]| proof_of(&made, version, indices).verify(&made.vkey()).unwrap();
    let first = verified("1.0.0", &[0, 1, 2]);
    assert_eq!((first.through(), first.broken()), (Through::Claim, None));
    tenures.must_be_accepted(&first).unwrap();
    let taken = verified("1.1.0", &[0, 1, 2, 3, 4, 5]);
    let broken = taken.broken().unwrap();
    assert_eq!((taken.through(), taken.tenure(), broken.index, broken.at), (Through::Recovery, Some(broken.tenure), 4, time(15 * DAY)));
    let words = tenures.must_be_accepted(&taken).unwrap_err().to_string();
    for part in [
        "npm:acme.example/widget@1.1.0 is of a holder of acme.example",
        "it was recovered at 2026-",
        "evidence operator (entry 4)",
        "--accept-tenure",
    ] {
        assert!(words.contains(part), "{part:?} is not in {words}");
    }
    // Whoever took a domain cannot hand it to themselves and be somebody else.
    let handed = verified("1.2.0", &[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!((handed.through(), handed.broken()), (Through::Transfer, Some(broken)));
    assert!(matches!(tenures.must_be_accepted(&handed), Err(ClientError::Verify(VerifyError::NotAccepted { .. }))));

    tenures.accept(&taken, time(0)).unwrap();
    tenures.accept(&taken, time(0)).unwrap();
    for release in [&first, &taken, &handed] {
        tenures.must_be_accepted(release).unwrap();
    }
    // For another log, and for another domain, nothing was accepted; and what does not read is not guessed at.
    let other = Tenures::of(&Home::at(folder.path()), &{
        let mut made = made.clone();
        made.log = SecretKey::from_seed(&[23; 32]);
        made.vkey()
    });
    assert!(other.must_be_accepted(&taken).is_err());
    assert!(!tenures.is_accepted(&Domain::parse("other.example").unwrap(), &broken.tenure).unwrap());
    let file = Home::at(folder.path()).log(&made.vkey()).tenures().join("acme.example.json");
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(kept.matches(&broken.tenure.to_hex()).count(), 1, "{kept}");
    for changed in ["{}".to_owned(), kept.replace("acme.example", "other.example"), " ".repeat(70_000)] {
        std::fs::write(&file, changed).unwrap();
        assert!(matches!(tenures.must_be_accepted(&taken), Err(ClientError::File { .. })));
    }
}

#[test]
fn a_domain_that_was_claimed_again_breaks_the_line_too() {
    const LEFT: &str = "npm:left.example/widget";
    let mut made = HandMade::new();
    let domain = Domain::parse("left.example").unwrap();
    let subject = Subject::Domain(domain.clone());
    let [first, cold, next] = [20, 40, 21].map(|n| SecretKey::from_seed(&[n; 32]));
    let operator = made.operator.clone();
    let of = |key: &SecretKey, role| DomainKey { key: key.public(), from: None, role, until: None };
    let claim = |by: &SecretKey, mut keys: Vec<DomainKey>, prev: Option<EventId>, ms: u64| {
        keys.sort();
        let terms = AcceptanceTerms::after(prev, keys, time(ms));
        let acceptance = Acceptance::sign(by, &domain, &HandMade::new().origin, &terms).unwrap();
        Event::from(DomainClaimed::unseen(Evidence::Operator, acceptance))
    };
    let event = claim(&first, vec![of(&first, Role::Admin), of(&cold, Role::Recovery)], None, 50);
    let tenure = made.say(&operator, &Speaker::Registry, &subject, None, 50, &event);
    let own = Speaker::Domain { domain: domain.clone(), tenure };
    let package = Subject::Package(PackageId::parse(LEFT).unwrap());
    let before = made.say(&first, &own, &package, None, 60, &release(LEFT, "1.0.0", b"the tarball"));
    let left = made.say(&cold, &own, &subject, Some(tenure), 100, &Event::from(DomainReleased {}));
    let event = claim(&next, vec![of(&next, Role::Admin)], Some(left), 200);
    let claimed = made.say(&operator, &Speaker::Registry, &subject, Some(left), 200, &event);
    let speaker = Speaker::Domain { domain: domain.clone(), tenure: claimed };
    made.say(&next, &speaker, &package, Some(before), 31 * DAY, &release(LEFT, "1.1.0", b"by the next"));
    let id = PackageId::parse(LEFT).unwrap();
    let proof = SavedProof::new("https://registry.example", &id, &Version::parse("1.1.0").unwrap(), made.proof(7, &[0, 2, 3, 4, 5, 6]));
    let taken = proof.verify(&made.vkey()).unwrap();
    assert_eq!((taken.through(), taken.broken().unwrap().index), (Through::Reclaim, 5));
    assert!(taken.broken().unwrap().to_string().starts_with("it was given up, and claimed again at "), "{}", taken.broken().unwrap());
}
