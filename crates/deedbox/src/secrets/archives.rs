//! Archives as streams: gzip, tar and zip, and these in each other. A reader that is lenient on purpose: what another program may unpack
//! is looked at, whatever else is wrong with the archive; whether it is a sound one is the dialect's to say. What lies in an archive
//! outside of its files is searched too.

use super::scan::{Hit, Search, Tap};
use super::{ALLOWED_BYTES, DEPTH, FILES, FINDINGS, Finding, INSIDE, Kind, LISTED, Listed, Look, Seen};
use std::io::{BufRead, BufReader, Read};

/// Bytes by which a form is known: the mark of a tar ends at 262.
const HEAD: usize = 512;
/// Bytes of one extension header of a tar, a zip member's name or its extra fields: past it they are skipped.
const EXTENSION_BYTES: u64 = 64 * 1024;
/// Bytes between two members of a zip in which the next is looked for.
const GAP_BYTES: usize = 64 * 1024;
/// Bytes that are read at a time where nothing is kept.
const PIECE: usize = 64 * 1024;

const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DIRECTORY: [u8; 4] = *b"PK\x01\x02";

/// What a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Gzip,
    Tar,
    Zip,
    /// Packed in a way that is not read here.
    Closed(&'static str),
    Plain,
}

fn form(head: &[u8]) -> Form {
    match head {
        [0x1f, 0x8b, 8, ..] => Form::Gzip,
        [b'P', b'K', 3, 4, ..] => Form::Zip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Form::Closed("it is packed with zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Form::Closed("it is packed with xz"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => Form::Closed("it is packed with bzip2"),
        [b'7', b'z', 0xbc, 0xaf, ..] => Form::Closed("it is packed with 7z"),
        [b'R', b'a', b'r', b'!', ..] => Form::Closed("it is packed with rar"),
        _ if head.get(257..262) == Some(b"ustar") => Form::Tar,
        _ => Form::Plain,
    }
}

/// Why looking ended before the end.
const TOO_MUCH: &str = "deedbox: too much to look at";

/// One look through one artifact.
pub(super) struct Walk<'l> {
    look: &'l Look,
    artifact: String,
    /// Bytes that may still be unpacked.
    left: u64,
    files: u64,
    seen: Seen,
}

impl<'l> Walk<'l> {
    pub(super) fn new(look: &'l Look, artifact: &str) -> Self {
        Walk { look, artifact: artifact.to_owned(), left: look.unpacked_bytes, files: 0, seen: Seen::default() }
    }

    pub(super) fn into_seen(self) -> Seen {
        self.seen
    }

    /// The artifact itself.
    pub(super) fn artifact(&mut self, bytes: &mut dyn Read) -> std::io::Result<()> {
        let name = self.artifact.clone();
        match self.stream(&name, bytes, 0) {
            Err(error) if is_too_much(&error) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Looks through a stream to its end. Gives how much was found in its own bytes, packed ones as they lie.
    fn stream(&mut self, path: &str, bytes: &mut dyn Read, depth: usize) -> std::io::Result<Passed> {
        let mut head = Vec::new();
        bytes.take(HEAD as u64).read_to_end(&mut head)?;
        let form = form(&head);
        let mut whole = std::io::Cursor::new(head).chain(bytes);
        match form {
            Form::Plain => self.plain(path, &mut whole, depth),
            Form::Closed(why) => {
                self.closed(path, why);
                self.plain(path, &mut whole, DEPTH)
            }
            _ if depth >= DEPTH => {
                self.closed(path, "it lies in too many archives");
                self.plain(path, &mut whole, DEPTH)
            }
            Form::Gzip => self.gzip(path, &mut whole, depth),
            Form::Tar | Form::Zip => self.archive(form, path, &mut whole, depth),
        }
    }

    /// What is not an archive; a zip may begin in the middle of one, as behind a script that runs it.
    fn plain(&mut self, path: &str, bytes: &mut dyn Read, depth: usize) -> std::io::Result<Passed> {
        let mut search = Search::new(&self.look.needles);
        let mut read = 0;
        let mut buffer = vec![0; PIECE];
        // The last bytes before a piece: a mark may lie across its start.
        let mut kept = 0;
        loop {
            let n = bytes.read(buffer.get_mut(kept..).unwrap_or_default())?;
            if n == 0 {
                search.take(buffer.get(..kept).unwrap_or_default());
                break;
            }
            self.count(path, n as u64)?;
            read += n as u64;
            let now = buffer.get(..kept + n).unwrap_or_default();
            if depth < DEPTH
                && let Some(at) = stub_ends(now)
            {
                search.take(now.get(..at).unwrap_or_default());
                search.finish();
                let own = self.report(path, &search.hits, search.count);
                let rest = now.get(at..).unwrap_or_default().to_vec();
                let mut zip = std::io::Cursor::new(rest).chain(bytes);
                // What is in the window already was counted.
                let passed = self.archive(Form::Zip, path, &mut zip, depth)?;
                return Ok(Passed { hits: own + passed.hits, bytes: read + passed.bytes });
            }
            let keep = now.len().min(LOCAL_BYTES - 1);
            search.take(now.get(..now.len() - keep).unwrap_or_default());
            let start = now.len() - keep;
            buffer.copy_within(start..start + keep, 0);
            kept = keep;
        }
        search.finish();
        let hits = self.report(path, &search.hits, search.count);
        Ok(Passed { hits, bytes: read })
    }

    fn gzip(&mut self, path: &str, bytes: &mut dyn Read, depth: usize) -> std::io::Result<Passed> {
        let mut packed = Counted { inner: bytes, bytes: 0 };
        let mut unpacked = flate2::read::MultiGzDecoder::new(BufReader::new(&mut packed));
        match self.stream(path, &mut unpacked, depth + 1) {
            Err(error) if is_too_much(&error) => return Err(error),
            Err(_) => self.closed(path, "its gzip stream is damaged"),
            Ok(_) => {}
        }
        // Nothing that is packed lies in the archive around it as it is.
        Ok(Passed { hits: 0, bytes: packed.bytes })
    }

    /// A tar or a zip, and what lies in it outside of its files.
    fn archive(&mut self, form: Form, path: &str, bytes: &mut dyn Read, depth: usize) -> std::io::Result<Passed> {
        let mut tap = Tap::new(bytes, &self.look.needles);
        let inside = if form == Form::Tar { self.tar(path, &mut tap, depth) } else { self.zip(path, &mut tap, depth) };
        let inside = match inside {
            Ok(hits) => hits,
            Err(error) if is_too_much(&error) => return Err(error),
            Err(_) => {
                self.closed(path, "it is damaged, or of a form that is not read here");
                0
            }
        };
        self.rest(path, &mut tap)?;
        tap.search.finish();
        let outside = tap.search.count.saturating_sub(inside);
        if outside > 0 {
            let hits: Vec<Hit> = tap.search.hits.iter().rev().take(usize::try_from(outside).unwrap_or(1)).copied().collect();
            self.report(path, &hits, outside);
        }
        Ok(Passed { hits: tap.search.count, bytes: tap.bytes })
    }

    fn rest(&mut self, path: &str, bytes: &mut dyn Read) -> std::io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            // A stream that breaks off here was closed before.
            let Ok(n) = bytes.read(&mut buffer) else { return Ok(()) };
            if n == 0 {
                return Ok(());
            }
            self.count(path, n as u64)?;
        }
    }

    /// Gives what was found in the members, which lie in the archive as they are.
    fn tar(&mut self, path: &str, bytes: &mut dyn Read, depth: usize) -> std::io::Result<u64> {
        let mut archive = tar::Archive::new(bytes);
        let mut long: Option<Vec<u8>> = None;
        let mut hits = 0;
        for entry in archive.entries()?.raw(true) {
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
                let mut extension = Vec::new();
                (&mut entry).take(EXTENSION_BYTES).read_to_end(&mut extension)?;
                self.count(path, extension.len() as u64)?;
                let name = if kind.is_gnu_longname() { Some(extension) } else { pax_path(&extension) };
                long = name.or(long);
                continue;
            }
            let name = long.take().unwrap_or_else(|| entry.header().path_bytes().into_owned());
            if kind.is_file() || kind.is_gnu_sparse() || kind.is_contiguous() {
                let passed = self.member(path, &name, &mut entry, depth)?;
                hits += passed.hits;
            }
        }
        Ok(hits)
    }

    fn member(&mut self, archive: &str, name: &[u8], bytes: &mut dyn Read, depth: usize) -> std::io::Result<Passed> {
        self.files += 1;
        let name = String::from_utf8_lossy(name);
        let name = name.trim_end_matches('\0').trim_start_matches("./");
        let path = format!("{archive}{INSIDE}{name}");
        if self.files > FILES {
            return Err(self.too_much(&path));
        }
        // What people publish: the files of the artifact, those of a gem in the archive that it has for them.
        let is_listed = archive == self.artifact || archive.split_once(INSIDE).is_some_and(|(_, inside)| inside == "data.tar.gz");
        let before = self.left;
        if self.look.is_allowed(&path) {
            self.left = self.left.min(ALLOWED_BYTES);
        }
        let given = self.left;
        let passed = match self.stream(&path, bytes, depth + 1) {
            Err(error) if is_too_much(&error) && self.look.is_allowed(&path) => {
                self.seen.too_much = None;
                self.closed(&path, "it unpacks to more than is looked at");
                Ok(Passed::default())
            }
            other => other,
        };
        self.left = before.saturating_sub(given.saturating_sub(self.left));
        let passed = passed?;
        if is_listed {
            if self.seen.files.len() < LISTED {
                self.seen.files.push(Listed { path, size: passed.bytes });
            } else {
                self.seen.more_files += 1;
            }
        }
        Ok(passed)
    }

    /// Gives what was found in members that lie in the archive as they are.
    fn zip(&mut self, path: &str, bytes: &mut dyn Read, depth: usize) -> std::io::Result<u64> {
        let mut bytes = BufReader::new(bytes);
        let mut hits = 0;
        while next_member(&mut bytes)? {
            let member = Local::read(&mut bytes)?;
            if member.name.ends_with(b"/") && member.packed == 0 && !member.is_open() {
                continue;
            }
            let shown = || format!("{path}{INSIDE}{}", String::from_utf8_lossy(&member.name));
            match member.method {
                _ if member.flags & 1 != 0 => {
                    self.closed(&shown(), "it is encrypted");
                    skip(&mut bytes, member.packed)?;
                }
                0 if !member.is_open() || member.packed > 0 => {
                    let mut stored = (&mut bytes).take(member.packed);
                    hits += self.member(path, &member.name, &mut stored, depth)?.hits;
                    std::io::copy(&mut stored, &mut std::io::sink())?;
                }
                8 if member.is_open() && member.packed == 0 => {
                    let mut unpacked = flate2::bufread::DeflateDecoder::new(&mut bytes);
                    self.member(path, &member.name, &mut unpacked, depth)?;
                    std::io::copy(&mut unpacked, &mut std::io::sink())?;
                }
                8 => {
                    let mut packed = (&mut bytes).take(member.packed);
                    let done = self.member(path, &member.name, &mut flate2::bufread::DeflateDecoder::new(&mut packed), depth);
                    match done {
                        Err(error) if is_too_much(&error) => return Err(error),
                        Err(_) => self.closed(&shown(), "it is damaged"),
                        Ok(_) => {}
                    }
                    std::io::copy(&mut packed, &mut std::io::sink())?;
                }
                0 => self.closed(&shown(), "its size stands behind it"),
                _ => {
                    self.closed(&shown(), "it is packed by a method that is not read here");
                    skip(&mut bytes, member.packed)?;
                }
            }
        }
        // What the buffer holds of the rest has passed the tap already.
        Ok(hits)
    }

    fn report(&mut self, path: &str, hits: &[Hit], count: u64) -> u64 {
        for hit in hits {
            let is_meant = hit.kind == Kind::PrivateKey && self.look.is_allowed(path);
            let finding = Finding { path: path.to_owned(), line: hit.line, kind: hit.kind };
            if is_meant || self.seen.findings.last() == Some(&finding) {
                continue;
            }
            if self.seen.findings.len() < FINDINGS {
                self.seen.findings.push(finding);
            } else {
                self.seen.more_findings += 1;
            }
        }
        count
    }

    fn closed(&mut self, path: &str, why: &'static str) {
        if self.seen.closed.len() < FINDINGS {
            self.seen.closed.push((path.to_owned(), why));
        }
    }

    fn count(&mut self, path: &str, bytes: u64) -> std::io::Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.too_much(path)),
        }
    }

    /// The archive in the artifact that holds too much, or the artifact.
    fn too_much(&mut self, path: &str) -> std::io::Error {
        let mut parts = path.splitn(3, INSIDE);
        let (artifact, inside) = (parts.next().unwrap_or_default(), parts.next());
        self.seen.too_much = Some(inside.map_or(artifact.to_owned(), |inside| format!("{artifact}{INSIDE}{inside}")));
        std::io::Error::other(TOO_MUCH)
    }
}

/// A reader that is counted.
struct Counted<'r> {
    inner: &'r mut dyn Read,
    bytes: u64,
}

impl Read for Counted<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.bytes += n as u64;
        Ok(n)
    }
}

/// What passed while a stream was looked through.
#[derive(Debug, Clone, Copy, Default)]
struct Passed {
    hits: u64,
    bytes: u64,
}

fn is_too_much(error: &std::io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.to_string() == TOO_MUCH)
}

/// The path in a pax header (POSIX.1-2001): the last record `LENGTH path=…\n`, each as long as it says, itself included.
pub(super) fn pax_path(extension: &[u8]) -> Option<Vec<u8>> {
    let (mut path, mut rest) = (None, extension);
    while let Some((record, behind)) = pax_record(rest) {
        path = record.strip_prefix(b"path=").map(<[u8]>::to_vec).or(path);
        rest = behind;
    }
    path
}

/// The first record without its length and line break, and what stands behind it.
fn pax_record(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
    let length: usize = std::str::from_utf8(bytes.get(..digits)?).ok()?.parse().ok()?;
    let (record, behind) = bytes.split_at_checked(length)?;
    Some((record.get(digits..)?.strip_prefix(b" ")?.strip_suffix(b"\n")?, behind))
}

const LOCAL_BYTES: usize = 30;

/// Where a zip begins behind something else: a local header that can be one. Every byte that is published passes here, so the mark is
/// looked for by many bytes at a time.
fn stub_ends(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find_iter(bytes, &LOCAL).find(|at| {
        let Some(head) = bytes.get(*at..*at + LOCAL_BYTES) else { return false };
        let short = |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |two| u16::from_le_bytes(*two));
        short(4) <= 63 && matches!(short(8), 0 | 8) && (1..=4_096).contains(&short(26)) && short(28) < 8_192
    })
}

/// A local header (PKWARE APPNOTE 6.3 §4.3.7), behind its mark.
struct Local {
    flags: u16,
    method: u16,
    packed: u64,
    name: Vec<u8>,
}

impl Local {
    fn read(bytes: &mut impl Read) -> std::io::Result<Self> {
        let mut head = [0; LOCAL_BYTES - LOCAL.len()];
        bytes.read_exact(&mut head)?;
        let short = |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |two| u16::from_le_bytes(*two));
        let long = |at: usize| head.get(at..).and_then(|rest| rest.first_chunk()).map_or(0, |four| u32::from_le_bytes(*four));
        let mut name = vec![0; short(22).into()];
        bytes.read_exact(&mut name)?;
        let mut extra = vec![0; short(24).into()];
        bytes.read_exact(&mut extra)?;
        let mut packed = u64::from(long(14));
        if packed == u64::from(u32::MAX) {
            // Zip64: the size unpacked, then the size packed.
            let field = extra.windows(4).position(|four| four.starts_with(&[1, 0]) && four.get(2).is_some_and(|n| *n >= 16));
            let wide = field.and_then(|at| extra.get(at + 12..)).and_then(|rest| rest.first_chunk());
            packed = wide.map_or(packed, |eight| u64::from_le_bytes(*eight));
        }
        Ok(Local { flags: short(2), method: short(4), packed, name })
    }

    /// Whether its sizes stand behind it.
    fn is_open(&self) -> bool {
        self.flags & 8 != 0
    }
}

/// Goes to behind the next local header's mark; false where the directory begins, or the end. Between members may stand what says the
/// sizes of the last one.
fn next_member(bytes: &mut impl BufRead) -> std::io::Result<bool> {
    let mut last = [0; 4];
    for _ in 0..GAP_BYTES {
        let mut one = [0];
        if bytes.read(&mut one)? == 0 {
            return Ok(false);
        }
        last.rotate_left(1);
        last[3] = one[0];
        if last == LOCAL {
            return Ok(true);
        }
        if last == DIRECTORY {
            return Ok(false);
        }
    }
    Ok(false)
}

fn skip(bytes: &mut impl Read, length: u64) -> std::io::Result<()> {
    std::io::copy(&mut bytes.take(length), &mut std::io::sink()).map(|_| ())
}
