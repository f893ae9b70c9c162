//! What a request says, read once: percent-encoding, query pairs, header lists. Every input is
//! hostile; what does not read is a refusal.

use crate::limits::{ACCEPT_BYTES, PATH_BYTES, QUERY_BYTES, QUERY_PAIRS};
use crate::refusal::Refused;
use http::{HeaderMap, HeaderName, header};
use std::borrow::Cow;

/// A path below a mount, decoded once.
pub(crate) fn decode_path(raw: &str) -> Result<Cow<'_, str>, Refused> {
    let decoded = percent_decode(raw, false).ok_or_else(|| Refused::bad_request("the path is not percent-encoded UTF-8"))?;
    if decoded.len() > PATH_BYTES {
        return Err(Refused::bad_request(format!("the path is longer than {PATH_BYTES} bytes")));
    }
    if decoded.contains('\0') {
        return Err(Refused::bad_request("the path holds a NUL"));
    }
    Ok(decoded)
}

/// The pairs of a query string, decoded, in order.
pub(crate) fn decode_query(raw: &str) -> Result<Vec<(String, String)>, Refused> {
    if raw.len() > QUERY_BYTES {
        return Err(Refused::bad_request(format!("the query is longer than {QUERY_BYTES} bytes")));
    }
    let mut pairs = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        if pairs.len() == QUERY_PAIRS {
            return Err(Refused::bad_request(format!("the query has more than {QUERY_PAIRS} pairs")));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (percent_decode(name, true), percent_decode(value, true)) {
            (Some(name), Some(value)) if !name.contains('\0') && !value.contains('\0') => {
                pairs.push((name.into_owned(), value.into_owned()));
            }
            _ => return Err(Refused::bad_request("the query is not percent-encoded UTF-8")),
        }
    }
    Ok(pairs)
}

fn percent_decode(raw: &str, plus_is_space: bool) -> Option<Cow<'_, str>> {
    if !raw.bytes().any(|b| b == b'%' || (plus_is_space && b == b'+')) {
        return Some(Cow::Borrowed(raw));
    }
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(b) = bytes.next() {
        out.push(match b {
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(digit()? * 16 + digit()?).ok()?
            }
            b'+' if plus_is_space => b' ',
            b => b,
        });
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

/// The `Accept` header as projections see it: several lines are one list.
pub(crate) fn accept(headers: &HeaderMap) -> Result<Cow<'_, str>, Refused> {
    let mut lines = headers.get_all(header::ACCEPT).iter();
    let bad = || Refused::bad_request(format!("the Accept header is not printable ASCII of at most {ACCEPT_BYTES} bytes"));
    let Some(first) = lines.next() else { return Ok(Cow::Borrowed("")) };
    let mut accept = Cow::Borrowed(first.to_str().map_err(|_| bad())?);
    for line in lines {
        let line = line.to_str().map_err(|_| bad())?;
        accept = Cow::Owned(format!("{accept}, {line}"));
        if accept.len() > ACCEPT_BYTES {
            return Err(bad());
        }
    }
    if accept.len() > ACCEPT_BYTES { Err(bad()) } else { Ok(accept) }
}

/// Whether the body is said to be of this media type.
pub(crate) fn has_media_type(headers: &HeaderMap, media_type: &str) -> bool {
    let found = one(headers, &header::CONTENT_TYPE).and_then(|value| value.split(';').next());
    found.is_some_and(|found| found.trim().eq_ignore_ascii_case(media_type))
}

/// The value of a header that is there once and is text.
pub(crate) fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { None } else { first.to_str().ok() }
}

/// A decimal number in its one spelling.
pub(crate) fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A text of a stranger, short enough to be shown.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn a_path_is_decoded_once_and_refused_where_it_does_not_read() {
        for (raw, decoded) in [("", ""), ("a/b", "a/b"), ("@d%2fn", "@d/n"), ("%2525", "%25"), ("a+b", "a+b"), ("%C3%A9", "\u{e9}")] {
            assert_eq!(decode_path(raw).unwrap(), decoded);
        }
        for bad in ["%", "%4", "%zz", "%ff", "a%00b", "%+1"] {
            assert!(decode_path(bad).is_err(), "{bad}");
        }
        assert!(decode_path(&"a".repeat(PATH_BYTES)).is_ok());
        assert!(decode_path(&"a".repeat(PATH_BYTES + 1)).is_err());
    }

    #[test]
    fn a_query_is_pairs_in_order() {
        let pairs = decode_query("a=1&b=x%20y+z&a=&&c").unwrap();
        let expected = [("a", "1"), ("b", "x y z"), ("a", ""), ("c", "")];
        assert_eq!(pairs, expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
        assert!(decode_query("a=%ff").is_err());
        assert!(decode_query("a=%00").is_err());
        assert!(decode_query(&"a&".repeat(QUERY_PAIRS)).is_ok());
        assert!(decode_query(&"a&".repeat(QUERY_PAIRS + 1)).is_err());
        assert!(decode_query(&"a".repeat(QUERY_BYTES + 1)).is_err());
    }

    #[test]
    fn several_accept_lines_are_one_list_within_the_limit() {
        let mut headers = HeaderMap::new();
        assert_eq!(accept(&headers).unwrap(), "");
        headers.append(header::ACCEPT, HeaderValue::from_static("text/plain;q=0.5"));
        headers.append(header::ACCEPT, HeaderValue::from_static("application/cose; x=y"));
        let list = accept(&headers).unwrap();
        assert_eq!(list, "text/plain;q=0.5, application/cose; x=y");
        headers.append(header::ACCEPT, HeaderValue::from_str(&"a".repeat(ACCEPT_BYTES)).unwrap());
        assert!(accept(&headers).is_err());
        headers.clear();
        headers.append(header::ACCEPT, HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(accept(&headers).is_err());
    }
}
