//! Named points of the write order, for tests that kill the program there.

/// A point that the writer has just passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each is named for what was just done")]
pub enum Point {
    Decided,
    Staged,
    Claimed,
    SignerRemembers,
    TilesWritten,
    CheckpointWritten,
    StagedRemoved,
}

impl Point {
    /// Every point, in the order of writing.
    pub const ALL: [Point; 7] = [
        Point::Decided,
        Point::Staged,
        Point::Claimed,
        Point::SignerRemembers,
        Point::TilesWritten,
        Point::CheckpointWritten,
        Point::StagedRemoved,
    ];

    /// Its name as tests write it.
    pub fn name(self) -> &'static str {
        match self {
            Point::Decided => "decided",
            Point::Staged => "staged",
            Point::Claimed => "claimed",
            Point::SignerRemembers => "signer-remembers",
            Point::TilesWritten => "tiles-written",
            Point::CheckpointWritten => "checkpoint-written",
            Point::StagedRemoved => "staged-removed",
        }
    }
}

/// Told of each point as it is passed.
pub trait Probe: Send + Sync {
    /// The writer has just passed this point.
    fn passed(&self, point: Point);
}

/// Does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoProbe;

impl Probe for NoProbe {
    fn passed(&self, _: Point) {}
}
