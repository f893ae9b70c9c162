//! Key files as other people's programs read them: OpenSSL, and the cryptography package of Python. They find the same keys in what
//! this project writes, and this project reads what they write. spec/encoding.md §5.3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]

mod golden;

use std::path::Path;
use std::process::Command;

use deedbox_model::SecretKey;
use deedbox_tests::clients::scitt_cose;
use deedbox_tests::registry::{Running, program};
use golden::{Fields as _, read};

/// What OpenSSL says of a key file: every digit after a heading of its text.
fn openssl_says(file: &Path, heading: &str) -> String {
    let output = Command::new("openssl").args(["pkey", "-noout", "-text", "-in"]).arg(file).output();
    let output = output.expect("openssl cannot be started: apt-get install openssl");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}: {text}{}", file.display(), String::from_utf8_lossy(&output.stderr));
    let (_, after) = text.split_once(heading).unwrap_or_else(|| panic!("{heading} is not in: {text}"));
    after.lines().skip(1).take_while(|line| line.starts_with(' ')).flat_map(|line| line.chars()).filter(char::is_ascii_hexdigit).collect()
}

/// What Python's cryptography says of it: kind, private bytes, public bytes.
fn python_says(file: &Path) -> String {
    const SCRIPT: &str = "
import sys
from cryptography.hazmat.primitives.serialization import load_pem_private_key
key = load_pem_private_key(open(sys.argv[1], 'rb').read(), None)
kind = type(key).__name__
print(kind, key.private_bytes_raw().hex() if 'Ed25519' in kind else format(key.private_numbers().private_value, '064x'))
";
    let client = scitt_cose().unwrap();
    let home = tempfile::tempdir().unwrap();
    let output = client.command(home.path(), home.path()).arg("-c").arg(SCRIPT).arg(file).output().unwrap();
    assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn reads_alike(file: &Path, key: &SecretKey) {
    assert_eq!(openssl_says(file, "priv:"), hex::encode(key.seed()));
    assert_eq!(openssl_says(file, "pub:"), hex::encode(key.public().to_bytes()));
    assert!(python_says(file).ends_with(&format!("Ed25519PrivateKey {}", hex::encode(key.seed()))), "{}", python_says(file));
}

#[test]
fn others_read_the_keys_of_the_fixtures_and_we_read_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let keys = read("keys.json");
    for case in keys.list("keys").iter().take(2) {
        std::fs::write(&file, case.text("pem")).unwrap();
        reads_alike(&file, &SecretKey::from_pem(case.text("pem")).unwrap());
    }
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519"]).output().unwrap();
    let pem = String::from_utf8(made.stdout).unwrap();
    let key = SecretKey::from_pem(&pem).expect("what OpenSSL makes is a key");
    assert_eq!(key.to_pem(), pem, "and written again it is the same file");
}

#[test]
fn others_read_what_keygen_writes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key.pem");
    let output = Command::new(program().unwrap()).args(["keygen", "--out"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    reads_alike(&file, &SecretKey::from_pem(&std::fs::read_to_string(&file).unwrap()).unwrap());
}

#[test]
fn others_read_every_key_of_a_registry() {
    let registry = Running::start().unwrap();
    let folder = registry.folder().join("registry/keys");
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let file = entry.unwrap().path();
        assert_eq!(file.extension().unwrap(), "pem", "{}", file.display());
        let text = std::fs::read_to_string(&file).unwrap();
        match SecretKey::from_pem(&text) {
            Some(key) => reads_alike(&file, &key),
            None => {
                let said = python_says(&file);
                assert!(said.starts_with("ECPrivateKey") || said.contains("EllipticCurvePrivateKey"), "{}: {said}", file.display());
                let digits = openssl_says(&file, "priv:");
                assert!(said.ends_with(&digits[digits.len() - 64..]), "{}: {said}, and OpenSSL {digits}", file.display());
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 4, "operator, log, receipt and npm");
}
