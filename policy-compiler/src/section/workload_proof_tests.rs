//! Issuers of workload identity tokens, and the rules for their proofs.

use palisade_gateway::section::{BesideWorkload, GatewaySection, Profile, WorkloadProofDraft};
use palisade_gateway::token::Algorithm;

use super::tests::build_with;
use crate::diagnostic::Diagnostic;

const WIT: &str = "alias = \"dev\"\nprofile = \"wimse-wit-03\"\ntrust_domain = \"example.org\"";
const SVID: &str = "alias = \"dev\"\nprofile = \"spiffe-wit-svid\"\ntrust_domain = \"example.org\"";
const RULES: &str = "[workload_proof]\ndraft = \"draft-ietf-wimse-wpt-02\"\norigins = [\"https://a.internal\"]";

/// The project with another issuer, and with tables before its routes.
fn with(issuer: &str, tables: &str) -> (GatewaySection, Vec<Diagnostic>, String) {
    build_with(|project| {
        let project = project.replacen("alias = \"dev\"", issuer, 1);
        let project = project.replacen("[[routes]]", &format!("{tables}\n[[routes]]"), 1);
        // WIT-SVIDs have no audience, and both may go without an issuer.
        let bare = issuer.contains("svid") || issuer.contains("# bare");
        let lines = ["issuer = \"https://issuer.example\"\n", "audiences = [\"gateway\"]\n"];
        if bare { lines.iter().fold(project, |text, line| text.replacen(line, "", 1)) } else { project }
    })
}

#[test]
fn profiles_and_rules_are_understood() {
    let (section, findings, _) = with(WIT, RULES);
    assert_eq!(findings, []);
    assert_eq!(section.issuers[0].profile, Profile::WimseWit03 { trust_domain: "example.org".to_owned() });
    assert_eq!(section.issuers[0].issuer, "https://issuer.example");
    assert_eq!(section.issuers[0].audiences, ["gateway"]);
    let rules = section.workload_proof.unwrap();
    assert_eq!(
        (rules.draft, rules.origins.as_slice()),
        (WorkloadProofDraft::Wpt02, &["https://a.internal".to_owned()][..])
    );
    assert_eq!((rules.max_lifetime_seconds, rules.clock_skew_seconds), (300, 5));
    assert_eq!((rules.access_token, rules.forward), (BesideWorkload::Refuse, false));
    assert!(rules.aliases.is_empty() && rules.covered_headers.is_empty());
    assert!(rules.algorithms.contains(&Algorithm::Es256));

    let all = "aliases = [\"repos\"]\nalgorithms = [\"RS256\"]\nmax_lifetime = \"1m\"\nclock_skew = \"0s\"\n\
               access_token = \"pass\"\ncovered_headers = [\"x-user\"]\nforward = true";
    let (section, findings, _) = with(SVID, &format!("{RULES}\n{all}"));
    assert_eq!(findings, []);
    assert_eq!(section.issuers[0].profile, Profile::SpiffeWitSvid { trust_domain: "example.org".to_owned() });
    assert_eq!((section.issuers[0].issuer.as_str(), section.issuers[0].audiences.len()), ("spiffe://example.org", 0));
    let rules = section.workload_proof.unwrap();
    assert_eq!(
        (rules.aliases.as_slice(), rules.algorithms.as_slice()),
        (&["repos".to_owned()][..], &[Algorithm::Rs256][..])
    );
    assert_eq!((rules.max_lifetime_seconds, rules.clock_skew_seconds), (60, 0));
    assert_eq!((rules.access_token, rules.forward), (BesideWorkload::Pass, true));
    assert_eq!(rules.covered_headers, ["x-user"]);

    let (section, findings, _) = with(&format!("{WIT} # bare"), RULES);
    assert_eq!(findings, []);
    assert_eq!((section.issuers[0].issuer.as_str(), section.issuers[0].audiences.len()), ("wimse://example.org", 0));

    let resource =
        "[[resources]]\nurl = \"https://b.internal/x\"\n[workload_proof]\ndraft = \"draft-ietf-wimse-wpt-02\"";
    let (section, findings, _) = with(WIT, resource);
    assert_eq!(
        (section.workload_proof.unwrap().origins.as_slice(), findings.len()),
        (&["https://b.internal".to_owned()][..], 0)
    );
}

/// Each mistake gives exactly this finding, at exactly this place.
#[test]
fn mistakes_are_found_where_they_are() {
    let bound = format!("{WIT}\nbinding = \"required\"");
    let x509 = format!("{WIT}\nx509_svid = true");
    let audience = SVID.replace("\"spiffe-wit-svid\"", "\"spiffe-wit-svid\" # with an audience");
    let plain = "alias = \"dev\"";
    let draft = "[workload_proof]\ndraft = \"draft-ietf-wimse-wpt-02\"";
    let rules = |line: &str| format!("{RULES}\n{line}");
    for (issuer, tables, code, place) in [
        (WIT, String::new(), "workload_proof.missing", "\"dev\""),
        (SVID, String::new(), "workload_proof.missing", "\"dev\""),
        (plain, RULES.to_owned(), "workload_proof.unused", "[workload_proof]"),
        (WIT, draft.to_owned(), "workload_proof.origins", "[workload_proof]"),
        (WIT, RULES.replace("wpt-02", "wpt-03"), "workload_proof.draft", "\"draft-ietf-wimse-wpt-03\""),
        (WIT, RULES.replace("draft-ietf-wimse-wpt-02", "latest"), "workload_proof.draft", "\"latest\""),
        (WIT, rules("algorithms = [\"HS256\"]"), "issuer.algorithm", "\"HS256\""),
        (WIT, rules("max_lifetime = \"6m\""), "issuer.duration_range", "\"6m\""),
        (WIT, rules("max_lifetime = \"0s\""), "issuer.duration_range", "\"0s\""),
        (WIT, rules("clock_skew = \"5m\""), "issuer.duration_range", "\"5m\""),
        (WIT, rules("access_token = \"ignore\""), "workload_proof.access_token", "\"ignore\""),
        (WIT, rules("covered_headers = [\"X-User\"]"), "workload_proof.covered_header", "\"X-User\""),
        (WIT, rules("covered_headers = [\"two words\"]"), "workload_proof.covered_header", "\"two words\""),
        (&bound, RULES.to_owned(), "issuer.binding", "\"required\""),
        (&x509, RULES.to_owned(), "issuer.x509_svid", "true"),
    ] {
        let (_, findings, text) = with(issuer, &tables);
        let codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [code], "{issuer} {tables}");
        let found = &text[findings[0].span.clone().unwrap()];
        assert!(found.starts_with(place), "{code}: {found}");
    }
    // The audience of a WIT-SVID, which the helper leaves out.
    let (_, findings, text) = build_with(|project| {
        project.replacen("alias = \"dev\"", &audience, 1).replacen("[[routes]]", &format!("{RULES}\n[[routes]]"), 1)
    });
    assert_eq!(findings.iter().map(|finding| finding.code).collect::<Vec<_>>(), ["issuer.audiences"]);
    assert_eq!(&text[findings[0].span.clone().unwrap()], "[\"gateway\"]");
}
