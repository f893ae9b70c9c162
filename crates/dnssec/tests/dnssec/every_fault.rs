//! Each fault that the crate can name is provoked by a case: one that nothing provokes is one that nothing checks.

use std::collections::BTreeSet;

use deedbox_dnssec::{Fault, Kind, Name};

use crate::{texts, unsigned};

/// The variants as the source has them.
fn named() -> BTreeSet<String> {
    let source = include_str!("../../src/fault.rs");
    let variants =
        source.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    variants.map(|line| line.chars().take_while(char::is_ascii_alphanumeric).collect()).collect()
}

#[test]
fn every_fault_has_its_case() {
    let others = [
        Name::parse("ACME").unwrap_err(),
        Name::parse(&"a".repeat(64)).unwrap_err(),
        Name::from_wire(b"\0\0").unwrap_err(),
        // Provoked in `texts` and `gather`, where they take a chain of their own.
        Fault::TooManyChecks,
        Fault::Missing { owner: Name::root(), kind: Kind::DS },
    ];
    let provoked = texts::cases().into_iter().chain(unsigned::cases()).map(|(_, _, fault)| fault).chain(others);
    let provoked: BTreeSet<String> =
        provoked.map(|fault| format!("{fault:?}").chars().take_while(char::is_ascii_alphanumeric).collect()).collect();
    assert!(named().len() > 40);
    assert_eq!(provoked, named());
}

#[test]
fn a_fault_is_said_in_words() {
    let words = |fault: Fault| fault.to_string();
    let (owner, zone) = (Name::parse("acme.test").unwrap(), Name::parse("test").unwrap());
    assert_eq!(words(Fault::TooLong(20_000)), "a record chain has at most 12288 bytes, not 20000");
    assert_eq!(
        words(Fault::Signer { owner: owner.clone(), kind: Kind::DS, signer: Name::root(), zone }),
        "the DS records at acme.test are signed by ., not by the zone test"
    );
    assert_eq!(
        words(Fault::OutOfPlace { owner, kind: Kind(65_280) }),
        "the TYPE65280 records at acme.test are out of place in this record chain"
    );
}
