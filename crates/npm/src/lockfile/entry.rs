//! One entry of `packages`: its shape, and what it asks for.

use super::{place, quoted};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Fields that are true or false, and nothing else that JavaScript takes for one of them.
const SWITCHES: [&str; 8] = ["link", "inBundle", "hasShrinkwrap", "extraneous", "dev", "optional", "devOptional", "peer"];
/// Fields that say what a package asks for.
pub(super) const ASKING: [&str; 4] = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"];

/// An entry of the right shape.
pub(super) struct Entry<'a> {
    pub(super) fields: &'a Map<String, Value>,
}

/// All entries by their paths.
pub(super) type Entries<'a> = BTreeMap<&'a str, Entry<'a>>;

impl<'a> Entry<'a> {
    /// An object whose switches are true or false, and whose dependencies are texts by names.
    pub(super) fn read(path: &str, value: &'a Value) -> Result<Self, String> {
        let fields = value.as_object().ok_or("it is not an object")?;
        if let Some(why) = place::defect(path).filter(|_| !path.is_empty()) {
            return Err(why.to_owned());
        }
        for key in SWITCHES {
            if fields.get(key).is_some_and(|value| !value.is_boolean()) {
                return Err(format!("{key} is neither true nor false"));
            }
        }
        for key in ASKING {
            asked(fields, key)?;
        }
        Ok(Entry { fields })
    }

    pub(super) fn fields(&self) -> &'a Map<String, Value> {
        self.fields
    }

    pub(super) fn is(&self, key: &str) -> bool {
        self.fields.get(key) == Some(&Value::Bool(true))
    }

    /// A field as JavaScript asks for it: whether it is anything but nothing, zero, false and the empty text.
    pub(super) fn is_truthy(&self, key: &str) -> bool {
        match self.fields.get(key) {
            None | Some(Value::Null | Value::Bool(false)) => false,
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Number(n)) => n.as_f64() != Some(0.0),
            Some(_) => true,
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&'a str> {
        self.fields.get(key).and_then(Value::as_str)
    }

    pub(super) fn bundles(&self) -> bool {
        bundles(self.fields)
    }
}

/// Whether a package may bring others below it in its own tarball or folder.
pub(super) fn bundles(fields: &Map<String, Value>) -> bool {
    ["bundleDependencies", "bundledDependencies"].iter().any(|key| match fields.get(*key) {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        Some(value) => value != &Value::Bool(false) && !value.is_null(),
        None => false,
    })
}

/// What an entry, or a manifest, asks for under one of the fields: names and specs, if it is an object of texts.
pub(super) fn asked<'a>(fields: &'a Map<String, Value>, key: &str) -> Result<Vec<(&'a str, &'a str)>, String> {
    let map = match fields.get(key) {
        None => return Ok(Vec::new()),
        Some(Value::Object(map)) => map,
        Some(_) => return Err(format!("{key} is not an object")),
    };
    let pair = |(name, spec): (&'a String, &'a Value)| match spec {
        Value::String(spec) if name.is_ascii() => Ok((name.as_str(), spec.as_str())),
        Value::String(_) => Err(format!("{key}.{} is not a name", quoted(name))),
        _ => Err(format!("{key}.{} is not text", quoted(name))),
    };
    map.iter().map(pair).collect()
}
