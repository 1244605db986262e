//! Compiled policies as text: what `palisade inspect` shows of the index and of programs.

use std::fmt::Write;

use palisade_engine::format::WILDCARD;
use palisade_engine::{
    Compare, CompiledPolicySet, EntityId, Instruction, LookupView, Opcode, PatternId, PolicyIndex, ProbeMode,
    ProbeSubject, ProgramId, ShapeId, StringId, Value,
};

/// An entity in Cedar's syntax.
#[must_use]
pub fn entity(set: &CompiledPolicySet, id: EntityId) -> String {
    match set.entity(id) {
        Some((type_name, id)) => format!("{type_name}::{}", quoted(id)),
        None => format!("{id:?}"),
    }
}

/// A constant in Cedar's syntax.
#[must_use]
pub fn value(set: &CompiledPolicySet, value: Value) -> String {
    match value {
        Value::Bool(value) => value.to_string(),
        Value::Long(number) => number.to_string(),
        Value::String(id) => set.string(id).map_or_else(|| format!("{id:?}"), quoted),
        Value::Entity(id) => entity(set, id),
        Value::Set(id) => {
            let elements: Vec<_> = set.elements(id).iter().map(|element| self::value(set, *element)).collect();
            format!("[{}]", elements.join(", "))
        }
        Value::Record(id) => {
            let field = |(key, value): &(StringId, Value)| {
                format!("{}: {}", quoted(set.string(*key).unwrap_or_default()), self::value(set, *value))
            };
            let fields: Vec<_> = set.fields(id).iter().map(field).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Value::Decimal(value) => {
            let (sign, magnitude) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
            format!("decimal(\"{sign}{}.{:04}\")", magnitude / 10_000, magnitude % 10_000)
        }
        Value::Datetime(instant) => format!("datetime(\"1970-01-01\").offset(duration(\"{instant}ms\"))"),
        Value::Duration(milliseconds) => format!("duration(\"{milliseconds}ms\")"),
        Value::Ip(id) => match set.address(id) {
            Some(network) => format!("ip(\"{}/{}\")", network.address(), network.prefix()),
            None => format!("{id:?}"),
        },
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug())
}

/// A program's instructions, one a line: number, operation, operand in words.
#[must_use]
pub fn program(set: &CompiledPolicySet, id: ProgramId) -> String {
    let mut text = String::new();
    for (at, instruction) in set.instructions(id).iter().enumerate() {
        let operation = format!("{:?}", instruction.opcode);
        let operand = operand(set, *instruction);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", format!("{at:>5}  {operation:<17} {operand}").trim_end());
    }
    text
}

fn operand(set: &CompiledPolicySet, instruction: Instruction) -> String {
    let number = instruction.operand;
    match instruction.opcode {
        Opcode::Constant | Opcode::EqualConstant => {
            set.constant(number).map_or_else(String::new, |constant| value(set, constant))
        }
        Opcode::Variable => variable(number as usize).to_owned(),
        Opcode::VariableAttribute | Opcode::VariableHas => {
            let name = set.string(StringId::new(number)).unwrap_or_default();
            format!("{}.{name}", variable(usize::from(instruction.slot)))
        }
        Opcode::GetAttribute | Opcode::HasAttribute | Opcode::IsType => {
            set.string(StringId::new(number)).unwrap_or_default().to_owned()
        }
        Opcode::Like => {
            let elements = set.pattern(PatternId::new(number)).unwrap_or_default();
            let text = elements.iter().map(|element| match *element {
                WILDCARD => "*".to_owned(),
                scalar if scalar == u32::from('*') => "\\*".to_owned(),
                scalar => char::from_u32(scalar).map(|c| c.escape_debug().to_string()).unwrap_or_default(),
            });
            format!("\"{}\"", text.collect::<String>())
        }
        Opcode::MakeSet => number.to_string(),
        Opcode::MakeRecord => {
            let keys = set.shape(ShapeId::new(number)).unwrap_or_default();
            let keys: Vec<_> = keys.iter().filter_map(|key| set.string(StringId::new(*key))).collect();
            keys.join(", ")
        }
        Opcode::JumpIfFalse | Opcode::JumpIfTrue | Opcode::Branch | Opcode::Jump => format!("-> {number}"),
        Opcode::LoadShared => format!("shared{} -> {number}", instruction.slot),
        Opcode::StoreShared => format!("shared{}", instruction.slot),
        _ => String::new(),
    }
}

fn variable(number: usize) -> &'static str {
    ["principal", "action", "resource", "context"].get(number).copied().unwrap_or_default()
}

/// The index: for each action, which probes lead to how many policies, and which are always evaluated.
#[must_use]
pub fn index(set: &CompiledPolicySet) -> String {
    let mut text = String::new();
    for partition in set.partitions() {
        let action = partition.action.map_or_else(|| "any action".to_owned(), |action| entity(set, action));
        let _ = writeln!(text, "{action}");
        for view in &partition.lookups {
            let _ = writeln!(text, "  {}", lookup(set, view));
        }
        if !partition.always.is_empty() {
            let _ = writeln!(text, "  always: {}", names(set, &partition.always));
        }
    }
    text
}

/// Policies that a listing names before it only counts.
const NAMED: usize = 8;

fn names(set: &CompiledPolicySet, policies: &[PolicyIndex]) -> String {
    let named: Vec<_> = policies.iter().take(NAMED).map(|policy| set.policy_id(*policy)).collect();
    match policies.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{} and {more} more", named.join(", ")),
        Some(_) | None => named.join(", "),
    }
}

fn lookup(set: &CompiledPolicySet, view: &LookupView) -> String {
    let subject = match view.subject {
        ProbeSubject::Principal => "principal".to_owned(),
        ProbeSubject::Resource => "resource".to_owned(),
        ProbeSubject::Program(program) => path(set, program),
    };
    let mode = match view.mode {
        ProbeMode::Equal => "==",
        ProbeMode::In => "in",
        ProbeMode::Is => "is",
    };
    let policies: usize = view.buckets.iter().map(|(_, policies)| policies.len()).sum();
    let largest = view.buckets.iter().map(|(_, policies)| policies.len()).max().unwrap_or_default();
    format!("{subject} {mode}: {policies} policies by {} keys, at most {largest} a key", view.buckets.len())
}

/// The attribute path that a probe's program ends with, as far as it is one.
fn path(set: &CompiledPolicySet, program: ProgramId) -> String {
    let code = set.instructions(program);
    let end = code.iter().rposition(|instruction| instruction.opcode == Opcode::Return).unwrap_or_default();
    let body = code.get(..end).unwrap_or_default();
    let begins = |opcode| matches!(opcode, Opcode::Variable | Opcode::VariableAttribute);
    let start = body.iter().rposition(|instruction| begins(instruction.opcode)).unwrap_or_default();
    let mut text = String::new();
    for instruction in body.get(start..).unwrap_or_default() {
        let operand = operand(set, *instruction);
        text.push_str(&match instruction.opcode {
            Opcode::Variable | Opcode::VariableAttribute => operand,
            Opcode::GetAttribute => format!(".{operand}"),
            Opcode::Constant => format!("[{operand}]"),
            Opcode::GetTag => ".tag".to_owned(),
            Opcode::StoreShared => String::new(),
            other => format!(" {other:?}"),
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use cedar_policy::{Entities, PolicySet};

    use super::*;
    use crate::compile::{PolicySource, compile};

    fn open(text: &str) -> CompiledPolicySet {
        let policies: PolicySet = text.parse().expect("parses");
        let source = PolicySource { policies: &policies, entities: &Entities::empty(), step_limit: 1000 };
        CompiledPolicySet::open(&compile(source).expect("compiles").bytes).expect("opens")
    }

    #[test]
    fn programs_read_like_assembly() {
        let set = open(
            r#"permit(principal, action, resource)
                when { context.task like "a*\*" && [1, {b: "x"}].contains(principal.size) };"#,
        );
        let (id, is_forbid) = set.policy(PolicyIndex::new(0)).expect("a policy");
        assert!(!is_forbid);
        let expected = [
            "    0  VariableAttribute context.task",
            r#"    1  Like              "a*\*""#,
            "    2  JumpIfFalse       -> 6",
            r#"    3  Constant          [1, {"b": "x"}]"#,
            "    4  VariableAttribute principal.size",
            "    5  Contains",
            "    6  Return",
        ];
        assert_eq!(program(&set, id).lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn the_index_names_actions_probes_and_the_rest() {
        let set = open(
            r#"permit(principal in Team::"a", action == Action::"read", resource);
               permit(principal, action, resource)
                   when { principal.hasTag("t") && principal.getTag("t") == "x" };
               forbid(principal, action, resource) when { context.risk > 3 };"#,
        );
        let expected = [
            "any action",
            r#"  principal["t"].tag ==: 1 policies by 1 keys, at most 1 a key"#,
            "  always: policy2",
            r#"Action::"read""#,
            "  principal in: 1 policies by 1 keys, at most 1 a key",
        ];
        assert_eq!(index(&set).lines().collect::<Vec<_>>(), expected);
        let by_path = open(
            r#"permit(principal, action, resource)
                when { context has task && context.task.branch == "main" };"#,
        );
        let probe = "  context.task.branch ==: 1 policies by 1 keys, at most 1 a key";
        assert_eq!(index(&by_path).lines().nth(1), Some(probe));
    }
}
