//! The access log: a line for each request, when its answer has ended (docs/guides/operate.md). What strangers wrote is escaped, so that a line
//! is a line. Says nothing of headers and queries: permits and searches are nobody's business.

use crate::clock::now;
use crate::limits::PATH_SHOWN;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{Method, Request};
use hyper::body::{Frame, SizeHint};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// Takes each line, without its end. Must not block.
pub type AccessSink = Arc<dyn Fn(&str) + Send + Sync>;

/// One request that is being answered.
pub(crate) struct Accessed {
    sink: AccessSink,
    began: Instant,
    client: IpAddr,
    method: Method,
    path: String,
    status: u16,
    sent: u64,
}

impl Accessed {
    pub(crate) fn new<B>(sink: AccessSink, client: IpAddr, request: &Request<B>) -> Self {
        let (method, path) = (request.method().clone(), escaped(request.uri().path()));
        Accessed { sink, began: Instant::now(), client, method, path, status: 0, sent: 0 }
    }

    /// The answer, whose end writes the line.
    pub(crate) fn answered(mut self, response: Response) -> Response {
        self.status = response.status().as_u16();
        response.map(|body| Body::new(Counted { body, accessed: self }))
    }
}

/// However it ends: a client that hangs up has a line too, with the bytes that went.
impl Drop for Accessed {
    fn drop(&mut self) {
        let (time, ms) = (now().to_rfc3339(), self.began.elapsed().as_millis());
        let Accessed { client, method, path, status, sent, .. } = self;
        (self.sink)(&format!("{time} {client} {} {path} {status} {sent} {ms}", escaped(method.as_str())));
    }
}

/// A text of a stranger as one word of printable ASCII.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(PATH_SHOWN));
    for (at, byte) in text.bytes().enumerate() {
        if at == PATH_SHOWN {
            out.push_str("...");
            break;
        }
        match byte {
            b'\\' | b'"' => _ = write!(out, "\\x{byte:02x}"),
            _ if byte.is_ascii_graphic() => out.push(char::from(byte)),
            _ => _ = write!(out, "\\x{byte:02x}"),
        }
    }
    if out.is_empty() { "-".to_owned() } else { out }
}

/// A body that counts what is sent.
struct Counted {
    body: Body,
    accessed: Accessed,
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.accessed.sent += data.len() as u64;
        }
        frame
    }
    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }
    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_is_one_word_of_a_line() {
        for (text, word) in [
            ("/npm/@acme.example%2fwidget", "/npm/@acme.example%2fwidget"),
            ("/a b\n200\u{1b}[2J\u{202e}", "/a\\x20b\\x0a200\\x1b[2J\\xe2\\x80\\xae"),
            ("/\\\"", "/\\x5c\\x22"),
            ("", "-"),
        ] {
            assert_eq!(escaped(text), word);
        }
        assert_eq!(escaped(&"a".repeat(40_000)).len(), PATH_SHOWN + 3);
    }
}
