//! Policies: effect, scope and the program of their conditions.

use crate::entities::Entities;
use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;
use crate::ids::{EntityId, PolicyIndex, ProgramId, StringId};
use crate::machine::Data;
use crate::program::Programs;
use crate::reader::Reader;
use crate::strings::Strings;

/// What a principal or resource scope asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Scope {
    Any,
    Equal(EntityId),
    In(EntityId),
    Is(StringId),
    IsIn(StringId, EntityId),
}

impl Scope {
    pub(crate) fn covers(self, entity: EntityId, data: Data<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(other) => entity == other,
            Self::In(other) => data.is_in(entity, other),
            Self::Is(type_name) => data.type_name(entity) == Some(type_name),
            Self::IsIn(type_name, other) => data.type_name(entity) == Some(type_name) && data.is_in(entity, other),
        }
    }
}

/// What an action scope asks for; the actions lie in the table of actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ActionScope {
    Any,
    Equal,
    In,
}

/// One policy or template link.
pub(crate) struct Policy {
    pub(crate) id: StringId,
    pub(crate) is_forbid: bool,
    pub(crate) principal: Scope,
    pub(crate) resource: Scope,
    action: ActionScope,
    actions_end: u32,
    pub(crate) program: ProgramId,
}

/// All policies of a set.
pub(crate) struct Policies {
    policies: Box<[Policy]>,
    actions: Box<[EntityId]>,
}

impl Policies {
    pub(crate) fn open(
        policies: &[u8],
        actions: Box<[u32]>,
        strings: &Strings,
        entities: &Entities,
        programs: &Programs,
    ) -> Result<Self, OpenError> {
        let mut reader = Reader::new(policies, Table::Policies.label());
        let policies = (0..policies.len() / Table::Policies.stride())
            .map(|_| Policy::read(&mut reader))
            .collect::<Result<Box<[_]>, _>>()?;
        let opened = Self { policies, actions: actions.into_iter().map(EntityId::new).collect() };
        let error = |at, kind| OpenError { section: Table::Policies.label(), at, kind };
        if opened.actions.iter().any(|action| action.get() >= entities.len()) {
            return Err(error(0, OpenErrorKind::DanglingId));
        }
        let mut start = 0;
        for (at, policy) in opened.policies.iter().enumerate() {
            policy.check(strings, entities, programs).map_err(|kind| error(at, kind))?;
            let actions = policy.actions_end.checked_sub(start).ok_or(error(at, OpenErrorKind::OutOfOrder))?;
            let plausible = match policy.action {
                ActionScope::Any => actions == 0,
                ActionScope::Equal => actions == 1,
                ActionScope::In => true,
            };
            if !plausible {
                return Err(error(at, OpenErrorKind::UnknownCode));
            }
            start = policy.actions_end;
        }
        if start as usize != opened.actions.len() {
            return Err(error(opened.policies.len(), OpenErrorKind::TrailingBytes));
        }
        Ok(opened)
    }

    pub(crate) fn len(&self) -> usize {
        self.policies.len()
    }

    pub(crate) fn get(&self, at: PolicyIndex) -> Option<&Policy> {
        self.policies.get(at.index())
    }

    /// Whether the policy's action scope covers the action.
    pub(crate) fn covers_action(&self, at: PolicyIndex, action: EntityId, data: Data<'_>) -> bool {
        let Some(policy) = self.get(at) else { return false };
        let start = match at.index().checked_sub(1).map(|previous| self.policies.get(previous)) {
            Some(Some(previous)) => previous.actions_end as usize,
            Some(None) | None => 0,
        };
        let actions = self.actions.get(start..policy.actions_end as usize).unwrap_or_default();
        match policy.action {
            ActionScope::Any => true,
            ActionScope::Equal => actions.contains(&action),
            ActionScope::In => actions.iter().any(|other| data.is_in(action, *other)),
        }
    }
}

impl Policy {
    fn read(reader: &mut Reader<'_>) -> Result<Self, OpenError> {
        let id = StringId::new(reader.u32()?);
        let is_forbid = match reader.u8()? {
            0 => false,
            1 => true,
            _ => return Err(reader.error(OpenErrorKind::UnknownCode)),
        };
        let principal = read_scope(reader)?;
        let resource = read_scope(reader)?;
        let actions_end = reader.u32()?;
        let program = ProgramId::new(reader.u32()?);
        let action = match reader.u8()? {
            0 => ActionScope::Any,
            1 => ActionScope::Equal,
            2 => ActionScope::In,
            _ => return Err(reader.error(OpenErrorKind::UnknownCode)),
        };
        Ok(Self { id, is_forbid, principal, resource, action, actions_end, program })
    }

    fn check(&self, strings: &Strings, entities: &Entities, programs: &Programs) -> Result<(), OpenErrorKind> {
        let string = |id: StringId| id.get() < strings.len();
        let entity = |id: EntityId| id.get() < entities.len();
        let scope = |scope| match scope {
            Scope::Any => true,
            Scope::Equal(other) | Scope::In(other) => entity(other),
            Scope::Is(type_name) => string(type_name),
            Scope::IsIn(type_name, other) => string(type_name) && entity(other),
        };
        if !string(self.id) || !scope(self.principal) || !scope(self.resource) {
            return Err(OpenErrorKind::DanglingId);
        }
        match programs.skips(self.program) {
            Some(false) => Ok(()),
            Some(true) => Err(OpenErrorKind::BrokenProgram),
            None => Err(OpenErrorKind::DanglingId),
        }
    }
}

fn read_scope(reader: &mut Reader<'_>) -> Result<Scope, OpenError> {
    let kind = reader.u8()?;
    let type_name = StringId::new(reader.u32()?);
    let entity = EntityId::new(reader.u32()?);
    Ok(match kind {
        0 => Scope::Any,
        1 => Scope::Equal(entity),
        2 => Scope::In(entity),
        3 => Scope::Is(type_name),
        4 => Scope::IsIn(type_name, entity),
        _ => return Err(reader.error(OpenErrorKind::UnknownCode)),
    })
}
