//! JSON in and out (spec/projections/npm.md §3). In: one value per spelling of a key, bounded depth; numbers that are
//! not integers of 64 bits are left out, since the model has none. Out: keys ascending by bytes, no white space.

use crate::limits::JSON_DEPTH;
use deedbox_model::Value;
pub(crate) use deedbox_view::json::BadJson;

/// Reads one JSON text; a byte order mark before it is skipped, as npm does.
pub(crate) fn read(bytes: &[u8]) -> Result<Value, BadJson> {
    deedbox_view::json::read(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes), JSON_DEPTH)
}

/// How deep a value is: a text is 0, a list of texts 1.
pub(crate) fn depth(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        Value::Map(map) => 1 + map.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

/// Appends a text as a JSON string.
pub(crate) fn put_text(out: &mut String, text: &str) {
    out.push('"');
    // Almost every text is plain; one is copied at once.
    if text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\') {
        out.push_str(text);
        out.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Also what a terminal or a script inside a page would take for a command or a line end.
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Appends a value. Bytes have no form in JSON: a member or item that is bytes becomes null.
pub(crate) fn put(out: &mut String, value: &Value) {
    match value {
        Value::Null | Value::Bytes(_) => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Int(n) => out.push_str(&n.to_string()),
        Value::Text(s) => put_text(out, s),
        Value::List(list) => {
            out.push('[');
            for (i, item) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                put(out, item);
            }
            out.push(']');
        }
        Value::Map(map) => {
            let mut object = Object::begin(out);
            for (key, value) in map {
                put(object.key(key), value);
            }
            object.end();
        }
    }
}

/// Writes an object's members in the order they are given.
pub(crate) struct Object<'a> {
    out: &'a mut String,
    empty: bool,
}

impl<'a> Object<'a> {
    /// Opens one.
    pub(crate) fn begin(out: &'a mut String) -> Self {
        out.push('{');
        Object { out, empty: true }
    }
    /// Writes members into text that is not an object by itself: `"a":1,"b":2`.
    pub(crate) fn members(out: &'a mut String) -> Self {
        Object { empty: out.is_empty(), out }
    }
    /// A key; its value is what is appended next.
    pub(crate) fn key(&mut self, key: &str) -> &mut String {
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        put_text(self.out, key);
        self.out.push(':');
        self.out
    }
    /// A member that is a text.
    pub(crate) fn text(&mut self, key: &str, text: &str) {
        put_text(self.key(key), text);
    }
    /// Members that were written before.
    pub(crate) fn splice(&mut self, members: &str) {
        if members.is_empty() {
            return;
        }
        if !self.empty {
            self.out.push(',');
        }
        self.empty = false;
        self.out.push_str(members);
    }
    /// Closes it.
    pub(crate) fn end(self) {
        self.out.push('}');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn again(json: &str) -> String {
        let mut out = String::new();
        put(&mut out, &read(json.as_bytes()).unwrap());
        out
    }

    #[test]
    fn numbers_that_are_not_integers_are_left_out() {
        assert_eq!(
            again(r#"{"b":[1,2.5,1e3,-7],"a":1.0,"c":18446744073709551615,"d":-9223372036854775808}"#),
            r#"{"b":[1,-7],"d":-9223372036854775808}"#
        );
        assert_eq!(again("1.5"), "null");
        assert_eq!(again("\u{feff}{}"), "{}");
    }

    #[test]
    fn depth_has_its_limit_on_both_sides() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(read(nested(JSON_DEPTH).as_bytes()).is_ok());
        assert_eq!(read(nested(JSON_DEPTH + 1).as_bytes()), Err(BadJson::TooDeep(JSON_DEPTH)));
        assert_eq!(read("[".repeat(1_000_000).as_bytes()), Err(BadJson::TooDeep(JSON_DEPTH)));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(text in ".{0,30}") {
            let mut out = String::new();
            put_text(&mut out, &text);
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
