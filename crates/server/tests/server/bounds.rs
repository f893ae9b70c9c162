//! What an answer may cost (spec/projections/README.md §4.2, spec/api.md §8): rows read in rounds of bounded bytes, answers
//! made few at once, a query that counts only as far as its projection takes it, a body only where it is asked for.

use crate::file_dialect::SLOW_INSPECTIONS;
use crate::world::{World, code, header, parts};
use deedbox_model::{Changes, Defect, Keys, ProjectionId, RowKey, Rows};
use deedbox_view::question::{MAX_ROUNDS, MAX_SCAN, MAX_SCAN_BYTES};
use deedbox_view::{
    Entry, Facts, Method as ViewMethod, Plan, Projection, Question, Reads, Refused, Request, Resource, Response, Site, Step, Takes, View,
};
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const MIB: usize = 1 << 20;

/// Keeps a row of a mebibyte for every entry, and tells what the shell did. Below `slow/` it takes its time.
#[derive(Default)]
struct Wide(Arc<Told>);

#[derive(Default)]
struct Told {
    made: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

const SLOW: Duration = Duration::from_millis(150);

async fn world(set: impl FnOnce(&mut deedbox_server::Config)) -> (World, Arc<Told>) {
    let (mut all, told) = (parts(), Arc::new(Told::default()));
    all.projections.push(Arc::new(Wide(Arc::clone(&told))));
    all.views.push(Arc::new(Wide(Arc::clone(&told))));
    (World::open_with(Arc::new(TempDir::new().unwrap()), set, all).await.unwrap(), told)
}

fn head() -> Result<RowKey, Defect> {
    RowKey::new("head")
}

impl Projection for Wide {
    fn id(&self) -> ProjectionId {
        ProjectionId { name: "wide", version: 1 }
    }
    fn touches(&self, entry: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        Ok(Keys::from([head()?, RowKey::new(format!("wide/{:03}", entry.index))?]))
    }
    fn fold(&self, _: &Rows, entry: &Entry<'_>, _: &Facts) -> Result<Changes, Defect> {
        let wide = RowKey::new(format!("wide/{:03}", entry.index))?;
        let mut changes = Changes::new();
        changes.put(head()?, &entry.index)?;
        // With the five bytes that say how long a text of CBOR is, and its key, a row has exactly one MiB.
        changes.put(wide, &"x".repeat(MIB - "wide/000".len() - 5))?;
        Ok(changes)
    }
}

impl View for Wide {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &["/wide/"]
    }
    fn takes(&self, _: ViewMethod, _: &'static str, path: &str) -> Takes {
        match path {
            "ask" => Takes { body: true, ..Takes::NOTHING },
            "any" => Takes::EVERYTHING,
            _ => Takes::query(&["n", "last"]),
        }
    }
    fn refuse(&self, refused: &Refused<'_>) -> Option<Response> {
        let own = ("x-own", "yes".to_owned());
        let body = format!("{} {}\n", refused.code, refused.words());
        Some(Response { headers: vec![own], ..Response::refusal(refused.status, "text/plain", body.into_bytes()) })
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Asked { told: Arc::clone(&self.0), request: request.clone() })
    }
}

struct Asked {
    told: Arc<Told>,
    request: Request,
}

impl Question for Asked {
    fn resource(&self) -> Option<Resource> {
        Some(Resource::Nothing)
    }
    fn plan(&self) -> Plan {
        match self.request.path.as_str() {
            "" => head().map_or(Plan::Nothing, |key| Plan::Get(vec![key])),
            _ => Plan::Nothing,
        }
    }
    fn step(&self, reads: &Reads) -> Result<Step, Defect> {
        if !self.request.path.is_empty() {
            return Ok(Step::Ready);
        }
        Ok(match &reads.last_scan {
            Some(end) if !end.more || reads.rounds >= MAX_ROUNDS => Step::Ready,
            end => {
                let after = end.as_ref().and_then(|end| end.last.clone());
                Step::Read(Plan::Scan { prefix: RowKey::new("wide/")?, after, limit: MAX_SCAN })
            }
        })
    }
    fn render(&self, reads: &Reads, _: &Site) -> Result<Response, Defect> {
        let Asked { told, request } = self;
        told.made.fetch_add(1, Ordering::SeqCst);
        if request.method != ViewMethod::Get {
            let status = if request.path == "ask" { 200 } else { 405 };
            let body = format!("{} bytes were read; use deedbox publish", request.body.len());
            return Ok(Response::refusal(status, "text/plain", body.into_bytes()));
        }
        assert!(request.path != "panic", "a projection that is wrong");
        if request.path.starts_with("slow/") {
            told.most.fetch_max(told.now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(SLOW);
            told.now.fetch_sub(1, Ordering::SeqCst);
        }
        if !request.path.is_empty() {
            return Ok(Response::json(format!("{:?} {:?}", request.path, request.query).into_bytes()));
        }
        let scanned = reads.rows.with_prefix("wide/").count();
        let last = reads.last_scan.as_ref().and_then(|end| end.last.clone()).map_or(String::new(), |key| key.to_string());
        Ok(Response::json(format!("{} rounds, {scanned} rows, to {last}", reads.rounds).into_bytes()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_of_reading_ends_behind_the_row_with_which_it_has_its_bytes() {
    let (world, _) = world(|_| {}).await;
    let a_round = usize::try_from(MAX_SCAN_BYTES).unwrap() / MIB;
    for n in 1..2 * a_round {
        world.claim(&format!("d{n}.localhost"), 10).await;
    }
    let rows = 2 * a_round;
    // The head, two full rounds, and one that finds nothing more.
    assert_eq!(world.text("/wide/").await, format!("4 rounds, {rows} rows, to wide/{:03}", rows - 1));
    world.claim("more.localhost", 10).await;
    assert_eq!(world.text("/wide/").await, format!("4 rounds, {} rows, to wide/{rows:03}", rows + 1));
    world.stop().await;
}

fn at_once() -> usize {
    deedbox_server::limits::renderings_at_once()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_answers_that_are_asked_for_at_once_few_are_made_at_once() {
    let (world, wide) = world(|_| {}).await;
    let asked = 6 * at_once();
    let ask = |n: usize| {
        let world = &world;
        async move { world.text(&format!("/wide/slow/{n}")).await }
    };
    futures::future::join_all((0..asked).map(ask)).await;
    assert_eq!(wide.made.load(Ordering::SeqCst), asked, "they are different ones");
    assert_eq!(wide.most.load(Ordering::SeqCst), at_once());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_waits_for_keeps_its_place_until_it_is_made() {
    let (world, wide) = world(|config| config.times.answer = SLOW / 3).await;
    let ask = |n: usize| {
        let world = &world;
        async move { world.get(&format!("/wide/slow/{n}")).await }
    };
    for round in 0..4 {
        let answers = futures::future::join_all((0..2 * at_once()).map(|n| ask(100 * round + n))).await;
        for answer in answers {
            assert_eq!(answer.status(), 503);
            assert!(answer.text().await.unwrap().starts_with("timeout no answer within"));
        }
    }
    assert_eq!(wide.most.load(Ordering::SeqCst), at_once());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_projection_does_not_look_at_makes_no_other_answer() {
    let (world, wide) = world(|_| {}).await;
    let ask = |path: String, accept: String| {
        let world = &world;
        async move { world.request(Method::GET, &path).header("accept", accept).send().await.unwrap().text().await.unwrap() }
    };
    let queries = (0..100).map(|n| ask(format!("/wide/slow/a?i={n}&n=5&n={n}&{n}"), format!("text/x-{n}")));
    for answer in futures::future::join_all(queries).await {
        assert_eq!(answer, "\"slow/a\" [(\"n\", \"5\")]");
    }
    let spelled = ["last=b&n=5", "n=5&last=b", "%6e=5&last=%62", "&&n=5&x=y&last=b&last=c"];
    for answer in futures::future::join_all(spelled.map(|query| ask(format!("/wide/slow/b?{query}"), String::new()))).await {
        assert_eq!(answer, "\"slow/b\" [(\"n\", \"5\"), (\"last\", \"b\")]");
    }
    assert_eq!(wide.made.load(Ordering::SeqCst), 2);
    assert_eq!(ask("/wide/any?b=1&a=2".to_owned(), String::new()).await, "\"any\" [(\"b\", \"1\"), (\"a\", \"2\")]");
    // What holds the marks between the parts of an answer's name is another answer all the same.
    for (path, query) in [("any", "a=b"), ("any", "a&b"), ("any", "a=b&"), ("any", "ab")] {
        let pairs: Vec<(&str, &str)> = query.split('&').filter(|p| !p.is_empty()).map(|p| p.split_once('=').unwrap_or((p, ""))).collect();
        assert_eq!(ask(format!("/wide/{path}?{query}"), "a".to_owned()).await, format!("{path:?} {pairs:?}"));
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_by_post_is_refused_in_the_projections_words_however_long_and_however_coded() {
    let (world, _) = world(|_| {}).await;
    for coding in ["identity", "gzip", "br", "aws-chunked"] {
        let written = world.request(Method::POST, "/wide/api/v1/gems").header("content-encoding", coding).body(vec![0; 2 * MIB]);
        let refused = written.send().await.unwrap();
        assert_eq!((refused.status().as_u16(), header(&refused, "allow")), (405, Some("GET, HEAD")), "{coding}");
        assert_eq!(refused.text().await.unwrap(), "0 bytes were read; use deedbox publish");
    }
    let asked = world.post("/wide/ask", "text/plain", vec![0; MIB]).await;
    assert_eq!(asked.text().await.unwrap(), format!("{MIB} bytes were read; use deedbox publish"));
    assert_eq!(world.post("/wide/ask", "text/plain", vec![0; MIB + 1]).await.status(), 413);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_shell_refuses_below_a_mount_has_the_shape_of_its_clients() {
    let (world, _) = world(|_| {}).await;
    let long = "a".repeat(1_025);
    for (request, status, begins) in [
        (world.request(Method::GET, "/wide/%ff"), 400, "bad_request the path is not percent-encoded UTF-8: look at "),
        (world.request(Method::GET, "/wide/?x=%zz"), 400, "bad_request the query is not percent-encoded UTF-8: "),
        (world.request(Method::POST, "/wide/%ff"), 400, "bad_request "),
        (world.request(Method::POST, "/wide/ask").body(vec![0; 2 * MIB]), 413, "too_large the query is larger than 1048576 bytes: "),
        (world.request(Method::GET, "/wide/").header("accept", long), 400, "bad_request the Accept header"),
        (world.request(Method::OPTIONS, "/wide/"), 405, "method_not_allowed "),
        (world.request(Method::GET, "/wide/panic"), 500, "internal "),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), header(&answer, "x-own"), header(&answer, "content-type")),
            (status, Some("yes"), Some("text/plain"))
        );
        assert_eq!((header(&answer, "cache-control"), answer.headers().contains_key("x-request-id")), (Some("no-store"), true));
        let text = answer.text().await.unwrap();
        assert!(text.starts_with(begins), "{text}");
    }
    // One without a shape of its own, and what is below no mount, as ever.
    for path in ["/api/v1/packages/%ff", "/nothing"] {
        assert!(code(world.get(path).await).await.0 >= 400);
    }
    let (busy, wide) = crate::bounds::world(|config| {
        config.max_requests = 1;
        config.times.wait = Duration::from_millis(5);
    })
    .await;
    let answered = async {
        while wide.now.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let answers = (busy.get("/wide/").await, busy.get("/log/tile/0/000.p/1").await, busy.get("/log/checkpoint").await);
        (answers, busy.get("/health").await.status())
    };
    let (held, ((answer, tile, checkpoint), health)) = tokio::join!(busy.get("/wide/slow/held"), answered);
    assert_eq!(
        (held.status().as_u16(), checkpoint.status().as_u16(), health.as_u16()),
        (200, 200, 200),
        "what is in memory needs no place"
    );
    assert_eq!((answer.status().as_u16(), header(&answer, "retry-after")), (503, Some("1")));
    assert!(answer.text().await.unwrap().starts_with("busy too many requests are under way: try again"));
    assert_eq!(code(tile).await, (503, "busy".to_owned()));
    assert!(busy.text("/metrics").await.contains("deedbox_busy_total 2\n"));
    world.stop().await;
    busy.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn few_large_releases_are_inspected_at_once_and_many_small_ones() {
    let world = World::new().await;
    let owner = world.claim("acme.localhost", 10).await;
    let publish_all = |name: &'static str, count: usize, rest: Vec<u8>| {
        let (world, owner) = (&world, &owner);
        async move {
            let mut prepared = Vec::new();
            for n in 0..count {
                prepared.push(world.prepare(owner, &format!("file:acme.localhost/{name}-{n}"), "1.0.0", None, &rest).await);
            }
            SLOW_INSPECTIONS.most.store(0, Ordering::SeqCst);
            futures::future::join_all(prepared.iter().map(|statement| world.must_append(statement))).await;
            SLOW_INSPECTIONS.most.load(Ordering::SeqCst)
        }
    };
    // Four of the largest that any dialect may hold; of those that hold a megabyte as many as there may be threads.
    let large = [b"slow\n".to_vec(), vec![b'x'; 200 * 1024]].concat();
    assert_eq!(publish_all("large", 10, large).await, 4);
    let small = publish_all("small", 10, b"slow".to_vec()).await;
    assert!(small > 4, "{small}");
    world.stop().await;
}
