//! A policy as a set of requirements that all have to hold for it to be true.
//!
//! A policy is true exactly if its scope matches and its condition evaluates to true, and a chain of `&&` evaluates to
//! true exactly if each operand does: none of them is false, none errs. So with `required` for what a policy asks and
//! `implied` for everything that follows from it, a policy A cannot be true without policy B being true if
//! `required(B)` is a part of `implied(A)`. Equal conjuncts are one node of the graph, and a node has one value for a
//! request, whichever policy asks for it and in whichever order.

use std::collections::{BTreeSet, HashMap};

use palisade_engine::{EntityId, Opcode, StringId, Value};

use crate::compile::expression::{Expression, ExpressionId, Expressions};
use crate::compile::tables::Tables;
use crate::compile::translate::{ActionScope, Policy, Scope};

/// One requirement. Variables are numbered as in the graph.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Atom {
    /// A variable is an entity.
    Equal(u32, EntityId),
    /// A variable is an entity or below it.
    In(u32, EntityId),
    /// A variable is of a type.
    Is(u32, StringId),
    /// The action is one of these or below one of them.
    ActionInOneOf(Vec<EntityId>),
    /// An expression is true.
    Holds(ExpressionId),
}

/// The number of the action's variable.
pub(super) const ACTION: u32 = 1;

/// What a scope asks. None where nothing can meet it.
pub(super) fn of_scope(policy: &Policy) -> BTreeSet<Atom> {
    let mut atoms = BTreeSet::new();
    for (variable, scope) in [(0, policy.principal), (2, policy.resource)] {
        match scope {
            Scope::Any => {}
            Scope::Equal(entity) => drop(atoms.insert(Atom::Equal(variable, entity))),
            Scope::In(entity) => drop(atoms.insert(Atom::In(variable, entity))),
            Scope::Is(type_name) => drop(atoms.insert(Atom::Is(variable, type_name))),
            Scope::IsIn(type_name, entity) => {
                atoms.insert(Atom::Is(variable, type_name));
                atoms.insert(Atom::In(variable, entity));
            }
        }
    }
    match &policy.action {
        ActionScope::Any => {}
        ActionScope::Equal(action) => drop(atoms.insert(Atom::Equal(ACTION, *action))),
        ActionScope::In(actions) => {
            let mut actions = actions.clone();
            actions.sort_unstable();
            actions.dedup();
            atoms.insert(match *actions.as_slice() {
                [action] => Atom::In(ACTION, action),
                _ => Atom::ActionInOneOf(actions),
            });
        }
    }
    atoms
}

/// What a conjunct asks.
pub(super) fn of_conjunct(conjunct: ExpressionId, expressions: &Expressions, tables: &Tables, to: &mut BTreeSet<Atom>) {
    let variable = |id| match *expressions.get(id) {
        Expression::Variable(variable @ 0..=2) => Some(variable),
        _ => None,
    };
    let entity = |id| match expressions.constant(id, tables) {
        Some(Value::Entity(entity)) => Some(entity),
        _ => None,
    };
    let atom = match *expressions.get(conjunct) {
        Expression::And(ref inner) => {
            inner.iter().for_each(|inner| of_conjunct(*inner, expressions, tables, to));
            return;
        }
        Expression::Binary(Opcode::Equal, a, b) => {
            let named = variable(a).zip(entity(b)).or_else(|| variable(b).zip(entity(a)));
            named.map(|(variable, entity)| Atom::Equal(variable, entity))
        }
        Expression::Binary(Opcode::In, a, b) => {
            variable(a).zip(entity(b)).map(|(variable, entity)| Atom::In(variable, entity))
        }
        Expression::IsType(a, type_name) => variable(a).map(|variable| Atom::Is(variable, type_name)),
        Expression::Unary(Opcode::Not, a) if matches!(expressions.constant(a, tables), Some(Value::Bool(false))) => {
            return;
        }
        _ if matches!(expressions.constant(conjunct, tables), Some(Value::Bool(true))) => return,
        _ => None,
    };
    to.insert(atom.unwrap_or(Atom::Holds(conjunct)));
}

/// The lists of [`Atom::ActionInOneOf`] in a policy set, by each of their members.
#[derive(Default)]
pub(super) struct ActionLists {
    by_member: HashMap<EntityId, BTreeSet<Vec<EntityId>>>,
}

impl ActionLists {
    pub(super) fn add(&mut self, required: &BTreeSet<Atom>) {
        for atom in required {
            if let Atom::ActionInOneOf(actions) = atom {
                for action in actions {
                    self.by_member.entry(*action).or_default().insert(actions.clone());
                }
            }
        }
    }
}

/// Everything that follows from requirements.
///
/// An entity is in itself and of its type. What it is below is used for actions alone: a request may bring a principal
/// of its own, with other parents than the store knows.
pub(super) fn implied(required: &BTreeSet<Atom>, lists: &ActionLists, tables: &Tables) -> BTreeSet<Atom> {
    let mut all = required.clone();
    for atom in required {
        if let Atom::Equal(variable, entity) = *atom {
            all.insert(Atom::In(variable, entity));
            if let Some(row) = tables.entities.get(entity.index()) {
                all.insert(Atom::Is(variable, row.type_name));
            }
        }
        let actions = match atom {
            Atom::Equal(ACTION, action) | Atom::In(ACTION, action) => core::slice::from_ref(action),
            Atom::ActionInOneOf(actions) => actions,
            Atom::Equal(..) | Atom::In(..) | Atom::Is(..) | Atom::Holds(_) => continue,
        };
        // What every one of the actions is below: they are alternatives.
        let above: Vec<Vec<EntityId>> = actions.iter().map(|action| with_ancestors(*action, tables)).collect();
        let Some((first, rest)) = above.split_first() else { continue };
        for group in first.iter().filter(|group| rest.iter().all(|other| other.contains(group))) {
            all.insert(Atom::In(ACTION, *group));
        }
        let among = |list: &&Vec<EntityId>| rest.iter().all(|above| above.iter().any(|group| list.contains(group)));
        let near = first.iter().filter_map(|group| lists.by_member.get(group)).flatten();
        all.extend(near.filter(among).cloned().map(Atom::ActionInOneOf));
    }
    all
}

fn with_ancestors(action: EntityId, tables: &Tables) -> Vec<EntityId> {
    let ancestors = tables.entities.get(action.index()).map(|row| row.ancestors.as_slice()).unwrap_or_default();
    core::iter::once(action).chain(ancestors.iter().copied()).collect()
}
