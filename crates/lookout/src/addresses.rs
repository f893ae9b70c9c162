//! Where the web server of a domain is: the addresses that its name leads to, over aliases, each checked before it is used. Connects to none.

use crate::ask::{Asked, Asker};
use crate::limits;
use crate::public::why_not_public;
use crate::trouble::Trouble;
use deedbox_dnssec::{Kind, Name, Record};
use deedbox_model::Domain;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses of a domain that may be connected to, IPv4 first.
pub(crate) async fn of(asker: Asker, domain: &Domain, name: &Name, allow_private: bool) -> Result<Vec<IpAddr>, Trouble> {
    let (mut found, mut failed) = (Vec::new(), None);
    for asked in [Asked::A, Asked::Aaaa] {
        match asker.ask(name, asked).await {
            Ok(answer) => found.extend(at_the_end(name, asked, &answer.answers)),
            Err(trouble) => failed = failed.or(Some(trouble)),
        }
    }
    let refused = found.iter().find_map(|address| Some((*address, why_not_public(*address)?)));
    if !allow_private {
        found.retain(|address| why_not_public(*address).is_none());
    }
    found.truncate(limits::ADDRESSES);
    match (found.is_empty(), refused, failed) {
        (false, ..) => Ok(found),
        (true, Some((address, what)), _) => Err(Trouble::NotPublic { domain: domain.clone(), address, what }),
        (true, None, Some(trouble)) => Err(trouble),
        (true, None, None) => {
            let why = "DNS knows no address of that name";
            Err(Trouble::NothingThere { kind: "A or AAAA", name: name.clone(), why })
        }
    }
}

/// The addresses at the name, or where its aliases in the same answer end.
fn at_the_end(name: &Name, asked: Asked, answers: &[Record]) -> Vec<IpAddr> {
    let mut name = name.clone();
    for _ in 0..=limits::ALIASES {
        let at_name = |kind: Kind| answers.iter().filter(move |record| record.kind == kind).filter(|record| record.owner == name);
        let found: Vec<IpAddr> = at_name(asked.kind()).filter_map(address).collect();
        if !found.is_empty() {
            return found;
        }
        let alias = at_name(Kind::CNAME).find_map(|record| Name::from_wire(&record.rdata).ok());
        let Some(alias) = alias else { break };
        name = alias;
    }
    Vec::new()
}

fn address(record: &Record) -> Option<IpAddr> {
    let v4 = || <[u8; 4]>::try_from(record.rdata.as_slice()).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)));
    let v6 = || <[u8; 16]>::try_from(record.rdata.as_slice()).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)));
    v4().or_else(|_| v6()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn record(owner: &str, kind: Kind, rdata: &[u8]) -> Record {
        Record { owner: name(owner), kind, ttl: 60, rdata: rdata.to_vec() }
    }

    fn alias(from: &str, to: &str) -> Record {
        record(from, Kind::CNAME, name(to).wire())
    }

    #[test]
    fn aliases_are_followed_to_their_end_and_no_further() {
        let a = Asked::A.kind();
        let answers = [alias("www.acme.test", "a.test"), alias("a.test", "b.test"), record("b.test", a, &[192, 0, 2, 1])];
        assert_eq!(at_the_end(&name("www.acme.test"), Asked::A, &answers), [IpAddr::from([192, 0, 2, 1])]);
        let circle = [alias("a.test", "b.test"), alias("b.test", "a.test")];
        assert!(at_the_end(&name("a.test"), Asked::A, &circle).is_empty());
        let many: Vec<Record> = (0..20).map(|n| alias(&format!("a{n}.test"), &format!("a{}.test", n + 1))).collect();
        let many = [many, vec![record("a20.test", a, &[192, 0, 2, 1])]].concat();
        assert!(at_the_end(&name("a0.test"), Asked::A, &many).is_empty(), "too many");
        assert!(!at_the_end(&name("a12.test"), Asked::A, &many).is_empty(), "as many as may be");
    }

    #[test]
    fn records_of_other_names_and_of_other_types_are_no_addresses_of_this_one() {
        let answers = [
            record("other.test", Asked::A.kind(), &[192, 0, 2, 1]),
            record("acme.test", Kind::TXT, &[3, b'a', b'b', b'c']),
            record("acme.test", Asked::A.kind(), &[192, 0, 2]),
        ];
        assert!(at_the_end(&name("acme.test"), Asked::A, &answers).is_empty());
    }
}
