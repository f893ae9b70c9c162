//! XML within bounds (XML 1.0), event by event: texts of the elements that are asked for. No document type, no entity but
//! the five that XML has, no element inside a text that counts. Elements are named as written, prefixes and all, as
//! Maven's own reader does. Never fetches anything, and never keeps what was not asked for.

use crate::limits::{XML_DEPTH, XML_TEXT_BYTES};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;

/// Why bytes are not such XML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadXml {
    /// Not XML.
    #[error("it is not well-formed XML ({0})")]
    Malformed(String),
    /// In an alphabet that is not read here.
    #[error("it is written in {0}; write it in UTF-8")]
    Encoding(String),
    /// A document type.
    #[error("it has a document type, which could hold entities; take <!DOCTYPE …> out")]
    DocumentType,
    /// A reference to something that is not here, where it matters.
    #[error("<{0}> holds an entity that XML does not have by itself; write the character")]
    Entity(String),
    /// Nested too deeply.
    #[error("it is nested deeper than {XML_DEPTH} levels")]
    TooDeep,
    /// An element that counts is there twice: readers differ about which one is meant.
    #[error("<{0}> is there twice; leave one")]
    Twice(String),
    /// Elements where there should be text.
    #[error("<{0}> holds elements and not just text")]
    NotText(String),
    /// Another document.
    #[error("its outermost element is not <{0}>")]
    Root(&'static str),
    /// A text that counts and is too long.
    #[error("<{0}> has more than {XML_TEXT_BYTES} bytes")]
    TooLong(String),
}

/// An element to be read, by its path from the root: `project/parent/groupId`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) path: &'static str,
    /// Whether its text counts: there once, text only. Otherwise the first one is kept, as far as it can be read.
    pub(crate) counts: bool,
}

/// Texts by path, trimmed; an element without text has an empty one.
pub(crate) type Texts = BTreeMap<&'static str, String>;

/// Reads the texts of these elements. Each path begins with `root`. An ask that counts and has asks below it is an element
/// that must not be there twice.
pub(crate) fn read(bytes: &[u8], root: &'static str, asks: &[Ask]) -> Result<Texts, BadXml> {
    let text = decode(bytes)?;
    let mut reader = Reader::from_str(&text);
    reader.config_mut().expand_empty_elements = true;
    let mut walk = Walk { asks, root, path: String::new(), depth: 0, roots: 0, texts: Texts::new(), open: None };
    loop {
        let event = reader.read_event().map_err(|e| BadXml::Malformed(e.to_string()))?;
        match event {
            Event::Start(start) | Event::Empty(start) => walk.start(&start)?,
            Event::End(_) => walk.end(),
            Event::Text(text) => walk.text(&text.decode().map_err(|e| BadXml::Malformed(e.to_string()))?)?,
            Event::CData(text) => walk.text(&text.decode().map_err(|e| BadXml::Malformed(e.to_string()))?)?,
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|e| BadXml::Malformed(e.to_string()))?;
                walk.reference(&name)?;
            }
            Event::DocType(_) => return Err(BadXml::DocumentType),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    if walk.depth > 0 {
        return Err(BadXml::Malformed("it ends inside an element".to_owned()));
    }
    if walk.roots == 0 {
        return Err(BadXml::Root(root));
    }
    for text in walk.texts.values_mut() {
        *text = text.trim_matches(WHITE).to_owned();
    }
    Ok(walk.texts)
}

/// White space as XML and Maven have it: a space that does not break a line, say, is a part of a text.
const WHITE: [char; 4] = [' ', '\t', '\n', '\r'];

struct Walk<'a> {
    asks: &'a [Ask],
    root: &'static str,
    path: String,
    depth: usize,
    roots: usize,
    texts: Texts,
    /// The asked element whose text is being read, and its depth.
    open: Option<(Ask, usize)>,
}

impl Walk<'_> {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), BadXml> {
        let name = std::str::from_utf8(start.name().into_inner()).map_err(|e| BadXml::Malformed(e.to_string()))?.to_owned();
        // A slash in a name would lead to another path.
        if !is_name(&name) {
            return Err(BadXml::Malformed(format!("{:?} is no name of an element", name.chars().take(40).collect::<String>())));
        }
        self.depth += 1;
        if self.depth > XML_DEPTH {
            return Err(BadXml::TooDeep);
        }
        if self.depth == 1 {
            self.roots += 1;
            if name != self.root || self.roots > 1 {
                return Err(BadXml::Root(self.root));
            }
        }
        if let Some((ask, _)) = self.open
            && ask.counts
            && !self.asks.iter().any(|other| other.path.strip_prefix(ask.path).is_some_and(|rest| rest.starts_with('/')))
        {
            return Err(BadXml::NotText(last(ask.path)));
        }
        if self.depth > 1 {
            self.path.push('/');
        }
        self.path.push_str(&name);
        let Some(ask) = self.asks.iter().find(|ask| ask.path == self.path) else { return Ok(()) };
        if self.texts.contains_key(ask.path) {
            return if ask.counts { Err(BadXml::Twice(last(ask.path))) } else { Ok(()) };
        }
        self.texts.insert(ask.path, String::new());
        self.open = Some((*ask, self.depth));
        Ok(())
    }

    fn end(&mut self) {
        if self.open.is_some_and(|(_, depth)| depth >= self.depth) {
            self.open = None;
        }
        self.depth = self.depth.saturating_sub(1);
        let up = self.path.rfind('/').unwrap_or(0);
        self.path.truncate(up);
    }

    fn text(&mut self, more: &str) -> Result<(), BadXml> {
        if self.depth == 0 && !more.trim_matches(WHITE).is_empty() {
            return Err(BadXml::Malformed("there is text outside of the outermost element".to_owned()));
        }
        let Some((ask, _)) = self.open.filter(|(_, depth)| *depth == self.depth) else { return Ok(()) };
        let Some(text) = self.texts.get_mut(ask.path) else { return Ok(()) };
        if text.len() + more.len() > XML_TEXT_BYTES {
            if ask.counts && !more.trim().is_empty() {
                return Err(BadXml::TooLong(last(ask.path)));
            }
            return Ok(());
        }
        text.push_str(more);
        Ok(())
    }

    fn reference(&mut self, name: &str) -> Result<(), BadXml> {
        let character = match name {
            "lt" => Some('<'),
            "gt" => Some('>'),
            "amp" => Some('&'),
            "apos" => Some('\''),
            "quot" => Some('"'),
            _ => name.strip_prefix('#').and_then(character),
        };
        match (character, self.open) {
            (Some(character), _) => self.text(character.encode_utf8(&mut [0; 4])),
            (None, Some((ask, depth))) if ask.counts && depth == self.depth => Err(BadXml::Entity(last(ask.path))),
            // Old POMs name letters as HTML does, in the names of people.
            (None, _) => self.text("\u{fffd}"),
        }
    }
}

/// Of a number as XML writes it: digits and no sign, and no control character.
fn character(number: &str) -> Option<char> {
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hex| (hex, 16));
    let number = digits.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(digits, radix).ok())??;
    char::from_u32(number).filter(|c| !c.is_control() || WHITE.contains(c))
}

/// `Name` of XML 1.0 as far as ASCII goes.
fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii();
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

/// Text in UTF-8, or in the alphabets with one byte a letter that old POMs are written in. What is no letter becomes U+FFFD:
/// nothing that counts may hold one.
fn decode(bytes: &[u8]) -> Result<String, BadXml> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.starts_with(&[0]) || bytes.get(1) == Some(&0) {
        return Err(BadXml::Encoding("UTF-16 or UTF-32".to_owned()));
    }
    let declared = declared(bytes).unwrap_or_default().to_ascii_lowercase();
    match declared.as_str() {
        "" | "utf-8" | "utf8" | "us-ascii" | "ascii" => Ok(String::from_utf8_lossy(bytes).into_owned()),
        "iso-8859-1" | "iso8859-1" | "iso-8859-15" | "latin1" | "latin-1" | "windows-1252" | "cp1252" => {
            Ok(bytes.iter().map(|b| char::from(*b)).collect())
        }
        _ => Err(BadXml::Encoding(declared.chars().take(40).collect())),
    }
}

/// What the XML declaration says of its encoding.
fn declared(bytes: &[u8]) -> Option<String> {
    let declaration = bytes.strip_prefix(b"<?xml")?;
    let end = declaration.iter().take(256).position(|b| *b == b'>')?;
    let text = String::from_utf8_lossy(declaration.get(..end)?).into_owned();
    let rest = text.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = rest.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    rest.get(1..)?.split_once(quote).map(|(name, _)| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ASKS: [Ask; 4] = [
        Ask { path: "a/n", counts: true },
        Ask { path: "a/p", counts: true },
        Ask { path: "a/p/n", counts: true },
        Ask { path: "a/d", counts: false },
    ];

    fn of(xml: &str) -> Result<Vec<(&'static str, String)>, BadXml> {
        read(xml.as_bytes(), "a", &ASKS).map(|texts| texts.into_iter().collect())
    }

    #[test]
    fn texts_are_found_by_path_and_nowhere_else() {
        let found = of(
            "<?xml version='1.0'?><!-- n --><a xmlns='x'><b><n>no</n></b><n> y<!-- -->e<![CDATA[s]]>&#33; </n><p><n>2</n><x/></p><d/></a>\n",
        );
        let expected = [("a/d", ""), ("a/n", "yes!"), ("a/p", ""), ("a/p/n", "2")];
        assert_eq!(found.unwrap(), expected.map(|(path, text)| (path, text.to_owned())));
    }

    #[test]
    fn what_two_readers_could_take_in_two_ways_is_refused() {
        let deep = format!("<a>{}{}</a>", "<b>".repeat(XML_DEPTH), "</b>".repeat(XML_DEPTH));
        for (xml, expected) in [
            ("<!DOCTYPE a [<!ENTITY x 'y'>]><a><n>&x;</n></a>", BadXml::DocumentType),
            ("<a><n>1</n><n>1</n></a>", BadXml::Twice("n".into())),
            ("<a><p/><p><n>1</n></p></a>", BadXml::Twice("p".into())),
            ("<a><n>1<b/></n></a>", BadXml::NotText("n".into())),
            ("<a><n>&oslash;</n></a>", BadXml::Entity("n".into())),
            ("<a/><a/>", BadXml::Root("a")),
            ("<b/>", BadXml::Root("a")),
            ("", BadXml::Root("a")),
            (&deep, BadXml::TooDeep),
        ] {
            assert_eq!(of(xml), Err(expected), "{xml}");
        }
        for bad in [
            "<a>",
            "<a></b>",
            "<a",
            "<a>&</a>",
            "<a><n></a></n>",
            "</a>",
            "<a/>n",
            "n<a/>",
            "<a/>&amp;",
            "<a><1/></a>",
            // The path of this one would be that of the next: it leaves its first half behind.
            "<a><p/n>1</p/n><n>2</n></a>",
        ] {
            assert!(matches!(of(bad), Err(BadXml::Malformed(_))), "{bad}: {:?}", of(bad));
        }
        assert!(matches!(read(b"\xff\xfe<\0a\0", "a", &ASKS), Err(BadXml::Encoding(_))));
        assert!(matches!(of("<?xml version='1.0' encoding='EBCDIC-X'?><a/>"), Err(BadXml::Encoding(_))));
        assert_eq!(of(&format!("<a><n>{}</n></a>", "x".repeat(XML_TEXT_BYTES + 1))), Err(BadXml::TooLong("n".into())));
    }

    #[test]
    fn a_text_is_what_maven_takes_for_it() {
        let n = |inside: &str| of(&format!("<a><n>{inside}</n></a>")).map(|found| found[0].1.clone());
        assert_eq!(n("\r\n\t 1.0 \n"), Ok("1.0".to_owned()));
        assert_eq!(n("\u{a0}1.0\u{2003}"), Ok("\u{a0}1.0\u{2003}".to_owned()), "only white space of XML is cut off");
        assert_eq!(n("&#49;&#x2e;&#x30;"), Ok("1.0".to_owned()));
        for bad in ["&#+49;", "&#x+31;", "&#x;", "&#0;", "&#X31;", "&#xd800;"] {
            assert_eq!(n(bad), Err(BadXml::Entity("n".into())), "{bad}");
        }
    }

    #[test]
    fn names_of_people_do_not_stop_an_old_document() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a><d>J\xf6rg &ouml;</d><d>second</d></a>";
        assert_eq!(read(latin, "a", &ASKS).unwrap().get("a/d").unwrap(), "J\u{f6}rg \u{fffd}");
        assert_eq!(read(b"<a><d>J\xf6rg</d><n>1</n></a>", "a", &ASKS).unwrap().get("a/n").unwrap(), "1");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), xml in "[<>/anp&;!\\[\\]#x ]{0,60}") {
            let _ = read(&bytes, "a", &ASKS);
            let _ = of(&xml);
        }
    }
}
