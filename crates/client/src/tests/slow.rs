//! Servers that answer too slowly, too much, or never: each call ends, in words, as something that cannot be reached (exit code 3).

use crate::http::{Registry, RegistryUrl, Rest};
use crate::pace::Patience;
use crate::{Class, ClientError};
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const WINDOW: Duration = Duration::from_millis(400);

fn patience() -> Patience {
    Patience { answer: WINDOW, window: WINDOW, upload_window: WINDOW, upload_answer: WINDOW, moved_bytes: 1_000, ..Patience::default() }
}

/// A server that does this with each connection.
async fn server<F>(behave: impl Fn(TcpStream) -> F + Send + 'static) -> Registry
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(behave(stream));
        }
    });
    Registry::with_patience(RegistryUrl::parse(&url).unwrap(), patience()).unwrap()
}

/// Writes bytes one by one, with a pause after each, for ever.
async fn trickle(stream: &mut TcpStream, beginning: &[u8], byte: u8) -> std::io::Result<()> {
    stream.write_all(beginning).await?;
    loop {
        stream.write_all(&[byte]).await?;
        tokio::time::sleep(WINDOW / 8).await;
    }
}

async fn asked(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

/// Every kind of call; each must end soon.
async fn every_call_ends(registry: &Registry) {
    let began = Instant::now();
    let bytes = AtomicU64::new(0);
    let body = futures::stream::repeat_with(|| std::io::Result::Ok(vec![0; 64 * 1024]));
    let rest = Rest { from: 0, size: 1 << 40, body: reqwest::Body::wrap_stream(body), taken: &bytes };
    let small = Rest { from: 7, size: 12, body: reqwest::Body::from("small"), taken: &AtomicU64::new(5) };
    let (get, post, once, there, head, download, put, patch) = tokio::join!(
        registry.get("a", 1 << 20),
        registry.post("a", "text/plain", b"question".to_vec(), 1 << 20),
        registry.post_once("a", "text/plain", b"question".to_vec(), 1 << 20),
        registry.get_json::<serde_json::Value>("a"),
        registry.has_object("a", "Deedbox x"),
        registry.download("a", 1 << 30, |_| Ok(())),
        registry.put("a", "Deedbox x", rest),
        registry.put("a", "Deedbox x", small),
    );
    // HEAD has no body that could be slow.
    let head = head.map_or_else(Some, |_| None);
    let errors: Vec<ClientError> =
        [get.err(), post.err(), once.err(), there.err(), download.err(), put.err(), patch.err(), head].into_iter().flatten().collect();
    assert!(errors.len() >= 6, "{errors:?}");
    for error in errors {
        assert_eq!(error.class(), Class::Unreachable, "{error}");
        assert!(matches!(error, ClientError::TooSlow { .. } | ClientError::BrokenOff { .. } | ClientError::Unreachable { .. }), "{error}");
    }
    assert!(began.elapsed() < 8 * WINDOW, "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_never_answers_holds_nobody() {
    let silent = server(async |mut stream: TcpStream| {
        let mut taken = vec![0; 64 * 1024];
        while stream.read(&mut taken).await? > 0 {}
        Ok(())
    })
    .await;
    // What it is sent is read as fast as it comes, and that is not an answer: an upload of a tebibyte would go on, and is left out.
    let began = Instant::now();
    for error in [silent.get("a", 1).await.unwrap_err(), silent.post_once("a", "text/plain", vec![1], 1).await.unwrap_err()] {
        assert!(matches!(error, ClientError::TooSlow { .. }), "{error}");
        assert!(error.to_string().contains("no answer within"), "{error}");
    }
    let small = Rest { from: 7, size: 12, body: reqwest::Body::from("small"), taken: &AtomicU64::new(5) };
    assert!(matches!(silent.put("a", "Deedbox x", small).await, Err(ClientError::TooSlow { .. })));
    assert!(began.elapsed() < 8 * WINDOW);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_answers_a_byte_now_and_then_holds_nobody() {
    // In the first line, in the headers, in the body, in a chunk's length; and one that reads nothing.
    for beginning in [
        "H",
        "HTTP/1.1 200 OK\r\nx: ",
        "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let slow = server(move |mut stream: TcpStream| async move {
            asked(&mut stream).await?;
            trickle(&mut stream, beginning.as_bytes(), b'1').await
        })
        .await;
        if beginning.contains("200 OK\r\nx") || beginning.len() == 1 {
            every_call_ends(&slow).await;
        } else {
            let began = Instant::now();
            for error in [slow.get("a", 1 << 20).await.unwrap_err(), slow.download("a", 1 << 30, |_| Ok(())).await.unwrap_err()] {
                assert_eq!(error.class(), Class::Unreachable, "{error}");
            }
            assert!(began.elapsed() < 8 * WINDOW);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_fast_before_buys_no_time_afterwards() {
    let slow = server(async |mut stream: TcpStream| {
        asked(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n").await?;
        stream.write_all(&vec![1; 1_000_000]).await?;
        trickle(&mut stream, b"", 1).await
    })
    .await;
    let (began, mut seen) = (Instant::now(), 0);
    let error = slow.download("a", 1 << 30, |piece| {
        seen += piece.len();
        Ok(())
    });
    let error = error.await.unwrap_err();
    assert!(matches!(&error, ClientError::TooSlow { why, .. } if why.contains("bytes moved in")), "{error}");
    assert!(seen >= 1_000_000 && began.elapsed() < 8 * WINDOW);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_stops_reading_an_upload_is_given_up_and_one_that_reads_slowly_is_not() {
    let deaf = server(async |mut stream: TcpStream| {
        asked(&mut stream).await?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(())
    })
    .await;
    every_call_ends(&deaf).await;

    // Longer than any window, at more than the least pace.
    let slow = server(async |mut stream: TcpStream| {
        asked(&mut stream).await?;
        let (mut left, mut piece) = (20_000_000_usize, vec![0; 1_000_000]);
        while left > 0 {
            let most = left.min(piece.len());
            left -= stream.read(&mut piece[..most]).await?;
            tokio::time::sleep(WINDOW / 20).await;
        }
        stream.write_all(b"HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n").await
    })
    .await;
    let taken = std::sync::Arc::new(AtomicU64::new(0));
    let counted = std::sync::Arc::clone(&taken);
    let pieces = futures::stream::iter((0..2_000).map(move |_| {
        counted.fetch_add(10_000, std::sync::atomic::Ordering::Relaxed);
        std::io::Result::Ok(vec![7; 10_000])
    }));
    let rest = Rest { from: 0, size: 20_000_000, body: reqwest::Body::wrap_stream(pieces), taken: &taken };
    slow.put("a", "Deedbox x", rest).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_is_cut_off_at_its_limit() {
    let endless = server(async |mut stream: TcpStream| {
        asked(&mut stream).await?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await?;
        loop {
            stream.write_all(&[b' '; 64 * 1024]).await?;
        }
    })
    .await;
    for error in [
        endless.get("a", 1 << 20).await.unwrap_err(),
        endless.post("a", "text/plain", vec![], 1 << 20).await.unwrap_err(),
        endless.post_once("a", "text/plain", vec![], 1 << 20).await.unwrap_err(),
        endless.get_json::<serde_json::Value>("a").await.unwrap_err(),
        endless.download("a", 1 << 20, |_| Ok(())).await.map(|_| ()).unwrap_err(),
    ] {
        assert!(matches!(&error, ClientError::Answer { why, .. } if why.contains("more than")), "{error}");
    }
}
