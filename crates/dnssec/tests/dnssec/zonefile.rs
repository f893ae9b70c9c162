//! Reads what signers of zones write: one record a line (RFC 1035 §5.1, RFC 4034, RFC 5155, RFC 6698). For tests: it stops at what it does not know.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use deedbox_dnssec::{Kind, Name, Record};

use crate::signer::{name, types};

const KINDS: [(&str, u16); 14] = [
    ("A", 1),
    ("NS", 2),
    ("SOA", 6),
    ("TXT", 16),
    ("AAAA", 28),
    ("DS", 43),
    ("RRSIG", 46),
    ("NSEC", 47),
    ("DNSKEY", 48),
    ("NSEC3", 50),
    ("NSEC3PARAM", 51),
    ("TLSA", 52),
    ("CDS", 59),
    ("CDNSKEY", 60),
];

/// All records of a file but those that no chain has.
pub fn read(text: &str) -> Vec<Record> {
    let lines = text.lines().map(|line| line.split(';').next().unwrap().trim()).filter(|line| !line.is_empty());
    lines.filter_map(line).collect()
}

fn line(line: &str) -> Option<Record> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [owner, ttl, "IN", kind, data @ ..] = &*fields else { panic!("{line}") };
    let kind = kind_of(kind);
    let rdata = rdata(kind, data, line)?;
    Some(Record { owner: absolute(owner), kind, ttl: ttl.parse().unwrap(), rdata })
}

fn kind_of(text: &str) -> Kind {
    Kind(KINDS.iter().find(|(name, _)| *name == text).unwrap_or_else(|| panic!("{text}")).1)
}

/// A name with a dot at its end; BIND writes hashes in capitals.
fn absolute(text: &str) -> Name {
    name(text.to_ascii_lowercase().strip_suffix('.').filter(|text| !text.is_empty()).unwrap_or("."))
}

fn rdata(kind: Kind, data: &[&str], line: &str) -> Option<Vec<u8>> {
    let number = |i: usize| data[i].parse::<u32>().unwrap();
    let octet = |i: usize| number(i) as u8;
    let short = |i: usize| (number(i) as u16).to_be_bytes();
    let rest = |from: usize| data[from..].concat();
    let kinds = |from: usize| types(&data[from..].iter().map(|kind| kind_of(kind)).collect::<Vec<_>>());
    Some(match kind {
        Kind::DNSKEY => [&short(0)[..], &[octet(1), octet(2)], &STANDARD.decode(rest(3)).unwrap()].concat(),
        Kind::DS => [&short(0)[..], &[octet(1), octet(2)], &hex::decode(rest(3)).unwrap()].concat(),
        Kind::NSEC => [absolute(data[0]).wire(), &kinds(1)].concat(),
        Kind::NSEC3 => {
            let salt = if data[3] == "-" { vec![] } else { hex::decode(data[3]).unwrap() };
            let next = base32hex(data[4]);
            [&[octet(0), octet(1)][..], &short(2), &[salt.len() as u8], &salt, &[next.len() as u8], &next, &kinds(5)].concat()
        }
        Kind::TXT => line.split('"').skip(1).step_by(2).flat_map(|string| [&[string.len() as u8], string.as_bytes()].concat()).collect(),
        Kind::RRSIG => [
            &kind_of(data[0]).0.to_be_bytes()[..],
            &[octet(1), octet(2)],
            &number(3).to_be_bytes(),
            &seconds(data[4]).to_be_bytes(),
            &seconds(data[5]).to_be_bytes(),
            &short(6),
            absolute(data[7]).wire(),
            &STANDARD.decode(rest(8)).unwrap(),
        ]
        .concat(),
        _ => return None,
    })
}

fn base32hex(text: &str) -> Vec<u8> {
    let bits = text.chars().flat_map(|c| (0..5).rev().map(move |bit| c.to_digit(32).unwrap() >> bit & 1)).collect::<Vec<_>>();
    bits.chunks_exact(8).map(|octet| octet.iter().fold(0, |octet, bit| octet << 1 | *bit as u8)).collect()
}

/// Unix time of `YYYYMMDDHHMMSS` (RFC 4034 §3.2).
fn seconds(text: &str) -> u32 {
    let part = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap();
    let leap = |year: u32| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (year, month) = (part(0, 4), part(4, 6));
    let february = if leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days =
        (1970..year).map(|year| 365 + u32::from(leap(year))).sum::<u32>() + months[..month as usize - 1].iter().sum::<u32>() + part(6, 8)
            - 1;
    ((days * 24 + part(8, 10)) * 60 + part(10, 12)) * 60 + part(12, 14)
}

#[test]
fn times_are_read() {
    assert_eq!(seconds("19700101000000"), 0);
    assert_eq!(seconds("20270115080000"), 1_800_000_000);
    assert_eq!(seconds("20200229235959"), 1_583_020_799);
}
