//! Looks at the network for what a claimant put at a domain: TXT records at `_deedbox.DOMAIN`, or a file at its web server. Tells what it saw, with
//! the record chain that proves it or proves that the domain is not signed; the room `dnssec` judges the chain. Decides nothing about rights,
//! and knows no statements and no rows.

mod addresses;
mod ask;
mod gather;
pub mod limits;
mod look;
mod page;
mod public;
mod settings;
mod trouble;

pub use look::{Chain, Ground, Lookout, Page, Seen};
pub use settings::Settings;
pub use trouble::{BadSettings, Trouble};
