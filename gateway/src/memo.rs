//! What policies said about a caller before. The same question has the same answer, and need not be asked again.
//!
//! An answer depends on the bundle, on the identity, and on what a request adds to them. A memo lies with an identity in the cache
//! of verified tokens, which lies with a bundle, so it is gone as soon as either is another. All that a request adds is written
//! down as one text, the question (`HttpTarget::write_question`), and compared as a whole. A question that has no
//! such text, because it is about the time or a message, is asked each time.
//!
//! Only answers that let a request through are kept, and only of a token that was known before: many are used once. What is looked
//! at besides policies, such as what is revoked, who proves what, or which scopes a route wants, is no part of the answer, and
//! looked at each time.

use palisade_engine::PolicyIndex;

use crate::limits;
use crate::record::{self, Facts};

/// The answers about one identity.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    answers: Vec<Answer>,
    /// The place of the next answer once there are as many as may be.
    next: usize,
}

/// That a request may go on, and why.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    question: Vec<u8>,
    pub(crate) reasons: Vec<PolicyIndex>,
    pub(crate) errors: Vec<PolicyIndex>,
    /// The resource as Cedar writes it.
    pub(crate) resource: String,
    /// What records say of it.
    pub(crate) text: String,
}

impl Memo {
    /// Where the answer to a question is.
    pub(crate) fn find(&self, question: &[u8]) -> Option<usize> {
        self.answers.iter().position(|answer| answer.question == question)
    }

    /// The answer at a place.
    pub(crate) fn get(&self, at: usize) -> Option<&Answer> {
        self.answers.get(at)
    }

    /// Keeps the answer that `facts` have, in the place of the oldest one if need be. `None` where it is too large.
    pub(crate) fn learn(&mut self, question: &[u8], facts: &Facts<'_>) -> Option<&Answer> {
        let mut at = self.answers.len();
        if at < limits::MEMO_ANSWERS {
            self.answers.push(Answer::default());
        } else {
            at = self.next;
            self.next = (at + 1) % limits::MEMO_ANSWERS;
        }
        let answer = self.answers.get_mut(at)?;
        answer.fill(question, facts);
        if answer.weight() > limits::MEMO_ANSWER_BYTES {
            self.answers.swap_remove(at);
            return None;
        }
        self.answers.get(at)
    }
}

impl Answer {
    /// Takes the place of another answer, in its buffers.
    fn fill(&mut self, question: &[u8], facts: &Facts<'_>) {
        let Self { question: kept, reasons, errors, resource, text } = self;
        kept.clear();
        kept.extend_from_slice(question);
        reasons.clear();
        reasons.extend_from_slice(facts.policies.indices());
        errors.clear();
        errors.extend_from_slice(facts.errors.indices());
        resource.clear();
        resource.push_str(facts.resource.unwrap_or_default());
        text.clear();
        record::push_answer(text, facts);
    }

    /// The bytes this takes.
    fn weight(&self) -> usize {
        let Self { question, reasons, errors, resource, text } = self;
        question.len() + (reasons.len() + errors.len()) * size_of::<PolicyIndex>() + resource.len() + text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learn(memo: &mut Memo, question: &str, resource: &str) -> bool {
        let facts = Facts { resource: Some(resource), ..Facts::default() };
        memo.learn(question.as_bytes(), &facts).is_some_and(|answer| answer.resource == resource)
    }

    fn resource<'m>(memo: &'m Memo, question: &str) -> Option<&'m str> {
        memo.get(memo.find(question.as_bytes())?).map(|answer| answer.resource.as_str())
    }

    #[test]
    fn an_answer_is_that_of_its_question() {
        let mut memo = Memo::default();
        assert_eq!(memo.find(b""), None);
        for question in ["a", "b", "ab"] {
            assert!(learn(&mut memo, question, &format!("R::\"{question}\"")));
        }
        for question in ["a", "b", "ab"] {
            let expected = format!("R::\"{question}\"");
            assert_eq!(resource(&memo, question), Some(expected.as_str()));
            let answer = memo.get(memo.find(question.as_bytes()).unwrap()).unwrap();
            assert!(answer.text.contains(&expected.replace('"', "\\\"")), "{}", answer.text);
        }
        for question in ["", "c", "aa", "abc", "A"] {
            assert_eq!(resource(&memo, question), None, "{question}");
        }
    }

    #[test]
    fn the_oldest_makes_room_and_leaves_nothing_behind() {
        let mut memo = Memo::default();
        for number in 0..3 * limits::MEMO_ANSWERS {
            // Each is shorter than the one before, whose buffers it gets.
            assert!(learn(&mut memo, &format!("question {number}"), &"r".repeat(200 - number)));
        }
        assert_eq!(memo.answers.len(), limits::MEMO_ANSWERS);
        for number in 0..3 * limits::MEMO_ANSWERS {
            let kept = (number >= 2 * limits::MEMO_ANSWERS).then(|| "r".repeat(200 - number));
            assert_eq!(resource(&memo, &format!("question {number}")), kept.as_deref(), "{number}");
        }
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let mut memo = Memo::default();
        let large = "x".repeat(limits::MEMO_ANSWER_BYTES);
        assert!(!learn(&mut memo, &large, ""));
        assert!(!learn(&mut memo, "large", &large));
        assert_eq!((memo.find(large.as_bytes()), memo.find(b"large")), (None, None));
        assert!(learn(&mut memo, "small", "r"));
    }
}
