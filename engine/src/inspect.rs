//! A look inside an opened policy set, for listings and explanations. Nothing here takes part in decisions.

use crate::candidate::Candidate;
use crate::compare::Compare;
use crate::extension::IpNetwork;
use crate::ids::{AggregateId, EntityId, IpId, PatternId, PolicyIndex, ProgramId, ShapeId, StringId};
use crate::index::{Mode, Subject};
use crate::opcode::Instruction;
use crate::policy_set::CompiledPolicySet;
use crate::value::Value;

/// What an index probe asks of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeSubject {
    /// The principal itself.
    Principal,
    /// The resource itself.
    Resource,
    /// The value of a program.
    Program(ProgramId),
}

/// How a probe's value selects policies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeMode {
    /// By equality.
    Equal,
    /// By the entity and its ancestors.
    In,
    /// By the entity's type.
    Is,
}

/// A probe in one partition, with its policies.
#[derive(Clone, Debug)]
pub struct LookupView {
    /// What is asked.
    pub subject: ProbeSubject,
    /// How it is compared.
    pub mode: ProbeMode,
    /// Each key with the policies whose guard asks for it.
    pub buckets: Vec<(Value, Vec<PolicyIndex>)>,
}

/// The policies whose scope names one action, or any.
#[derive(Clone, Debug)]
pub struct PartitionView {
    /// The action; `None` for policies of any action.
    pub action: Option<EntityId>,
    /// The policies that no guard narrows down.
    pub always: Vec<PolicyIndex>,
    /// The guarded ones, by probe.
    pub lookups: Vec<LookupView>,
}

impl CompiledPolicySet {
    /// The index, partition by partition.
    #[must_use]
    pub fn partitions(&self) -> Vec<PartitionView> {
        let index = &self.index;
        let policies = |candidates: &[Candidate]| candidates.iter().map(|candidate| candidate.policy).collect();
        index
            .partitions()
            .map(|(action, partition)| PartitionView {
                action,
                always: policies(index.always(partition)),
                lookups: index
                    .lookups(partition)
                    .iter()
                    .filter_map(|lookup| {
                        let probe = index.probe(lookup.probe)?;
                        Some(LookupView {
                            subject: match probe.subject {
                                Subject::Principal => ProbeSubject::Principal,
                                Subject::Resource => ProbeSubject::Resource,
                                Subject::Program(program) => ProbeSubject::Program(program),
                            },
                            mode: match probe.mode {
                                Mode::Equal => ProbeMode::Equal,
                                Mode::In => ProbeMode::In,
                                Mode::Is => ProbeMode::Is,
                            },
                            buckets: index
                                .buckets(lookup)
                                .map(|(key, candidates)| (key, policies(candidates)))
                                .collect(),
                        })
                    })
                    .collect(),
            })
            .collect()
    }

    /// A program's instructions; none for a program of another set.
    #[must_use]
    pub fn instructions(&self, program: ProgramId) -> &[Instruction] {
        self.programs.get(program).and_then(|program| self.programs.code(&program.range)).unwrap_or_default()
    }

    /// The program of a policy's conditions, and whether the policy is a forbid.
    #[must_use]
    pub fn policy(&self, policy: PolicyIndex) -> Option<(ProgramId, bool)> {
        self.policies.get(policy).map(|policy| (policy.program, policy.is_forbid))
    }

    /// A string of the set.
    #[must_use]
    pub fn string(&self, id: StringId) -> Option<&str> {
        self.strings.get(id)
    }

    /// The type and the id of an entity of the set.
    #[must_use]
    pub fn entity(&self, id: EntityId) -> Option<(&str, &str)> {
        let entity = self.entities.get(id)?;
        Some((self.strings.get(entity.type_name)?, self.strings.get(entity.id)?))
    }

    /// The constant that [`Opcode::Constant`](crate::Opcode::Constant) pushes.
    #[must_use]
    pub fn constant(&self, number: u32) -> Option<Value> {
        self.constants.get(number as usize).copied()
    }

    /// The elements of a pattern: scalar values, and [`WILDCARD`](crate::format::WILDCARD).
    #[must_use]
    pub fn pattern(&self, id: PatternId) -> Option<&[u32]> {
        self.patterns.pattern(id)
    }

    /// The keys of a record shape, as string ids.
    #[must_use]
    pub fn shape(&self, id: ShapeId) -> Option<&[u32]> {
        self.shapes.shape(id)
    }
}

impl Compare for CompiledPolicySet {
    fn elements(&self, id: AggregateId) -> &[Value] {
        self.aggregates.elements(id)
    }

    fn fields(&self, id: AggregateId) -> &[(StringId, Value)] {
        self.aggregates.fields(id)
    }

    fn address(&self, id: IpId) -> Option<IpNetwork> {
        self.aggregates.address(id)
    }
}
