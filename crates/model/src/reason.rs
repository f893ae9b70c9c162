//! Reasons as codes (spec/events.md §2): a leaf holds no free text. A closed list; a new code needs a new protocol number.

use serde::{Deserialize, Serialize};

/// Why a release was yanked or deprecated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonCode {
    /// Does not work as meant.
    Broken,
    /// Has a weakness that others can use.
    Security,
    /// Must not be distributed under its terms.
    Licence,
    /// Published by mistake.
    Mistake,
    /// Another release or package takes its place.
    Superseded,
    /// Nobody looks after it any more.
    Unmaintained,
    /// None of these.
    Other,
}

impl ReasonCode {
    /// Every code, in the order of the specification.
    pub const ALL: [ReasonCode; 7] = [
        ReasonCode::Broken,
        ReasonCode::Security,
        ReasonCode::Licence,
        ReasonCode::Mistake,
        ReasonCode::Superseded,
        ReasonCode::Unmaintained,
        ReasonCode::Other,
    ];

    /// As it is spelled in a statement.
    pub fn as_str(self) -> &'static str {
        match self {
            ReasonCode::Broken => "broken",
            ReasonCode::Security => "security",
            ReasonCode::Licence => "licence",
            ReasonCode::Mistake => "mistake",
            ReasonCode::Superseded => "superseded",
            ReasonCode::Unmaintained => "unmaintained",
            ReasonCode::Other => "other",
        }
    }

    /// Reads the one spelling.
    pub fn parse(s: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == s)
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_and_the_encoding_agree() {
        for code in ReasonCode::ALL {
            assert_eq!(ReasonCode::parse(code.as_str()), Some(code));
            let bytes = crate::encode(&code).unwrap();
            assert_eq!(crate::decode::<String>(&bytes).unwrap(), code.as_str());
        }
    }
}
