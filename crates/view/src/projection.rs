//! What folds: the half of a projection that makes rows (spec/projections/README.md §2). Reads and writes nothing itself, and answers
//! nobody.
//!
//! **Laws** that hold for each, and are tested: rows from increments are rows from zero; folding is deterministic.

use crate::entry::{Entry, Facts};
use deedbox_model::{Changes, Defect, Keys, ProjectionId, Rows};

/// What folds entries into the rows of one generation.
pub trait Projection: Send + Sync {
    /// Its name in the row store and in events (`catalog`, `npm`, …), and the version of its rows and answers. Another version begins a
    /// new generation of rows; version 1 is in force from index 0 until an event says otherwise.
    fn id(&self) -> ProjectionId;

    /// The keys whose rows `fold` may use for this entry. Empty if the entry does not concern it.
    fn touches(&self, entry: &Entry<'_>, facts: &Facts) -> Result<Keys, Defect>;

    /// Further keys, named by what stands in the rows that `touches` named: the last piece of a long text, say. Read by
    /// a question of their own for each entry, so a projection names some here only where it must. At most `MAX_GET`.
    fn touches_next(&self, _rows: &Rows, _entry: &Entry<'_>, _facts: &Facts) -> Result<Keys, Defect> {
        Ok(Keys::new())
    }

    /// The rows that this entry changes. Deterministic; uses only rows that `touches` and `touches_next` named.
    fn fold(&self, rows: &Rows, entry: &Entry<'_>, facts: &Facts) -> Result<Changes, Defect>;
}
