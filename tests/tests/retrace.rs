//! Every URL that was asked for during the tests gives the same again from a log that is replayed on an empty disk. Cargo runs this
//! file after those with real clients, by its name; alone, it has its own registry to ask.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use deedbox_tests::{
    registry::{Running, Source},
    retrace::{left, retrace},
};

#[tokio::test(flavor = "multi_thread")]
async fn every_url_that_was_served_is_served_again_from_a_replayed_log() {
    let running = Running::start().unwrap();
    running.publish(&[Source::plain("again", "1.0.0"), Source::plain("again", "1.1.0")], &[]).unwrap();
    running.deedbox(["yank", "npm:demo.localhost/again@1.0.0", "--reason", "broken"]).unwrap().done().unwrap();
    for path in ["npm/@demo.localhost%2fagain", "npm/-/v1/search?text=again", "api/v1/packages", "log/checkpoint", "npm/-/npm/v1/keys"] {
        assert_eq!(reqwest::get(format!("{}/{path}", running.url)).await.unwrap().status(), 200, "{path}");
    }
    drop(running);

    let retraced = retrace(&left().unwrap()).await.unwrap();
    println!("{} questions to {} registries gave the same", retraced.questions, retraced.registries);
    assert!(retraced.registries >= 1 && retraced.questions >= 10, "{retraced:?}");
}
