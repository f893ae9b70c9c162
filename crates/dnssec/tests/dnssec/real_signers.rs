//! Zones that BIND and ldns have signed (`fixtures/README.md`): every algorithm, NSEC, NSEC3 and opt-out, at a fixed time.

use deedbox_dnssec::{Anchor, Delegation, Fault, Gatherer, How, Kind, Name, Record, Unsigned, texts, unsigned};

use crate::{
    signer::{AT, name},
    zonefile,
};

/// What a signer has made of the root, `test` and `acme.test`.
struct Zones {
    anchors: Vec<Anchor>,
    records: Vec<Record>,
}

impl Zones {
    /// The first line is a comment with the root's DS record.
    fn read(text: &str) -> Zones {
        let fields: Vec<&str> = text.lines().next().unwrap().strip_prefix("; anchor ").unwrap().split(' ').collect();
        let anchor = Anchor {
            key_tag: fields[0].parse().unwrap(),
            algorithm: fields[1].parse().unwrap(),
            digest_type: fields[2].parse().unwrap(),
            digest: hex::decode(fields[3]).unwrap(),
        };
        Zones { anchors: vec![anchor], records: zonefile::read(text) }
    }

    /// A gatherer that has come to `test`.
    fn at_test(&self, to: &Name) -> Gatherer {
        let mut gatherer = Gatherer::new(&self.anchors, to, AT);
        gatherer.keys(&self.records).unwrap();
        assert_eq!(gatherer.delegation(&name("test"), &self.records), Ok(Delegation::Signed));
        gatherer.keys(&self.records).unwrap();
        gatherer
    }

    /// What `test` says of a name that has no DS record: of all its denials, since these zones are small.
    fn absence(&self, domain: &Name) -> (Result<Unsigned, Fault>, Vec<u8>) {
        let of_test = |owner: &Name| owner.is_within(&name("test")) && !owner.is_within(&name("acme.test")) || *owner == name("acme.test");
        let denials = [Kind::NSEC, Kind::NSEC3];
        let signed_by_test = |record: &&Record| {
            of_test(&record.owner)
                && (denials.contains(&record.kind) || record.kind == Kind::RRSIG && record.rdata[18..].starts_with(b"\x04test\0"))
        };
        let authority: Vec<Record> = self
            .records
            .iter()
            .filter(signed_by_test)
            // The child's own NSEC record at its top is in another zone.
            .filter(|record| !(record.kind == Kind::NSEC && record.owner == name("acme.test") && record.rdata.starts_with(b"\x08_deedbox")))
            .cloned()
            .collect();
        let mut gatherer = self.at_test(domain);
        let shown = gatherer.absence(&authority);
        (shown, gatherer.chain().to_vec())
    }
}

fn check(zones: &Zones, how: How) {
    let owner = name("_deedbox.acme.test");
    let mut gatherer = zones.at_test(&owner);
    assert_eq!(gatherer.delegation(&name("acme.test"), &zones.records), Ok(Delegation::Signed));
    gatherer.keys(&zones.records).unwrap();
    let mut values = gatherer.texts(&zones.records).unwrap();
    assert_eq!(texts(gatherer.chain(), &zones.anchors, &owner, AT), Ok(values.clone()));
    values.sort();
    let claim = "deedbox-claim=sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    assert_eq!(values, [&b"another text"[..], claim.as_bytes()]);
    let before = 1_700_000_000;
    assert!(matches!(texts(gatherer.chain(), &zones.anchors, &owner, before), Err(Fault::NotYetValid { .. })));

    for domain in ["plain.test", "www.plain.test"] {
        let (shown, chain) = zones.absence(&name(domain));
        assert_eq!(shown, Ok(Unsigned { delegation: name("plain.test"), how }), "{domain}");
        assert_eq!(unsigned(&chain, &zones.anchors, &name(domain), AT), shown);
    }
    // A signed zone is not passed off as an unsigned one, whatever of its parent is shown.
    let (shown, _) = zones.absence(&name("acme.test"));
    assert!(matches!(shown, Err(Fault::HasDs(_))), "{shown:?}");
}

#[test]
fn bind_with_nsec() {
    let zones = Zones::read(include_str!("../fixtures/bind-nsec.zone"));
    check(&zones, How::Nsec);
    let deep = name("deep.co.test");
    assert_eq!(zones.absence(&deep).0, Ok(Unsigned { delegation: deep, how: How::Nsec }));
}

#[test]
fn bind_with_nsec3() {
    let zones = Zones::read(include_str!("../fixtures/bind-nsec3.zone"));
    check(&zones, How::Nsec3);
    let deep = name("deep.co.test");
    assert_eq!(zones.absence(&deep).0, Ok(Unsigned { delegation: deep, how: How::Nsec3 }));
    // A name that only has names below it is there, and is not a delegation.
    assert_eq!(zones.absence(&name("co.test")).0, Err(Fault::NotADelegation(name("co.test"))));
}

#[test]
fn bind_with_opt_out() {
    let zones = Zones::read(include_str!("../fixtures/bind-opt-out.zone"));
    check(&zones, How::OptOut);
}

#[test]
fn ldns_with_nsec() {
    check(&Zones::read(include_str!("../fixtures/ldns-nsec.zone")), How::Nsec);
}

#[test]
fn ldns_with_nsec3() {
    check(&Zones::read(include_str!("../fixtures/ldns-nsec3.zone")), How::Nsec3);
}
