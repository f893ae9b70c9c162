//! What a projection is, in two pure halves: what folds entries into rows (`Projection`), and what answers questions from rows (`View`;
//! spec/projections/README.md). Also what a dialect is: what reads an ecosystem's artifacts.
//!
//! Nothing here fetches or stores: the shell reads the rows that are named, calls, and writes.

pub mod content;
pub mod dialect;
pub mod entry;
pub mod howto;
pub mod json;
pub mod path;
pub mod projection;
pub mod question;
pub mod reader;
pub mod request;
pub mod response;
pub mod site;
pub mod view;

pub use content::Content;
pub use dialect::{ArtifactSource, Dialect, InspectRefusal, Inspection, Said, documents_bytes};
pub use entry::{Entry, Fact, Facts, FactsNeeded};
pub use howto::{HowTo, Wanted};
pub use path::encode_path;
pub use projection::Projection;
pub use question::{Plan, Question, Reads, ScanEnd, Step};
pub use reader::{Reader, Resource};
pub use request::{Method, Request, Takes};
pub use response::{Body, Cache, Refused, Response};
pub use site::{Site, SiteSigner};
pub use view::View;
