//! The `Host` header (RFC 9112 §3.2, RFC 9110 §7.2): of HTTP/1.1 there is exactly one, and it is a host with a port or without. Compares
//! it with nothing: under which names a registry is reached is its proxy's matter.

use crate::refusal::Refused;
use http::{HeaderMap, Version, header};

/// Refuses what the RFC says must be refused.
pub(crate) fn check(version: Version, headers: &HeaderMap) -> Result<(), Refused> {
    let mut hosts = headers.get_all(header::HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(()),
        (None, _) => Err(Refused::bad_request("a request of HTTP/1.1 has a Host header, and this one has none")),
        (Some(_), Some(_)) => Err(Refused::bad_request("the request has more than one Host header")),
        (Some(host), None) if is_host(host.as_bytes()) => Ok(()),
        (Some(_), None) => Err(Refused::bad_request("the Host header is not a host with a port or without")),
    }
}

/// `uri-host [ ":" port ]` of RFC 3986 §3.2.2; an empty one is sent where a target has no authority.
fn is_host(bytes: &[u8]) -> bool {
    let (host, port) = match bytes.iter().rposition(|byte| *byte == b':') {
        // Within brackets a colon is part of an address.
        Some(at) if !bytes.ends_with(b"]") => bytes.split_at(at),
        _ => (bytes, &b""[..]),
    };
    let is_port = match port.split_first() {
        None => true,
        Some((_, digits)) => digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit),
    };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(byte);
    let is_host = match host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")) {
        Some(literal) => !literal.is_empty() && literal.iter().all(|byte| byte.is_ascii_alphanumeric() || b":.".contains(byte)),
        None => host.iter().all(is_name),
    };
    is_port && is_host
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_host_is_a_name_or_an_address_with_a_port_or_without() {
        for good in
            ["registry.example", "registry.example:8417", "127.0.0.1:80", "[::1]", "[::1]:8417", "", "x", "a%20b", "registry.example:"]
        {
            assert!(is_host(good.as_bytes()), "{good:?}");
        }
        for bad in [
            "a b",
            "a:b",
            "a/b",
            "u@registry.example",
            "[::1",
            "::1]",
            "[]",
            "a:123456",
            "a,b c",
            "a:80:80x",
            "\u{e9}",
            "[::1]x",
            "a?b",
            "a#",
        ] {
            assert!(!is_host(bad.as_bytes()), "{bad:?}");
        }
    }

    #[test]
    fn http_1_1_has_one_and_http_1_0_may_have_none() {
        let with = |hosts: &[&'static str]| -> HeaderMap {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(header::HOST, HeaderValue::from_static(host));
            }
            headers
        };
        for (version, hosts, good) in [
            (Version::HTTP_11, &[][..], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_11, &["x"], true),
            (Version::HTTP_10, &["x"], true),
            (Version::HTTP_11, &["x", "x"], false),
            (Version::HTTP_10, &["x", "x"], false),
            (Version::HTTP_11, &["x/y"], false),
            (Version::HTTP_10, &["x/y"], false),
        ] {
            assert_eq!(check(version, &with(hosts)).is_ok(), good, "{version:?} {hosts:?}");
        }
    }
}
