//! A stream that is searched while somebody reads it. What is found is decided with what follows it, so searching lags behind reading by
//! some kilobytes; `finish` searches the rest.

use super::Kind;
use super::ahead::AHEAD;
use super::needles::Needles;
use std::io::Read;

/// Bytes that are searched at a time, beside those that are only looked ahead at.
const AT_A_TIME: usize = 128 * 1024;

/// What was found in one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) line: u64,
    pub(super) kind: Kind,
}

/// The search of one stream.
pub(super) struct Search<'n> {
    needles: &'n Needles,
    window: Vec<u8>,
    /// Where in the window searching goes on.
    from: usize,
    /// Line breaks before that.
    lines: u64,
    pub(super) hits: Vec<Hit>,
    /// All hits, those that are not kept too.
    pub(super) count: u64,
}

impl<'n> Search<'n> {
    pub(super) fn new(needles: &'n Needles) -> Self {
        Search { needles, window: Vec::new(), from: 0, lines: 0, hits: Vec::new(), count: 0 }
    }

    /// The next bytes of the stream.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = (AT_A_TIME + AHEAD).saturating_sub(self.window.len()).clamp(1, bytes.len());
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.window.extend_from_slice(now);
            bytes = later;
            if self.window.len() >= AT_A_TIME + AHEAD {
                self.search(self.window.len() - AHEAD);
            }
        }
    }

    /// The stream is at its end.
    pub(super) fn finish(&mut self) {
        self.search(self.window.len());
    }

    fn search(&mut self, until: usize) {
        let mut counted = self.from;
        for (at, kind) in self.needles.find(&self.window, self.from, until) {
            self.lines += line_breaks(self.window.get(counted..at));
            counted = at;
            self.count += 1;
            if self.hits.len() < super::FINDINGS {
                self.hits.push(Hit { line: self.lines + 1, kind });
            }
        }
        self.lines += line_breaks(self.window.get(counted..until));
        // One byte before what is searched next stays: it may belong to the same word.
        let gone = until.saturating_sub(1);
        self.window.drain(..gone);
        self.from = until - gone;
    }
}

fn line_breaks(bytes: Option<&[u8]>) -> u64 {
    memchr::memchr_iter(b'\n', bytes.unwrap_or_default()).count() as u64
}

/// A reader that is searched, and counted.
pub(super) struct Tap<'r, 'n> {
    inner: &'r mut dyn Read,
    pub(super) search: Search<'n>,
    pub(super) bytes: u64,
}

impl<'r, 'n> Tap<'r, 'n> {
    pub(super) fn new(inner: &'r mut dyn Read, needles: &'n Needles) -> Self {
        Tap { inner, search: Search::new(needles), bytes: 0 }
    }
}

impl Read for Tap<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.search.take(buf.get(..n).unwrap_or_default());
        self.bytes += n as u64;
        Ok(n)
    }
}
