//! YAML as gems carry it: one bounded tree. No tag makes anything but YAML's own, which say how a text is written or read;
//! no alias is followed, nothing is there twice (spec/projections/gem.md §4).

use crate::limits::{YAML_DEPTH, YAML_NODES};
use deedbox_view::InspectRefusal;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

/// A value with its tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) tag: Option<String>,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text, and whether it was written without quotes, so that it may be a number or nothing instead.
    Scalar {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    /// In their order; keys are texts, each there once.
    Map(Vec<(String, Node)>),
}

impl Node {
    pub(crate) fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Map(pairs) => pairs.iter().find(|(k, _)| k == key).map(|(_, node)| node),
            _ => None,
        }
    }

    /// Whether Ruby reads nil here.
    pub(crate) fn is_nil(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// A text, without a tag; none for nil, lists and maps.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_nil() => Some(text),
            _ => None,
        }
    }

    /// A text that Ruby reads as that text and not as a number, a date, a symbol or a truth value.
    pub(crate) fn exact(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, plain } if !(self.is_nil() || *plain && is_other_than_text(text)) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn list(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }
}

/// What YAML 1.1 as Ruby has it takes for something else than a text where there are no quotes; rather too much than too
/// little, since a publisher who is refused has only to build again.
fn is_other_than_text(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    if matches!(lower.as_str(), "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "<<" | "=") || text.starts_with(':') {
        return true;
    }
    let unsigned = text.trim_start_matches(['+', '-']);
    let begins_as_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let dots = unsigned.matches('.').count();
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | ',' | ':' | 'e' | 'E' | '+' | '-');
    let hex = lower.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit() || b == b'_'));
    let date =
        text.len() >= 8 && text.bytes().filter(|b| *b == b'-').count() == 2 && unsigned.chars().all(|c| c.is_ascii_digit() || c == '-');
    let special = matches!(lower.trim_start_matches(['+', '-']), ".inf" | ".nan");
    let octal =
        lower.strip_prefix("0o").or(lower.strip_prefix("0b")).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'_'));
    special || hex || octal || date || (begins_as_number && dots <= 1 && unsigned.chars().all(numeric))
}

/// Reads one document.
pub(crate) fn read(what: &str, bytes: &[u8]) -> Result<Node, InspectRefusal> {
    let malformed = |why: &str| {
        let shown: String = why.escape_debug().take(200).collect();
        InspectRefusal::new(
            "gem_yaml_malformed",
            format!("{what} is not YAML as gem build writes it ({shown}); build it again with gem build"),
        )
    };
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("not UTF-8"))?;
    // The parser reads one document; a second one would be read by nobody.
    let mut builder = Builder { what, stack: Vec::new(), root: None, nodes: 0 };
    let mut documents = 0u32;
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|e| malformed(e.info()))?;
        match event {
            Event::DocumentStart(_) => {
                documents += 1;
                if documents > 1 {
                    return Err(malformed("more than one document"));
                }
            }
            Event::Alias(_) => {
                return Err(InspectRefusal::new(
                    "gem_yaml_alias",
                    format!("{what} repeats a value by an alias, which programs unfold in different ways; build it again with gem build"),
                ));
            }
            Event::Scalar(text, style, _, tag) => {
                builder.put(scalar(text.into_owned(), style == ScalarStyle::Plain, tag.as_deref()))?;
            }
            Event::SequenceStart(_, tag) => {
                let tag = tag_of(tag.as_deref()).filter(|tag| !matches!(tag.as_str(), "!seq" | "tag:yaml.org,2002:seq"));
                builder.open(Node { tag, kind: Kind::List(Vec::new()) })?;
            }
            Event::MappingStart(_, tag) => {
                let tag = tag_of(tag.as_deref()).filter(|tag| !matches!(tag.as_str(), "!map" | "tag:yaml.org,2002:map"));
                builder.open(Node { tag, kind: Kind::Map(Vec::new()) })?;
            }
            Event::SequenceEnd | Event::MappingEnd => builder.close()?,
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
    }
    builder.root.ok_or_else(|| malformed("there is nothing in it"))
}

/// The tag as it is written.
fn tag_of(tag: Option<&Tag>) -> Option<String> {
    tag.map(|tag| format!("{}{}", tag.handle, tag.suffix))
}

/// A text under one of YAML's own tags, as Ruby reads it: what is in quotes is that text, whatever its tag says; base64 is
/// unpacked; a number, a truth value, nothing or a time is what it would be without its tag.
fn scalar(text: String, unquoted: bool, tag: Option<&Tag>) -> Node {
    let literal = |text| Node { tag: None, kind: Kind::Scalar { text, plain: false } };
    let Some(tag) = tag_of(tag) else { return Node { tag: None, kind: Kind::Scalar { text, plain: unquoted } } };
    match tag.strip_prefix("tag:yaml.org,2002:").or_else(|| tag.strip_prefix('!')) {
        Some("binary") => literal(String::from_utf8_lossy(&unpacked(&text)).into_owned()),
        Some("" | "str" | "ruby/string") => literal(text),
        Some("int" | "float" | "bool" | "null" | "timestamp") => Node { tag: None, kind: Kind::Scalar { text, plain: unquoted } },
        _ => Node { tag: Some(tag), kind: Kind::Scalar { text, plain: false } },
    }
}

/// Base64 as Ruby's `unpack("m")` takes it: what is not a letter of it is passed over, and the first `=` ends it.
fn unpacked(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0u32, 0u32);
    for byte in text.bytes().take_while(|b| *b != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => continue,
        };
        bits = (bits << 6 | u32::from(six)) & 0xffff;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.extend(u8::try_from(bits >> held & 0xff));
        }
    }
    out
}

struct Builder<'a> {
    what: &'a str,
    /// What is open, each with the key that waits for a value.
    stack: Vec<(Node, Option<String>)>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn refuse(&self, code: &'static str, why: &str) -> InspectRefusal {
        InspectRefusal::new(code, format!("{} {why}; build it again with gem build", self.what))
    }

    fn open(&mut self, node: Node) -> Result<(), InspectRefusal> {
        if self.stack.len() >= YAML_DEPTH {
            return Err(self.refuse("gem_yaml_too_deep", &format!("is nested deeper than {YAML_DEPTH} levels")));
        }
        self.stack.push((node, None));
        Ok(())
    }

    fn close(&mut self) -> Result<(), InspectRefusal> {
        match self.stack.pop() {
            Some((node, None)) => self.put(node),
            _ => Err(self.refuse("gem_yaml_malformed", "has a key without a value")),
        }
    }

    fn put(&mut self, node: Node) -> Result<(), InspectRefusal> {
        self.nodes += 1;
        if self.nodes > YAML_NODES {
            return Err(self.refuse("gem_yaml_too_large", &format!("has more than {YAML_NODES} values")));
        }
        let Some((parent, waiting)) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match (&mut parent.kind, waiting.take()) {
            (Kind::List(items), _) => items.push(node),
            (Kind::Map(pairs), Some(key)) => pairs.push((key, node)),
            (Kind::Map(pairs), None) => match node {
                Node { tag: None, kind: Kind::Scalar { text, .. } } => {
                    // A small map is looked through; a large one is refused by its number of nodes long before it costs.
                    if pairs.len() > 4_096 || pairs.iter().any(|(key, _)| *key == text) {
                        return Err(self.refuse("gem_yaml_duplicate_key", "has a key twice, or thousands of keys in one map"));
                    }
                    *waiting = Some(text);
                }
                _ => return Err(self.refuse("gem_yaml_malformed", "has a key that is not a text")),
            },
            (Kind::Scalar { .. }, _) => return Err(self.refuse("gem_yaml_malformed", "has a value inside a text")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code(text: &str) -> &'static str {
        read("the metadata", text.as_bytes()).map_or_else(|e| e.code, |_| "ok")
    }

    #[test]
    fn what_makes_or_repeats_things_is_refused() {
        for (text, expected) in [
            ("a: 1\nb:\n- x\n- - y\n", "ok"),
            ("--- !ruby/object:Anything\na: b\n", "ok"),
            ("a: &x 1\nb: *x\n", "gem_yaml_alias"),
            ("a: 1\na: 2\n", "gem_yaml_duplicate_key"),
            ("a: 1\n---\nb: 2\n", "gem_yaml_malformed"),
            ("? [a]\n: b\n", "gem_yaml_malformed"),
            ("", "gem_yaml_malformed"),
            ("a: [", "gem_yaml_malformed"),
            ("a: \"\\", "gem_yaml_malformed"),
        ] {
            assert_eq!(code(text), expected, "{text:?}");
        }
        assert_eq!(code(&format!("{}{}", "[".repeat(YAML_DEPTH), "]".repeat(YAML_DEPTH))), "ok");
        assert_eq!(code(&format!("{}{}", "[".repeat(YAML_DEPTH + 1), "]".repeat(YAML_DEPTH + 1))), "gem_yaml_too_deep");
        assert_eq!(code(&format!("[{}]", "a,".repeat(YAML_NODES))), "gem_yaml_too_large");
        assert_eq!(read("x", b"\xff").unwrap_err().code, "gem_yaml_malformed");
    }

    #[test]
    fn what_ruby_reads_as_something_else_is_no_text() {
        let node =
            read("x", b"- 1.0.0\n- 1.0\n- '1.0'\n- yes\n- :sym\n- 2026-11-21\n- 0x10\n- 1e3\n-\n- ~\n- widget\n- 1_0\n- '~'\n- 1.0.a\n")
                .unwrap();
        let exact: Vec<_> = node.list().unwrap().iter().map(|n| n.exact().unwrap_or("-")).collect();
        assert_eq!(exact, ["1.0.0", "-", "1.0", "-", "-", "-", "-", "-", "-", "-", "widget", "-", "~", "1.0.a"]);
    }

    #[test]
    fn yamls_own_tags_say_how_a_text_is_read_and_make_nothing() {
        let of = |text: &str| read("x", format!("a: {text}\n").as_bytes()).unwrap().get("a").cloned().unwrap();
        for (written, exact) in [
            ("!binary |-\n  Y2Fmw6kgdG9vbHM=", Some("caf\u{e9} tools")),
            ("!binary Y2Fmw6kgdG9vbHM=", Some("caf\u{e9} tools")),
            ("!!binary \"Y2Fm\\nw6k=\"", Some("caf\u{e9}")),
            ("!<tag:yaml.org,2002:binary> Sm9z6Q==", Some("Jos\u{fffd}")),
            ("!binary |\n  Y2Fm\n  w6kg\n", Some("caf\u{e9} ")),
            ("!binary '****'", Some("")),
            ("!!str 1.0", Some("1.0")),
            ("!str 1.0", Some("1.0")),
            ("! yes", Some("yes")),
            ("!ruby/string x", Some("x")),
            ("!!int 7", None),
            ("!!float 7.5", None),
            ("!!bool yes", None),
            ("!!null ~", None),
            ("!!null ''", Some("")),
            ("!!int \"7\"", Some("7")),
            ("!!timestamp 2026-11-21", None),
        ] {
            let node = of(written);
            assert_eq!((node.tag.as_deref(), node.exact()), (None, exact), "{written}");
        }
        for list in ["!!seq [x]", "!seq [x]", "[x]"] {
            assert_eq!(of(list), of("[x]"), "{list}");
        }
        for map in ["!!map {b: c}", "!map {b: c}"] {
            assert_eq!(of(map), of("{b: c}"), "{map}");
        }
        for other in
            ["!!set {b}", "!ruby/sym x", "!!omap [b: c]", "!ruby/string:Gem::Version x", "!x y", "!!python/none x", "!ruby/array:X [b]"]
        {
            assert!(of(other).tag.is_some(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-:!&*?|>\\[\\]{}'\"\\\\%@`#,a1 \n\t\u{e9}]{0,60}") {
            let _ = read("x", text.as_bytes());
        }
    }
}
