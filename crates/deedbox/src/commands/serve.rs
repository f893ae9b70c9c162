//! `deedbox serve`: a registry on this machine. Puts the ecosystems and views together; the rest is the server's.

use crate::args::Serve;
use crate::context::dialects;
use crate::failure::{refused, wrong};
use crate::terminal;
use deedbox_catalog::Catalog;
use deedbox_ledger::NoProbe;
use deedbox_model::Origin;
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

/// Structured lines on standard error; `RUST_LOG` chooses which.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process changes nothing.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| terminal::LogLines).try_init();
}

fn cannot_listen(at: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            refused(format!("something listens on {at} already: choose another address with --listen, or stop the other program"))
        }
        _ => refused(format!("cannot listen on {at}: {error}")),
    }
}
