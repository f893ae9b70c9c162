//! From a request to its answer: limits around every route, request ids, counting, logging, panics (spec/api.md §1, §8).

use crate::app::App;
use crate::limits::{HEADER_BYTES, SLOW};
use crate::meters::Kind;
use crate::refusal::Refused;
use crate::{claims, events, log_routes, many_proofs, objects, one_proof, projections, readiness, registry};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use hyper::body::{Frame, SizeHint};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;
use tower::ServiceExt as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Marks an answer whose body comes from the store while it is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Streams;

/// Every route of a registry.
pub(crate) struct Dispatch {
    app: Arc<App>,
    router: Router,
    /// Tells the request ids of this process from those of others.
    process: u32,
    next_id: AtomicU64,
}

impl Dispatch {
    pub(crate) fn new(app: Arc<App>) -> Self {
        let router = Router::new()
            .route("/log/{*path}", get(log_routes::get))
            .route("/api/v1/events", get(events::list).post(events::post))
            .route("/api/v1/events/{which}", get(events::get))
            .route("/api/v1/events/{which}/proof", get(one_proof::get))
            .route("/api/v1/proofs", post(many_proofs::post))
            .route("/api/v1/claims", post(claims::post))
            .route("/api/v1/registry", get(registry::get))
            .route("/objects/sha256/{address}", get(objects::route).put(objects::route).patch(objects::route))
            .route("/health", get(readiness::health))
            .route("/ready", get(readiness::ready))
            .route("/metrics", get(readiness::metrics))
            .fallback(nothing)
            .method_not_allowed_fallback(not_allowed)
            // Bodies have limits of their own, route by route.
            .layer(axum::extract::DefaultBodyLimit::disable())
            .with_state(Arc::clone(&app));
        let mut process = [0; 4];
        // Without randomness ids of two processes may be alike, which harms nobody.
        let _ = getrandom::fill(&mut process);
        Dispatch { app, router, process: u32::from_be_bytes(process), next_id: AtomicU64::new(0) }
    }

    /// Answers; never fails.
    pub(crate) async fn call(&self, request: Request<Body>) -> Response {
        let began = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let kind = kind_of(&method, uri.path());
        let id = format!("{:08x}-{:x}", self.process, self.next_id.fetch_add(1, Ordering::Relaxed));
        let mut response = match self.app.slots.try_acquire() {
            // hyper reads a little more than it is told to.
            Ok(_) if head_bytes(&request) > HEADER_BYTES => self.refuse(&uri, Refused::head_too_large()),
            Ok(_slot) => {
                let answer = AssertUnwindSafe(self.route(kind, request)).catch_unwind().await;
                let response = answer.unwrap_or_else(|_| {
                    tracing::error!(id, %method, path = shown(&uri), "a handler panicked; the request was answered with 500");
                    self.refuse(&uri, Refused::internal())
                });
                if response.extensions().get::<Streams>().is_some() { self.hold(&uri, response) } else { response }
            }
            // An operator's questions are answered however busy it is.
            Err(_) if matches!(uri.path(), "/health" | "/ready" | "/metrics") => self.route(kind, request).await,
            Err(_) => self.busy(&uri),
        };
        let (took, status) = (began.elapsed(), response.status());
        self.app.meters.count(kind, status, took);
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if status.is_server_error() {
            tracing::warn!(id, %method, path = shown(&uri), status = status.as_u16(), took_ms, "failed");
        } else if took >= SLOW && kind != Kind::Upload {
            tracing::warn!(id, %method, path = shown(&uri), status = status.as_u16(), took_ms, "slow");
        } else if matches!(kind, Kind::Append | Kind::Upload) {
            tracing::info!(id, %method, path = shown(&uri), status = status.as_u16(), took_ms, "write");
        } else {
            tracing::debug!(id, %method, path = shown(&uri), status = status.as_u16(), took_ms, "answered");
        }
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        response
    }

    /// A refusal in the shape that whoever asks below this path reads.
    fn refuse(&self, uri: &Uri, refused: Refused) -> Response {
        match self.app.mounts.find(uri.path()) {
            Some((mount, _)) => mount.refuse(&refused),
            None => refused.into_response(),
        }
    }

    fn busy(&self, uri: &Uri) -> Response {
        self.app.meters.busy.increment(1);
        self.refuse(uri, Refused::unavailable("busy", "too many requests are under way"))
    }

    fn timed_out(&self, kind: Kind) -> Response {
        let words = match kind {
            Kind::Append => "it may have been appended and may not: send the same bytes again",
            _ => "it took too long",
        };
        Refused::timed_out(self.app.config.times.answer, words).into_response()
    }

    /// Lets an answer go that is sent while it is read, if not too many are.
    fn hold(&self, uri: &Uri, response: Response) -> Response {
        match Arc::clone(&self.app.downloads).try_acquire_owned() {
            Ok(slot) => response.map(|body| Body::new(Held { body, _slot: slot })),
            Err(_) => self.busy(uri),
        }
    }

    async fn route(&self, kind: Kind, request: Request<Body>) -> Response {
        // Mounts first: most requests are theirs. The path is copied because the request is given away.
        if kind == Kind::Projection || kind == Kind::Other {
            let uri = request.uri().clone();
            if let Some((mount, rest)) = self.app.mounts.find(uri.path()) {
                return projections::answer(&self.app, mount, rest, request).await;
            }
        }
        let answer = self.router.clone().oneshot(request);
        let answer = match kind {
            // As long as bytes come; each wait has its own limit.
            Kind::Upload => answer.await,
            _ => match tokio::time::timeout(self.app.config.times.answer, answer).await {
                Ok(answer) => answer,
                Err(_) => return self.timed_out(kind),
            },
        };
        answer.unwrap_or_else(|never| match never {})
    }
}

/// Bytes of request line and headers, about as they came.
fn head_bytes(request: &Request<Body>) -> usize {
    let uri = request.uri();
    let line = uri.path().len() + uri.query().map_or(0, str::len) + 16;
    request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + line
}

fn kind_of(method: &Method, path: &str) -> Kind {
    if path.starts_with("/log/") {
        Kind::Log
    } else if path.starts_with("/objects/") {
        if method == Method::PUT || method == Method::PATCH { Kind::Upload } else { Kind::Objects }
    } else if let Some(rest) = path.strip_prefix("/api/v1/") {
        match rest {
            "events" | "claims" if method == Method::POST => Kind::Append,
            _ if rest.starts_with("events") || rest == "proofs" => Kind::Events,
            "registry" | "claims" => Kind::Other,
            _ => Kind::Projection,
        }
    } else if matches!(path, "/health" | "/ready" | "/metrics") {
        Kind::Other
    } else {
        Kind::Projection
    }
}

fn shown(uri: &Uri) -> &str {
    let path = uri.path();
    path.get(..200).unwrap_or(path)
}

async fn nothing(uri: Uri) -> Refused {
    Refused::not_found(format!("nothing is served at {:?}", crate::events::shortened(uri.path())))
}

async fn not_allowed(method: Method) -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("{method} does nothing here"))
}

/// A body that keeps its place among the downloads.
struct Held {
    body: Body,
    _slot: OwnedSemaphorePermit,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
