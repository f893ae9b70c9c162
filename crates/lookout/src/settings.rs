//! What an operator decides about looking, and the resolvers that the system names in resolv.conf. Reads one file, and asks nobody.

use crate::limits;
use crate::trouble::BadSettings;
use deedbox_dnssec::Anchor;
use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Where the system names its resolvers.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How to look.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The keys of the root zone that a record chain begins at.
    pub anchors: Vec<Anchor>,
    /// Recursive resolvers, asked one after another; the system's own if none is given.
    pub resolvers: Vec<SocketAddr>,
    /// Certificate authorities in PEM that are trusted besides the system's: of a closed network.
    pub extra_roots: Vec<u8>,
    /// Whether a domain may lead to an address that is not public: in a closed network.
    pub allow_private_addresses: bool,
    /// The port of web servers: 443, but in tests and closed networks.
    pub https_port: u16,
    /// Time for one look ([`limits::LOOK`]).
    pub look: Duration,
    /// Time for one answer of a resolver ([`limits::ANSWER`]).
    pub answer: Duration,
}

impl Settings {
    /// For the public internet, with these keys of the root zone.
    pub fn new(anchors: Vec<Anchor>) -> Self {
        Settings {
            anchors,
            resolvers: Vec::new(),
            extra_roots: Vec::new(),
            allow_private_addresses: false,
            https_port: 443,
            look: limits::LOOK,
            answer: limits::ANSWER,
        }
    }
}

/// Whom to ask first, and whom then.
pub(crate) fn resolvers(settings: &Settings) -> Result<(SocketAddr, Vec<SocketAddr>), BadSettings> {
    let all = if settings.resolvers.is_empty() { systems()? } else { settings.resolvers.clone() };
    match all.split_first() {
        Some((first, others)) if all.len() <= limits::RESOLVERS => Ok((*first, others.to_vec())),
        Some(_) => Err(BadSettings::ManyResolvers { set: all.len() }),
        None => Err(BadSettings::NoResolver { path: RESOLV_CONF, why: "it has no line with the address of a nameserver".to_owned() }),
    }
}

fn systems() -> Result<Vec<SocketAddr>, BadSettings> {
    let none = |why: String| BadSettings::NoResolver { path: RESOLV_CONF, why };
    let mut text = String::new();
    let file = File::open(RESOLV_CONF).map_err(|e| none(e.to_string()))?;
    file.take(limits::RESOLV_CONF_BYTES).read_to_string(&mut text).map_err(|e| none(e.to_string()))?;
    Ok(named(&text))
}

/// The lines `nameserver ADDRESS` of resolv.conf, as many as libc reads. An address with a zone (`fe80::1%eth0`) is passed over.
fn named(text: &str) -> Vec<SocketAddr> {
    let addresses = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()?.parse::<IpAddr>().ok()
    });
    addresses.take(limits::RESOLVERS).map(|address| SocketAddr::new(address, 53)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_resolvers_are_read_as_libc_reads_them() {
        let text = "# nameserver 192.0.2.9\nsearch acme.example\nnameserver 192.0.2.1\nnameserver  2001:db8::1 # second\n\
            nameserver fe80::1%eth0\nnameserver\nnameservers 192.0.2.8\noptions edns0\n\tnameserver 192.0.2.3\nnameserver 192.0.2.4\n";
        let all: Vec<String> = named(text).iter().map(SocketAddr::to_string).collect();
        assert_eq!(all, ["192.0.2.1:53", "[2001:db8::1]:53", "192.0.2.3:53"]);
        assert!(named("").is_empty());
    }

    #[test]
    fn resolvers_that_are_set_are_asked_and_no_more_than_the_limit() {
        let of = |count: u8| {
            let resolvers = (1..=count).map(|n| SocketAddr::from(([192, 0, 2, n], 53))).collect();
            super::resolvers(&Settings { resolvers, ..Settings::new(Vec::new()) })
        };
        assert_eq!(of(3).unwrap().1.len(), 2);
        assert_eq!(of(4), Err(BadSettings::ManyResolvers { set: 4 }));
    }
}
