//! The catalogue that a route to an MCP server names.

use std::collections::BTreeMap;

use palisade_gateway::section::{Catalogue, Drift, ToolAction};
use toml::Spanned;

use super::choice::choice;
use crate::catalogue::CatalogueFile;
use crate::diagnostic::{Diagnostic, Findings};
use crate::project::{at, json_finding};
use crate::source::SourceFile;

const DRIFTS: [(&str, Drift); 3] = [("report", Drift::Report), ("drop", Drift::Drop), ("block", Drift::Block)];

/// The catalogue, if the route names one; `None` where what it names is not there or not right, which is a finding.
pub(super) fn build(
    catalogue: Option<&Spanned<String>>,
    drift: Option<&Spanned<String>>,
    files: &BTreeMap<String, SourceFile>,
    tools: &[ToolAction],
    findings: &mut Findings,
) -> Option<Option<Catalogue>> {
    let mode = choice(drift, "drift", &DRIFTS, findings);
    let Some(name) = catalogue else {
        if let Some(drift) = drift {
            findings.push(at("route.key", drift, "`drift` is for routes with a `catalogue`"));
        }
        return Some(None);
    };
    // A file that is missing is a finding of whoever reads files.
    let file = files.get(name.as_ref())?;
    let parsed = CatalogueFile::parse(&file.text).map_err(|error| json_finding("route.catalogue", file, &error));
    let parsed = parsed.map_err(|finding| findings.push(finding)).ok()?;
    let drift = mode?;
    for tool in tools.iter().filter(|tool| drift != Drift::Report && !parsed.tools.contains_key(&tool.tool)) {
        let message = format!("`{}` does not have the tool `{}`, so nobody can call it", name.as_ref(), tool.tool);
        let warning =
            Diagnostic { severity: crate::diagnostic::Severity::Warning, ..at("route.unpinned_tool", name, message) };
        findings.push(warning.with_help("read the server's tools anew: `palisade schema from-mcp`"));
    }
    Some(Some(Catalogue { drift, tools: parsed.pinned() }))
}
