//! The engine behind a byte protocol, so that the same decisions can be run natively, under callgrind and in wasm.
//!
//! Requests are text: one a line, fields separated by U+001F: type and id of principal, action and resource, then for
//! each field of the context its name, its kind (`text`, `long`, `bool`) and its value.

use palisade_engine::{CompiledPolicySet, DecideError, EntityId, OpenError, Request, Scratch, Value};

/// Separates the fields of a request.
pub const SEPARATOR: char = '\u{1f}';

/// Why a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The policies do not open.
    Open(OpenError),
    /// A request's text is not one.
    Malformed,
    /// The engine refused to decide.
    Decide(DecideError),
}

/// Requests' parts, as text.
pub struct Asks<'t> {
    asks: Vec<Vec<&'t str>>,
}

/// A request that is ready to ask.
struct Ready<'a> {
    request: Request<'a>,
    principal: EntityId,
    action: EntityId,
    resource: EntityId,
    context: Value,
}

impl<'t> Asks<'t> {
    /// Splits the text.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        Self { asks: text.lines().map(|line| line.split(SEPARATOR).collect()).collect() }
    }
}

/// Opens a policy set.
///
/// # Errors
/// Where it is not one.
pub fn open(bytes: &[u8]) -> Result<CompiledPolicySet, Failure> {
    CompiledPolicySet::open(bytes).map_err(Failure::Open)
}

/// Builds every request once and decides each of them `passes` times; returns how many policies determined them.
///
/// # Errors
/// Where a request is malformed or the engine refuses to decide.
pub fn decide_prebuilt(set: &CompiledPolicySet, asks: &Asks<'_>, passes: u32) -> Result<usize, Failure> {
    let mut scratches: Vec<Scratch> = asks.asks.iter().map(|_| Scratch::new()).collect();
    let ready = asks.asks.iter().zip(&mut scratches).map(|(ask, scratch)| build(set, scratch, ask));
    let mut ready = ready.collect::<Result<Vec<_>, _>>()?;
    let mut reasons = 0;
    for _ in 0..passes {
        for Ready { request, principal, action, resource, context } in &mut ready {
            let decision = request.decide_call(*principal, *action, *resource, *context).map_err(Failure::Decide)?;
            reasons += decision.reasons().len();
        }
    }
    Ok(reasons)
}

/// Builds and decides every request `passes` times; returns how many policies determined them.
///
/// # Errors
/// Where a request is malformed or the engine refuses to decide.
pub fn decide_from_parts(set: &CompiledPolicySet, asks: &Asks<'_>, passes: u32) -> Result<usize, Failure> {
    let mut scratch = Scratch::new();
    let mut reasons = 0;
    for _ in 0..passes {
        for ask in &asks.asks {
            let Ready { request, principal, action, resource, context } = build(set, &mut scratch, ask)?;
            reasons += request.decide(principal, action, resource, context).map_err(Failure::Decide)?.reasons().len();
        }
    }
    Ok(reasons)
}

/// Fields that a context has at most.
const FIELDS: usize = 8;

fn build<'a>(set: &'a CompiledPolicySet, scratch: &'a mut Scratch, ask: &[&str]) -> Result<Ready<'a>, Failure> {
    let mut request = Request::new(set, scratch);
    let (uids, fields) = ask.split_at_checked(6).ok_or(Failure::Malformed)?;
    let [principal_type, principal, action_type, action, resource_type, resource] = uids else {
        return Err(Failure::Malformed);
    };
    let principal = request.entity(principal_type, principal);
    let action = request.entity(action_type, action);
    let resource = request.entity(resource_type, resource);
    let mut values = [("", Value::Bool(false)); FIELDS];
    let mut count = 0;
    for field in fields.chunks(3) {
        let [name, kind, text] = field else { return Err(Failure::Malformed) };
        let value = match *kind {
            "text" => request.string(text),
            "long" => Value::Long(text.parse().map_err(|_| Failure::Malformed)?),
            "bool" => Value::Bool(text.parse().map_err(|_| Failure::Malformed)?),
            _ => return Err(Failure::Malformed),
        };
        *values.get_mut(count).ok_or(Failure::Malformed)? = (name, value);
        count += 1;
    }
    let context = request.record(values.get(..count).unwrap_or_default());
    Ok(Ready { request, principal, action, resource, context })
}
