//! Serves answers of a given length from memory, for a load generator, and says what each request cost in CPU time.
//!
//! ```text
//! cargo run --release -p deedbox-server --example hot_path
//! wrk -t1 -c32 -d5s http://127.0.0.1:PORT/bytes/6500
//! ```
//!
//! Prints microseconds of CPU per request each second; ends when its standard input does.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "an example stops where it is wrong, and prints")]

use deedbox_catalog::Catalog;
use deedbox_model::{Changes, Defect, Keys, ProjectionId, RowKey, Rows};
use deedbox_server::{Config, Parts, PublicUrl, Server};
use deedbox_view::{Entry, Facts, Plan, Projection, Question, Reads, Request, Resource, Response, Site, Step, View};
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

struct Numbers;

impl Projection for Numbers {
    fn id(&self) -> ProjectionId {
        ProjectionId { name: "numbers", version: 1 }
    }
    fn touches(&self, _: &Entry<'_>, _: &Facts) -> Result<Keys, Defect> {
        Ok(Keys::new())
    }
    fn fold(&self, _: &Rows, _: &Entry<'_>, _: &Facts) -> Result<Changes, Defect> {
        Ok(Changes::new())
    }
}

impl View for Numbers {
    fn reads(&self) -> ProjectionId {
        self.id()
    }
    fn mounts(&self) -> &'static [&'static str] {
        &["/bytes/"]
    }
    fn parse(&self, request: &Request) -> Box<dyn Question> {
        Box::new(Length(request.path.parse().unwrap_or(0)))
    }
}

struct Length(usize);

impl Question for Length {
    fn resource(&self) -> Option<Resource> {
        Some(Resource::Nothing)
    }
    fn plan(&self) -> Plan {
        RowKey::new("row").map_or(Plan::Nothing, |key| Plan::Get(vec![key]))
    }
    fn step(&self, _: &Reads) -> Result<Step, Defect> {
        Ok(Step::Ready)
    }
    fn render(&self, _: &Reads, _: &Site) -> Result<Response, Defect> {
        let numbers = (0_u64..).flat_map(|n| format!("{:x},", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into_bytes());
        Ok(Response::json(numbers.take(self.0.min(10_000_000)).collect()))
    }
}

/// User and system time of this process in microseconds, and the requests that it has counted.
async fn cost(url: &str) -> (u64, u64) {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    let text = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    let count = text
        .lines()
        .filter(|line| line.starts_with("deedbox_requests_total{kind=\"projection\""))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap())
        .sum();
    (ticks * 10_000, count)
}

#[tokio::main]
async fn main() {
    let dir = tempfile::TempDir::new().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let parts = Parts {
        dialects: vec![],
        projections: vec![Arc::new(Catalog), Arc::new(Numbers)],
        views: vec![Arc::new(Catalog), Arc::new(Numbers)],
        signers: vec![],
        policy: Arc::new(deedbox_server::Open),
        deciders: deedbox_authority::DECIDERS,
        look: None,
        probe: Arc::new(deedbox_ledger::NoProbe),
        progress: Arc::new(|_, _| {}),
    };
    let server = Server::open(Config::new(dir.path(), PublicUrl::parse(&url).unwrap()), parts).await.unwrap();
    println!("{url}/bytes/6500");
    let ended = Arc::new(tokio::sync::Notify::new());
    let running = tokio::spawn(server.run(listener, {
        let ended = Arc::clone(&ended);
        async move { ended.notified().await }
    }));
    let mut input = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let mut last = cost(&url).await;
    while tokio::time::timeout(Duration::from_secs(1), &mut input).await.is_err() {
        let now = cost(&url).await;
        if now.1 > last.1 {
            println!("{} requests, {:.1} us of CPU each", now.1 - last.1, (now.0 - last.0) as f64 / (now.1 - last.1) as f64);
            last = now;
        }
    }
    ended.notify_one();
    running.await.unwrap().unwrap();
}
