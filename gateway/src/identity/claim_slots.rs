//! The claims that routes read, worked out once per token instead of once per request.

use super::datum::{Datum, ReadFault};
use crate::limits;
use crate::section::{AttributeType, SectionError, SectionErrorKind};
use crate::token::TokenClaims;

/// Every distinct (claim, type) that the routes of a bundle read.
#[derive(Debug, Default)]
pub(crate) struct ClaimSlots {
    slots: Vec<ClaimSlot>,
}

/// What the routes of a bundle read from the tokens of a request.
#[derive(Debug, Default)]
pub(crate) struct RouteSlots {
    /// From the caller's token.
    pub(crate) token: ClaimSlots,
    /// From the transaction token.
    pub(crate) transaction: ClaimSlots,
}

#[derive(Debug, PartialEq, Eq)]
struct ClaimSlot {
    path: Vec<String>,
    attribute_type: AttributeType,
}

/// One slot of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotIndex(usize);

/// What a token has in a slot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClaimValue {
    /// The claim is not there.
    Absent,
    /// The claim is there and is not of the type. A route that reads it denies.
    Faulty(ReadFault),
    /// The value.
    Value(Datum),
}

impl ClaimValue {
    /// Roughly the bytes this takes.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Absent | Self::Faulty(_) => size_of::<Self>(),
            Self::Value(datum) => datum.weight(),
        }
    }
}

impl ClaimSlots {
    /// The slot of a claim and a type; a new one where there is none yet.
    pub(crate) fn slot(&mut self, path: &[String], attribute_type: &AttributeType) -> Result<SlotIndex, SectionError> {
        let slot = ClaimSlot { path: path.to_vec(), attribute_type: attribute_type.clone() };
        if let Some(index) = self.slots.iter().position(|known| *known == slot) {
            return Ok(SlotIndex(index));
        }
        if self.slots.len() == limits::CLAIM_SLOTS {
            return Err(SectionError::new(SectionErrorKind::Limit, "claims read by routes"));
        }
        self.slots.push(slot);
        Ok(SlotIndex(self.slots.len() - 1))
    }

    /// What the claims of a token have in each slot.
    pub(crate) fn read(&self, claims: &TokenClaims) -> Vec<ClaimValue> {
        let read = |slot: &ClaimSlot| match claims.datum(&slot.path, &slot.attribute_type) {
            None => ClaimValue::Absent,
            Some(Ok(datum)) => ClaimValue::Value(datum),
            Some(Err(fault)) => ClaimValue::Faulty(fault),
        };
        self.slots.iter().map(read).collect()
    }
}

impl SlotIndex {
    /// What a token has in this slot. A slot that the token was not read for counts as absent.
    pub(crate) fn of(self, values: &[ClaimValue]) -> &ClaimValue {
        values.get(self.0).unwrap_or(&ClaimValue::Absent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_slots_are_one_and_values_keep_their_faults() {
        let mut slots = ClaimSlots::default();
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let a = slots.slot(&path("task.id"), &AttributeType::String).unwrap();
        let b = slots.slot(&path("task.id"), &AttributeType::Long).unwrap();
        let c = slots.slot(&path("nope"), &AttributeType::Long).unwrap();
        assert_eq!(slots.slot(&path("task.id"), &AttributeType::String).unwrap(), a);
        let claims = TokenClaims::for_test(r#"{"task":{"id":"t1"}}"#);
        let values = slots.read(&claims);
        assert_eq!(a.of(&values), &ClaimValue::Value(Datum::Text("t1".to_owned())));
        assert_eq!(b.of(&values), &ClaimValue::Faulty(ReadFault::Type));
        assert_eq!(c.of(&values), &ClaimValue::Absent);
        for n in 0..limits::CLAIM_SLOTS {
            let _ = slots.slot(&path(&format!("x{n}")), &AttributeType::Bool);
        }
        let error = slots.slot(&path("one-too-many"), &AttributeType::Bool).unwrap_err();
        assert_eq!(error.kind(), SectionErrorKind::Limit);
    }
}
