//! Paths of URLs, as they are written (RFC 3986 §2). Reading them is the shell's.

/// A path segment or query value: everything but unreserved characters percent-encoded (RFC 3986 §2.3), and those that
/// ids hold and paths may (`:`, `/`, `@`) kept.
pub fn encode_path(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':' | b'/' | b'@' | b'!') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_with_a_plus_is_encoded() {
        assert_eq!(encode_path("npm:a.b/c@1.0.0+x"), "npm:a.b/c@1.0.0%2Bx");
    }
}
