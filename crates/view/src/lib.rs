//! What a projection is: the two pure halves of a view, folding entries into rows and rendering rows into answers
//! (spec/projections/README.md). Also what a dialect is: a projection that can read its ecosystem's artifacts.
//!
//! Nothing here fetches or stores: the shell reads the rows that are named, calls, and writes.

pub mod content;
pub mod dialect;
pub mod entry;
pub mod howto;
pub mod json;
pub mod path;
pub mod projection;
pub mod request;
pub mod response;
pub mod site;

pub use content::Content;
pub use dialect::{ArtifactSource, Dialect, InspectRefusal, Inspection, Said, documents_bytes};
pub use entry::{Entry, Fact, Facts, FactsNeeded};
pub use howto::{HowTo, Wanted};
pub use path::encode_path;
pub use projection::{Plan, Projection, Reads, ScanEnd, Step};
pub use request::{Method, Request, Takes};
pub use response::{Body, Cache, Refused, Response};
pub use site::{Site, SiteSigner};
