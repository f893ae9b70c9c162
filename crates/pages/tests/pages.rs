//! What people see, in memory: rows that the catalog folded, pages as the shell would ask for them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

use deedbox_catalog::Catalog;
use deedbox_gem::Gem;
use deedbox_maven::Maven;
use deedbox_model::event::{
    DomainFrozen, DomainRecoveryCompleted, DomainRecoveryContested, DomainRecoveryOpened, DomainReleased, Event, Evidence,
};
use deedbox_model::{Domain, Manifest, ReasonCode, Row, Rows, Statement, Subject, TimeMs, Verified};
use deedbox_npm::Npm;
use deedbox_oci::Oci;
use deedbox_pages::{PACKAGES, Pages, ROOT};
use deedbox_testkit::folding::{Log, Logged, Store, site, text};
use deedbox_testkit::{Owner, Registry, manifest, secret};
use deedbox_view::question::MAX_SCAN;
use deedbox_view::{Cache, Dialect, Entry, Fact, Facts, Method, Projection, Reads, Request, Response, Site, View};
use std::sync::Arc;

const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn pages() -> Pages {
    let dialects: Vec<Arc<dyn Dialect>> = vec![Arc::new(Npm::new()), Arc::new(Maven), Arc::new(Oci), Arc::new(Gem::new())];
    Pages::new(dialects)
}

fn described(id: &str, version: &str, description: &str) -> Manifest {
    let mut manifest = manifest(id, version, version.as_bytes());
    manifest.metadata.description = Some(description.to_owned());
    manifest
}

/// A log of npm's packages, folded by the catalog.
struct World {
    log: Log<Npm>,
}

impl World {
    fn new() -> Self {
        let mut log = Log::default();
        log.claim("acme.example");
        World { log }
    }

    /// The rows, folded one entry at a time as the shell does it.
    fn folded(&self) -> Store<Catalog> {
        let mut store = Store::default();
        for logged in &self.log.entries {
            let entry = Entry { index: logged.index, log_time: logged.log_time, statement: &logged.statement };
            let keys = Catalog.touches(&entry, &logged.facts).unwrap();
            let rows = Rows::new(keys.into_iter().map(|key| (key.clone(), store.rows.get(&key).cloned())).collect());
            for (key, bytes) in Catalog.fold(&rows, &entry, &logged.facts).unwrap() {
                match bytes {
                    Some(bytes) => store.rows.insert(key, Row { bytes: bytes.into(), seq: logged.index }),
                    None => store.rows.remove(&key),
                };
            }
        }
        store
    }

    fn ask_as(&self, request: &Request, site: &Site) -> Response {
        self.folded().answer_to(pages().parse(request).as_ref(), site, MAX_SCAN)
    }

    fn ask(&self, request: &Request) -> Response {
        self.ask_as(request, &Site { log_key: "registry.example/log+12345678+AAAA".to_owned(), ..site() })
    }

    fn front(&self, query: &[(&str, &str)]) -> Response {
        self.ask(&front(query))
    }

    fn package(&self, id: &str) -> Response {
        self.ask(&Request { accept: BROWSER.to_owned(), ..Request::get(PACKAGES, id) })
    }
}

fn front(query: &[(&str, &str)]) -> Request {
    let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Request { accept: BROWSER.to_owned(), query, ..Request::get(ROOT, "") }
}

#[track_caller]
fn has(page: &str, words: &[&str]) {
    for word in words {
        assert!(page.contains(word), "{word:?} is not in\n{page}");
    }
}

#[test]
fn the_front_page_says_what_it_is_and_how_each_ecosystem_has_its_packages() {
    let mut world = World::new();
    world.log.publish_as(&described("npm:acme.example/widget", "1.0.0", "turns things"), &["latest"]);
    let page = text(&world.front(&[]));
    has(
        &page,
        &[
            "registry.example/log+12345678+AAAA",
            "1 package of 1 domain, 1 release",
            "packages/npm:acme.example/widget",
            "turns things",
            "deedbox setup npm --domain acme.example --registry https://registry.example",
            "@acme.example:registry=https://registry.example/npm/",
            "podman pull registry.example/acme.example/widget:1.0.0",
            "gem install widget --clear-sources --source https://registry.example/gem/acme.example/",
            "&#60;artifactId&#62;widget&#60;/artifactId&#62;",
            "deedbox claim YOUR.DOMAIN\n",
            "deedbox verify --lockfile package-lock.json",
        ],
    );
    assert!(!page.contains("{{") && !page.contains("<script"), "{page}");
}

#[test]
fn the_page_of_a_package_says_who_has_its_domain_and_what_the_claim_rests_on() {
    let mut log: Log<Npm> = Log::default();
    log.claim("vouched.example").claim("team.localhost");
    for (domain, evidence) in [("signed.example", Evidence::Dnssec), ("dns.example", Evidence::Dns), ("web.example", Evidence::Https)] {
        log.claim_seen(domain, evidence);
    }
    let grounds = [
        ("vouched.example", "vouched.example", "by the operator&#39;s word"),
        ("team.localhost", "team.localhost", "without evidence: it is below localhost"),
        ("signed.example", "signed.example", "by signed DNS, as everybody can check"),
        ("dns.example", "dns.example", "by a record in its DNS, which the operator saw and which is not signed"),
        ("web.example", "web.example", "by a file at its web server, which the operator saw"),
        // The owner is the nearest that is claimed.
        ("a.b.signed.example", "signed.example", "by signed DNS, as everybody can check"),
    ];
    for (domain, ..) in grounds {
        log.publish_as(&manifest(&format!("npm:{domain}/widget"), "1.0.0", b"x"), &[]);
    }
    let mut world = World { log };
    for (domain, owner, ground) in grounds {
        let page = text(&world.package(&format!("npm:{domain}/widget")));
        has(&page, &[&format!("<dt>Claimed</dt><dd>{owner}, {ground}</dd>")]);
    }
    // A claim in between gives another answer, though the package's own row stays.
    let before = text(&world.package("npm:a.b.signed.example/widget"));
    world.log.claim("b.signed.example");
    let after = text(&world.package("npm:a.b.signed.example/widget"));
    assert_ne!(before, after);
    has(&after, &["<dd>b.signed.example, by the operator&#39;s word</dd>"]);
}

#[test]
fn the_page_of_a_package_says_how_its_domain_stands() {
    let mut log: Log<Npm> = Log::default();
    log.claim("acme.example").publish_as(&manifest("npm:acme.example/widget", "1.0.0", b"x"), &[]);
    let mut world = World { log };
    let (domain, tenure) = ("acme.example".parse::<Domain>().unwrap(), world.log.entries[0].statement.id());
    let owner = Owner { origin: Registry::default().origin, domain: domain.clone(), key: secret(3), tenure, grant: None };
    let own = |event: Event| move |owner: &Owner, at| owner.say_of_itself(Some(owner.tenure), at, event.clone());
    let by_registry = |event: Event| {
        let subject = Subject::Domain(domain.clone());
        move |owner: &Owner, at| Registry::default().say(&subject, Some(owner.tenure), at, &event)
    };
    let mut say = |owner: &Owner, said: &dyn Fn(&Owner, TimeMs) -> Verified<Statement>| {
        let index = world.log.entries.len() as u64;
        let log_time = TimeMs::new(1_795_248_000_000 + index * 60_000).unwrap();
        let statement = said(owner, log_time);
        let id = statement.id();
        world.log.entries.push(Logged { index, log_time, statement, facts: Facts::default() });
        (id, text(&world.package("npm:acme.example/widget")))
    };
    let reason = ReasonCode::Security;
    let (_, page) = say(&owner, &own(DomainFrozen { reason }.into()));
    has(&page, &["By its own word it is frozen since 2026-11-21 ", " UTC, until it is thawed."]);
    let (_, page) = say(&owner, &by_registry(DomainFrozen { reason }.into()));
    has(&page, &["By its own word it is frozen", "By the registry’s word it is frozen since 2026-11-21 ", "until 2026-12-05 "]);
    let acceptance = owner.by(4).accept(Some(tenure), TimeMs::new(1_795_248_000_000).unwrap());
    let opened = DomainRecoveryOpened { sight: None, evidence: Evidence::Operator, acceptance };
    let (recovery, page) = say(&owner, &by_registry(opened.into()));
    has(&page, &["A recovery of it was opened, at 2026-11-21 ", "it waits until 2026-12-05 ", "can be completed until 2027-01-04 "]);
    let (_, page) = say(&owner, &own(DomainRecoveryContested { recovery: Some(recovery) }.into()));
    has(&page, &["was opened and contested", "it waits until 2026-12-19 ", "By a key that contests it is frozen"]);
    let completed = DomainRecoveryCompleted { sight: None, evidence: Evidence::Operator, recovery };
    let (tenure, page) = say(&owner, &by_registry(completed.into()));
    has(&page, &["It was recovered on evidence, and not handed over, at 2026-11-21 ", "have their next release from 2026-12-21 "]);
    assert!(!page.contains("A recovery of it"), "{page}");
    let next = owner.under(tenure, 4);
    let (_, page) = say(&next, &own(DomainReleased {}.into()));
    has(&page, &["Its holder gave it up: nobody speaks for it"]);
}

#[test]
fn an_empty_registry_says_that_it_is_empty() {
    has(&text(&World { log: Log::default() }.front(&[])), &["0 packages of 0 domains, 0 releases", "Nothing is published here yet"]);
}

#[test]
fn programs_that_name_no_html_read_a_few_lines_and_each_answer_says_that_it_varies() {
    let world = World::new();
    for accept in ["", "*/*", "application/json"] {
        let answer = world.ask(&Request { accept: accept.to_owned(), ..front(&[]) });
        assert_eq!((answer.status, answer.media_type.as_ref(), answer.varies_by_accept), (200, "text/plain; charset=utf-8", true));
        has(&text(&answer), &["log key   registry.example/log+12345678+AAAA", "https://registry.example/api/v1/packages/"]);
    }
    let page = world.front(&[]);
    assert_eq!((page.media_type.as_ref(), page.varies_by_accept, page.cache), ("text/html; charset=utf-8", true, Cache::Revalidate));
}

#[test]
fn nothing_runs_on_a_page_and_nothing_is_loaded() {
    let mut world = World::new();
    world.log.publish_as(&described("npm:acme.example/widget", "1.0.0", "x"), &[]);
    for answer in
        [world.front(&[]), world.package("npm:acme.example/widget"), world.package("npm:acme.example/no"), world.front(&[("q", "!")])]
    {
        let policy = &answer.headers.iter().find(|(name, _)| *name == "content-security-policy").unwrap().1;
        has(policy, &["default-src 'none'", "style-src 'sha256-", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]);
        assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
        assert!(answer.headers.iter().any(|(name, value)| *name == "referrer-policy" && value == "no-referrer"));
        let page = text(&answer);
        for word in ["<script", "style=\"", "onclick", "src=", "url("] {
            assert!(!page.contains(word), "{word} in {page}");
        }
    }
}

#[test]
fn what_strangers_wrote_is_text_whatever_is_in_it() {
    let hostile = "<script>alert(1)</script><img src=x onerror=alert(2)> \"'&amp; {{ 7 }} \u{202e}gpj.exe\u{2066} </style>";
    let mut world = World::new();
    let mut manifest = described("npm:acme.example/widget", "1.0.0", hostile);
    manifest.metadata.keywords = vec!["<script>\u{202e}".to_owned()];
    manifest.metadata.licence = Some(hostile.to_owned());
    manifest.metadata.homepage = Some("javascript:alert(3)".to_owned());
    manifest.metadata.repository = Some(hostile.to_owned());
    world.log.publish_as(&manifest, &["latest"]);
    world.log.deprecate("npm:acme.example/widget", "1.0.0", ReasonCode::Broken, Some(Fact::Present(hostile.to_owned())));
    for page in [
        world.front(&[]),
        world.package("npm:acme.example/widget"),
        world.front(&[("q", hostile)]),
        world.front(&[("q", "widget"), ("after", hostile)]),
        world.front(&[("ecosystem", hostile)]),
        world.package(hostile),
    ] {
        let page = text(&page);
        assert!(!page.contains("<script") && !page.contains("<img") && page.matches("</style>").count() == 1, "{page}");
        assert!(!page.contains(['\u{202e}', '\u{2066}']), "{page}");
        // A home page is a text: nothing says that it is a harmless address.
        assert!(!page.contains("href=\"javascript"), "{page}");
    }
    has(&text(&world.front(&[])), &["<bdi>&#60;script&#62;", "[U+202E]gpj.exe[U+2066]"]);
}

#[test]
fn a_list_goes_on_page_by_page_to_its_end_and_each_package_is_there_once() {
    let mut world = World::new();
    for n in 0..60 {
        world.log.publish_as(&described(&format!("npm:acme.example/p{n:02}"), "1.0.0", "one of many"), &[]);
    }
    for query in [vec![], vec![("q", "many")], vec![("ecosystem", "npm")]] {
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut asked = query.clone();
            let now = after.clone().unwrap_or_default();
            if after.is_some() {
                asked.push(("after", &now));
            }
            let answer = world.front(&asked);
            let page = text(&answer);
            assert_eq!(answer.status, 200, "{page}");
            seen.extend(page.split("href=\"./packages/").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
            let Some(rest) = page.split("after=").nth(1) else { break };
            after = Some(rest.split(['#', '"', '&']).next().unwrap().to_owned());
        }
        let expected: Vec<String> = (0..60).map(|n| format!("npm:acme.example/p{n:02}")).collect();
        assert_eq!(seen, expected, "{query:?}");
    }
}

#[test]
fn a_search_finds_by_words_and_says_how_many_and_what_cannot_be_searched_for() {
    let mut world = World::new();
    world.log.publish_as(&described("npm:acme.example/widget", "1.0.0", "turns things"), &[]);
    world.log.publish_as(&described("npm:acme.example/gadget", "1.0.0", "stays still"), &[]);
    let page = text(&world.front(&[("q", "turn")]));
    has(&page, &["1 found", "packages/npm:acme.example/widget", "value=\"turn\""]);
    assert!(!page.contains("packages/npm:acme.example/gadget"));
    has(&text(&world.front(&[("q", "turn"), ("ecosystem", "gem")])), &["0 found", "<option value=\"gem\" selected>"]);
    for (query, words) in [
        (vec![("q", "!!!")], "at least one word"),
        (vec![("q", "a b c d e f g")], "at most 6 words"),
        (vec![("q", "turn"), ("ecosystem", "N P M")], "the parameter ecosystem cannot be read"),
        (vec![("after", "\u{e9}")], "the parameter after cannot be read"),
    ] {
        let answer = world.front(&query);
        assert_eq!((answer.status, answer.cache), (400, Cache::Never));
        has(&text(&answer), &[words, "role=\"alert\""]);
    }
}

#[test]
fn a_package_has_a_page_with_its_releases_channels_and_owner() {
    let mut world = World::new();
    let id = "npm:acme.example/widget";
    world.log.publish_as(&described(id, "1.0.0", "turns things"), &["latest"]);
    world.log.publish_as(&described(id, "1.1.0-rc.1+b", "turns things faster"), &["next"]);
    world.log.yank(id, "1.0.0", ReasonCode::Broken);
    world.log.deprecate(id, "1.1.0-rc.1+b", ReasonCode::Other, Some(Fact::Present("wait for 1.1.0".to_owned())));
    let answer = world.package(id);
    let page = text(&answer);
    assert_eq!((answer.status, answer.media_type.as_ref()), (200, "text/html; charset=utf-8"));
    has(
        &page,
        &[
            "turns things faster",
            "<dt><bdi>next</bdi></dt><dd>1.1.0-rc.1+b</dd>",
            "yanked: broken",
            "Deprecated (other): <bdi>wait for 1.1.0</bdi>",
            "href=\"../../api/v1/domains/acme.example\"",
            "href=\"../../api/v1/packages/npm:acme.example/widget@1.1.0-rc.1%2Bb\"",
            "npm install @acme.example/widget",
            "deedbox verify npm:acme.example/widget@1.0.0 --registry https://registry.example",
        ],
    );
    for (path, status) in
        [("npm:acme.example/no", 404), ("npm:acme.example/widget@1.0.0", 404), ("", 404), ("what is this", 400), ("a/../b", 400)]
    {
        let answer = world.package(path);
        assert_eq!((answer.status, answer.media_type.as_ref()), (status, "text/html; charset=utf-8"), "{path}");
    }
}

#[test]
fn at_an_address_with_a_path_the_page_says_that_images_cannot_be_had() {
    let site = Site { base_url: "https://registry.example/team".to_owned(), ..site() };
    let page = text(&World::new().ask_as(&front(&[]), &site));
    has(&page, &["they cannot use a registry whose address has a path"]);
    assert!(!page.contains("podman pull"));
}

#[test]
fn nothing_is_written_by_a_page_and_the_catalog_answers_as_without_pages() {
    let mut world = World::new();
    world.log.publish_as(&described("npm:acme.example/widget", "1.0.0", "x"), &[]);
    for (mount, method) in [(ROOT, Method::Post), (PACKAGES, Method::Write)] {
        let answer = world.ask(&Request { method, ..Request::get(mount, "") });
        assert_eq!(answer.status, 405);
    }
    let store = world.folded();
    for (mount, path) in
        [(deedbox_catalog::PACKAGES, "npm:acme.example/widget"), (deedbox_catalog::DOMAINS, ""), (deedbox_catalog::SEARCH, "")]
    {
        let request = Request::get(mount, path);
        assert_eq!(world.ask(&request), store.answer(&request));
    }
}

#[test]
fn a_page_changes_only_when_the_rows_that_it_read_first_change() {
    let mut world = World::new();
    let requests =
        [front(&[]), front(&[("q", "things")]), Request { accept: BROWSER.to_owned(), ..Request::get(PACKAGES, "npm:acme.example/a") }];
    let first = |world: &World, request: &Request| {
        let mut reads = Reads::default();
        world.folded().read(&pages().parse(request).plan(), MAX_SCAN, &mut reads);
        reads.rows
    };
    for step in 0..4 {
        let before: Vec<_> = requests.iter().map(|request| (first(&world, request), text(&world.ask(request)))).collect();
        match step {
            0 => world.log.publish_as(&described("npm:acme.example/a", "1.0.0", "things"), &["latest"]),
            1 => world.log.publish_as(&described("npm:acme.example/b", "1.0.0", "things"), &[]),
            2 => world.log.yank("npm:acme.example/a", "1.0.0", ReasonCode::Other),
            _ => world.log.claim("other.example"),
        };
        for ((rows, page), request) in before.into_iter().zip(&requests) {
            if text(&world.ask(request)) != page {
                assert_ne!(first(&world, request), rows, "step {step}: {request:?}");
            }
        }
    }
}
