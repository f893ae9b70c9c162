//! Stands between the clients of the tests and a registry: passes every byte on as it is, in both directions, and writes down what was
//! asked ([`crate::asked`]) for `retrace`. It answers nothing itself.

use std::{
    collections::HashSet,
    fs::File,
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use anyhow::Context as _;

use crate::asked::Requests;

/// What a line begins with that says that a connection could not be read.
pub(crate) const UNREAD: &str = "unread: ";

const PIECE_BYTES: usize = 64 << 10;

/// An address whose clients are passed on; closed with the value.
#[derive(Debug)]
pub(crate) struct Recorder {
    at: SocketAddr,
    is_over: Arc<AtomicBool>,
}

/// A free address of loopback that nobody is passed on from yet.
#[derive(Debug)]
pub(crate) struct Reserved {
    listener: TcpListener,
    at: SocketAddr,
}

/// What was written down; each question once.
#[derive(Debug)]
struct Questions {
    file: File,
    known: HashSet<String>,
}

impl Reserved {
    pub(crate) fn new() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no address of loopback is free")?;
        let at = listener.local_addr()?;
        Ok(Reserved { listener, at })
    }

    /// Where clients come.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.at)
    }

    /// Passes clients on to `registry` and appends what they ask to a file.
    pub(crate) fn record(self, registry: SocketAddr, asked: &Path) -> anyhow::Result<Recorder> {
        let file = File::options().create(true).append(true).open(asked).with_context(|| format!("{} cannot be made", asked.display()))?;
        let questions = Arc::new(Mutex::new(Questions { file, known: HashSet::new() }));
        let is_over = Arc::new(AtomicBool::new(false));
        let recorder = Recorder { at: self.at, is_over: Arc::clone(&is_over) };
        thread::Builder::new().name("recorder".to_owned()).spawn(move || {
            for client in self.listener.incoming() {
                if is_over.load(Ordering::Acquire) {
                    return;
                }
                // A client that is gone again, or a registry that has ended: the client sees its connection end.
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(registry)) {
                    let _ = pass_on(client, server, &questions);
                }
            }
        })?;
        Ok(recorder)
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Release);
        // Wakes the thread, which closes the address.
        let _ = TcpStream::connect(self.at);
    }
}

impl Questions {
    fn note(&mut self, line: String) {
        // In one write, so that a process that ends here leaves whole lines. What cannot be written is missed by `retrace`, which
        // compares nothing then and says so.
        if !self.known.contains(&line) && self.file.write_all(format!("{line}\n").as_bytes()).is_ok() {
            self.known.insert(line);
        }
    }
}

/// Both directions of a connection, each on its own thread until its side ends.
fn pass_on(client: TcpStream, server: TcpStream, questions: &Arc<Mutex<Questions>>) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let (mut from_server, mut to_client) = (server, client);
    let questions = Arc::clone(questions);
    let mut requests = Requests::new();
    thread::Builder::new().spawn(move || {
        each_piece(&mut from_client, |bytes| {
            // First, so that a client that has its answer finds its question written.
            let lines = match requests.take(bytes) {
                Ok(found) => found.iter().map(crate::asked::Question::to_line).collect(),
                Err(_) => vec![format!("{UNREAD}{:?}", String::from_utf8_lossy(bytes.get(..100).unwrap_or(bytes)))],
            };
            if !lines.is_empty() {
                let mut questions = questions.lock().unwrap_or_else(PoisonError::into_inner);
                lines.into_iter().for_each(|line| questions.note(line));
            }
            to_server.write_all(bytes)
        });
        let _ = to_server.shutdown(Shutdown::Write);
    })?;
    thread::Builder::new().spawn(move || {
        each_piece(&mut from_server, |bytes| to_client.write_all(bytes));
        let _ = to_client.shutdown(Shutdown::Write);
    })?;
    Ok(())
}

/// Until the side ends, or cannot be read, or its bytes cannot be passed on.
fn each_piece(from: &mut TcpStream, mut pass: impl FnMut(&[u8]) -> std::io::Result<()>) {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        match from.read(&mut piece) {
            Ok(0) => return,
            Ok(read) if pass(piece.get(..read).unwrap_or_default()).is_ok() => {}
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}
