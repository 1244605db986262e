//! A small world in which things collide: few types, few ids, few attribute names, values near each other's edges.

use serde_json::{Map, Value, json};

use crate::random::Random;

pub(crate) const TYPES: [&str; 4] = ["User", "Team", "N::Doc", "Action"];
/// A few ids that everything meets in, and further ones, so that entities are many more than the engine's marks.
pub(crate) const IDS: [&str; 5] = ["a", "b", "c", "é\"\\", ""];
const MORE_IDS: [&str; 40] = [
    "00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15", "16", "17", "18",
    "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33", "34", "35", "36", "37",
    "38", "39",
];
pub(crate) const ATTRIBUTES: [&str; 7] = ["name", "level", "team", "tags", "meta", "at", "strange key"];
pub(crate) const STRINGS: [&str; 7] = ["a", "b", "ab", "*", "é", "e\u{301}", ""];
pub(crate) const LONGS: [i64; 8] = [0, 1, 2, -1, 7, i64::MAX, i64::MIN, 1_000_000_007];
pub(crate) const DECIMALS: [&str; 4] = ["1.0", "1.00", "-0.5", "922337203685477.5807"];
pub(crate) const DATETIMES: [&str; 4] =
    ["2024-10-15", "2024-10-15T00:00:00Z", "1969-12-31T23:59:59.999Z", "2024-10-15T01:00:00+0100"];
pub(crate) const DURATIONS: [&str; 5] = ["1h30m", "90m", "-1ms", "1d", "9223372036854775807ms"];
pub(crate) const ADDRESSES: [&str; 5] = ["10.0.0.1", "10.0.0.0/8", "127.0.0.1", "::1", "ff00::/8"];

/// An entity reference in Cedar syntax.
pub(crate) fn entity(random: &mut Random) -> String {
    uid_text(&uid(random))
}

/// A type and an id.
pub(crate) fn uid(random: &mut Random) -> (&'static str, &'static str) {
    (random.pick(&TYPES), id(random))
}

/// An entity's id.
pub(crate) fn id(random: &mut Random) -> &'static str {
    if random.chance(15) { random.pick(&MORE_IDS) } else { random.pick(&IDS) }
}

pub(crate) fn uid_text((type_name, id): &(&str, &str)) -> String {
    format!("{type_name}::{}", string_literal(id))
}

pub(crate) fn string_literal(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn uid_json((type_name, id): (&str, &str)) -> Value {
    json!({"type": type_name, "id": id})
}

/// A value in Cedar's JSON.
pub(crate) fn value(random: &mut Random, depth: usize) -> Value {
    match random.below(if depth == 0 { 8 } else { 10 }) {
        0 => json!(random.chance(50)),
        1 => json!(random.pick(&LONGS)),
        2 | 3 => json!(random.pick(&STRINGS)),
        4 | 5 => json!({"__entity": uid_json(uid(random))}),
        6 => extension(random, "decimal", &DECIMALS),
        7 => match random.below(3) {
            0 => extension(random, "datetime", &DATETIMES),
            1 => extension(random, "duration", &DURATIONS),
            _ => extension(random, "ip", &ADDRESSES),
        },
        8 => Value::Array(random.several(4, |random| value(random, depth - 1))),
        _ => record(random, depth - 1),
    }
}

fn extension(random: &mut Random, function: &str, literals: &[&str]) -> Value {
    json!({"__extn": {"fn": function, "arg": random.pick(literals)}})
}

/// A record whose fields mostly have the type that their name suggests.
pub(crate) fn record(random: &mut Random, depth: usize) -> Value {
    let mut fields = Map::new();
    for name in ATTRIBUTES {
        if random.chance(60) {
            fields.insert(name.to_owned(), attribute(random, name, depth));
        }
    }
    Value::Object(fields)
}

fn attribute(random: &mut Random, name: &str, depth: usize) -> Value {
    if random.chance(15) {
        return value(random, depth);
    }
    match name {
        "name" => json!(random.pick(&STRINGS)),
        "level" => json!(random.pick(&LONGS)),
        "team" => json!({"__entity": uid_json(("Team", id(random)))}),
        "tags" => Value::Array(random.several(4, |random| json!(random.pick(&STRINGS)))),
        "meta" if depth > 0 => record(random, depth - 1),
        "at" => extension(random, "datetime", &DATETIMES),
        _ => value(random, depth),
    }
}

/// The store: some of the possible entities, with parents that make no cycle (ids only ever lead to later ones).
/// A large one has entities of all ids.
pub(crate) fn entities(random: &mut Random, large: bool) -> Vec<Value> {
    let ids: Vec<&str> = IDS.into_iter().chain(MORE_IDS.into_iter().filter(|_| large)).collect();
    let chance = if large { 2 } else { 12 };
    let mut all = Vec::new();
    for (rank, type_name) in TYPES.iter().enumerate() {
        for (place, id) in ids.iter().enumerate() {
            if random.chance(30) {
                continue;
            }
            let mut parents = Vec::new();
            for (parent_rank, parent_type) in TYPES.iter().enumerate() {
                for (parent_place, parent_id) in ids.iter().enumerate() {
                    let later = (parent_place, parent_rank) > (place, rank);
                    // Cedar lets actions have actions as parents only.
                    let kin = (*type_name == "Action") == (*parent_type == "Action");
                    if later && kin && random.chance(chance) {
                        parents.push(uid_json((parent_type, parent_id)));
                    }
                }
            }
            let plain = *type_name == "Action";
            let attributes = if plain { json!({}) } else { record(random, 1) };
            let mut tags = Map::new();
            for name in STRINGS {
                if !plain && random.chance(20) {
                    tags.insert(name.to_owned(), value(random, 1));
                }
            }
            all.push(json!({"uid": uid_json((type_name, id)), "attrs": attributes, "parents": parents, "tags": tags}));
        }
    }
    all
}

/// A request whose principal, action and resource are usually what policies expect.
pub(crate) fn request(random: &mut Random) -> Value {
    let mut of_type = |usual: &'static str| {
        let type_name = if random.chance(90) { usual } else { random.pick(&TYPES) };
        uid_json((type_name, id(random)))
    };
    let (principal, action, resource) = (of_type("User"), of_type("Action"), of_type("N::Doc"));
    json!({"principal": principal, "action": action, "resource": resource, "context": record(random, 2)})
}
