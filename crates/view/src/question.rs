//! What is asked of a view: read out of a request once, then answered in rounds of reading (spec/projections/README.md §4.2). Fetches
//! nothing: the caller reads the rows that are named, and calls again.
//!
//! **Law:** which rows a round asks for follows from the question and from what the rounds before gave. An answer follows from these and the
//! site, and from nothing else.

use crate::reader::Resource;
use crate::response::Response;
use crate::site::Site;
use deedbox_model::{Defect, RowKey, Rows};

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
/// rows alone (the law at `Question::plan`).
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

/// One question, as its view has read it out of a request.
pub trait Question: Send + Sync {
    /// What the answer tells of, where the question alone says it: then nobody reads a row before it is known who may.
    fn resource(&self) -> Option<Resource>;

    /// All that the answer tells of, by what was read: asked when `step` is ready, before `render`. **Law:** while the first rows stay, so
    /// does this. By default what the question alone says; a question that does not say it tells of everything.
    fn resources(&self, _reads: &Reads) -> Result<Vec<Resource>, Defect> {
        Ok(vec![self.resource().unwrap_or(Resource::Registry)])
    }

    /// What to read first. **Law:** while none of these first rows changes its bytes or `seq`, the answer stays the
    /// same; the shell's cache rests on it.
    fn plan(&self) -> Plan;

    /// Looks at what was read and says whether more is needed. At most `MAX_ROUNDS` rounds.
    fn step(&self, reads: &Reads) -> Result<Step, Defect>;

    /// The answer. A function of what was read and of the site, of nothing else.
    fn render(&self, reads: &Reads, site: &Site) -> Result<Response, Defect>;
}

/// The answer where no row is there: what somebody gets who may not read what the answer tells of. So it is, byte for byte, what they get
/// for a name that does not exist.
pub fn absent(question: &dyn Question, site: &Site) -> Result<Response, Defect> {
    let (mut reads, mut next) = (Reads::default(), question.plan());
    loop {
        reads.last_scan = match next {
            Plan::Nothing => None,
            Plan::Get(keys) => {
                keys.into_iter().for_each(|key| reads.rows.insert(key, None));
                None
            }
            Plan::Scan { after, .. } => Some(ScanEnd { last: after, more: false }),
        };
        reads.rounds += 1;
        match question.step(&reads)? {
            Step::Read(plan) if reads.rounds < MAX_ROUNDS => next = plan,
            Step::Read(_) | Step::Ready => return question.render(&reads, site),
        }
    }
}
