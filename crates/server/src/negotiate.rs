//! What a reader already has and what it takes: `If-None-Match`, `Range`, `If-Range`, `Accept-Encoding`
//! (RFC 9110 §8.8, §12.5.3, §13, §14). Pure. A header that does not read is as if it were not there, as the RFC says.

use http::{HeaderMap, header};
use std::ops::Range;

/// A content coding that answers are kept in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it is.
    Identity,
    /// gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

/// The coding that a reader likes best; of those it likes alike, the one that is smallest.
pub(crate) fn coding(headers: &HeaderMap) -> Coding {
    let mut q = [None; 3];
    let mut any = None;
    for line in headers.get_all(header::ACCEPT_ENCODING) {
        let Ok(line) = line.to_str() else { continue };
        for item in line.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|p| p.strip_prefix("q=").or_else(|| p.strip_prefix("Q="))).map_or(Some(1000), thousandths);
            let slot = match name {
                _ if name.eq_ignore_ascii_case("identity") => q.get_mut(0),
                _ if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => q.get_mut(1),
                _ if name.eq_ignore_ascii_case("br") => q.get_mut(2),
                "*" => Some(&mut any),
                _ => None,
            };
            if let (Some(slot), Some(weight)) = (slot, weight) {
                *slot = Some(weight);
            }
        }
    }
    let [identity, gzip, brotli] = q;
    // What is not named is not liked, unless `*` says otherwise; but anything may be sent as it is.
    let identity = identity.or(any).unwrap_or(1);
    let gzip = gzip.or(any).unwrap_or(0);
    let brotli = brotli.or(any).unwrap_or(0);
    if brotli > 0 && brotli >= gzip && brotli >= identity {
        Coding::Brotli
    } else if gzip > 0 && gzip >= identity {
        Coding::Gzip
    } else {
        Coding::Identity
    }
}

/// A weight of RFC 9110 §12.4.2, in thousandths.
fn thousandths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let fraction: u32 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

/// The tag among `If-None-Match` that `is_current` knows: the reader has the answer already. `*` is any.
pub(crate) fn none_match(headers: &HeaderMap, is_current: impl Fn(&str) -> bool) -> Option<&str> {
    for line in headers.get_all(header::IF_NONE_MATCH) {
        let Ok(line) = line.to_str() else { continue };
        // Our tags hold no comma.
        for tag in line.split(',').map(str::trim) {
            let strong = tag.strip_prefix("W/").unwrap_or(tag);
            if tag == "*" || is_current(strong) {
                return Some(strong);
            }
        }
    }
    None
}

/// Which part of an answer is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// All of it.
    Whole,
    /// These bytes of it.
    Bytes(Range<u64>),
    /// None that it has: 416.
    Unsatisfiable,
}

/// One range of bytes. Several, another unit, or an `If-Range` that is not this strong tag give the whole; and so does any
/// range of nothing, which has no `Content-Range` (RFC 9110 §14.4), and which clients ask for that ask for ranges of all.
pub(crate) fn part(headers: &HeaderMap, etag: &str, size: u64) -> Part {
    let Some(range) = crate::request::one(headers, &header::RANGE) else { return Part::Whole };
    if size == 0 {
        return Part::Whole;
    }
    if headers.contains_key(header::IF_RANGE) && crate::request::one(headers, &header::IF_RANGE) != Some(etag) {
        return Part::Whole;
    }
    let Some((unit, set)) = range.split_once('=') else { return Part::Whole };
    let Some((first, last)) = set.trim().split_once('-') else { return Part::Whole };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return Part::Whole;
    }
    let number =
        |text: &str| (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u64>().unwrap_or(u64::MAX));
    match (first, last) {
        ("", suffix) => match number(suffix) {
            None => Part::Whole,
            Some(0) => Part::Unsatisfiable,
            Some(suffix) => Part::Bytes(size.saturating_sub(suffix)..size),
        },
        (first, last) => match (number(first), number(last)) {
            (None, _) => Part::Whole,
            (Some(_), None) if !last.is_empty() => Part::Whole,
            (Some(first), Some(last)) if last < first => Part::Whole,
            (Some(first), _) if first >= size => Part::Unsatisfiable,
            (Some(first), None) => Part::Bytes(first..size),
            (Some(first), Some(last)) => Part::Bytes(first..last.saturating_add(1).min(size)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn the_coding_is_the_one_the_reader_likes_best() {
        for (accept, expected) in [
            ("", Coding::Identity),
            ("gzip", Coding::Gzip),
            ("gzip, deflate, br", Coding::Brotli),
            ("gzip;q=1.0, br;q=0.9", Coding::Gzip),
            ("br;q=0", Coding::Identity),
            ("*", Coding::Brotli),
            ("*;q=0.5, br;q=0", Coding::Gzip),
            ("identity, gzip;q=0.5", Coding::Identity),
            ("deflate, zstd", Coding::Identity),
            ("GZIP", Coding::Gzip),
            ("gzip;q=2", Coding::Identity),
            ("gzip;q=0.1234", Coding::Identity),
            (";;,,;q=", Coding::Identity),
        ] {
            assert_eq!(coding(&with(header::ACCEPT_ENCODING, accept)), expected, "{accept:?}");
        }
        assert_eq!(coding(&HeaderMap::new()), Coding::Identity);
    }

    #[test]
    fn a_reader_that_has_the_answer_is_recognised() {
        let is_current = |tag: &str| tag == "\"a\"";
        for (header, has) in
            [("\"a\"", true), ("W/\"a\"", true), ("\"b\", \"a\"", true), ("*", true), ("\"b\"", false), ("a", false), ("", false)]
        {
            assert_eq!(none_match(&with(header::IF_NONE_MATCH, header), is_current).is_some(), has, "{header}");
        }
    }

    #[test]
    fn a_range_is_one_of_bytes_or_it_is_not_there() {
        for (range, expected) in [
            ("bytes=0-0", Part::Bytes(0..1)),
            ("bytes=2-", Part::Bytes(2..10)),
            ("bytes=-3", Part::Bytes(7..10)),
            ("bytes=-30", Part::Bytes(0..10)),
            ("bytes=5-99999999999999999999999", Part::Bytes(5..10)),
            ("bytes=9-9", Part::Bytes(9..10)),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=10-11", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=3-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("lines=0-1", Part::Whole),
            ("bytes", Part::Whole),
            ("bytes=", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
        ] {
            assert_eq!(part(&with(header::RANGE, range), "\"e\"", 10), expected, "{range}");
        }
        for range in ["bytes=0-", "bytes=0-0", "bytes=5-9", "bytes=-1", "bytes=-0"] {
            assert_eq!(part(&with(header::RANGE, range), "\"e\"", 0), Part::Whole, "{range} of nothing");
        }
    }

    #[test]
    fn if_range_holds_for_the_same_strong_tag_only() {
        for (tag, expected) in
            [("\"e\"", Part::Bytes(0..1)), ("W/\"e\"", Part::Whole), ("\"x\"", Part::Whole), ("Sat, 21 Nov 2026 07:00:00 GMT", Part::Whole)]
        {
            let mut headers = with(header::RANGE, "bytes=0-0");
            headers.insert(header::IF_RANGE, HeaderValue::from_str(tag).unwrap());
            assert_eq!(part(&headers, "\"e\"", 10), expected, "{tag}");
        }
    }
}
