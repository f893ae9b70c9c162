//! One question to one resolver (RFC 1035, RFC 6891): over UDP from a port and with a number that nobody can guess, again over TCP if the
//! answer does not fit. Gives the records as bytes; looks at none of them and follows nothing.

use crate::limits;
use crate::trouble::{Trouble, shown};
use deedbox_dnssec::{Kind, Name, Record};
use hickory_net::NetError;
use hickory_net::proto::op::{DnsRequest, DnsRequestOptions, DnsResponse, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_net::proto::rr::{self, DNSClass, RecordType};
use hickory_net::proto::serialize::binary::{BinDecodable as _, BinEncodable as _};
use hickory_net::runtime::TokioRuntimeProvider;
use hickory_net::tcp::TcpClientStream;
use hickory_net::udp::UdpClientStream;
use hickory_net::xfer::{DnsHandle as _, DnsRequestSender as _, FirstAnswer as _};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// The types that are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    A,
    Aaaa,
    Txt,
    Ds,
    Dnskey,
}

impl Asked {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Asked::A => "A",
            Asked::Aaaa => "AAAA",
            Asked::Txt => "TXT",
            Asked::Ds => "DS",
            Asked::Dnskey => "DNSKEY",
        }
    }

    fn record_type(self) -> RecordType {
        match self {
            Asked::A => RecordType::A,
            Asked::Aaaa => RecordType::AAAA,
            Asked::Txt => RecordType::TXT,
            Asked::Ds => RecordType::DS,
            Asked::Dnskey => RecordType::DNSKEY,
        }
    }

    /// The type as its number.
    pub(crate) fn kind(self) -> Kind {
        Kind(self.record_type().into())
    }

    /// Whether it is asked for without the resolver's own judgement (the CD bit, RFC 4035 §3.2.2): for what is judged here, a record chain.
    /// Where a web server is nobody judges here, so there the resolver may.
    fn is_judged_here(self) -> bool {
        !matches!(self, Asked::A | Asked::Aaaa)
    }
}

/// What a resolver says.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Whether the name exists.
    pub(crate) name_exists: bool,
    /// The answer section, records of class IN.
    pub(crate) answers: Vec<Record>,
    /// The authority section, records of class IN.
    pub(crate) authorities: Vec<Record>,
}

/// One resolver, for one look.
#[derive(Debug)]
pub(crate) struct Asker {
    resolver: SocketAddr,
    patience: Duration,
}

impl Asker {
    /// Asks this resolver, and waits so long for each answer.
    pub(crate) fn new(resolver: SocketAddr, patience: Duration) -> Self {
        Asker { resolver, patience }
    }

    /// Who is asked.
    pub(crate) fn resolver(&self) -> SocketAddr {
        self.resolver
    }

    /// The answer to one question: that there are such records, or that there are not. Everything else is a trouble.
    pub(crate) async fn ask(&self, name: &Name, kind: Asked) -> Result<Answer, Trouble> {
        let nonsense = |why: String| Trouble::Nonsense { resolver: self.resolver, kind: kind.words(), name: name.clone(), why };
        let no_answer = |why: String| Trouble::NoAnswer { resolver: self.resolver, kind: kind.words(), name: name.clone(), why };
        let in_time = timeout(self.patience, exchange(self.resolver, query(name, kind).map_err(nonsense)?));
        let answered = in_time.await.map_err(|_| no_answer(format!("it was waited for {} seconds", self.patience.as_secs_f32())))?;
        let message = answered.map_err(|error| match error {
            NetError::Proto(error) => nonsense(shown(&error.to_string())),
            error => no_answer(shown(&error.to_string())),
        })?;
        match message.metadata.response_code {
            ResponseCode::NoError | ResponseCode::NXDomain => {}
            code => {
                let code = match code {
                    ResponseCode::ServFail => "SERVFAIL".to_owned(),
                    ResponseCode::Refused => "REFUSED".to_owned(),
                    ResponseCode::FormErr => "FORMERR".to_owned(),
                    ResponseCode::NotImp => "NOTIMP".to_owned(),
                    code => format!("code {}", u16::from(code)),
                };
                return Err(Trouble::Failed { resolver: self.resolver, kind: kind.words(), name: name.clone(), code });
            }
        }
        read(&message, name, kind).map_err(nonsense)
    }
}

/// The question, with everything that a signed answer needs: EDNS with the DO bit (RFC 3225).
fn query(name: &Name, kind: Asked) -> Result<DnsRequest, String> {
    let name = rr::Name::from_bytes(name.wire()).map_err(|e| e.to_string())?;
    let mut options = DnsRequestOptions::default();
    options.use_edns = true;
    options.edns_set_dnssec_ok = true;
    options.edns_payload_len = limits::DATAGRAM_BYTES;
    options.recursion_desired = true;
    options.retry_interval = limits::AGAIN;
    let mut request = DnsRequest::from_query(Query::query(name, kind.record_type()), options);
    request.metadata.checking_disabled = kind.is_judged_here();
    Ok(request)
}

/// Sends it, and gives the answer in full. A datagram with another number, from another address or to another question is passed over.
async fn exchange(resolver: SocketAddr, request: DnsRequest) -> Result<DnsResponse, NetError> {
    let network = TokioRuntimeProvider::new();
    // Longer than anybody waits here: the time limit is the caller's.
    let no_limit = Some(limits::LOOK * 10);
    let mut udp = UdpClientStream::builder(resolver, network.clone())
        .with_timeout(no_limit)
        .with_max_retries(limits::TRIES)
        .with_retry_interval_floor(limits::AGAIN.as_millis() as u64)
        .build();
    let answer = udp.send_message(request.clone()).first_answer().await?;
    if !answer.metadata.truncation {
        return Ok(answer);
    }
    let tcp = TcpClientStream::exchange(resolver, None, limits::LOOK * 10, None, network).await?;
    tcp.send(request).first_answer().await
}

/// The records of an answer to exactly this question.
fn read(message: &Message, name: &Name, kind: Asked) -> Result<Answer, String> {
    let head = &message.metadata;
    if head.message_type != MessageType::Response || head.op_code != OpCode::Query {
        return Err("it is not an answer to a question".to_owned());
    }
    if head.truncation {
        return Err("it is cut off".to_owned());
    }
    match message.queries.as_slice() {
        [query] if owner(&query.name)? == *name && query.query_type == kind.record_type() && query.query_class == DNSClass::IN => {}
        _ => return Err("it repeats another question".to_owned()),
    }
    Ok(Answer {
        name_exists: head.response_code == ResponseCode::NoError,
        answers: records(&message.answers)?,
        authorities: records(&message.authorities)?,
    })
}

fn records(section: &[rr::Record]) -> Result<Vec<Record>, String> {
    if section.len() > limits::ANSWER_RECORDS {
        return Err(format!("it has {} records in a section, and at most {} are looked at", section.len(), limits::ANSWER_RECORDS));
    }
    section.iter().filter(|record| record.dns_class == DNSClass::IN).map(record).collect()
}

/// A record as its bytes: the library has no types for those of DNSSEC here and leaves them as they are.
fn record(record: &rr::Record) -> Result<Record, String> {
    let rdata = record.data.to_bytes().map_err(|e| format!("a record cannot be written: {e}"))?;
    Ok(Record { owner: owner(&record.name)?, kind: Kind(record.record_type().into()), ttl: record.ttl, rdata })
}

fn owner(name: &rr::Name) -> Result<Name, String> {
    let mut wire = Vec::with_capacity(usize::from(u8::MAX));
    for label in name.iter() {
        wire.push(u8::try_from(label.len()).map_err(|_| "a label is too long".to_owned())?);
        wire.extend_from_slice(label);
    }
    wire.push(0);
    Name::from_wire(&wire).map_err(|fault| format!("it has a name that is not valid: {fault}"))
}
