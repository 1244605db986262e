//! Inflating a list: one whole ZLIB stream (RFC 1950) and nothing after it, within a bound.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{
    TINFL_FLAG_COMPUTE_ADLER32, TINFL_FLAG_PARSE_ZLIB_HEADER, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF,
};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::error::StatusListError;
use crate::limits;

/// What most lists have room in at once, in bytes.
const FIRST: usize = 16 * 1024;

type Decompress = fn(&mut DecompressorOxide, &[u8], &mut [u8], usize, u32) -> (TINFLStatus, usize, usize);

pub(super) fn inflate(zlib: &[u8]) -> Result<Vec<u8>, StatusListError> {
    let flags = TINFL_FLAG_PARSE_ZLIB_HEADER | TINFL_FLAG_COMPUTE_ADLER32 | TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    // By way of a pointer that the compiler does not see through: inlined here, it would be compiled for speed, to twice the size.
    let decompress: Decompress = std::hint::black_box(decompress);
    let mut state = Box::<DecompressorOxide>::default();
    let mut out = vec![0; FIRST];
    let (mut read, mut written) = (0_usize, 0_usize);
    loop {
        let rest = zlib.get(read..).unwrap_or_default();
        let (status, consumed, produced) = decompress(&mut state, rest, &mut out, written, flags);
        read = read.saturating_add(consumed);
        written = written.saturating_add(produced);
        match status {
            TINFLStatus::Done if read == zlib.len() && written <= limits::STATUS_LIST_BYTES => {
                out.truncate(written);
                out.shrink_to_fit();
                return Ok(out);
            }
            TINFLStatus::Done if read == zlib.len() => return Err(StatusListError::Inflated),
            // A byte beyond the limit is asked for, so that a list at the limit is told from one above it.
            TINFLStatus::HasMoreOutput if out.len() <= limits::STATUS_LIST_BYTES => {
                let room = out.len().saturating_mul(2).min(limits::STATUS_LIST_BYTES.saturating_add(1));
                out.resize(room, 0);
            }
            TINFLStatus::HasMoreOutput => return Err(StatusListError::Inflated),
            _ => return Err(StatusListError::Compression),
        }
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::compress_to_vec_zlib;

    use super::*;

    #[test]
    fn lists_of_all_sizes_come_back() {
        for length in [0, 1, 2, FIRST - 1, FIRST, FIRST + 1, 2 * FIRST, 1_000_003, limits::STATUS_LIST_BYTES] {
            let bytes: Vec<u8> = (0..length).map(|at| u8::from(at % 1009 == 0)).collect();
            for level in [0, 1, 6, 9] {
                assert_eq!(inflate(&compress_to_vec_zlib(&bytes, level)).as_ref(), Ok(&bytes), "{length} {level}");
            }
        }
    }

    #[test]
    fn a_bomb_ends_at_the_limit() {
        for more in [1, FIRST, 64 * limits::STATUS_LIST_BYTES] {
            let bomb = compress_to_vec_zlib(&vec![0; limits::STATUS_LIST_BYTES + more], 9);
            assert!(bomb.len() < 1024 * 1024);
            assert_eq!(inflate(&bomb), Err(StatusListError::Inflated), "{more}");
        }
    }

    #[test]
    fn what_is_cut_or_goes_on_is_refused() {
        let bytes: Vec<u8> = (0..100_000_u32).map(|at| at.wrapping_mul(at).to_le_bytes()[2]).collect();
        for level in [0, 6] {
            let good = compress_to_vec_zlib(&bytes, level);
            for cut in (0..good.len()).step_by(97).chain(good.len() - 8..good.len()) {
                assert_eq!(inflate(&good[..cut]), Err(StatusListError::Compression), "{cut}");
            }
            for tail in [&[0][..], b"\n", &good, &[0xff; 1000]] {
                assert_eq!(inflate(&[&good, tail].concat()), Err(StatusListError::Compression), "{}", tail.len());
            }
        }
    }

    #[test]
    fn what_is_no_zlib_is_refused() {
        let good = compress_to_vec_zlib(b"a list", 6);
        let raw = &good[2..good.len() - 4];
        let mut checksum = good.clone();
        *checksum.last_mut().unwrap() ^= 1;
        let mut dictionary = good.clone();
        // FDICT, and a header that checks out.
        dictionary[..2].copy_from_slice(&[0x78, 0xbb]);
        let gzip = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], raw, &[0; 8]].concat();
        for bytes in [&b""[..], b"\0", b"a list", raw, &checksum, &dictionary, &gzip, &[0x78], &[0x78, 0x9c]] {
            assert_eq!(inflate(bytes), Err(StatusListError::Compression), "{bytes:?}");
        }
    }
}
