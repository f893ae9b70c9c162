//! `deedbox serve`: a registry on this machine. Puts the ecosystems and views together; the rest is the server's.

use crate::args::Serve;
use crate::ecosystems::Ecosystems;
use crate::failure::{refused, wrong};
use crate::home::now;
use crate::looking::Looking;
use crate::reading::read_file;
use crate::{access_log, dns_anchors, small_pages, suffix_list, terminal};
use deedbox_catalog::Catalog;
use deedbox_ledger::NoProbe;
use deedbox_lookout::{BadSettings, Settings};
use deedbox_model::time::DAY_MS;
use deedbox_model::{Origin, TimeMs};
use deedbox_pages::Pages;
use deedbox_server::{Config, Look, OpenError, Parts, PublicUrl, Server};
use deedbox_store::StoreError;
use deedbox_view::{Projection, View};
use std::future::Future;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Bytes of the certificates of authorities: those of all the world's have 250 KB.
const ROOTS_BYTES: u64 = 1024 * 1024;

pub(crate) async fn run(args: Serve) -> anyhow::Result<()> {
    if args.allow_local_claims && !args.listen.ip().is_loopback() {
        return Err(wrong(format!(
            "--allow-local-claims lets everyone who reaches {} claim names below localhost: listen on 127.0.0.1 or [::1] with it, or leave it out",
            args.listen
        )));
    }
    small_pages::only();
    log_to_stderr();
    let access = args.access_log.as_deref().map(access_log::open).transpose()?;
    let listener = TcpListener::bind(args.listen).await.map_err(|e| cannot_listen(args.listen, &e))?;
    let at = listener.local_addr()?;
    let asked_url = args.public_url.is_some();
    let public_url = args.public_url.unwrap_or_else(|| format!("http://{at}"));
    let mut config = Config::new(args.data, PublicUrl::parse(&public_url).map_err(|e| wrong(e.to_string()))?);
    config.origin = args.origin.map(|origin| Origin::parse(&origin)).transpose().map_err(|e| wrong(e.to_string()))?;
    config.allow_local_claims = args.allow_local_claims;
    config.read_only = args.read_only;
    config.accept_clock = args.accept_clock.map(|date| is_today(&date, now())).transpose()?.is_some();
    if let Some(name) = &args.client_address_header {
        config.set_client_address_header(name).map_err(|e| wrong(e.to_string()))?;
    }
    config.suffixes = args.public_suffixes.as_deref().map(suffix_list::read).transpose()?;
    config.dns_anchors = args.dns_anchors.as_deref().map(dns_anchors::read).transpose()?;
    let data = std::path::absolute(&config.data)?;
    let look = looking(&args.resolver, args.claim_roots.as_deref(), args.allow_private_addresses, args.claim_port)?;
    let mut server = open(config, look).await?;
    if let Some(access) = access {
        server.log_access(access);
    }
    let start = Start { server: &server, data: &data, public_url: &public_url, asked_url, at, local_claims: args.allow_local_claims };
    for line in start.lines() {
        terminal::say_line(&line);
    }
    serve(server, listener, stopped()).await
}

/// What a start has to say.
struct Start<'a> {
    server: &'a Server,
    data: &'a Path,
    public_url: &'a str,
    /// Whether the public URL was given.
    asked_url: bool,
    at: SocketAddr,
    local_claims: bool,
}

impl Start<'_> {
    /// One screen.
    fn lines(&self) -> Vec<String> {
        let Start { server, data, public_url, at, .. } = self;
        let origin = server.origin();
        let mut lines = vec![format!("{origin} with {} entries, from {}", server.size(), data.display())];
        if server.is_new() {
            lines.push("  new        this start made the log and its keys".to_owned());
            lines.push(format!(
                "  name       it is called {origin} for ever: each statement and each proof says so. For another name, stop this one"
            ));
            lines.push("             and begin with --origin NAME or --public-url URL in another --data directory".to_owned());
            lines.push(format!("  operator   {}", data.join("keys/operator.pem").display()));
            lines.push("             signs claims of domains: keep a copy of it elsewhere, and show it to nobody".to_owned());
        }
        lines.push(format!("  log key    {}", server.vkey()));
        lines.push(format!("  publish    {}", self.how_to_publish()));
        if !self.asked_url && !at.ip().is_loopback() {
            lines.push(format!(
                "  warning    answers name {public_url} as this registry's address: give the one that clients use with --public-url"
            ));
        }
        lines.push(format!("  listening  {public_url} (on {at}); stop with Ctrl-C"));
        lines
    }

    fn how_to_publish(&self) -> String {
        let claim = match self.local_claims {
            true => "deedbox claim team.localhost".to_owned(),
            false => format!("deedbox claim DOMAIN --operator-key {}", self.data.join("keys/operator.pem").display()),
        };
        format!("export DEEDBOX_REGISTRY={}; deedbox keygen; {claim}; deedbox publish", self.public_url)
    }
}

/// What looks at domains that are claimed; none on a machine that knows of no name server, where none was given.
fn looking(
    resolvers: &[SocketAddr],
    roots: Option<&Path>,
    allow_private_addresses: bool,
    https_port: u16,
) -> anyhow::Result<Option<Arc<dyn Look>>> {
    let extra_roots = roots.map(|path| read_file(path, ROOTS_BYTES)).transpose()?.unwrap_or_default();
    let settings =
        Settings { resolvers: resolvers.to_vec(), extra_roots, allow_private_addresses, https_port, ..Settings::new(Vec::new()) };
    match Looking::new(settings) {
        Ok(looking) => Ok(Some(Arc::new(looking))),
        Err(error @ BadSettings::NoResolver { .. }) => {
            terminal::note(&format!("deedbox: no claim can rest on what this machine sees of a domain: {error} (--resolver ADDRESS)"));
            Ok(None)
        }
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Opens a registry with every ecosystem and view that this program has.
pub(crate) async fn open(config: Config, look: Option<Arc<dyn Look>>) -> anyhow::Result<Server> {
    open_with(config, Ecosystems::default(), look).await
}

/// The same with these ecosystems.
pub(crate) async fn open_with(config: Config, ecosystems: Ecosystems, look: Option<Arc<dyn Look>>) -> anyhow::Result<Server> {
    let bar = Arc::new(terminal::count_bar(0, "folding the log"));
    let shown = Arc::clone(&bar);
    let mut projections: Vec<Arc<dyn Projection>> = vec![Arc::new(Catalog)];
    projections.extend(ecosystems.projections());
    let mut views: Vec<Arc<dyn View>> = vec![Arc::new(Pages::new(ecosystems.dialects()))];
    views.extend(ecosystems.views());
    let parts = Parts {
        dialects: ecosystems.dialects(),
        projections,
        views,
        signers: ecosystems.signers(),
        policy: Arc::new(deedbox_server::Open),
        deciders: deedbox_authority::DECIDERS,
        look,
        probe: Arc::new(NoProbe),
        progress: Arc::new(move |done, all| {
            shown.set_length(all);
            shown.set_position(done);
        }),
    };
    let data = config.data.display().to_string();
    let server = Server::open(config, parts).await.map_err(|error| cannot_open(&data, error))?;
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
/// a unit file, and a person who types it has looked at a calendar.
fn is_today(date: &str, now: TimeMs) -> anyhow::Result<()> {
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

/// Structured lines on standard error, without colours: whatever a terminal would obey in them is a stranger's. `RUST_LOG` chooses which.
fn log_to_stderr() {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    // A second call in one process changes nothing.
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| terminal::LogLines).try_init();
}

fn cannot_listen(at: SocketAddr, error: &std::io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::AddrInUse => {
            refused(format!("something listens on {at} already: choose another address with --listen, or stop the other program"))
        }
        ErrorKind::AddrNotAvailable => {
            refused(format!("this machine has no address {}: choose one of its own with --listen, or 0.0.0.0 for all of them", at.ip()))
        }
        ErrorKind::PermissionDenied => refused(format!(
            "this user may not listen on port {}: choose one from 1024 up with --listen, and let a proxy stand in front of it",
            at.port()
        )),
        _ => refused(format!("cannot listen on {at}: {error}")),
    }
}

/// What a start says when the data directory does not open. Words that say by themselves what to do get nothing more.
fn cannot_open(data: &str, error: OpenError) -> anyhow::Error {
    let is_of_the_disk =
        matches!(&error, OpenError::Store(StoreError::Medium { .. }) | OpenError::File { .. } | OpenError::NoFolder { .. });
    let words = deedbox_store::InFull(&error).to_string();
    if is_of_the_disk && words.contains("ermission denied") {
        return refused(format!(
            "{words}; {data} and all below it must belong to the user that runs deedbox: look with ls -ld, repair it with chown"
        ));
    }
    error.into()
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
