//! XML within bounds (XML 1.0), event by event: texts of the elements that are asked for. No document type that could hold
//! anything, no entity but those of XML and the letters that Maven knows, no element inside a text that counts. Elements are named as written, prefixes and all, as
//! Maven's own reader does. Never fetches anything, and never keeps what was not asked for.

use crate::bad_xml::BadXml;
use crate::encoding::{WHITE, decode};
use crate::entities::character;
use crate::limits::{XML_DEPTH, XML_TEXT_BYTES};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;

/// An element to be read, by its path from the root: `project/parent/groupId`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ask {
    pub(crate) path: &'static str,
    /// Whether its text counts: there once, text only. Otherwise the first one is kept, as far as it can be read.
    pub(crate) counts: bool,
    /// Whether Maven refuses a second one, though its text does not count.
    pub(crate) once: bool,
}

/// Texts by path, trimmed; an element without text has an empty one.
pub(crate) type Texts = BTreeMap<&'static str, String>;

/// Reads the texts of these elements. Each path begins with `root`. An ask that counts and has asks below it is an element
/// that must not be there twice.
pub(crate) fn read(bytes: &[u8], root: &'static str, asks: &[Ask]) -> Result<Texts, BadXml> {
    let source = decode(bytes)?;
    let mut reader = Reader::from_str(&source);
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_comments = true;
    let mut walk = Walk { asks, root, path: String::new(), depth: 0, roots: 0, has_type: false, texts: Texts::new(), open: None };
    loop {
        let begins = reader.buffer_position();
        let event = reader.read_event().map_err(|e| BadXml::Malformed(e.to_string()))?;
        let written = usize::try_from(begins).ok().and_then(|at| source.get(at..)).unwrap_or_default();
        match event {
            Event::Start(start) | Event::Empty(start) => walk.start(&start)?,
            Event::End(_) => walk.end(),
            Event::Text(text) => walk.text(&text.decode().map_err(|e| BadXml::Malformed(e.to_string()))?)?,
            Event::CData(_) if walk.depth == 0 => return Err(outside()),
            Event::CData(text) => walk.put(&text.decode().map_err(|e| BadXml::Malformed(e.to_string()))?)?,
            Event::GeneralRef(name) => {
                let name = name.decode().map_err(|e| BadXml::Malformed(e.to_string()))?;
                walk.reference(&name)?;
            }
            Event::DocType(inside) => {
                let inside = inside.decode().map_err(|e| BadXml::Malformed(e.to_string()))?;
                walk.document_type(written, &inside)?;
            }
            // The declaration at the beginning is gone already; one anywhere else is not allowed.
            Event::Decl(_) => return Err(declared_late()),
            Event::PI(inside) => {
                let target = inside.target();
                if target.eq_ignore_ascii_case(b"xml") {
                    return Err(declared_late());
                }
            }
            Event::Comment(_) => {}
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

fn outside() -> BadXml {
    BadXml::Malformed("there is text outside of the outermost element".to_owned())
}

fn declared_late() -> BadXml {
    BadXml::Malformed("its XML declaration is not the very first of all; take out what stands before it, white space too".to_owned())
}

struct Walk<'a> {
    asks: &'a [Ask],
    root: &'static str,
    path: String,
    depth: usize,
    roots: usize,
    has_type: bool,
    texts: Texts,
    /// The asked element whose text is being read, and its depth.
    open: Option<(Ask, usize)>,
}

impl Walk<'_> {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), BadXml> {
        let name = std::str::from_utf8(start.name().into_inner()).map_err(|e| BadXml::Malformed(e.to_string()))?.to_owned();
        // A slash in a name would lead to another path.
        if !is_name(&name) {
            return Err(BadXml::Malformed(format!("{:?} is not a name of an element", name.chars().take(40).collect::<String>())));
        }
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| BadXml::Malformed(e.to_string()))?;
            check_value(std::str::from_utf8(&attribute.value).map_err(|e| BadXml::Malformed(e.to_string()))?)?;
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
            && (ask.counts || ask.once)
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
            return if ask.counts || ask.once { Err(BadXml::Twice(last(ask.path))) } else { Ok(()) };
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

    /// Before the outermost element, once, in capitals, and without declarations: `<!DOCTYPE name PUBLIC "…" "…">` at most.
    fn document_type(&mut self, written: &str, inside: &str) -> Result<(), BadXml> {
        let name = inside.split(WHITE).next().unwrap_or_default();
        let holds = inside.contains(['[', ']', '<', '>', '&', '%']);
        if self.has_type || self.roots > 0 || !written.trim_start_matches('<').starts_with("!DOCTYPE") || !is_name(name) || holds {
            return Err(BadXml::DocumentType);
        }
        self.has_type = true;
        Ok(())
    }

    fn text(&mut self, more: &str) -> Result<(), BadXml> {
        if self.depth == 0 && !more.trim_matches(WHITE).is_empty() {
            return Err(outside());
        }
        if more.contains("]]>") {
            return Err(BadXml::Malformed("there is ]]> in a text; write ]]&gt;".to_owned()));
        }
        self.put(more)
    }

    fn put(&mut self, more: &str) -> Result<(), BadXml> {
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
        if self.depth == 0 {
            return Err(outside());
        }
        let letter = character(name).ok_or_else(|| unknown(name))?;
        self.put(letter.encode_utf8(&mut [0; 4]))
    }
}

fn unknown(name: &str) -> BadXml {
    BadXml::Entity(name.chars().take(40).collect())
}

/// A value of an attribute: no beginning of an element, and every `&` begins a reference that is known.
fn check_value(value: &str) -> Result<(), BadXml> {
    if value.contains('<') {
        return Err(BadXml::Malformed("there is < in the value of an attribute; write &lt;".to_owned()));
    }
    for after in value.split('&').skip(1) {
        let name = after.split_once(';').map_or("", |(name, _)| name);
        character(name).ok_or_else(|| unknown(name))?;
    }
    Ok(())
}

/// `Name` of XML 1.0 as far as ASCII goes.
fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii();
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit() || matches!(c, '-' | '.'))
}

fn last(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ASKS: [Ask; 4] = [
        Ask { path: "a/n", counts: true, once: true },
        Ask { path: "a/p", counts: true, once: true },
        Ask { path: "a/p/n", counts: true, once: true },
        Ask { path: "a/d", counts: false, once: false },
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
            ("<!DOCTYPE a []><a/>", BadXml::DocumentType),
            ("<!DOCTYPE a><!DOCTYPE a><a/>", BadXml::DocumentType),
            ("<!doctype a><a/>", BadXml::DocumentType),
            ("<a/><!DOCTYPE a>", BadXml::DocumentType),
            ("<a><!DOCTYPE a></a>", BadXml::DocumentType),
            ("<!DOCTYPE a SYSTEM 'x'><a><n>&x;</n></a>", BadXml::Entity("x".into())),
            ("<a><n/><b c='&x;'/></a>", BadXml::Entity("x".into())),
            ("<a><b>&x;</b></a>", BadXml::Entity("x".into())),
            ("<a><n>1</n><n>1</n></a>", BadXml::Twice("n".into())),
            ("<a><p/><p><n>1</n></p></a>", BadXml::Twice("p".into())),
            ("<a><n>1<b/></n></a>", BadXml::NotText("n".into())),
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
            "<a b='1' b='2'/>",
            "<a b=1/>",
            "<a b='<'/>",
            "<a b/>",
            "<a>]]></a>",
            "<a/>&#32;",
            "<a/><![CDATA[ ]]>",
            "<![CDATA[]]><a/>",
            "<a><!-- x -- y --></a>",
            "<a><?xml version='1.0'?></a>",
            "<a/><?xml version='1.0'?>",
            "<a><?XmL x?></a>",
            " <?xml version='1.0'?><a/>",
            "\n  <?xml version='1.0'?><a/>",
            "<!-- x --><?xml version='1.0'?><a/>",
            "<?xml version='1.0'?><?xml version='1.0'?><a/>",
            "<?XML version='1.0'?><a/>",
            "<?xml version='1.1'?><a/>",
            // The path of this one would be that of the next: it leaves its first half behind.
            "<a><p/n>1</p/n><n>2</n></a>",
        ] {
            assert!(matches!(of(bad), Err(BadXml::Malformed(_))), "{bad}: {:?}", of(bad));
        }
        for good in
            ["<!DOCTYPE a><a/>", "<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE a PUBLIC 'b' \"c\">\n<a/>", "<?php x?><a b='&lt;&ouml;'/>"]
        {
            assert_eq!(of(good), Ok(vec![]), "{good}");
        }
        assert!(matches!(of("<?xml version='1.0' encoding='EBCDIC-X'?><a/>"), Err(BadXml::Encoding(_))));
        assert_eq!(of(&format!("<a><n>{}</n></a>", "x".repeat(XML_TEXT_BYTES + 1))), Err(BadXml::TooLong("n".into())));
    }

    #[test]
    fn a_text_is_what_maven_takes_for_it() {
        let n = |inside: &str| of(&format!("<a><n>{inside}</n></a>")).map(|found| found[0].1.clone());
        assert_eq!(n("\r\n\t 1.0 \n"), Ok("1.0".to_owned()));
        assert_eq!(n("\u{a0}1.0\u{2003}"), Ok("\u{a0}1.0\u{2003}".to_owned()), "only white space of XML is cut off");
        assert_eq!(n("&#49;&#x2e;&#x30;"), Ok("1.0".to_owned()));
        assert_eq!(n("<![CDATA[]]>&oslash;&Oslash;"), Ok("\u{f8}\u{d8}".to_owned()));
        for bad in ["&#+49;", "&#x+31;", "&#x;", "&#0;", "&#X31;", "&#xd800;", "&LT;"] {
            assert!(matches!(n(bad), Err(BadXml::Entity(_))), "{bad}");
        }
    }

    #[test]
    fn names_of_people_do_not_stop_an_old_document() {
        let latin = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a><d>J\xf6rg &ouml;</d><d>second</d></a>";
        assert_eq!(read(latin, "a", &ASKS).unwrap().get("a/d").unwrap(), "J\u{f6}rg \u{f6}");
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
