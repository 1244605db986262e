//! HTTP filters as Envoy's configuration has them.

use std::path::Path;

use serde_json::{Value, json};

use crate::rules::{AUDIENCE, ISSUER};
use crate::tools;

/// A wasm filter in a VM of its own; `name` tells VMs apart.
pub(crate) fn wasm(name: &str, module: &Path, configuration: &str) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "root_id": name,
                // Requests that wait for their body are held with their headers.
                "allow_on_headers_stop_iteration": true,
                "vm_config": {
                    "vm_id": name,
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": {"local": {"filename": module}},
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
            },
        },
    })
}

/// Envoy's own verification of tokens; it leaves their claims under `jwt`.
pub(crate) fn jwt_authn(jwks: &str, cached: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": jwks},
        "payload_in_metadata": "jwt",
        "forward": true,
    });
    if let Some(provider) = provider.as_object_mut().filter(|_| cached) {
        provider.insert("jwt_cache_config".to_owned(), json!({"jwt_cache_size": 100}));
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"bench": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "bench"}}],
        },
    })
}

/// Envoy's own policies: a request that none of them names is refused.
pub(crate) fn rbac(policies: Value) -> Value {
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": policies},
        },
    })
}

/// A service, behind a cluster, that is asked about each request.
pub(crate) fn ext_authz(cluster: &str) -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": cluster}, "timeout": "5s"},
        },
    })
}

/// Envoy's own reading of tool calls, set to be as strict as it can be.
pub(crate) fn mcp() -> Value {
    let rules = ["params.name", "params.arguments.path"].map(|path| json!({"path": path}));
    json!({
        "name": "envoy.filters.http.mcp",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.mcp.v3.Mcp",
            "traffic_mode": "REJECT_NO_MCP",
            "reject_duplicate_keys": true,
            "parser_config": {"methods": [{"method": "tools/call", "extraction_rules": rules}]},
        },
    })
}

/// The listener of a variant: its filters, then an answer by Envoy itself, or by the upstream for calls of tools.
pub(crate) fn listener(name: &str, port: u16, mut filters: Vec<Value>) -> Value {
    filters.push(json!({
        "name": "router",
        "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
    }));
    json!({
        "name": name,
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [{
            "name": "hcm",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": "bench",
                "http_filters": filters,
                "route_config": {"virtual_hosts": [{
                    "name": "all",
                    "domains": ["*"],
                    "routes": [
                        {"match": {"path": tools::PATH}, "route": {"cluster": UPSTREAM}},
                        {"match": {"prefix": "/"}, "direct_response": {"status": 200}},
                    ],
                }]},
            },
        }]}],
    })
}

/// The cluster of the upstream.
pub(crate) const UPSTREAM: &str = "upstream";

/// A cluster of one endpoint on this machine.
pub(crate) fn cluster(name: &str, port: u16, http2: bool) -> Value {
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {
            "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        }}]}]},
    });
    if let Some(cluster) = cluster.as_object_mut().filter(|_| http2) {
        cluster.insert(
            "typed_extension_protocol_options".to_owned(),
            json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }}),
        );
    }
    cluster
}
