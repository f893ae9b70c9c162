//! Compressing answers, once each. Levels by what they cost: a packument of 167 KB takes a few milliseconds in gzip 6 or
//! Brotli 5, and a tenth of it is left. Of a long answer the first reader would wait half a second for that; what quicker
//! levels leave of it is a few hundredths more.

use bytes::Bytes;
use deedbox_model::threads::both;
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use std::io::Write as _;

const GZIP_LEVEL: u32 = 6;
const BROTLI_QUALITY: i32 = 5;
const BROTLI_WINDOW: i32 = 22;
/// Answers from so many bytes on are long.
const LONG_FROM_BYTES: usize = 1024 * 1024;
const LONG_GZIP_LEVEL: u32 = 4;
const LONG_BROTLI_QUALITY: i32 = 1;

/// The bytes in gzip; none if that is not smaller.
pub(crate) fn gzip(bytes: &[u8]) -> Option<Bytes> {
    if bytes.len() >= LONG_FROM_BYTES {
        return smaller(gzip_by_two(bytes)?, bytes);
    }
    let mut out = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(GZIP_LEVEL));
    out.write_all(bytes).ok()?;
    smaller(out.finish().ok()?, bytes)
}

/// One member of gzip (RFC 1952 §2.3) of which two threads make half each. The first half ends at a byte without a last
/// block (a flush leaves an empty stored block, RFC 1951 §3.2.4), and the second refers to nothing before it.
fn gzip_by_two(bytes: &[u8]) -> Option<Vec<u8>> {
    /// No name, no time, level and system unknown.
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let half = |bytes: &[u8], flush| Some((deflate(bytes, flush)?, crc_of(bytes)));
    let (begun, ended) = both(|| half(first, FlushCompress::Sync), || half(second, FlushCompress::Finish));
    let ((begun, mut crc), (ended, crc_of_end)) = (begun?, ended?);
    crc.combine(&crc_of_end);
    let trailer = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
    Some([&HEADER[..], &begun, &ended, &trailer].concat())
}

fn deflate(bytes: &[u8], flush: FlushCompress) -> Option<Vec<u8>> {
    const MORE: usize = 64 * 1024;
    let mut deflate = Compress::new(Compression::new(LONG_GZIP_LEVEL), false);
    let mut out = Vec::with_capacity(bytes.len() / 3 + MORE);
    loop {
        let taken = usize::try_from(deflate.total_in()).ok()?;
        let status = deflate.compress_vec(bytes.get(taken..)?, &mut out, flush).ok()?;
        // As long as there is no room left, there may be more to come.
        if matches!(status, Status::StreamEnd) || matches!(flush, FlushCompress::Sync) && out.len() < out.capacity() {
            return Some(out);
        }
        out.reserve(MORE);
    }
}

fn crc_of(bytes: &[u8]) -> Crc {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc
}

/// The bytes in Brotli; none if that is not smaller.
pub(crate) fn brotli(bytes: &[u8]) -> Option<Bytes> {
    let quality = if bytes.len() >= LONG_FROM_BYTES { LONG_BROTLI_QUALITY } else { BROTLI_QUALITY };
    let params = brotli::enc::BrotliEncoderParams { quality, lgwin: BROTLI_WINDOW, ..Default::default() };
    let mut out = brotli::CompressorWriter::with_params(Vec::with_capacity(bytes.len() / 4), 64 * 1024, &params);
    out.write_all(bytes).ok()?;
    smaller(out.into_inner(), bytes)
}

fn smaller(mut out: Vec<u8>, bytes: &[u8]) -> Option<Bytes> {
    if out.len() >= bytes.len() {
        return None;
    }
    out.shrink_to_fit();
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::bufread::GzDecoder::new(packed).read_to_end(&mut out).unwrap();
        out
    }

    #[test]
    fn what_is_packed_unpacks_in_both_codings_and_is_smaller() {
        let text = "a registry that anyone can check ".repeat(100);
        assert_eq!(unpacked(&gzip(text.as_bytes()).unwrap()), text.as_bytes());
        let mut out = Vec::new();
        brotli::Decompressor::new(&brotli(text.as_bytes()).unwrap()[..], 4096).read_to_end(&mut out).unwrap();
        assert_eq!(out, text.as_bytes());
        assert!(gzip(b"x").is_none());
    }

    #[test]
    fn a_long_answer_is_one_member_of_gzip_and_unpacks_in_both_codings() {
        for length in [LONG_FROM_BYTES - 1, LONG_FROM_BYTES, LONG_FROM_BYTES + 1, 3 * LONG_FROM_BYTES + 7] {
            let text: Vec<u8> = (0u32..).flat_map(|n| n.wrapping_mul(n).to_string().into_bytes()).take(length).collect();
            let packed = gzip(&text).unwrap();
            // Not the reader of several members: all of it is in the first, with its sum and size.
            let mut reader = flate2::bufread::GzDecoder::new(&packed[..]);
            let mut out = Vec::new();
            reader.read_to_end(&mut out).unwrap();
            assert!(out == text && reader.into_inner().is_empty(), "{length}");
            let mut out = Vec::new();
            brotli::Decompressor::new(&brotli(&text).unwrap()[..], 4096).read_to_end(&mut out).unwrap();
            assert!(out == text, "{length}");
        }
    }
}
