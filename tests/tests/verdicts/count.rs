//! How many cases were judged by whom, and why the others were not. Each log writes one line when it ends.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;

/// Names the file to which the logs of a child write their counts.
pub(crate) const COUNTS: &str = "DEEDBOX_VERDICT_COUNTS";

/// Cases by what became of them.
#[derive(Default)]
pub(crate) struct Counts(BTreeMap<String, u64>);

/// Every case of the tables.
pub(crate) const CASES: &str = "cases";
pub(crate) const LEDGER: &str = "judged by the ledger, one by one";
pub(crate) const BATCH: &str = "judged by the ledger, in one batch";
pub(crate) const REPLAY: &str = "judged by replay";
pub(crate) const CLIENT: &str = "judged by the client";
pub(crate) const CLIENT_EFFECT: &str = "judged by the client, which tells of the effect alone";

impl Counts {
    pub(crate) fn add(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    /// One line, appended as a whole.
    pub(crate) fn write(&self) {
        let Some(path) = std::env::var_os(COUNTS) else { return };
        let line: String = self.0.iter().map(|(what, count)| format!("{count} {what};")).collect();
        let mut file = std::fs::OpenOptions::new().append(true).open(path).unwrap();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    pub(crate) fn sum(lines: &str) -> Self {
        let mut sum = Counts::default();
        for (count, what) in lines.split([';', '\n']).filter_map(|part| part.split_once(' ')) {
            *sum.0.entry(what.to_owned()).or_default() += count.parse::<u64>().unwrap();
        }
        sum
    }

    fn of(&self, what: &str) -> u64 {
        self.0.get(what).copied().unwrap_or(0)
    }

    /// Replay judges every case, and nobody leaves out more than a few.
    pub(crate) fn are_plausible(&self) {
        let cases = self.of(CASES);
        assert!(cases > 600, "{cases} cases");
        assert_eq!(self.of(REPLAY), cases);
        assert!(self.of(LEDGER) * 100 > cases * 90 && self.of(BATCH) * 100 > cases * 90, "{self}");
        assert!((self.of(CLIENT) + self.of(CLIENT_EFFECT)) * 100 > cases * 90, "{self}");
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, count)| writeln!(f, "{count:>6} {what}"))
    }
}
