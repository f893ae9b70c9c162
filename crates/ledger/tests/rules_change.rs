//! A change of rules while statements wait: the batch ends behind it, and what waits is decoded again, by the rules that are in force
//! then. The new rules are pretended ones: `testkit::pretended`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod world;

use deedbox_authority::DECIDERS;
use deedbox_ledger::{Appended, Commit, SubmitError};
use deedbox_model::{Protocol, Statement};
use deedbox_testkit::{pretended, secret, time};
use world::{Rows, Stores, World};

fn index(answer: Result<Appended, SubmitError>) -> u64 {
    answer.unwrap().index
}

#[tokio::test]
async fn a_change_of_rules_ends_its_batch_and_what_waits_is_decoded_again() {
    let stores = Stores::default();
    let world = World::start_by(&stores, pretended::DECIDERS).await.unwrap();
    let registry = world.registry.clone();
    let created = registry.created(time(0));
    let claim = |n: u64| registry.claim(&format!("d{n}.example"), &secret(9), time(n)).0;
    let (first, rules, waiting) = (claim(1), registry.rules_changed(created.id(), 2, time(2)), [claim(3), claim(4)]);
    let (granted, _) = registry.grant("granted.example", 9, time(5));
    assert!(Statement::decode(Protocol::ONE, &granted).is_err());

    // All four are in the pool before the writer takes the first: one batch, if nothing ended it.
    let mut sent = Vec::new();
    for statement in [&first, &rules].into_iter().chain(&waiting) {
        sent.push(world.ledger.submit(world.admit(Protocol::ONE, statement.bytes()).await));
    }
    let mut answers = futures::future::join_all(sent).await;
    let behind = answers.split_off(2);
    assert_eq!(answers.into_iter().map(index).collect::<Vec<_>>(), [1, 2]);
    assert!(behind.iter().all(|answer| *answer == Err(SubmitError::Undecided(2))), "{behind:?}");
    let number = stores.commits.last().await.unwrap().unwrap();
    let last = Commit::decode(number, &stores.commits.read(number).await.unwrap().unwrap()).unwrap();
    assert_eq!((last.old_size, last.new_size), (1, 3), "the batch ends behind the change");

    // Read by the number in force they are appended; what is read by the old one is not judged.
    for (statement, expected) in waiting.iter().zip([3, 4]) {
        assert_eq!(index(world.ledger.submit(world.admit(&pretended::TWO, statement.bytes()).await).await), expected);
    }
    assert_eq!(index(world.ledger.submit(world.admit(&pretended::TWO, &granted).await).await), 5);
    let late = claim(6);
    assert_eq!(world.ledger.submit(world.admit(Protocol::ONE, late.bytes()).await).await, Err(SubmitError::Undecided(2)));
    let answered = [Ok(Appended { index: 1, id: first.id(), seen: false }), Ok(Appended { index: 2, id: rules.id(), seen: false })];
    world.check(&stores, &[first, rules], &answered).await;
    world.stop().await;

    // The next start goes on by the same number; a program that does not have it says from where on it gives no verdict.
    let world = World::start_by(&stores, pretended::DECIDERS).await.unwrap();
    assert_eq!(index(world.ledger.submit(world.admit(&pretended::TWO, late.bytes()).await).await), 6);
    world.stop().await;
    let from_nothing = || Stores { rows: Rows::default(), ..stores.clone() };
    let refused = World::start_by(&from_nothing(), DECIDERS).await.err().unwrap();
    assert!(refused.contains("judged up to index 3, undecided from there: protocol 2"), "{refused}");
    // From nothing, with the number: the same log, to its end.
    let world = World::start_by(&from_nothing(), pretended::DECIDERS).await.unwrap();
    assert_eq!(world.ledger.head().borrow().tree.size, 7);
    world.stop().await;
}
