//! What a body of an event is, whatever it says.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The body of one event type.
pub trait Body: Serialize + DeserializeOwned {
    /// Its `type` in a payload.
    const TYPE: &'static str;

    /// The rules that the types of its fields do not already carry (spec/events.md, the limits of each type).
    fn check(&self) -> Result<(), &'static str>;
}
