//! The payload of a statement (spec/statements.md §5): six fields, of which one is the body. Which types there are and what their bodies
//! say is not known here.

use crate::encoding::{self, NotCanonical};
use crate::event_id::EventId;
use crate::time::TimeMs;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The fields of a payload around its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) by: Option<EventId>,
    pub(crate) prev: Option<EventId>,
    pub(crate) time: TimeMs,
    pub(crate) under: Option<EventId>,
}

impl Frame {
    /// The payload of this type with this body.
    pub(crate) fn encode<B: Serialize>(self, r#type: &str, body: &B) -> Result<Vec<u8>, NotCanonical> {
        let Frame { by, prev, time, under } = self;
        encoding::encode(&Payload { body, by, prev, time, r#type: r#type.to_owned(), under })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload<B> {
    body: B,
    by: Option<EventId>,
    prev: Option<EventId>,
    time: TimeMs,
    r#type: String,
    under: Option<EventId>,
}

#[derive(Deserialize)]
struct TypeOnly {
    r#type: String,
}

/// The type that a payload says it has.
pub(crate) fn type_of(bytes: &[u8]) -> Result<String, NotCanonical> {
    crate::canonical::check(bytes).map_err(NotCanonical::from)?;
    let TypeOnly { r#type } = serde_ipld_dagcbor::from_slice(bytes).map_err(|e| NotCanonical::Shape(e.to_string()))?;
    Ok(r#type)
}

/// Reads a payload whose type has this body.
pub(crate) fn read<B: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<(B, Frame), NotCanonical> {
    let Payload { body, by, prev, time, under, r#type: _ } = encoding::decode::<Payload<B>>(bytes)?;
    Ok((body, Frame { by, prev, time, under }))
}
