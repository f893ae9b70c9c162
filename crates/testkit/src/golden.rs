//! Golden files: what a test of a crate compares with a file below its `tests/golden/`.

/// Compares with a golden file of the crate in this folder; `BLESS=1` writes it anew.
pub fn golden(krate: &str, name: &str, actual: &str) {
    let path = format!("{krate}/tests/golden/{name}");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(actual, expected, "{name}: run with BLESS=1 if the change is meant");
}
