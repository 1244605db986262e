//! Sets of bytes, for texts that may consist of certain characters only.

/// A set of bytes; asking is one look into a table.
#[derive(Clone, Copy)]
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// Letters and digits of ASCII.
    pub(crate) const fn alphanumeric() -> Self {
        Self([false; 256]).with(b"abcdefghijklmnopqrstuvwxyz").with(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ").with(b"0123456789")
    }

    /// The same set and these bytes.
    pub(crate) const fn with(self, bytes: &[u8]) -> Self {
        let mut set = self.0;
        let mut rest = bytes;
        while let [byte, more @ ..] = rest {
            #[expect(
                clippy::indexing_slicing,
                reason = "every byte has a place in the table; `get_mut` is not for constants"
            )]
            {
                set[*byte as usize] = true;
            }
            rest = more;
        }
        Self(set)
    }

    /// Whether a byte is in it.
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.0.get(usize::from(byte)).copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let set = ByteSet::alphanumeric().with(b"-\0").with(b"").with(b"\xff");
        for byte in 0..=u8::MAX {
            assert_eq!(set.has(byte), byte.is_ascii_alphanumeric() || matches!(byte, b'-' | 0 | 0xff), "{byte}");
        }
    }
}
