//! The two halves of a projection. Laws that hold for each, and are tested: rows from increments equal rows from
//! zero; folding is deterministic; rendering is a function of rows and site.

use crate::entry::{Entry, Facts};
use crate::request::{Method, Request, Takes};
use crate::response::{Refused, Response};
use crate::site::Site;
use deedbox_model::{Changes, Defect, Keys, RowKey, Rows};

/// What to read next, bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plan {
    /// Nothing: the answer needs no rows.
    Nothing,
    /// These rows, at most `MAX_GET`.
    Get(Vec<RowKey>),
    /// The rows whose keys begin with `prefix` and come after `after`, ascending, at most `limit` (at most `MAX_SCAN`), and
    /// none after those that have `MAX_SCAN_BYTES` together: then too there may be more behind the last.
    Scan {
        /// How the keys begin.
        prefix: RowKey,
        /// The last key already seen.
        after: Option<RowKey>,
        /// At most so many rows.
        limit: u32,
    },
}

/// Keys in one `Get`: with rows of a few kilobytes, some megabytes.
pub const MAX_GET: usize = 1_000;
/// Rows in one `Scan`.
pub const MAX_SCAN: u32 = 5_000;
/// Bytes of keys and rows after which a `Scan` stops: a row may have a quarter of a megabyte, and five thousand of them
/// would be a gigabyte. It stops behind the row with which it has so many, so that which rows it gives follows from these
/// rows alone (the law at `Projection::plan`).
pub const MAX_SCAN_BYTES: u64 = 4 * 1024 * 1024;
/// Rounds of reading for one answer: a scan of 100,000 rows or 80 MiB at most.
pub const MAX_ROUNDS: u32 = 20;

/// How the last scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScanEnd {
    /// The last key that it gave; if it gave none, the one that it began after.
    pub last: Option<RowKey>,
    /// Whether there may be more behind it.
    pub more: bool,
}

/// All that was read for one answer so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// The rows.
    pub rows: Rows,
    /// How the last round ended, if it was a scan.
    pub last_scan: Option<ScanEnd>,
    /// Rounds done.
    pub rounds: u32,
}

/// Whether more must be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// No: render.
    Ready,
    /// Yes: this.
    Read(Plan),
}

/// A view of the log.
pub trait Projection: Send + Sync {
    /// Its name in the row store and in events: `catalog`, `npm`, ….
    fn name(&self) -> &'static str;

    /// The version of its rows and answers. Another one begins a new generation of rows; version 1 is in force from
    /// index 0 until an event says otherwise.
    fn version(&self) -> u32;

    /// The keys whose rows `fold` may use for this entry. Empty if the entry does not concern it.
    fn touches(&self, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect>;

    /// Further keys, named by what stands in the rows that `touches` named: the last piece of a long text, say. Read by
    /// a question of their own for each entry, so a projection names some here only where it must. At most `MAX_GET`.
    fn touches_next(&self, _rows: &Rows, _entry: &Entry<'_>, _facts: &Facts) -> Result<Keys, Defect> {
        Ok(Keys::new())
    }

    /// The rows that this entry changes. Deterministic; uses only rows that `touches` and `touches_next` named.
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect>;

    /// The URL path prefixes that it answers under, each with slashes at both ends: `/npm/`.
    fn mounts(&self) -> &'static [&'static str];

    /// What it takes of a request beside its method, mount and path. Said from these alone, before a body is read: the
    /// shell drops the rest. By default everything.
    fn takes(&self, _method: Method, _mount: &'static str, _path: &str) -> Takes {
        Takes::EVERYTHING
    }

    /// What to read first. **Law:** while none of these first rows changes its bytes or `seq`, the answer stays the
    /// same; the shell's cache rests on it.
    fn plan(&self, request: &Request) -> Plan;

    /// Looks at what was read and says whether more is needed. At most `MAX_ROUNDS` rounds.
    fn step(&self, request: &Request, reads: &Reads) -> Result<Step, Defect>;

    /// The answer. A function of what was read and of the site, of nothing else.
    fn render(&self, request: &Request, reads: &Reads, site: &Site) -> Result<Response, Defect>;

    /// A refusal of the shell's own below its mounts, in the shape that its clients read: media type, body and headers of
    /// this; the status stays the shell's. None: the shell's own shape.
    fn refuse(&self, _refused: &Refused<'_>) -> Option<Response> {
        None
    }
}
