//! A proxy between a publisher and a registry: notes each request, and stops or answers those that a test picks. One request a
//! connection, bytes as they come.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of a request.
pub enum Fate {
    /// It goes through.
    Pass,
    /// Half of its body goes through, and then nothing more until the publisher is gone.
    Hold,
    /// So many bytes of its body go through, and then nothing more until the publisher is gone.
    HoldAt(usize),
    /// So many bytes of its body go through, and then both sides are hung up on.
    CutAt(usize),
    /// It gets this status and this body from here.
    Answer(u16, Vec<u8>),
}

/// A request, and the status that it got; 0 as long as it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub length: usize,
    pub status: u16,
}

/// A proxy that runs until the test ends.
pub struct Proxy {
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    to: Arc<Mutex<String>>,
}

impl Proxy {
    /// In front of a registry. `decide` is asked once for each request, in the order in which they come.
    pub fn start(registry: &str, decide: impl FnMut(&Asked) -> Fate + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy { url: format!("http://{}", listener.local_addr().unwrap()), asked: Arc::default(), to: Arc::default() };
        proxy.point_at(registry);
        let (asked, to) = (proxy.asked.clone(), proxy.to.clone());
        let decide = Arc::new(Mutex::new(decide));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (asked, decide, to) = (asked.clone(), decide.clone(), to.lock().unwrap().clone());
                // A connection that breaks off is what some tests are about: its thread ends with it.
                std::thread::spawn(move || {
                    let _ = one(stream.unwrap(), &to, &asked, |request| (decide.lock().unwrap())(request));
                });
            }
        });
        proxy
    }

    /// From now on in front of this one.
    pub fn point_at(&self, registry: &str) {
        *self.to.lock().unwrap() = registry.strip_prefix("http://").unwrap().to_owned();
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Forgets them.
    pub fn forget(&self) {
        self.asked.lock().unwrap().clear();
    }
}

fn one(mut from: TcpStream, to: &str, asked: &Mutex<Vec<Asked>>, decide: impl FnOnce(&Asked) -> Fate) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        from.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().lines();
    let mut first = lines.next().unwrap().split(' ').map(str::to_owned);
    let headers: Vec<&str> = lines.filter(|line| !line.to_lowercase().starts_with("connection:")).collect();
    let length = headers.iter().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
    let request = Asked { method: first.next().unwrap(), path: first.next().unwrap(), length, status: 0 };
    let (fate, at) = {
        let mut asked = asked.lock().unwrap();
        asked.push(request.clone());
        (decide(&request), asked.len() - 1)
    };
    let status = |status: u16| {
        if let Some(asked) = asked.lock().unwrap().get_mut(at) {
            asked.status = status;
        }
    };
    if let Fate::Answer(code, body) = fate {
        status(code);
        let head = format!("HTTP/1.1 {code} x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
        return from.write_all(&[head.into_bytes(), if request.method == "HEAD" { Vec::new() } else { body }].concat());
    }
    let mut to = TcpStream::connect(to)?;
    let head = format!("{} {} HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n", request.method, request.path, headers.join("\r\n"));
    to.write_all(head.as_bytes())?;
    let is_held = matches!(fate, Fate::Hold | Fate::HoldAt(_));
    let is_cut = matches!(fate, Fate::CutAt(_));
    let mut left = match fate {
        Fate::Hold => length / 2,
        Fate::HoldAt(at) | Fate::CutAt(at) => at.min(length),
        _ => length,
    };
    let mut piece = vec![0; 64 * 1024];
    while left > 0 {
        let most = left.min(piece.len());
        let read = from.read(&mut piece[..most])?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&piece[..read])?;
        left -= read;
    }
    if is_cut {
        return Ok(());
    }
    if is_held {
        // What the publisher still sends goes nowhere; its end is the end of the upload.
        from.set_read_timeout(Some(Duration::from_secs(30)))?;
        while from.read(&mut piece).is_ok_and(|read| read > 0) {}
        return Ok(());
    }
    let mut answer = Vec::new();
    to.read_to_end(&mut answer)?;
    status(String::from_utf8_lossy(&answer).split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0));
    from.write_all(&answer)
}
