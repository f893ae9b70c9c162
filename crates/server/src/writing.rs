//! Whether statements are taken, and why not where they are not: not where folding has stopped, where nothing can be written, or where the
//! process is about to end. Decides nothing about a statement.

use crate::refusal::Refused;
use deedbox_ledger::Ledger;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

/// Whether statements are taken.
pub(crate) struct Writing {
    state: RwLock<State>,
    stopping: AtomicBool,
}

enum State {
    Open(Ledger),
    Stopped { code: &'static str, why: String },
}

impl Writing {
    /// Statements are taken.
    pub(crate) fn open(ledger: Ledger) -> Self {
        Writing { state: RwLock::new(State::Open(ledger)), stopping: AtomicBool::new(false) }
    }
    /// None is taken, because of this.
    pub(crate) fn stopped(code: &'static str, why: String) -> Self {
        Writing { state: RwLock::new(State::Stopped { code, why }), stopping: AtomicBool::new(false) }
    }

    /// The way to the log, or why there is none.
    pub(crate) fn ledger(&self) -> Result<Ledger, Refused> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(ledger) => Ok(ledger.clone()),
            // Why is for who operates it: `/ready` and the log say it.
            State::Stopped { code, .. } => Err(Refused::unavailable(code, "this registry serves and takes no statement now")),
        }
    }

    /// Why no statement is taken, if none is.
    pub(crate) fn why_stopped(&self) -> Option<String> {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(_) => None,
            State::Stopped { why, .. } => Some(why.clone()),
        }
    }

    /// From now on none is taken. Lets go of the ledger: when every submission under way is answered, the writer ends.
    pub(crate) fn stop(&self, code: &'static str, why: String) {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if matches!(*state, State::Open(_)) {
            *state = State::Stopped { code, why };
        }
    }

    /// The process is about to end: no proxy should send more.
    pub(crate) fn begin_to_stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Statements waiting to be written.
    pub(crate) fn waiting(&self) -> usize {
        match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(ledger) => ledger.waiting(),
            State::Stopped { .. } => 0,
        }
    }
}
