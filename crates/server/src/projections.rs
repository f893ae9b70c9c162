//! Views under their mounts, and what is kept of their answers (spec/api.md, beginning; spec/projections/README.md). How one is
//! made is in `render`.

use crate::answers::{Answer, AnswerKey, Given};
use crate::body::{Sender, Whole, drain, read_whole, unpack};
use crate::bounds::Bounds;
use crate::budget::{Share, Weight};
use crate::gate::{Asking, Authorized};
use crate::limits::{CODING_BYTES, QUERY_BODY_BYTES, QUERY_BODY_UNPACKED_BYTES};
use crate::making::Making;
use crate::mounts::{Generation, Mount};
use crate::negotiate::Coding;
use crate::refusal::Refused;
use crate::render::{Made, Work};
use crate::request::{accept, decode_path, decode_query, one};
use crate::views::Views;
use axum::body::Body;
use axum::response::Response;
use deedbox_view::{Method as ViewMethod, Request as ViewRequest};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The answer to a request under a mount.
pub(crate) async fn answer(views: &Arc<Views>, mount: &Arc<Mount>, rest: &str, request: Request<Body>) -> Response {
    let result = match *request.method() {
        Method::GET | Method::HEAD => {
            let (parts, _body) = request.into_parts();
            get(views, mount, rest, &parts).await
        }
        Method::POST => post(views, mount, rest, request).await,
        Method::PUT | Method::DELETE | Method::PATCH => write(views, mount, rest, request).await,
        _ => Ok(method_not_allowed(views, mount)),
    };
    result.unwrap_or_else(|refused| refuse(views, mount, &refused))
}

/// A refusal of the shell's own, in the shape that the clients of this mount read now.
pub(crate) fn refuse(views: &Views, mount: &Mount, refused: &Refused) -> Response {
    mount.refuse(refused, views.folded.version_of(mount.name, views.folded.size()))
}

async fn get(views: &Arc<Views>, mount: &Arc<Mount>, rest: &str, parts: &http::request::Parts) -> Result<Response, Refused> {
    let (method, query, headers) = (&parts.method, parts.uri.query(), &parts.headers);
    let Asking(reader) = Asking::of(&parts.extensions);
    let folded = views.folded.size();
    let generation = views.folded.in_force(mount, folded)?;
    let path = decode_path(rest)?;
    let query = taken(mount, generation, ViewMethod::Get, &path, query)?;
    let accept = accept(headers)?;
    let key = AnswerKey::new(mount.prefix, &path, &query, &accept);
    let kept = match views.answers.get(&key) {
        Some(kept) if kept.is_of(generation.id.version) && kept.is_valid_at(folded) => {
            views.bounds.meters.answers_from_memory.increment(1);
            // Before its tag is compared, or a part of it is given.
            views.gate.ask(&reader, kept)
        }
        _ => None,
    };
    let (answer, folded) = match kept {
        Some(kept) => (kept, folded),
        None => {
            let _slot = views.bounds.places.slot().await?;
            let (path, accept) = (path.into_owned(), accept.into_owned());
            let request = ViewRequest { reader, method: ViewMethod::Get, mount: mount.prefix, path, query, accept, body: Vec::new() };
            in_time(&views.bounds, confirm_or_make(views, mount, generation, &key, request)).await?
        }
    };
    give(views, &answer, method, headers, folded).await
}

/// The part of the query that the view uses on this path. Parameters that it does not use do not change the answer.
fn taken(
    mount: &Mount,
    generation: &Generation,
    method: ViewMethod,
    path: &str,
    query: Option<&str>,
) -> Result<Vec<(String, String)>, Refused> {
    match query {
        None | Some("") => Ok(Vec::new()),
        Some(query) => Ok(generation.view.takes(method, mount.prefix, path).pairs(decode_query(query)?)),
    }
}

/// The answer as it is sent: coded first if it has to be, or an object's bytes.
async fn give(
    views: &Views,
    answer: &Authorized<Arc<Answer>>,
    method: &Method,
    headers: &HeaderMap,
    folded: u64,
) -> Result<Response, Refused> {
    loop {
        match answer.give(method, headers, folded) {
            Given::Response(response) => return Ok(response),
            Given::Code(coding) => {
                let _slot = views.bounds.places.slot().await?;
                in_time(&views.bounds, code(&views.bounds, answer.get(), coding)).await?;
            }
            Given::Object(object, own, cache) => {
                let readable = views.objects.readable(&object.sha256).await?.and_then(|object| answer.part(object));
                let readable = readable.ok_or_else(|| Refused::not_found(format!("no event refers to {}", object.sha256.to_address())))?;
                return views.objects.answer(&views.bounds.places, readable, method, headers, own, cache).await;
            }
        }
    }
}

async fn code(bounds: &Bounds, answer: &Arc<Answer>, coding: Coding) -> Result<(), Refused> {
    let place = place(bounds).await?;
    // Half of it is left, if it is worth it at all.
    let mut making = Making::begin(bounds, Share::Answers).await?;
    making.hold(bounds, CODING_BYTES + answer.len() / 2).await?;
    let (answer, budget) = (Arc::clone(answer), Arc::clone(&bounds.budget));
    let coded = bounds.workers.run(move || {
        answer.code(coding, |bytes| making.made(&budget, bytes));
        drop(place);
    });
    coded.await
}

/// A place among those that read, render and code: each may hold all the rows of an answer and its bytes. Whatever goes on
/// upon another thread takes it along, for it ends there and not where its request is given up.
async fn place(bounds: &Bounds) -> Result<OwnedSemaphorePermit, Refused> {
    Arc::clone(&bounds.places.renderings).acquire_owned().await.map_err(|_| Refused::internal())
}

/// One request at a time confirms or makes the answer of a key.
async fn confirm_or_make(
    views: &Arc<Views>,
    mount: &Arc<Mount>,
    generation: &Generation,
    key: &AnswerKey,
    request: ViewRequest,
) -> Result<(Authorized<Arc<Answer>>, u64), Refused> {
    let _making = views.answers.making(key).await;
    let kept = views.answers.get(key).filter(|kept| kept.is_of(generation.id.version));
    let folded = views.folded.size();
    // A request that waited for this answer needs no place.
    if let Some(kept) = kept.as_ref().filter(|kept| kept.is_valid_at(folded))
        && let Some(kept) = views.gate.ask(&request.reader, Arc::clone(kept))
    {
        return Ok((kept, folded));
    }
    let place = place(&views.bounds).await?;
    match begin(views, mount, generation, request, kept, None, place).await?.make().await? {
        Made::Kept(kept, folded) => {
            kept.get().confirm(folded);
            views.bounds.meters.answers_confirmed.increment(1);
            Ok((kept, folded))
        }
        Made::New { answer, is_kept, at } => {
            views.bounds.meters.answers_made.increment(1);
            if is_kept {
                views.answers.put(key, Arc::clone(answer.get()));
            }
            Ok((answer, at))
        }
    }
}

/// The making of an answer, with its memory. Where a kept one may hold, that comes when it is needed. `asked` is the body that the request
/// was read from.
async fn begin(
    views: &Arc<Views>,
    mount: &Arc<Mount>,
    generation: &Generation,
    request: ViewRequest,
    kept: Option<Arc<Answer>>,
    asked: Option<Weight>,
    place: OwnedSemaphorePermit,
) -> Result<Work, Refused> {
    let making = match kept {
        Some(_) => None,
        None => Some(Making::begin(&views.bounds, Share::Answers).await?),
    };
    let (mount, generation) = (Arc::clone(mount), generation.clone());
    Ok(Work { views: Arc::clone(views), mount, generation, request, question: None, kept, making, asked, place })
}

/// A query with a body, or a write of a native client's: which of them, the path tells.
async fn post(views: &Arc<Views>, mount: &Arc<Mount>, rest: &str, request: Request<Body>) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let from = Sender::of(&parts.extensions);
    let takes_body = |path: &str| match views.folded.in_force(mount, views.folded.size()) {
        Ok(generation) => generation.view.takes(ViewMethod::Post, mount.prefix, path).body,
        Err(_) => false,
    };
    let path = match decode_path(rest) {
        Ok(path) if takes_body(&path) => path.into_owned(),
        // A client that is cut off while it sends its package never shows the refusal.
        path => {
            drain(&views.bounds, from, &parts.headers, body).await;
            return ask(views, mount, ViewMethod::Post, path?.into_owned(), &parts, None).await;
        }
    };
    let body = read_whole(&views.bounds, from, &parts.headers, body, "the query", QUERY_BODY_BYTES).await?;
    ask(views, mount, ViewMethod::Post, path, &parts, Some(body)).await
}

/// What a native client would write: the projection names the command that does it.
async fn write(views: &Arc<Views>, mount: &Arc<Mount>, rest: &str, request: Request<Body>) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    drain(&views.bounds, Sender::of(&parts.extensions), &parts.headers, body).await;
    let path = decode_path(rest)?.into_owned();
    ask(views, mount, ViewMethod::Write, path, &parts, None).await
}

/// The body as it is asked for.
async fn uncoded(bounds: &Bounds, headers: &HeaderMap, body: Whole) -> Result<Whole, Refused> {
    match one(headers, &header::CONTENT_ENCODING) {
        None if !headers.contains_key(header::CONTENT_ENCODING) => Ok(body),
        Some(coding) if coding.eq_ignore_ascii_case("identity") => Ok(body),
        Some(coding) if coding.eq_ignore_ascii_case("gzip") => unpack(bounds, &body, "the unpacked query", QUERY_BODY_UNPACKED_BYTES).await,
        _ => Err(Refused::bad_request("a query comes as it is or in gzip")),
    }
}

async fn ask(
    views: &Arc<Views>,
    mount: &Arc<Mount>,
    method: ViewMethod,
    path: String,
    parts: &http::request::Parts,
    body: Option<Whole>,
) -> Result<Response, Refused> {
    let generation = views.folded.in_force(mount, views.folded.size())?;
    let query = taken(mount, generation, method, &path, parts.uri.query())?;
    let accept = accept(&parts.headers)?.into_owned();
    let Asking(reader) = Asking::of(&parts.extensions);
    let made = async {
        let _asking = views.bounds.places.asking().await?;
        let (body, weight) = match body {
            None => (Vec::new(), None),
            Some(body) => uncoded(&views.bounds, &parts.headers, body).await.map(|whole| (whole.bytes, Some(whole.weight)))?,
        };
        // After that: a request that waits for memory for its body keeps nobody from making an answer.
        let place = place(&views.bounds).await?;
        let request = ViewRequest { reader, method, mount: mount.prefix, path, query, accept, body };
        begin(views, mount, generation, request, None, weight, place).await?.make().await
    };
    let (Made::New { answer, at, .. } | Made::Kept(answer, at)) = in_time(&views.bounds, made).await?;
    let mut response = give(views, &answer, &parts.method, &parts.headers, at).await?;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && !response.headers().contains_key(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    Ok(response)
}

fn method_not_allowed(views: &Views, mount: &Mount) -> Response {
    let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this is read with GET and asked with POST");
    let mut response = refuse(views, mount, &refused);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    response
}

async fn in_time<T>(bounds: &Bounds, answer: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    match tokio::time::timeout(bounds.times.answer, answer).await {
        Ok(done) => done,
        Err(_) => Err(Refused::timed_out(bounds.times.answer, "it took too long")),
    }
}
