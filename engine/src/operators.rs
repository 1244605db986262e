//! Operators whose operands are no larger than a word or an address.

use crate::compare::Compare;
use crate::extension::{IpNetwork, to_date, to_time};
use crate::machine::{Data, Halt};
use crate::opcode::Opcode;
use crate::value::Value;

/// Milliseconds in a second, minute, hour and day.
const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Applies a unary operator; a wrong type or an overflow is Cedar's evaluation error.
pub(crate) fn unary(operator: Opcode, operand: Value, data: Data<'_>) -> Result<Value, Halt> {
    let address = |test: fn(IpNetwork) -> bool| match operand {
        Value::Ip(id) => data.address(id).map(|network| Value::Bool(test(network))),
        _ => None,
    };
    let in_units_of = |unit: i64| match operand {
        Value::Duration(milliseconds) => milliseconds.checked_div(unit).map(Value::Long),
        _ => None,
    };
    let result = match (operator, operand) {
        (Opcode::Negate, Value::Long(value)) => value.checked_neg().map(Value::Long),
        (Opcode::IsIpv4, _) => address(IpNetwork::is_ipv4),
        (Opcode::IsIpv6, _) => address(|network| !network.is_ipv4()),
        (Opcode::IsLoopback, _) => address(IpNetwork::is_loopback),
        (Opcode::IsMulticast, _) => address(IpNetwork::is_multicast),
        (Opcode::ToDate, Value::Datetime(instant)) => to_date(instant).map(Value::Datetime),
        (Opcode::ToTime, Value::Datetime(instant)) => Some(Value::Duration(to_time(instant))),
        (Opcode::ToMilliseconds, _) => in_units_of(1),
        (Opcode::ToSeconds, _) => in_units_of(SECOND),
        (Opcode::ToMinutes, _) => in_units_of(MINUTE),
        (Opcode::ToHours, _) => in_units_of(HOUR),
        (Opcode::ToDays, _) => in_units_of(DAY),
        _ => None,
    };
    result.ok_or(Halt::Erred)
}

/// Applies a binary operator; a wrong type or an overflow is Cedar's evaluation error.
pub(crate) fn binary(operator: Opcode, a: Value, b: Value, data: Data<'_>) -> Result<Value, Halt> {
    let result = match (operator, a, b) {
        (Opcode::Add, Value::Long(a), Value::Long(b)) => a.checked_add(b).map(Value::Long),
        (Opcode::Subtract, Value::Long(a), Value::Long(b)) => a.checked_sub(b).map(Value::Long),
        (Opcode::Multiply, Value::Long(a), Value::Long(b)) => a.checked_mul(b).map(Value::Long),
        (Opcode::DecimalLess, Value::Decimal(a), Value::Decimal(b)) => Some(Value::Bool(a < b)),
        (Opcode::DecimalLessOrEqual, Value::Decimal(a), Value::Decimal(b)) => Some(Value::Bool(a <= b)),
        (Opcode::DecimalGreater, Value::Decimal(a), Value::Decimal(b)) => Some(Value::Bool(a > b)),
        (Opcode::DecimalGreaterOrEqual, Value::Decimal(a), Value::Decimal(b)) => Some(Value::Bool(a >= b)),
        (Opcode::IsInRange, Value::Ip(a), Value::Ip(b)) => {
            data.address(a).zip(data.address(b)).map(|(a, b)| Value::Bool(a.is_in_range(b)))
        }
        (Opcode::Offset, Value::Datetime(a), Value::Duration(b)) => a.checked_add(b).map(Value::Datetime),
        (Opcode::DurationSince, Value::Datetime(a), Value::Datetime(b)) => a.checked_sub(b).map(Value::Duration),
        _ => None,
    };
    result.ok_or(Halt::Erred)
}

/// Applies [`Opcode::Less`] or [`Opcode::LessOrEqual`].
#[inline]
pub(crate) fn order(operator: Opcode, a: Value, b: Value) -> Result<Value, Halt> {
    match ordered(a, b) {
        Some((a, b)) => Ok(Value::Bool(a < b || (a == b && operator == Opcode::LessOrEqual))),
        None => Err(Halt::Erred),
    }
}

/// The operands of `<` and `<=`: two values of one of the types that Cedar orders.
const fn ordered(a: Value, b: Value) -> Option<(i64, i64)> {
    match (a, b) {
        (Value::Long(a), Value::Long(b))
        | (Value::Datetime(a), Value::Datetime(b))
        | (Value::Duration(a), Value::Duration(b)) => Some((a, b)),
        _ => None,
    }
}
