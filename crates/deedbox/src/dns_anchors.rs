//! The file of the root's keys, as DS records in the form of zone files (RFC 4034 §5.3): `. IN DS 20326 8 2 E06D…`, one a line; `;` begins a
//! comment.

use crate::failure::wrong;
use crate::reading::read_file;
use deedbox_model::{DnsAnchor, Parameters};
use std::path::Path;

/// Bytes of the file: a handful of records and words about them.
const ANCHORS_BYTES: u64 = 64 * 1024;

/// Reads it.
pub(crate) fn read(path: &Path) -> anyhow::Result<Vec<DnsAnchor>> {
    let bytes = read_file(path, ANCHORS_BYTES)?;
    anchors(&String::from_utf8_lossy(&bytes))
        .map_err(|why| wrong(format!("{} does not hold DS records of the root of DNS: {why}", path.display())))
}

fn anchors(text: &str) -> Result<Vec<DnsAnchor>, String> {
    let mut anchors = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let record = line.split(';').next().unwrap_or_default().trim();
        if !record.is_empty() {
            anchors.push(anchor(record).ok_or_else(|| format!("line {} is not like \". IN DS 20326 8 2 E06D…\"", number + 1))?);
        }
    }
    anchors.sort();
    anchors.dedup();
    Parameters { dns_anchors: anchors.clone() }.check()?;
    Ok(anchors)
}

fn anchor(record: &str) -> Option<DnsAnchor> {
    let mut words = record.split_ascii_whitespace();
    (words.next() == Some(".")).then_some(())?;
    words.find(|word| word.eq_ignore_ascii_case("DS"))?;
    let (key_tag, algorithm) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let digest_type = words.next()?.parse().ok()?;
    let digest = hex::decode(words.collect::<String>()).ok()?;
    Some(DnsAnchor { digest, key_tag, algorithm, digest_type })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_zone_files_have_them() {
        let digest = "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D";
        let (begin, end) = digest.split_at(30);
        let text = format!("; the root\n. IN DS 20326 8 2 {digest} ; of 2017\n.\t172800\tIN\tDS\t20326 8 2 {begin} {end}\n\n");
        let read = anchors(&text).unwrap();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].key_tag, read[0].algorithm, read[0].digest_type), (20_326, 8, 2));
        assert_eq!(hex::encode_upper(&read[0].digest), digest);
    }

    #[test]
    fn what_is_no_anchor_is_refused() {
        let short = ". IN DS 20326 8 2 E06D";
        for (text, why) in [
            ("", "1 to 8"),
            ("; none", "1 to 8"),
            ("test. IN DS 1 8 2 00", "line 1"),
            (". IN DNSKEY 257 3 8 AwEA", "line 1"),
            (short, "32"),
        ] {
            let refused = anchors(text).unwrap_err();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
