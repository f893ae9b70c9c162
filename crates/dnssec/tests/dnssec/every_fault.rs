//! Each fault that the crate can name is provoked by a case: one that nothing provokes is one that nothing checks.

use std::collections::BTreeSet;

use deedbox_dnssec::{Fault, Kind, Name};

use crate::{texts, unsigned};

/// The variants of an enum as the source has them.
fn variants(source: &str, of: &str) -> BTreeSet<String> {
    let body = source.split_once(&format!("pub enum {of} {{")).unwrap().1.split_once("\n}").unwrap().0;
    let variants =
        body.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    variants.map(variant).collect()
}

/// The word at the beginning of a variant, or of what Debug says of it.
fn variant(text: &str) -> String {
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

#[test]
fn every_fault_has_its_case() {
    let others = [
        // Provoked in `texts` and `gather`, where they take a chain of their own.
        Fault::TooManyChecks,
        Fault::Missing { owner: Name::root(), kind: Kind::DS },
    ];
    let provoked = texts::cases().into_iter().chain(unsigned::cases()).map(|(_, _, fault)| fault).chain(others);
    let provoked: BTreeSet<String> = provoked.map(|fault| variant(&format!("{fault:?}"))).collect();
    let named = variants(include_str!("../../src/fault.rs"), "Fault");
    assert_eq!(provoked, named);
}

#[test]
fn every_bad_name_has_its_case() {
    let long = "a".repeat(64);
    let provoked = [
        Name::parse("ACME"),
        Name::parse(&long),
        Name::parse(&long.repeat(4)),
        Name::from_wire(b"\xc0\x0c"),
        Name::from_wire(b"\x04acme"),
        Name::from_wire(b"\0\0"),
    ];
    let provoked: BTreeSet<String> = provoked.into_iter().map(|name| variant(&format!("{:?}", name.unwrap_err()))).collect();
    assert_eq!(provoked, variants(include_str!("../../src/name.rs"), "BadName"));
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
