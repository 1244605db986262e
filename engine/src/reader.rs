//! Reads the fixed-width fields of untrusted bytes, and never past their end.

use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;

/// A cursor over one table of the format, or over one entry of it.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where `rest` ends, counted from the table's first byte.
    end: usize,
    section: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8], section: &'static str) -> Self {
        Self { rest: bytes, end: bytes.len(), section }
    }

    /// The error `kind`, at this position.
    #[cold]
    pub(crate) const fn error(&self, kind: OpenErrorKind) -> OpenError {
        OpenError { section: self.section, at: self.end - self.rest.len(), kind }
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], OpenError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.error(OpenErrorKind::Truncated));
        };
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], OpenError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.error(OpenErrorKind::Truncated));
        };
        self.rest = rest;
        Ok(*taken)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, OpenError> {
        self.array::<1>().map(|[byte]| byte)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, OpenError> {
        self.array().map(u32::from_le_bytes)
    }

    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, OpenError> {
        self.array().map(u64::from_le_bytes)
    }

    /// Ends the reading: bytes that nobody read are an error.
    #[inline]
    pub(crate) fn finish(self) -> Result<(), OpenError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.error(OpenErrorKind::TrailingBytes)) }
    }
}

/// Reads a table's entries of `N` bytes, its stride. That every entry's length is known when this is compiled is what
/// makes it fast: no field is checked for its end.
#[inline]
pub(crate) fn entries<const N: usize, T>(
    bytes: &[u8],
    table: Table,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, OpenError>,
) -> Result<Box<[T]>, OpenError> {
    let section = table.label();
    let (entries, rest) = bytes.as_chunks::<N>();
    // Collecting would not know the count, and copy the entries each time its buffer grows.
    let mut all = Vec::with_capacity(entries.len());
    let mut end = 0_usize;
    for entry in entries {
        end = end.wrapping_add(N);
        let mut reader = Reader { rest: entry, end, section };
        all.push(read(&mut reader)?);
        reader.finish()?;
    }
    Reader { rest, end: bytes.len(), section }.finish()?;
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
