//! A list of tools, each asked for its prospect: agents that see what they could call.

use palisade_engine::{Field as TypeField, Type};

use super::{Ask, Entity, Field, Uid, Workload, uid};

/// Kinds of tools; each has its action, its arguments and its policies.
const KINDS: [&str; 5] = ["read", "write", "pay", "run", "admin"];

const SCHEMA: &str = r#"entity Team;
entity Server;
entity Tool in [Server];
entity Agent in [Team] = { folder?: String, suspended: Bool };
action "tools";
action "read" in ["tools"] appliesTo { principal: Agent, resource: Tool, context: { now: Long, input: { path: String, head?: Long, tail?: Long } } };
action "write" in ["tools"] appliesTo { principal: Agent, resource: Tool, context: { now: Long, input: { path: String, content: String, mode?: String } } };
action "pay" in ["tools"] appliesTo { principal: Agent, resource: Tool, context: { now: Long, input: { amount: Long, currency: String, note?: String } } };
action "run" in ["tools"] appliesTo { principal: Agent, resource: Tool, context: { now: Long, input: { command: String, arguments: Set<String> } } };
action "admin" in ["tools"] appliesTo { principal: Agent, resource: Tool, context: { now: Long, input: { key: String } } };
"#;

/// Reading and paying depend on arguments, writing on the caller and its arguments, running on neither; forbids look at
/// the arguments of all of them. Nobody is an administrator.
const POLICIES: &str = r#"
permit(principal in Team::"engineering", action == Action::"read", resource in Server::"files")
when { context.input.path like "/work/*" };
permit(principal in Team::"engineering", action == Action::"write", resource in Server::"files")
when { principal has folder && context.input.path like "/work/checkout/*" };
permit(principal in Team::"engineering", action == Action::"pay", resource in Server::"files")
when { context.input.amount < 500 && context.input.currency == "EUR" };
permit(principal in Team::"engineering", action == Action::"run", resource in Server::"files")
when { context.now > 0 };
permit(principal in Team::"administration", action == Action::"admin", resource in Server::"files");
forbid(principal, action in [Action::"read", Action::"write"], resource)
when {
  context.input.path like "*/../*" || context.input.path like "*/.." ||
  context.input.path like "*/./*" || context.input.path like "*\\*"
};
forbid(principal, action in [Action::"read", Action::"write"], resource)
when { context.input.path like "*/.env*" || context.input.path like "*.pem" };
forbid(principal, action == Action::"pay", resource) when { context.input.amount < 0 };
forbid(principal, action == Action::"run", resource) when { context.input.arguments.contains("--force") };
forbid(principal, action in Action::"tools", resource) when { principal.suspended };
"#;

/// A list of `count` tools, of each kind the same, for an agent that may write or one that may not, in turns.
#[must_use]
pub fn workload(count: usize) -> Workload {
    let agent = |id: &str, folder: Option<&str>| Entity {
        uid: uid("Agent", id),
        attributes: [("suspended", Field::Bool(false))]
            .into_iter()
            .chain(folder.map(|folder| ("folder", Field::Text(folder.to_owned()))))
            .collect(),
        tags: Vec::new(),
        parents: vec![uid("Team", "engineering")],
    };
    let mut entities = vec![agent("writer", Some("checkout")), agent("reader", None)];
    entities.extend((0..count).map(|n| Entity {
        uid: tool(n),
        attributes: Vec::new(),
        tags: Vec::new(),
        parents: vec![uid("Server", "files")],
    }));
    let asks = (0..count).map(|n| Ask {
        principal: uid("Agent", if (n / KINDS.len()).is_multiple_of(2) { "writer" } else { "reader" }),
        action: uid("Action", *KINDS.get(n % KINDS.len()).unwrap_or(&"admin")),
        resource: tool(n),
        context: vec![("now", Field::Long(1))],
        input: Some(input(n)),
    });
    Workload {
        name: format!("list of tools {count}"),
        schema: SCHEMA,
        policies: POLICIES.to_owned(),
        links: Vec::new(),
        entities,
        asks: asks.collect(),
    }
}

fn tool(n: usize) -> Uid {
    uid("Tool", format!("t{n}"))
}

/// The type of a tool's arguments.
fn input(n: usize) -> Type {
    let field = |name: &str, required, field_type| TypeField { name: name.into(), required, field_type };
    let fields = match n % KINDS.len() {
        0 => [field("path", true, Type::String), field("head", false, Type::Long), field("tail", false, Type::Long)]
            .into(),
        1 => [
            field("path", true, Type::String),
            field("content", true, Type::String),
            field("mode", false, Type::String),
        ]
        .into(),
        2 => [
            field("amount", true, Type::Long),
            field("currency", true, Type::String),
            field("note", false, Type::String),
        ]
        .into(),
        3 => [field("command", true, Type::String), field("arguments", true, Type::Set(Box::new(Type::String)))].into(),
        _ => [field("key", true, Type::String)].into(),
    };
    Type::Record(fields)
}
