//! A decision as bytes.

use palisade_engine::{DecideError, Decision, Effect, Prospect};

/// What the engine said to one request; policies by their number in the policy set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It decided.
    Decided {
        /// Whether the decision is an allow.
        allow: bool,
        /// The determining policies.
        reasons: Vec<u32>,
        /// The erring policies.
        errors: Vec<u32>,
    },
    /// It told a prospect.
    Prospect(Prospect),
    /// It refused to decide, with this code.
    Refused(String),
}

const DENY: u8 = 0;
const ALLOW: u8 = 1;
const REFUSED: u8 = 2;
const PROSPECT: u8 = 3;
const PROSPECTS: [Prospect; 3] = [Prospect::Possible, Prospect::Impossible, Prospect::Unsettled];

/// Appends the answer: a kind byte, then two counted lists of policies, or the refusal's code.
pub(crate) fn write(decided: Result<Decision<'_>, DecideError>, bytes: &mut Vec<u8>) {
    let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
    match decided {
        Ok(decision) => {
            bytes.push(if decision.effect() == Effect::Allow { ALLOW } else { DENY });
            for list in [decision.reasons(), decision.errors()] {
                bytes.extend(count(list.len()));
                for policy in list {
                    bytes.extend(policy.get().to_le_bytes());
                }
            }
        }
        Err(error) => write_refusal(error, bytes),
    }
}

/// Appends the answer: a kind byte, then which prospect it is, or the refusal's code.
pub(crate) fn write_prospect(prospect: Result<Prospect, DecideError>, bytes: &mut Vec<u8>) {
    match prospect {
        Ok(prospect) => {
            let number = PROSPECTS.iter().position(|known| *known == prospect).and_then(|at| u8::try_from(at).ok());
            bytes.extend([PROSPECT, number.unwrap_or(u8::MAX)]);
        }
        Err(error) => write_refusal(error, bytes),
    }
}

fn write_refusal(error: DecideError, bytes: &mut Vec<u8>) {
    bytes.push(REFUSED);
    bytes.extend(u32::try_from(error.code().len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(error.code().as_bytes());
}

impl Answer {
    /// Reads all answers; `None` where the bytes are none.
    #[must_use]
    pub fn read_all(mut bytes: &[u8]) -> Option<Vec<Self>> {
        let mut answers = Vec::new();
        while let [kind, rest @ ..] = bytes {
            bytes = rest;
            answers.push(match *kind {
                REFUSED => {
                    let length = read_number(&mut bytes)? as usize;
                    let (code, rest) = bytes.split_at_checked(length)?;
                    bytes = rest;
                    Self::Refused(str::from_utf8(code).ok()?.to_owned())
                }
                PROSPECT => {
                    let (number, rest) = bytes.split_first()?;
                    bytes = rest;
                    Self::Prospect(*PROSPECTS.get(usize::from(*number))?)
                }
                DENY | ALLOW => Self::Decided {
                    allow: *kind == ALLOW,
                    reasons: read_list(&mut bytes)?,
                    errors: read_list(&mut bytes)?,
                },
                _ => return None,
            });
        }
        Some(answers)
    }
}

fn read_list(bytes: &mut &[u8]) -> Option<Vec<u32>> {
    (0..read_number(bytes)?).map(|_| read_number(bytes)).collect()
}

fn read_number(bytes: &mut &[u8]) -> Option<u32> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*number))
}
