//! Cases that a schema types: policies that strict validation accepts, entities and requests that conform.

use std::str::FromStr as _;
use std::sync::LazyLock;

use cedar_policy::{PolicySet, Schema, ValidationMode, Validator};
use serde_json::{Value, json};

use crate::compare::Case;
use crate::policy::policy;
use crate::random::Random;
use crate::world::{DATETIMES, IDS, LONGS, STRINGS, id};

const ATTRIBUTES: &str =
    "{ name: String, level: Long, team: Team, tags: Set<String>, at: datetime, meta?: { name: String, level: Long } }";

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let text = format!(
        r#"entity User in [Team] = {ATTRIBUTES} tags String;
        entity Team in [Team] = {ATTRIBUTES} tags String;
        namespace N {{ entity Doc in [Team] = {ATTRIBUTES} tags String; }}
        action "a", "b" appliesTo {{ principal: User, resource: N::Doc, context: {ATTRIBUTES} }};
        action "c" in ["a"] appliesTo {{ principal: [User, Team], resource: N::Doc, context: {ATTRIBUTES} }};"#
    );
    Schema::from_str(&text).expect("a schema")
});

pub(crate) fn schema() -> &'static Schema {
    &SCHEMA
}

/// Tries to find a policy before the generator gives up: about one in six is well-typed.
const TRIES: usize = 100;

impl Case {
    /// A case with up to so many policies.
    pub(crate) fn typed(random: &mut Random, policies: usize) -> Self {
        let validator = Validator::new(schema().clone());
        let count = random.below(policies) + 1;
        let policies = (0..count).filter_map(|_| {
            (0..TRIES).map(|_| policy(random, count > 50)).find(|text| {
                let set = PolicySet::from_str(text).expect("the generator's syntax");
                validator.validate(&set, ValidationMode::Strict).validation_passed()
            })
        });
        let policies = policies.collect();
        Self {
            policies,
            templates: Vec::new(),
            entities: entities(random),
            requests: (0..6).map(|_| request(random)).collect(),
            typed: true,
        }
    }
}

fn uid(type_name: &str, id: &str) -> Value {
    json!({"type": type_name, "id": id})
}

fn attributes(random: &mut Random) -> Value {
    let mut attributes = json!({
        "name": random.pick(&STRINGS),
        "level": random.pick(&LONGS),
        "team": {"__entity": uid("Team", id(random))},
        "tags": random.several(4, |random| random.pick(&STRINGS)),
        "at": {"__extn": {"fn": "datetime", "arg": random.pick(&DATETIMES)}},
    });
    if random.chance(50) {
        attributes["meta"] = json!({"name": random.pick(&STRINGS), "level": random.pick(&LONGS)});
    }
    attributes
}

fn entities(random: &mut Random) -> Vec<Value> {
    let mut all = Vec::new();
    for type_name in ["User", "Team", "N::Doc"] {
        for (place, id) in IDS.iter().enumerate() {
            if random.chance(20) {
                continue;
            }
            // Teams lie in later teams only, so none lies in itself.
            let first = if type_name == "Team" { place + 1 } else { 0 };
            let above = IDS.iter().skip(first).filter(|_| random.chance(25));
            let parents: Vec<_> = above.map(|id| uid("Team", id)).collect();
            let mut tags = serde_json::Map::new();
            for name in STRINGS {
                if random.chance(25) {
                    tags.insert(name.to_owned(), json!(random.pick(&STRINGS)));
                }
            }
            let attributes = attributes(random);
            all.push(json!({"uid": uid(type_name, id), "attrs": attributes, "parents": parents, "tags": tags}));
        }
    }
    all
}

fn request(random: &mut Random) -> Value {
    let action = random.pick(&["a", "b", "c"]);
    let principal = if action == "c" && random.chance(30) { "Team" } else { "User" };
    json!({
        "principal": uid(principal, id(random)),
        "action": uid("Action", action),
        "resource": uid("N::Doc", id(random)),
        "context": attributes(random),
    })
}
