//! A connection that gives up on a client that has stopped reading: hyper's own timeouts are about a request's head. What counts is what went
//! out and not what a write took: a system takes a lot at once and then nothing for minutes, while its reader goes on steadily. Those who
//! have stopped sending are noticed where bodies are read.

use crate::limits::{LINGER_AT_ONCE, LINGER_TIME, NOT_SENT_BYTES, PACE_BYTES};
use crate::peers::{Connected, Peer};
use crate::sent::{Ends, Sent};
use socket2::SockRef;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep, sleep_until, timeout};

/// What all connections of a server share.
pub(crate) struct Patience {
    /// How long a reader may take nothing.
    pub(crate) stall: Duration,
    /// In how long it has to take `PACE_BYTES`.
    pub(crate) pace: Duration,
    sent: Arc<Sent>,
    lingering: Arc<Semaphore>,
}

impl Patience {
    pub(crate) fn new(stall: Duration, pace: Duration) -> Self {
        Patience { stall, pace, sent: Arc::default(), lingering: Arc::new(Semaphore::new(LINGER_AT_ONCE)) }
    }
}

/// A TCP stream with patience.
pub(crate) struct Patient {
    /// There until it is dropped.
    stream: Option<TcpStream>,
    connected: Arc<Connected>,
    patience: Arc<Patience>,
    /// Bytes that the system took.
    written: u64,
    /// The stretch of time in which at least `PACE_BYTES` have to go out.
    pace: Option<Stretch>,
    /// Set while the system takes nothing.
    stalled: Option<Box<Stalled>>,
}

struct Stretch {
    begun: Instant,
    /// Bytes written when it began.
    written: u64,
    /// Bytes that had gone out when somebody looked first.
    out: Option<u64>,
    /// Requests answered when it began: another one begins another stretch.
    answered: u32,
}

struct Stalled {
    /// When bytes went out last, as far as is known.
    since: Instant,
    /// Bytes left when somebody looked last.
    left: Option<u64>,
    again: Pin<Box<Sleep>>,
    looking: Option<JoinHandle<Option<u64>>>,
}

impl Patient {
    pub(crate) fn new(stream: TcpStream, connected: Arc<Connected>, patience: Arc<Patience>) -> Self {
        // The system holds little that is not sent: more only hides from us how fast a reader is, and takes the machine's memory. Where it
        // knows no such limit, it holds what it likes.
        #[cfg(target_os = "linux")]
        let _ = SockRef::from(&stream).set_tcp_notsent_lowat(NOT_SENT_BYTES);
        Patient { stream: Some(stream), connected, patience, written: 0, pace: None, stalled: None }
    }

    fn peer(&self) -> &Peer {
        &self.connected.peer
    }

    fn ends(&self) -> Option<Ends> {
        let stream = self.stream.as_ref()?;
        Some((canonical(stream.local_addr().ok()?), canonical(stream.peer_addr().ok()?)))
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// What writing gave, or an error where it has waited too long.
    fn judged(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match written {
            Poll::Ready(Ok(bytes)) => {
                self.written += bytes as u64;
                if self.stalled.take().is_some() {
                    self.peer().moves();
                }
                Poll::Ready(Ok(bytes))
            }
            Poll::Ready(error) => Poll::Ready(error),
            Poll::Pending => {
                let why = ready!(self.poll_patience(context));
                Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, why)))
            }
        }
    }

    /// Another stretch begins when enough of this one has gone out.
    fn judge_pace(&mut self, left: Option<u64>, now: Instant) {
        let (Some(pace), Some(left)) = (&mut self.pace, left) else { return };
        let out = self.written.saturating_sub(left);
        if out >= pace.out.get_or_insert(out).saturating_add(PACE_BYTES as u64) {
            (pace.begun, pace.out) = (now, Some(out));
        }
    }

    /// Ready, with the reason, when it is at its end. Wakes now and then to look whether bytes go out.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<&'static str> {
        let now = Instant::now();
        let answered = self.peer().answered();
        if self.stalled.is_none() {
            self.peer().stalls();
            let is_done = |pace: &Stretch| pace.answered != answered || self.written - pace.written >= PACE_BYTES as u64;
            if self.pace.as_ref().is_none_or(is_done) {
                self.pace = Some(Stretch { begun: now, written: self.written, out: None, answered });
            }
        }
        let look_after = self.patience.stall / 4;
        let fresh = || Box::new(Stalled { since: now, left: None, again: Box::pin(sleep_until(now + look_after)), looking: None });
        let mut stalled = self.stalled.take().unwrap_or_else(fresh);
        let end = loop {
            if let Some(looking) = &mut stalled.looking {
                let Poll::Ready(left) = Pin::new(looking).poll(context) else { break Poll::Pending };
                stalled.looking = None;
                let left = left.ok().flatten();
                if let (Some(before), Some(left)) = (stalled.left, left)
                    && left < before
                {
                    stalled.since = now;
                    self.peer().moves();
                    self.peer().stalls();
                }
                stalled.left = left.or(stalled.left);
                self.judge_pace(left, now);
                if now >= stalled.since + self.patience.stall {
                    break Poll::Ready("the reader has stopped reading");
                }
                if self.pace.as_ref().is_some_and(|pace| now >= pace.begun + self.patience.pace) {
                    break Poll::Ready("the reader is too slow");
                }
                stalled.again.as_mut().reset(now + look_after);
            }
            if stalled.again.as_mut().poll(context).is_pending() {
                break Poll::Pending;
            }
            let (sent, ends) = (Arc::clone(&self.patience.sent), self.ends());
            stalled.looking = Some(tokio::spawn(async move { sent.left(&ends?).await }));
        };
        self.stalled = Some(stalled);
        end
    }
}

fn canonical(end: SocketAddr) -> SocketAddr {
    SocketAddr::new(end.ip().to_canonical(), end.port())
}

/// A client that was refused while it still sends reads the refusal only if its bytes are taken for a moment: closed at once, the connection
/// would be reset, and the answer lost on its way.
impl Drop for Patient {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take().filter(|_| self.peer().lingers()) else { return };
        let (Ok(runtime), Ok(place)) = (Handle::try_current(), Arc::clone(&self.patience.lingering).try_acquire_owned()) else { return };
        let connected = Arc::clone(&self.connected);
        runtime.spawn(async move {
            let _held = (place, connected);
            let _ = timeout(LINGER_TIME, take_the_rest(stream)).await;
        });
    }
}

async fn take_the_rest(mut stream: TcpStream) {
    let mut thrown_away = vec![0; 16 * 1024];
    while matches!(stream.read(&mut thrown_away).await, Ok(1..)) {}
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, buf)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write(context, buf);
        self.judged(written, context)
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, context: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write_vectored(context, bufs);
        self.judged(written, context)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(TcpStream::is_write_vectored)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
