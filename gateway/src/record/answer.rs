//! What the policies said, and about what, in a record.

use super::json::push_text;
use super::{Facts, push_member, push_number};
use crate::limits;
use crate::verdict::PolicyNames;

/// Appends the policies that settled a request, and who wanted to do what to which resource on whose behalf.
pub(crate) fn push_answer(out: &mut String, facts: &Facts<'_>) {
    push_policies(out, "policies", facts.policies);
    push_policies(out, "errors", facts.errors);
    push_member(out, r#","principal":"#, facts.principal);
    out.push_str(r#","action":"#);
    out.push_str(facts.action.unwrap_or("null"));
    push_member(out, r#","resource":"#, facts.resource);
    facts.delegation.push(out);
}

fn push_policies(out: &mut String, name: &str, policies: PolicyNames<'_>) {
    push_policy_list(out, name, policies);
    let omitted = policies.len().saturating_sub(limits::RECORD_POLICIES);
    if omitted > 0 {
        out.push_str(",\"");
        out.push_str(name);
        out.push_str("_omitted\":");
        push_number(out, u64::try_from(omitted).unwrap_or(u64::MAX));
    }
}

/// A member with the names of policies, as many as a record has, and a comma before it.
pub(crate) fn push_policy_list(out: &mut String, name: &str, policies: PolicyNames<'_>) {
    out.push_str(",\"");
    out.push_str(name);
    out.push_str("\":[");
    for (index, policy) in policies.iter().take(limits::RECORD_POLICIES).enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_text(out, policy);
    }
    out.push(']');
}
