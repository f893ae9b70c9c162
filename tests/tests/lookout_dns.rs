//! Looking at DNS (`crates/lookout`) with real name servers: zones that are signed and not, under a root of the test; changes between two looks;
//! resolvers that fail, say nothing, or leave out what proves an answer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::{
    net::{SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

use deedbox_dnssec::{self as dnssec, How, Name};
use deedbox_lookout::{Chain, Ground, Lookout, Seen, Settings, Trouble, limits};
use deedbox_model::Domain;
use deedbox_tests::{
    nameservers::{Nameservers, Signing, Zone},
    resolver::Resolver,
};
use futures::future::join_all;
use tokio::time::timeout;

const CLAIM: &str = "deedbox-claim=sha256:1111111111111111111111111111111111111111111111111111111111111111";

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn settings(servers: &Nameservers) -> Settings {
    Settings { resolvers: vec![servers.resolver()], ..Settings::new(servers.anchors().to_vec()) }
}

fn lookout(servers: &Nameservers) -> Lookout {
    Lookout::new(settings(servers)).unwrap()
}

/// A record at a name of the zone.
fn text(name: &str, value: &str) -> String {
    format!("{name} TXT \"{value}\"\n")
}

/// The values that a stranger reads out of the chain.
fn proved(servers: &Nameservers, chain: &Chain, name: &str) -> Vec<String> {
    let values = dnssec::texts(&chain.bytes, servers.anchors(), &Name::parse(name).unwrap(), chain.observed.as_ms() / 1_000).unwrap();
    values.into_iter().map(|value| String::from_utf8(value).unwrap()).collect()
}

/// Where a stranger sees a delegation without DS, and how.
fn proved_unsigned(servers: &Nameservers, chain: &Chain, name: &str) -> (String, How) {
    let at = chain.observed.as_ms() / 1_000;
    let unsigned = dnssec::unsigned(&chain.bytes, servers.anchors(), &Name::parse(name).unwrap(), at).unwrap();
    (unsigned.delegation.to_string(), unsigned.how)
}

fn signed(seen: &Seen) -> &Chain {
    match &seen.ground {
        Ground::Signed(chain) => chain,
        other => panic!("{other:?}"),
    }
}

fn unsigned(ground: &Ground) -> &Chain {
    match ground {
        Ground::Unsigned(chain) => chain,
        other => panic!("{other:?}"),
    }
}

fn unproven(ground: &Ground) -> &str {
    match ground {
        Ground::Unproven(why) => why,
        other => panic!("{other:?}"),
    }
}

/// Zones of every kind below three top-level domains: with NSEC, with NSEC3, with NSEC3 and opt-out. At the names `ent`, nothing is but names below.
fn every_kind() -> Vec<Zone> {
    let claim = text("_deedbox", CLAIM);
    let deep = text("_deedbox.a.b", CLAIM);
    vec![
        Zone::new("test", Signing::Nsec, ""),
        Zone::new("acme.test", Signing::Nsec, &format!("{claim}{deep}{}", text("_deedbox.up", CLAIM))),
        Zone::new("rsa.test", Signing::Rsa, &claim),
        Zone::new("own.test", Signing::Nsec, ""),
        Zone::new("_deedbox.own.test", Signing::Nsec, &text("@", CLAIM)),
        Zone::new("expired.test", Signing::Expired, &claim),
        Zone::new("strange.test", Signing::Strange, &claim),
        Zone::new("plain.test", Signing::Unsigned, &format!("{claim}{deep}")),
        // Signed itself, but nobody above says so.
        Zone::new("island.plain.test", Signing::Nsec, &claim),
        Zone::new("sub.ent.test", Signing::Unsigned, &claim),
        Zone::new("own.ent.test", Signing::Nsec3, &claim),
        Zone::new("three", Signing::Nsec3, ""),
        Zone::new("acme.three", Signing::OptOut, &claim),
        Zone::new("plain.three", Signing::Unsigned, &claim),
        Zone::new("sub.ent.three", Signing::Unsigned, &claim),
        Zone::new("opt", Signing::OptOut, ""),
        Zone::new("sub.ent.opt", Signing::Unsigned, &claim),
        Zone::new("own.ent.opt", Signing::Nsec, &claim),
        Zone::new("sub.alone.opt", Signing::Unsigned, &claim),
        Zone::new("acme.opt", Signing::Nsec, &claim),
        Zone::new("plain.opt", Signing::Unsigned, &format!("{claim}{deep}")),
    ]
}

#[tokio::test]
async fn a_claim_is_seen_in_zones_of_every_kind_with_what_proves_it() {
    let servers = Nameservers::start(&every_kind()).unwrap();
    let lookout = lookout(&servers);

    for name in
        ["acme.test", "a.b.acme.test", "up.acme.test", "rsa.test", "own.test", "own.ent.test", "acme.three", "acme.opt", "own.ent.opt"]
    {
        let seen = lookout.dns(&domain(name)).await.unwrap();
        assert_eq!(seen.values, [CLAIM], "{name}");
        assert_eq!(proved(&servers, signed(&seen), &format!("_deedbox.{name}")), [CLAIM], "{name}");
        let ground = lookout.unsigned(&domain(name)).await.unwrap();
        assert!(unproven(&ground).contains("the signed zone"), "{name}: {ground:?}");
    }

    for (name, delegation, how) in [
        ("plain.test", "plain.test", How::Nsec),
        ("a.b.plain.test", "plain.test", How::Nsec),
        ("island.plain.test", "plain.test", How::Nsec),
        ("plain.opt", "plain.opt", How::OptOut),
        ("a.b.plain.opt", "plain.opt", How::OptOut),
        ("strange.test", "strange.test", How::NotUnderstood),
        ("sub.ent.test", "sub.ent.test", How::Nsec),
        ("plain.three", "plain.three", How::Nsec3),
        ("sub.ent.three", "sub.ent.three", How::Nsec3),
        ("sub.ent.opt", "sub.ent.opt", How::OptOut),
        ("sub.alone.opt", "alone.opt", How::OptOut),
    ] {
        let seen = lookout.dns(&domain(name)).await.unwrap();
        assert_eq!(seen.values, [CLAIM], "{name}");
        assert_eq!(proved_unsigned(&servers, unsigned(&seen.ground), name), (delegation.to_owned(), how), "{name}");
        let ground = lookout.unsigned(&domain(name)).await.unwrap();
        assert_eq!(proved_unsigned(&servers, unsigned(&ground), name), (delegation.to_owned(), how), "{name}");
    }

    // What is seen is told, even where nothing proves it.
    let seen = lookout.dns(&domain("expired.test")).await.unwrap();
    assert_eq!(seen.values, [CLAIM]);
    assert!(unproven(&seen.ground).contains("expired.test"), "{:?}", seen.ground);
}

#[tokio::test]
async fn anchors_of_another_root_prove_nothing() {
    let servers = Nameservers::start(&[Zone::new("test", Signing::Nsec, &text("_deedbox.acme", CLAIM))]).unwrap();
    let mut settings = settings(&servers);
    settings.anchors[0].digest[0] ^= 1;
    let seen = Lookout::new(settings).unwrap().dns(&domain("acme.test")).await.unwrap();
    assert_eq!(seen.values, [CLAIM]);
    assert!(!seen.ground.is_proven(), "{:?}", seen.ground);
}

#[tokio::test]
async fn a_record_that_is_put_there_is_seen_at_the_next_look_and_one_that_is_removed_is_not() {
    let zones = [
        Zone::new("test", Signing::Nsec, ""),
        Zone::new("acme.test", Signing::Nsec, "www A 192.0.2.1"),
        Zone::new("plain.test", Signing::Unsigned, "www A 192.0.2.1"),
    ];
    let servers = Nameservers::start(&zones).unwrap();
    let lookout = lookout(&servers);
    for zone in ["acme.test", "plain.test"] {
        let name = format!("_deedbox.{zone}");
        let nothing = lookout.dns(&domain(zone)).await.unwrap_err();
        assert_eq!(nothing.to_string(), format!("there is no TXT record at {name}: the name does not exist (NXDOMAIN)"));
        assert!(nothing.may_pass());

        servers.update(zone, &[format!("add {name}. 0 TXT \"{CLAIM}\"")]).unwrap();
        let seen = until(&lookout, zone, |look| look.is_ok()).await.unwrap();
        assert_eq!(seen.values, [CLAIM]);
        assert_eq!(matches!(seen.ground, Ground::Signed(_)), zone == "acme.test", "{:?}", seen.ground);
        assert_eq!(matches!(seen.ground, Ground::Unsigned(_)), zone == "plain.test", "{:?}", seen.ground);

        let other = CLAIM.replace('1', "2");
        servers.update(zone, &[format!("add {name}. 0 TXT \"{other}\"")]).unwrap();
        let seen = until(&lookout, zone, |look| look.as_ref().is_ok_and(|seen| seen.values.len() > 1)).await.unwrap();
        assert_eq!(seen.values, [CLAIM, &other]);
        assert!(seen.ground.is_proven(), "{:?}", seen.ground);

        servers.update(zone, &[format!("delete {name}. TXT"), format!("add {name}. 0 HINFO \"a\" \"b\"")]).unwrap();
        let nothing = until(&lookout, zone, Result::is_err).await.unwrap_err();
        assert!(nothing.to_string().contains("the name has none"), "{nothing}");
    }
}

/// Looks again, as a claimant does, until it is so: a resolver keeps what it has for the rest of a second at least.
async fn until(lookout: &Lookout, name: &str, is_so: impl Fn(&Result<Seen, Trouble>) -> bool) -> Result<Seen, Trouble> {
    let asked = Instant::now();
    loop {
        let look = lookout.dns(&domain(name)).await;
        if is_so(&look) || asked.elapsed() > Duration::from_secs(10) {
            return look;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_long_value_and_many_values_come_in_full_and_too_many_are_refused() {
    let values = |count: usize| (0..count).map(|n| CLAIM.replace("1111", &format!("{n:04}"))).collect::<Vec<_>>();
    let lines = |count: usize| values(count).iter().map(|value| text("_deedbox", value)).collect::<String>();
    let long = format!(
        "_deedbox.two TXT \"b\"\n_deedbox.two TXT \"aa\"\n_deedbox.long TXT \"{}\" \"{}\" \"end\"\n",
        "x".repeat(255),
        "y".repeat(255)
    );
    let zones = [
        Zone::new("test", Signing::Nsec, &long),
        Zone::new("many.test", Signing::Nsec, &lines(limits::VALUES)),
        Zone::new("unsigned.test", Signing::Unsigned, &lines(limits::VALUES)),
        Zone::new("more.test", Signing::Nsec, &lines(limits::VALUES + 1)),
    ];
    let servers = Nameservers::start(&zones).unwrap();
    let lookout = lookout(&servers);
    // Some 6,000 bytes: cut off as a datagram, so it comes over TCP.
    for name in ["many.test", "unsigned.test"] {
        let seen = lookout.dns(&domain(name)).await.unwrap();
        assert_eq!(seen.values, values(limits::VALUES), "{name}");
        assert!(seen.ground.is_proven(), "{name}: {:?}", seen.ground);
    }
    let seen = lookout.dns(&domain("long.test")).await.unwrap();
    assert_eq!(seen.values, [format!("{}{}end", "x".repeat(255), "y".repeat(255))]);
    assert!(matches!(seen.ground, Ground::Signed(_)), "{:?}", seen.ground);
    assert_eq!(lookout.dns(&domain("two.test")).await.unwrap().values, ["aa", "b"]);
    let refused = lookout.dns(&domain("more.test")).await.unwrap_err();
    assert_eq!(refused, Trouble::ManyValues { name: Name::parse("_deedbox.more.test").unwrap(), there: limits::VALUES + 1 });
}

#[tokio::test]
async fn an_alias_is_not_followed_and_a_wildcard_proves_nothing() {
    let lines = "_deedbox.alias CNAME _deedbox.acme\n_deedbox.acme TXT \"x\"\n*.wild TXT \"x\"\n\
        sub.dname DNAME acme\n";
    let servers = Nameservers::start(&[Zone::new("test", Signing::Nsec, lines)]).unwrap();
    let lookout = lookout(&servers);
    let refused = lookout.dns(&domain("alias.test")).await.unwrap_err();
    let name = |text: &str| Name::parse(text).unwrap();
    assert_eq!(refused, Trouble::Alias { name: name("_deedbox.alias.test"), target: "_deedbox.acme.test".to_owned() });
    let refused = lookout.dns(&domain("x.sub.dname.test")).await.unwrap_err();
    assert_eq!(refused, Trouble::Alias { name: name("_deedbox.x.sub.dname.test"), target: "_deedbox.x.acme.test".to_owned() });
    let seen = lookout.dns(&domain("wild.test")).await.unwrap();
    assert_eq!(seen.values, ["x"]);
    assert!(!seen.ground.is_proven(), "{:?}", seen.ground);
}

#[tokio::test]
async fn a_domain_whose_servers_are_down_is_told_from_one_that_has_nothing() {
    let zones = [Zone::new("test", Signing::Nsec, ""), Zone::new("down.test", Signing::Lame, "")];
    let servers = Nameservers::start(&zones).unwrap();
    let lookout = lookout(&servers);
    let failed = lookout.dns(&domain("down.test")).await.unwrap_err();
    let said = failed.to_string();
    assert!(said.contains("answers SERVFAIL to the question for TXT at _deedbox.down.test"), "{said}");
    assert!(failed.may_pass());
    let nothing = lookout.dns(&domain("nothing.test")).await.unwrap_err();
    assert!(nothing.to_string().contains("NXDOMAIN"), "{nothing}");
    let nothing = lookout.dns(&domain("acme.nothing")).await.unwrap_err();
    assert!(nothing.to_string().contains("NXDOMAIN"), "{nothing}");
}

#[tokio::test]
async fn a_resolver_that_leaves_out_signatures_proves_nothing_and_the_next_one_is_asked() {
    let zones = [Zone::new("test", Signing::Nsec, ""), Zone::new("acme.test", Signing::Nsec, &text("_deedbox", CLAIM))];
    let mut servers = Nameservers::start(&zones).unwrap();
    let bad = servers.resolver_without_dnssec().unwrap();
    let with = |resolvers: &[SocketAddr]| Lookout::new(Settings { resolvers: resolvers.to_vec(), ..settings(&servers) }).unwrap();
    let seen = with(&[bad]).dns(&domain("acme.test")).await.unwrap();
    assert_eq!(seen.values, [CLAIM]);
    assert_eq!(unproven(&seen.ground), format!("the resolver {bad} leaves out the records of DNSSEC: use one that passes them on"));
    let seen = with(&[bad, servers.resolver()]).dns(&domain("acme.test")).await.unwrap();
    assert_eq!(proved(&servers, signed(&seen), "_deedbox.acme.test"), [CLAIM]);
}

#[tokio::test]
async fn a_resolver_that_says_nothing_is_given_up() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolvers = vec![silent.local_addr().unwrap()];
    let hasty = Settings { answer: Duration::from_millis(200), resolvers: resolvers.clone(), ..Settings::new(Vec::new()) };
    let none = Lookout::new(hasty).unwrap().dns(&domain("acme.test")).await.unwrap_err();
    assert!(matches!(&none, Trouble::NoAnswer { resolver, .. } if *resolver == resolvers[0]), "{none:?}");
    let mut asked = [0; 512];
    let (length, _) = silent.recv_from(&mut asked).unwrap();
    assert!(asked[..length].windows(9).any(|bytes| bytes == b"\x08_deedbox"), "it was asked");

    let patient = Settings { look: Duration::from_millis(200), resolvers, ..Settings::new(Vec::new()) };
    let slow = Lookout::new(patient).unwrap().dns(&domain("acme.test")).await.unwrap_err();
    assert!(matches!(slow, Trouble::TooSlow { .. }), "{slow:?}");
}

#[tokio::test]
async fn the_next_resolver_is_asked_after_one_that_says_nothing() {
    let servers = Nameservers::start(&[Zone::new("test", Signing::Nsec, &text("_deedbox.acme", CLAIM))]).unwrap();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let resolvers = vec![silent.local_addr().unwrap(), servers.resolver()];
    let lookout = Lookout::new(Settings { resolvers, answer: Duration::from_secs(2), ..settings(&servers) }).unwrap();
    let seen = lookout.dns(&domain("acme.test")).await.unwrap();
    assert_eq!(proved(&servers, signed(&seen), "_deedbox.acme.test"), [CLAIM]);
}

#[tokio::test]
async fn only_so_many_looks_are_under_way_at_once() {
    const TXT: u16 = 16;
    let resolver = Resolver::start(|_| Vec::new()).await.unwrap();
    let resolvers = vec![resolver.address()];
    let lookout = Lookout::new(Settings { resolvers, ..Settings::new(Vec::new()) }).unwrap();
    let name = domain("acme.test");
    let held = join_all((0..limits::AT_ONCE).map(|_| lookout.dns(&name)));
    let others = async {
        while resolver.asked(TXT) < limits::AT_ONCE {
            tokio::task::yield_now().await;
        }
        let others = (0..8).map(|_| timeout(limits::AGAIN / 4, lookout.dns(&name)));
        assert!(join_all(others).await.iter().all(Result::is_err));
        // All are of the first ones, which ask again only later.
        assert_eq!(resolver.asked(TXT), limits::AT_ONCE);
    };
    tokio::select! {
        () = others => {}
        looks = held => panic!("{looks:?}"),
    }
}
