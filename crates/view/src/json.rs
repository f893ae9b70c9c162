//! JSON in, as publishers write it, for every dialect: one value per spelling of a key, bounded depth; numbers that are not
//! integers of 64 bits are left out, since the model has none.

use deedbox_model::Value;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Why bytes are not such JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadJson {
    /// Not JSON, or not UTF-8.
    #[error("not JSON: {0}")]
    Malformed(String),
    /// An object names a key twice; readers differ about which one counts.
    #[error("a key is there twice in one object ({0})")]
    DuplicateKey(String),
    /// Nested too deeply.
    #[error("nested deeper than {0} levels")]
    TooDeep(usize),
}

/// Reads one JSON text, nested at most so deep. A byte order mark does not belong to it.
pub fn read(bytes: &[u8], most: usize) -> Result<Value, BadJson> {
    let trouble = Cell::new(Trouble::None);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = Seed { left: most, trouble: &trouble }.deserialize(&mut deserializer).and_then(|v| deserializer.end().map(|()| v));
    read.map(|value| value.unwrap_or(Value::Null)).map_err(|e| match trouble.get() {
        Trouble::Duplicate => BadJson::DuplicateKey(e.to_string()),
        Trouble::Deep => BadJson::TooDeep(most),
        Trouble::None => BadJson::Malformed(e.to_string()),
    })
}

#[derive(Clone, Copy)]
enum Trouble {
    None,
    Duplicate,
    Deep,
}

/// Reads one value; none where it is a number that the model cannot hold.
#[derive(Clone, Copy)]
struct Seed<'a> {
    left: usize,
    trouble: &'a Cell<Trouble>,
}

impl Seed<'_> {
    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        match self.left.checked_sub(1) {
            Some(left) => Ok(Seed { left, ..self }),
            None => {
                self.trouble.set(Trouble::Deep);
                Err(E::custom("nested too deeply"))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Option<Value>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Option<Value>;
    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Some(Value::Null))
    }
    fn visit_bool<E>(self, b: bool) -> Result<Self::Value, E> {
        Ok(Some(Value::Bool(b)))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Self::Value, E> {
        Ok(Some(Value::Int(n)))
    }
    fn visit_u64<E>(self, n: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(n).ok().map(Value::Int))
    }
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E>(self, s: &str) -> Result<Self::Value, E> {
        Ok(Some(Value::Text(s.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            list.extend(value);
        }
        Ok(Some(Value::List(list)))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let inner = self.deeper()?;
        // A key whose value is left out still counts as named.
        let mut map: BTreeMap<String, Option<Value>> = BTreeMap::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                self.trouble.set(Trouble::Duplicate);
                let shown: String = key.chars().take(80).collect();
                return Err(de::Error::custom(format_args!("{shown:?}")));
            }
            let value = access.next_value_seed(inner)?;
            map.insert(key, value);
        }
        Ok(Some(Value::Map(map.into_iter().filter_map(|(key, value)| Some((key, value?))).collect())))
    }
}

#[cfg(test)]
mod tests {
    use super::{BadJson, Value};
    use proptest::prelude::*;

    const DEPTH: usize = 32;

    fn read(bytes: &[u8]) -> Result<Value, BadJson> {
        super::read(bytes, DEPTH)
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_at_any_depth() {
        for bad in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1.5,"a":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(matches!(read(bad.as_bytes()), Err(BadJson::DuplicateKey(_))), "{bad}");
        }
    }

    #[test]
    fn depth_is_bounded_before_the_stack_is() {
        assert!(read(format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH)).as_bytes()).is_ok());
        for depth in [DEPTH + 1, 1_000_000] {
            assert_eq!(read("[".repeat(depth).as_bytes()), Err(BadJson::TooDeep(DEPTH)));
        }
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for bad in [&b""[..], b"{", b"{} {}", b"\xff", b"\"\\ud800\"", b"{\"a\":1,}", b"\"\xff\"", b"\xef\xbb\xbf{}"] {
            assert!(matches!(read(bad), Err(BadJson::Malformed(_))), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = read(&bytes);
        }
    }
}
