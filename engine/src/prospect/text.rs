//! A text that matches some patterns and does not match others.
//!
//! A pattern reads a text from left to right, and how far it has come is a set of positions in it. Of the texts that
//! lead all patterns to the same sets, one is enough; so a search from set to set ends, with a text or with the proof
//! that there is none. What a wildcard was reached for can be forgotten: whatever matches the rest of the pattern from
//! an earlier wildcard matches it from a later one, too.

use crate::format::WILDCARD;
use crate::limits;
use crate::machine::{Halt, INTERNAL, Machine};
use crate::value::Value;

use super::attempt::intern;
use super::solve::{Solution, Wish, fulfils};
use super::trail::Test;
use super::values::filled;

/// What wildcards are tried to stand for before anything is searched.
const FILLERS: [&str; 3] = ["", "0", "00"];

/// Looks for a text that fulfils all wishes, of which none names the text.
pub(super) fn find_text(machine: &mut Machine<'_>, wishes: &[Wish], room: &mut String) -> Result<Solution, Halt> {
    for filler in FILLERS {
        if let Some(value) = guess(machine, wishes, filler, room)? {
            return Ok(Solution::Found(Some(value)));
        }
    }
    let Some(patterns) = patterns(machine, wishes)? else { return Ok(Solution::TooHard) };
    let mut search = Search::new(patterns);
    Ok(match search.run(machine)? {
        Ending::Text(text) => {
            let value = Value::String(intern(machine, &text)?);
            // If it did not, the search would be wrong, and nothing would be known.
            if fulfils(machine, wishes, Some(value))? { Solution::Found(Some(value)) } else { Solution::TooHard }
        }
        Ending::None => Solution::Nothing,
        Ending::TooLarge => Solution::TooHard,
    })
}

/// One of the patterns that are to match, with something for its wildcards; the something itself where there is none.
fn guess(machine: &mut Machine<'_>, wishes: &[Wish], filler: &str, text: &mut String) -> Result<Option<Value>, Halt> {
    let set = machine.set;
    let wanted = wishes.iter().filter(|(_, wanted)| *wanted).filter_map(|(test, _)| match test {
        Test::Like(pattern) => set.patterns.pattern(*pattern),
        _ => None,
    });
    for pattern in wanted.chain([&[WILDCARD][..]]) {
        let value = filled(machine, pattern, filler, text)?;
        if fulfils(machine, wishes, Some(value))? {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

/// A pattern, or a text that is a pattern without wildcards.
struct Pattern {
    elements: Vec<u32>,
    wanted: bool,
}

/// The patterns of all wishes; `None` where they are too many or too long.
fn patterns(machine: &mut Machine<'_>, wishes: &[Wish]) -> Result<Option<Vec<Pattern>>, Halt> {
    let mut patterns: Vec<Pattern> = Vec::new();
    for (test, wanted) in wishes {
        match *test {
            Test::Like(pattern) => {
                let elements = machine.set.patterns.pattern(pattern).ok_or(INTERNAL)?.to_vec();
                patterns.push(Pattern { elements, wanted: *wanted });
            }
            Test::Equal(value) => patterns.extend(exactly(machine, value, *wanted)?),
            Test::Among(set) => {
                for at in 0..machine.data().elements_of(set).len() {
                    let element = *machine.data().elements_of(set).get(at).ok_or(INTERNAL)?;
                    patterns.extend(exactly(machine, element, *wanted)?);
                    if patterns.len() > limits::TEXT_PATTERNS {
                        return Ok(None);
                    }
                }
            }
            Test::Present | Test::AtMost(_) | Test::Contains(_) | Test::Empty => {}
        }
        if patterns.len() > limits::TEXT_PATTERNS {
            return Ok(None);
        }
    }
    let fits = patterns.iter().all(|pattern| pattern.elements.len() <= limits::TEXT_PATTERN_ELEMENTS);
    Ok(fits.then_some(patterns))
}

/// The pattern that one text matches; none for a value that is no text.
fn exactly(machine: &mut Machine<'_>, value: Value, wanted: bool) -> Result<Option<Pattern>, Halt> {
    let Value::String(text) = value else { return Ok(None) };
    let length = machine.data().string(text).ok_or(INTERNAL)?.len();
    machine.charge(length)?;
    let text = machine.data().string(text).ok_or(INTERNAL)?;
    Ok(Some(Pattern { elements: text.chars().map(u32::from).collect(), wanted }))
}

impl Pattern {
    /// How far the pattern has come before anything is read.
    fn start(&self) -> u64 {
        self.closed(1)
    }

    /// How far it has come after one more character.
    fn step(&self, positions: u64, character: u32) -> u64 {
        let mut next = 0;
        let mut rest = positions;
        while rest != 0 {
            let at = rest.trailing_zeros();
            rest &= rest - 1;
            next |= match self.elements.get(at as usize) {
                Some(&WILDCARD) => 1 << at,
                Some(element) if *element == character => 1 << (at + 1),
                Some(_) | None => 0,
            };
        }
        self.closed(next)
    }

    /// Adds the positions behind wildcards, which may stand for nothing, and forgets those before the last of them.
    fn closed(&self, mut positions: u64) -> u64 {
        let mut keep = u64::MAX;
        for (at, element) in self.elements.iter().enumerate() {
            if *element == WILDCARD && positions >> at & 1 != 0 {
                positions |= 1 << (at + 1);
                keep = u64::MAX << at;
            }
        }
        positions & keep
    }

    /// Whether what was read so far matches.
    fn matches(&self, positions: u64) -> bool {
        positions >> self.elements.len() & 1 != 0
    }

    /// Whether nothing that could still be read would make this pattern answer as wanted.
    fn is_lost(&self, positions: u64) -> bool {
        if self.wanted { positions == 0 } else { self.elements.last() == Some(&WILDCARD) && self.matches(positions) }
    }
}

/// How a search ended.
enum Ending {
    Text(String),
    None,
    TooLarge,
}

/// The search from one set of positions to the next, the shortest texts first.
struct Search {
    patterns: Vec<Pattern>,
    /// What the patterns name, and one character that none does.
    alphabet: Vec<u32>,
    /// For each state, how far each pattern has come.
    states: Vec<u64>,
    /// For each state but the first, the state before and the character that led on.
    steps: Vec<(usize, u32)>,
}

impl Search {
    fn new(patterns: Vec<Pattern>) -> Self {
        let named = patterns.iter().flat_map(|pattern| &pattern.elements).filter(|element| **element != WILDCARD);
        let mut alphabet: Vec<u32> = named.copied().collect();
        alphabet.sort_unstable();
        alphabet.dedup();
        let other = ('a'..).map(u32::from).find(|character| alphabet.binary_search(character).is_err());
        alphabet.extend(other);
        let states = patterns.iter().map(Pattern::start).collect();
        Self { patterns, alphabet, states, steps: vec![(0, 0)] }
    }

    fn run(&mut self, machine: &mut Machine<'_>) -> Result<Ending, Halt> {
        let width = self.patterns.len();
        let mut at = 0;
        while at < self.steps.len() {
            let state: Vec<u64> = self.states.get(at * width..(at + 1) * width).ok_or(INTERNAL)?.to_vec();
            let mut pairs = self.patterns.iter().zip(&state);
            if pairs.all(|(pattern, positions)| pattern.matches(*positions) == pattern.wanted) {
                return Ok(Ending::Text(self.text(at)));
            }
            for place in 0..self.alphabet.len() {
                let character = *self.alphabet.get(place).ok_or(INTERNAL)?;
                machine.charge(width + self.steps.len() / 4)?;
                let next = self.patterns.iter().zip(&state);
                let next: Vec<u64> = next.map(|(pattern, positions)| pattern.step(*positions, character)).collect();
                let lost = self.patterns.iter().zip(&next).any(|(pattern, positions)| pattern.is_lost(*positions));
                if lost || self.states.chunks_exact(width.max(1)).any(|known| known == next) {
                    continue;
                }
                if self.steps.len() >= limits::TEXT_STATES {
                    return Ok(Ending::TooLarge);
                }
                self.states.extend(next);
                self.steps.push((at, character));
            }
            at += 1;
        }
        Ok(Ending::None)
    }

    /// The text that leads to a state.
    fn text(&self, mut at: usize) -> String {
        let mut characters = Vec::new();
        while at > 0 {
            let Some((before, character)) = self.steps.get(at) else { break };
            characters.extend(char::from_u32(*character));
            at = *before;
        }
        characters.into_iter().rev().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::like;

    // like.rs is the oracle for every text up to this length over these characters.
    const LONGEST: u32 = 5;

    fn pattern(text: &str, wanted: bool) -> Pattern {
        Pattern { elements: elements(text), wanted }
    }

    fn elements(text: &str) -> Vec<u32> {
        text.chars().map(|c| if c == '*' { WILDCARD } else { u32::from(c) }).collect()
    }

    fn texts() -> Vec<String> {
        let mut all = vec![String::new()];
        let mut last = all.clone();
        for _ in 0..LONGEST {
            last = last.iter().flat_map(|text| ['a', 'b', 'z'].map(|c| format!("{text}{c}"))).collect();
            all.extend(last.clone());
        }
        all
    }

    #[test]
    fn positions_say_what_like_says() {
        for text in ["", "*", "a", "a*", "*a", "*a*b", "aa*ab", "*ab*", "a*b*a", "**", "ab*ab*ab", "*aab"] {
            let pattern = pattern(text, true);
            for word in texts() {
                let end = word.chars().fold(pattern.start(), |state, c| pattern.step(state, u32::from(c)));
                assert_eq!(pattern.matches(end), like::matches(&word, &pattern.elements), "{word} like {text}");
            }
        }
    }
}
