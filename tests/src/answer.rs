//! What a registry answers to a question, as it stood on the wire: no redirect is followed and nothing is unpacked (RFC 9110).

use std::{fmt, net::SocketAddr, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use sha2::{Digest as _, Sha256};
use tokio::{net::TcpStream, time::timeout};

use crate::asked::Question;

/// Headers that differ between two answers to one question.
const OF_THE_MOMENT: [&str; 2] = ["date", "x-request-id"];
/// A registry that takes longer hangs.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// An answer, with the digest of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200, 304, …
    pub status: u16,
    /// All but those of the moment, by name.
    pub headers: Vec<(String, String)>,
    /// Bytes that came.
    pub size: u64,
    /// Of them, in hex; nothing when the answer ended before its end, for how much comes then is chance.
    pub sha256: Option<String>,
}

impl Answer {
    /// Of an answer's parts; header values may hold any bytes.
    pub fn new<'a>(status: u16, headers: impl IntoIterator<Item = (&'a str, &'a [u8])>, bytes: &[u8]) -> Self {
        let headers = headers.into_iter().filter(|(name, _)| !OF_THE_MOMENT.contains(name));
        let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), text(value))).collect();
        // Lines of one name stay in their order.
        headers.sort_by(|a, b| a.0.cmp(&b.0));
        Answer { status, headers, size: bytes.len() as u64, sha256: Some(hex::encode(Sha256::digest(bytes))) }
    }

    /// The same, ended before its end.
    #[must_use]
    pub fn cut(self) -> Self {
        Answer { size: 0, sha256: None, ..self }
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sha256 {
            Some(sha256) => write!(f, "{} with {} bytes ({sha256}) and", self.status, self.size)?,
            None => write!(f, "{}, ended too early, and", self.status)?,
        }
        self.headers.iter().try_for_each(|(name, value)| write!(f, " {name}: {value};"))
    }
}

/// What is not a text is shown so that two values stay two.
fn text(value: &[u8]) -> String {
    std::str::from_utf8(value).map_or_else(|_| format!("bytes {}", value.escape_ascii()), str::to_owned)
}

/// One question after the other on one connection, or on another one when the registry has closed it.
///
/// # Errors
/// When the registry cannot be reached, does not answer in time, or HTTP cannot carry a question.
pub async fn ask(at: SocketAddr, host: &str, questions: &[Question]) -> anyhow::Result<Vec<Answer>> {
    let mut connection = connect(at).await?;
    let mut answers = Vec::with_capacity(questions.len());
    for question in questions {
        if connection.ready().await.is_err() {
            connection = connect(at).await?;
        }
        let answer = timeout(ANSWER_TIME, one(&mut connection, host, question)).await;
        answers.push(answer.context("no answer came in time").flatten().with_context(|| question.to_line())?);
    }
    Ok(answers)
}

async fn connect(at: SocketAddr) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(at).await.with_context(|| format!("{at} cannot be reached"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with its sender, or with an error that the sender says too.
    tokio::spawn(connection);
    Ok(sender)
}

async fn one(connection: &mut SendRequest<Full<Bytes>>, host: &str, question: &Question) -> anyhow::Result<Answer> {
    let mut request = Request::builder().method(question.method.as_str()).uri(&question.target).header("host", host);
    for (name, value) in &question.headers {
        request = request.header(name, value);
    }
    let response = connection.send_request(request.body(Full::from(question.body.clone()))?).await?;
    let (parts, mut body) = response.into_parts();
    let headers = parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    let answer = Answer::new(parts.status.as_u16(), headers, b"");
    let (mut size, mut hash) = (0, Sha256::new());
    while let Some(frame) = body.frame().await {
        // A damaged object ends an answer early: that is an answer too.
        let Ok(frame) = frame else { return Ok(answer.cut()) };
        if let Some(bytes) = frame.data_ref() {
            size += bytes.len() as u64;
            hash.update(bytes);
        }
    }
    Ok(Answer { size, sha256: Some(hex::encode(hash.finalize())), ..answer })
}
