//! Prospects: what the engine says of a request whose `context.input` is not known yet, held against cedar-policy's
//! answers for every input of a small world.
//!
//! Each question of these policies depends on what the inputs of the world tell apart: a text's first and last
//! character, whether it has an `a`, whether it is one of a few short ones, numbers around the constants, and so on. So
//! an input that is allowed exists if and only if one of the world is.

use std::path::Path;

use cedar_policy::{Context, Entities, EntityUid, Policy, PolicyId, PolicySet, Request};
use palisade_engine::{Field, OnForbidError, Prospect, Type};
use palisade_engine_guest::{Answer as GuestAnswer, Session, Transcript};
use palisade_policy_compiler::compile::{PolicySource, compile};
use serde_json::{Map, Value, json};

use crate::compare::{Case, cedar, compiled, load_request};
use crate::random::Random;
use crate::wasm::{self, entity, replayed};
use crate::{seeded, setting};

/// A field of the input.
struct Feature {
    name: &'static str,
    required: bool,
    field_type: fn() -> Type,
    /// Questions about it; `$` stands for its path.
    questions: &'static [&'static str],
    /// Every value that the questions tell apart.
    values: fn() -> Vec<Value>,
}

fn texts(longest: usize) -> Vec<Value> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..longest {
        last = last.iter().flat_map(|text| ["a", "b", "z"].map(|c| format!("{text}{c}"))).collect();
        all.extend(last.clone());
    }
    all.into_iter().map(Value::from).collect()
}

fn extension(function: &str, literals: &[&str]) -> Vec<Value> {
    literals.iter().map(|literal| json!({"__extn": {"fn": function, "arg": literal}})).collect()
}

fn subsets(of: &[Value]) -> Vec<Value> {
    let all = 0..1_usize << of.len();
    let subset = |mask: usize| of.iter().enumerate().filter(move |(at, _)| mask >> at & 1 == 1).map(|(_, value)| value);
    all.map(|mask| subset(mask).cloned().collect()).collect()
}

const FEATURES: [Feature; 12] = [
    Feature {
        name: "text",
        required: true,
        field_type: || Type::String,
        questions: &[
            r#"$ == "a""#,
            r#"$ == "ab""#,
            r#"$ != """#,
            r#""b" == $"#,
            r#"$ like "a*""#,
            r#"$ like "*b""#,
            r#"$ like "*a*""#,
            r#"$ like "a*b""#,
            r#"$ like "a*a""#,
            r#"$ like "b*""#,
            r#"$ like "*z""#,
            r#"$ like "*""#,
            r#"$ like "ab""#,
            r#"["a", "ba", "z"].contains($)"#,
            "$ == principal.name",
            r#"$ == Color::"red""#,
            r#"$ < 3"#,
        ],
        values: || texts(4),
    },
    Feature {
        name: "count",
        required: true,
        field_type: || Type::Long,
        questions: &[
            "$ == 1",
            "$ != 2",
            "$ < 2",
            "$ <= 2",
            "$ > 0",
            "$ >= 3",
            "0 < $",
            "3 >= $",
            "[0, 1, 2, 3].contains($)",
            "$ < -9223372036854775808",
            "$ >= 9223372036854775807",
            "$ == principal.level",
            r#"$ like "a*""#,
        ],
        values: || [i64::MIN, i64::MIN + 1, -1, 0, 1, 2, 3, 4, i64::MAX - 1, i64::MAX].map(Value::from).to_vec(),
    },
    Feature {
        name: "flag",
        required: true,
        field_type: || Type::Bool,
        questions: &["$", "!$", "$ == true", "$ != true", "[true, false].contains($)", "$ && true", "$ == 1"],
        values: || vec![json!(true), json!(false)],
    },
    Feature {
        name: "optional",
        required: false,
        field_type: || Type::String,
        questions: &[
            "context.input has optional",
            "!(context.input has optional)",
            r#"(context.input has optional && $ == "a")"#,
            r#"(context.input has optional && $ != "b")"#,
            r#"(context.input has optional && $ like "a*")"#,
            r#"$ == "b""#,
            r#"$ like "*b""#,
        ],
        values: || texts(3),
    },
    Feature {
        name: "tags",
        required: true,
        field_type: || Type::Set(Box::new(Type::String)),
        questions: &[
            r#"$.contains("a")"#,
            r#"$.contains("b")"#,
            "$.contains(1)",
            "$.isEmpty()",
            r#"$.containsAll(["a", "b"])"#,
            r#"$.containsAny(["a", "b"])"#,
            "$.containsAll([])",
            "$.containsAny(principal.tags)",
            "$ == 3",
        ],
        values: || subsets(&["a", "b", "z"].map(Value::from)),
    },
    Feature {
        name: "bits",
        required: true,
        field_type: || Type::Set(Box::new(Type::Bool)),
        questions: &["$.contains(true)", "$.contains(false)", "$.isEmpty()", "$.containsAll([true, false])"],
        values: || subsets(&[true, false].map(Value::from)),
    },
    Feature {
        name: "inner",
        required: false,
        field_type: || Type::Record([field("level", true, Type::Long), field("name", false, Type::String)].into()),
        questions: &[
            "context.input has inner",
            "context.input has inner.name",
            "(context.input has inner && $.level > 1)",
            r#"(context.input has inner.name && $.name == "a")"#,
            "$.level <= 1",
            r#"$.name == "b""#,
            "$ has nothing",
        ],
        values: || {
            let names = [None, Some("a"), Some("b"), Some("z")];
            let records = [0, 1, 2].into_iter().flat_map(|level| {
                names.map(|name| match name {
                    Some(name) => json!({"level": level, "name": name}),
                    None => json!({"level": level}),
                })
            });
            records.collect()
        },
    },
    Feature {
        name: "price",
        required: true,
        field_type: || Type::Decimal,
        questions: &[
            r#"$ == decimal("1.5")"#,
            r#"$.lessThan(decimal("1.5"))"#,
            r#"$.lessThanOrEqual(decimal("1.0"))"#,
            r#"$.greaterThan(decimal("1.0"))"#,
            r#"decimal("1.5").lessThan($)"#,
            r#"decimal("1.0").greaterThanOrEqual($)"#,
            r#"$.lessThan(decimal("-922337203685477.5808"))"#,
            r#"$ < 1"#,
        ],
        values: || {
            extension(
                "decimal",
                &[
                    "-922337203685477.5808",
                    "0.9999",
                    "1.0",
                    "1.0001",
                    "1.4999",
                    "1.5",
                    "1.5001",
                    "922337203685477.5807",
                ],
            )
        },
    },
    Feature {
        name: "at",
        required: true,
        field_type: || Type::Datetime,
        questions: &[
            r#"$ == datetime("2024-10-15")"#,
            r#"$ < datetime("2024-10-15")"#,
            r#"$ > datetime("2024-10-15")"#,
            r#"$ >= datetime("9999-12-31T23:59:59.999-2359")"#,
            r#"$ > datetime("9999-12-31T23:59:59.999-2359")"#,
            r#"$ < datetime("0000-01-01T00:00:00.000+2359")"#,
            r#"$ == datetime("9999-12-31").offset(duration("10000d"))"#,
            r#"$ < duration("1h")"#,
        ],
        values: || {
            extension(
                "datetime",
                &[
                    "0000-01-01T00:00:00.000+2359",
                    "2024-10-14T23:59:59.999Z",
                    "2024-10-15",
                    "2024-10-15T00:00:00.001Z",
                    "9999-12-31T23:59:59.999-2359",
                ],
            )
        },
    },
    Feature {
        name: "wait",
        required: false,
        field_type: || Type::Duration,
        questions: &[
            "context.input has wait",
            r#"(context.input has wait && $ < duration("1h"))"#,
            r#"(context.input has wait && $ == duration("60m"))"#,
            r#"$ <= duration("1h")"#,
            r#"$ > duration("9223372036854775807ms")"#,
        ],
        values: || extension("duration", &["0ms", "3599999ms", "1h", "3600001ms", "9223372036854775807ms"]),
    },
    Feature {
        name: "color",
        required: true,
        field_type: || Type::Entity("Color".into()),
        questions: &[
            r#"$ == Color::"red""#,
            r#"$ != Color::"green""#,
            r#"$ == User::"a""#,
            r#"[Color::"red", Color::"green", User::"a"].contains($)"#,
            "$ is Color",
            "$ is User",
            r#"$ == "red""#,
        ],
        values: || ["red", "green", "any"].map(|id| json!({"__entity": {"type": "Color", "id": id}})).to_vec(),
    },
    Feature {
        name: "address",
        required: true,
        field_type: || Type::Ip,
        questions: &[r#"$ == ip("10.0.0.1")"#, r#"$ != ip("10.0.0.0/8")"#, r#"[ip("10.0.0.1")].contains($)"#],
        values: || extension("ip", &["10.0.0.1", "10.0.0.0/8", "0.0.0.0", "0.0.0.1"]),
    },
];

/// Inputs above which features are left out.
const INPUTS: usize = 800;

const MODES: [OnForbidError; 2] = [OnForbidError::Skip, OnForbidError::Deny];

fn field(name: &str, required: bool, field_type: Type) -> Field {
    Field { name: name.into(), required, field_type }
}

/// Policies about some features.
#[derive(Clone)]
struct World {
    features: Vec<usize>,
    policies: Vec<String>,
}

impl World {
    fn generate(random: &mut Random) -> Self {
        let mut features: Vec<usize> = Vec::new();
        for _ in 0..=random.below(4) {
            let feature = random.below(FEATURES.len());
            if !features.contains(&feature) && inputs(&[&features[..], &[feature]].concat()).len() <= INPUTS {
                features.push(feature);
            }
        }
        let policies = (0..=random.below(6)).map(|_| policy(random, &features)).collect();
        Self { features, policies }
    }

    fn input_type(&self) -> Type {
        let fields = self.features.iter().map(|feature| &FEATURES[*feature]);
        Type::Record(fields.map(|feature| field(feature.name, feature.required, (feature.field_type)())).collect())
    }

    fn to_line(&self, name: &str) -> String {
        let features: Vec<&str> = self.features.iter().map(|feature| FEATURES[*feature].name).collect();
        json!({"name": name, "features": features, "policies": self.policies}).to_string()
    }

    fn from_line(line: &str) -> Self {
        let json: Value = serde_json::from_str(line).expect("a case");
        let texts = |member: &str| -> Vec<String> {
            let list = json[member].as_array().unwrap_or_else(|| panic!("{member} of {line}"));
            list.iter().map(|text| text.as_str().expect("text").to_owned()).collect()
        };
        let number = |name: &String| FEATURES.iter().position(|feature| feature.name == name).expect("a feature");
        Self { features: texts("features").iter().map(number).collect(), policies: texts("policies") }
    }
}

/// Every input of the world that has these features.
fn inputs(features: &[usize]) -> Vec<Map<String, Value>> {
    let mut all = vec![Map::new()];
    for feature in features.iter().map(|feature| &FEATURES[*feature]) {
        let mut values: Vec<Option<Value>> = (feature.values)().into_iter().map(Some).collect();
        if !feature.required {
            values.push(None);
        }
        let with = |input: &Map<String, Value>, value: &Option<Value>| {
            let mut input = input.clone();
            input.extend(value.clone().map(|value| (feature.name.to_owned(), value)));
            input
        };
        all = all.iter().flat_map(|input| values.iter().map(move |value| with(input, value))).collect();
    }
    all
}

fn policy(random: &mut Random, features: &[usize]) -> String {
    let effect = if random.chance(60) { "permit" } else { "forbid" };
    let principal = random.pick(&["principal", "principal", r#"principal == User::"a""#, r#"principal in Team::"t""#]);
    let action = random.pick(&["action", r#"action == Action::"call""#, r#"action in Action::"tools""#]);
    let clauses: String = (0..random.below(3) + usize::from(random.chance(80)))
        .map(|_| {
            let keyword = if random.chance(80) { "when" } else { "unless" };
            let depth = random.below(4);
            format!(" {keyword} {{ {} }}", condition(random, features, depth))
        })
        .collect();
    format!("{effect}({principal}, {action}, resource){clauses};")
}

fn condition(random: &mut Random, features: &[usize], depth: usize) -> String {
    if depth == 0 {
        return question(random, features);
    }
    let mut inner = || condition(random, features, depth - 1);
    let (a, b, c) = (inner(), inner(), inner());
    match random.below(10) {
        0..=3 => format!("({a} && {b})"),
        4..=6 => format!("({a} || {b})"),
        7 => format!("!({a})"),
        8 => format!("(if {a} then {b} else {c})"),
        _ => a,
    }
}

fn question(random: &mut Random, features: &[usize]) -> String {
    if features.is_empty() || random.chance(15) {
        return random
            .pick(&[
                "true",
                r#"principal.name == "a""#,
                r#"principal.name == "b""#,
                "context.known == 1",
                "principal.missing == 1",
                "context.input has nothing",
                "context.input.nothing == 1",
                "context has input",
                "principal in Team::\"t\"",
            ])
            .to_owned();
    }
    let feature = &FEATURES[random.pick(features)];
    let path = format!("context.input.{}", feature.name);
    let question = random.pick(feature.questions).replace('$', &path);
    if random.chance(20) { format!("!({question})") } else { question }
}

fn store() -> Entities {
    Entities::from_json_value(
        json!([
            {"uid": {"type": "User", "id": "a"}, "attrs": {"name": "a", "level": 1, "tags": ["a", "z"]},
                "parents": [{"type": "Team", "id": "t"}]},
            {"uid": {"type": "User", "id": "b"}, "attrs": {"name": "b", "level": 3, "tags": []}, "parents": []},
            {"uid": {"type": "Action", "id": "call"}, "attrs": {}, "parents": [{"type": "Action", "id": "tools"}]}
        ]),
        None,
    )
    .expect("entities")
}

const PRINCIPALS: [&str; 2] = ["a", "b"];

/// What cedar-policy says: whether some input of the world is allowed, by principal and mode.
fn truth(world: &World, policies: &PolicySet, entities: &Entities) -> Vec<Prospect> {
    let inputs = inputs(&world.features);
    let mut truth = Vec::new();
    for principal in PRINCIPALS {
        let uid =
            |type_name: &str, id: &str| EntityUid::from_json(json!({"type": type_name, "id": id})).expect("an entity");
        let mut found = [false; MODES.len()];
        for input in &inputs {
            let context = json!({"known": 1, "input": input});
            let context = Context::from_json_value(context, None).expect("a context");
            let request = Request::new(uid("User", principal), uid("Action", "call"), uid("Tool", "x"), context, None);
            let (allow, _, errors) = cedar(&request.expect("a request"), policies, entities);
            let forbid_erred = errors.iter().any(|id| is_forbid(policies, id));
            for (mode, found) in MODES.iter().zip(&mut found) {
                *found |= allow && (*mode == OnForbidError::Skip || !forbid_erred);
            }
            if found == [true; MODES.len()] {
                break;
            }
        }
        truth.extend(found.map(|found| if found { Prospect::Possible } else { Prospect::Impossible }));
    }
    truth
}

fn is_forbid(policies: &PolicySet, id: &str) -> bool {
    let policy = policies.policy(&PolicyId::new(id)).expect("it erred, so it is there");
    policy.effect() == cedar_policy::Effect::Forbid
}

/// What the engine says, natively and in wasm.
fn ours(bytes: &[u8], transcript: &Transcript) -> Result<Vec<Prospect>, String> {
    let session = Session::open(bytes).expect("opens");
    let native = GuestAnswer::read_all(&session.answer(transcript.bytes()).expect("answers")).expect("readable");
    let wasm = replayed(bytes, transcript)?;
    if native != wasm {
        return Err(format!("native: {native:?}\nwasm:   {wasm:?}"));
    }
    native
        .into_iter()
        .map(|answer| match answer {
            GuestAnswer::Prospect(prospect) => Ok(prospect),
            other => Err(format!("{other:?} where a prospect was asked for")),
        })
        .collect()
}

/// Asks of every principal in each mode; returns what was agreed on.
fn disagreement(world: &World) -> Result<Vec<Prospect>, String> {
    let mut policies = PolicySet::new();
    for (number, text) in world.policies.iter().enumerate() {
        let policy = Policy::parse(Some(PolicyId::new(format!("policy{number}"))), text);
        policies.add(policy.unwrap_or_else(|error| panic!("{text}\n{error:?}"))).expect("ids are distinct");
    }
    let entities = store();
    let source = PolicySource { policies: &policies, entities: &entities, step_limit: 1_000_000 };
    let bytes = compile(source).map_err(|errors| format!("does not compile: {errors:?}"))?.bytes;
    let mut transcript = Transcript::new();
    for principal in PRINCIPALS {
        for mode in MODES {
            let principal = transcript.entity("User", principal);
            let action = transcript.entity("Action", "call");
            let resource = transcript.entity("Tool", "x");
            let known = transcript.long(1);
            let context = transcript.record(&[("known", known)]);
            transcript.prospect([principal, action, resource, context], "input", &world.input_type(), mode);
        }
    }
    let (ours, theirs) = (ours(&bytes, &transcript)?, truth(world, &policies, &entities));
    if ours == theirs { Ok(ours) } else { Err(format!("cedar-policy: {theirs:?}\nours:         {ours:?}")) }
}

/// Leaves out policies and features as long as the disagreement stays.
fn shrink(mut world: World) -> World {
    let mut at = 0;
    while at < world.policies.len() {
        let mut smaller = world.clone();
        smaller.policies.remove(at);
        if disagreement(&smaller).is_err() { world = smaller } else { at += 1 }
    }
    world
}

/// Every listed tool can be called with some input, and every tool that can be called is listed.
#[test]
fn what_some_input_of_a_small_world_allows_is_possible_and_nothing_else() {
    let count = 600 * setting("PALISADE_DIFFERENTIAL_FACTOR", 1);
    let (mut asked, mut possible) = (0, 0);
    for number in 0..count {
        let (seed, mut random) = seeded(20, number);
        let world = World::generate(&mut random);
        match disagreement(&world) {
            Ok(agreed) => {
                asked += agreed.len();
                possible += agreed.iter().filter(|prospect| prospect.is_possible()).count();
            }
            Err(found) => {
                let name = format!("found-{seed}-{number}");
                let line = shrink(world).to_line(&name);
                let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases/prospect");
                std::fs::write(format!("{folder}/{name}.jsonl"), format!("{line}\n")).expect("the case is kept");
                panic!("{name}: {found}\nshrunk and kept under tests/cases/prospect:\n{line}");
            }
        }
    }
    println!("{asked} prospects, {possible} possible");
    assert!(possible > asked / 5 && asked - possible > asked / 5, "the answers are too uniform");
}

/// Cases that were found once, or that are instructive.
#[test]
fn kept_cases_agree() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/prospect");
    let mut cases = 0;
    for file in std::fs::read_dir(&folder).expect("the folder of cases") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
        for line in text.lines() {
            if let Err(found) = disagreement(&World::from_line(line)) {
                panic!("{line}\n{found}");
            }
            cases += 1;
        }
    }
    assert!(cases > 0, "there are cases");
}

/// The type of a value of Cedar's JSON; `None` for a set of several types.
fn type_of(value: &Value, random: &mut Random) -> Option<Type> {
    Some(match value {
        Value::Bool(_) => Type::Bool,
        Value::Number(_) => Type::Long,
        Value::String(_) => Type::String,
        Value::Array(elements) => {
            let mut types: Vec<Type> =
                elements.iter().map(|element| type_of(element, random)).collect::<Option<_>>()?;
            types.dedup();
            match types.as_slice() {
                [] => Type::Set(Box::new(Type::String)),
                [one] => Type::Set(Box::new(one.clone())),
                _ => return None,
            }
        }
        Value::Object(fields) => {
            if let Some(uid) = fields.get("__entity") {
                return Some(Type::Entity(uid["type"].as_str()?.into()));
            }
            if let Some(call) = fields.get("__extn") {
                return Some(match call["fn"].as_str()? {
                    "decimal" => Type::Decimal,
                    "datetime" => Type::Datetime,
                    "duration" => Type::Duration,
                    _ => Type::Ip,
                });
            }
            let mut own = Vec::new();
            for (name, value) in fields {
                own.push(field(name, random.chance(70), type_of(value, random)?));
            }
            if random.chance(30) {
                own.push(field("absent", false, Type::Long));
            }
            Type::Record(own.into())
        }
        Value::Null => return None,
    })
}

/// The prospects of a case's requests, each with one attribute of the context unknown; and which request, which
/// attribute and which mode each is about.
pub(crate) fn one_attribute_unknown(
    case: &Case,
    random: &mut Random,
) -> (Transcript, Vec<(usize, String, OnForbidError)>) {
    let mut transcript = Transcript::new();
    let mut asked = Vec::new();
    for (number, json) in case.requests.iter().enumerate() {
        let context = json["context"].as_object().expect("a record");
        for (attribute, value) in context {
            let Some(of) = type_of(value, random) else { continue };
            let mut known = context.clone();
            known.remove(attribute);
            for mode in MODES {
                let [principal, action, resource] =
                    ["principal", "action", "resource"].map(|part| entity(&json[part], &mut transcript));
                let context = wasm::value(&Value::Object(known.clone()), &mut transcript);
                transcript.prospect([principal, action, resource, context], attribute, &of, mode);
                asked.push((number, attribute.clone(), mode));
            }
        }
    }
    (transcript, asked)
}

/// Whatever the policies are: if a request is allowed, it was possible before one of its attributes was known.
fn never_hidden(family: u64, count: u64, generate: impl Fn(&mut Random) -> Case) {
    let count = count * setting("PALISADE_DIFFERENTIAL_FACTOR", 1);
    let (mut total, mut allowed, mut hidden) = (0, 0, 0);
    for number in 0..count {
        let (_, mut random) = seeded(family, number);
        let case = generate(&mut random);
        let (policies, entities) = case.load();
        let allows = case.requests.iter().map(|json| {
            let (allow, _, errors) = cedar(&load_request(json, None), &policies, &entities);
            let forbid_erred = errors.iter().any(|id| is_forbid(&policies, id));
            move |mode| allow && (mode == OnForbidError::Skip || !forbid_erred)
        });
        let allows: Vec<_> = allows.collect();
        let (transcript, asked) = one_attribute_unknown(&case, &mut random);
        let about = || case.to_line("prospect");
        let ours = ours(&compiled(&case), &transcript).unwrap_or_else(|found| panic!("{found}\n{}", about()));
        assert_eq!(ours.len(), asked.len(), "an answer to each");
        for (prospect, (request, attribute, mode)) in ours.into_iter().zip(asked) {
            let allow = allows[request](mode);
            assert!(prospect.is_possible() || !allow, "{attribute} of request {request}, {mode:?}\n{}", about());
            total += 1;
            allowed += usize::from(allow);
            hidden += usize::from(!prospect.is_possible());
        }
    }
    println!("{total} prospects: {allowed} of allowed requests, {hidden} impossible");
    assert!(allowed > total / 20 && hidden > total / 20, "the answers are too uniform");
}

#[test]
fn nothing_that_is_allowed_is_impossible() {
    never_hidden(21, 400, |random| Case::generate(random, 6));
}

#[test]
fn nothing_that_is_allowed_is_impossible_in_large_sets() {
    never_hidden(22, 15, |random| Case::generate(random, 300));
}

#[test]
fn nothing_typed_that_is_allowed_is_impossible() {
    never_hidden(23, 300, |random| Case::typed(random, 12));
}

/// What was found for one question of a request is the answer to another only where it is true of that: asked in one request, as
/// a list does, each is answered as in a request of its own.
#[test]
fn questions_of_one_request_are_answered_as_each_by_itself() {
    let count = 600 * setting("PALISADE_DIFFERENTIAL_FACTOR", 1);
    let (mut total, mut possible) = (0, 0);
    for number in 0..count {
        let (_, mut random) = seeded(24, number);
        let case = match number % 3 {
            0 => Case::generate(&mut random, 2),
            1 => Case::generate(&mut random, 8),
            _ => Case::typed(&mut random, 12),
        };
        let (transcript, _) = one_attribute_unknown(&case, &mut random);
        let session = Session::open(&compiled(&case)).expect("opens");
        let read = |answers: Result<Vec<u8>, _>| GuestAnswer::read_all(&answers.expect("answers")).expect("readable");
        let alone = read(session.answer(transcript.bytes()));
        assert_eq!(read(session.answer_together(transcript.bytes())), alone, "{}", case.to_line("prospect"));
        total += alone.len();
        possible += alone.iter().filter(|answer| **answer == GuestAnswer::Prospect(Prospect::Possible)).count();
    }
    println!("{total} prospects, {possible} possible");
    assert!(possible > total / 20 && total - possible > total / 20, "the answers are too uniform");
}

/// The prospect of a call by nobody in particular, with arguments of this type.
fn prospect(policies: &[String], input: Type) -> Prospect {
    let policies: PolicySet = policies.join("\n").parse().expect("policies");
    let source = PolicySource { policies: &policies, entities: &Entities::empty(), step_limit: 1_000_000 };
    let bytes = compile(source).expect("compiles").bytes;
    let mut transcript = Transcript::new();
    let [principal, action, resource] =
        [("User", "a"), ("Action", "call"), ("Tool", "x")].map(|(name, id)| transcript.entity(name, id));
    let context = transcript.record(&[]);
    transcript.prospect([principal, action, resource, context], "input", &input, OnForbidError::Deny);
    ours(&bytes, &transcript).expect("an answer").remove(0)
}

fn when(effect: &str, condition: &str) -> String {
    format!("{effect}(principal, action, resource) when {{ {condition} }};")
}

fn fields(names: impl IntoIterator<Item = String>, field_type: &Type) -> Type {
    Type::Record(names.into_iter().map(|name| field(&name, true, field_type.clone())).collect())
}

/// Forbids that have nothing to do with why a tool cannot be called do not make the search longer: each could be false
/// in two ways, and together in a billion.
#[test]
fn what_is_beside_the_point_is_not_searched() {
    let names = (0..30).flat_map(|n| [format!("a{n}"), format!("b{n}")]);
    let input = fields(names.chain(["x".to_owned()]), &Type::Long);
    let mut policies = vec![when("permit", "context.input.x == 1")];
    policies.extend((0..30).map(|n| when("forbid", &format!("context.input.a{n} < 5 && context.input.b{n} > 5"))));
    assert_eq!(prospect(&policies, input.clone()), Prospect::Possible);
    policies.push(when("forbid", "context.input.x > 0"));
    assert_eq!(prospect(&policies, input), Prospect::Impossible);
}

/// Any of a thousand permits will do, whichever the forbids leave.
#[test]
fn many_permits_behind_one_argument() {
    let input = || fields(["name".to_owned()], &Type::String);
    let permits = (0..1000).map(|n| when("permit", &format!("context.input.name == \"tool {n}\"")));
    let mut policies: Vec<String> = permits.collect();
    assert_eq!(prospect(&policies, input()), Prospect::Possible);
    policies.push(when("forbid", "context.input.name != \"tool 7\""));
    assert_eq!(prospect(&policies, input()), Prospect::Possible);
}

/// Patterns that contradict each other in all ways but one, and in all.
#[test]
fn patterns_are_held_against_each_other() {
    let input = || fields(["path".to_owned()], &Type::String);
    let like = |effect: &str, pattern: &str| when(effect, &format!("context.input.path like \"{pattern}\""));
    let mut policies = vec![
        when("permit", "context.input.path like \"/work/*\" && context.input.path like \"*.pem\""),
        like("forbid", "*/../*"),
        like("forbid", "*/.*"),
        like("forbid", "/work/*/*"),
        like("forbid", "/work/a*"),
    ];
    assert_eq!(prospect(&policies, input()), Prospect::Possible);
    policies.push(when("forbid", "!(context.input.path like \"*/.pem\")"));
    assert_eq!(prospect(&policies, input()), Prospect::Impossible);
}

/// What no test asks is computed: it may show that a call is possible, and never that it is not.
#[test]
fn what_is_not_followed_hides_nothing() {
    let input = || fields(["a", "b"].map(str::to_owned), &Type::Long);
    for (condition, expected) in [
        ("context.input.a + 1 > 0", Prospect::Possible),
        ("context.input.a == context.input.b", Prospect::Possible),
        ("context.input.a + 1 == 7", Prospect::Unsettled),
        ("context.input.a < context.input.b", Prospect::Unsettled),
        ("context.input == {a: 1, b: 2}", Prospect::Unsettled),
        ("context == {input: {a: 0, b: 0}}", Prospect::Possible),
        ("context.input.a == 6 && context.input.a + 1 == 7", Prospect::Possible),
        ("context.input.a + 1 == 7 && false", Prospect::Unsettled),
        ("false && context.input.a + 1 == 7", Prospect::Impossible),
        ("context.input.a + true == 7", Prospect::Impossible),
    ] {
        assert_eq!(prospect(&[when("permit", condition)], input()), expected, "{condition}");
    }
}

/// More search than the limit allows hides nothing either.
#[test]
fn a_search_that_is_too_long_hides_nothing() {
    let input = fields(["a".to_owned()], &Type::Long);
    // Each comparison asks for a number that only the next one shows to be too small.
    let greater: Vec<String> = (0..400).map(|n| format!("context.input.a > {n}")).collect();
    assert_eq!(prospect(&[when("permit", &greater.join(" && "))], input), Prospect::Unsettled);
}
