//! Hexadecimal digits, eight at a time: ids and digests are written with each request.

/// The eight lower-case digits of a number.
pub(crate) fn digits(number: u32) -> [u8; 8] {
    // Each digit into a byte of its own, the first one highest.
    let mut spread = u64::from(number);
    spread = (spread << 16 | spread) & 0x0000_ffff_0000_ffff;
    spread = (spread << 8 | spread) & 0x00ff_00ff_00ff_00ff;
    spread = (spread << 4 | spread) & 0x0f0f_0f0f_0f0f_0f0f;
    // Ten and more carry into the next half of their byte when six is added.
    let letters = (spread + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    (spread + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn digits_are_those_of_the_standard_library() {
        for shift in 0..32 {
            for number in [1, 0x9, 0xa, 0xf, 0x9a, 0xa9, 0x1234_5678, 0x9abc_def0, 0x9999_9999, 0xaaaa_aaaa, u32::MAX] {
                let number = u32::rotate_left(number, shift);
                assert_eq!(digits(number), *format!("{number:08x}").as_bytes(), "{number}");
            }
        }
        assert_eq!(&digits(0), b"00000000");
    }
}
