//! Where the access log goes: a file that is added to, or standard output, written by a thread of its own (docs/guides/operate.md). A disk
//! that is too slow loses lines, which the log says, and holds up no request.

use crate::failure::refused;
use deedbox_server::AccessSink;
use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

/// Lines that wait to be written: a second of a busy registry, in some megabytes.
const LINES_WAITING: usize = 16_384;

/// Opens it; `-` is standard output.
pub(crate) fn open(path: &Path) -> anyhow::Result<AccessSink> {
    let out: Box<dyn Write + Send> = if path == Path::new("-") {
        Box::new(std::io::stdout())
    } else {
        let file = OpenOptions::new().create(true).append(true).open(path);
        Box::new(file.map_err(|e| refused(format!("the access log {} cannot be written: {e}", path.display())))?)
    };
    let lost = Arc::new(AtomicU64::new(0));
    let (lines, waiting) = sync_channel::<String>(LINES_WAITING);
    let unsaid = Arc::clone(&lost);
    std::thread::Builder::new().name("access-log".to_owned()).spawn(move || write(out, &waiting, &unsaid))?;
    Ok(Arc::new(move |line: &str| {
        if lines.try_send(line.to_owned()).is_err() {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }))
}

/// Writes until nobody sends any more; flushed whenever nothing waits.
fn write(out: impl Write, waiting: &Receiver<String>, lost: &AtomicU64) {
    let mut out = BufWriter::new(out);
    while let Ok(first) = waiting.recv() {
        let mut line = Some(first);
        while let Some(text) = line {
            let missing = lost.swap(0, Ordering::Relaxed);
            let note = if missing > 0 { format!("{missing} lines were lost here: the log is written too slowly\n") } else { String::new() };
            if writeln!(out, "{note}{text}").is_err() {
                lost.fetch_add(missing + 1, Ordering::Relaxed);
            }
            line = waiting.try_recv().ok();
        }
        // What fails here is tried again with the next line.
        let _ = out.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_lost_ones_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("access");
        for round in 0..2 {
            let sink = open(&path).unwrap();
            sink(&format!("line {round}"));
            drop(sink);
            while !std::fs::read_to_string(&path).unwrap().contains(&format!("line {round}\n")) {
                std::thread::yield_now();
            }
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "line 0\nline 1\n");
        assert!(open(&dir.path().join("none/access")).err().unwrap().to_string().contains("cannot be written"));

        let (lines, waiting) = sync_channel(2);
        lines.send("a".to_owned()).unwrap();
        drop(lines);
        let mut out = Vec::new();
        write(&mut out, &waiting, &AtomicU64::new(7));
        assert_eq!(String::from_utf8(out).unwrap(), "7 lines were lost here: the log is written too slowly\na\n");
    }
}
