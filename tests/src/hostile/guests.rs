//! The hostile ones. Each connection does one thing until it is hung up on, and then comes again.

use super::Target;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

/// What one does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Announces a body and sends a little of it.
    Bodies,
    /// The same with an upload and no permit.
    UploadsWithout,
    /// The same with one.
    UploadsWith,
    /// Sends ten kilobytes that unpack to more than is taken.
    Bombs,
    /// Asks for a page of events and takes nothing.
    Answers,
    /// Asks for many proofs and takes nothing.
    Proofs,
    /// Asks for a large object and takes nothing.
    Downloads,
    /// Sends a head, a byte at a time.
    Heads,
}

impl Kind {
    pub(crate) const ALL: [Kind; 8] =
        [Kind::Bodies, Kind::UploadsWithout, Kind::UploadsWith, Kind::Bombs, Kind::Answers, Kind::Proofs, Kind::Downloads, Kind::Heads];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Bodies => "bodies that do not end",
            Kind::UploadsWithout => "uploads without a permit",
            Kind::UploadsWith => "uploads that do not end",
            Kind::Bombs => "gzip bombs",
            Kind::Answers => "slow readers of pages",
            Kind::Proofs => "slow readers of proofs",
            Kind::Downloads => "slow readers of downloads",
            Kind::Heads => "slow heads",
        }
    }
}

/// Counts connections.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connected(Arc<AtomicUsize>);

impl Connected {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Time between being hung up on and coming again.
const AGAIN: Duration = Duration::from_millis(200);
/// A byte at a time is one in so long.
const A_BYTE: Duration = Duration::from_secs(1);

/// Comes, and comes again, until it is aborted.
pub(crate) async fn stay(target: Target, kind: Kind, n: usize, connected: Connected) {
    loop {
        if let Some(mut stream) = connect(&target).await {
            connected.0.fetch_add(1, Ordering::Relaxed);
            // Whatever comes of it: the registry may hang up at any moment.
            let _ = visit(&target, kind, n, &mut stream).await;
        }
        sleep(AGAIN).await;
    }
}

async fn connect(target: &Target) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_recv_buffer_size(4_096).ok()?;
    socket.connect(target.address).await.ok()
}

async fn visit(target: &Target, kind: Kind, n: usize, stream: &mut TcpStream) -> std::io::Result<()> {
    let post = |path: &str, more: &str, length: usize| {
        format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/cose\r\n{more}content-length: {length}\r\n\r\n")
    };
    match kind {
        Kind::Bodies => {
            let (path, length, sent) = match n % 4 {
                0 => ("/api/v1/events", 60_000, 1),
                1 => ("/api/v1/proofs", 1 << 20, 200_000),
                2 => ("/npm/-/npm/v1/security/audits/quick", 1 << 20, 200_000),
                _ => ("/npm/@hostile.localhost%2fwidget", 64 << 20, 500_000),
            };
            stream.write_all(post(path, "", length).as_bytes()).await?;
            stream.write_all(&vec![b' '; sent]).await?;
            trickle(stream).await
        }
        Kind::UploadsWithout => {
            stream.write_all(put(n, "", 1 << 20).as_bytes()).await?;
            stream.write_all(&[0; 1_000]).await?;
            trickle(stream).await
        }
        Kind::UploadsWith => {
            let permit = target.publisher.permit().unwrap_or_default();
            stream.write_all(put(n, &format!("authorization: {permit}\r\n"), 1 << 20).as_bytes()).await?;
            stream.write_all(&vec![0; 500_000]).await?;
            trickle(stream).await
        }
        Kind::Bombs => {
            let bomb = bomb();
            let kind = if n.is_multiple_of(2) { "audits/quick" } else { "advisories/bulk" };
            let path = format!("/npm/-/npm/v1/security/{kind}");
            loop {
                stream.write_all(post(&path, "content-encoding: gzip\r\n", bomb.len()).as_bytes()).await?;
                stream.write_all(bomb).await?;
                let mut answer = [0; 2_048];
                if stream.read(&mut answer).await? == 0 {
                    return Ok(());
                }
            }
        }
        Kind::Answers => {
            let path = format!("/api/v1/events?from={}&limit=1000", n % 100);
            stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await?;
            take_nothing(stream).await
        }
        Kind::Proofs => {
            stream.write_all(post("/api/v1/proofs", "", target.question.len()).as_bytes()).await?;
            stream.write_all(target.question.as_bytes()).await?;
            take_nothing(stream).await
        }
        Kind::Downloads => {
            stream.write_all(format!("GET {} HTTP/1.1\r\nhost: x\r\n\r\n", target.large).as_bytes()).await?;
            take_nothing(stream).await
        }
        Kind::Heads => {
            stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nx: ").await?;
            trickle(stream).await
        }
    }
}

fn put(n: usize, permit: &str, length: usize) -> String {
    format!("PUT /objects/sha256/{n:064x} HTTP/1.1\r\nhost: x\r\n{permit}content-length: {length}\r\n\r\n")
}

/// Sends a byte now and then, until the other side ends.
async fn trickle(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut answer = [0; 512];
    loop {
        match timeout(A_BYTE, stream.read(&mut answer)).await {
            Ok(Ok(0)) => return Ok(()),
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => stream.write_all(b"x").await?,
        }
    }
}

/// Takes a byte now and then, until the other side ends.
async fn take_nothing(stream: &mut TcpStream) -> std::io::Result<()> {
    loop {
        sleep(A_BYTE).await;
        if stream.read(&mut [0]).await? == 0 {
            return Ok(());
        }
    }
}

/// Zeros that unpack to a byte more than eight mebibytes.
fn bomb() -> &'static [u8] {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    BOMB.get_or_init(|| {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        // Writing to memory does not fail; without a bomb the kind sends nothing.
        let _ = packed.write_all(&vec![0; (8 << 20) + 1]);
        packed.finish().unwrap_or_default()
    })
}
