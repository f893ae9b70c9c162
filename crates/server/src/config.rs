//! What an operator decides (docs/ARCHITECTURE.md, "Composition"). Reads no file and no environment: the binary does.

use crate::clock::WallClock;
use crate::limits;
use deedbox_model::{DnsAnchor, Origin, SuffixRule, said};
use http::HeaderName;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of one registry.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory; made where it is missing.
    pub data: PathBuf,
    /// Under which URL clients reach it.
    pub public_url: PublicUrl,
    /// The origin that a new log gets instead of the one that the public URL gives. An existing log keeps its own, and refuses another.
    pub origin: Option<Origin>,
    /// Whether claims below `localhost` are taken: only where the listener is a loopback address.
    pub allow_local_claims: bool,
    /// Where trust in DNS begins. Where it is not what the rules say, the start changes them; none leaves them as they are, and a new log has
    /// the root's own.
    pub dns_anchors: Option<Vec<DnsAnchor>>,
    /// The public suffix list. Where it is not the one in force, the start changes that; none leaves it as it is.
    pub suffixes: Option<BTreeSet<SuffixRule>>,
    /// Bytes of one object.
    pub max_object_bytes: u64,
    /// Bytes that a domain may have uploaded and not published.
    pub pending_bytes_per_domain: u64,
    /// Requests under way that are not answered from memory; past it 503. As many bodies are awaited, as many uploads, and as many
    /// downloads.
    pub max_requests: usize,
    /// Bytes that requests may hold in memory altogether, beside the two caches.
    pub memory_bytes: u64,
    /// The header in which a proxy on a loopback address says who asks: the last address in it shares fairly with others. Of nobody else
    /// is it read.
    pub client_address_header: Option<HeaderName>,
    /// Bytes of assembled answers in memory.
    pub answer_cache_bytes: u64,
    /// Bytes of objects and of the log's files in memory.
    pub object_cache_bytes: u64,
    /// How long things may take.
    pub times: Times,
    /// Serve what is there, take nothing, and write nothing to the data directory.
    pub read_only: bool,
    /// This machine's clock.
    pub clock: WallClock,
    /// The operator's word, for this start, that the clock is right, however far it is ahead of what this registry knows of.
    pub accept_clock: bool,
}

impl Config {
    /// Sets the header in which a proxy on a loopback address says who asks.
    pub fn set_client_address_header(&mut self, name: &str) -> Result<(), BadHeader> {
        self.client_address_header = Some(HeaderName::try_from(name).map_err(|_| BadHeader(name.chars().take(200).collect()))?);
        Ok(())
    }

    /// With the usual limits.
    pub fn new(data: impl Into<PathBuf>, public_url: PublicUrl) -> Self {
        let policy = deedbox_intake::Policy::default();
        Config {
            data: data.into(),
            public_url,
            origin: None,
            allow_local_claims: false,
            dns_anchors: None,
            suffixes: None,
            max_object_bytes: policy.max_object_bytes,
            pending_bytes_per_domain: policy.pending_bytes_per_domain,
            max_requests: limits::REQUESTS,
            memory_bytes: limits::MEMORY_BYTES,
            client_address_header: None,
            answer_cache_bytes: limits::ANSWER_CACHE_BYTES,
            object_cache_bytes: limits::OBJECT_CACHE_BYTES,
            times: Times::default(),
            read_only: false,
            clock: WallClock::default(),
            accept_clock: false,
        }
    }
}

/// How long things may take. The usual times and their reasons are in `limits`; who runs a registry for a test waits less.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// To send headers, and to begin the next request on a connection.
    pub header: Duration,
    /// For an answer, but for the bytes of objects.
    pub answer: Duration,
    /// Without a byte, after which an upload or a download is given up.
    pub stall: Duration,
    /// For a place of work or for memory, before a request is refused.
    pub wait: Duration,
    /// In which a least number of bytes of an upload or a download has to move.
    pub pace: Duration,
    /// For requests under way to finish when the server stops.
    pub stop: Duration,
    /// Between two sweeps of objects that nobody refers to.
    pub sweep_every: Duration,
    /// How long an upload that nobody refers to is kept.
    pub unreferenced: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            header: limits::HEADER_TIME,
            answer: limits::ANSWER_TIME,
            stall: limits::STALL_TIME,
            pace: limits::PACE_TIME,
            wait: limits::WAIT_TIME,
            stop: limits::STOP_TIME,
            sweep_every: limits::SWEEP_EVERY,
            unreferenced: Duration::from_millis(deedbox_intake::UNREFERENCED_MS),
        }
    }
}

/// Why a text is not the name of a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a header; give one like X-Forwarded-For")]
pub struct BadHeader(String);

/// Scheme, host, port and path under which clients reach a registry: `https://registry.example`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    text: String,
    origin: Option<Origin>,
    is_of_this_machine: bool,
}

/// Why a text is not a public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url:?} cannot be a public URL: {why}; give one like https://registry.example")]
pub struct BadUrl {
    url: String,
    why: &'static str,
}

impl PublicUrl {
    /// Reads it; slashes at the end are dropped.
    pub fn parse(url: &str) -> Result<Self, BadUrl> {
        let bad = |why| Err(BadUrl { url: url.chars().take(200).collect(), why });
        let text = url.trim_end_matches('/');
        let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
            return bad("it does not begin with https:// or http://");
        };
        if url.len() > limits::PUBLIC_URL_BYTES || !rest.bytes().all(|b| b.is_ascii_graphic()) {
            return bad(said!("it is longer than {} bytes or not printable ASCII", limits::PUBLIC_URL_BYTES));
        }
        if rest.contains(['?', '#', '@', '\\', '"', '<', '>', '%']) {
            return bad("it holds a user, a query, a fragment or characters that need escaping");
        }
        let (authority, path) = rest.split_once('/').map_or((rest, None), |(authority, path)| (authority, Some(path)));
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => host,
            Some((_, end)) if end.ends_with(']') => authority,
            Some(_) => return bad("its port is not a number"),
            None => authority,
        };
        if host.is_empty() {
            return bad("it has no host");
        }
        let host = host.to_ascii_lowercase();
        let is_of_this_machine = is_of_this_machine(&host);
        let prefix = path.map_or(host.clone(), |path| format!("{host}/{path}"));
        let origin = Origin::parse(&format!("{prefix}/log")).ok().filter(|_| !is_of_this_machine);
        Ok(PublicUrl { text: text.to_owned(), origin, is_of_this_machine })
    }

    /// Without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The log's prefix, without scheme and port; none where that is not an origin, as with an IPv6 address, or is the same on every machine.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// Whether its host means another machine to everybody else: a loopback address, or every address of this one.
    pub fn is_of_this_machine(&self) -> bool {
        self.is_of_this_machine
    }
}

fn is_of_this_machine(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host).parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_gives_the_prefix_of_its_log_without_scheme_and_port() {
        for (url, text, origin) in [
            ("https://registry.example", "https://registry.example", Some("registry.example/log")),
            ("http://192.0.2.7:8080/", "http://192.0.2.7:8080", Some("192.0.2.7/log")),
            ("https://Registry.example:8443/team//", "https://Registry.example:8443/team", Some("registry.example/team/log")),
            ("http://[2001:db8::1]:80", "http://[2001:db8::1]:80", None),
            ("http://localhosts.example", "http://localhosts.example", Some("localhosts.example/log")),
        ] {
            let url = PublicUrl::parse(url).unwrap();
            assert_eq!((url.as_str(), url.origin().map(Origin::as_str)), (text, origin));
            assert!(!url.is_of_this_machine());
        }
        let here = [
            "127.0.0.1",
            "127.8.8.8:80",
            "localhost",
            "LOCALHOST:1",
            "a.localhost",
            "[::1]",
            "[::1]:8417",
            "0.0.0.0:8417",
            "[::]:1",
            "localhost/team",
        ];
        for here in here {
            let url = PublicUrl::parse(&format!("http://{here}")).unwrap();
            assert!(url.is_of_this_machine() && url.origin().is_none(), "{here}");
        }
        for bad in ["", "registry.example", "ftp://a.b", "https://", "https://a.b?x", "https://u@a.b", "https://a.b:x", "https://a b"] {
            assert!(PublicUrl::parse(bad).is_err(), "{bad:?}");
        }
    }
}
