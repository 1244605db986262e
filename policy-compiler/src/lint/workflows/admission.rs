//! Whether conditions can hold for somebody of whom only a few claims are known. Whatever else they ask is left open.

use std::collections::BTreeMap;

use serde_json::Value;

/// Which attributes are claims.
pub(super) struct Reading<'a> {
    /// Attributes of the principal, by the name of the claim.
    pub(super) principal: &'a BTreeMap<String, String>,
    /// Attributes of the context.
    pub(super) context: &'a BTreeMap<String, String>,
    /// The type of the principal.
    pub(super) workflow: &'a str,
}

impl Reading<'_> {
    /// The claim that an expression reads, such as `principal.ref`.
    fn claim(&self, expression: &Value) -> Option<&str> {
        let access = expression.get(".")?;
        let attributes = match access.get("left")?.get("Var")?.as_str()? {
            "principal" => self.principal,
            "context" => self.context,
            _ => return None,
        };
        attributes.get(access.get("attr")?.as_str()?).map(String::as_str)
    }
}

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Yes,
    No,
    Open,
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Open => Self::Open,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Yes, Self::Yes) => Self::Yes,
            (Self::Yes | Self::Open, Self::Yes | Self::Open) => Self::Open,
        }
    }

    fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }
}

impl From<bool> for Truth {
    fn from(value: bool) -> Self {
        if value { Self::Yes } else { Self::No }
    }
}

/// What is known of somebody: some of the claims.
#[derive(Clone, Copy)]
pub(super) struct Judgement<'a> {
    pub(super) reading: &'a Reading<'a>,
    pub(super) claims: &'a BTreeMap<&'a str, String>,
}

impl Judgement<'_> {
    /// Whether all conditions of a policy hold.
    pub(super) fn of(&self, conditions: &[Value]) -> Truth {
        conditions.iter().fold(Truth::Yes, |so_far, condition| {
            let holds = condition.get("body").map_or(Truth::Open, |body| self.truth(body));
            let is_unless = condition.get("kind").and_then(Value::as_str) == Some("unless");
            so_far.and(if is_unless { holds.not() } else { holds })
        })
    }

    /// Whether an expression is true. One that errs is as good as false, and is left open.
    fn truth(&self, expression: &Value) -> Truth {
        let Some((operator, operands)) = expression.as_object().and_then(|members| members.iter().next()) else {
            return Truth::Open;
        };
        let operand = |name: &str| operands.get(name).unwrap_or(&Value::Null);
        let truth = |name: &str| self.truth(operand(name));
        let texts = || Some((self.text(operand("left"))?, self.text(operand("right"))?));
        match operator.as_str() {
            "Value" => operands.as_bool().map_or(Truth::Open, Truth::from),
            "!" => truth("arg").not(),
            "&&" => truth("left").and(truth("right")),
            "||" => truth("left").or(truth("right")),
            "if-then-else" => {
                let (condition, then, other) = (truth("if"), truth("then"), truth("else"));
                let same = if then == other { then } else { Truth::Open };
                match condition {
                    Truth::Yes => then,
                    Truth::No => other,
                    Truth::Open => same,
                }
            }
            "==" => texts().map_or(Truth::Open, |(left, right)| (left == right).into()),
            "!=" => texts().map_or(Truth::Open, |(left, right)| (left != right).into()),
            "like" => {
                let pattern = Pattern::read(operand("pattern"));
                let text = self.text(operand("left"));
                pattern.zip(text).map_or(Truth::Open, |(pattern, text)| pattern.matches(text).into())
            }
            "contains" => self.contains(operand("left"), operand("right")),
            "is" => {
                let is_principal = operand("left").get("Var").and_then(Value::as_str) == Some("principal");
                let is_workflow = operand("entity_type").as_str() == Some(self.reading.workflow);
                match (is_principal, is_workflow, operand("in")) {
                    (true, false, _) => Truth::No,
                    (true, true, Value::Null) => Truth::Yes,
                    _ => Truth::Open,
                }
            }
            _ => Truth::Open,
        }
    }

    fn contains(&self, set: &Value, element: &Value) -> Truth {
        let (Some(elements), Some(wanted)) = (set.get("Set").and_then(Value::as_array), self.text(element)) else {
            return Truth::Open;
        };
        let equal = |element: &Value| self.text(element).map_or(Truth::Open, |text| (text == wanted).into());
        elements.iter().map(equal).fold(Truth::No, Truth::or)
    }

    /// The text that an expression is known to be.
    fn text<'v>(&'v self, expression: &'v Value) -> Option<&'v str> {
        let literal = expression.get("Value").and_then(Value::as_str);
        literal.or_else(|| self.claims.get(self.reading.claim(expression)?).map(String::as_str))
    }
}

/// The patterns with a wildcard that conditions compare claims with, by claim.
pub(super) fn patterns(conditions: &[Value], reading: &Reading<'_>) -> Vec<(String, Pattern)> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = conditions.iter().collect();
    while let Some(value) = open.pop() {
        match value {
            Value::Array(elements) => open.extend(elements),
            Value::Object(members) => {
                open.extend(members.values());
                let like = members.get("like");
                let claim = like.and_then(|like| reading.claim(like.get("left")?));
                let pattern = like.and_then(|like| Pattern::read(like.get("pattern")?));
                found.extend(claim.map(str::to_owned).zip(pattern).filter(|(_, pattern)| pattern.0.contains(&None)));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    found
}

/// The pattern of a `like`: characters, and `None` for each wildcard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<Option<char>>);

impl Pattern {
    fn read(json: &Value) -> Option<Self> {
        let mut pieces = Vec::new();
        for piece in json.as_array()? {
            match piece.get("Literal").and_then(Value::as_str) {
                Some(literal) => pieces.extend(literal.chars().map(Some)),
                None if piece.as_str() == Some("Wildcard") => pieces.push(None),
                None => return None,
            }
        }
        Some(Self(pieces))
    }

    /// The pattern with a text in place of each wildcard.
    pub(super) fn filled(&self, text: &str) -> String {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Some(character) => filled.push(*character),
                None => filled.push_str(text),
            }
        }
        filled
    }

    fn matches(&self, text: &str) -> bool {
        // After each piece: which beginnings of the text it and those before it can match.
        let characters: Vec<char> = text.chars().collect();
        let mut reached = vec![true];
        reached.resize(characters.len() + 1, false);
        for piece in &self.0 {
            let mut any_before = false;
            let next =
                std::iter::once(None).chain(characters.iter().map(Some)).zip(std::iter::once(&false).chain(&reached));
            reached = next
                .zip(&reached)
                .map(|((character, before), here)| {
                    any_before |= *here;
                    match piece {
                        None => any_before,
                        Some(wanted) => *before && character == Some(wanted),
                    }
                })
                .collect();
        }
        reached.last().copied().unwrap_or(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(condition: &str) -> Truth {
        let policy: cedar_policy::Policy =
            format!("permit (principal, action, resource) {condition};").parse().unwrap();
        let json = policy.to_json().unwrap();
        let principal = [("event", "event_name"), ("ref", "ref")].map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let context = [("branch".to_owned(), "ref".to_owned())].into();
        let reading = Reading { principal: &principal, context: &context, workflow: "Workflow" };
        let claims = BTreeMap::from([("event_name", "push".to_owned()), ("ref", "refs/heads/a-b".to_owned())]);
        let conditions = json["conditions"].as_array().unwrap();
        Judgement { reading: &reading, claims: &claims }.of(conditions)
    }

    #[test]
    fn what_follows_from_claims_is_known_and_all_else_is_open() {
        for (condition, expected) in [
            ("", Truth::Yes),
            (r#"when { principal.event == "push" }"#, Truth::Yes),
            (r#"when { "pull_request" == principal.event }"#, Truth::No),
            (r#"when { principal.event != "push" }"#, Truth::No),
            (r#"unless { principal.event == "push" }"#, Truth::No),
            (r#"unless { principal.event == "tag" }"#, Truth::Yes),
            (r#"when { ["tag", "push"].contains(principal.event) }"#, Truth::Yes),
            (r#"when { ["tag"].contains(principal.event) }"#, Truth::No),
            (r#"when { ["tag", principal.other].contains(principal.event) }"#, Truth::Open),
            (r#"when { principal.ref like "refs/heads/*" }"#, Truth::Yes),
            (r#"when { principal.ref like "*a*b" && context.branch == principal.ref }"#, Truth::Yes),
            (r#"when { principal.ref like "refs/*/a" }"#, Truth::No),
            (r#"when { principal.ref like "refs\*heads" }"#, Truth::No),
            (r#"when { resource.x == "push" }"#, Truth::Open),
            (r#"when { resource.x == "push" && principal.event == "tag" }"#, Truth::No),
            (r#"when { resource.x == "push" || principal.event == "push" }"#, Truth::Yes),
            (r#"when { principal has event && principal.event == "tag" }"#, Truth::No),
            (r#"when { !(principal has event) || principal.event == "tag" }"#, Truth::Open),
            (r#"when { if resource.x then principal.event == "tag" else principal.ref == "x" }"#, Truth::No),
            (r#"when { if principal.event == "push" then false else true }"#, Truth::No),
            (r#"when { principal is Workflow }"#, Truth::Yes),
            (r#"when { principal is Agent }"#, Truth::No),
            (r#"when { principal is Workflow in Team::"a" }"#, Truth::Open),
            (r#"when { context.other == "push" }"#, Truth::Open),
            (r#"when { principal.event } unless { principal.event == "push" }"#, Truth::No),
            (r#"when { 1 == 2 }"#, Truth::Open),
        ] {
            assert_eq!(judge(condition), expected, "{condition}");
        }
    }
}
