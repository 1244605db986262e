//! Conditions in Cedar syntax: of the wanted type most of the time, of a wrong one now and then.

use crate::random::Random;
use crate::world::{
    ADDRESSES, ATTRIBUTES, DATETIMES, DECIMALS, DURATIONS, LONGS, STRINGS, TYPES, entity, string_literal,
};

/// What an expression should evaluate to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Long,
    String,
    Entity,
    Set,
    Record,
    Decimal,
    Datetime,
    Duration,
    Ip,
}

const KINDS: [Kind; 10] = [
    Kind::Bool,
    Kind::Long,
    Kind::String,
    Kind::Entity,
    Kind::Set,
    Kind::Record,
    Kind::Decimal,
    Kind::Datetime,
    Kind::Duration,
    Kind::Ip,
];

/// An expression of `kind`, nested up to `depth`.
pub(crate) fn expression(random: &mut Random, kind: Kind, depth: usize) -> String {
    if random.chance(3) {
        let other = random.pick(&KINDS);
        return expression(random, other, depth.saturating_sub(1));
    }
    if random.chance(6) && depth > 0 {
        let (test, yes, no) = (
            expression(random, Kind::Bool, depth - 1),
            expression(random, kind, depth - 1),
            expression(random, kind, depth - 1),
        );
        return format!("(if {test} then {yes} else {no})");
    }
    if depth == 0 || random.chance(25) {
        return leaf(random, kind);
    }
    match kind {
        Kind::Bool => boolean(random, depth - 1),
        Kind::Long => long(random, depth - 1),
        Kind::Set => {
            let inner = random.pick(&KINDS);
            let elements = random.several(4, |random| expression(random, inner, depth - 1));
            format!("[{}]", elements.join(", "))
        }
        Kind::Record => {
            let mut fields: Vec<String> = Vec::new();
            for name in ATTRIBUTES {
                if random.chance(30) {
                    let inner = random.pick(&KINDS);
                    fields.push(format!("{}: {}", string_literal(name), expression(random, inner, depth - 1)));
                }
            }
            format!("{{{}}}", fields.join(", "))
        }
        Kind::Datetime => {
            let (instant, offset) =
                (expression(random, Kind::Datetime, depth - 1), expression(random, Kind::Duration, depth - 1));
            if random.chance(50) { format!("{instant}.offset({offset})") } else { format!("{instant}.toDate()") }
        }
        Kind::Duration => {
            let (a, b) = (expression(random, Kind::Datetime, depth - 1), expression(random, Kind::Datetime, depth - 1));
            if random.chance(50) { format!("{a}.durationSince({b})") } else { format!("{a}.toTime()") }
        }
        Kind::String | Kind::Entity | Kind::Decimal | Kind::Ip => access(random, kind, depth),
    }
}

fn boolean(random: &mut Random, depth: usize) -> String {
    let mut of = |kind| expression(random, kind, depth);
    let kind = match depth {
        0 => Kind::String,
        _ => Kind::Entity,
    };
    let (a, b) = (of(Kind::Bool), of(Kind::Bool));
    let (x, y) = (of(Kind::Long), of(Kind::Long));
    let (e, f) = (of(Kind::Entity), of(Kind::Entity));
    let (s, t) = (of(Kind::Set), of(Kind::Set));
    let (text, record) = (of(Kind::String), of(Kind::Record));
    match random.below(26) {
        0 | 1 => format!("({a} && {b})"),
        2 | 3 => format!("({a} || {b})"),
        4 => format!("!{}", parenthesised(&a)),
        5 | 6 => {
            let kind = if random.chance(70) { kind } else { random.pick(&KINDS) };
            let (left, right) = (expression(random, kind, depth), expression(random, kind, depth));
            format!("({left} {} {right})", random.pick(&["==", "!="]))
        }
        7 | 8 => format!("({x} {} {y})", random.pick(&["<", "<=", ">", ">="])),
        9 => {
            let kind = random.pick(&[Kind::Datetime, Kind::Duration]);
            let (left, right) = (expression(random, kind, depth), expression(random, kind, depth));
            format!("({left} {} {right})", random.pick(&["<", "<="]))
        }
        10 | 11 => format!("({e} in {f})"),
        12 => format!("({e} in [{f}, {}])", entity(random)),
        13 => format!("({e} in {s})"),
        14 => format!("({e} is {})", random.pick(&TYPES)),
        15 => format!("({e} is {} in {f})", random.pick(&TYPES)),
        16 => format!("({e} has {})", string_literal(random.pick(&ATTRIBUTES))),
        17 => format!("({record} has {})", string_literal(random.pick(&ATTRIBUTES))),
        18 => format!("({e} has {}.{})", random.pick(&["team", "meta"]), random.pick(&["name", "level"])),
        19 => format!("{e}.hasTag({text})"),
        20 => format!("({text} like {})", string_literal(random.pick(&["*", "a*", "*b", "é", "", "a*b*"]))),
        21 => format!("{s}.contains({x})"),
        22 => format!("{s}.{}({t})", random.pick(&["containsAll", "containsAny"])),
        23 => format!("{s}.isEmpty()"),
        24 => {
            let (c, d) = (expression(random, Kind::Decimal, depth), expression(random, Kind::Decimal, depth));
            let compare = random.pick(&["lessThan", "lessThanOrEqual", "greaterThan", "greaterThanOrEqual"]);
            format!("{c}.{compare}({d})")
        }
        _ => {
            let (c, d) = (expression(random, Kind::Ip, depth), expression(random, Kind::Ip, depth));
            match random.below(3) {
                0 => format!("{c}.isInRange({d})"),
                _ => format!("{c}.{}()", random.pick(&["isIpv4", "isIpv6", "isLoopback", "isMulticast"])),
            }
        }
    }
}

fn long(random: &mut Random, depth: usize) -> String {
    let (a, b) = (expression(random, Kind::Long, depth), expression(random, Kind::Long, depth));
    match random.below(6) {
        0 => format!("({a} + {b})"),
        1 => format!("({a} - {b})"),
        2 => format!("({a} * {b})"),
        3 => format!("-{}", parenthesised(&a)),
        4 => {
            let duration = expression(random, Kind::Duration, depth);
            let unit = random.pick(&["toMilliseconds", "toSeconds", "toMinutes", "toHours", "toDays"]);
            format!("{duration}.{unit}()")
        }
        _ => access(random, Kind::Long, depth),
    }
}

fn parenthesised(text: &str) -> String {
    format!("({text})")
}

/// An attribute or tag of something, usually one whose name suggests the kind.
fn access(random: &mut Random, kind: Kind, depth: usize) -> String {
    let of = match random.below(6) {
        0 => expression(random, Kind::Entity, depth.saturating_sub(1)),
        1 => expression(random, Kind::Record, depth.saturating_sub(1)),
        2 => "context".to_owned(),
        3 => "resource".to_owned(),
        _ => "principal".to_owned(),
    };
    if random.chance(15) {
        return format!("{of}.getTag({})", string_literal(random.pick(&STRINGS)));
    }
    let name = match kind {
        Kind::String => "name",
        Kind::Long => "level",
        Kind::Entity => "team",
        Kind::Set => "tags",
        Kind::Record => "meta",
        Kind::Datetime => "at",
        Kind::Bool | Kind::Decimal | Kind::Duration | Kind::Ip => random.pick(&ATTRIBUTES),
    };
    let name = if random.chance(90) { name } else { random.pick(&ATTRIBUTES) };
    format!("{of}[{}]", string_literal(name))
}

fn leaf(random: &mut Random, kind: Kind) -> String {
    if random.chance(35) {
        return access(random, kind, 0);
    }
    let call = |function: &str, literal: &str| format!("{function}({})", string_literal(literal));
    match kind {
        Kind::Bool => random.pick(&["true", "true", "false"]).to_owned(),
        Kind::Long => parenthesised(&random.pick(&LONGS).to_string()),
        Kind::String => string_literal(random.pick(&STRINGS)),
        Kind::Entity => match random.below(4) {
            0 => random.pick(&["principal", "action", "resource"]).to_owned(),
            1 => "principal".to_owned(),
            _ => entity(random),
        },
        Kind::Set => {
            let elements = random.several(4, |random| string_literal(random.pick(&STRINGS)));
            format!("[{}]", elements.join(", "))
        }
        Kind::Record => "context".to_owned(),
        Kind::Decimal => call("decimal", if random.chance(5) { "1.00000" } else { random.pick(&DECIMALS) }),
        Kind::Datetime => call("datetime", if random.chance(5) { "2024-02-30" } else { random.pick(&DATETIMES) }),
        Kind::Duration => call("duration", if random.chance(5) { "1h1d" } else { random.pick(&DURATIONS) }),
        Kind::Ip => call("ip", if random.chance(5) { "10.0.0.01" } else { random.pick(&ADDRESSES) }),
    }
}
