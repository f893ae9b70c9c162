//! The connection loop and the end of it (spec/api.md §8): stop accepting, finish what is under way, let go of the ledger,
//! wait for the writer and the replayer, close the stores.

use crate::access::{AccessSink, Accessed};
use crate::bounds::Bounds;
use crate::config::Times;
use crate::dispatch::Dispatch;
use crate::error::Unfinished;
use crate::files::files_for;
use crate::limits::{CONNECTIONS_PER_REQUEST, HEADER_BYTES, HEADER_LINES, OTHER_FILES};
use crate::meters::UPKEEP_EVERY;
use crate::open::Server;
use crate::peers::{Connected, Peers};
use crate::stall::{Patience, Patient};
use crate::sweep;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

impl Server {
    /// Serves until `shutdown` is done and all that was under way is finished, for which there is `Times::stop`.
    pub async fn run(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), Unfinished> {
        let Server { app, tasks, stores, access, clerk, .. } = self;
        let sweeper = tokio::spawn(sweep::run(Arc::clone(&app.taking)));
        let keeper = tokio::spawn(keep_up(Arc::clone(&app.bounds)));
        let watched = Arc::clone(&app.taking.clock);
        let clock = tokio::spawn(async move { watched.run().await });
        let dispatch = Arc::new(Dispatch::new(&app, clerk));
        // As many connections, and as many files that are read for them.
        let most = app.max_requests.saturating_mul(CONNECTIONS_PER_REQUEST);
        files_for(most, OTHER_FILES);
        let (peers, times) = (Arc::clone(&app.bounds.peers), app.bounds.times);
        accept(listener, dispatch, access, peers, times, shutdown, || app.taking.writing.begin_to_stop()).await;

        keeper.abort();
        clock.abort();
        sweeper.abort();
        // A sweep that was cut off lets go of the stores before they are closed.
        let _ = sweeper.await;
        app.taking.writing.stop("stopping", "the registry is stopping".to_owned());
        let mut unfinished = false;
        for task in tasks {
            unfinished |= tokio::time::timeout(times.stop, task).await.is_err();
        }
        stores.close().await;
        if unfinished { Err(Unfinished(times.stop)) } else { Ok(()) }
    }
}

async fn keep_up(bounds: Arc<Bounds>) {
    loop {
        tokio::time::sleep(UPKEEP_EVERY).await;
        bounds.meters.upkeep();
    }
}

async fn accept(
    listener: TcpListener,
    dispatch: Arc<Dispatch>,
    access: Option<AccessSink>,
    peers: Arc<Peers>,
    times: Times,
    shutdown: impl Future<Output = ()>,
    stopping: impl FnOnce(),
) {
    let graceful = GracefulShutdown::new();
    let mut connections: JoinSet<()> = JoinSet::new();
    let (builder, patience) = (builder(times), Arc::new(Patience::new(times.stall, times.pace)));
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    // One too many, and nobody who gives way: this client finds the connection closed, and comes again.
                    let Some(connected) = peers.enter(client.ip()) else { continue };
                    // Small answers go out at once.
                    let _ = stream.set_nodelay(true);
                    let connected = Arc::new(connected);
                    let stream = Patient::new(stream, Arc::clone(&connected), Arc::clone(&patience));
                    let access = access.clone().map(|sink| (sink, client.ip().to_canonical()));
                    connections.spawn(connection(&builder, &graceful, stream, connected, Arc::clone(&dispatch), access));
                }
                // Too many open files, as a rule: those under way end, and then there is room again.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
        }
    }
    stopping();
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(times.stop) => tracing::warn!(connections = connections.len(), "cut off what did not finish in time"),
    }
    connections.shutdown().await;
}

fn connection(
    builder: &auto::Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    stream: Patient,
    connected: Arc<Connected>,
    dispatch: Arc<Dispatch>,
    access: Option<(AccessSink, IpAddr)>,
) -> impl Future<Output = ()> + Send + 'static {
    let of = Arc::clone(&connected);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (dispatch, of) = (Arc::clone(&dispatch), Arc::clone(&of));
        let accessed = access.clone().map(|(sink, client)| Accessed::new(sink, client, &request));
        async move {
            let response = dispatch.call(request.map(Body::new), &of.peer).await;
            Ok::<_, Infallible>(match accessed {
                Some(accessed) => accessed.answered(response),
                None => response,
            })
        }
    });
    let serving = builder.serve_connection(TokioIo::new(stream), service).into_owned();
    let serving = graceful.watch(serving);
    async move {
        tokio::select! {
            served = serving => if let Err(error) = served {
                tracing::debug!(error = %error, "a connection ended early");
            },
            () = connected.peer.closes() => tracing::debug!("a connection gave way to another one"),
        }
    }
}

fn builder(times: Times) -> auto::Builder<TokioExecutor> {
    // Proxies speak HTTP/1.1 to what is behind them. Over HTTP/2 a reader could hold a download for ever without stalling its
    // connection.
    let mut builder = auto::Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(times.header).max_headers(HEADER_LINES).max_buf_size(HEADER_BYTES);
    builder
}
