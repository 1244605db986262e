//! The names in path and id templates. Whether a template is well formed is for the gateway to say when it opens the
//! section; here names are only looked up.

/// The names between braces, without the `*` of a rest.
pub(super) fn names(template: &str) -> Vec<&str> {
    let pieces = template.split('{').skip(1);
    let names = pieces.filter_map(|piece| piece.split_once('}').map(|(name, _)| name));
    names.map(|name| name.strip_suffix('*').unwrap_or(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn names_stand_between_braces() {
        assert_eq!(names("/repos/{repo}/files/{path*}"), ["repo", "path"]);
        assert_eq!(names("{environment}/{service}"), ["environment", "service"]);
        assert_eq!(names("/plain"), Vec::<&str>::new());
        assert_eq!(names("/{open"), Vec::<&str>::new());
    }
}
