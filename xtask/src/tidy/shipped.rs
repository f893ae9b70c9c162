//! Some packages serve the tests alone: as oracles they are welcome, in the binary they are not.

use super::Finding;

const ORACLE: &str = "It is archived or pins old cryptography: an oracle for tests, never part of what is shipped. `cargo tree -e normal -p deedbox -i NAME` \
                      says who brings it; move that to [dev-dependencies].";

/// Packages that must not be in the binary.
const TESTS_ONLY: [&str; 3] = ["serde_cbor", "tlog_tiles", "signed_note"];

/// Looks for them in the lines of `cargo tree --prefix none --format {p}`.
pub fn check(tree: &str) -> Vec<Finding> {
    let names: std::collections::BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let shipped = TESTS_ONLY.iter().filter(|name| names.contains(**name));
    shipped.map(|name| Finding::new("crates/deedbox/Cargo.toml", 1, format!("the binary is built with `{name}`"), ORACLE)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oracle_in_the_binary_is_found_and_a_name_like_it_is_not() {
        let findings = check("deedbox v0.1.0 (somewhere)\nserde v1.0.0\nserde_cbor v0.11.2\nserde v1.0.0 (*)\n");
        assert_eq!(findings.iter().map(|finding| finding.what.as_str()).collect::<Vec<_>>(), ["the binary is built with `serde_cbor`"]);
        assert_eq!(check("deedbox v0.1.0\nserde_cbor_2 v0.12.0\nmy-signed_note v1.0.0\n"), []);
    }
}
