//! What the checker looks for in policies, and under which codes.

use std::fmt::Write as _;

/// A kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its stable code.
    pub code: &'static str,
    /// What is found, in one line.
    pub summary: &'static str,
}

const fn rule(code: &'static str, summary: &'static str) -> Rule {
    Rule { code, summary }
}

/// The kinds of findings about policies, their links, the schema and the entities, by code. Others are about the wire:
/// `project.*`, `issuer.*`, `principal.*`, `route.*`, `section.*`, `test.*`; their messages say it all.
pub const RULES: &[Rule] = &[
    rule("entities.duplicate", "an entity is described twice"),
    rule("entities.refused", "an entity does not conform to the schema"),
    rule("entities.syntax", "an entity file is not JSON"),
    rule("link.refused", "a template link does not fit its template"),
    rule("link.syntax", "a template link cannot be read"),
    rule("policy.contradiction", "the conditions of a policy can never hold together"),
    rule("policy.cure_refused", "what would cure a denial cannot be told to clients"),
    rule("policy.duplicate", "a policy asks the same as another of the same effect"),
    rule("policy.duplicate_id", "two policies have the same id"),
    rule("policy.empty_id", "the id of a policy is empty"),
    rule("policy.github_any_ref", "a workflow of GitHub Actions may write whatever ref it runs on"),
    rule("policy.github_untrusted_event", "a workflow of GitHub Actions may write on behalf of a pull request"),
    rule("policy.nesting", "a policy file nests too deeply to be parsed"),
    rule("policy.no_cure", "an annotation for clients stands where it tells them nothing"),
    rule("policy.overridden", "a forbid is true whenever a permit is"),
    rule("policy.refused", "Cedar does not take a policy into a set"),
    rule("policy.shadowed", "a policy is true only where a wider one of the same effect is"),
    rule("policy.syntax", "a policy cannot be parsed"),
    rule("policy.template_unlinked", "a template has no links, so it never applies"),
    rule("policy.unindexed", "no index narrows a policy down, so each request pays for it"),
    rule("policy.unindexed_many", "many policies are evaluated for every request of an action"),
    rule("schema.incomplete", "the schema leaves types or actions open"),
    rule("schema.nesting", "the schema nests too deeply to be parsed"),
    rule("schema.refused", "the schema cannot be read"),
    rule("schema.warning", "something in the schema is probably not meant"),
    rule("validate.argument", "an extension function gets an argument that it refuses"),
    rule("validate.argument_count", "a function gets too many or too few arguments"),
    rule("validate.bidi_characters", "characters that change the direction of text hide what it says"),
    rule("validate.confusable_characters", "characters look like others"),
    rule("validate.constructor_argument", "an extension value is not made from a literal"),
    rule("validate.empty_set", "the type of an empty set is not known"),
    rule("validate.error", "Cedar's validator refuses a policy"),
    rule("validate.impossible_policy", "a policy is false for every request that the schema allows"),
    rule("validate.incompatible_types", "the types of two operands have nothing in common"),
    rule("validate.mixed_scripts", "a word mixes letters of several scripts"),
    rule("validate.never_applies", "the schema allows no request that meets a policy's scope"),
    rule("validate.no_tags", "an entity type has no tags"),
    rule("validate.unexpected_type", "an operand has the wrong type"),
    rule("validate.unguarded_attribute", "an attribute may be missing, and no `has` was asked before"),
    rule("validate.unguarded_tag", "a tag may be missing, and no `hasTag` was asked before"),
    rule("validate.unknown_action", "the schema has no such action"),
    rule("validate.unknown_attribute", "the schema has no such attribute"),
    rule("validate.unknown_entity_type", "the schema has no such entity type"),
    rule("validate.unknown_enum_entity", "the schema has no such entity of an enumerated type"),
    rule("validate.unknown_function", "Cedar has no such function"),
    rule("validate.warning", "Cedar's validator warns of a policy"),
];

/// The rules as text: a line each.
#[must_use]
pub fn catalogue() -> String {
    let mut text = "Findings about policies, by their codes:\n".to_owned();
    for Rule { code, summary } in RULES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {code:<30} {summary}");
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Words in quotes that are no codes of findings: reasons of decisions, a file's name, and failures of a command.
    const OTHERS: [&str; 8] = [
        "policy.allow",
        "policy.deny",
        "policy.forbid_error",
        "policy.scope_lacking",
        "schema.cedarschema",
        "schema.namespace",
        "schema.openapi",
        "schema.stub",
    ];

    #[test]
    fn every_code_in_the_source_is_listed() {
        let mut found = BTreeSet::new();
        collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let listed: BTreeSet<String> = RULES.iter().map(|rule| rule.code.to_owned()).collect();
        assert_eq!(found, listed);
        assert!(RULES.is_sorted_by_key(|rule| rule.code));
    }

    fn collect(folder: &Path, to: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, to);
            } else if path.file_name().is_some_and(|name| name != "rule.rs") {
                let text = fs::read_to_string(&path).unwrap();
                to.extend(text.split('"').filter(|word| is_code(word)).map(str::to_owned));
            }
        }
    }

    fn is_code(word: &str) -> bool {
        let Some((area, name)) = word.split_once('.') else { return false };
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        ["entities", "link", "policy", "schema", "validate"].contains(&area) && plain && !OTHERS.contains(&word)
    }
}
