//! A value for one place that gives the wanted answers to all that was asked of it.

use crate::machine::{Halt, INTERNAL, Machine};
use crate::unknown::{Kind, PlaceId, Unknown};
use crate::value::Value;

use super::attempt::{Attempt, RECORD};
use super::text::find_text;
use super::trail::Test;
use super::values::{all, conforms, holds, is_simple, nth};

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum Solution {
    /// This answers everything as wanted; `None`: that there is no value.
    Found(Option<Value>),
    /// Nothing does.
    Nothing,
    /// Nobody knows: the search would be too large.
    TooHard,
}

impl From<Option<Value>> for Solution {
    fn from(found: Option<Value>) -> Self {
        found.map_or(Self::Nothing, |value| Self::Found(Some(value)))
    }
}

/// A test and the answer that is wanted.
pub(super) type Wish = (Test, bool);

/// The wishes for one place, and room for a text that may fulfil them.
#[derive(Default)]
pub(super) struct Room {
    pub(super) wishes: Vec<Wish>,
    pub(super) text: String,
}

/// Looks for a value at a place that fulfils all wishes.
pub(super) fn solve(
    machine: &mut Machine<'_>,
    unknown: &Unknown,
    attempt: &mut Attempt,
    place: PlaceId,
    Room { wishes, text }: &mut Room,
) -> Result<Solution, Halt> {
    let wishes = wishes.as_slice();
    let kind = unknown.kind(place).ok_or(INTERNAL)?;
    if wishes.iter().any(|(test, wanted)| matches!(test, Test::Present) && !wanted) {
        return Ok(if fulfils(machine, wishes, None)? { Solution::Found(None) } else { Solution::Nothing });
    }
    // A value that is named leaves no choice.
    for (test, wanted) in wishes {
        match *test {
            Test::Equal(value) if *wanted => {
                return Ok(keep(machine, wishes, value)?.into());
            }
            Test::Among(set) if *wanted => {
                for at in 0..machine.data().elements_of(set).len() {
                    let element = *machine.data().elements_of(set).get(at).ok_or(INTERNAL)?;
                    if conforms(machine.data(), unknown, kind, element)
                        && let Some(found) = keep(machine, wishes, element)?
                    {
                        return Ok(Solution::Found(Some(found)));
                    }
                }
                return Ok(Solution::Nothing);
            }
            _ => {}
        }
    }
    match kind {
        Kind::Record(_) => Ok(keep(machine, wishes, RECORD)?.into()),
        Kind::Set => find_set(machine, unknown, attempt, place, wishes),
        Kind::String if wishes.iter().any(|(test, _)| matches!(test, Test::Like(_))) => {
            find_text(machine, wishes, text)
        }
        _ => {
            let (mut low, mut high) = all(kind).into_inner();
            for (test, wanted) in wishes {
                match (*test, *wanted) {
                    (Test::AtMost(limit), true) => high = high.min(limit),
                    (Test::AtMost(limit), false) => match limit.checked_add(1) {
                        Some(least) => low = low.max(least),
                        None => return Ok(Solution::Nothing),
                    },
                    _ => {}
                }
            }
            // What is left are values that must not be: one of finitely many others will do.
            for n in 0..u32::MAX {
                let Some(value) = nth(machine, unknown, kind, &(low..=high), n)? else { break };
                if fulfils(machine, wishes, Some(value))? {
                    return Ok(Solution::Found(Some(value)));
                }
            }
            Ok(Solution::Nothing)
        }
    }
}

/// Whether a value, or that there is none, fulfils all wishes.
pub(super) fn fulfils(machine: &mut Machine<'_>, wishes: &[Wish], value: Option<Value>) -> Result<bool, Halt> {
    for (test, wanted) in wishes {
        if holds(machine, value, *test)? != *wanted {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The value, if it fulfils all wishes.
fn keep(machine: &mut Machine<'_>, wishes: &[Wish], value: Value) -> Result<Option<Value>, Halt> {
    Ok(if fulfils(machine, wishes, Some(value))? { Some(value) } else { None })
}

/// A set has what it is to contain. If that is nothing and it is not to be empty, some other element.
fn find_set(
    machine: &mut Machine<'_>,
    unknown: &Unknown,
    attempt: &mut Attempt,
    place: PlaceId,
    wishes: &[Wish],
) -> Result<Solution, Halt> {
    let mut elements: Vec<Value> = Vec::new();
    for (test, wanted) in wishes {
        if let (Test::Contains(element), true) = (*test, *wanted) {
            elements.push(element);
        }
    }
    let is_settled = !elements.is_empty() || wishes.iter().any(|(test, wanted)| matches!(test, Test::Empty) && *wanted);
    let set = machine.make_set(&mut elements)?;
    if fulfils(machine, wishes, Some(set))? {
        return Ok(Solution::Found(Some(set)));
    }
    if is_settled {
        return Ok(Solution::Nothing);
    }
    let element = PlaceId::new(place.get() + 1);
    let kind = unknown.kind(element).ok_or(INTERNAL)?;
    if !is_simple(kind) {
        // Of these, no element is asked for by name.
        let whole = attempt.whole(machine, unknown, element)?;
        let set = machine.make_set(&mut [whole])?;
        return Ok(keep(machine, wishes, set)?.into());
    }
    for n in 0..u32::MAX {
        let Some(value) = nth(machine, unknown, kind, &all(kind), n)? else { break };
        let set = machine.make_set(&mut [value])?;
        if fulfils(machine, wishes, Some(set))? {
            return Ok(Solution::Found(Some(set)));
        }
    }
    Ok(Solution::Nothing)
}
