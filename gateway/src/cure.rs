//! What a client is told that would cure a denial: what the authors of the policies that denied it wrote for it, and nothing
//! else of the policies.

use crate::decision_id::DecisionId;
use crate::limits;
use crate::resource::check_scopes;
use crate::route::check_authentication;
use crate::section::{Authentication, PolicyCure, SectionError, SectionErrorKind};
use crate::verdict::PolicyNames;

/// The cures of a bundle, by policy, ascending.
#[derive(Debug, Default)]
pub(crate) struct CureTable(Vec<PolicyCure>);

/// What would cure one denial.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cure<'a> {
    /// A sentence for the client.
    pub(crate) advice: Option<&'a str>,
    /// Scopes without which the answer stays the same; empty where scopes alone change nothing.
    pub(crate) scopes: &'a [String],
    /// What would have to be done about the user's authentication; nothing where that alone changes nothing.
    pub(crate) authentication: Option<&'a Authentication>,
}

impl Cure<'_> {
    /// The sentence of a denial: what was refused, and what to do; nothing about why.
    pub(crate) fn denial(&self, what: &str, id: DecisionId) -> String {
        format!(
            "Access denied: policy does not permit {what}. {} Whoever runs this gateway can look up decision {}.",
            self.advice.unwrap_or("Repeating it unchanged will not help."),
            id.as_str()
        )
    }
}

impl CureTable {
    pub(crate) fn open(mut cures: Vec<PolicyCure>) -> Result<Self, SectionError> {
        for PolicyCure { policy, advice, scopes, authentication } in &cures {
            let place = format!("the cure of policy `{policy}`");
            check_scopes(scopes, &place)?;
            if let Some(authentication) = authentication {
                check_authentication(authentication, &place)?;
            }
            let is_fit =
                |text: &String| (1..=limits::ADVICE_BYTES).contains(&text.len()) && !text.contains(char::is_control);
            if !advice.as_ref().is_none_or(is_fit) {
                return Err(SectionError::new(SectionErrorKind::Syntax, place));
            }
            if advice.is_none() && scopes.is_empty() && authentication.is_none() {
                return Err(SectionError::new(SectionErrorKind::Empty, place));
            }
        }
        cures.sort_by(|a, b| a.policy.cmp(&b.policy));
        match cures.array_windows().find(|[a, b]| a.policy == b.policy) {
            Some([PolicyCure { policy, .. }, _]) => {
                Err(SectionError::new(SectionErrorKind::Duplicate, format!("the cure of policy `{policy}`")))
            }
            None => Ok(Self(cures)),
        }
    }

    fn get(&self, policy: &str) -> Option<&PolicyCure> {
        let at = self.0.binary_search_by(|cure| cure.policy.as_str().cmp(policy)).ok()?;
        self.0.get(at)
    }

    /// What would cure a denial by these policies. Scopes do so only if each of them says so; `scopes` holds them then. Another
    /// authentication does so only if each of them asks for the very same.
    pub(crate) fn of<'a>(&'a self, policies: PolicyNames<'_>, scopes: &'a mut Vec<String>) -> Cure<'a> {
        if self.0.is_empty() { Cure::default() } else { self.of_ids(policies.iter(), scopes) }
    }

    fn of_ids<'a, 'p>(&'a self, policies: impl Iterator<Item = &'p str>, scopes: &'a mut Vec<String>) -> Cure<'a> {
        scopes.clear();
        let mut advice = None;
        let mut by_scope = true;
        // Nothing yet, the one that all ask for so far, or none that would do.
        let mut authentication: Option<Option<&Authentication>> = None;
        for cure in policies.map(|policy| self.get(policy)) {
            advice = advice.or(cure.and_then(|cure| cure.advice.as_deref()));
            let needed = cure.map_or(&[][..], |cure| &cure.scopes);
            by_scope &= !needed.is_empty();
            let asked = cure.and_then(|cure| cure.authentication.as_ref());
            authentication = Some(authentication.map_or(asked, |so_far| so_far.filter(|_| so_far == asked)));
            for scope in needed {
                if !scopes.contains(scope) {
                    scopes.push(scope.clone());
                }
            }
        }
        Cure { advice, scopes: if by_scope { scopes } else { &[] }, authentication: authentication.flatten() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cure(policy: &str, advice: Option<&str>, scopes: &[&str]) -> PolicyCure {
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        PolicyCure { policy: policy.to_owned(), advice: advice.map(str::to_owned), scopes, authentication: None }
    }

    fn step_up(policy: &str, acr_values: &[&str], max_age_seconds: Option<u64>) -> PolicyCure {
        let acr_values = acr_values.iter().map(|value| (*value).to_owned()).collect();
        PolicyCure { authentication: Some(Authentication { acr_values, max_age_seconds }), ..cure(policy, None, &[]) }
    }

    fn kind(cures: Vec<PolicyCure>) -> Option<SectionErrorKind> {
        CureTable::open(cures).err().map(|error| error.kind())
    }

    /// Advice and scopes for a denial by policies of these ids.
    fn of(policies: &[&str]) -> (Option<String>, Vec<String>) {
        let table = CureTable::open(vec![
            cure("write", None, &["files:write", "files:read"]),
            cure("admin", Some("Ask an admin."), &["admin", "files:read"]),
            cure("night", Some("Come back by day."), &[]),
        ]);
        let (table, mut scopes) = (table.unwrap(), vec!["left over".to_owned()]);
        let Cure { advice, scopes, authentication: _ } = table.of_ids(policies.iter().copied(), &mut scopes);
        (advice.map(str::to_owned), scopes.to_vec())
    }

    #[test]
    fn all_scopes_are_told_at_once_and_only_if_they_help() {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(of(&["write"]), (None, owned(&["files:write", "files:read"])));
        let both = (Some("Ask an admin.".to_owned()), owned(&["files:write", "files:read", "admin"]));
        assert_eq!(of(&["write", "admin"]), both);
        // Where one forbids whatever the scopes, none is named.
        assert_eq!(of(&["write", "night"]), (Some("Come back by day.".to_owned()), vec![]));
        assert_eq!(of(&["write", "silent"]), (None, vec![]));
        assert_eq!(of(&["silent"]), (None, vec![]));
        assert_eq!(of(&[]), (None, vec![]));
    }

    #[test]
    fn an_authentication_is_told_only_if_it_helps() {
        let gold = || step_up("gold", &["gold", "silver"], Some(300));
        let same = PolicyCure { policy: "same".to_owned(), ..gold() };
        let other = step_up("other", &["gold"], Some(300));
        let table = CureTable::open(vec![gold(), same, other, cure("scoped", None, &["a"])]).unwrap();
        let of = |policies: &[&str]| {
            let mut scopes = Vec::new();
            let cure = table.of_ids(policies.iter().copied(), &mut scopes);
            assert!(cure.scopes.is_empty(), "{policies:?}");
            cure.authentication.cloned()
        };
        assert_eq!(of(&["gold"]), gold().authentication);
        assert_eq!(of(&["same", "gold"]), gold().authentication);
        for policies in [
            &["gold", "other"][..],
            &["gold", "other", "gold"],
            &["gold", "scoped"],
            &["gold", "silent"],
            &["silent", "gold"],
            &[],
        ] {
            assert_eq!(of(policies), None, "{policies:?}");
        }
        for (values, age) in [(&[][..], None), (&["a b"], None), (&["a\""], Some(1)), (&[""], None)] {
            assert!(kind(vec![step_up("a", values, age)]).is_some(), "{values:?}");
        }
        assert_eq!(kind(vec![step_up("a", &[], Some(60))]), None);
    }

    #[test]
    fn what_no_client_should_read_is_refused() {
        let advice = |text: &str| kind(vec![cure("a", Some(text), &[])]);
        assert_eq!(advice("Ask \u{fc}ber \"das\"."), None);
        assert_eq!(advice(&"x".repeat(limits::ADVICE_BYTES)), None);
        for text in ["", "a\nb", "a\u{7}b", "\u{9b}", &"x".repeat(limits::ADVICE_BYTES + 1)] {
            assert_eq!(advice(text), Some(SectionErrorKind::Syntax), "{text}");
        }
        for scope in ["", "a b", "a\"b", "a\\b", "\u{fc}"] {
            assert!(kind(vec![cure("a", None, &[scope])]).is_some(), "{scope}");
        }
        assert_eq!(kind(vec![cure("a", None, &[])]), Some(SectionErrorKind::Empty));
        let twice = vec![cure("a", None, &["x"]), cure("b", None, &["x"]), cure("a", None, &["y"])];
        assert_eq!(kind(twice), Some(SectionErrorKind::Duplicate));
    }
}
