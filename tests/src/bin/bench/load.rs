//! Load: `wrk` for reading, and publishers of our own for appending, which keep their connections and wait for each answer.

use crate::Bench;
use crate::machine::{Quiet, Watch, percentile};
use crate::process::Server;
use anyhow::{Context as _, bail, ensure};
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What a run of `wrk` came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    /// Requests a second.
    pub(crate) rate: f64,
    /// Microseconds of the server's CPU for each.
    pub(crate) cpu_us: f64,
    pub(crate) quiet: Quiet,
}

/// One thread, 32 connections, ten seconds, after a second to warm up.
pub(crate) fn wrk(bench: &Bench, server: &Server, path: &str) -> anyhow::Result<Read> {
    wrk_with(bench, server, path, &[])
}

/// The same with some headers, as `Name: value`.
pub(crate) fn wrk_with(bench: &Bench, server: &Server, path: &str, headers: &[&str]) -> anyhow::Result<Read> {
    let url = format!("{}{path}", server.url);
    run_wrk(&url, 1, headers)?;
    let watch = Watch::start()?;
    let before = server.cpu()?;
    let (requests, rate) = run_wrk(&url, bench.pick(3, 10), headers)?;
    let cpu = server.cpu()? - before;
    Ok(Read { rate, cpu_us: cpu * 1e6 / requests, quiet: watch.so_far()? })
}

fn run_wrk(url: &str, seconds: u64, headers: &[&str]) -> anyhow::Result<(f64, f64)> {
    let duration = format!("-d{seconds}s");
    let output = Command::new("wrk")
        .args(["-t1", "-c32", &duration, "--timeout", "30s", "--latency"])
        .args(headers.iter().flat_map(|header| ["-H", header]))
        .arg(url)
        .output()
        .context("wrk cannot be started")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "wrk failed: {said}{}", String::from_utf8_lossy(&output.stderr));
    ensure!(!said.contains("Non-2xx") && !said.contains("Socket errors"), "{url} did not answer well under load: {said}");
    let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
    let requests = said.lines().find_map(|line| line.split_once(" requests in ").and_then(|(count, _)| number(Some(count))));
    let rate = said.lines().find_map(|line| number(line.strip_prefix("Requests/sec:")));
    match (requests, rate) {
        (Some(requests), Some(rate)) if requests > 0.0 => Ok((requests, rate)),
        _ => bail!("wrk says something else than expected: {said}"),
    }
}

/// How appending went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Appended {
    pub(crate) events: u64,
    pub(crate) connections: usize,
    pub(crate) seconds: f64,
    /// Microseconds of the server's CPU for each event.
    pub(crate) cpu_us: f64,
    /// Milliseconds to the answer.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) quiet: Quiet,
}

/// Each publisher on a connection of its own, all at once, the statements of each in order.
pub(crate) fn append_all(bench: &Bench, server: &Server, statements: Vec<Vec<Vec<u8>>>) -> anyhow::Result<Appended> {
    let at = server.url.trim_start_matches("http://").to_owned();
    let connections = statements.len();
    let watch = Watch::start()?;
    let before = server.cpu()?;
    let begun = Instant::now();
    let mut took = bench.wait(async {
        let publishers: Vec<_> = statements.into_iter().map(|own| tokio::spawn(append(at.clone(), own))).collect();
        let mut took = Vec::new();
        for publisher in publishers {
            took.extend(publisher.await??);
        }
        anyhow::Ok(took)
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    let cpu = server.cpu()? - before;
    took.sort_by(f64::total_cmp);
    let (p50_ms, p99_ms) = (percentile(&took, 0.5), percentile(&took, 0.99));
    let cpu_us = cpu * 1e6 / took.len().max(1) as f64;
    Ok(Appended { events: took.len() as u64, connections, seconds, cpu_us, p50_ms, p99_ms, quiet: watch.so_far()? })
}

/// Sends statements one after another on one connection; gives the milliseconds to each answer.
pub(crate) async fn append(at: String, statements: Vec<Vec<u8>>) -> anyhow::Result<Vec<f64>> {
    let mut stream = TcpStream::connect(&at).await?;
    stream.set_nodelay(true)?;
    let mut took = Vec::with_capacity(statements.len());
    let mut answer = Vec::with_capacity(4_096);
    for statement in statements {
        let head = format!(
            "POST /api/v1/events HTTP/1.1\r\nHost: {at}\r\nContent-Type: application/cose\r\nContent-Length: {}\r\n\r\n",
            statement.len()
        );
        let mut request = head.into_bytes();
        request.extend_from_slice(&statement);
        // A full pool asks to come back: so does a publisher.
        loop {
            let begun = Instant::now();
            stream.write_all(&request).await?;
            let status = read_answer(&mut stream, &mut answer).await?;
            match status.as_str() {
                "201" => took.push(begun.elapsed().as_secs_f64() * 1e3),
                "503" => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
                _ => bail!("a statement was answered with {}", String::from_utf8_lossy(&answer)),
            }
            break;
        }
    }
    Ok(took)
}

/// Reads one answer with a Content-Length; gives its status.
async fn read_answer(stream: &mut TcpStream, answer: &mut Vec<u8>) -> anyhow::Result<String> {
    answer.clear();
    loop {
        ensure!(stream.read_buf(answer).await? > 0, "the registry closed the connection");
        let Some(head) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(answer.get(..head).unwrap_or_default()).to_ascii_lowercase();
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:")).and_then(|n| n.trim().parse::<usize>().ok());
        let whole = head + 4 + length.context("an answer without a length")?;
        while answer.len() < whole {
            ensure!(stream.read_buf(answer).await? > 0, "the registry closed the connection");
        }
        return Ok(text.split_whitespace().nth(1).unwrap_or_default().to_owned());
    }
}
