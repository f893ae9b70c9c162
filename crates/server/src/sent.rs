//! What the system still holds of what was written to connections: bytes that are not sent, or that nobody has confirmed. A write that
//! goes through says only that there was room here; how much went out is known from what is left. Linux tells it in a file; elsewhere
//! nobody knows, and only writes count.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Both ends of a connection, ours first.
pub(crate) type Ends = (SocketAddr, SocketAddr);

/// A look at all connections is good for so long: it is shared by all who ask.
const FRESH: Duration = Duration::from_millis(200);

/// Bytes left of each connection.
type Left = HashMap<Ends, u64>;

/// What was seen last.
#[derive(Default)]
pub(crate) struct Sent(Mutex<Option<(Instant, Arc<Left>)>>);

impl Sent {
    /// Bytes that were written to this connection and have not arrived; none if nobody knows. Of many who ask at once one looks.
    pub(crate) async fn left(&self, ends: &Ends) -> Option<u64> {
        let mut last = self.0.lock().await;
        let left = match &*last {
            Some((at, left)) if at.elapsed() < FRESH => Arc::clone(left),
            _ => {
                let left = Arc::new(tokio::task::spawn_blocking(look).await.unwrap_or_default());
                *last = Some((Instant::now(), Arc::clone(&left)));
                left
            }
        };
        drop(last);
        left.get(ends).copied()
    }
}

fn look() -> Left {
    let mut left = Left::new();
    for file in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        if let Ok(text) = fs::read_to_string(file) {
            left.extend(text.lines().skip(1).filter_map(read));
        }
    }
    left
}

/// A line: `0: 0100007F:20E1 0100007F:C6E2 01 00000000:00000000 …`: number, ends, state, bytes left to send and to read.
fn read(line: &str) -> Option<(Ends, u64)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let ends = (end(words.next()?)?, end(words.next()?)?);
    let (left, _) = words.nth(1)?.split_once(':')?;
    Some((ends, u64::from_str_radix(left, 16).ok()?))
}

/// An address as this machine's words are laid out, and a port.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| -> Option<[u8; 4]> { Some(u32::from_str_radix(address.get(at..at + 8)?, 16).ok()?.to_ne_bytes()) };
    let ip = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::from(Ipv6Addr::from(bytes))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::net::{TcpListener, TcpStream};

    #[test]
    #[cfg(target_endian = "little")]
    fn a_line_says_the_ends_and_what_is_left() {
        let v4 = "   0: 0100007F:20E1 0200007F:C6E2 01 00001F90:00000001 01:00000014 00000000     0        0 1136 1 0000000067293089 20 4 30 10 -1";
        let ends = ("127.0.0.1:8417".parse().unwrap(), "127.0.0.2:50914".parse().unwrap());
        assert_eq!(read(v4), Some((ends, 8080)));
        let v6 = "  12: 0000000000000000FFFF00000100007F:20E1 00000000000000000000000001000000:C6E2 01 00000000:00000000 00:0 0 0 0 1 1";
        let ends = ("127.0.0.1:8417".parse().unwrap(), "[::1]:50914".parse().unwrap());
        assert_eq!(read(v6), Some((ends, 0)));
        for bad in ["", "sl local", "0: 0100007F 0:1 01 0:0", "0: 0100007F:20E1 0200007F:C6E2 01 zz:0"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn what_nobody_reads_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut writer, _) = listener.accept().unwrap();
        let ends = (writer.local_addr().unwrap(), writer.peer_addr().unwrap());
        let sent = Sent::default();
        assert_eq!(sent.left(&ends).await, Some(0));
        writer.set_nonblocking(true).unwrap();
        let piece = vec![0; 1 << 20];
        while writer.write(&piece).is_ok() {}
        tokio::time::sleep(FRESH).await;
        assert!(sent.left(&ends).await.is_some_and(|left| left > 0));
    }
}
