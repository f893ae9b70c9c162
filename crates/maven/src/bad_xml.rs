//! Why a document cannot be read, in words for who wrote it. Reads nothing.

use crate::limits::{XML_DEPTH, XML_TEXT_BYTES};

/// Why bytes are not XML as `xml` and `encoding` read it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadXml {
    /// Not XML.
    #[error("it is not well-formed XML ({0})")]
    Malformed(String),
    /// In an alphabet that is not read here.
    #[error("it is written in {0}; write it in UTF-8")]
    Encoding(String),
    /// A document type that could hold something, or is where none may be.
    #[error("it has a document type with declarations in it, or not where XML has it, and readers differ about it; take <!DOCTYPE …> out")]
    DocumentType,
    /// A reference to something that is not here.
    #[error("it holds the entity &{0};, which neither XML nor Maven has by itself; write the character")]
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
