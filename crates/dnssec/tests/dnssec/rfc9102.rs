//! The test vectors of RFC 9102 that concern chains like ours, made by others with others' software (`fixtures/README.md`).

use deedbox_dnssec::{Anchor, Delegation, Fault, Gatherer, How, Record, Unsigned, texts, unsigned};

use crate::{signer::name, zonefile};

/// A time at which its signatures are valid: 1 June 2019.
const AT: u64 = 1_559_347_200;

fn anchors() -> Vec<Anchor> {
    let digest = hex::decode("2eb6e9f2480126691594d649a5a613de3052e37861634641bb568746f2ffc4d4").unwrap();
    vec![Anchor { key_tag: 47_005, algorithm: 13, digest_type: 2, digest }]
}

#[test]
fn the_chain_of_appendix_a_1_leads_to_its_zone() {
    let bytes = hex::decode(include_str!("../fixtures/rfc9102-a1.hex").trim()).unwrap();
    let mut records = Vec::new();
    let mut rest = &bytes[..];
    while !rest.is_empty() {
        let (record, length) = Record::read(rest).unwrap();
        records.push(record);
        rest = &rest[length..];
    }
    let owner = name("_443._tcp.www.example.com");
    let mut gatherer = Gatherer::new(&anchors(), &owner, AT);
    gatherer.keys(&records).unwrap();
    for zone in ["com", "example.com"] {
        assert_eq!(gatherer.delegation(&name(zone), &records), Ok(Delegation::Signed), "{zone}");
        gatherer.keys(&records).unwrap();
    }
    assert_eq!(texts(gatherer.chain(), &anchors(), &owner, AT), Err(Fault::Ends(name("example.com"))));
    // Two years later, its first signature has expired.
    let later = Gatherer::new(&anchors(), &owner, AT + 2 * 365 * 86_400).keys(&records);
    assert_eq!(later.unwrap_err().to_string(), "the signature of the DNSKEY records at . had expired");
}

#[test]
fn the_delegation_that_is_left_out_is_unsigned() {
    let records = zonefile::read(include_str!("../fixtures/rfc9102-opt-out.zone"));
    let domain = name("www.insecure.example");
    let mut gatherer = Gatherer::new(&anchors(), &domain, AT);
    gatherer.keys(&records).unwrap();
    gatherer.delegation(&name("example"), &records).unwrap();
    gatherer.keys(&records).unwrap();
    let shown = Ok(Unsigned { delegation: name("insecure.example"), how: How::OptOut });
    assert_eq!(gatherer.absence(&records), shown);
    assert_eq!(unsigned(gatherer.chain(), &anchors(), &domain, AT), shown);
    // The records say the same of any name that is left out, and nothing of one that is not.
    assert!(unsigned(gatherer.chain(), &anchors(), &name("example"), AT).is_err());
}
