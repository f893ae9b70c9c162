//! Archives in memory: plain ones as packers make them, and members as raw as hostile ones may be (POSIX.1-1988 ustar, POSIX.1-2001 pax,
//! RFC 1952, APPNOTE 4.3). Their bytes are the same on every machine, so that digests of them may stand in golden files; what is
//! compressed is the same only for one compressor.

use deedbox_model::Sha256Digest;
use flate2::{Compression, Crc, write::GzEncoder};
use std::io::Write as _;

/// The time that `npm pack` gives every file: 1985-10-26T08:15:00Z.
const MTIME: u64 = 499_162_500;
const BLOCK: usize = 512;

/// Compressed, quickly.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    gzip_at(Compression::fast(), bytes)
}

/// In gzip as it is: the same bytes whatever the compressor's version.
pub fn gzip_stored(bytes: &[u8]) -> Vec<u8> {
    gzip_at(Compression::none(), bytes)
}

fn gzip_at(level: Compression, bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzEncoder::new(Vec::new(), level);
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// A tar of plain files.
pub fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in files {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_mtime(MTIME);
        archive.append_data(&mut header, path, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

/// The same, compressed quickly: what an npm tarball is, its files below `package/`.
pub fn tgz(files: &[(&str, &[u8])]) -> Vec<u8> {
    gzip(&tar(files))
}

/// One tar member, padded, of any kind and with any path of at most 100 bytes.
pub fn member(path: impl AsRef<[u8]>, kind: u8, data: &[u8]) -> Vec<u8> {
    link(path, kind, "", data)
}

/// The same with a target, as links have.
pub fn link(path: impl AsRef<[u8]>, kind: u8, target: &str, data: &[u8]) -> Vec<u8> {
    let path = path.as_ref();
    let mut header = tar::Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path);
    header.as_mut_bytes()[157..157 + target.len()].copy_from_slice(target.as_bytes());
    header.set_mode(0o644);
    header.set_mtime(MTIME);
    header.set_size(data.len() as u64);
    header.as_mut_bytes()[156] = kind;
    header.set_cksum();
    let mut out = header.as_bytes().to_vec();
    out.extend(data);
    out.resize(out.len().div_ceil(BLOCK) * BLOCK, 0);
    out
}

/// Members with an end mark.
pub fn tar_of(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 2 * BLOCK]].concat()
}

/// A pax header of these records, for the member after it.
pub fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut data = Vec::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len();
        while format!("{length}").len() + rest.len() != length {
            length = format!("{length}").len() + rest.len();
        }
        data.extend(format!("{length}{rest}").into_bytes());
    }
    member("PaxHeader/x", b'x', &data)
}

/// A zip of stored members.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in members {
        let mut crc = Crc::new();
        crc.update(bytes);
        let (at, size) = (u32::try_from(out.len()).unwrap(), u32::try_from(bytes.len()).unwrap());
        // Version needed, flags, method, time, date; CRC, both sizes; lengths of name and extra field.
        let mut common: Vec<u8> = [20_u16, 0, 0, 0, 0x21].into_iter().flat_map(u16::to_le_bytes).collect();
        common.extend([crc.sum(), size, size].into_iter().flat_map(u32::to_le_bytes));
        common.extend([u16::try_from(name.len()).unwrap(), 0].into_iter().flat_map(u16::to_le_bytes));
        for part in [&b"PK\x03\x04"[..], &common, name.as_bytes(), bytes] {
            out.extend_from_slice(part);
        }
        for part in [&b"PK\x01\x02\x14\x00"[..], &common, &[0; 10], &at.to_le_bytes(), name.as_bytes()] {
            directory.extend_from_slice(part);
        }
    }
    let (at, length, count) =
        (u32::try_from(out.len()).unwrap(), u32::try_from(directory.len()).unwrap(), u16::try_from(members.len()).unwrap());
    out.extend(directory);
    out.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    out.extend([count, count].into_iter().flat_map(u16::to_le_bytes));
    out.extend([length, at].into_iter().flat_map(u32::to_le_bytes));
    out.extend([0, 0]);
    out
}

/// Bytes that do not get smaller when they are packed: for a name always the same, and its own.
pub fn noise(name: &str, length: usize) -> Vec<u8> {
    let seed = Sha256Digest::of(name.as_bytes());
    // Never 0, which would stay 0.
    let mut state = u64::from_be_bytes(seed.as_bytes()[..8].try_into().unwrap()) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}
