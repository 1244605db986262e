//! Reading hostile bytes: every read names what it reads and can only fail, never run over.

/// What a [`Reader`] could not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// Offset from the start of the bytes, in bytes.
    pub offset: usize,
    /// What was being read.
    pub what: &'static str,
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot read {} at byte {}", self.what, self.offset)
    }
}

impl std::error::Error for ReadError {}

/// A cursor over bytes that are not trusted. Integers are little-endian.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, offset: 0 }
    }

    /// Takes the next `len` bytes.
    ///
    /// # Errors
    ///
    /// When fewer are left.
    pub fn take(&mut self, what: &'static str, len: usize) -> Result<&'a [u8], ReadError> {
        match self.rest.split_at_checked(len) {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset = self.offset.saturating_add(len);
                Ok(taken)
            }
            None => Err(self.error(what)),
        }
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    ///
    /// When fewer are left.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ReadError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                self.offset = self.offset.saturating_add(N);
                Ok(*taken)
            }
            None => Err(self.error(what)),
        }
    }

    /// Takes one byte.
    ///
    /// # Errors
    ///
    /// When none is left.
    pub fn u8(&mut self, what: &'static str) -> Result<u8, ReadError> {
        self.array::<1>(what).map(|[byte]| byte)
    }

    /// Takes a `u16`.
    ///
    /// # Errors
    ///
    /// When fewer than two bytes are left.
    pub fn u16(&mut self, what: &'static str) -> Result<u16, ReadError> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// Takes a `u32`.
    ///
    /// # Errors
    ///
    /// When fewer than four bytes are left.
    pub fn u32(&mut self, what: &'static str) -> Result<u32, ReadError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Whether every byte was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Ends the reading.
    ///
    /// # Errors
    ///
    /// When bytes are left over: they would be bytes that nothing checked.
    pub fn finish(self) -> Result<(), ReadError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error("the end")) }
    }

    fn error(&self, what: &'static str) -> ReadError {
        ReadError { offset: self.offset, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_in_order_and_finishes() {
        let mut reader = Reader::new(&[1, 2, 0, 3, 0, 0, 0, 9]);
        assert_eq!(reader.u8("a"), Ok(1));
        assert_eq!(reader.u16("b"), Ok(2));
        assert_eq!(reader.u32("c"), Ok(3));
        assert_eq!(reader.take("d", 1), Ok(&[9][..]));
        assert!(reader.is_empty());
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn refuses_to_run_over_and_to_leave_bytes() {
        let mut reader = Reader::new(&[1, 2]);
        assert_eq!(reader.u32("x"), Err(ReadError { offset: 0, what: "x" }));
        assert_eq!(reader.u8("y"), Ok(1));
        assert_eq!(reader.take("z", usize::MAX), Err(ReadError { offset: 1, what: "z" }));
        assert_eq!(reader.finish(), Err(ReadError { offset: 1, what: "the end" }));
    }
}
