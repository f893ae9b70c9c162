//! The bytes of an archive as they come out of what is around it: bounded, and stopped at the limit.

use super::{Manner, Words, Wrapping, refuse};
use deedbox_view::InspectRefusal;
use flate2::bufread::GzDecoder;
use std::cell::Cell;
use std::io::{self, BufRead as _, BufReader, Read};

/// Why the stream stopped, which an `io::Error` cannot carry through the tar reader.
pub(super) struct StreamState {
    over: Cell<Option<u64>>,
    started: Cell<bool>,
    words: Words,
}

impl StreamState {
    pub(super) fn new(manner: &Manner) -> Self {
        // A plain tar has nothing around it that could be missing.
        StreamState { over: Cell::new(None), started: Cell::new(manner.wrapping == Wrapping::Plain), words: manner.words }
    }
    pub(super) fn words(&self) -> &Words {
        &self.words
    }
    pub(super) fn over_limit(&self) -> Option<InspectRefusal> {
        self.over.get().map(|limit| {
            refuse(
                "archive_too_large",
                format!("{} unpacks to more than {limit} bytes; publish fewer or smaller files", self.words.archive),
            )
        })
    }
    pub(super) fn refusal(&self, error: &io::Error) -> InspectRefusal {
        match self.over_limit() {
            Some(refusal) => refusal,
            None if !self.started.get() => {
                refuse("archive_not_gzip", format!("{} is not gzip ({error}); {}", self.words.archive, self.words.pack))
            }
            // The tar reader repeats names out of headers as they are: none of their control characters may reach a terminal.
            None => self.damaged(&error.to_string().escape_debug().take(200).collect::<String>()),
        }
    }
    pub(super) fn damaged(&self, why: &str) -> InspectRefusal {
        refuse("archive_damaged", format!("{} is damaged ({why}); {}", self.words.archive, self.words.pack_again))
    }
}

/// An archive in what is around it.
pub(super) enum Wrapped<R: Read> {
    Plain(BufReader<UntilEnd<R>>),
    Gzip(Box<GzDecoder<BufReader<UntilEnd<R>>>>),
}

impl<R: Read> Wrapped<R> {
    pub(super) fn new(inner: R, wrapping: Wrapping) -> Self {
        let inner = BufReader::with_capacity(64 * 1024, UntilEnd { inner, ended: false });
        match wrapping {
            Wrapping::Plain => Wrapped::Plain(inner),
            Wrapping::Gzip => Wrapped::Gzip(Box::new(GzDecoder::new(inner))),
        }
    }

    /// Whether there is anything after the archive, which was read to its end.
    pub(super) fn has_more(self) -> io::Result<bool> {
        let mut behind = match self {
            Wrapped::Plain(inner) => inner,
            Wrapped::Gzip(decoder) => decoder.into_inner(),
        };
        Ok(!behind.fill_buf()?.is_empty())
    }
}

impl<R: Read> Read for Wrapped<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Wrapped::Plain(inner) => inner.read(buf),
            Wrapped::Gzip(decoder) => decoder.read(buf),
        }
    }
}

/// Asks nobody again who has said that there is no more: code that looks for what is behind an archive would, and a stream
/// off a disk or a socket may not be asked twice.
pub(super) struct UntilEnd<R> {
    inner: R,
    ended: bool,
}

impl<R: Read> Read for UntilEnd<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.ended || buf.is_empty() {
            return Ok(0);
        }
        let n = self.inner.read(buf)?;
        self.ended = n == 0;
        Ok(n)
    }
}

/// Stops at the limit while streaming: nothing past it is ever decompressed.
pub(super) struct Bounded<'a, R> {
    inner: R,
    total: u64,
    left: u64,
    state: &'a StreamState,
}

impl<'a, R> Bounded<'a, R> {
    pub(super) fn new(inner: R, limit: u64, state: &'a StreamState) -> Self {
        Bounded { inner, total: limit, left: limit, state }
    }
    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Bounded<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(limit) = self.state.over.get() {
            return Err(io::Error::other(format!("more than {limit} bytes")));
        }
        let n = self.inner.read(buf)?;
        self.state.started.set(true);
        match self.left.checked_sub(n as u64) {
            Some(left) => {
                self.left = left;
                Ok(n)
            }
            None => {
                self.state.over.set(Some(self.total));
                Err(io::Error::other("past the limit"))
            }
        }
    }
}
