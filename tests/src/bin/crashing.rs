//! A registry that ends itself at a named point of the write order: `crashing DATA [POINT:NTH]`. For the crash loop
//! only; what ships has no such switch. Prints the address that it listens on as its first line.

use deedbox::ecosystems;
use deedbox_catalog::Catalog;
use deedbox_ledger::{Point, Probe};
use deedbox_server::{Config, Parts, PublicUrl, Server};
use deedbox_view::{Projection, View};
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

struct EndAt {
    point: Option<Point>,
    left: AtomicU64,
}

impl Probe for EndAt {
    fn passed(&self, point: Point) {
        if self.point == Some(point) && self.left.fetch_sub(1, Ordering::SeqCst) == 1 {
            // No destructor, no flush, no answer: as a power switch would.
            std::process::abort();
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    let data = args.next().ok_or_else(|| anyhow::anyhow!("usage: crashing DATA [POINT:NTH]"))?;
    let probe = match args.next() {
        None => EndAt { point: None, left: AtomicU64::new(0) },
        Some(text) => {
            let (name, nth) = text.split_once(':').ok_or_else(|| anyhow::anyhow!("{text:?} is not POINT:NTH"))?;
            let point = Point::ALL.into_iter().find(|point| point.name() == name);
            let point = point.ok_or_else(|| anyhow::anyhow!("{name:?} is not a point of the write order"))?;
            EndAt { point: Some(point), left: AtomicU64::new(nth.parse()?) }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let at = listener.local_addr()?;
    let mut config = Config::new(data, PublicUrl::parse(&format!("http://{at}"))?);
    config.allow_local_claims = true;
    // All that `deedbox` has: its fsck looks at the rows of each.
    let mut projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Catalog)];
    projections.extend(ecosystems::projections());
    let mut views: Vec<Arc<dyn View>> = vec![Arc::new(Catalog)];
    views.extend(ecosystems::views());
    let parts = Parts {
        dialects: ecosystems::dialects(),
        projections,
        views,
        signers: ecosystems::signers(),
        policy: Arc::new(deedbox_server::Open),
        deciders: deedbox_authority::DECIDERS,
        look: None,
        probe: Arc::new(probe),
        progress: Arc::new(|_, _| {}),
    };
    let server = Server::open(config, parts).await?;
    let mut out = std::io::stdout();
    writeln!(out, "{at}")?;
    out.flush()?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    server
        .run(listener, async move {
            terminate.recv().await;
        })
        .await?;
    Ok(())
}
