//! Ctrl-C, or a service manager's request to end, while something is published: one line that says what is kept where, and how to go
//! on (docs/guides/publish.md). Undoes nothing: what was sent stays at the registry for a day, and nobody can read it.

use crate::failure::Interrupted;
use crate::terminal;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that the registry has of what this process is about to publish.
static SENT: AtomicU64 = AtomicU64::new(0);

/// Counts bytes that were sent, or were there already.
pub(crate) fn sent(bytes: u64) {
    SENT.fetch_add(bytes, Ordering::Relaxed);
}

/// Does the work, unless somebody ends it before.
pub(crate) async fn may_end(registry: Option<String>, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let signal = tokio::select! {
        done = work => return done,
        signal = signal() => signal,
    };
    // The line of a progress bar is left as it stands.
    terminal::note_after_bar();
    Err(Interrupted { words: words(SENT.load(Ordering::Relaxed), registry.as_deref()), signal }.into())
}

fn words(sent: u64, registry: Option<&str>) -> String {
    let registry = registry.unwrap_or("the registry");
    match sent {
        0 => "interrupted before anything was sent; run the same command again to publish".to_owned(),
        _ => format!(
            "interrupted; {registry} keeps what was uploaded for a day, readable by nobody: run the same command again, and it continues from there"
        ),
    }
}

/// The number of the signal that came.
async fn signal() -> u8 {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            return tokio::select! {
                _ = tokio::signal::ctrl_c() => 2,
                _ = terminate.recv() => 15,
            };
        }
    }
    let _ = tokio::signal::ctrl_c().await;
    2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_say_what_is_kept_where_and_what_to_do() {
        assert!(words(0, None).contains("before anything was sent"));
        let some = words(3 << 20, Some("https://registry.example"));
        assert!(some.contains("https://registry.example keeps") && some.contains("same command"), "{some}");
        assert_eq!(some.lines().count(), 1);
    }
}
