//! The pages of a registry in a real browser: found, read, searched and clicked through without a script, wide and narrow, light and
//! dark. And what other programs get at the same addresses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_tests::{
    browser::{Seen, look},
    registry::{Running, Source},
};
use serde_json::json;

const HOSTILE: &str = "<script>document.title='taken'</script><img src=http://127.0.0.1:9/x onerror=alert(1)> \u{202e}gnp.exe </style>";

fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn registry() -> Running {
    let registry = Running::start().unwrap();
    let mut sources: Vec<Source> = (0..30).map(|n| Source::plain(&format!("part{n:02}"), "1.0.0")).collect();
    sources.push(Source {
        manifest: json!({ "description": "Turns one thing into another, and says how long it took: a description of the usual length",
            "keywords": ["turning", "things"], "homepage": "https://widget.example/", "repository": "https://git.example/widget" }),
        ..Source::plain("widget", "1.0.0")
    });
    let long = "n".repeat(90);
    sources.push(Source {
        manifest: json!({ "description": HOSTILE, "keywords": [HOSTILE], "homepage": "javascript:alert(1)" }),
        ..Source::plain(&long, "1.0.0")
    });
    registry.publish(&sources, &[]).unwrap();
    registry
        .publish(
            &[Source { manifest: json!({ "description": "Turns one thing into another, faster" }), ..Source::plain("widget", "1.1.0") }],
            &[],
        )
        .unwrap();
    registry.deedbox(["yank", "npm:demo.localhost/widget@1.0.0", "--reason", "broken"]).unwrap().done().unwrap();
    registry
}

#[track_caller]
fn has(seen: &Seen, words: &[&str]) {
    for word in words {
        assert!(seen.text("text").contains(word), "{}: {word:?} is not in\n{}", seen.text("name"), seen.text("text"));
    }
}

#[test]
fn a_browser_finds_what_it_is_and_every_package_without_a_script() {
    let registry = registry();
    let seen = look(&registry.url, "widget", &format!("npm:demo.localhost/{}", "n".repeat(90))).unwrap();
    assert_eq!(seen.len(), 20);
    let (mut light, mut dark) = (Vec::new(), Vec::new());
    for page in &seen {
        let name = page.text("name");
        let not_found = ["Failed to load resource: the server responded with a status of 404 (Not Found)"];
        let expected: &[&str] = if name.starts_with("missing") { &not_found } else { &[] };
        assert_eq!(page.list("errors"), expected, "{name}: the console");
        assert_eq!(page.list("elsewhere"), [""; 0], "{name}: what was asked elsewhere");
        assert!(
            page.number("scroll") <= page.number("width"),
            "{name}: {} wide in a window of {}",
            page.number("scroll"),
            page.number("width")
        );
        assert_eq!(page.number("unlabelled"), 0, "{name}");
        assert!(!page.text("title").contains("taken"), "{name}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{name}");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"), "{name}");
        assert_eq!((page.header("x-content-type-options"), page.header("referrer-policy")), ("nosniff", "no-referrer"), "{name}");
        if name.ends_with("light") {
            light.push(page.text("background"))
        } else {
            dark.push(page.text("background"))
        }
        match name.split('-').next().unwrap() {
            "front" => has(
                page,
                &[
                    "32 packages of 1 domain",
                    "33 releases",
                    "Log key",
                    "@demo.localhost/part00",
                    "More packages",
                    "deedbox setup npm",
                    "deedbox publish",
                ],
            ),
            "search" => {
                has(page, &["1 found", "@demo.localhost/widget", "Turns one thing into another, faster"]);
                assert!(page.text("address").contains("?q=widget"), "{}", page.text("address"));
            }
            "package" => {
                has(page, &["npm:demo.localhost/widget", "npm install @demo.localhost/widget", "yanked: broken", "latest", "1.1.0"])
            }
            "hostile" => has(page, &["<script>document.title='taken'</script>", "[U+202E]gnp.exe", "javascript:alert(1)"]),
            "missing" => has(page, &["nothing was ever published as npm:nobody.example/nothing"]),
            other => panic!("{other}"),
        }
    }
    light.dedup();
    dark.dedup();
    assert!(light.len() == 1 && dark.len() == 1 && light != dark, "{light:?} {dark:?}");
    every_link_leads_somewhere(&registry, &seen);
}

/// What the pages link to, in the registry itself, is there.
fn every_link_leads_somewhere(registry: &Running, seen: &[Seen]) {
    let base = reqwest::Url::parse(&registry.url).unwrap();
    let mut all = std::collections::BTreeSet::new();
    for page in seen {
        let here = base.join(page.text("address")).unwrap();
        all.extend(page.list("links").iter().map(|link| here.join(link).unwrap()).map(|mut url| {
            url.set_fragment(None);
            url.to_string()
        }));
    }
    assert!(all.len() > 30, "{all:?}");
    for url in all {
        let status = block_on(async { reqwest::get(&url).await.unwrap().status() });
        let is_of_none = url.contains("nobody.example");
        assert!(status == 200 || is_of_none, "{url}: {status}");
    }
}

#[test]
fn programs_get_words_browsers_get_a_page_and_what_was_below_the_root_is_as_before() {
    let registry = Running::start().unwrap();
    let get = |path: &str, accept: Option<&str>, more: &[(&str, &str)]| {
        let client = reqwest::Client::new();
        let mut request = client.get(format!("{}{path}", registry.url));
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        block_on(async {
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            (status, headers, response.text().await.unwrap())
        })
    };
    let (status, headers, words) = get("/", Some("*/*"), &[]);
    assert_eq!(
        (status, &headers["content-type"], &headers["vary"]),
        (200, &"text/plain; charset=utf-8".parse().unwrap(), &"Accept".parse().unwrap())
    );
    assert!(words.contains("log key   127.0.0.1") || words.contains("log key   "), "{words}");
    let (status, headers, page) = get("/", Some("text/html"), &[]);
    assert_eq!((status, &headers["content-type"]), (200, &"text/html; charset=utf-8".parse().unwrap()));
    assert!(headers.contains_key("etag") && headers["vary"].to_str().unwrap().to_lowercase().contains("accept"), "{headers:?}");
    assert!(page.contains("<h1>") && page.len() < 64 * 1024, "{} bytes", page.len());
    let etag = headers["etag"].to_str().unwrap().to_owned();
    let (status, ..) = get("/", Some("text/html"), &[("if-none-match", &etag)]);
    assert_eq!(status, 304);
    for (path, status) in [
        ("/health", 200),
        ("/ready", 200),
        ("/metrics", 200),
        ("/log/checkpoint", 200),
        ("/v2/", 200),
        ("/api/v1/registry", 200),
        ("/favicon.ico", 404),
        ("/nothing", 404),
        ("//", 404),
    ] {
        assert_eq!(get(path, Some("text/html"), &[]).0, status, "{path}");
    }
    let wrote = block_on(async { reqwest::Client::new().post(&registry.url).body("x").send().await.unwrap() });
    assert_eq!(wrote.status(), 405);
}
