//! The guard that an access needs, in the words of its author: Cedar's own help does not repeat the expression.

/// The `has` for an access to an optional attribute. `help` is Cedar's, which names the attribute: ``with `e has x && ..` ``.
/// The text is of the whole chain of accesses, of which any may be the one. `None` where it is not plain to see.
pub(super) fn attribute(access: &str, help: &str) -> Option<String> {
    let (_, rest) = help.split_once("`e has ")?;
    let (name, _) = rest.split_once(" && ")?;
    let goes_on = |text: &str| text.starts_with(|next: char| next.is_alphanumeric() || next == '_');
    let dotted = format!(".{name}");
    let indexed = if name.starts_with('"') { format!("[{name}]") } else { format!("[\"{name}\"]") };
    let of = access
        .match_indices(&dotted)
        .find(|(at, found)| access.get(at + found.len()..).is_some_and(|rest| !goes_on(rest)))
        .or_else(|| access.match_indices(&indexed).next())
        .and_then(|(at, _)| access.get(..at))?;
    one_line(of).then(|| format!("{of} has {name}"))
}

/// The `hasTag` for a `getTag`. `None` where it is not plain to see.
pub(super) fn tag(access: &str) -> Option<String> {
    let (of, rest) = access.split_once(".getTag(")?;
    let (argument, rest) = rest.split_once(')')?;
    let plain = one_line(of) && one_line(argument) && !argument.contains('(') && !rest.contains(".getTag(");
    plain.then(|| format!("{of}.hasTag({argument})"))
}

fn one_line(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(['\n', '\r', '`'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guard_names_what_is_accessed() {
        let help = |guard: &str| format!("try testing for the attribute's presence with `{guard} && ..`");
        for (access, guard, expected) in [
            ("principal.nick", "e has nick", Some("principal has nick")),
            ("principal.task.branch", "e has task", Some("principal has task")),
            ("principal.task.branch", "e has branch", Some("principal.task has branch")),
            ("principal.tasks.task", "e has task", Some("principal.tasks has task")),
            (r#"principal["größe"].x"#, r#"e has "größe""#, Some(r#"principal has "größe""#)),
            (r#"principal["nick"]"#, "e has nick", Some("principal has nick")),
            ("principal.nickname", "e has nick", None),
            ("context.ticket", "context has ticket", None),
            ("principal\n  .nick", "e has nick", None),
            ("", "e has nick", None),
        ] {
            assert_eq!(attribute(access, &help(guard)).as_deref(), expected, "{access}");
        }
        assert_eq!(attribute("principal.nick", "did you mean `name`?"), None);
    }

    #[test]
    fn the_guard_names_the_tag() {
        for (access, expected) in [
            (r#"principal.getTag("role")"#, Some(r#"principal.hasTag("role")"#)),
            (r#"resource.owner.getTag(context.key).x"#, Some("resource.owner.hasTag(context.key)")),
            (r#"principal.getTag(resource.getTag("x"))"#, None),
            (r#"principal.getTag("a").getTag("b")"#, None),
            ("principal.role", None),
        ] {
            assert_eq!(tag(access).as_deref(), expected, "{access}");
        }
    }
}
