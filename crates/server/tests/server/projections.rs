//! How projections are served: tags by coding, 304, ranges, HEAD, `Accept`, queries, writes, and that an answer in memory
//! is never older than what was published.

use crate::world::{World, code, header};
use reqwest::Method;
use std::io::{Read as _, Write as _};

const ID: &str = "file:acme.localhost/widget";

async fn published() -> (World, deedbox_testkit::Owner, deedbox_model::EventId) {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let first = world.publish(&owner, ID, "1.0.0", None).await;
    (world, owner, first.id())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_coding_has_its_own_tag_and_all_of_them_are_the_same_bytes() {
    let (world, _, _) = published().await;
    let path = format!("/file/{ID}");
    let plain = world.get(&path).await;
    let etag = header(&plain, "etag").unwrap().to_owned();
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "public, no-cache"),
        ("vary", "Accept-Encoding"),
        ("x-own", "yes"),
        ("deedbox-tree-size", "3"),
    ] {
        assert_eq!(header(&plain, name), Some(value), "{name}");
    }
    let text = plain.bytes().await.unwrap();
    for (accept, coding, suffix) in
        [("gzip", Some("gzip"), "-gz\""), ("gzip, br", Some("br"), "-br\""), ("gzip;q=0", None, "\""), ("zstd", None, "\"")]
    {
        for method in [Method::GET, Method::GET, Method::HEAD] {
            let answer = world.request(method.clone(), &path).header("accept-encoding", accept).send().await.unwrap();
            assert_eq!(header(&answer, "content-encoding"), coding);
            let tag = header(&answer, "etag").unwrap().to_owned();
            assert!(tag.starts_with(etag.trim_end_matches('"')) && tag.ends_with(suffix), "{tag}");
            let length: usize = header(&answer, "content-length").unwrap().parse().unwrap();
            let bytes = answer.bytes().await.unwrap();
            if method == Method::HEAD {
                assert!(bytes.is_empty() && length > 0);
                continue;
            }
            assert_eq!(bytes.len(), length);
            let mut unpacked = Vec::new();
            match coding {
                Some("gzip") => flate2::read::GzDecoder::new(&bytes[..]).read_to_end(&mut unpacked).map(drop).unwrap(),
                Some(_) => brotli::Decompressor::new(&bytes[..], 4096).read_to_end(&mut unpacked).map(drop).unwrap(),
                None => unpacked = bytes.to_vec(),
            }
            assert_eq!(unpacked, text);
            let again =
                world.request(Method::GET, &path).header("accept-encoding", accept).header("if-none-match", &tag).send().await.unwrap();
            assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, Some(tag.as_str())));
            assert_eq!(header(&again, "vary"), Some("Accept-Encoding"));
            assert!(header(&again, "content-type").is_none());
        }
    }
    let part = world.request(Method::GET, &path).header("accept-encoding", "gzip").header("range", "bytes=0-4").send().await.unwrap();
    assert_eq!((part.status().as_u16(), header(&part, "content-encoding"), header(&part, "etag")), (206, None, Some(etag.as_str())));
    assert_eq!(part.bytes().await.unwrap(), text[..5]);
    let beyond = world.request(Method::GET, &path).header("range", "bytes=99999-").send().await.unwrap();
    assert_eq!(beyond.status(), 416);
    let short = world.request(Method::GET, &format!("{path}?short=")).header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!((header(&short, "content-encoding"), header(&short, "vary")), (None, None), "short answers are not worth it");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_memory_is_never_older_than_what_was_published() {
    let (world, owner, mut prev) = published().await;
    let path = format!("/file/{ID}");
    let mut tag = header(&world.get(&path).await, "etag").unwrap().to_owned();
    for n in 1..20 {
        let version = format!("1.0.{n}");
        // Something else is published: the answer holds, and says that it is as new.
        world.publish(&owner, &format!("file:acme.localhost/other-{n}"), "1.0.0", None).await;
        let same = world.request(Method::GET, &path).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(same.status(), 304);
        assert_eq!(header(&same, "deedbox-tree-size"), Some((2 + 2 * n).to_string().as_str()));
        prev = world.publish(&owner, ID, &version, Some(prev)).await.id();
        let other = world.request(Method::GET, &path).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!(other.status(), 200);
        tag = header(&other, "etag").unwrap().to_owned();
        assert!(other.text().await.unwrap().contains(&version));
    }
    let metrics = world.text("/metrics").await;
    let counted = |how: &str| {
        let line = metrics.lines().find(|line| line.starts_with(&format!("deedbox_answers_total{{how=\"{how}\"}}"))).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!((counted("made"), counted("confirmed")), (20, 19), "nothing is assembled twice");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_have_an_answer_made_once() {
    let (world, _, _) = published().await;
    let ask = |_| async { world.text(&format!("/file/{ID}")).await };
    let answers = futures::future::join_all((0..50).map(ask)).await;
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
    assert!(world.text("/metrics").await.contains("deedbox_answers_total{how=\"made\"} 1\n"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_depends_on_accept_only_where_its_projection_says_so() {
    let (world, _, _) = published().await;
    let ask = |query: &'static str, accept: &'static str| {
        let world = &world;
        async move {
            let answer = world.request(Method::GET, &format!("/file/{ID}{query}")).header("accept", accept).send().await.unwrap();
            (header(&answer, "vary").map(str::to_owned), answer.text().await.unwrap())
        }
    };
    for _ in 0..2 {
        let (vary, json) = ask("?vary=", "application/json").await;
        assert_eq!(vary.as_deref(), Some("Accept, Accept-Encoding"));
        let (vary, text) = ask("?vary=", "text/plain").await;
        assert_eq!((vary.as_deref(), text.as_str()), (Some("Accept"), "another form"));
        assert_ne!(json, text);
        assert_eq!(ask("", "text/plain").await, ask("", "application/json").await);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_path_has_one_meaning_however_it_is_encoded() {
    let (world, _, _) = published().await;
    let text = world.text(&format!("/file/{ID}")).await;
    assert_eq!(world.text("/file/file%3Aacme.localhost%2Fwidget").await, text);
    assert_eq!(world.text("/file/%66ile:acme.localhost/widget?").await, text);
    for bad in ["%", "%zz", "%ff", "a%00", &"a".repeat(2_049)] {
        assert_eq!(code(world.get(&format!("/file/{bad}")).await).await, (400, "bad_request".to_owned()), "{bad}");
    }
    let pairs = "a=1&".repeat(65);
    assert_eq!(code(world.get(&format!("/file/x?{pairs}")).await).await.0, 400);
    let accept = world.request(Method::GET, "/file/x").header("accept", "a".repeat(1_025)).send().await.unwrap();
    assert_eq!(code(accept).await.0, 400);
    assert_eq!(world.get("/file/nothing").await.status(), 404);
    assert_eq!(world.get("/file").await.status(), 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_is_asked_with_a_body_and_a_write_is_refused_in_the_projections_words() {
    let (world, _, _) = published().await;
    let asked = world.post("/file/query", "text/plain", "what?").await;
    assert_eq!(asked.text().await.unwrap(), "what?");
    let gzip = |bytes: &[u8]| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let packed = |body: Vec<u8>, coding: &'static str| {
        world.request(Method::POST, "/file/query").header("content-encoding", coding).body(body).send()
    };
    assert_eq!(packed(gzip(b"packed"), "gzip").await.unwrap().text().await.unwrap(), "packed");
    assert_eq!(code(packed(gzip(&vec![0; 8 * 1024 * 1024 + 1]), "gzip").await.unwrap()).await, (413, "too_large".to_owned()));
    assert_eq!(code(packed(b"none".to_vec(), "gzip").await.unwrap()).await.0, 400);
    assert_eq!(code(packed(b"none".to_vec(), "br").await.unwrap()).await.0, 400);
    assert_eq!(code(packed(vec![0; 1024 * 1024 + 1], "identity").await.unwrap()).await, (413, "too_large".to_owned()));
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        // As long as a native client's package is.
        let refused = world.request(method, &format!("/file/{ID}")).body(vec![0; 3_000_000]).send().await.unwrap();
        assert_eq!((refused.status().as_u16(), header(&refused, "allow")), (405, Some("GET, HEAD")));
        assert_eq!(refused.text().await.unwrap(), "use deedbox publish\n");
    }
    let options = world.request(Method::OPTIONS, "/file/x").send().await.unwrap();
    assert_eq!(header(&options, "allow"), Some("GET, HEAD, POST"));
    assert_eq!(code(options).await.0, 405);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_panics_costs_one_answer() {
    let (world, _, _) = published().await;
    let answer = world.get("/file/panic").await;
    assert_eq!(code(answer).await, (500, "internal".to_owned()));
    assert_eq!(world.get(&format!("/file/{ID}")).await.status(), 200);
    world.stop().await;
}
