//! What somebody who may not read all of it is told of what a key may do (docs/decisions/0017).

use super::{HIDDEN, UNKNOWN, all_of, ask, is_secret, world};
use crate::world::now;
use deedbox_model::event::{Action, PublisherGranted};
use deedbox_testkit::secret;
use deedbox_view::Resource;
use reqwest::Method;
use serde_json::Value;

const FRIEND: (&str, &str) = ("x-reader", "friend");
const STRANGER: (&str, &str) = ("x-reader", "somebody else");
const DOMAIN: &str = "team.acme.localhost";
/// As long, and claimed by nobody; the domain above them both is everybody's to see.
const NOBODYS: &str = "nope.acme.localhost";

fn is_of_the_domain(resource: &Resource) -> bool {
    match resource {
        Resource::Domain(domain) => domain.as_str() == DOMAIN,
        Resource::Package(id) => id.domain().as_str() == DOMAIN,
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_domain_has_no_keys_and_no_grants() {
    let world = world(is_of_the_domain).await;
    world.claim("acme.localhost", 12).await;
    let owner = world.claim(DOMAIN, 10).await;
    let ids = vec![format!("file:{DOMAIN}/").parse().unwrap()];
    let granted = PublisherGranted { key: secret(31).public(), ids, actions: Action::ALL.to_vec(), until: None };
    world.must_append(&owner.say_of_itself(Some(owner.tenure), now(), granted)).await;
    let can = async |action: &str, id: &str, n: u8, who| {
        let path = format!("/api/v1/can?action={action}&id={id}&key={}", secret(n).public().id());
        let named = if id.contains(DOMAIN) { DOMAIN } else { NOBODYS };
        let found = all_of(ask(&world, Method::GET, &path, &[who]).await, named).await;
        let told: Value = serde_json::from_str(&found.2).unwrap();
        (found, told)
    };
    let of_package = |domain: &str| format!("file:{domain}/x");
    for (action, domain_of, n) in [
        ("publish", of_package as fn(&str) -> String, 10),
        ("yank", of_package, 31),
        ("publish", of_package, 99),
        ("keys", str::to_owned, 10),
        ("freeze", str::to_owned, 10),
        ("recover", str::to_owned, 99),
    ] {
        let (hidden, unknown) = (domain_of(DOMAIN), domain_of(NOBODYS));
        let (_, to_friend) = can(action, &hidden, n, FRIEND).await;
        assert_eq!(to_friend["may"], n != 99 || action == "recover", "{action} {to_friend}");
        let (found, told) = can(action, &hidden, n, STRANGER).await;
        let (expected, _) = can(action, &unknown, n, STRANGER).await;
        assert_eq!(told["may"], false, "{told}");
        assert_eq!(found, expected, "{action}");
    }
    // What would be so if nothing were there, and is not.
    for (action, id, n) in [("claim", DOMAIN.to_owned(), 15), ("publish", of_package(DOMAIN), 12)] {
        assert_eq!(can(action, &id, n, FRIEND).await.1["may"], false, "{action}");
        let (_, told) = can(action, &id, n, STRANGER).await;
        assert_eq!(told["code"], "in_the_way", "{told}");
        assert!(!told["message"].as_str().unwrap().contains("claimed"), "{told}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_package_is_there_is_not_told_by_what_may_be_done_to_it() {
    let world = world(is_secret).await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, HIDDEN, "1.0.0", None).await;
    for (action, n) in [("publish", 10), ("yank", 10), ("channel", 99)] {
        let can = async |id: &str| {
            let path = format!("/api/v1/can?action={action}&id={id}&key={}", secret(n).public().id());
            all_of(ask(&world, Method::GET, &path, &[STRANGER]).await, id).await
        };
        assert_eq!(can(HIDDEN).await, can(UNKNOWN).await, "{action}");
    }
    world.stop().await;
}
