//! A resolver that answers what a test wants, over real datagrams: for answers that no honest one gives. It has no zones and knows nothing; the
//! answers are bytes that the test writes. Honest resolvers are in `nameservers`.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::Context as _;
use tokio::net::UdpSocket;

/// A question that came in: its bytes, and how many of its type came before.
#[derive(Debug, Clone)]
pub struct Question {
    bytes: Vec<u8>,
    /// The type that is asked for.
    pub kind: u16,
    /// How many questions of this type came before.
    pub before: usize,
}

impl Question {
    fn read(bytes: &[u8], seen: &[u16]) -> Option<Self> {
        // RFC 1035 §4.1: a head of 12 bytes, the name, type and class.
        let mut at = 12;
        while let length @ 1.. = *bytes.get(at)? {
            at += usize::from(length) + 1;
        }
        let end = at + 5;
        let kind = u16::from_be_bytes(bytes.get(at + 1..at + 3)?.try_into().ok()?);
        let before = seen.iter().filter(|seen| **seen == kind).count();
        Some(Question { bytes: bytes.get(..end)?.to_vec(), kind, before })
    }

    /// The answer with these records, each of the name that was asked for: their types and data.
    pub fn answer(&self, records: &[(u16, &[u8])]) -> Vec<u8> {
        self.answer_of(0, &[0xc0, 12], records)
    }

    /// The answer with a code (RFC 1035 §4.1.1: 2 is SERVFAIL) and no record.
    pub fn code(&self, code: u8) -> Vec<u8> {
        self.answer_of(code, &[], &[])
    }

    /// The answer with these records of another name, in wire form.
    pub fn answer_of(&self, code: u8, owner: &[u8], records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut answer = self.bytes.clone();
        let head = [0x81, 0x80 | code, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        answer.splice(2..12, head);
        for (kind, data) in records {
            answer.extend_from_slice(owner);
            answer.extend_from_slice(&kind.to_be_bytes());
            answer.extend_from_slice(&[0, 1, 0, 0, 0, 0]);
            answer.extend_from_slice(&(data.len() as u16).to_be_bytes());
            answer.extend_from_slice(data);
        }
        answer
    }
}

/// The resolver. It ends with the test's runtime.
#[derive(Debug)]
pub struct Resolver {
    address: SocketAddr,
    kinds: Arc<Mutex<Vec<u16>>>,
}

impl Resolver {
    /// Answers each question with these datagrams, in their order.
    ///
    /// # Errors
    /// When nothing can listen on loopback.
    pub async fn start(answers: impl Fn(&Question) -> Vec<Vec<u8>> + Send + Sync + 'static) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.context("nothing can listen on loopback")?;
        let resolver = Resolver { address: socket.local_addr()?, kinds: Arc::default() };
        let kinds = resolver.kinds.clone();
        tokio::spawn(async move {
            let mut bytes = [0; 1_500];
            while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
                let question = {
                    let mut kinds = kinds.lock().unwrap_or_else(PoisonError::into_inner);
                    let question = bytes.get(..length).and_then(|bytes| Question::read(bytes, &kinds));
                    kinds.extend(question.as_ref().map(|question| question.kind));
                    question
                };
                for datagram in question.iter().flat_map(&answers) {
                    // Whoever asked may be gone.
                    let _ = socket.send_to(&datagram, from).await;
                }
            }
        });
        Ok(resolver)
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many questions of this type came.
    pub fn asked(&self, kind: u16) -> usize {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|seen| **seen == kind).count()
    }
}
