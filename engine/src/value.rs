//! The values that policies compute with.

use crate::ids::{AggregateId, EntityId, IpId, StringId};

/// A Cedar value, as a small handle that is valid for one request.
///
/// Strings and entities are interned, so two of them are equal exactly when their ids are. Sets and records live in
/// the policy set or in the request's arena; sets are kept sorted and free of duplicates, which makes equality of two
/// sets the equality of their elements in order.
///
/// The tag is as wide as the payload, so that a value moves as two words. With a narrow tag the payload of ids starts
/// elsewhere than that of integers, and every move is a handful of overlapping pieces that the next load waits for.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum Value {
    /// A boolean.
    Bool(bool),
    /// A 64-bit signed integer.
    Long(i64),
    /// A string.
    String(StringId),
    /// An entity uid.
    Entity(EntityId),
    /// A set.
    Set(AggregateId),
    /// A record.
    Record(AggregateId),
    /// A `decimal`, in ten-thousandths.
    Decimal(i64),
    /// A `datetime`, in milliseconds since the Unix epoch.
    Datetime(i64),
    /// A `duration`, in milliseconds.
    Duration(i64),
    /// An `ipaddr`.
    Ip(IpId),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Long(value)
    }
}

impl From<EntityId> for Value {
    fn from(value: EntityId) -> Self {
        Self::Entity(value)
    }
}

impl Value {
    /// The rank of the value's type in the order in which set elements are kept; also its tag in the format.
    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Long(_) => 1,
            Self::String(_) => 2,
            Self::Entity(_) => 3,
            Self::Set(_) => 4,
            Self::Record(_) => 5,
            Self::Decimal(_) => 6,
            Self::Datetime(_) => 7,
            Self::Duration(_) => 8,
            Self::Ip(_) => 9,
        }
    }

    /// Tag and payload of a value as the format writes it.
    #[must_use]
    pub const fn encode(self) -> (u8, u64) {
        let payload = match self {
            Self::Bool(value) => value as u64,
            Self::Long(value) | Self::Decimal(value) | Self::Datetime(value) | Self::Duration(value) => {
                value.cast_unsigned()
            }
            Self::String(id) => id.get() as u64,
            Self::Entity(id) => id.get() as u64,
            Self::Set(id) | Self::Record(id) => id.get() as u64,
            Self::Ip(id) => id.get() as u64,
        };
        (self.tag(), payload)
    }

    /// The value that `tag` and `payload` encode; `None` where they encode none. Ids are not checked here.
    #[must_use]
    pub fn decode(tag: u8, payload: u64) -> Option<Self> {
        let id = u32::try_from(payload).ok();
        Some(match tag {
            0 if payload <= 1 => Self::Bool(payload == 1),
            1 => Self::Long(payload.cast_signed()),
            2 => Self::String(StringId::new(id?)),
            3 => Self::Entity(EntityId::new(id?)),
            4 => Self::Set(AggregateId::new(id?)),
            5 => Self::Record(AggregateId::new(id?)),
            6 => Self::Decimal(payload.cast_signed()),
            7 => Self::Datetime(payload.cast_signed()),
            8 => Self::Duration(payload.cast_signed()),
            9 => Self::Ip(IpId::new(id?)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encoding_is_undone_by_decoding() {
        for value in [Value::Bool(true), Value::Long(i64::MIN), Value::Decimal(-1), Value::Ip(IpId::new(7))] {
            let (tag, payload) = value.encode();
            let back = Value::decode(tag, payload).map(Value::encode);
            assert_eq!(back, Some((tag, payload)));
        }
    }

    #[test]
    fn what_encodes_nothing_is_refused() {
        assert!(Value::decode(0, 2).is_none());
        assert!(Value::decode(2, u64::from(u32::MAX) + 1).is_none());
        assert!(Value::decode(10, 0).is_none());
    }
}
