//! Reads the fixed-width fields of untrusted bytes, and never past their end.

use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;

/// A cursor over one table of the format.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    read: usize,
    section: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], section: &'static str) -> Self {
        Self { rest: bytes, read: 0, section }
    }

    /// The error `kind`, at this position.
    pub(crate) const fn error(&self, kind: OpenErrorKind) -> OpenError {
        OpenError { section: self.section, at: self.read, kind }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], OpenError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(self.error(OpenErrorKind::Truncated))?;
        self.rest = rest;
        self.read += count;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], OpenError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(self.error(OpenErrorKind::Truncated))?;
        self.rest = rest;
        self.read += N;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, OpenError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, OpenError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, OpenError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Ends the reading: bytes that nobody read are an error.
    pub(crate) fn finish(self) -> Result<(), OpenError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(OpenErrorKind::TrailingBytes)) }
    }
}

/// Reads a table's entries one by one.
pub(crate) fn entries<T>(
    bytes: &[u8],
    table: Table,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, OpenError>,
) -> Result<Box<[T]>, OpenError> {
    let mut reader = Reader::new(bytes, table.label());
    let count = bytes.len() / table.stride();
    // Collecting would not know the count, and copy the entries each time its buffer grows.
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        all.push(read(&mut reader)?);
    }
    reader.finish()?;
    Ok(all.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_there_and_nothing_more() {
        let mut reader = Reader::new(&[1, 2, 0, 0, 0, 9], "test");
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u32(), Ok(2));
        assert_eq!(reader.u32().map_err(|error| error.kind), Err(OpenErrorKind::Truncated));
        assert_eq!(reader.finish().map_err(|error| (error.at, error.kind)), Err((5, OpenErrorKind::TrailingBytes)));
    }

    #[test]
    fn an_end_is_an_end() {
        let mut reader = Reader::new(&[7; 8], "test");
        assert!(reader.take(9).is_err());
        assert_eq!(reader.u64(), Ok(0x0707_0707_0707_0707));
        assert_eq!(reader.finish(), Ok(()));
    }
}
