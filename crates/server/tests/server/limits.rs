//! What is refused before anybody looks at what it says (spec/api.md §1, §8).

use crate::world::{World, code, header};
use reqwest::Method;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends these bytes as they are and gives what comes back.
async fn raw(world: &World, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    // Whoever is refused may be hung up on before the last byte.
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
        (Method::POST, "/log/checkpoint", "GET,HEAD"),
        (Method::POST, "/ready", "GET,HEAD"),
    ] {
        let answer = world.request(method, path).send().await.unwrap();
        assert_eq!(header(&answer, "allow"), Some(allow), "{path}");
        assert_eq!(code(answer).await, (405, "method_not_allowed".to_owned()), "{path}");
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn past_the_requests_that_may_be_under_way_the_answer_is_busy_at_once() {
    let world = World::with(|config| config.max_requests = 2).await;
    // Two uploads that do not go on hold both places.
    let owner = world.claim("acme.localhost", 10).await;
    let mut held = Vec::new();
    for n in 0..2 {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        let permit = crate::world::permit(&owner);
        let hex = format!("{n:064x}");
        let head = format!("PUT /objects/sha256/{hex} HTTP/1.1\r\nhost: x\r\nauthorization: {permit}\r\ncontent-length: 9\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let busy = world.get("/log/checkpoint").await;
    assert_eq!(header(&busy, "retry-after"), Some("1"));
    assert_eq!(code(busy).await, (503, "busy".to_owned()));
    assert_eq!(world.get("/health").await.status(), 200, "an operator is always answered");
    assert!(world.text("/metrics").await.contains("deedbox_busy_total 1\n"));
    drop(held);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(world.get("/log/checkpoint").await.status(), 200);
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
