//! What is refused before anybody looks at what it says (spec/api.md §1, §8).

use crate::world::{World, code, header};
use reqwest::Method;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends these bytes as they are and gives what comes back.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    // A client that is refused may lose its connection before the last byte.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await.expect("the server hangs up");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_heads_are_refused_and_harm_nobody() {
    let world = World::new().await;
    let long_header = format!("GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\na: {}\r\n\r\n", "a".repeat(33_000));
    let endless_header = format!("GET /health HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "a".repeat(1_000_000));
    let many_headers = format!("GET /health HTTP/1.1\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(101));
    let most_headers = format!("GET /health HTTP/1.1\r\nconnection: close\r\nhost: x\r\n{}\r\n", "a: b\r\n".repeat(98));
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(40_000));
    for (request, statuses) in [
        (long_header.as_str(), &["431"][..]),
        (&endless_header, &["431", ""]),
        (&most_headers, &["200"]),
        (&many_headers, &["431"]),
        (&long_path, &["431", "414"]),
        ("nonsense\r\n\r\n", &["400"]),
        ("GET /log/../keys/log.pem HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", &["404"]),
        ("GET /file/../../keys/log.pem HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", &["404"]),
        ("GET /log/%2e%2e/keys/log.pem HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", &["404"]),
        ("GET //etc/passwd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", &["404"]),
        ("POST /api/v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", &["400"]),
        ("POST /api/v1/events HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", &["400"]),
        (
            "GET /file/x HTTP/1.1\r\nhost: x\r\nif-none-match: \u{fffd}\r\nrange: bytes=\r\naccept-encoding: ;;;\r\nconnection: close\r\n\r\n",
            &["404"],
        ),
        ("GET /health HTTP/1.0\r\n\r\n", &["200"]),
    ] {
        let answer = raw(&world, request.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(statuses.contains(&status), "{:?}: {answer:?}", &request[..request.len().min(80)]);
    }
    assert_eq!(world.get("/health").await.status(), 200);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_sends_nothing_is_hung_up_on() {
    let world = World::with(|config| config.times.header = Duration::from_millis(300)).await;
    let begun = std::time::Instant::now();
    let (silent, slow) = tokio::join!(raw(&world, b""), raw(&world, b"GET /health HTTP/1.1\r\nhost:"));
    assert!(silent.is_empty(), "{silent}");
    assert!(slow.is_empty() || slow.starts_with("HTTP/1.1 408"), "{slow}");
    assert!(begun.elapsed() < Duration::from_secs(5));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_answered_in_words() {
    let world = World::new().await;
    for path in ["/", "/nothing", "/api/v1", "/api/v1/event", "/log", "/objects/", "/api/v1/events/0/proofs"] {
        assert_eq!(code(world.get(path).await).await, (404, "not_found".to_owned()), "{path}");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/api/v1/events", "GET,HEAD,POST"),
        (Method::PUT, "/api/v1/events/0", "GET,HEAD"),
        (Method::GET, "/api/v1/proofs", "POST"),
        (Method::GET, "/api/v1/claims", "POST"),
        (Method::GET, "/api/v1/recoveries", "POST"),
        (Method::POST, "/log/checkpoint", "GET,HEAD,OPTIONS"),
        (Method::POST, "/ready", "GET,HEAD"),
    ] {
        let answer = world.request(method, path).send().await.unwrap();
        assert_eq!(header(&answer, "allow"), Some(allow), "{path}");
        assert_eq!(code(answer).await, (405, "method_not_allowed".to_owned()), "{path}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_are_one_valid_one_or_the_request_is_refused() {
    let world = World::new().await;
    for (head, status) in [
        ("GET /log/checkpoint HTTP/1.1\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost: x\r\nhost: x\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost: a/b\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost: u@x\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.0\r\nhost: x\r\nhost: y\r\n", "400"),
        ("GET /health HTTP/1.1\r\n", "400"),
        ("PUT /file/x HTTP/1.1\r\ncontent-length: 9\r\n", "400"),
        ("GET /log/checkpoint HTTP/1.0\r\n", "200"),
        ("GET /log/checkpoint HTTP/1.1\r\nhost: registry.example:443\r\n", "200"),
        ("GET http://registry.example/log/checkpoint HTTP/1.1\r\nhost: registry.example\r\n", "200"),
    ] {
        let answer = raw(&world, format!("{head}connection: close\r\n\r\n").as_bytes()).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{head:?}: {answer}");
        assert!(answer.contains("x-content-type-options: nosniff"), "{answer}");
        assert_eq!(answer.contains("Host header"), status == "400", "{answer}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_says_that_its_type_is_not_to_be_guessed() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    world.publish(&owner, "file:acme.localhost/widget", "1.0.0", None).await;
    let etag = header(&world.get("/log/checkpoint").await, "etag").unwrap().to_owned();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/nothing"),
        (Method::GET, "/health"),
        (Method::GET, "/ready"),
        (Method::GET, "/metrics"),
        (Method::GET, "/log/checkpoint"),
        (Method::HEAD, "/log/checkpoint"),
        (Method::OPTIONS, "/log/checkpoint"),
        (Method::GET, "/log/tile/0/000.p/1"),
        (Method::DELETE, "/api/v1/events"),
        (Method::GET, "/api/v1/events"),
        (Method::GET, "/api/v1/events/0/proof"),
        (Method::POST, "/api/v1/proofs"),
        (Method::GET, "/api/v1/registry"),
        (Method::GET, "/file/file:acme.localhost/widget"),
        (Method::GET, "/file/file:acme.localhost/widget@1.0.0"),
        (Method::PUT, "/file/x"),
        (Method::PUT, "/objects/sha256/00"),
    ] {
        let request = world.request(method.clone(), path).header("if-none-match", &etag);
        let answer = request.send().await.unwrap();
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{method} {path}: {}", answer.status());
        assert_eq!(answer.headers().get_all("x-content-type-options").iter().count(), 1);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn awaited_bodies_hold_no_place_of_work_and_the_one_in_which_nothing_moves_gives_way() {
    let world = World::with(|config| config.max_requests = 2).await;
    let owner = world.claim("acme.localhost", 10).await;
    let mut held = Vec::new();
    let put = |n: usize| {
        let permit = crate::world::permit(&owner);
        format!("PUT /objects/sha256/{n:064x} HTTP/1.1\r\nhost: x\r\nauthorization: {permit}\r\ncontent-length: 9\r\n\r\n")
    };
    let post = |n: usize| format!("POST /api/v1/proofs?{n} HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx");
    for (kind, heads) in [("upload", [put(0), put(1), put(2)]), ("short", [post(0), post(1), post(2)])] {
        for (n, head) in heads.into_iter().enumerate() {
            let mut stream = TcpStream::connect(world.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            held.push(stream);
            // One after the other, so that it is known in which nothing has moved for longest.
            let taken = format!("deedbox_bodies_awaited{{kind=\"{kind}\"}} {}\n", (n + 1).min(2));
            let is_here = |text: &str| text.contains(&taken);
            while !is_here(&world.text("/metrics").await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(world.get("/log/tile/0/000.p/1").await.status(), 200, "readers need no such place");
        }
    }
    for first in [0, 3] {
        let mut answer = String::new();
        held[first].read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("retry-after: 1") && answer.contains("busy"), "{answer}");
    }
    let text = world.text("/metrics").await;
    for kind in ["short", "upload"] {
        assert!(text.contains(&format!("deedbox_bodies_given_way_total{{kind=\"{kind}\"}} 1\n")), "{text}");
        assert!(text.contains(&format!("deedbox_bodies_awaited{{kind=\"{kind}\"}} 2\n")), "{text}");
    }
    // A registry that stops would wait for them.
    drop(held);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_permit_no_byte_of_an_upload_is_awaited() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let object = crate::world::object_path(&deedbox_model::ObjectRef::of(b"content"));
    let head = |permit: &str| format!("PUT {object} HTTP/1.1\r\nhost: x\r\n{permit}expect: 100-continue\r\ncontent-length: 7\r\n\r\n");
    // Refused with its head, and closed: nobody is asked to go on.
    let begun = std::time::Instant::now();
    for permit in ["", "authorization: Deedbox YWJj\r\n", "authorization: Bearer x\r\n"] {
        let answer = raw(&world, head(permit).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("connection: close"), "{answer}");
    }
    let large = format!("PUT {object} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n");
    let answer = raw(&world, [large.as_bytes(), &vec![0; 3_000_000]].concat().as_slice()).await;
    assert!(answer.starts_with("HTTP/1.1 401"), "it arrives though bytes were on their way: {answer}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    // With one the sender is told to go on, and only then.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let permit = format!("authorization: {}\r\nconnection: close\r\n", crate::world::permit(&owner));
    stream.write_all(head(&permit).as_bytes()).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"content").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_native_client_that_asks_first_is_refused_before_it_sends() {
    let world = World::new().await;
    let head = "PUT /file/x HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 9000000\r\n\r\n";
    let answer = raw(&world, head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 405") && answer.contains("use deedbox publish"), "{answer}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_give_way_to_those_that_ask() {
    let world = World::with(|config| config.max_requests = 1).await;
    let mut silent = Vec::new();
    for n in 0..30 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        if n % 2 == 0 {
            stream.write_all(b"GET /health HTTP/1.1\r\nhost:").await.unwrap();
        }
        silent.push(stream);
        let answer = raw(&world, b"GET /log/checkpoint HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{n}: {answer}");
    }
    drop(silent);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_on_this_machine_its_clients_share_fairly_where_its_header_is_named() {
    let world = World::with(|config| {
        config.max_requests = 3;
        config.set_client_address_header("X-Forwarded-For").unwrap();
    })
    .await;
    // Whatever a client writes before it, the last one is the proxy's word.
    let post = |from: &str| {
        format!("POST /api/v1/proofs HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 198.51.100.9, {from}\r\ncontent-length: 9\r\n\r\nx")
    };
    let mut held = Vec::new();
    for (n, from) in ["192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3", "192.0.2.4"].iter().enumerate() {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(post(from).as_bytes()).await.unwrap();
        held.push(stream);
        let taken = format!("deedbox_bodies_awaited{{kind=\"short\"}} {}\n", (n + 1).min(3));
        let gave_way = format!("deedbox_bodies_given_way_total{{kind=\"short\"}} {}\n", (n + 1).saturating_sub(3));
        let is_here = |text: &str| text.contains(&taken) && text.contains(&gave_way);
        while !is_here(&world.text("/metrics").await) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    // The one that has two gives one; then each has one, and the one that has waited longest goes.
    for first in [1, 0] {
        let mut answer = String::new();
        held[first].read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 503"), "{first}: {answer}");
    }
    drop(held);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_happened() {
    let world = World::new().await;
    world.claim("acme.localhost", 10).await;
    world.get("/log/checkpoint").await;
    let text = world.text("/metrics").await;
    for line in [
        "deedbox_tree_size 2",
        "deedbox_folded 2",
        "deedbox_appended_total 1",
        "deedbox_requests_total{kind=\"append\",status=\"2xx\"} 1",
        "deedbox_requests_total{kind=\"log\",status=\"2xx\"} 1",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in {text}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_say_how_long_requests_take_and_nothing_about_who_asked_for_what() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let statement = world.publish(&owner, "file:acme.localhost/widget", "1.2.3", None).await;
    world.get("/file/file:acme.localhost/widget").await;
    world.get("/api/v1/search/?q=sought").await;
    let text = world.text("/metrics").await;
    assert!(text.contains("# TYPE deedbox_request_seconds histogram"), "{text}");
    let counted = |line: &str| text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse::<u64>().ok());
    for kind in ["append", "upload", "projection"] {
        let buckets = text.lines().filter(|line| line.starts_with(&format!("deedbox_request_seconds_bucket{{kind=\"{kind}\","))).count();
        assert_eq!(buckets, 8, "seven ends and one without: {text}");
        let all = counted(&format!("deedbox_request_seconds_bucket{{kind=\"{kind}\",le=\"+Inf\"}}"));
        assert_eq!(all, counted(&format!("deedbox_request_seconds_count{{kind=\"{kind}\"}}")), "{kind}");
        assert!(all >= Some(2), "{kind}: {text}");
    }
    let (kid, dir) = (owner.key.public().id().to_hex(), world.dir.path().display().to_string());
    for private in ["acme", "widget", "1.2.3", "sought", "127.0.0.1", &statement.id().to_hex(), &kid, &dir] {
        assert!(!text.contains(private), "{private} in {text}");
    }
    let labels: std::collections::BTreeSet<&str> =
        text.split(['{', ',']).skip(1).filter_map(|part| part.split_once("=\"")).map(|(name, _)| name).collect();
    assert_eq!(labels, ["how", "kind", "le", "status"].into(), "labels of few values each");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_numbers_are_asked_for_without_harm() {
    let world = World::new().await;
    let most = u64::MAX;
    let page = world.json(&format!("/api/v1/events?from={most}&limit=1000")).await;
    assert_eq!((page["events"].as_array().unwrap().len(), &page["next"]), (0, &serde_json::Value::Null));
    for (path, status) in [
        (format!("/api/v1/events/{most}"), 404),
        (format!("/api/v1/events/{most}/proof"), 404),
        (format!("/api/v1/events/0/proof?size={most}"), 400),
        (format!("/api/v1/events?from={most}0"), 400),
        ("/log/tile/7/x999/x999/x999/x999/x999/x999/999".to_owned(), 404),
        ("/log/tile/entries/x999/x999/x999/x999/x999/x999/999.p/255".to_owned(), 404),
    ] {
        let found = world.get(&path).await.status().as_u16();
        assert!(found == status || (status == 404 && found == 400), "{path}: {found}");
    }
    world.stop().await;
}
