//! Files of private keys: PKCS #8 in PEM (RFC 7468, spec/encoding.md §5.3). Of any algorithm: which key the DER holds is asked elsewhere.

use ed25519_dalek::pkcs8::spki::der::pem::{self, LineEnding};

const LABEL: &str = "PRIVATE KEY";
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";

/// The DER of a file that holds one private key and nothing else, whatever ends its lines. None if it is anything else: another label,
/// two keys, text before or after, lines of another length.
pub fn private_key(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    if !text.starts_with(BEGIN) {
        return None;
    }
    pem::decode_vec(text.as_bytes()).ok().map(|(_, der)| der)
}

/// The file of a private key.
pub fn of_private_key(der: &[u8]) -> String {
    // Encoding so few bytes under this label cannot fail; an empty file would be refused on reading.
    pem::encode_string(LABEL, LineEnding::LF, der).unwrap_or_default()
}
