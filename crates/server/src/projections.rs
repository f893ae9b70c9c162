//! Views under their mounts, and what is kept of their answers (spec/api.md, beginning; spec/projections/README.md). How one is
//! made is in `render`.

use crate::answers::{Answer, AnswerKey, Given};
use crate::app::App;
use crate::body::{Sender, Whole, drain, read_whole, unpack};
use crate::budget::{Share, Weight};
use crate::gate::{Asking, Authorized};
use crate::limits::{CODING_BYTES, QUERY_BODY_BYTES, QUERY_BODY_UNPACKED_BYTES};
use crate::making::Making;
use crate::mounts::{Generation, Mount};
use crate::negotiate::Coding;
use crate::refusal::Refused;
use crate::render::{Made, Work};
use crate::request::{accept, decode_path, decode_query, one};
use axum::body::Body;
use axum::response::Response;
use deedbox_view::{Method as ViewMethod, Request as ViewRequest};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// The answer to a request under a mount.
pub(crate) async fn answer(app: &Arc<App>, mount: &Arc<Mount>, rest: &str, request: Request<Body>) -> Response {
    let result = match *request.method() {
        Method::GET | Method::HEAD => {
            let (parts, _body) = request.into_parts();
            get(app, mount, rest, &parts).await
        }
        Method::POST => post(app, mount, rest, request).await,
        Method::PUT | Method::DELETE | Method::PATCH => write(app, mount, rest, request).await,
        _ => Ok(method_not_allowed(app, mount)),
    };
    result.unwrap_or_else(|refused| refuse(app, mount, &refused))
}

/// A refusal of the shell's own, in the shape that the clients of this mount read now.
pub(crate) fn refuse(app: &App, mount: &Mount, refused: &Refused) -> Response {
    mount.refuse(refused, app.version_of(mount.name, app.folded()))
}

async fn get(app: &Arc<App>, mount: &Arc<Mount>, rest: &str, parts: &http::request::Parts) -> Result<Response, Refused> {
    let (method, query, headers) = (&parts.method, parts.uri.query(), &parts.headers);
    let Asking(reader) = Asking::of(&parts.extensions);
    let folded = app.folded();
    let generation = app.in_force(mount, folded)?;
    let path = decode_path(rest)?;
    let query = taken(mount, generation, ViewMethod::Get, &path, query)?;
    let accept = accept(headers)?;
    let key = AnswerKey::new(mount.prefix, &path, &query, &accept);
    let kept = match app.answers.get(&key) {
        Some(kept) if kept.is_of(generation.id.version) && kept.is_valid_at(folded) => {
            app.meters.answers_from_memory.increment(1);
            // Before its tag is compared, or a part of it is given.
            app.gate.ask(&reader, kept)
        }
        _ => None,
    };
    let (answer, folded) = match kept {
        Some(kept) => (kept, folded),
        None => {
            let _slot = app.places.slot().await?;
            let (path, accept) = (path.into_owned(), accept.into_owned());
            let request = ViewRequest { reader, method: ViewMethod::Get, mount: mount.prefix, path, query, accept, body: Vec::new() };
            in_time(app, confirm_or_make(app, mount, generation, &key, request)).await?
        }
    };
    give(app, &answer, method, headers, folded).await
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
async fn give(app: &App, answer: &Authorized<Arc<Answer>>, method: &Method, headers: &HeaderMap, folded: u64) -> Result<Response, Refused> {
    loop {
        match answer.give(method, headers, folded) {
            Given::Response(response) => return Ok(response),
            Given::Code(coding) => {
                let _slot = app.places.slot().await?;
                in_time(app, code(app, answer.get(), coding)).await?;
            }
            Given::Object(object, own, cache) => {
                let readable = app.objects.readable(&object.sha256).await?.and_then(|object| answer.part(object));
                let readable = readable.ok_or_else(|| Refused::not_found(format!("no event refers to {}", object.sha256.to_address())))?;
                return app.objects.answer(&app.places, readable, method, headers, own, cache).await;
            }
        }
    }
}

async fn code(app: &App, answer: &Arc<Answer>, coding: Coding) -> Result<(), Refused> {
    let place = place(app).await?;
    // Half of it is left, if it is worth it at all.
    let mut making = Making::begin(app, Share::Answers).await?;
    making.hold(app, CODING_BYTES + answer.len() / 2).await?;
    let (answer, budget) = (Arc::clone(answer), Arc::clone(&app.budget));
    let coded = app.workers.run(move || {
        answer.code(coding, |bytes| making.made(&budget, bytes));
        drop(place);
    });
    coded.await
}

/// A place among those that read, render and code: each may hold all the rows of an answer and its bytes. Whatever goes on
/// upon another thread takes it along, for it ends there and not where its request is given up.
async fn place(app: &App) -> Result<OwnedSemaphorePermit, Refused> {
    Arc::clone(&app.places.renderings).acquire_owned().await.map_err(|_| Refused::internal())
}

/// One request at a time confirms or makes the answer of a key.
async fn confirm_or_make(
    app: &Arc<App>,
    mount: &Arc<Mount>,
    generation: &Generation,
    key: &AnswerKey,
    request: ViewRequest,
) -> Result<(Authorized<Arc<Answer>>, u64), Refused> {
    let _making = app.answers.making(key).await;
    let kept = app.answers.get(key).filter(|kept| kept.is_of(generation.id.version));
    let folded = app.folded();
    // A request that waited for this answer needs no place.
    if let Some(kept) = kept.as_ref().filter(|kept| kept.is_valid_at(folded))
        && let Some(kept) = app.gate.ask(&request.reader, Arc::clone(kept))
    {
        return Ok((kept, folded));
    }
    let place = place(app).await?;
    match begin(app, mount, generation, request, kept, None, place).await?.make().await? {
        Made::Kept(kept, folded) => {
            kept.get().confirm(folded);
            app.meters.answers_confirmed.increment(1);
            Ok((kept, folded))
        }
        Made::New { answer, is_kept, at } => {
            app.meters.answers_made.increment(1);
            if is_kept {
                app.answers.put(key, Arc::clone(answer.get()));
            }
            Ok((answer, at))
        }
    }
}

/// The making of an answer, with its memory. Where a kept one may hold, that comes when it is needed. `asked` is the body that the request
/// was read from.
async fn begin(
    app: &Arc<App>,
    mount: &Arc<Mount>,
    generation: &Generation,
    request: ViewRequest,
    kept: Option<Arc<Answer>>,
    asked: Option<Weight>,
    place: OwnedSemaphorePermit,
) -> Result<Work, Refused> {
    let making = match kept {
        Some(_) => None,
        None => Some(Making::begin(app, Share::Answers).await?),
    };
    let (mount, generation) = (Arc::clone(mount), generation.clone());
    Ok(Work { app: Arc::clone(app), mount, generation, request, question: None, kept, making, asked, place })
}

/// A query with a body, or a write of a native client's: which of them, the path tells.
async fn post(app: &Arc<App>, mount: &Arc<Mount>, rest: &str, request: Request<Body>) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let from = Sender::of(&parts.extensions);
    let takes_body = |path: &str| match app.in_force(mount, app.folded()) {
        Ok(generation) => generation.view.takes(ViewMethod::Post, mount.prefix, path).body,
        Err(_) => false,
    };
    let path = match decode_path(rest) {
        Ok(path) if takes_body(&path) => path.into_owned(),
        // A client that is cut off while it sends its package never shows the refusal.
        path => {
            drain(app, from, &parts.headers, body).await;
            return ask(app, mount, ViewMethod::Post, path?.into_owned(), &parts, None).await;
        }
    };
    let body = read_whole(app, from, &parts.headers, body, "the query", QUERY_BODY_BYTES).await?;
    ask(app, mount, ViewMethod::Post, path, &parts, Some(body)).await
}

/// What a native client would write: the projection names the command that does it.
async fn write(app: &Arc<App>, mount: &Arc<Mount>, rest: &str, request: Request<Body>) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    drain(app, Sender::of(&parts.extensions), &parts.headers, body).await;
    let path = decode_path(rest)?.into_owned();
    ask(app, mount, ViewMethod::Write, path, &parts, None).await
}

/// The body as it is asked for.
async fn uncoded(app: &App, headers: &HeaderMap, body: Whole) -> Result<Whole, Refused> {
    match one(headers, &header::CONTENT_ENCODING) {
        None if !headers.contains_key(header::CONTENT_ENCODING) => Ok(body),
        Some(coding) if coding.eq_ignore_ascii_case("identity") => Ok(body),
        Some(coding) if coding.eq_ignore_ascii_case("gzip") => unpack(app, &body, "the unpacked query", QUERY_BODY_UNPACKED_BYTES).await,
        _ => Err(Refused::bad_request("a query comes as it is or in gzip")),
    }
}

async fn ask(
    app: &Arc<App>,
    mount: &Arc<Mount>,
    method: ViewMethod,
    path: String,
    parts: &http::request::Parts,
    body: Option<Whole>,
) -> Result<Response, Refused> {
    let generation = app.in_force(mount, app.folded())?;
    let query = taken(mount, generation, method, &path, parts.uri.query())?;
    let accept = accept(&parts.headers)?.into_owned();
    let Asking(reader) = Asking::of(&parts.extensions);
    let made = async {
        let _asking = app.places.asking().await?;
        let (body, weight) = match body {
            None => (Vec::new(), None),
            Some(body) => uncoded(app, &parts.headers, body).await.map(|whole| (whole.bytes, Some(whole.weight)))?,
        };
        // After that: a request that waits for memory for its body keeps nobody from making an answer.
        let place = place(app).await?;
        let request = ViewRequest { reader, method, mount: mount.prefix, path, query, accept, body };
        begin(app, mount, generation, request, None, weight, place).await?.make().await
    };
    let (Made::New { answer, at, .. } | Made::Kept(answer, at)) = in_time(app, made).await?;
    let mut response = give(app, &answer, &parts.method, &parts.headers, at).await?;
    if response.status() == StatusCode::METHOD_NOT_ALLOWED && !response.headers().contains_key(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    Ok(response)
}

fn method_not_allowed(app: &App, mount: &Mount) -> Response {
    let refused = Refused::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this is read with GET and asked with POST");
    let mut response = refuse(app, mount, &refused);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    response
}

async fn in_time<T>(app: &App, answer: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    match tokio::time::timeout(app.config.times.answer, answer).await {
        Ok(done) => done,
        Err(_) => Err(Refused::timed_out(app.config.times.answer, "it took too long")),
    }
}
