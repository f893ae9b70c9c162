//! The minutes of a hand-made registry: who said what by which right, what has no effect, and what was left out. No network.
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
use deedbox_client::{Minutes, Right, VerifyError};
use deedbox_model::event::*;
use deedbox_model::{Domain, Event, EventId, PackageId, ReasonCode, SecretKey, Speaker, Statement, Subject};

const ID: &str = "npm:acme.example/widget";

fn minutes(made: &HandMade, indices: &[u64]) -> Result<Minutes, VerifyError> {
    let unproven = made.proof(made.entries.len(), indices);
    let checkpoint = verify_checkpoint(unproven.checkpoint().as_bytes(), &made.vkey())?;
    Minutes::of(&unproven.prove(&checkpoint)?, &made.origin, &made.vkey(), |statement| *statement.subject() != Subject::Registry)
}

fn acme() -> (Speaker, Subject, Domain) {
    let domain = Domain::parse("acme.example").unwrap();
    (Speaker::Registry, Subject::Domain(domain.clone()), domain)
}

#[test]
fn each_entry_has_its_right_its_time_and_its_effect_or_its_refusal() {
    let mut made = HandMade::new();
    let (_, subject, domain) = acme();
    let (ci, stranger, publisher) = (SecretKey::from_seed(&[60; 32]), SecretKey::from_seed(&[99; 32]), made.publisher.clone());
    let itself = Speaker::Domain { domain: domain.clone(), tenure: made.tenure };
    let granted =
        PublisherGranted { key: ci.public(), ids: vec![ID.parse().unwrap()], actions: vec![Action::Publish], until: Some(time(50)) };
    let grant = made.say(&publisher, &itself, &subject, Some(made.tenure), 10, &granted.into());
    let by_grant = |id: &str, prev, ms, version| {
        let about = Subject::Package(PackageId::parse(id).unwrap());
        let event = release(id, version, b"x");
        Statement::sign_by(&ci, &made.origin, &itself, Some(grant), &about, prev, time(ms), &event).unwrap()
    };
    let first = by_grant(ID, None, 11, "1.0.0");
    let elsewhere = by_grant("npm:acme.example/other", None, 12, "1.0.0");
    let late = by_grant(ID, Some(first.id()), 50, "1.1.0");
    for statement in [&first, &elsewhere] {
        made.entries.push(statement.bytes().to_vec());
    }
    let frozen = Event::from(DomainFrozen { reason: ReasonCode::Security });
    made.say(&stranger, &itself, &subject, Some(grant), 40, &frozen);
    made.say(&made.operator.clone(), &Speaker::Registry, &subject, Some(grant), 30, &frozen);
    made.entries.push(late.bytes().to_vec());

    let all: Vec<u64> = (0..made.entries.len() as u64).collect();
    let told = minutes(&made, &all).unwrap();
    let no_effect: Vec<Option<String>> = told.minutes.iter().map(|minute| minute.no_effect()).collect();
    let codes: Vec<Option<&str>> = no_effect.iter().map(Option::as_deref).collect();
    assert_eq!(codes, [None, None, None, Some("not_granted"), Some("key_not_authorised"), None, Some("grant_over")]);
    let rights: Vec<&Right> = told.minutes.iter().map(|minute| &minute.right).collect();
    assert!(matches!(rights[0], Right::Operator) && matches!(rights[1], Right::Key(Role::Admin)), "{rights:?}");
    for right in [2, 3, 6].map(|n| rights[n]) {
        assert!(matches!(right, Right::Grant { grant: by, .. } if *by == grant), "{right:?}");
    }
    assert!(matches!(rights[4], Right::None) && matches!(rights[5], Right::Operator), "{rights:?}");
    assert!(told.minutes.iter().all(|minute| minute.evidence == Some(Evidence::Operator)));
    // Log time never goes back, and what has no effect moves it nowhere.
    let times: Vec<_> = told.minutes.iter().map(|minute| minute.time).collect();
    assert_eq!(times, [1, 10, 11, 11, 11, 30, 30].map(time));
    let rows: Vec<bool> = told.minutes.iter().map(|minute| minute.domain.is_some()).collect();
    assert_eq!(rows, [true, true, false, false, false, true, false]);
    assert_eq!(told.tree_size, 8);
    assert_eq!(told.gap(&PackageId::parse(ID).unwrap()), None);
}

#[test]
fn an_event_of_a_package_that_was_left_out_is_missed() {
    let mut made = HandMade::new();
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        made.publish(ID, version, version.as_bytes());
    }
    let id = PackageId::parse(ID).unwrap();
    for (indices, gap) in [
        (&[0, 1, 2, 3, 4][..], None),
        // The newest of all is nobody's to miss.
        (&[0, 1, 2, 3], None),
        (&[0, 1, 2, 4], Some(4)),
        (&[0, 1, 3, 4], Some(3)),
    ] {
        assert_eq!(minutes(&made, indices).unwrap().gap(&id), gap, "{indices:?}");
    }
    // Without the claim nothing of it counts.
    let unclaimed = minutes(&made, &[0, 2]).unwrap();
    assert_eq!(unclaimed.minutes[0].no_effect().as_deref(), Some("not_claimed"));
}

#[test]
fn an_event_of_a_domain_that_others_go_on_from_is_missed() {
    let mut made = HandMade::new();
    let (_, subject, domain) = acme();
    let itself = Speaker::Domain { domain, tenure: made.tenure };
    let publisher = made.publisher.clone();
    let mut head: EventId = made.tenure;
    for n in 70..72 {
        let key = DomainKey { key: SecretKey::from_seed(&[n; 32]).public(), from: None, role: Role::Publish, until: None };
        head = made.say(&publisher, &itself, &subject, Some(head), u64::from(n), &DomainKeysChanged::put(vec![key]).into());
    }
    assert_eq!(minutes(&made, &[0, 1, 2, 3]).unwrap().minutes[2].no_effect(), None);
    assert_eq!(minutes(&made, &[0, 1, 3]).unwrap().minutes[1].no_effect().as_deref(), Some("stale_prev"));
}
