//! A server that says the same for ever: what a registry said once, with what somebody on the way made of it.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
};

/// What is at a path.
#[derive(Debug, Clone, Default)]
pub struct Still {
    /// Header fields, but for the length.
    pub headers: Vec<(String, String)>,
    /// All bytes.
    pub bytes: Vec<u8>,
}

/// Serves these with `GET` and `HEAD`, each by its path, as long as the process lives. Gives `127.0.0.1:PORT`.
///
/// # Errors
/// When no port can be had.
pub fn serve(files: BTreeMap<String, Still>) -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let host = listener.local_addr()?.to_string();
    let files: &'static BTreeMap<String, Still> = Box::leak(Box::new(files));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away early has its answer; one that waits holds up no other.
            std::thread::spawn(move || answer(stream, files));
        }
    });
    Ok(host)
}

fn answer(mut stream: TcpStream, files: &BTreeMap<String, Still>) -> std::io::Result<()> {
    let mut first = String::new();
    for line in BufReader::new(&stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if first.is_empty() {
            first = line;
        }
    }
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let found = files.get(target.split('?').next().unwrap_or_default());
    let (status, still) = found.map_or_else(|| ("404 Not Found", Still::default()), |still| ("200 OK", still.clone()));
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n", still.bytes.len())?;
    for (name, value) in &still.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    write!(stream, "\r\n")?;
    stream.write_all(if method == "HEAD" { &[] } else { &still.bytes })
}
