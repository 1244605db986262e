//! Policies: effect, scope and the program of their conditions.

use core::ops::Range;

use crate::entities::Entities;
use crate::error::{OpenError, OpenErrorKind};
use crate::format::Table;
use crate::ids::{EntityId, PolicyIndex, ProgramId, StringId};
use crate::lineage::{Lineage, Mark};
use crate::machine::{Data, Reads};
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
    /// What every lineage that the scope covers has.
    pub(crate) const fn mark(self) -> Mark {
        match self {
            Self::Any | Self::Is(_) => Mark::ANY,
            Self::Equal(entity) | Self::In(entity) | Self::IsIn(_, entity) => Mark::of(entity),
        }
    }

    #[inline]
    pub(crate) fn covers(self, lineage: Lineage, data: Data<'_>) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(other) => lineage.entity == other,
            Self::In(other) => lineage.is_in(other, data),
            Self::Is(type_name) => data.type_name(lineage.entity) == Some(type_name),
            Self::IsIn(type_name, other) => {
                data.type_name(lineage.entity) == Some(type_name) && lineage.is_in(other, data)
            }
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
    actions: Range<u32>,
    pub(crate) program: ProgramId,
    /// Where the program's instructions lie.
    pub(crate) code: Range<u32>,
    /// What they look at.
    pub(crate) reads: Reads,
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
        let count = policies.len() / Table::Policies.stride();
        let error = |at, kind| OpenError { section: Table::Policies.label(), at, kind };
        let mut all = Vec::with_capacity(count);
        let mut start = 0;
        for at in 0..count {
            let mut policy = Policy::read(&mut reader, start)?;
            (policy.code, policy.reads) = policy.check(strings, entities, programs).map_err(|kind| error(at, kind))?;
            start = policy.actions.end;
            all.push(policy);
        }
        if start as usize != actions.len() {
            return Err(error(count, OpenErrorKind::TrailingBytes));
        }
        if actions.iter().any(|action| *action >= entities.len()) {
            return Err(error(0, OpenErrorKind::DanglingId));
        }
        Ok(Self { policies: all.into(), actions: actions.into_iter().map(EntityId::new).collect() })
    }

    pub(crate) fn len(&self) -> usize {
        self.policies.len()
    }

    pub(crate) fn get(&self, at: PolicyIndex) -> Option<&Policy> {
        self.policies.get(at.index())
    }

    /// Whether the policy's action scope covers the action.
    #[inline]
    pub(crate) fn covers_action(&self, policy: &Policy, action: EntityId, data: Data<'_>) -> bool {
        let actions = || {
            let Range { start, end } = policy.actions;
            self.actions.get(start as usize..end as usize).unwrap_or_default()
        };
        match policy.action {
            ActionScope::Any => true,
            ActionScope::Equal => actions().contains(&action),
            ActionScope::In => actions().iter().any(|other| data.is_in(action, *other)),
        }
    }
}

impl Policy {
    fn read(reader: &mut Reader<'_>, actions_start: u32) -> Result<Self, OpenError> {
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
        let count = actions_end.checked_sub(actions_start).ok_or(reader.error(OpenErrorKind::OutOfOrder))?;
        let plausible = match action {
            ActionScope::Any => count == 0,
            ActionScope::Equal => count == 1,
            ActionScope::In => true,
        };
        if !plausible {
            return Err(reader.error(OpenErrorKind::UnknownCode));
        }
        let actions = actions_start..actions_end;
        Ok(Self { id, is_forbid, principal, resource, action, actions, program, code: 0..0, reads: Reads::ALL })
    }

    /// Checks that what the policy names exists; returns where its program's instructions lie, and what they look at.
    fn check(
        &self,
        strings: &Strings,
        entities: &Entities,
        programs: &Programs,
    ) -> Result<(Range<u32>, Reads), OpenErrorKind> {
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
        let program = programs.get(self.program).ok_or(OpenErrorKind::DanglingId)?;
        if program.skips { Err(OpenErrorKind::BrokenProgram) } else { Ok((program.range.clone(), program.reads)) }
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
