//! The values of a type: which belong to it, what a test says of one, and one after the other.

use core::fmt::Write as _;
use core::net::{IpAddr, Ipv4Addr};
use core::ops::RangeInclusive;

use crate::arena::small;
use crate::extension::{DATETIMES, IpNetwork};
use crate::ids::{EntityId, IpId};
use crate::like;
use crate::machine::{Data, Halt, INTERNAL, Machine};
use crate::unknown::{Kind, PlaceId, Unknown};
use crate::value::Value;

use super::attempt::{RECORD, checked, intern};
use super::trail::Test;

/// Whether a value is of the type at a place, as far as that is told from the value itself.
pub(super) fn conforms(data: Data<'_>, unknown: &Unknown, kind: &Kind, value: Value) -> bool {
    match (kind, value) {
        (Kind::Bool, Value::Bool(_))
        | (Kind::Long, Value::Long(_))
        | (Kind::String, Value::String(_))
        | (Kind::Decimal, Value::Decimal(_))
        | (Kind::Duration, Value::Duration(_))
        | (Kind::Ip, Value::Ip(_)) => true,
        (Kind::Datetime, Value::Datetime(instant)) => DATETIMES.contains(&instant),
        (Kind::Entity(number), Value::Entity(entity)) => {
            let name = unknown.entity_type(*number).map(|name| &*name.text);
            let known = data.type_name(entity).and_then(|name| data.string(name));
            name.is_some() && name == known
        }
        _ => false,
    }
}

/// Whether values of this kind are compared as a whole by what [`Test`] asks.
pub(super) const fn is_simple(kind: &Kind) -> bool {
    !matches!(kind, Kind::Set | Kind::Record(_))
}

/// The number by which values of a type are ordered.
pub(super) const fn number(value: Value) -> Option<i64> {
    match value {
        Value::Long(number) | Value::Decimal(number) | Value::Datetime(number) | Value::Duration(number) => {
            Some(number)
        }
        _ => None,
    }
}

/// What a test says of a value, or of there being none. Tests are made for values of the type that stands at the place.
pub(super) fn holds(machine: &mut Machine<'_>, value: Option<Value>, test: Test) -> Result<bool, Halt> {
    machine.charge(1)?;
    let Some(value) = value else { return Ok(false) };
    match (test, value) {
        (Test::Present, _) => Ok(true),
        (Test::Equal(other), _) => machine.equal(value, other),
        (Test::Among(set), _) => machine.contains(set, value),
        (Test::AtMost(limit), _) => number(value).map(|number| number <= limit).ok_or(INTERNAL),
        (Test::Like(pattern), Value::String(text)) => {
            let pattern = machine.set.patterns.pattern(pattern).ok_or(INTERNAL)?;
            let length = machine.data().string(text).ok_or(INTERNAL)?.len();
            machine.charge(length.saturating_mul(pattern.len()))?;
            Ok(like::matches(machine.data().string(text).ok_or(INTERNAL)?, pattern))
        }
        (Test::Contains(element), Value::Set(set)) => machine.contains(set, element),
        (Test::Empty, Value::Set(set)) => Ok(machine.data().elements_of(set).is_empty()),
        (Test::Like(_) | Test::Contains(_) | Test::Empty, _) => Err(INTERNAL),
    }
}

/// A value of which a test is true, where one is at hand.
pub(super) fn suggest(
    machine: &mut Machine<'_>,
    unknown: &Unknown,
    place: PlaceId,
    test: Test,
    text: &mut String,
) -> Result<Option<Value>, Halt> {
    Ok(match test {
        Test::Present => Some(first(machine, unknown, place)?),
        Test::Equal(value) => Some(value),
        Test::Like(pattern) => {
            let pattern = machine.set.patterns.pattern(pattern).ok_or(INTERNAL)?;
            filled(machine, pattern, "", text).map(Some)?
        }
        Test::Among(_) | Test::AtMost(_) | Test::Contains(_) | Test::Empty => None,
    })
}

/// The text that a pattern is with something in the place of its wildcards.
pub(super) fn filled(
    machine: &mut Machine<'_>,
    pattern: &[u32],
    filler: &str,
    text: &mut String,
) -> Result<Value, Halt> {
    machine.charge(pattern.len())?;
    text.clear();
    for element in pattern {
        match char::from_u32(*element) {
            Some(character) => text.push(character),
            None => text.push_str(filler),
        }
    }
    intern(machine, text).map(Value::String)
}

/// What a place has before anything is known of it.
pub(super) fn first(machine: &mut Machine<'_>, unknown: &Unknown, place: PlaceId) -> Result<Value, Halt> {
    let kind = unknown.kind(place).ok_or(INTERNAL)?;
    nth(machine, unknown, kind, &all(kind), 0)?.ok_or(INTERNAL)
}

/// The numbers of a kind whose values are ordered.
pub(super) fn all(kind: &Kind) -> RangeInclusive<i64> {
    if *kind == Kind::Datetime { DATETIMES } else { i64::MIN..=i64::MAX }
}

/// A value for each number from 0 on: another each time, until there is none. Of ordered values, only those in a range.
pub(super) fn nth(
    machine: &mut Machine<'_>,
    unknown: &Unknown,
    kind: &Kind,
    range: &RangeInclusive<i64>,
    n: u32,
) -> Result<Option<Value>, Halt> {
    machine.charge(1)?;
    Ok(Some(match kind {
        Kind::Bool if n < 2 => Value::Bool(n == 1),
        Kind::Bool => return Ok(None),
        Kind::Long | Kind::Decimal | Kind::Datetime | Kind::Duration => {
            let Some(number) = nth_number(range, n) else { return Ok(None) };
            match kind {
                Kind::Long => Value::Long(number),
                Kind::Decimal => Value::Decimal(number),
                Kind::Datetime => Value::Datetime(number),
                _ => Value::Duration(number),
            }
        }
        Kind::String => Value::String(nth_text(n, |text| intern(machine, text))?),
        Kind::Entity(number) => {
            let name = unknown.entity_type(*number).ok_or(INTERNAL)?;
            let type_name = match name.id {
                Some(id) => id,
                None => intern(machine, &name.text)?,
            };
            let id = nth_text(n, |text| intern(machine, text))?;
            let set = machine.set;
            let entity = match set.entities.find(type_name, id) {
                Some(entity) => entity,
                None => EntityId::new(set.entities.len() + machine.arena.intern_entity(type_name, id)),
            };
            checked(machine, Value::Entity(entity))?
        }
        Kind::Ip => {
            let Some(network) = IpNetwork::new(IpAddr::V4(Ipv4Addr::from_bits(n)), 32) else { return Ok(None) };
            let base = machine.set.aggregates.address_count();
            machine.arena.addresses.push(network);
            Value::Ip(IpId::new(base + small(machine.arena.addresses.len() - 1)))
        }
        Kind::Set if n == 0 => machine.make_set(&mut [])?,
        Kind::Record(_) if n == 0 => RECORD,
        Kind::Set | Kind::Record(_) => return Ok(None),
    }))
}

/// Numbers of a range: from the one nearest to 0 upwards, then downwards.
fn nth_number(range: &RangeInclusive<i64>, n: u32) -> Option<i64> {
    let (low, high) = (i128::from(*range.start()), i128::from(*range.end()));
    if low > high {
        return None;
    }
    let start = 0.clamp(low, high);
    let up = start + i128::from(n);
    let number = if up <= high { up } else { start - (up - high) };
    i64::try_from(number).ok().filter(|number| range.contains(number))
}

/// Texts: none, then the digits of each number.
fn nth_text<T>(n: u32, take: impl FnOnce(&str) -> T) -> T {
    let Some(number) = n.checked_sub(1) else { return take("") };
    let mut digits = Digits { bytes: [0; 10], length: 0 };
    // Ten digits are enough for every number.
    let _full = write!(digits, "{number}");
    take(digits.bytes.get(..digits.length).and_then(|bytes| core::str::from_utf8(bytes).ok()).unwrap_or_default())
}

/// Room for the digits of a number.
struct Digits {
    bytes: [u8; 10],
    length: usize,
}

impl core::fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(core::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}
