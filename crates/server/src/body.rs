//! Bodies on their way in (spec/api.md §8): awaited in a place of their own and not in a place of work, with an end and a least pace, and
//! weighed as they come. Who has no place any more, or is too slow, is refused; nothing of its body stays.

use crate::bounds::Bounds;
use crate::budget::{Share, Weight};
use crate::limits::{BODY_PACE_BYTES, BODY_PACE_TIME, DRAINED_BYTES, GATHER_TIME, PACE_BYTES, PIECE_OF_BODY_BYTES, SMALL_FRAME_BYTES};
use crate::peers::Address;
use crate::refusal::Refused;
use crate::request::one;
use crate::waiting::{Place, Waiting};
use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use flate2::read::GzDecoder;
use futures::StreamExt as _;
use http::{Extensions, HeaderMap, header};
use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Who sends a request that may have a body. With the request, for the code that reads that body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sender(pub(crate) Address);

impl Sender {
    /// Of this request. One that nobody has told about shares with all others like it.
    pub(crate) fn of(extensions: &Extensions) -> Address {
        extensions.get::<Sender>().map_or_else(|| IpAddr::from(Ipv4Addr::UNSPECIFIED).into(), |sender| sender.0)
    }
}

/// At least so many bytes in each stretch of time.
#[derive(Debug)]
pub(crate) struct Pace {
    least: usize,
    window: Duration,
    begun: Instant,
    moved: usize,
}

impl Pace {
    pub(crate) fn new(least: usize, window: Duration) -> Self {
        Pace { least, window, begun: Instant::now(), moved: 0 }
    }
    /// These bytes moved.
    pub(crate) fn add(&mut self, bytes: usize) {
        self.moved += bytes;
        if self.moved >= self.least {
            (self.begun, self.moved) = (Instant::now(), 0);
        }
    }
    /// When it is too slow unless more comes.
    pub(crate) fn until(&self) -> Instant {
        self.begun + self.window
    }
}

/// A body that is awaited.
pub(crate) struct Awaited {
    stream: BodyDataStream,
    place: Place,
    stall: Duration,
    pace: Pace,
    /// When all of it has to be here.
    until: Option<(Instant, Duration)>,
    /// Why there is nothing after the bytes that were given last.
    failed: Option<Refused>,
}

impl Awaited {
    /// A body that is short: all of it comes in the time of an answer.
    fn short(bounds: &Bounds, from: Address, body: Body) -> Self {
        let (stall, whole) = (bounds.times.stall, bounds.times.answer);
        let pace = Pace::new(BODY_PACE_BYTES, BODY_PACE_TIME);
        Self::new(&bounds.bodies, from, body, stall, pace, Some((Instant::now() + whole, whole)))
    }

    /// An upload: as long as bytes come.
    pub(crate) fn upload(bounds: &Bounds, from: Address, body: Body) -> Self {
        Self::new(&bounds.uploads, from, body, bounds.times.stall, Pace::new(PACE_BYTES, bounds.times.pace), None)
    }

    fn new(places: &Arc<Waiting>, from: Address, body: Body, stall: Duration, pace: Pace, until: Option<(Instant, Duration)>) -> Self {
        Awaited { stream: body.into_data_stream(), place: places.enter(from), stall, pace, until, failed: None }
    }

    /// The next bytes, as they come.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let stalled = Instant::now() + self.stall;
        let slow = self.pace.until();
        let ends = [Some(slow), self.until.map(|(until, _)| until)].into_iter().flatten().fold(stalled, Instant::min);
        let piece = tokio::select! {
            piece = timeout_at(ends, self.stream.next()) => piece,
            () = self.place.gives_way() => {
                return Err(Refused::unavailable("busy", "too many bodies are being received, and this one has sent nothing for the longest time").unread());
            }
        };
        match piece {
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => {
                self.pace.add(piece.len());
                self.place.moves();
                Ok(Some(piece))
            }
            Ok(Some(Err(_))) => Err(Refused::bad_request("the body was cut off")),
            Err(_) => Err((match self.until {
                Some((until, whole)) if until == ends => Refused::bad_request(format!("the body did not come within {whole:?}")),
                _ if slow == ends => {
                    let Pace { least, window, .. } = self.pace;
                    Refused::bad_request(format!("the body came too slowly: less than {least} bytes in {window:?}"))
                }
                _ => Refused::bad_request(format!("no byte of the body came for {:?}", self.stall)),
            })
            .unread()),
        }
    }

    /// The next bytes; small ones that come one soon after another are put together, so that what is kept of them is not much more than
    /// they are.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Bytes>, Refused> {
        if let Some(refused) = self.failed.take() {
            return Err(refused);
        }
        let Some(first) = self.next().await? else { return Ok(None) };
        if first.len() >= SMALL_FRAME_BYTES {
            return Ok(Some(first));
        }
        let mut together = first.to_vec();
        drop(first);
        while together.len() + SMALL_FRAME_BYTES <= PIECE_OF_BODY_BYTES {
            match timeout(GATHER_TIME, self.next()).await {
                Ok(Ok(Some(more))) => together.extend_from_slice(&more),
                Ok(Ok(None)) | Err(_) => break,
                // It is told when these bytes are taken.
                Ok(Err(refused)) => {
                    self.failed = Some(refused);
                    break;
                }
            }
        }
        together.shrink_to_fit();
        Ok(Some(together.into()))
    }
}

/// A body that is here, with its weight.
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    pub(crate) weight: Weight,
}

impl Whole {
    async fn new(bounds: &Bounds) -> Result<Self, Refused> {
        Ok(Whole { bytes: Vec::new(), weight: bounds.budget.take(Share::Bodies, PIECE_OF_BODY_BYTES).await? })
    }

    /// Room for so many bytes more, weighed before it is made.
    async fn make_room(&mut self, bounds: &Bounds, more: usize, limit: usize) -> Result<(), Refused> {
        let needed = self.bytes.len() + more;
        if needed > self.bytes.capacity() {
            let room = needed.max(self.bytes.capacity() * 2).max(PIECE_OF_BODY_BYTES).min(limit.max(needed));
            self.weight.grow(&bounds.budget, room).await?;
            self.bytes.reserve_exact(room - self.bytes.len());
        }
        Ok(())
    }
}

/// A body, whole, of at most `limit` bytes. One that says beforehand that it is longer is not awaited.
pub(crate) async fn read_whole(
    bounds: &Bounds,
    from: Address,
    headers: &HeaderMap,
    body: Body,
    what: &str,
    limit: usize,
) -> Result<Whole, Refused> {
    let too_large = || Refused::too_large(what, limit as u64).unread();
    let announced = one(headers, &header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut awaited = Awaited::short(bounds, from, body);
    let mut whole = Whole::new(bounds).await?;
    while let Some(piece) = awaited.next().await? {
        if whole.bytes.len() + piece.len() > limit {
            return Err(too_large());
        }
        whole.make_room(bounds, piece.len(), limit).await?;
        whole.bytes.extend_from_slice(&piece);
    }
    Ok(whole)
}

/// Reads a body that nobody wants, so that a native client is not cut off before it reads the refusal: some of it, for a while, and
/// nothing of it is kept. Who asks first whether it may send at all has sent nothing.
pub(crate) async fn drain(bounds: &Bounds, from: Address, headers: &HeaderMap, body: Body) {
    if headers.contains_key(header::EXPECT) {
        return;
    }
    let mut awaited = Awaited::short(bounds, from, body);
    let mut read = 0;
    while let Ok(Some(piece)) = awaited.next().await {
        read += piece.len();
        if read > DRAINED_BYTES {
            return;
        }
    }
}

/// Unpacks gzip, at most `limit` bytes of it, weighed as they come out. Called in a place of work.
pub(crate) async fn unpack(bounds: &Bounds, packed: &Whole, what: &str, limit: usize) -> Result<Whole, Refused> {
    let _one_of_few = bounds.places.unpacking().await?;
    let mut unpacked = Whole::new(bounds).await?;
    let mut decoder = GzDecoder::new(packed.bytes.as_slice());
    let mut piece = vec![0; PIECE_OF_BODY_BYTES];
    loop {
        let read = decoder.read(&mut piece);
        let read = read.map_err(|_| Refused::bad_request("the body is not in gzip, as its Content-Encoding says"))?;
        if read == 0 {
            return Ok(unpacked);
        }
        if unpacked.bytes.len() + read > limit {
            return Err(Refused::too_large(what, limit as u64));
        }
        unpacked.make_room(bounds, read, limit).await?;
        unpacked.bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
        // A piece takes a tenth of a millisecond: others have their turn in between.
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pace_begins_anew_with_each_stretch_that_was_enough() {
        let mut pace = Pace::new(100, Duration::from_secs(10));
        let until = pace.until();
        tokio::time::sleep(Duration::from_millis(5)).await;
        pace.add(99);
        assert_eq!(pace.until(), until, "one byte short");
        pace.add(1);
        assert!(pace.until() >= until + Duration::from_millis(5));
    }
}
