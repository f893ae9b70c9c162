//! `deedbox serve`: a registry on this machine. Puts the ecosystems and views together; the rest is the server's.

use crate::args::Serve;
use crate::context::dialects;
use crate::failure::{refused, wrong};
use crate::home::now;
use crate::terminal;
use deedbox_catalog::Catalog;
use deedbox_ledger::NoProbe;
use deedbox_model::{Origin, TimeMs};
use deedbox_npm::RegistrySigner;
use deedbox_server::{Config, MakeSigner, Parts, PublicUrl, Server};
use deedbox_view::SiteSigner;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

pub(crate) async fn run(args: Serve) -> anyhow::Result<()> {
    if args.allow_local_claims && !args.listen.ip().is_loopback() {
        return Err(wrong(format!(
            "--allow-local-claims lets everyone who reaches {} claim names below localhost: listen on 127.0.0.1 or [::1] with it, or leave it out",
            args.listen
        )));
    }
    log_to_stderr();
    let listener = TcpListener::bind(args.listen).await.map_err(|e| cannot_listen(args.listen, &e))?;
    let at = listener.local_addr()?;
    let public_url = args.public_url.unwrap_or_else(|| format!("http://{at}"));
    let mut config = Config::new(args.data, PublicUrl::parse(&public_url).map_err(|e| wrong(e.to_string()))?);
    config.origin = args.origin.map(|origin| Origin::parse(&origin)).transpose().map_err(|e| wrong(e.to_string()))?;
    config.allow_local_claims = args.allow_local_claims;
    config.read_only = args.read_only;
    config.accept_clock = args.accept_clock.map(|date| is_today(&date, now())).transpose()?.is_some();
    let data = config.data.display().to_string();
    let server = open(config).await?;
    terminal::say(&format!("{} with {} entries, from {data}", server.origin(), server.size()));
    terminal::say(&format!("  log key    {}", server.vkey()));
    terminal::say(&format!("  listening  {public_url} (on {at}); stop with Ctrl-C"));
    serve(server, listener, stopped()).await
}

/// Opens a registry with every ecosystem and view that this program has.
pub(crate) async fn open(config: Config) -> anyhow::Result<Server> {
    let make: MakeSigner = Arc::new(|seed| RegistrySigner::from_scalar(seed).ok().map(|signer| Arc::new(signer) as Arc<dyn SiteSigner>));
    let bar = Arc::new(terminal::count_bar(0, "folding the log"));
    let shown = Arc::clone(&bar);
    let parts = Parts {
        dialects: dialects(),
        projections: vec![Arc::new(Catalog)],
        signers: vec![(deedbox_npm::PROJECTION, make)],
        probe: Arc::new(NoProbe),
        progress: Arc::new(move |done, all| {
            shown.set_length(all);
            shown.set_position(done);
        }),
    };
    let server = Server::open(config, parts).await?;
    bar.finish_and_clear();
    Ok(server)
}

/// Serves until told to stop.
pub(crate) async fn serve(server: Server, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> anyhow::Result<()> {
    server.run(listener, stop).await?;
    Ok(())
}

/// Ctrl-C, or a service manager's request to stop.
pub(crate) async fn stopped() {
    #[cfg(unix)]
    {
        let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
            let _ = tokio::signal::ctrl_c().await;
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

/// That a date which a person gives is today's by this machine's clock, somewhere on earth. A date, and not a word alone: it goes stale in
/// a unit file, and whoever types it has looked at a calendar.
fn is_today(date: &str, now: TimeMs) -> anyhow::Result<()> {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let yesterday = TimeMs::new(now.as_ms().saturating_sub(DAY_MS)).unwrap_or_default();
    let days = [yesterday, now, now.plus_ms(DAY_MS)].map(|day| day.to_rfc3339());
    if days.iter().any(|day| day.split_once('T').is_some_and(|(day, _)| day == date)) {
        return Ok(());
    }
    if date.len() != 10 || !date.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return Err(wrong(format!(
            "--accept-clock takes today's date, like 2026-11-29, not {:?}",
            date.chars().take(40).collect::<String>()
        )));
    }
    Err(refused(format!(
        "this machine's clock says {}, and you say {date}: set the clock, then start again without --accept-clock",
        now.to_rfc3339()
    )))
}

/// Structured lines on standard error; `RUST_LOG` chooses which.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process changes nothing.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}

fn cannot_listen(at: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            refused(format!("something listens on {at} already: choose another address with --listen, or stop the other program"))
        }
        _ => refused(format!("cannot listen on {at}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_accepted_for_the_day_that_a_person_names() {
        // 2026-11-29T12:00:00Z.
        let now = TimeMs::new(1_795_953_600_000).unwrap();
        assert!(now.to_rfc3339().starts_with("2026-11-29T12"), "{}", now.to_rfc3339());
        for date in ["2026-11-28", "2026-11-29", "2026-11-30"] {
            is_today(date, now).unwrap();
        }
        for (date, words) in
            [("2025-11-29", "you say 2025-11-29"), ("2026-11-27", "set the clock"), ("yes", "takes today's date"), ("", "takes")]
        {
            let refused = is_today(date, now).unwrap_err().to_string();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
