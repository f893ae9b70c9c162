//! The HTTP side of a registry (spec/api.md): bounded answers, time limits, refusals in its own words. Asks again only
//! where asking twice changes nothing. Believes nothing: what comes back is checked elsewhere.

use crate::error::ClientError;
use crate::limits;
use deedbox_model::EventId;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

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
        let http = reqwest::Client::builder()
            .user_agent(concat!("deedbox/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits::CONNECT)
            .read_timeout(limits::SILENCE)
            // Bytes come from the host that was asked, or not at all.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|e| ClientError::Here(format!("no HTTP client can be made on this machine: {e}")))?;
        Ok(Registry { url, http })
    }

    /// Its address.
    pub fn url(&self) -> &RegistryUrl {
        &self.url
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
        let response = request.send().await.map_err(|e| self.unreachable(path, e))?;
        let response = self.accepted(path, response).await?;
        self.read(path, response, limit).await
    }

    /// Decodes JSON that came from a path.
    pub fn json<T: DeserializeOwned>(&self, path: &str, bytes: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(bytes).map_err(|e| self.answer(path, "the JSON that spec/api.md describes", e))
    }

    /// Whether an object is there, for somebody who holds a permit.
    pub async fn has_object(&self, path: &str, authorization: &str) -> Result<bool, ClientError> {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, self.header(authorization)?)]);
        let response = self.send(Method::HEAD, path, headers, None).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(false),
            status if status.is_success() => Ok(true),
            _ => self.accepted(path, response).await.map(|_| true),
        }
    }

    /// PUT of a stream of known length. Never sent twice by itself: the stream is used up.
    pub async fn put(&self, path: &str, authorization: &str, size: u64, body: reqwest::Body) -> Result<(), ClientError> {
        let headers = HeaderMap::from_iter([
            (AUTHORIZATION, self.header(authorization)?),
            (CONTENT_LENGTH, HeaderValue::from(size)),
            (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        ]);
        let request = self.http.put(self.url.join(path)).headers(headers).body(body);
        let response = request.send().await.map_err(|e| self.unreachable(path, e))?;
        self.accepted(path, response).await.map(|_| ())
    }

    /// Streams what is at a path to `take`, at most `limit` bytes; false where there is nothing.
    pub async fn download(&self, path: &str, limit: u64, mut take: impl FnMut(&[u8]) -> std::io::Result<()>) -> Result<bool, ClientError> {
        let response = self.send(Method::GET, path, HeaderMap::new(), None).await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        let mut response = self.accepted(path, response).await?;
        let mut left = limit;
        while let Some(piece) = response.chunk().await.map_err(|e| self.broken_off(path, &e))? {
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

    async fn send(&self, method: Method, path: &str, headers: HeaderMap, body: Option<Vec<u8>>) -> Result<Response, ClientError> {
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
            tokio::time::sleep(wait).await;
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

    async fn read(&self, path: &str, mut response: Response, limit: usize) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(piece) = response.chunk().await.map_err(|e| self.broken_off(path, &e))? {
            if body.len() + piece.len() > limit {
                return Err(self.answer(path, "an answer of bearable size", format!("more than {limit} bytes")));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    fn unreachable(&self, path: &str, error: reqwest::Error) -> ClientError {
        ClientError::Unreachable { url: self.url.join(path), why: cause_of(&error) }
    }

    fn broken_off(&self, path: &str, error: &reqwest::Error) -> ClientError {
        ClientError::BrokenOff { url: self.url.join(path), why: cause_of(error) }
    }

    pub(crate) fn answer(&self, path: &str, expected: &'static str, why: impl std::fmt::Display) -> ClientError {
        ClientError::Answer { url: self.url.join(path), expected, why: why.to_string() }
    }
}

/// Words of a stranger, as a terminal may show them: no control characters, at most 2,000 characters.
pub fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(2_000).collect()
}

/// The same with its line breaks, for what another program said: at most 20,000 characters.
pub fn printable_lines(text: &str) -> String {
    text.trim_end().chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).take(20_000).collect()
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
