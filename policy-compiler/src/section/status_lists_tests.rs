//! Where an issuer says which of its tokens are no longer good.

use palisade_gateway::section::{GatewaySection, OnUnavailable, StatusLists, StatusMode};

use super::tests::build_with;
use crate::diagnostic::Diagnostic;

const PLACE: &str = "https://issuer.example/lists/";

/// The project with these members of `[issuers.status_lists]`.
fn with(members: &str) -> (GatewaySection, Vec<Diagnostic>, String) {
    build_with(|project| {
        project.replacen("[issuers.principal]", &format!("[issuers.status_lists]\n{members}\n[issuers.principal]"), 1)
    })
}

fn lists(members: &str) -> StatusLists {
    let (section, findings, _) = with(members);
    assert_eq!(findings, [], "{members}");
    section.issuers[0].status_lists.clone().unwrap()
}

#[test]
fn defaults_are_the_safe_ones() {
    let uris = format!("uris = [\"{PLACE}\"]");
    assert_eq!(lists(&uris), StatusLists::at(vec![PLACE.to_owned()]));
    let StatusLists { mode, uris: _, fresh_for_seconds, max_stale_seconds, on_unavailable } = lists(&uris);
    assert_eq!((mode, on_unavailable), (StatusMode::Optional, OnUnavailable::Deny));
    assert_eq!((fresh_for_seconds, max_stale_seconds), (300, 3600));
    // What is fresh for longer than the default may be stale for as long.
    assert_eq!(lists(&format!("{uris}\nfresh_for = \"2h\"")).max_stale_seconds, 7200);
    assert_eq!(build_with(str::to_owned).0.issuers[0].status_lists, None);
}

#[test]
fn everything_can_be_said() {
    let all = format!(
        "uris = [\"{PLACE}\", \"https://lists.example/1?a=b\"]\nmode = \"required\"\nfresh_for = \"1s\"\nmax_stale = \"1d\"\n\
         on_unavailable = \"allow\""
    );
    let expected = StatusLists {
        mode: StatusMode::Required,
        fresh_for_seconds: 1,
        max_stale_seconds: 86_400,
        on_unavailable: OnUnavailable::Allow,
        ..StatusLists::at(vec![PLACE.to_owned(), "https://lists.example/1?a=b".to_owned()])
    };
    assert_eq!(lists(&all), expected);
    let ignored = lists("mode = \"ignore\"");
    assert_eq!((ignored.mode, ignored.uris.len()), (StatusMode::Ignore, 0));
    let (section, _, _) = with("mode = \"optional\"\nuris = [\"https://issuer.example/lists/\"]");
    let text = serde_json::to_string(&section.issuers[0].status_lists).unwrap();
    assert!(text.contains("\"mode\":\"optional\"") && text.contains("\"on_unavailable\":\"deny\""), "{text}");
}

#[test]
fn what_no_gateway_would_take_is_found_in_its_place() {
    let uris = format!("uris = [\"{PLACE}\"]");
    for (members, code, place) in [
        ("", "issuer.status_uris", "[issuers.status_lists]"),
        ("uris = []", "issuer.status_uris", "[]"),
        ("uris = [\"http://issuer.example/lists/\"]", "issuer.status_uri", "\"http://issuer.example/lists/\""),
        ("uris = [\"https://issuer.example\"]", "issuer.status_uri", "\"https://issuer.example\""),
        ("uris = [\"https://issuer.example/a?b/\"]", "issuer.status_uri", "\"https://issuer.example/a?b/\""),
        ("uris = [\"https://a@issuer.example/a\"]", "issuer.status_uri", "\"https://a@issuer.example/a\""),
        (&format!("{uris}\nmode = \"always\""), "issuer.status_mode", "\"always\""),
        (&format!("{uris}\non_unavailable = \"keep\""), "issuer.status_on_unavailable", "\"keep\""),
        (&format!("{uris}\nfresh_for = \"0s\""), "issuer.duration_range", "\"0s\""),
        (&format!("{uris}\nfresh_for = \"25h\""), "issuer.duration_range", "\"25h\""),
        (&format!("{uris}\nmax_stale = \"4m\""), "issuer.duration_range", "\"4m\""),
        ("mode = \"ignore\"\nmax_stale = \"1h\"", "issuer.status_setting", "\"1h\""),
        ("mode = \"ignore\"\non_unavailable = \"deny\"", "issuer.status_setting", "\"deny\""),
        (&format!("mode = \"ignore\"\n{uris}"), "issuer.status_setting", "[\"https://issuer.example/lists/\"]"),
    ] {
        let (_, findings, text) = with(members);
        let [finding] = findings.as_slice() else { panic!("{members}: {findings:?}") };
        assert_eq!(finding.code, code, "{members}");
        let span = finding.span.clone().unwrap();
        assert!(text[span.clone()].starts_with(place.trim_end_matches(']')), "{members}: {}", &text[span]);
    }
    let many = format!("uris = [{}]", format!("\"{PLACE}\", ").repeat(65));
    assert_eq!(with(&many).1[0].code, "issuer.status_uris");
}
