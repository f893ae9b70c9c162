//! From a request to its answer: limits around every route, request ids, counting, logging, panics (spec/api.md §1, §8).

use crate::app::App;
use crate::body::Sender;
use crate::bounds::Bounds;
use crate::budget::{Share, carried};
use crate::clerk::Clerk;
use crate::gate::make_private;
use crate::host;
use crate::limits::{HEADER_BYTES, SLOW, UNWEIGHED_BYTES};
use crate::marks::{is_streamed, is_weighed};
use crate::meters::Kind;
use crate::peers::{Address, Peer};
use crate::refusal::Refused;
use crate::request::shortened;
use crate::views::Views;
use crate::{can, claims, events, log_routes, many_proofs, objects, one_proof, projections, readiness, registry, uploads};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use hyper::body::{Body as _, Frame, SizeHint};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::sync::SemaphorePermit;
use tower::ServiceExt as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Every route of a registry.
pub(crate) struct Dispatch {
    views: Arc<Views>,
    bounds: Arc<Bounds>,
    /// The header in which a proxy on this machine says who asks.
    client_address_header: Option<HeaderName>,
    router: Router,
    /// Tells the request ids of this process from those of others.
    process: u32,
    next_id: AtomicU64,
}

impl Dispatch {
    pub(crate) fn new(app: &App, clerk: Arc<Clerk>) -> Self {
        let mut process = [0; 4];
        // Without randomness ids of two processes may be alike, which harms nobody.
        let _ = getrandom::fill(&mut process);
        Dispatch {
            views: Arc::clone(&app.views),
            bounds: Arc::clone(&app.bounds),
            client_address_header: app.client_address_header.clone(),
            router: router(app, clerk),
            process: u32::from_be_bytes(process),
            next_id: AtomicU64::new(0),
        }
    }

    /// Answers; never fails.
    pub(crate) async fn call(&self, mut request: Request<Body>, peer: &Peer) -> Response {
        peer.begin();
        let began = Instant::now();
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let kind = kind_of(&method, uri.path());
        let id = format!("{:08x}-{:x}", self.process, self.next_id.fetch_add(1, Ordering::Relaxed));
        let is_reading = matches!(method, Method::GET | Method::HEAD);
        let reader = self.views.gate.reader(request.headers());
        if !reader.is_anybody() {
            request.extensions_mut().insert(reader.clone());
        }
        let mut response = match check(&request) {
            Err(refused) => self.refuse(&uri, refused),
            Ok(()) => {
                if !is_reading {
                    let sender = Sender(self.address(peer, request.headers()));
                    request.extensions_mut().insert(sender);
                }
                let answer = AssertUnwindSafe(self.route(kind, request)).catch_unwind().await;
                let response = answer.unwrap_or_else(|_| {
                    tracing::error!(id, %method, path = shown(&uri), "a handler panicked; the request was answered with 500");
                    self.refuse(&uri, Refused::internal())
                });
                if is_streamed(&response) { self.hold(&uri, response).await } else { response }
            }
        };
        if !reader.is_anybody() {
            make_private(&mut response);
        }
        if !is_reading && response.headers().contains_key(header::CONNECTION) {
            peer.linger();
        }
        peer.done();
        let (took, status) = (began.elapsed(), response.status());
        self.bounds.meters.count(kind, status, took);
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
        response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if is_of_log(uri.path()) {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        response
    }

    /// On whose account a sender waits: who is connected, or whom its proxy on this machine names.
    fn address(&self, peer: &Peer, headers: &HeaderMap) -> Address {
        let named = self.client_address_header.as_ref().filter(|_| peer.ip.to_canonical().is_loopback());
        // The last one is the proxy's own word; those before it are whatever a client wrote.
        let last = named.and_then(|name| headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next());
        last.and_then(|last| last.trim().parse::<IpAddr>().ok()).unwrap_or(peer.ip).into()
    }

    /// A refusal in the shape that clients below this path read.
    fn refuse(&self, uri: &Uri, refused: Refused) -> Response {
        match self.views.mounts.find(uri.path()) {
            Some((mount, _)) => projections::refuse(&self.views, mount, &refused),
            None => refused.into_response(),
        }
    }

    fn timed_out(&self, kind: Kind) -> Response {
        let words = match kind {
            Kind::Append => "it may have been appended or not: send the same bytes again",
            _ => "it took too long",
        };
        Refused::timed_out(self.bounds.times.answer, words).into_response()
    }

    /// Lets an answer go that is sent while it is read, if not too many are. Where there are, those who take nothing of theirs give way.
    async fn hold(&self, uri: &Uri, response: Response) -> Response {
        let downloads = &self.bounds.places.downloads;
        let slot = match Arc::clone(downloads).try_acquire_owned() {
            Ok(slot) => Some(slot),
            Err(_) => {
                self.bounds.peers.slow_readers_give_way();
                tokio::time::timeout(self.bounds.times.wait, Arc::clone(downloads).acquire_owned()).await.ok().and_then(Result::ok)
            }
        };
        match slot {
            Some(slot) => response.map(|body| Body::new(Held { body, held: slot, carry: |bytes, _| bytes })),
            None => {
                self.bounds.meters.busy.increment(1);
                self.refuse(uri, Refused::unavailable("busy", "too many downloads are under way"))
            }
        }
    }

    /// An answer that is in memory and does not weigh its bytes itself: they are weighed for as long as they are.
    async fn weighed(&self, kind: Kind, response: Response) -> Response {
        let bytes = response.body().size_hint().exact().unwrap_or_default();
        if bytes <= UNWEIGHED_BYTES || is_weighed(&response) || is_streamed(&response) {
            return response;
        }
        let share = if matches!(kind, Kind::Log | Kind::Objects) { Share::Objects } else { Share::Answers };
        match self.bounds.budget.take(share, usize::try_from(bytes).unwrap_or(usize::MAX)).await {
            Ok(weight) => response.map(|body| Body::new(Held { body, held: Arc::new(weight), carry: carried })),
            Err(refused) => refused.into_response(),
        }
    }

    async fn slot(&self, is_needed: bool) -> Result<Option<SemaphorePermit<'_>>, Refused> {
        if is_needed { self.bounds.places.slot().await.map(Some) } else { Ok(None) }
    }

    async fn route(&self, kind: Kind, request: Request<Body>) -> Response {
        // Mounts first: most requests are theirs. The path is copied because the request is given away.
        if kind == Kind::Projection || kind == Kind::Other {
            let uri = request.uri().clone();
            if let Some((mount, rest)) = self.views.mounts.find(uri.path()) {
                return projections::answer(&self.views, mount, rest, request).await;
            }
        }
        // What is answered from memory needs no place of work, an operator is answered however busy it is, and who sends something takes
        // a place when all of it is here. Objects take one where they are read.
        let is_reading = matches!(*request.method(), Method::GET | Method::HEAD);
        let needs_slot = is_reading && kind != Kind::Objects && !is_at_hand(request.uri().path());
        let slot = match self.slot(needs_slot).await {
            Ok(slot) => slot,
            Err(refused) => return refused.into_response(),
        };
        // A body has as long to come as its answer has after it.
        let whole = self.bounds.times.answer.saturating_mul(if is_reading { 1 } else { 2 });
        let answer = self.router.clone().oneshot(request);
        let answer = match kind {
            // As long as bytes come; each wait has its own limit.
            Kind::Upload => answer.await,
            _ => match tokio::time::timeout(whole, answer).await {
                Ok(answer) => answer,
                Err(_) => return self.timed_out(kind),
            },
        };
        drop(slot);
        self.weighed(kind, answer.unwrap_or_else(|never| match never {})).await
    }
}

/// All routes but the views', each with the part of the registry that it uses.
fn router(app: &App, clerk: Arc<Clerk>) -> Router {
    let (reading, taking, health) = (&app.reading, &app.taking, &app.health);
    let claims = post(claims::post).with_state((Arc::clone(taking), Arc::clone(&clerk)));
    let recoveries = post(claims::post_recovery).with_state((Arc::clone(taking), clerk));
    let events = get(events::list).with_state(Arc::clone(reading)).post(events::post).with_state(Arc::clone(taking));
    // HEAD with a permit asks what may be uploaded.
    let objects = get(objects::get).with_state(Arc::clone(reading));
    let objects = objects.head(uploads::head).put(uploads::put).patch(uploads::put).with_state(Arc::clone(taking));
    Router::new()
        .route("/log/{*path}", get(log_routes::get).options(log_routes::preflight).with_state(Arc::clone(reading)))
        .route("/api/v1/events", events)
        .route("/api/v1/events/{which}", get(events::get).with_state(Arc::clone(reading)))
        .route("/api/v1/events/{which}/proof", get(one_proof::get).with_state(Arc::clone(&app.receipts)))
        .route("/api/v1/proofs", post(many_proofs::post).with_state(Arc::clone(reading)))
        .route("/api/v1/claims", claims)
        .route("/api/v1/recoveries", recoveries)
        .route("/api/v1/can", get(can::get).with_state((Arc::clone(reading), taking.wall.clone())))
        .route("/api/v1/registry", get(registry::get).with_state(Arc::clone(reading)))
        .route("/objects/sha256/{address}", objects)
        .route("/health", get(readiness::health))
        .route("/ready", get(readiness::ready).with_state(Arc::clone(health)))
        .route("/metrics", get(readiness::metrics).with_state(Arc::clone(health)))
        .fallback(nothing)
        .method_not_allowed_fallback(not_allowed)
        // Bodies have limits of their own, route by route.
        .layer(axum::extract::DefaultBodyLimit::disable())
}

/// What is refused whatever it asks.
fn check(request: &Request<Body>) -> Result<(), Refused> {
    // hyper reads a little more than it is told to.
    if head_bytes(request) > HEADER_BYTES {
        return Err(Refused::head_too_large());
    }
    host::check(request.version(), request.headers()).map_err(Refused::unread)
}

/// Below the log, where pages of anybody may read.
fn is_of_log(path: &str) -> bool {
    path.strip_prefix("/log").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What is in memory, or for an operator; and what has few places of its own.
fn is_at_hand(path: &str) -> bool {
    matches!(path, "/health" | "/ready" | "/metrics" | "/log/checkpoint" | "/log/log.vkey" | "/api/v1/events")
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
            "events" | "claims" | "recoveries" if method == Method::POST => Kind::Append,
            _ if rest.starts_with("events") || rest == "proofs" => Kind::Events,
            "registry" | "can" | "claims" | "recoveries" => Kind::Other,
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
    Refused::not_found(format!("nothing is served at {:?}", shortened(uri.path())))
}

async fn not_allowed(method: Method) -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", format!("{method} does nothing here"))
}

/// A body that keeps something for as long as it is sent, and may give its bytes a part of that to keep.
struct Held<T> {
    body: Body,
    held: T,
    carry: fn(Bytes, &T) -> Bytes,
}

impl<T: Unpin> hyper::body::Body for Held<T> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|bytes| (self.carry)(bytes, &self.held)))))
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
