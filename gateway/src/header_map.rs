//! Request headers, read in place from the form in which Envoy hands them over.
//!
//! Envoy serialises a header map as a little-endian `u32` count, then that many pairs of `u32` lengths (name,
//! value), then each name and each value followed by a zero byte. Names and values are bytes: HTTP allows octets
//! that are not UTF-8, and a client may send them in any header.

use std::ops::Deref;

/// The prefix of the headers that only this filter may set. Clients' own are removed before anything reads them.
pub const RESERVED_PREFIX: &str = "x-palisade-";

/// A header map, checked once, read without copies.
#[derive(Clone, Copy, Debug)]
pub struct HeaderMap<'a> {
    lengths: &'a [u8],
    data: &'a [u8],
    /// Whether a name begins with [`RESERVED_PREFIX`]: hardly ever, and then nobody looks for those that do.
    has_reserved: bool,
}

/// One header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// The name as received; Envoy gives lower case, but nothing here relies on it.
    pub name: &'a [u8],
    /// The value as received; not necessarily UTF-8.
    pub value: &'a [u8],
}

/// Why bytes are not a header map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderMapError {
    /// The bytes end before what the counts and lengths announce.
    Truncated,
    /// A name or value is not followed by its zero byte.
    Terminator,
    /// Bytes are left over after the last value.
    Leftover,
}

impl std::fmt::Display for HeaderMapError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the header map is cut short",
            Self::Terminator => "a name or value in the header map is not terminated",
            Self::Leftover => "bytes are left over after the header map",
        })
    }
}

impl std::error::Error for HeaderMapError {}

impl<'a> HeaderMap<'a> {
    /// A map without headers.
    pub const EMPTY: Self = Self { lengths: &[], data: &[], has_reserved: false };

    /// Checks a serialised header map as a whole, so that reading it cannot fail.
    ///
    /// # Errors
    ///
    /// When counts, lengths and terminators do not describe exactly these bytes.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HeaderMapError> {
        let (count, rest) = split_u32(bytes).ok_or(HeaderMapError::Truncated)?;
        let count = usize::try_from(count).map_err(|_| HeaderMapError::Truncated)?;
        let size = count.checked_mul(8).ok_or(HeaderMapError::Truncated)?;
        let (lengths, data) = rest.split_at_checked(size).ok_or(HeaderMapError::Truncated)?;
        let mut cursor = Iter { lengths, data };
        let mut has_reserved = false;
        for _ in 0..count {
            has_reserved |= is_reserved(cursor.step()?.name);
        }
        if cursor.data.is_empty() { Ok(Self { lengths, data, has_reserved }) } else { Err(HeaderMapError::Leftover) }
    }

    /// The headers in the order received.
    #[must_use]
    pub fn iter(&self) -> Iter<'a> {
        Iter { lengths: self.lengths, data: self.data }
    }

    /// The values of a header, in the order received. `name` is compared without regard to ASCII case.
    pub fn values(&self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |header| header.name.eq_ignore_ascii_case(name.as_bytes())).map(|header| header.value)
    }

    /// The names that the client may not send: those that begin with [`RESERVED_PREFIX`], in any case.
    #[must_use]
    pub fn reserved(&self) -> Reserved<'a> {
        Reserved { iter: if self.has_reserved { self.iter() } else { Self::EMPTY.iter() } }
    }
}

/// A serialised header map that is kept: it is checked once, and read as often as it is needed.
#[derive(Debug)]
pub struct KeptHeaders<B> {
    bytes: B,
    /// Where the lengths end.
    data: usize,
    has_reserved: bool,
}

impl<B: Deref<Target = [u8]>> KeptHeaders<B> {
    /// Checks a serialised header map as [`HeaderMap::parse`] does. `bytes` are the same each time they are looked at.
    ///
    /// # Errors
    ///
    /// When counts, lengths and terminators do not describe exactly these bytes.
    pub fn parse(bytes: B) -> Result<Self, HeaderMapError> {
        let HeaderMap { data, has_reserved, .. } = HeaderMap::parse(&bytes)?;
        Ok(Self { data: bytes.len() - data.len(), has_reserved, bytes })
    }

    /// The map to read from.
    #[must_use]
    pub fn as_map(&self) -> HeaderMap<'_> {
        let (lengths, data) = self.bytes.split_at_checked(self.data).unwrap_or_default();
        HeaderMap { lengths: lengths.get(4..).unwrap_or_default(), data, has_reserved: self.has_reserved }
    }
}

/// Iterates over the headers of a [`HeaderMap`].
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    lengths: &'a [u8],
    data: &'a [u8],
}

impl<'a> Iter<'a> {
    fn step(&mut self) -> Result<Header<'a>, HeaderMapError> {
        let (name, lengths) = split_u32(self.lengths).ok_or(HeaderMapError::Truncated)?;
        let (value, lengths) = split_u32(lengths).ok_or(HeaderMapError::Truncated)?;
        let (name, data) = split_terminated(self.data, name)?;
        let (value, data) = split_terminated(data, value)?;
        self.lengths = lengths;
        self.data = data;
        Ok(Header { name, value })
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Header<'a>;

    #[inline]
    fn next(&mut self) -> Option<Header<'a>> {
        // The whole map was checked by `parse`; the only failure left is the end.
        let (lengths, rest) = self.lengths.split_first_chunk::<8>()?;
        let [a, b, c, d, value @ ..] = *lengths;
        let name = usize::try_from(u32::from_le_bytes([a, b, c, d])).ok()?;
        let value = usize::try_from(u32::from_le_bytes(value)).ok()?;
        let (name, data) = self.data.split_at_checked(name)?;
        let (value, data) = data.get(1..)?.split_at_checked(value)?;
        self.lengths = rest;
        self.data = data.get(1..)?;
        Some(Header { name, value })
    }
}

/// Iterates over the names in a [`HeaderMap`] that are reserved to the filter.
#[derive(Clone, Debug)]
pub struct Reserved<'a> {
    iter: Iter<'a>,
}

impl<'a> Iterator for Reserved<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        self.iter.find(|header| is_reserved(header.name)).map(|header| header.name)
    }
}

/// Whether a header name is reserved to the filter.
#[inline]
pub(crate) fn is_reserved(name: &[u8]) -> bool {
    // Most names begin with another letter.
    matches!(name.first(), Some(b'x' | b'X'))
        && name
            .get(..RESERVED_PREFIX.len())
            .is_some_and(|prefix| prefix.eq_ignore_ascii_case(RESERVED_PREFIX.as_bytes()))
}

/// Whether a header holds a credential, which policies never see.
pub(crate) fn is_credential(name: &[u8]) -> bool {
    [&b"authorization"[..], b"proxy-authorization", b"cookie", b"dpop", b"txn-token"]
        .iter()
        .any(|credential| name.eq_ignore_ascii_case(credential))
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*head), rest))
}

fn split_terminated(data: &[u8], len: u32) -> Result<(&[u8], &[u8]), HeaderMapError> {
    let len = usize::try_from(len).map_err(|_| HeaderMapError::Truncated)?;
    let (text, rest) = data.split_at_checked(len).ok_or(HeaderMapError::Truncated)?;
    match rest.split_first() {
        Some((0, rest)) => Ok((text, rest)),
        Some(_) => Err(HeaderMapError::Terminator),
        None => Err(HeaderMapError::Truncated),
    }
}

/// An owned header map, for callers that are not Envoy.
///
/// # Example
///
/// ```
/// use palisade_gateway::HeaderBuffer;
/// let headers = HeaderBuffer::from_pairs([(":method", "GET"), (":path", "/")]);
/// assert_eq!(headers.as_map().iter().count(), 2);
/// ```
#[derive(Clone, Debug, Default)]
pub struct HeaderBuffer {
    lengths: Vec<u8>,
    data: Vec<u8>,
    has_reserved: bool,
}

impl HeaderBuffer {
    /// Lays out name and value pairs, in order. Pairs of 4 GiB or more are left out; no caller has them.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut buffer = Self::default();
        for (name, value) in pairs {
            buffer.push(name.as_ref(), value.as_ref());
        }
        buffer
    }

    /// Adds one header at the end.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        let (Ok(name_len), Ok(value_len)) = (u32::try_from(name.len()), u32::try_from(value.len())) else {
            return;
        };
        self.has_reserved |= is_reserved(name);
        self.lengths.extend_from_slice(&name_len.to_le_bytes());
        self.lengths.extend_from_slice(&value_len.to_le_bytes());
        for text in [name, value] {
            self.data.extend_from_slice(text);
            self.data.push(0);
        }
    }

    /// The map to read from.
    #[must_use]
    pub fn as_map(&self) -> HeaderMap<'_> {
        HeaderMap { lengths: &self.lengths, data: &self.data, has_reserved: self.has_reserved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serialise(pairs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = u32::try_from(pairs.len()).unwrap().to_le_bytes().to_vec();
        for (name, value) in pairs {
            bytes.extend_from_slice(&u32::try_from(name.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(&u32::try_from(value.len()).unwrap().to_le_bytes());
        }
        for (name, value) in pairs {
            bytes.extend_from_slice(name);
            bytes.push(0);
            bytes.extend_from_slice(value);
            bytes.push(0);
        }
        bytes
    }

    #[test]
    fn reads_what_envoy_writes() {
        let bytes = serialise(&[(b":path", b"/"), (b"x-mode", b"\xff\xfe"), (b"e", b"")]);
        let map = HeaderMap::parse(&bytes).unwrap();
        let all: Vec<_> = map.iter().map(|h| (h.name, h.value)).collect();
        assert_eq!(all, [(&b":path"[..], &b"/"[..]), (b"x-mode", b"\xff\xfe"), (b"e", b"")]);
        assert_eq!(map.values("X-MODE").collect::<Vec<_>>(), [b"\xff\xfe"]);
        assert!(HeaderMap::parse(&[0, 0, 0, 0]).is_ok());
    }

    #[test]
    fn refuses_every_truncation_and_any_leftover() {
        let bytes = serialise(&[(b"a", b"1"), (b"bb", b"22")]);
        for end in 0..bytes.len() {
            assert!(HeaderMap::parse(&bytes[..end]).is_err(), "cut at {end}");
            assert!(KeptHeaders::parse(&bytes[..end]).is_err(), "cut at {end}");
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(HeaderMap::parse(&longer).unwrap_err(), HeaderMapError::Leftover);
        assert_eq!(KeptHeaders::parse(&longer[..]).unwrap_err(), HeaderMapError::Leftover);
        let mut unterminated = bytes;
        *unterminated.last_mut().unwrap() = b'x';
        assert_eq!(HeaderMap::parse(&unterminated).unwrap_err(), HeaderMapError::Terminator);
        assert_eq!(KeptHeaders::parse(&unterminated[..]).unwrap_err(), HeaderMapError::Terminator);
    }

    #[test]
    fn what_is_kept_reads_as_it_did() {
        let maps: [&[(&[u8], &[u8])]; 4] = [
            &[],
            &[(b"", b"")],
            &[(b":path", b"/"), (b"x-mode", b"\xff\xfe"), (b"e", b"")],
            &[(b"a", b"1"), (b"X-Palisade-Principal", b"me"), (b"a", &[0; 300])],
        ];
        for pairs in maps {
            let bytes = serialise(pairs);
            let kept = KeptHeaders::parse(&bytes[..]).unwrap();
            for _ in 0..2 {
                let (map, first) = (kept.as_map(), HeaderMap::parse(&bytes).unwrap());
                assert_eq!(map.iter().map(|header| (header.name, header.value)).collect::<Vec<_>>(), pairs);
                assert_eq!(map.reserved().collect::<Vec<_>>(), first.reserved().collect::<Vec<_>>());
                assert_eq!((map.lengths, map.data), (first.lengths, first.data));
            }
        }
    }

    #[test]
    fn refuses_counts_and_lengths_that_overflow() {
        for count in [1u32, u32::MAX, u32::MAX / 8] {
            assert!(HeaderMap::parse(&count.to_le_bytes()).is_err());
        }
        let mut bytes = serialise(&[(b"a", b"1")]);
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(HeaderMap::parse(&bytes).unwrap_err(), HeaderMapError::Truncated);
    }

    #[test]
    fn finds_reserved_names_in_any_case() {
        let pairs: [(&[u8], &[u8]); 4] =
            [(b"X-Palisade-Principal", b"a"), (b"x-palisade-", b"b"), (b"x-palisad", b"c"), (b"y-x-palisade-a", b"d")];
        let (buffer, bytes) = (HeaderBuffer::from_pairs(pairs), serialise(&pairs));
        for map in [buffer.as_map(), HeaderMap::parse(&bytes).unwrap()] {
            let names: Vec<_> = map.reserved().collect();
            assert_eq!(names, [&b"X-Palisade-Principal"[..], b"x-palisade-"]);
        }
        // The only one, wherever it stands.
        for place in 0..3 {
            let mut pairs: Vec<(&[u8], &[u8])> = vec![(b"x-request-id", b""), (b":path", b"/")];
            pairs.insert(place, (b"x-pALISADE-decision", b""));
            let bytes = serialise(&pairs);
            assert_eq!(HeaderMap::parse(&bytes).unwrap().reserved().count(), 1, "{place}");
        }
        assert_eq!(HeaderBuffer::from_pairs([("x-palisad", "c")]).as_map().reserved().count(), 0);
    }

    #[test]
    fn what_parsed_reads_to_its_end() {
        // Names and values that look like lengths and terminators.
        let pairs: [(&[u8], &[u8]); 4] = [(b"", b""), (&[0; 9], &[1, 0, 0, 0]), (b"a", b""), (b"", &[0])];
        let bytes = serialise(&pairs);
        let map = HeaderMap::parse(&bytes).unwrap();
        assert_eq!(map.iter().map(|header| (header.name, header.value)).collect::<Vec<_>>(), pairs);
    }
}
