//! How many files this process may have open: each connection is one. The soft limit is raised as far as the hard one lets it; where that
//! is too little, the operator is told which limit to raise.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Makes room for so many connections and so many other files, as far as this process may.
pub(crate) fn files_for(connections: usize, others: u64) {
    let wanted = (connections as u64).saturating_add(others);
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    let reachable = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if setrlimit(Resource::Nofile, Rlimit { current: Some(reachable), maximum }).is_err() || reachable < wanted {
        tracing::warn!(
            "this process may open {} files, and {wanted} are needed when all connections are taken: raise the hard limit (LimitNOFILE in a systemd unit, ulimit -Hn in a shell)",
            getrlimit(Resource::Nofile).current.unwrap_or(reachable)
        );
    }
}
