//! `maven-metadata.xml` as a deploy or an install left it in a folder: which versions there are, in the order in which they came, and which
//! is the newest. Maven keeps that order nowhere else. Lenient: a file that cannot be read says nothing.

use crate::limits::{METADATA_BYTES, XML_DEPTH, XML_TEXT_BYTES};
use quick_xml::Reader;
use quick_xml::events::Event;

/// What such a file says, as far as order goes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    /// `versions`, in order.
    pub versions: Vec<String>,
    /// `release`: the release that came last.
    pub release: Option<String>,
    /// `latest`: what came last, snapshots too.
    pub latest: Option<String>,
    /// Time and number of the build that a snapshot stands for: `20261121.070000-1`.
    pub build: Option<String>,
}

impl Listed {
    /// Reads one; none if it is too long, is not XML in UTF-8, or is something else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= METADATA_BYTES)?;
        let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
        let mut path: Vec<String> = Vec::new();
        let (mut listed, mut is_metadata) = (Listed::default(), false);
        let (mut timestamp, mut number) = (None, None);
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    path.push(String::from_utf8_lossy(start.name().as_ref()).into_owned());
                    if path.len() > XML_DEPTH {
                        return None;
                    }
                    is_metadata |= path == ["metadata"];
                }
                Event::End(_) => {
                    path.pop();
                }
                Event::Text(text) => {
                    let text = text.decode().ok()?.trim().to_owned();
                    if text.is_empty() || text.len() > XML_TEXT_BYTES {
                        continue;
                    }
                    match path.join("/").as_str() {
                        "metadata/versioning/versions/version" => listed.versions.push(text),
                        "metadata/versioning/release" => listed.release = Some(text),
                        "metadata/versioning/latest" => listed.latest = Some(text),
                        "metadata/versioning/snapshot/timestamp" => timestamp = Some(text),
                        "metadata/versioning/snapshot/buildNumber" => number = Some(text),
                        _ => {}
                    }
                }
                Event::Eof => break,
                _ => {}
            }
        }
        listed.build = timestamp.zip(number).map(|(timestamp, number)| format!("{timestamp}-{number}"));
        is_metadata.then_some(listed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_newest_are_read_and_anything_else_says_nothing() {
        let text = "<?xml version=\"1.0\"?><metadata><groupId>g</groupId><versioning><latest>1.1-SNAPSHOT</latest><release>1.2</release>\
                    <versions><version>1.10</version> <version>1.2</version></versions></versioning></metadata>";
        let listed = Listed::read(text.as_bytes()).unwrap();
        assert_eq!(listed.versions, ["1.10", "1.2"]);
        assert_eq!((listed.release.as_deref(), listed.latest.as_deref(), listed.build), (Some("1.2"), Some("1.1-SNAPSHOT"), None));
        let text = "<metadata><versioning><snapshot><timestamp>20260101.000000</timestamp><buildNumber>7</buildNumber></snapshot>\
                    </versioning></metadata>";
        assert_eq!(Listed::read(text.as_bytes()).unwrap().build.as_deref(), Some("20260101.000000-7"));
        for bad in [&b"<project><versions/></project>"[..], b"", b"\xff", b"<metadata><versions></metadata>", "<a>".repeat(100).as_bytes()]
        {
            assert_eq!(Listed::read(bad), None, "{bad:?}");
        }
    }
}
