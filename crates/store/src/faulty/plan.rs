//! Which write fails, and how; shared by all wrappers of one world, so that writes are counted across them.

use crate::error::StoreError;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is not done, and failure is reported: the process died before it, or the medium refused.
    Before,
    /// It is done, and failure is reported: the answer was lost, or the process died after it.
    After,
    /// Part of it is done, and failure is reported. A port shows no part of anything, so where the port has one call
    /// for the whole (commits, files, rows) nothing is done; of an upload, half of the bytes reach the temporary file,
    /// and it is left behind, as a killed process leaves it.
    Short,
}

impl Fault {
    /// All of them, for tests that try each.
    pub const ALL: [Fault; 3] = [Fault::Before, Fault::After, Fault::Short];
}

#[derive(Default)]
struct State {
    faults: BTreeMap<u64, Fault>,
    stops: bool,
    stopped: bool,
    writes: Vec<String>,
}

/// A plan of failures; a clone is the same plan.
#[derive(Clone, Default)]
pub struct FaultPlan(Arc<Mutex<State>>);

impl FaultPlan {
    /// Nothing fails; writes are counted.
    pub fn none() -> Self {
        Self::default()
    }
    /// The `nth` write (from 1, over all wrappers of this plan) fails; those after it work.
    pub fn fail_at(nth: u64, fault: Fault) -> Self {
        Self::none().and_at(nth, fault)
    }
    /// The `nth` write fails, and after it everything fails, reading too, until `revive`: the process is dead.
    pub fn stop_at(nth: u64, fault: Fault) -> Self {
        let plan = Self::fail_at(nth, fault);
        plan.state().stops = true;
        plan
    }
    /// One more write that fails.
    pub fn and_at(self, nth: u64, fault: Fault) -> Self {
        self.state().faults.insert(nth, fault);
        self
    }
    /// Everything works again, and no planned failure is left: the process was started again.
    pub fn revive(&self) {
        let mut state = self.state();
        state.stopped = false;
        state.faults.clear();
    }
    /// From now on everything fails, reading too, until `revive`.
    pub fn stop_now(&self) {
        self.state().stopped = true;
    }
    /// Whether a `stop_at` has come to pass.
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }
    /// How many writes were asked for so far, failed ones included.
    pub fn writes(&self) -> u64 {
        self.state().writes.len() as u64
    }
    /// Each of them in words, in order, such as `commits.create 3`: for the message of a test that fails.
    pub fn log(&self) -> Vec<String> {
        self.state().writes.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
    /// Counts a write; says whether it fails, and how.
    pub(super) fn write(&self, what: impl FnOnce() -> String) -> Result<Option<Fault>, StoreError> {
        let mut state = self.state();
        if state.stopped {
            return Err(stopped());
        }
        state.writes.push(what());
        let nth = state.writes.len() as u64;
        let fault = state.faults.get(&nth).copied();
        if fault.is_some() {
            state.stopped = state.stops;
        }
        Ok(fault)
    }
    /// Whether reading works.
    pub(super) fn read(&self) -> Result<(), StoreError> {
        if self.state().stopped { Err(stopped()) } else { Ok(()) }
    }
}

fn stopped() -> StoreError {
    StoreError::medium("the store", "stopped by the plan of faults")
}

/// What a planned failure says.
pub(super) fn failed(fault: Fault) -> StoreError {
    StoreError::medium("a write", format!("failed by the plan of faults: {fault:?}"))
}
