//! How a request ended, in a record.

use palisade_engine::Effect;

use super::push_number;
use crate::outcome::Outcome;

/// Writes endings. Requests end in the same way one after the other, nearly always, so the text is made when one ends in another.
#[derive(Debug, Default)]
pub(super) struct EndingText {
    ending: Option<(Outcome, u16, Option<Effect>)>,
    text: String,
}

impl EndingText {
    /// The members from `effect` to `decision`, with a comma before each.
    pub(super) fn of(&mut self, outcome: Outcome, status: u16, effect: Option<Effect>) -> &str {
        let ending = Some((outcome, status, effect));
        if self.ending != ending {
            self.ending = ending;
            self.text.clear();
            push(&mut self.text, outcome, status, effect);
        }
        &self.text
    }
}

fn push(out: &mut String, outcome: Outcome, status: u16, effect: Option<Effect>) {
    out.push_str(",\"effect\":\"");
    out.push_str(outcome.effect());
    out.push_str("\",\"reason\":\"");
    out.push_str(outcome.disposition().reason);
    out.push_str("\",\"status\":");
    push_number(out, u64::from(status));
    out.push_str(",\"decision\":");
    out.push_str(match effect {
        None => "null",
        Some(Effect::Allow) => "\"allow\"",
        Some(Effect::Deny) => "\"deny\"",
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ending_has_its_own_text_whatever_came_before() {
        let endings = [
            (Outcome::Allowed, 200, Some(Effect::Allow), "allow", "policy.allow", r#""allow""#),
            (Outcome::Allowed, 503, Some(Effect::Allow), "allow", "policy.allow", r#""allow""#),
            (Outcome::ForbidError, 403, Some(Effect::Allow), "deny", "policy.forbid_error", r#""allow""#),
            (Outcome::Denied, 403, Some(Effect::Deny), "deny", "policy.deny", r#""deny""#),
            (Outcome::Denied, 403, None, "deny", "policy.deny", "null"),
            (Outcome::Public, 200, None, "allow", "card.public", "null"),
        ];
        let mut writer = EndingText::default();
        for first in &endings {
            for (outcome, status, effect, word, reason, decision) in [first, first].into_iter().chain(&endings) {
                let expected =
                    format!(r#","effect":"{word}","reason":"{reason}","status":{status},"decision":{decision}"#);
                assert_eq!(writer.of(*outcome, *status, *effect), expected);
            }
        }
    }
}
