//! The numbers of `spec/dnssec.md` §9 are those of the code.

use deedbox_dnssec::limits;

#[test]
fn the_limits_of_the_text_are_those_of_the_code() {
    let text = include_str!("../../../../spec/dnssec.md");
    let table = text.split_once("## 9. Limits").unwrap().1;
    let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1).map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let number = cells[1].split(' ').next().unwrap().replace(',', "");
        (cells[0].trim_start_matches("| "), number.parse::<usize>().unwrap())
    });
    let expected = [
        ("chain", limits::CHAIN_BYTES),
        ("records", limits::RECORDS),
        ("name", limits::NAME_BYTES),
        ("label", limits::LABEL_BYTES),
        ("checks", limits::CHECKS as usize),
        ("keys of one tag and algorithm", limits::KEYS_OF_ONE_TAG),
        ("modulus, at least", limits::RSA_BITS_MIN),
        ("modulus, at most", limits::RSA_BITS_MAX),
        ("exponent", limits::RSA_EXPONENT_BITS),
        ("iterations", limits::NSEC3_ITERATIONS as usize),
        ("salt", limits::NSEC3_SALT_BYTES),
        ("texts", limits::TEXTS),
    ];
    assert_eq!(rows.collect::<Vec<_>>(), expected);
}
