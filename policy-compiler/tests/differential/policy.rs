//! Policies in Cedar syntax. Many share their guards, in the shapes that the index looks for and in near misses.

use crate::expression::{Kind, expression};
use crate::random::Random;
use crate::world::{ATTRIBUTES, LONGS, STRINGS, TYPES, entity, id, string_literal, uid_text};

/// A policy; in a set of many, one whose guards are met more rarely.
pub(crate) fn policy(random: &mut Random, crowded: bool) -> String {
    // In a crowd, some forbid is true all the time unless forbids are rare.
    let effect = if random.chance(if crowded { 1 } else { 25 }) { "forbid" } else { "permit" };
    let principal = scope(random, "principal", "User", crowded);
    let action = action(random);
    let resource = scope(random, "resource", "N::Doc", crowded);
    let clauses: Vec<String> = random.several(if crowded { 3 } else { 2 }, |random| clause(random, crowded));
    format!("{effect}({principal}, {action}, {resource}) {};", clauses.join(" "))
}

/// A template with both slots or one.
pub(crate) fn template(random: &mut Random) -> String {
    let effect = if random.chance(70) { "permit" } else { "forbid" };
    let operator = random.pick(&["==", "in", "is User in"]);
    let resource = if random.chance(50) { "resource in ?resource".to_owned() } else { "resource".to_owned() };
    let clauses: Vec<String> = random.several(2, |random| clause(random, false));
    format!("{effect}(principal {operator} ?principal, {}, {resource}) {};", action(random), clauses.join(" "))
}

pub(crate) fn scope(random: &mut Random, variable: &str, usual: &'static str, crowded: bool) -> String {
    let named = |random: &mut Random| uid_text(&(usual, id(random)));
    let form = random.below(if crowded { 7 } else { 16 });
    match form {
        0 => format!("{variable} == {}", entity(random)),
        1 => format!("{variable} == {}", named(random)),
        2 => format!("{variable} in {}", entity(random)),
        3 => format!("{variable} in {}", uid_text(&("Team", id(random)))),
        4 => format!("{variable} is {usual}"),
        5 => format!("{variable} is {} in {}", random.pick(&TYPES), entity(random)),
        _ => variable.to_owned(),
    }
}

pub(crate) fn action(random: &mut Random) -> String {
    let one = |random: &mut Random| uid_text(&("Action", id(random)));
    match random.below(12) {
        0 | 1 => format!("action == {}", one(random)),
        2 => format!("action in {}", one(random)),
        3 => {
            let actions = random.several(4, one);
            format!("action in [{}]", actions.join(", "))
        }
        _ => "action".to_owned(),
    }
}

fn clause(random: &mut Random, crowded: bool) -> String {
    let mut conjuncts = random.several(if crowded { 4 } else { 3 }, guard);
    if random.chance(if crowded { 20 } else { 70 }) {
        let at = random.below(conjuncts.len() + 1);
        conjuncts.insert(at, expression(random, Kind::Bool, 2));
    }
    if conjuncts.is_empty() {
        conjuncts.push(guard(random));
    }
    let keyword = if random.chance(80) { "when" } else { "unless" };
    format!("{keyword} {{ {} }}", conjuncts.join(" && "))
}

/// A comparison with a constant, alone or behind its `has`.
pub(crate) fn guard(random: &mut Random) -> String {
    let variable = random.pick(&["context", "principal", "resource"]);
    let text = string_literal(random.pick(&STRINGS));
    match random.below(14) {
        0 | 1 => format!("{variable}.name == {text}"),
        2 => format!("({variable} has name && {variable}.name == {text})"),
        3 => format!("{variable} has name"),
        4 => format!("{variable}.level == {}", random.pick(&LONGS)),
        5 => {
            let tag = string_literal(random.pick(&STRINGS));
            format!("principal.hasTag({tag}) && principal.getTag({tag}) == {text}")
        }
        6 => format!("{variable}.team == {}", uid_text(&("Team", id(random)))),
        7 => format!("{variable}.team in {}", uid_text(&("Team", id(random)))),
        8 => format!("[{text}, {}].contains({variable}.name)", string_literal(random.pick(&STRINGS))),
        9 => format!("({variable}.name == {text} || {variable}.name == {})", string_literal(random.pick(&STRINGS))),
        10 => format!("principal in [{}, {}]", entity(random), entity(random)),
        11 => format!("{variable}.name != {text}"),
        12 => format!("resource == {}", uid_text(&("N::Doc", id(random)))),
        _ => format!("{variable} has {} && principal is User", string_literal(random.pick(&ATTRIBUTES))),
    }
}
