//! Compressing answers, once each. Levels by what a packument of 167 KB costs: gzip 6 and Brotli 5 take a few
//! milliseconds and leave a tenth of it.

use bytes::Bytes;
use std::io::{Read as _, Write as _};

const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: u32 = 5;
const BROTLI_WINDOW: u32 = 22;

/// The bytes in gzip; none if that is not smaller.
pub(crate) fn gzip(bytes: &[u8]) -> Option<Bytes> {
    let mut out = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::new(GZIP_LEVEL));
    out.write_all(bytes).ok()?;
    smaller(out.finish().ok()?, bytes)
}

/// The bytes in Brotli; none if that is not smaller.
pub(crate) fn brotli(bytes: &[u8]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(bytes.len() / 4);
    brotli::CompressorReader::new(bytes, 64 * 1024, BROTLI_QUALITY, BROTLI_WINDOW).read_to_end(&mut out).ok()?;
    smaller(out, bytes)
}

fn smaller(mut out: Vec<u8>, bytes: &[u8]) -> Option<Bytes> {
    if out.len() >= bytes.len() {
        return None;
    }
    out.shrink_to_fit();
    Some(out.into())
}

/// Why a compressed body is refused.
pub(crate) enum Unpacked {
    /// These bytes.
    Bytes(Vec<u8>),
    /// More than the limit.
    TooLarge,
    /// No gzip.
    Damaged,
}

/// Unpacks gzip, at most `limit` bytes of it.
pub(crate) fn gunzip(bytes: &[u8], limit: u64) -> Unpacked {
    let mut out = Vec::new();
    match flate2::read::GzDecoder::new(bytes).take(limit + 1).read_to_end(&mut out) {
        Ok(_) if out.len() as u64 > limit => Unpacked::TooLarge,
        Ok(_) => Unpacked::Bytes(out),
        Err(_) => Unpacked::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks_within_the_limit() {
        let text = "a registry that anyone can check ".repeat(100);
        let packed = gzip(text.as_bytes()).unwrap();
        assert!(matches!(gunzip(&packed, text.len() as u64), Unpacked::Bytes(b) if b == text.as_bytes()));
        assert!(matches!(gunzip(&packed, text.len() as u64 - 1), Unpacked::TooLarge));
        assert!(matches!(gunzip(&packed[..packed.len() / 2], 1 << 20), Unpacked::Damaged));
        assert!(matches!(gunzip(b"no gzip at all", 100), Unpacked::Damaged));
        let mut out = Vec::new();
        brotli::Decompressor::new(&brotli(text.as_bytes()).unwrap()[..], 4096).read_to_end(&mut out).unwrap();
        assert_eq!(out, text.as_bytes());
        assert!(gzip(b"x").is_none());
    }
}
