//! A list: a number for each token, some bits wide (draft-ietf-oauth-status-list-21 §4).

/// What an issuer says of its tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct StatusList {
    /// 1, 2, 4 or 8.
    pub(super) bits: u8,
    pub(super) bytes: Vec<u8>,
    /// `iat`, in milliseconds since the Unix epoch.
    pub(super) issued_ms: u64,
    /// `exp`, with the clock skew that the issuer is granted; the end of time where there is none.
    pub(super) end_ms: u64,
    pub(super) ttl_ms: Option<u64>,
}

/// What a list says of one token (§7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// 0
    Valid,
    /// 1: revoked for good.
    Invalid,
    /// 2: revoked for now.
    Suspended,
    /// 3, and 12 to 15: what it means is between issuer and application.
    Application(u8),
    /// A number that nobody has given a meaning.
    Reserved(u8),
}

impl StatusList {
    /// The status at an index; `None` beyond the end.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<TokenStatus> {
        let per_byte = u64::from(8_u8.checked_div(self.bits)?);
        let byte = self.bytes.get(usize::try_from(index.checked_div(per_byte)?).ok()?)?;
        let place = u8::try_from(index.checked_rem(per_byte)?).ok()?;
        // The lowest bits of a byte come first.
        let shift = place.checked_mul(self.bits)?;
        let mask = u8::MAX.checked_shr(u32::from(8_u8.checked_sub(self.bits)?))?;
        Some(TokenStatus::of(byte.checked_shr(u32::from(shift))? & mask))
    }

    /// How many places it has.
    #[must_use]
    pub fn entries(&self) -> u64 {
        let per_byte = 8_u8.checked_div(self.bits).unwrap_or_default();
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX).saturating_mul(u64::from(per_byte))
    }

    pub(super) fn end_ms(&self) -> u64 {
        self.end_ms
    }

    pub(super) fn ttl_ms(&self) -> Option<u64> {
        self.ttl_ms
    }
}

/// Millions of statuses are of no use to anybody.
impl std::fmt::Debug for StatusList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusList").field("bits", &self.bits).field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl TokenStatus {
    fn of(value: u8) -> Self {
        match value {
            0 => Self::Valid,
            1 => Self::Invalid,
            2 => Self::Suspended,
            3 | 0x0c..=0x0f => Self::Application(value),
            _ => Self::Reserved(value),
        }
    }

    /// The number in the list.
    #[must_use]
    pub fn value(self) -> u8 {
        match self {
            Self::Valid => 0,
            Self::Invalid => 1,
            Self::Suspended => 2,
            Self::Application(value) | Self::Reserved(value) => value,
        }
    }

    /// Its name, in lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Suspended => "suspended",
            Self::Application(_) => "application",
            Self::Reserved(_) => "reserved",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(bits: u8, bytes: &[u8]) -> StatusList {
        StatusList { bits, bytes: bytes.to_vec(), issued_ms: 0, end_ms: u64::MAX, ttl_ms: None }
    }

    fn values(list: &StatusList) -> Vec<u8> {
        (0..list.entries()).map(|index| list.get(index).unwrap().value()).collect()
    }

    #[test]
    fn the_lowest_bits_come_first() {
        // §4.1 and §4.2 have these bytes.
        let one = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
        assert_eq!(values(&list(1, &[0xb9, 0xa3])), one);
        assert_eq!(values(&list(2, &[0xc9, 0x44, 0xf9])), [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]);
        assert_eq!(values(&list(4, &[0x21, 0xf0])), [1, 2, 0, 15]);
        assert_eq!(values(&list(8, &[0, 1, 2, 255])), [0, 1, 2, 255]);
    }

    #[test]
    fn beyond_the_end_there_is_nothing() {
        for (bits, entries) in [(1, 16), (2, 8), (4, 4), (8, 2)] {
            let list = list(bits, &[0, 0]);
            assert_eq!(list.entries(), entries);
            assert_eq!(list.get(entries - 1), Some(TokenStatus::Valid));
            for index in [entries, entries + 1, u64::from(u32::MAX), 1 << 35, u64::MAX - 1, u64::MAX] {
                assert_eq!(list.get(index), None, "{bits} {index}");
            }
        }
        assert_eq!(list(1, &[]).get(0), None);
    }

    #[test]
    fn numbers_have_meanings() {
        let all: Vec<u8> = (0..=255).collect();
        let list = list(8, &all);
        for value in 0..=255_u8 {
            let status = list.get(u64::from(value)).unwrap();
            let expected = match value {
                0 => "valid",
                1 => "invalid",
                2 => "suspended",
                3 | 12 | 13 | 14 | 15 => "application",
                _ => "reserved",
            };
            assert_eq!((status.name(), status.value()), (expected, value));
        }
    }
}
