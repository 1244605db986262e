use super::*;

fn parse(files: &[(&str, &str)]) -> (NamedPolicies, Vec<Diagnostic>) {
    parse_linked(files, &[])
}

fn parse_linked(files: &[(&str, &str)], links: &[(&str, &str)]) -> (NamedPolicies, Vec<Diagnostic>) {
    let sources = |files: &[(&str, &str)]| -> Vec<SourceFile> {
        files.iter().map(|(path, text)| SourceFile::new(*path, *text)).collect()
    };
    let mut findings = Findings::default();
    let named = NamedPolicies::parse(&sources(files), &sources(links), &mut findings);
    (named, findings.sorted().into_iter().cloned().collect())
}

const PERMIT: &str = "permit (principal, action, resource);";

#[test]
fn ids_come_from_annotations_or_places() {
    let text = format!("{PERMIT}\n@id(\"named\")\n{PERMIT}\n{PERMIT}");
    let (named, findings) = parse(&[("p/b.cedar", &text), ("p/a.cedar", PERMIT)]);
    assert_eq!(findings, []);
    let ids: Vec<&str> = named.places().map(|(id, _)| id).collect();
    assert_eq!(ids, ["named", "p/a.cedar#1", "p/b.cedar#1", "p/b.cedar#3"]);
    let place = named.place("named").unwrap();
    assert!(text[place.span.clone()].starts_with("@id"));
}

#[test]
fn duplicate_ids_show_both_places() {
    let text = format!("@id(\"x\") {PERMIT}");
    let (_, findings) = parse(&[("a.cedar", &text), ("b.cedar", &text)]);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].code, "policy.duplicate_id");
    assert_eq!(findings[0].file.as_deref(), Some("b.cedar"));
    assert_eq!(findings[0].span, Some(0..8));
    assert_eq!(findings[0].related[0].file, "a.cedar");
    assert_eq!(findings[0].related[0].span, 0..8);
}

#[test]
fn an_id_that_looks_like_a_place_collides_loudly() {
    let text = format!("@id(\"a.cedar#2\") {PERMIT} {PERMIT}");
    let (_, findings) = parse(&[("a.cedar", &text)]);
    assert_eq!(findings[0].code, "policy.duplicate_id");
}

#[test]
fn bad_policies_are_findings() {
    let deep = format!("permit(principal,action,resource) when {{{}", "(".repeat(20_000));
    let cases = [
        ("permit (", "policy.syntax"),
        ("permit (principal, action, resource) when { };", "policy.syntax"),
        ("permit (principal, action, resource) when { foo(1) };", "policy.syntax"),
        ("@id permit (principal, action, resource);", "policy.empty_id"),
        ("permit (principal == ?principal, action, resource);", "policy.template_unlinked"),
        (&deep, "policy.nesting"),
    ];
    for (text, code) in cases {
        let (_, findings) = parse(&[("a.cedar", text)]);
        assert_eq!(findings[0].code, code, "{text}");
        assert_eq!(findings[0].file.as_deref(), Some("a.cedar"));
    }
}

const TEMPLATE: &str = "@id(\"t\") permit (principal == ?principal, action, resource);";

#[test]
fn templates_are_linked_from_files() {
    let links = r#"[{"templateId": "t", "newId": "ann", "values": {"?principal": "User::\"ann\""}},
                    {"template_id": "t", "link_id": "bob", "args": {"?principal": {"type": "User", "id": "bob"}}}]"#;
    let (named, findings) = parse_linked(&[("p.cedar", TEMPLATE)], &[("l.json", links)]);
    assert_eq!(findings, []);
    let place = named.place("bob").unwrap();
    assert_eq!((place.file.as_str(), place.text_file.as_str()), ("l.json", "p.cedar"));
    assert!(links[place.span.clone()].contains("bob"));
    assert_eq!(named.set.num_of_policies(), 2);
}

#[test]
fn bad_links_are_findings_at_the_link() {
    let link = |template: &str, id: &str, values: &str| {
        format!(r#"[{{"templateId": "{template}", "newId": "{id}", "values": {{{values}}}}}]"#)
    };
    let ann = r#""?principal": "User::\"ann\"""#;
    let both = format!(r#"{ann}, "?resource": "R::\"r\"""#);
    let cases = [
        ("link.syntax", "{}".to_owned()),
        ("link.syntax", r#"[{"templateId": "t"}]"#.to_owned()),
        ("link.refused", link("unknown", "x", ann)),
        ("link.refused", link("plain", "x", ann)),
        ("link.refused", link("t", "x", "")),
        ("link.refused", link("t", "x", &both)),
        ("link.refused", link("t", "x", r#""?action": "User::\"ann\"""#)),
        ("link.refused", link("t", "x", r#""?principal": "User::ann""#)),
        ("policy.duplicate_id", link("t", "t", ann)),
        ("policy.duplicate_id", link("t", "plain", ann)),
        ("policy.empty_id", link("t", "", ann)),
    ];
    for (code, text) in cases {
        let policies = format!("{TEMPLATE}@id(\"plain\"){PERMIT}");
        let (_, findings) = parse_linked(&[("p.cedar", &policies)], &[("l.json", &text)]);
        let found: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert!(found.contains(&code), "{text}: {found:?}");
        assert_eq!(findings[0].file.as_deref(), Some("l.json"), "{text}");
    }
}
