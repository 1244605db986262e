//! The one order of values: it makes sets canonical, and two values are equal exactly when neither comes first.

use core::cmp::Ordering;

use crate::extension::IpNetwork;
use crate::ids::{AggregateId, IpId, StringId};
use crate::value::Value;

/// Access to the contents of values that are more than a word. Unknown ids have no contents.
pub trait Compare {
    /// A set's elements, ascending.
    fn elements(&self, id: AggregateId) -> &[Value];
    /// A record's fields, ascending by key.
    fn fields(&self, id: AggregateId) -> &[(StringId, Value)];
    /// An address.
    fn address(&self, id: IpId) -> Option<IpNetwork>;
}

/// Orders two values: by type, then by content. Strings and entities go by their ids, which stand for their contents.
#[must_use]
pub fn compare(within: &(impl Compare + ?Sized), a: Value, b: Value) -> Ordering {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(&b),
        (Value::Long(a), Value::Long(b))
        | (Value::Decimal(a), Value::Decimal(b))
        | (Value::Datetime(a), Value::Datetime(b))
        | (Value::Duration(a), Value::Duration(b)) => a.cmp(&b),
        (Value::String(a), Value::String(b)) => a.cmp(&b),
        (Value::Entity(a), Value::Entity(b)) => a.cmp(&b),
        (Value::Set(a), Value::Set(b)) if a == b => Ordering::Equal,
        (Value::Set(a), Value::Set(b)) => {
            let (a, b) = (within.elements(a), within.elements(b));
            let pairs = || a.iter().zip(b).map(|(a, b)| compare(within, *a, *b)).find(|order| order.is_ne());
            a.len().cmp(&b.len()).then_with(|| pairs().unwrap_or(Ordering::Equal))
        }
        (Value::Record(a), Value::Record(b)) if a == b => Ordering::Equal,
        (Value::Record(a), Value::Record(b)) => {
            let (a, b) = (within.fields(a), within.fields(b));
            let field =
                |a: &(StringId, Value), b: &(StringId, Value)| a.0.cmp(&b.0).then_with(|| compare(within, a.1, b.1));
            let pairs = || a.iter().zip(b).map(|(a, b)| field(a, b)).find(|order| order.is_ne());
            a.len().cmp(&b.len()).then_with(|| pairs().unwrap_or(Ordering::Equal))
        }
        (Value::Ip(a), Value::Ip(b)) => within.address(a).cmp(&within.address(b)),
        (
            Value::Bool(_)
            | Value::Long(_)
            | Value::String(_)
            | Value::Entity(_)
            | Value::Set(_)
            | Value::Record(_)
            | Value::Decimal(_)
            | Value::Datetime(_)
            | Value::Duration(_)
            | Value::Ip(_),
            _,
        ) => a.tag().cmp(&b.tag()),
    }
}
