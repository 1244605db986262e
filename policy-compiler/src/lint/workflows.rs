//! Policies that let workflows of GitHub Actions write, whoever had them started.
//!
//! A workflow that runs on `pull_request_target` works with the repository's own identity and can be made to run what a pull
//! request brings. A workflow of any ref can be made by everybody who may push a branch. What such a workflow could ask
//! for is tried: its claims are put into each `permit`, everything else is left open, and where the policy could still be
//! true and no `forbid` is sure to be, the policy is reported.

mod admission;
mod writes;

use std::collections::{BTreeMap, BTreeSet};

use admission::{Judgement, Reading, Truth};
use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint,
};
use palisade_gateway::Json;
use palisade_gateway::section::{GatewaySection, PrincipalMapping, Profile};
use serde_json::Value;
use writes::{Write, claim_names, writes};

use super::at;
use crate::diagnostic::{Diagnostic, Findings};
use crate::project::Project;
use crate::section;

/// Claims that say whose code a workflow runs, and what those of a workflow on an arbitrary branch are like. A name that nobody
/// chose stands for any other.
const ANY_REF: [(&str, &str); 6] = [
    ("ref", "refs/heads/any-name"),
    ("ref_protected", "false"),
    ("environment", "any-name"),
    ("job_workflow_ref", "any/name/.github/workflows/any.yml@refs/heads/any-name"),
    ("workflow_ref", "any/name/.github/workflows/any.yml@refs/heads/any-name"),
    ("head_ref", "any-name"),
];

/// Claims whose value names a ref, so that a pattern for them may be one for any ref.
const WITH_REF: [&str; 3] = ["ref", "job_workflow_ref", "workflow_ref"];

/// Most combinations of patterns that are tried for one policy.
const COMBINATIONS: usize = 64;

/// Findings about permits; mistakes in `[lint]` go to `findings` as well.
pub(super) fn find(project: &Project, findings: &mut Findings) {
    let section = section_of(project);
    let of_github = |issuer: &&palisade_gateway::section::Issuer| issuer.profile == Profile::GithubActions;
    let mappings: Vec<&PrincipalMapping> = section.issuers.iter().filter(of_github).map(|it| &it.principal).collect();
    let writes = writes(project, &section, findings);
    let policies: Vec<(String, Policy, Vec<Value>)> = project.policies.set.policies().filter_map(stated).collect();
    let mut found = BTreeMap::new();
    for mapping in mappings {
        let Ok(workflow) = mapping.entity_type.parse::<EntityTypeName>() else { continue };
        let principal = claim_names(mapping.attributes.iter().map(|it| (it.name.as_str(), it.claim.as_slice())));
        for write in &writes {
            let reading = Reading { principal: &principal, context: &write.context, workflow: &mapping.entity_type };
            let case = Case { project, policies: &policies, workflow: &workflow, write, reading };
            for (id, policy, conditions) in &policies {
                if policy.effect() == Effect::Permit && case.admits(policy) && !project.is_impossible(id) {
                    for threat in case.threats(policy, conditions) {
                        let actions: &mut BTreeSet<String> = found.entry((id.clone(), threat)).or_default();
                        actions.insert(write.action.to_string());
                    }
                }
            }
        }
    }
    findings.extend(found.iter().filter_map(|((id, threat), actions)| report(project, id, threat, actions)));
}

/// The gateway's section, whatever is wrong with it: that is said elsewhere.
fn section_of(project: &Project) -> GatewaySection {
    let no_keys = Json::Object(vec![("keys".into(), Json::Array(Vec::new()))]);
    let aliases = project.file.issuers.iter().map(|issuer| issuer.alias.as_ref().clone());
    let key_sets = aliases.map(|alias| (alias, no_keys.clone())).collect();
    section::build(project, &key_sets, &mut Findings::default())
}

/// A policy with its id and its conditions, in Cedar's JSON.
fn stated(policy: &Policy) -> Option<(String, Policy, Vec<Value>)> {
    let json = policy.to_json().ok()?;
    let conditions = json.get("conditions")?.as_array()?.clone();
    Some((policy.id().to_string(), policy.clone(), conditions))
}

/// What a policy lets happen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Threat {
    PullRequestTarget,
    /// A workflow of any ref or, where the policy has patterns, of any that matches them.
    AnyRef(Vec<String>),
}

/// One action that workflows of one issuer may ask for.
struct Case<'a> {
    project: &'a Project,
    policies: &'a [(String, Policy, Vec<Value>)],
    workflow: &'a EntityTypeName,
    write: &'a Write,
    reading: Reading<'a>,
}

impl Case<'_> {
    /// Whether the scope of a policy leaves it open that it is about this.
    fn admits(&self, policy: &Policy) -> bool {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
            PrincipalConstraint::Eq(one) => one.type_name() == self.workflow,
            PrincipalConstraint::Is(known) | PrincipalConstraint::IsIn(known, _) => known == *self.workflow,
        };
        principal && self.names_the_action(policy)
    }

    /// Whether the scope of a policy is sure to be met.
    fn covers(&self, policy: &Policy) -> bool {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any => true,
            PrincipalConstraint::Is(known) => known == *self.workflow,
            PrincipalConstraint::In(_) | PrincipalConstraint::Eq(_) | PrincipalConstraint::IsIn(..) => false,
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any => true,
            ResourceConstraint::Is(known) => {
                let types = self.project.schema.resources_for_action(&self.write.action);
                types.is_some_and(|mut types| types.all(|other| *other == known))
            }
            ResourceConstraint::In(_) | ResourceConstraint::Eq(_) | ResourceConstraint::IsIn(..) => false,
        };
        principal && resource && self.names_the_action(policy)
    }

    fn names_the_action(&self, policy: &Policy) -> bool {
        let named = |action: &EntityUid| *action == self.write.action || self.write.groups.contains(action);
        match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::In(actions) => actions.iter().any(named),
            ActionConstraint::Eq(action) => named(&action),
        }
    }

    fn threats(&self, policy: &Policy, conditions: &[Value]) -> Vec<Threat> {
        let mut threats = Vec::new();
        let event = BTreeMap::from([("event_name", "pull_request_target".to_owned())]);
        if self.lets_through(conditions, &event) {
            threats.push(Threat::PullRequestTarget);
        }
        // The subject says which ref or environment a workflow has: whoever is named whole is not of any.
        if matches!(policy.principal_constraint(), PrincipalConstraint::Eq(_)) {
            return threats;
        }
        let patterns = admission::patterns(conditions, &self.reading);
        let any: BTreeMap<&str, String> = ANY_REF.iter().map(|(claim, value)| (*claim, (*value).to_owned())).collect();
        if self.lets_through(conditions, &any) {
            threats.push(Threat::AnyRef(Vec::new()));
            return threats;
        }
        let mut samples = vec![any];
        for (claim, pattern) in patterns.iter().filter(|(claim, _)| WITH_REF.contains(&claim.as_str())) {
            let Some(name) = WITH_REF.iter().find(|name| **name == claim) else { continue };
            let more: Vec<_> = samples
                .iter()
                .map(|sample| {
                    let mut sample = sample.clone();
                    sample.insert(name, pattern.filled("any-name"));
                    sample
                })
                .collect();
            samples.extend(more);
            samples.truncate(COMBINATIONS);
        }
        if samples.iter().any(|sample| self.lets_through(conditions, sample)) {
            let texts: BTreeSet<String> = patterns.iter().map(|(_, pattern)| pattern.filled("*")).collect();
            threats.push(Threat::AnyRef(texts.into_iter().collect()));
        }
        threats
    }

    /// Whether a workflow with these claims could be permitted.
    fn lets_through(&self, conditions: &[Value], claims: &BTreeMap<&str, String>) -> bool {
        let judgement = Judgement { reading: &self.reading, claims };
        let is_forbidden = |(_, policy, conditions): &(String, Policy, Vec<Value>)| {
            policy.effect() == Effect::Forbid && self.covers(policy) && judgement.of(conditions) == Truth::Yes
        };
        judgement.of(conditions) != Truth::No && !self.policies.iter().any(is_forbidden)
    }
}

/// Actions that a message names before it only counts.
const NAMED: usize = 3;

fn report(project: &Project, id: &str, threat: &Threat, actions: &BTreeSet<String>) -> Option<Diagnostic> {
    let place = project.policies.place(id)?;
    let named: Vec<String> = actions.iter().take(NAMED).map(|action| format!("`{action}`")).collect();
    let more = actions.len().saturating_sub(NAMED);
    let actions = if more == 0 { named.join(", ") } else { format!("{} and {more} more actions", named.join(", ")) };
    let (code, who, help) = match threat {
        Threat::PullRequestTarget => (
            "policy.github_untrusted_event",
            "a workflow on `pull_request_target`".to_owned(),
            "such a workflow can be made to run what a pull request brings: compare the claim `event_name` with the events that may, \
             or forbid this one",
        ),
        Threat::AnyRef(patterns) => {
            let who = match patterns.as_slice() {
                [] => "a workflow of any ref".to_owned(),
                patterns => format!("a workflow of any ref like `{}`", patterns.join("`, `")),
            };
            let help = "compare the claim `ref` or `job_workflow_ref` with whole names, or ask for `ref_protected` or an `environment`";
            ("policy.github_any_ref", who, help)
        }
    };
    let message = format!("policy `{id}` lets {who} ask for {actions}");
    let help = format!("{help}; actions that change nothing can be listed in `[lint] read_only`");
    Some(at(Diagnostic::warning(code, message), place).with_help(help))
}
