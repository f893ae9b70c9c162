//! The gate through which all our CBOR goes (spec/encoding.md §1): strict DAG-CBOR without floats or tags,
//! accepted only if encoding again gives the same bytes (docs/decisions/0001). One spelling per value.

use crate::canonical::{self, Malformed};
use serde::{Serialize, de::DeserializeOwned};

/// Why bytes are not the canonical encoding of the value that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCanonical {
    /// Not strict DAG-CBOR at all.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Strict, but of another shape: a field missing, unknown, or of the wrong type.
    #[error("not of the expected shape: {0}")]
    Shape(String),
    /// Readable, but there is another spelling of the same value.
    #[error("encoding it again gives other bytes: a field was left out or spelled a second way")]
    SecondSpelling,
}

/// The canonical bytes of a value. Values of this crate always have some; a type with floats or non-text keys
/// has none, which is a mistake in its definition and gives `Shape`.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, NotCanonical> {
    serde_ipld_dagcbor::to_vec(value).map_err(|e| NotCanonical::Shape(e.to_string()))
}

/// Reads canonical bytes; refuses every other spelling of the same value.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, NotCanonical> {
    canonical::check(bytes)?;
    let value: T = serde_ipld_dagcbor::from_slice(bytes).map_err(|e| NotCanonical::Shape(e.to_string()))?;
    if encode(&value)? != bytes {
        return Err(NotCanonical::SecondSpelling);
    }
    Ok(value)
}

/// Reads bytes that this program wrote itself and that nobody signed: rows. Strict and of the expected shape like all others, but not
/// encoded again to be compared: what tells whether a row is the right one is the log, byte by byte, and a large answer reads ten
/// thousand of them.
pub(crate) fn decode_own<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, NotCanonical> {
    canonical::check(bytes)?;
    serde_ipld_dagcbor::from_slice(bytes).map_err(|e| NotCanonical::Shape(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Serialize, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        zz: Option<u64>,
        a: u64,
    }

    #[test]
    fn fields_are_sorted_whatever_the_order_of_declaration() {
        let bytes = encode(&Sample { zz: None, a: 1 }).unwrap();
        assert_eq!(hex::encode(&bytes), "a2616101627a7af6");
        assert_eq!(decode::<Sample>(&bytes).unwrap(), Sample { zz: None, a: 1 });
    }

    #[test]
    fn a_missing_null_is_a_second_spelling_and_an_unknown_field_another_shape() {
        assert_eq!(decode::<Sample>(&hex::decode("a1616101").unwrap()), Err(NotCanonical::SecondSpelling));
        assert!(matches!(decode::<Sample>(&hex::decode("a3616101616200627a7af6").unwrap()), Err(NotCanonical::Shape(_))));
        assert!(matches!(decode::<Sample>(&hex::decode("a26161f6627a7af6").unwrap()), Err(NotCanonical::Shape(_))));
    }
}
