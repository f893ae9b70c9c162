//! Looking at web servers (`crates/lookout`) over real TLS: what is taken, and what redirects, lies, never ends, or leads to where a stranger must
//! not reach. And resolvers that lie about where a web server is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use std::{
    io::{BufRead as _, BufReader},
    net::{Ipv4Addr, SocketAddr},
    process::{Command, Stdio},
    time::Duration,
};

use deedbox_dnssec::{self as dnssec, How, Name};
use deedbox_lookout::{Ground, Lookout, Page, Settings, Trouble, limits};
use deedbox_model::{Domain, Sha256Digest};
use deedbox_tests::{
    nameservers::{Nameservers, Signing, Zone},
    registry::program,
    resolver::{Question, Resolver},
    web::{Authority, Reply, WebServer},
};

const A: u16 = 1;
const CNAME: u16 = 5;
const TXT: u16 = 16;
const AAAA: u16 = 28;

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn domain(text: &str) -> Domain {
    Domain::parse(text).unwrap()
}

fn claim() -> Sha256Digest {
    Sha256Digest::of(b"an acceptance")
}

fn file() -> Vec<u8> {
    format!(r#"{{"claims":["{}"]}}"#, claim().to_address()).into_bytes()
}

/// A resolver that knows one address for every name, and has nothing else to say.
async fn leads_to(address: Ipv4Addr) -> Resolver {
    Resolver::start(move |question| match question.kind {
        A => vec![question.answer(&[(A, &address.octets())])],
        _ => vec![question.answer(&[])],
    })
    .await
    .unwrap()
}

/// A web server for `acme.test` on loopback that replies so, and a way to look at it.
async fn serving(reply: Reply) -> (WebServer, Settings) {
    let authority = Authority::new().unwrap();
    let server = WebServer::start((LOOPBACK, 0).into(), authority.server("acme.test", false).unwrap(), reply).await.unwrap();
    let settings = Settings {
        resolvers: vec![leads_to(LOOPBACK).await.address()],
        extra_roots: authority.pem().into_bytes(),
        allow_private_addresses: true,
        https_port: server.address().port(),
        ..Settings::new(Vec::new())
    };
    (server, settings)
}

async fn look(settings: Settings) -> Result<Page, Trouble> {
    Lookout::new(settings).unwrap().https(&domain("acme.test")).await
}

async fn refused(reply: Reply) -> Trouble {
    let (_server, settings) = serving(reply).await;
    look(settings).await.unwrap_err()
}

#[tokio::test]
async fn the_claims_of_a_file_are_seen_with_one_request_that_asks_for_no_more() {
    let (server, settings) = serving(Reply::http("200 OK", &["Content-Type: text/plain"], &file())).await;
    let port = settings.https_port;
    let page = look(settings).await.unwrap();
    assert_eq!(page.claims, [claim()]);
    assert!(!page.ground.is_proven(), "this resolver proves nothing");
    let requests = server.requests();
    assert_eq!((requests.len(), server.connections()), (1, 1));
    let request = requests[0].to_lowercase();
    assert!(request.starts_with("get /.well-known/deedbox.json http/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: acme.test:{port}\r\n")), "{request}");
    for header in ["accept-encoding", "cookie", "authorization", "referer"] {
        assert!(!request.contains(&format!("\r\n{header}:")), "{request}");
    }
}

#[tokio::test]
async fn an_unsigned_zone_is_proved_beside_the_file_and_a_signed_one_is_told() {
    let here = format!("@ A {LOOPBACK}\n");
    let zones = [
        Zone::new("test", Signing::Nsec, ""),
        Zone::new("acme.test", Signing::Unsigned, &here),
        Zone::new("signed.test", Signing::Nsec, &format!("{here}www CNAME acme.test.\n")),
    ];
    let servers = Nameservers::start(&zones).unwrap();
    let authority = Authority::new().unwrap();
    for (name, how) in [("acme.test", Some(How::Nsec)), ("signed.test", None), ("www.signed.test", None)] {
        let config = authority.server(name, false).unwrap();
        let server = WebServer::start((LOOPBACK, 0).into(), config, Reply::http("200 OK", &[], &file())).await.unwrap();
        let lookout = Lookout::new(Settings {
            resolvers: vec![servers.resolver()],
            extra_roots: authority.pem().into_bytes(),
            allow_private_addresses: true,
            https_port: server.address().port(),
            ..Settings::new(servers.anchors().to_vec())
        });
        let page = lookout.unwrap().https(&domain(name)).await.unwrap();
        assert_eq!(page.claims, [claim()]);
        match (page.ground, how) {
            (Ground::Unsigned(chain), Some(how)) => {
                let at = chain.observed.as_ms() / 1_000;
                let unsigned = dnssec::unsigned(&chain.bytes, servers.anchors(), &Name::parse(name).unwrap(), at).unwrap();
                assert_eq!((unsigned.delegation.to_string().as_str(), unsigned.how), (name, how));
            }
            (Ground::Unproven(why), None) => {
                assert_eq!(why, format!("{name} is in the signed zone signed.test: put the TXT record into DNS"));
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn redirects_and_other_statuses_are_told_and_not_followed() {
    let elsewhere = refused(Reply::http("302 Found", &["Location: https://evil.test/x"], b"")).await;
    assert!(matches!(&elsewhere, Trouble::Redirect { status: 302, to, .. } if to == "https://evil.test/x"), "{elsewhere:?}");
    assert!(elsewhere.to_string().contains("redirects to https://evil.test/x (status 302)"), "{elsewhere}");
    let nowhere = refused(Reply::http("308 Permanent Redirect", &[], b"")).await;
    assert!(matches!(&nowhere, Trouble::Redirect { status: 308, .. }), "{nowhere:?}");
    for status in ["201 Created", "204 No Content", "206 Partial Content", "404 Not Found", "500 Oops"] {
        let other = refused(Reply::http(status, &[], &file())).await;
        let code = status.split(' ').next().unwrap();
        assert!(other.to_string().ends_with(&format!("answers with status {code}, and not 200")), "{other}");
    }
}

#[tokio::test]
async fn a_file_has_a_limit_whatever_it_says_of_its_length() {
    let large = vec![b' '; limits::PAGE_BYTES + 1];
    assert!(matches!(refused(Reply::http("200 OK", &[], &large)).await, Trouble::TooLarge { .. }));

    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec();
    assert!(matches!(refused(Reply::Bytes(head)).await, Trouble::TooLarge { .. }), "it says so");

    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let chunk = [&b"1000\r\n"[..], &[b' '; 0x1000], b"\r\n"].concat();
    assert!(matches!(refused(Reply::Endless(head, chunk)).await, Trouble::TooLarge { .. }), "in pieces, for ever");

    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    assert!(
        matches!(refused(Reply::Endless(head, vec![b' '; 0x1000])).await, Trouble::TooLarge { .. }),
        "until the end, which never comes"
    );

    let most = [file(), vec![b' '; limits::PAGE_BYTES - file().len()]].concat();
    let (_server, settings) = serving(Reply::http("200 OK", &[], &most)).await;
    assert_eq!(look(settings).await.unwrap().claims, [claim()]);
}

#[tokio::test]
async fn headers_have_a_limit_too() {
    let endless = Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-More: and more\r\n".to_vec());
    assert!(matches!(refused(endless).await, Trouble::Unreachable { .. }));
    let between = Reply::Endless(Vec::new(), b"HTTP/1.1 103 Early Hints\r\n\r\n".to_vec());
    let (_server, settings) = serving(between).await;
    let slow = look(Settings { look: Duration::from_millis(500), ..settings }).await.unwrap_err();
    assert!(matches!(slow, Trouble::TooSlow { .. } | Trouble::Unreachable { .. }), "{slow:?}");
}

#[tokio::test]
async fn a_file_that_never_comes_to_its_end_is_given_up() {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", limits::PAGE_BYTES).into_bytes();
    let given_up = async |reply: Reply| {
        let (server, settings) = serving(reply.clone()).await;
        let slow = look(Settings { look: Duration::from_secs(2), ..settings }).await.unwrap_err();
        assert!(matches!(slow, Trouble::TooSlow { seconds: 2, .. }), "{reply:?}: {slow:?}");
        assert_eq!(server.requests().len(), 1, "{reply:?}");
    };
    tokio::join!(given_up(Reply::Drip(head, Duration::from_millis(20))), given_up(Reply::Silence));
    let short = refused(Reply::Bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_vec())).await;
    assert!(matches!(short, Trouble::BrokenOff { .. }), "{short:?}");
}

#[tokio::test]
async fn what_is_not_a_list_of_claims_is_told_with_its_first_words() {
    let page = refused(Reply::http("200 OK", &[], b"<html>\x1b[31m")).await;
    assert!(matches!(&page, Trouble::NotClaims { begins, .. } if begins == "<html>[31m"), "{page:?}");
    let said = page.to_string();
    assert!(said.contains(r#"is not a list of claims like {"claims":["sha256:…"]}: it is not a JSON object"#), "{said}");
    let compressed = refused(Reply::http("200 OK", &["Content-Encoding: gzip"], &file())).await;
    assert!(compressed.to_string().contains("it is compressed (gzip), which was not asked for"), "{compressed}");
}

#[tokio::test]
async fn a_certificate_must_be_of_a_known_issuer_for_this_name_and_in_time() {
    let authority = Authority::new().unwrap();
    let stranger = Authority::new().unwrap();
    for (config, why) in [
        (stranger.server("acme.test", false).unwrap(), "its issuer is not known"),
        (authority.server("other.test", false).unwrap(), "it is for another name"),
        (authority.server("acme.test", true).unwrap(), "it has expired"),
    ] {
        let (_server, settings) = serving(Reply::Silence).await;
        let server = WebServer::start((LOOPBACK, 0).into(), config, Reply::http("200 OK", &[], &file())).await.unwrap();
        let extra_roots = authority.pem().into_bytes();
        let bad = look(Settings { https_port: server.address().port(), extra_roots, ..settings }).await.unwrap_err();
        assert!(matches!(&bad, Trouble::Certificate { why: said, .. } if said == why), "{bad:?}");
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn nothing_that_is_not_public_is_connected_to_unless_it_is_allowed() {
    let (server, settings) = serving(Reply::http("200 OK", &[], &file())).await;
    let strict = Settings { allow_private_addresses: false, ..settings.clone() };
    let private = look(strict.clone()).await.unwrap_err();
    assert_eq!(
        private.to_string(),
        "acme.test leads to 127.0.0.1, which is loopback (RFC 1122) and not a public address. Only public addresses are looked at"
    );
    let mapped: [u8; 16] = LOOPBACK.to_ipv6_mapped().octets();
    let resolver = Resolver::start(move |question| match question.kind {
        AAAA => vec![question.answer(&[(AAAA, &mapped)])],
        _ => vec![question.answer(&[])],
    });
    let resolvers = vec![resolver.await.unwrap().address()];
    let private = look(Settings { resolvers, ..strict }).await.unwrap_err();
    assert!(matches!(private, Trouble::NotPublic { .. }), "{private:?}");
    assert_eq!(server.connections(), 0);
    assert_eq!(look(settings).await.unwrap().claims, [claim()]);
}

#[tokio::test]
async fn the_address_that_was_checked_is_the_one_that_is_used() {
    let (checked, settings) = serving(Reply::http("200 OK", &[], &file())).await;
    let authority = Authority::new().unwrap();
    // At the same port of another address, which the resolver names from its second answer on.
    let other: SocketAddr = (Ipv4Addr::new(127, 0, 0, 2), settings.https_port).into();
    let other = WebServer::start(other, authority.server("acme.test", false).unwrap(), Reply::Silence).await.unwrap();
    let resolver = Resolver::start(|question| match (question.kind, question.before) {
        (A, 0) => vec![question.answer(&[(A, &LOOPBACK.octets())])],
        (A, _) => vec![question.answer(&[(A, &[127, 0, 0, 2])])],
        _ => vec![question.answer(&[])],
    });
    let resolver = resolver.await.unwrap();
    let page = look(Settings { resolvers: vec![resolver.address()], ..settings }).await.unwrap();
    assert_eq!(page.claims, [claim()]);
    assert_eq!((checked.connections(), other.connections()), (1, 0));
    assert_eq!(resolver.asked(A), 1, "where the server is, is asked once");
}

#[tokio::test]
async fn a_name_without_an_address_or_without_a_server_is_told() {
    let (_server, settings) = serving(Reply::Silence).await;
    let none = Resolver::start(|question: &Question| vec![question.code(3)]).await.unwrap();
    let nothing = look(Settings { resolvers: vec![none.address()], ..settings.clone() }).await.unwrap_err();
    assert!(matches!(nothing, Trouble::NothingThere { .. }), "{nothing:?}");
    let unused = std::net::TcpListener::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap();
    let nobody = look(Settings { https_port: unused.port(), ..settings }).await.unwrap_err();
    assert!(matches!(&nobody, Trouble::Unreachable { why, .. } if why.contains("refused")), "{nobody:?}");
}

/// What a resolver lies with, over the record of another name, another question, another number.
#[tokio::test]
async fn lies_of_a_resolver_are_not_believed() {
    let txt: &[u8] = b"\x04evil";
    let ask = async |answers: fn(&Question) -> Vec<Vec<u8>>| {
        let resolver = Resolver::start(answers).await.unwrap();
        let answer = Duration::from_secs(2);
        let settings = Settings { resolvers: vec![resolver.address()], answer, ..Settings::new(Vec::new()) };
        Lookout::new(settings).unwrap().dns(&domain("acme.test")).await
    };

    let other_name = ask(|question| vec![question.answer_of(0, b"\x04evil\x04test\x00", &[(TXT, b"\x04evil")])]).await.unwrap_err();
    assert!(matches!(other_name, Trouble::NothingThere { .. }), "{other_name:?}");

    // Its right answer comes after one with another number, and is the one that counts.
    let other_number = ask(|question| {
        let good = question.answer(&[(TXT, b"\x04good")]);
        let mut forged = question.answer(&[(TXT, b"\x04evil")]);
        forged[0] ^= 0xff;
        vec![forged, good]
    });
    assert_eq!(other_number.await.unwrap().values, ["good"]);

    let other_question = ask(|question| {
        let mut forged = question.answer(&[(TXT, b"\x04evil")]);
        forged[13] = b'x';
        vec![forged]
    });
    let other_question = other_question.await.unwrap_err();
    assert!(matches!(other_question, Trouble::NoAnswer { .. }), "{other_question:?}");

    let no_answer = ask(|question| {
        let mut question = question.answer(&[(TXT, b"\x04evil")]);
        question[2] &= 0x7f;
        vec![question]
    });
    let no_answer = no_answer.await.unwrap_err();
    assert!(no_answer.to_string().contains("with something else"), "{no_answer}");

    let garbage = ask(|question| vec![[question.answer(&[]), vec![0xff; 20]].concat(), vec![0xff; 3]]).await.unwrap_err();
    assert!(matches!(garbage, Trouble::NothingThere { .. } | Trouble::Nonsense { .. }), "{garbage:?}");

    let cut = ask(|question| {
        let mut cut = question.answer(&[(TXT, b"\x04evil")]);
        cut.truncate(cut.len() - 2);
        vec![cut]
    });
    let cut = cut.await.unwrap_err();
    assert!(matches!(cut, Trouble::Nonsense { .. }), "{cut:?}");

    let failed = ask(|question| vec![question.code(5)]).await.unwrap_err();
    assert!(failed.to_string().contains("answers REFUSED"), "{failed}");

    // Many records in one answer: over the limit of a section.
    let many = ask(|question| vec![question.answer(&[(TXT, &b"\x01x"[..]); 80])]).await.unwrap_err();
    assert!(matches!(many, Trouble::ManyValues { there: 80, .. }), "{many:?}");

    let alias = ask(|question| vec![question.answer(&[(CNAME, b"\x04evil\x04test\x00"), (TXT, b"\x04evil")])]).await.unwrap_err();
    assert!(matches!(&alias, Trouble::Alias { target, .. } if target == "evil.test"), "{alias:?}");

    let unproven = ask(|question| match question.kind {
        TXT => vec![question.answer(&[(TXT, b"\x04evil")])],
        _ => vec![question.answer(&[])],
    });
    let unproven = unproven.await.unwrap();
    assert_eq!(unproven.values, [String::from_utf8_lossy(&txt[1..])]);
    assert!(!unproven.ground.is_proven());
}

#[test]
fn a_registry_starts_where_the_system_knows_no_authority() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(program().unwrap())
        .args(["serve", "--listen", "127.0.0.1:0", "--resolver", "127.0.0.1:9", "--data"])
        .arg(folder.path().join("data"))
        // As in an image that holds the program and nothing else.
        .envs([("SSL_CERT_FILE", "/nowhere"), ("SSL_CERT_DIR", "/nowhere")])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let listens = said.any(|line| line.trim_start().starts_with("listening"));
    child.kill().unwrap();
    let rest = child.wait_with_output().unwrap();
    assert!(listens, "{}", String::from_utf8_lossy(&rest.stderr));
}
