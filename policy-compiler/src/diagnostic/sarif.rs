//! Findings as SARIF 2.1.0 (OASIS Standard, Errata 01), which code scanning services read.

use std::ops::Range;

use serde::Serialize;

use super::{Diagnostic, Findings, RULES, Related, Severity, locate};
use crate::source::Sources;

/// A log with one run. Artifacts are named relative to the project's folder.
#[derive(Debug, Serialize)]
pub struct Sarif<'a> {
    #[serde(rename = "$schema")]
    schema: &'a str,
    version: &'a str,
    runs: [Run<'a>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    column_kind: &'a str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'a str,
    semantic_version: &'a str,
    rules: Vec<ReportingDescriptor<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportingDescriptor<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<Message>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'a str,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
}

#[derive(Debug, Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    uri_base_id: &'static str,
}

/// Lines and columns from 1; the end column is the first one behind the region.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

impl<'a> Sarif<'a> {
    /// The log of findings. Those without a file are located in `project_file`, since services refuse results that are
    /// nowhere.
    #[must_use]
    pub fn new(sources: &Sources, findings: &'a Findings, project_file: &str) -> Self {
        let findings = findings.sorted();
        let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
        codes.sort_unstable();
        codes.dedup();
        let result = |finding: &&'a Diagnostic| SarifResult::new(sources, finding, &codes, project_file);
        let results = findings.iter().map(result).collect();
        let rules = codes.iter().map(|code| ReportingDescriptor::new(code)).collect();
        let driver = Driver { name: "palisade", semantic_version: env!("CARGO_PKG_VERSION"), rules };
        let run = Run { tool: Tool { driver }, column_kind: "utf16CodeUnits", results };
        Self {
            schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
            version: "2.1.0",
            runs: [run],
        }
    }
}

impl<'a> ReportingDescriptor<'a> {
    fn new(code: &'a str) -> Self {
        let rule = RULES.iter().find(|rule| rule.code == code);
        Self { id: code, short_description: rule.map(|rule| Message { text: rule.summary.to_owned() }) }
    }
}

impl<'a> SarifResult<'a> {
    fn new(sources: &Sources, finding: &'a Diagnostic, codes: &[&str], project_file: &str) -> Self {
        let Diagnostic { code, severity, message, file, span, help, related } = finding;
        let text = match help {
            Some(help) => format!("{message}\nhelp: {help}"),
            None => message.clone(),
        };
        let file = file.as_deref().unwrap_or(project_file);
        let related = related.iter().map(|Related { file, span, text }| {
            let message = Some(Message { text: text.clone() });
            Location { message, ..Location::new(sources, file, Some(span)) }
        });
        Self {
            rule_id: code,
            rule_index: codes.binary_search(code).unwrap_or_default(),
            level: match severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "note",
            },
            message: Message { text },
            locations: [Location::new(sources, file, span.as_ref())],
            related_locations: related.collect(),
        }
    }
}

impl Location {
    fn new(sources: &Sources, file: &str, span: Option<&Range<usize>>) -> Self {
        let region = span.and_then(|span| Region::new(sources, file, span));
        let artifact_location = ArtifactLocation { uri: relative_uri(file), uri_base_id: "%SRCROOT%" };
        Self { physical_location: PhysicalLocation { artifact_location, region }, message: None }
    }
}

impl Region {
    fn new(sources: &Sources, file: &str, span: &Range<usize>) -> Option<Self> {
        let (index, span) = locate(sources, file, span)?;
        let (start, end) = (index.position_in_utf16(span.start), index.position_in_utf16(span.end));
        Some(Self { start_line: start.line, start_column: start.column, end_line: end.line, end_column: end.column })
    }
}

/// A path as a relative reference (RFC 3986): all but unreserved characters and `/` is percent-encoded, so that no
/// segment can be read as a scheme, a query or a fragment.
fn relative_uri(path: &str) -> String {
    let encode = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    path.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::source::SourceFile;

    fn log(findings: &Findings) -> Value {
        let mut sources = Sources::default();
        sources.add(&SourceFile::new("a b/ü.cedar", "// 😀é\nx = 😀yz;\n"));
        serde_json::to_value(Sarif::new(&sources, findings, "palisade.toml")).unwrap()
    }

    #[test]
    fn regions_count_in_utf16() {
        let finding = Diagnostic::warning("policy.shadowed", "m")
            .at("a b/ü.cedar", 18..20)
            .with_help("h")
            .with_related("a b/ü.cedar", 3..9, "there");
        let log = log(&Findings::from(finding));
        let result = &log["runs"][0]["results"][0];
        let location = &result["locations"][0]["physicalLocation"];
        assert_eq!(location["artifactLocation"]["uri"], "a%20b/%C3%BC.cedar");
        assert_eq!(location["region"], json!({"startLine": 2, "startColumn": 7, "endLine": 2, "endColumn": 9}));
        let related = &result["relatedLocations"][0];
        assert_eq!(related["message"]["text"], "there");
        let region = json!({"startLine": 1, "startColumn": 4, "endLine": 1, "endColumn": 7});
        assert_eq!(related["physicalLocation"]["region"], region);
        assert_eq!(result["message"]["text"], "m\nhelp: h");
    }

    #[test]
    fn a_run_without_findings_has_results() {
        let log = log(&Findings::default());
        assert_eq!(log["runs"][0]["results"], json!([]));
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"], json!([]));
    }

    #[test]
    fn no_path_is_read_as_anything_else() {
        for (path, uri) in [
            ("jwks:dev", "jwks%3Adev"),
            ("a?b#c", "a%3Fb%23c"),
            ("100%/x", "100%25/x"),
            ("a\\b", "a%5Cb"),
            ("../p", "../p"),
        ] {
            assert_eq!(relative_uri(path), uri);
        }
    }

    /// What the specification requires of each object that is written (section in brackets).
    #[test]
    fn required_properties_are_there() {
        let place = |finding: Diagnostic| finding.at("a b/ü.cedar", 0..1);
        let findings: Findings = [
            place(Diagnostic::error("policy.syntax", "m")),
            place(Diagnostic::note("policy.unindexed", "m")),
            Diagnostic::error("not.catalogued", "m"),
            Diagnostic::warning("policy.shadowed", "m").in_file("unknown.cedar"),
        ]
        .into_iter()
        .collect();
        let log = log(&findings);
        assert_eq!(log["version"], "2.1.0", "3.13.2");
        assert!(log["$schema"].as_str().is_some_and(|uri| uri.ends_with("sarif-schema-2.1.0.json")), "3.13.3");
        let [run] = log["runs"].as_array().unwrap().as_slice() else { panic!("3.13.4: one run") };
        let driver = &run["tool"]["driver"];
        assert_eq!(driver["name"], "palisade", "3.19.8");
        assert_eq!(run["columnKind"], "utf16CodeUnits", "3.14.17");
        let rules = driver["rules"].as_array().unwrap();
        let ids: Vec<_> = rules.iter().map(|rule| rule["id"].as_str().expect("3.49.3")).collect();
        assert_eq!(ids, ["not.catalogued", "policy.shadowed", "policy.syntax", "policy.unindexed"]);
        let results = run["results"].as_array().unwrap();
        assert_eq!(results.len(), 4);
        for result in results {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"], "3.27.6");
            assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()), "3.27.10");
            assert!(result["message"]["text"].is_string(), "3.27.11, 3.11.8");
            let location = &result["locations"][0]["physicalLocation"];
            assert!(location["artifactLocation"]["uri"].is_string(), "3.29.2, 3.4.3");
            if let Some(region) = location.get("region") {
                let at = |name: &str| region[name].as_u64().filter(|at| *at > 0).expect("3.30.5 to 3.30.8");
                assert!((at("startLine"), at("startColumn")) <= (at("endLine"), at("endColumn")));
            }
        }
        assert!(results.iter().any(|result| {
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "palisade.toml"
        }));
    }
}
