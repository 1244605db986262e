//! Routes with `protocol = "grpc"`: methods of a service. On the wire each is a POST to `/SERVICE/METHOD`.

use palisade_gateway::section::Route;
use toml::Spanned;

use super::routes::{self, Callers};
use super::types::SchemaTypes;
use crate::diagnostic::Findings;
use crate::project::{RouteTable, at};

pub(super) fn routes(
    table: &RouteTable,
    callers: &Callers<'_>,
    types: &SchemaTypes<'_>,
    findings: &mut Findings,
) -> Vec<Route> {
    let Some((service, methods)) = table.service.as_ref().zip(table.methods.as_ref()) else {
        return Vec::new();
    };
    let Some(route) = routes::route(table, callers, types, findings) else {
        return Vec::new();
    };
    if !service.as_ref().split('.').all(is_identifier) {
        findings.push(not_a_name(service, "service"));
    }
    for method in methods.as_ref().iter().filter(|method| !is_identifier(method.as_ref())) {
        findings.push(not_a_name(method, "method"));
    }
    let path = |method: &Spanned<String>| format!("/{}/{}", service.as_ref(), method.as_ref());
    let post = || vec!["POST".to_owned()];
    methods.as_ref().iter().map(|m| Route { path: path(m), methods: post(), grpc: true, ..route.clone() }).collect()
}

fn not_a_name(name: &Spanned<String>, what: &str) -> crate::diagnostic::Diagnostic {
    at("route.grpc_name", name, format!("`{}` is not the name of a {what}", name.as_ref()))
}

/// An identifier of the protocol buffers language.
fn is_identifier(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
