//! The HTTP side of a registry (spec/api.md): every answer is bounded in bytes and in time (`pace`), refusals in its own words. Asks again only
//! where asking twice changes nothing. Believes nothing: what comes back is checked elsewhere.

use crate::error::ClientError;
use crate::limits;
use crate::pace::{Pace, Patience};
use bytes::Bytes;
use deedbox_model::EventId;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// Bytes of an upload that a registry has.
const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// Bytes that were announced.
const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");

/// The address of a registry: `http` or `https`, a host, perhaps a port and a path; no query, no user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryUrl(Url);

impl RegistryUrl {
    /// Reads an address; a path gets a slash at its end.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        // A password is not for a terminal or a log.
        let shown = text.rsplit_once('@').map_or(text, |(_, shown)| shown);
        let wrong = |why: &str| Err(ClientError::Use(format!("{shown:?} is not the address of a registry: {why}")));
        let Ok(mut url) = Url::parse(text) else {
            return wrong("write it like https://registry.example or http://127.0.0.1:8417");
        };
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return wrong("it begins with https:// or http:// and a host");
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return wrong("it has no user, no query and no fragment");
        }
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(RegistryUrl(url))
    }

    /// Without the slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The address of something below it. `path` has no leading slash and is percent-encoded where it must be.
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str())
    }

    /// Host and port, as far as they are part of the address.
    pub fn authority(&self) -> String {
        match (self.0.host_str(), self.0.port()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            (host, _) => host.unwrap_or_default().to_owned(),
        }
    }
}

impl std::fmt::Display for RegistryUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A registry at an address.
#[derive(Debug, Clone)]
pub struct Registry {
    url: RegistryUrl,
    http: reqwest::Client,
    patience: Patience,
}

/// What a registry has of an object, for the holder of a permit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Has {
    /// All of it.
    Whole,
    /// The first bytes of an upload for the permit's domain that announced so many.
    Part {
        /// Bytes that are there.
        received: u64,
        /// Bytes that were announced.
        size: u64,
        /// Whether somebody is sending more of them now.
        is_held: bool,
    },
    /// Nothing.
    Nothing,
}

/// The bytes of an object that are sent, from one of them to the end.
pub(crate) struct Rest<'a> {
    /// The first that is sent.
    pub(crate) from: u64,
    /// Bytes of the whole.
    pub(crate) size: u64,
    pub(crate) body: reqwest::Body,
    /// How many of these bytes were taken from `body` so far.
    pub(crate) taken: &'a AtomicU64,
}

#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorWords,
}

#[derive(Deserialize)]
struct ErrorWords {
    code: String,
    message: String,
    #[serde(default)]
    help: Option<String>,
    #[serde(default)]
    head: Option<String>,
}

impl Registry {
    /// Makes the client; connects to nothing yet.
    pub fn new(url: RegistryUrl) -> Result<Self, ClientError> {
        Self::with_patience(url, Patience::default())
    }

    /// With other times than the usual ones.
    pub fn with_patience(url: RegistryUrl, patience: Patience) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("deedbox/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits::CONNECT)
            // Bytes come from the host that was asked, or not at all.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| ClientError::Here(format!("no HTTP client can be made on this machine: {e}")))?;
        Ok(Registry { url, http, patience })
    }

    /// Its address.
    pub fn url(&self) -> &RegistryUrl {
        &self.url
    }

    /// How long it waits.
    pub fn patience(&self) -> Patience {
        self.patience
    }

    /// The bytes at a path, at most `limit`; none where there is nothing.
    pub async fn get(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, ClientError> {
        let response = self.send(Method::GET, path, HeaderMap::new(), None).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = self.accepted(path, response).await?;
        self.read(path, response, limit).await.map(Some)
    }

    /// The same in the form that `accept` names.
    pub async fn get_as(&self, path: &str, accept: &'static str, limit: usize) -> Result<Option<Vec<u8>>, ClientError> {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        let response = self.send(Method::GET, path, headers, None).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let response = self.accepted(path, response).await?;
        self.read(path, response, limit).await.map(Some)
    }

    /// Whether there is something at a path, of whatever size.
    pub async fn is_there(&self, path: &str) -> Result<bool, ClientError> {
        let response = self.send(Method::HEAD, path, HeaderMap::new(), None).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        self.accepted(path, response).await.map(|_| true)
    }

    /// The JSON at a path; none where there is nothing.
    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<Option<T>, ClientError> {
        match self.get(path, limits::JSON_BYTES).await? {
            None => Ok(None),
            Some(bytes) => self.json(path, &bytes).map(Some),
        }
    }

    /// POST of a question or of bytes that change nothing when they come twice.
    pub async fn post(&self, path: &str, content_type: &'static str, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, ClientError> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        let response = self.send(Method::POST, path, headers, Some(body)).await?;
        let response = self.accepted(path, response).await?;
        self.read(path, response, limit).await
    }

    /// POST of what would be refused the second time: sent once, whatever comes of it.
    pub async fn post_once(&self, path: &str, content_type: &'static str, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, ClientError> {
        let request = self.http.post(self.url.join(path)).header(CONTENT_TYPE, content_type).body(body);
        let response = timeout_at(Instant::now() + self.patience.answer, request.send()).await.map_err(|_| self.no_answer(path))?;
        let response = self.accepted(path, response.map_err(|e| self.unreachable(path, e))?).await?;
        self.read(path, response, limit).await
    }

    /// Decodes JSON that came from a path.
    pub fn json<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(bytes).map_err(|e| self.answer(path, "the JSON that spec/api.md describes", e))
    }

    /// What is there of an object, for somebody who holds a permit.
    pub async fn has_object(&self, path: &str, authorization: &str) -> Result<Has, ClientError> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, self.header(authorization)?)]);
        let response = self.send(Method::HEAD, path, headers, None).await?;
        if response.status() != StatusCode::NOT_FOUND {
            return self.accepted(path, response).await.map(|_| Has::Whole);
        }
        let number = |name: &HeaderName| response.headers().get(name)?.to_str().ok()?.parse::<u64>().ok();
        Ok(match (number(&UPLOAD_OFFSET), number(&UPLOAD_LENGTH)) {
            (Some(received), Some(size)) => Has::Part { received, size, is_held: response.headers().contains_key(RETRY_AFTER) },
            _ => Has::Nothing,
        })
    }

    /// PUT of an object, or PATCH of the rest of one that broke off. Never sent twice by itself: the stream is used up.
    pub(crate) async fn put(&self, path: &str, authorization: &str, rest: Rest<'_>) -> Result<(), ClientError> {
        let Rest { from, size, body, taken } = rest;
        let length = size.saturating_sub(from);
        let mut headers = HeaderMap::from_iter([(AUTHORIZATION, self.header(authorization)?), (CONTENT_LENGTH, HeaderValue::from(length))]);
        let (method, media_type) = match from {
            0 => (Method::PUT, "application/octet-stream"),
            _ => (Method::PATCH, "application/partial-upload"),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        if from > 0 {
            headers.insert(UPLOAD_OFFSET, HeaderValue::from(from));
        }
        let sending = self.http.request(method, self.url.join(path)).headers(headers).body(body).send();
        let response = self.paced(path, sending, taken, length).await?;
        self.accepted(path, response).await.map(|_| ())
    }

    /// An answer to a body that is sent meanwhile, as long as that moves.
    async fn paced(
        &self,
        path: &str,
        sending: impl Future<Output = Result<Response, reqwest::Error>>,
        taken: &AtomicU64,
        length: u64,
    ) -> Result<Response, ClientError> {
        let mut sending = std::pin::pin!(sending);
        let mut pace = Pace::new(self.patience.upload_window, self.patience.moved_bytes);
        loop {
            if let Ok(answered) = timeout_at(pace.until(), &mut sending).await {
                return answered.map_err(|e| self.unreachable(path, e));
            }
            let moved = taken.load(Ordering::Relaxed);
            if moved >= length {
                let answered = timeout_at(Instant::now() + self.patience.upload_answer, &mut sending).await;
                return answered.map_err(|_| self.no_answer(path))?.map_err(|e| self.unreachable(path, e));
            }
            pace.is_at(moved).map_err(|why| ClientError::TooSlow { url: self.url.join(path), why })?;
        }
    }

    /// Streams what is at a path to `take`, at most `limit` bytes; false where there is nothing.
    pub async fn download(&self, path: &str, limit: u64, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<bool, ClientError> {
        let response = self.send(Method::GET, path, HeaderMap::new(), None).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let mut body = self.body(path, self.accepted(path, response).await?);
        let mut left = limit;
        while let Some(piece) = body.next().await? {
            left = left
                .checked_sub(piece.len() as u64)
                .ok_or_else(|| self.answer(path, "the object that was asked for", format!("more than {limit} bytes")))?;
            take(&piece).map_err(|e| ClientError::Here(format!("what was downloaded cannot be written: {e}")))?;
        }
        Ok(true)
    }

    fn header(&self, text: &str) -> Result<HeaderValue, ClientError> {
        HeaderValue::from_str(text).map_err(|_| ClientError::Here("a header that cannot be sent".to_owned()))
    }

    /// The head of an answer, asked for again where asking twice changes nothing; all of it within one time.
    async fn send(&self, method: Method, path: &str, headers: HeaderMap, body: Option<Vec<u8>>) -> Result<Response, ClientError> {
        let tried = self.try_to_send(method, path, headers, body);
        timeout_at(Instant::now() + self.patience.answer, tried).await.map_err(|_| self.no_answer(path))?
    }

    async fn try_to_send(&self, method: Method, path: &str, headers: HeaderMap, body: Option<Vec<u8>>) -> Result<Response, ClientError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let mut request = self.http.request(method.clone(), self.url.join(path)).headers(headers.clone());
            if !headers.contains_key(ACCEPT) {
                request = request.header(ACCEPT, "*/*");
            }
            if let Some(body) = &body {
                request = request.body(body.clone());
            }
            let wait = match request.send().await {
                Err(e) if tries > limits::RETRIES || e.is_builder() => return Err(self.unreachable(path, e)),
                Err(_) => Duration::from_millis(100 << tries.min(4)),
                Ok(response) if response.status() == StatusCode::SERVICE_UNAVAILABLE && tries <= limits::RETRIES => {
                    let said = response.headers().get(RETRY_AFTER).and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok());
                    Duration::from_secs(said.unwrap_or(1)).min(limits::WAIT)
                }
                Ok(response) => return Ok(response),
            };
            sleep(wait).await;
        }
    }

    /// The response, if it is a success; else the registry's own words.
    async fn accepted(&self, path: &str, response: Response) -> Result<Response, ClientError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read(path, response, limits::JSON_BYTES).await.unwrap_or_default();
        let words = serde_json::from_slice::<ErrorBody>(&body).map(|body| body.error).unwrap_or(ErrorWords {
            code: format!("http_{}", status.as_u16()),
            message: format!("{} answered {status}", self.url.join(path)),
            help: None,
            head: None,
        });
        if status == StatusCode::SERVICE_UNAVAILABLE {
            return Err(ClientError::Busy { url: self.url.join(path), code: printable(&words.code), message: printable(&words.message) });
        }
        Err(ClientError::Refused {
            status: status.as_u16(),
            code: printable(&words.code),
            message: printable(&words.message),
            help: printable(words.help.as_deref().unwrap_or_default()),
            head: words.head.as_deref().and_then(EventId::from_hex),
        })
    }

    async fn read(&self, path: &str, response: Response, limit: usize) -> Result<Vec<u8>, ClientError> {
        let mut body = self.body(path, response);
        let mut whole = Vec::new();
        while let Some(piece) = body.next().await? {
            if whole.len() + piece.len() > limit {
                return Err(self.answer(path, "an answer within the limit of size", format!("more than {limit} bytes")));
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole)
    }

    fn body(&self, path: &str, response: Response) -> Body {
        Body::new(self.url.join(path), response, self.patience)
    }

    fn no_answer(&self, path: &str) -> ClientError {
        let why = format!("it gave no answer within {} seconds", self.patience.answer.as_secs_f32());
        ClientError::TooSlow { url: self.url.join(path), why }
    }

    fn unreachable(&self, path: &str, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable { url: self.url.join(path), why: cause_of(&error) }
    }

    pub(crate) fn answer(&self, path: &str, expected: &'static str, why: impl std::fmt::Display) -> ClientError {
        ClientError::Answer { url: self.url.join(path), expected, why: why.to_string() }
    }
}

/// The body of an answer, as long as it moves.
#[derive(Debug)]
pub struct Body {
    url: String,
    response: Response,
    pace: Pace,
    received: u64,
}

impl Body {
    /// Of an answer from there.
    pub fn new(url: String, response: Response, patience: Patience) -> Self {
        Body { url, response, pace: Pace::new(patience.window, patience.moved_bytes), received: 0 }
    }

    /// The next bytes; none at the end. Fails as `BrokenOff` or `TooSlow`.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let piece = timeout_at(self.pace.until(), self.response.chunk()).await.ok();
            let piece = piece.transpose().map_err(|e| ClientError::BrokenOff { url: self.url.clone(), why: cause_of(&e) })?;
            if let Some(Some(piece)) = &piece {
                self.received += piece.len() as u64;
            }
            match piece {
                // Its end is its end, however long it took to the last byte.
                Some(None) => return Ok(None),
                piece => {
                    let too_slow = |why| ClientError::TooSlow { url: self.url.clone(), why };
                    self.pace.is_at(self.received).map_err(too_slow)?;
                    if let Some(piece) = piece {
                        return Ok(piece);
                    }
                }
            }
        }
    }
}

/// Words of a stranger, as a terminal may show them: no control characters, at most 2,000 characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(2_000).collect()
}

/// The innermost cause, which is the one that a person can act on: "Connection refused".
fn cause_of(error: &reqwest::Error) -> String {
    let mut why = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        why = cause.to_string();
        source = cause.source();
    }
    why
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_others_are_refused_in_words() {
        assert_eq!(
            RegistryUrl::parse("https://registry.example").unwrap().join("log/checkpoint"),
            "https://registry.example/log/checkpoint"
        );
        assert_eq!(RegistryUrl::parse("http://127.0.0.1:8417/a").unwrap().join("log/x"), "http://127.0.0.1:8417/a/log/x");
        assert_eq!(RegistryUrl::parse("http://127.0.0.1:8417/").unwrap().as_str(), "http://127.0.0.1:8417");
        for bad in ["registry.example", "ftp://a.b/", "https://u:p@a.b/", "https://a.b/?q", "https://a.b/#f", ""] {
            assert_eq!(RegistryUrl::parse(bad).unwrap_err().class(), crate::Class::UsedWrongly, "{bad}");
        }
    }
}
