//! What a route speaks, and which keys that leaves it.

use std::ops::Range;

use toml::Spanned;

use crate::diagnostic::Findings;
use crate::project::{RouteTable, at, at_span};

/// What a route speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http,
    Grpc,
    Mcp,
    A2a,
}

impl Protocol {
    const ALL: [Self; 4] = [Self::Http, Self::Grpc, Self::Mcp, Self::A2a];

    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Grpc => "grpc",
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
        }
    }

    /// The protocol of a route, if it has the keys that it needs. Keys of other protocols are findings.
    pub(super) fn of(table: &RouteTable, findings: &mut Findings) -> Option<Self> {
        let protocol = match &table.protocol {
            None => Self::Http,
            Some(name) => match Self::ALL.into_iter().find(|protocol| protocol.name() == name.as_ref()) {
                Some(protocol) => protocol,
                None => {
                    let finding = at("route.protocol", name, format!("`{}` is not a protocol", name.as_ref()));
                    findings.push(finding.with_help(format!("it can be: {}", Self::ALL.map(Self::name).join(", "))));
                    return None;
                }
            },
        };
        let mut is_whole = true;
        for Key { name, span, needed, allowed } in keys(table) {
            match span {
                Some(span) if !needed.contains(&protocol) && !allowed.contains(&protocol) => {
                    let message = format!("`{name}` is not for routes with `protocol = \"{}\"`", protocol.name());
                    let of: Vec<&str> = needed.iter().chain(allowed).map(|protocol| protocol.name()).collect();
                    findings
                        .push(at_span("route.key", span, message).with_help(format!("it is for: {}", of.join(", "))));
                }
                None if needed.contains(&protocol) => {
                    let message = match table.path.as_ref().as_str() {
                        "" => format!("the route has no `{name}`"),
                        path => format!("the route `{path}` has no `{name}`"),
                    };
                    let place = if table.path.as_ref().is_empty() { &table.resource.entity_type } else { &table.path };
                    findings.push(at("route.key_missing", place, message));
                    is_whole = false;
                }
                Some(_) | None => {}
            }
        }
        is_whole.then_some(protocol)
    }
}

/// A key that not all routes have.
struct Key {
    name: &'static str,
    span: Option<Range<usize>>,
    needed: &'static [Protocol],
    allowed: &'static [Protocol],
}

fn keys(table: &RouteTable) -> [Key; 20] {
    use Protocol::{A2a, Grpc, Http, Mcp};
    let RouteTable {
        protocol: _,
        host: _,
        methods,
        service,
        path,
        action,
        resource: _,
        context: _,
        revisions,
        versions,
        denial,
        unknown_arguments,
        max_body_bytes,
        max_answer_bytes,
        origins,
        tenant,
        card,
        push_targets,
        skill,
        param_headers,
        catalogue,
        drift,
        record_arguments,
        record_values,
        scopes: _,
        acr_values: _,
        max_authentication_age: _,
        strip_token: _,
        upstream_headers: _,
        delegation: _,
        transaction: _,
    } = table;
    let needs = |name, span, needed| Key { name, span, needed, allowed: &[] };
    let may = |name, span, allowed| Key { name, span, needed: &[], allowed };
    [
        needs("methods", span(methods), &[Http, Grpc]),
        needs("service", span(service), &[Grpc]),
        needs("path", (!path.as_ref().is_empty()).then(|| path.span()), &[Http, Mcp, A2a]),
        needs("action", span(action), &[Http, Grpc]),
        may("revisions", span(revisions), &[Mcp]),
        may("versions", span(versions), &[A2a]),
        may("denial", span(denial), &[Mcp, A2a]),
        may("unknown_arguments", span(unknown_arguments), &[Mcp]),
        may("max_body_bytes", span(max_body_bytes), &[Mcp, A2a]),
        may("max_answer_bytes", span(max_answer_bytes), &[Mcp]),
        may("origins", span(origins), &[Mcp, A2a]),
        may("tenant", span(tenant), &[A2a]),
        may("card", span(card), &[A2a]),
        may("push_targets", span(push_targets), &[A2a]),
        may("skill", span(skill), &[A2a]),
        may("param_headers", span(param_headers), &[Mcp]),
        may("catalogue", span(catalogue), &[Mcp]),
        may("drift", span(drift), &[Mcp]),
        may("record_arguments", span(record_arguments), &[Mcp]),
        may("record_values", span(record_values), &[Mcp]),
    ]
}

fn span<T>(value: &Option<Spanned<T>>) -> Option<Range<usize>> {
    value.as_ref().map(Spanned::span)
}
