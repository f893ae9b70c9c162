//! What a registry was asked during the tests, read off the wire: the method, the target as it stood, the headers that decide an answer
//! and the body of a query (RFC 9112 §3, §6, §7.1). One question a line, as JSON. What changes a registry is not a question, and what the
//! moment decides has no answer that could come again.

use anyhow::Context as _;
use httparse::{EMPTY_HEADER, Request, Status};
use serde_json::{Value, json};

/// The headers that an answer depends on; `Authorization` carries permits that expire, and only uploads need them.
const DECIDING: [&str; 10] = [
    "accept",
    "accept-encoding",
    "content-encoding",
    "content-type",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
];
/// The registry does not read a head that is longer.
const HEAD_BYTES: usize = 64 << 10;
const HEADERS: usize = 100;
/// The first byte of a TLS record with a handshake (RFC 8446 §5.1); no method begins with it.
const TLS_HANDSHAKE: u8 = 22;
/// A body that is longer is what somebody publishes: no query is as long.
const BODY_BYTES: usize = 64 << 10;

/// A question that can be asked again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The path with its query, as it stood in the request.
    pub target: String,
    /// `GET`, `HEAD`, `POST`, …
    pub method: String,
    /// Those headers that an answer depends on, in lower case and in order.
    pub headers: Vec<(String, String)>,
    /// What came with it.
    pub body: Vec<u8>,
}

impl Question {
    /// A `GET` with nothing but its target.
    #[must_use]
    pub fn get(target: &str) -> Self {
        Question { target: target.to_owned(), method: "GET".to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    /// The same with one header instead of those of that name.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut question = self.clone();
        question.headers.retain(|(known, _)| known != name);
        question.headers.push((name.to_owned(), value.to_owned()));
        question.headers.sort();
        question
    }

    /// The value of a header, if it was sent.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// One line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        json!({ "target": self.target, "method": self.method, "headers": self.headers, "body": hex::encode(&self.body) }).to_string()
    }

    /// What [`Question::to_line`] wrote.
    ///
    /// # Errors
    /// When it is not that.
    pub fn of_line(line: &str) -> anyhow::Result<Self> {
        let read = || {
            let value: Value = serde_json::from_str(line).ok()?;
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let headers = value.get("headers")?.as_array()?.iter();
            Some(Question {
                target: text(value.get("target")?)?,
                method: text(value.get("method")?)?,
                headers: headers.map(|pair| Some((text(pair.get(0)?)?, text(pair.get(1)?)?))).collect::<Option<_>>()?,
                body: hex::decode(value.get("body")?.as_str()?).ok()?,
            })
        };
        read().with_context(|| format!("no question stands in the line {line:?}"))
    }

    /// Whether it can be asked again: it changes nothing, and the log and the objects alone decide the answer.
    fn is_repeatable(&self) -> bool {
        let path = self.target.split('?').next().unwrap_or_default();
        match self.method.as_str() {
            "GET" | "HEAD" => !["/health", "/ready", "/metrics", "/api/v1/can"].contains(&path),
            "POST" => !["/api/v1/events", "/api/v1/claims"].contains(&path),
            _ => !path.starts_with("/objects/"),
        }
    }
}

/// One connection's bytes from a client, read as requests that follow each other.
#[derive(Debug)]
pub(crate) struct Requests {
    state: State,
    /// What came and was not understood yet.
    rest: Vec<u8>,
    has_begun: bool,
}

#[derive(Debug)]
enum State {
    Head,
    /// So many bytes of the body are to come.
    Body(u64, Body),
    /// The line with a chunk's length.
    Chunk(Body),
    /// So many bytes of a chunk and the end of its line.
    InChunk(u64, Body),
    Trailer(Body),
    /// No requests of HTTP/1.1.
    Unread,
}

/// A question whose body comes; `None` once it is too long.
#[derive(Debug)]
struct Body(Option<Question>);

impl Body {
    fn add(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            Some(question) if question.body.len() + bytes.len() <= BODY_BYTES => question.body.extend_from_slice(bytes),
            kept => *kept = None,
        }
    }

    fn complete(self) -> Option<Question> {
        self.0.filter(Question::is_repeatable)
    }
}

/// Bytes that are not requests of HTTP/1.1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoRequest;

impl Requests {
    pub(crate) fn new() -> Self {
        Requests { state: State::Head, rest: Vec::new(), has_begun: false }
    }

    /// Takes what came and gives the questions that ended in it. A connection that begins with TLS has none: clients of OCI try it first,
    /// and a registry in the open ends it.
    ///
    /// # Errors
    /// Once, when the bytes are not requests: nothing after them is read.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Question>, NoRequest> {
        let mut complete = Vec::new();
        if matches!(self.state, State::Unread) {
            return Ok(complete);
        }
        if !std::mem::replace(&mut self.has_begun, true) && bytes.first() == Some(&TLS_HANDSHAKE) {
            self.state = State::Unread;
            return Ok(complete);
        }
        self.rest.extend_from_slice(bytes);
        loop {
            match self.step(&mut complete) {
                Ok(true) => {}
                Ok(false) => return Ok(complete),
                Err(NoRequest) => {
                    (self.state, self.rest) = (State::Unread, Vec::new());
                    return Err(NoRequest);
                }
            }
        }
    }

    /// Goes on from one state; `false` when more bytes must come first.
    fn step(&mut self, complete: &mut Vec<Question>) -> Result<bool, NoRequest> {
        self.state = match std::mem::replace(&mut self.state, State::Unread) {
            State::Head => match head(&self.rest)? {
                Some((bytes, next)) => {
                    self.rest.drain(..bytes);
                    next
                }
                None => return self.wait_in(State::Head),
            },
            State::Body(0, body) => {
                complete.extend(body.complete());
                State::Head
            }
            State::Body(left, mut body) => match self.some_of(left, &mut body) {
                0 => return self.wait_in(State::Body(left, body)),
                taken => State::Body(left - taken, body),
            },
            State::Chunk(body) => match httparse::parse_chunk_size(&self.rest).map_err(|_| NoRequest)? {
                Status::Partial => return self.wait_in(State::Chunk(body)),
                Status::Complete((line, size)) => {
                    self.rest.drain(..line);
                    if size == 0 { State::Trailer(body) } else { State::InChunk(size, body) }
                }
            },
            State::InChunk(0, body) => match self.rest.strip_prefix(b"\r\n") {
                Some(rest) => {
                    self.rest = rest.to_vec();
                    State::Chunk(body)
                }
                None if self.rest.len() >= 2 => return Err(NoRequest),
                None => return self.wait_in(State::InChunk(0, body)),
            },
            State::InChunk(left, mut body) => match self.some_of(left, &mut body) {
                0 => return self.wait_in(State::InChunk(left, body)),
                taken => State::InChunk(left - taken, body),
            },
            State::Trailer(body) => match self.rest.windows(2).position(|end| end == b"\r\n") {
                None => return self.wait_in(State::Trailer(body)),
                Some(length) => {
                    self.rest.drain(..length + 2);
                    if length == 0 { State::Body(0, body) } else { State::Trailer(body) }
                }
            },
            State::Unread => return Err(NoRequest),
        };
        Ok(true)
    }

    fn wait_in(&mut self, state: State) -> Result<bool, NoRequest> {
        self.state = state;
        if self.rest.len() > HEAD_BYTES { Err(NoRequest) } else { Ok(false) }
    }

    fn some_of(&mut self, left: u64, body: &mut Body) -> u64 {
        let taken = self.rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        body.add(self.rest.get(..taken).unwrap_or_default());
        self.rest.drain(..taken);
        taken as u64
    }
}

/// The head that stands at the beginning: its length, and how its body comes. `None` when it has not come whole.
fn head(bytes: &[u8]) -> Result<Option<(usize, State)>, NoRequest> {
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut request = Request::new(&mut headers);
    let Status::Complete(length) = request.parse(bytes).map_err(|_| NoRequest)? else { return Ok(None) };
    let (Some(method), Some(target)) = (request.method, request.path) else { return Err(NoRequest) };
    let mut question = Question { method: method.to_owned(), ..Question::get(target) };
    let (mut size, mut is_chunked) = (0, false);
    for header in request.headers.iter() {
        let name = header.name.to_ascii_lowercase();
        let value = std::str::from_utf8(header.value).map_err(|_| NoRequest)?.trim();
        match name.as_str() {
            "content-length" => size = value.parse().map_err(|_| NoRequest)?,
            "transfer-encoding" => is_chunked = true,
            _ if DECIDING.contains(&name.as_str()) => question.headers.push((name, value.to_owned())),
            _ => {}
        }
    }
    // Lines of one name stay in their order.
    question.headers.sort_by(|a, b| a.0.cmp(&b.0));
    let body = Body(Some(question));
    Ok(Some((length, if is_chunked { State::Chunk(body) } else { State::Body(size, body) })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(body: &[u8]) -> Question {
        Question { method: "POST".to_owned(), body: body.to_vec(), ..Question::get("/api/v1/proofs") }
    }

    #[test]
    fn requests_are_read_however_their_bytes_are_cut() {
        let wire = b"GET /npm/@d%2fn?x=1 HTTP/1.1\r\nHost: h\r\nRANGE: bytes=0-1\r\nAccept: */*\r\nAuthorization: secret\r\n\r\n\
            POST /api/v1/proofs HTTP/1.1\r\nContent-Length: 3\r\nContent-Type: a/b\r\n\r\n{1}\
            POST /api/v1/proofs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\nT: u\r\n\r\n\
            HEAD /v2/ HTTP/1.1\r\nHost: h\r\n\r\n";
        let expected = [
            Question::get("/npm/@d%2fn?x=1").with("accept", "*/*").with("range", "bytes=0-1"),
            post(b"{1}").with("content-type", "a/b"),
            post(b"abc"),
            Question { method: "HEAD".to_owned(), ..Question::get("/v2/") },
        ];
        for size in [1, 2, 7, 64, wire.len()] {
            let mut requests = Requests::new();
            let found: Vec<Question> = wire.chunks(size).flat_map(|bytes| requests.take(bytes).unwrap()).collect();
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_writes_what_the_moment_decides_and_what_is_too_long_is_passed_over_and_the_next_is_read() {
        let long = format!("POST /npm/q HTTP/1.1\r\nContent-Length: {}\r\n\r\n{}", BODY_BYTES + 1, "x".repeat(BODY_BYTES + 1));
        for passed in [
            "POST /api/v1/events HTTP/1.1\r\nContent-Length: 2\r\n\r\nGE",
            "PUT /objects/sha256/00 HTTP/1.1\r\nContent-Length: 2\r\n\r\nGE",
            "GET /ready HTTP/1.1\r\n\r\n",
            &long,
        ] {
            let mut requests = Requests::new();
            let wire = format!("{passed}GET /next HTTP/1.1\r\n\r\n");
            assert_eq!(requests.take(wire.as_bytes()), Ok(vec![Question::get("/next")]), "{}", &passed[..20]);
        }
    }

    #[test]
    fn what_is_not_http_is_said_once() {
        for wire in ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\0\x16\x03\x01", "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"] {
            let mut requests = Requests::new();
            assert_eq!(requests.take(wire.as_bytes()), Err(NoRequest), "{wire:?}");
            assert_eq!(requests.take(b"GET / HTTP/1.1\r\n\r\n"), Ok(Vec::new()), "{wire:?}");
        }
    }

    #[test]
    fn a_try_of_tls_asks_nothing() {
        let mut requests = Requests::new();
        for bytes in [&b"\x16\x03\x01\0\x01\x02"[..], b"GET / HTTP/1.1\r\n\r\n"] {
            assert_eq!(requests.take(bytes), Ok(Vec::new()));
        }
    }

    #[test]
    fn a_question_is_the_same_after_its_line() {
        let question = post(b"\0\xff").with("if-none-match", "\"a\\b\"").with("accept", "x");
        assert_eq!(Question::of_line(&question.to_line()).unwrap(), question);
        assert!(Question::of_line("{}").is_err());
    }
}
