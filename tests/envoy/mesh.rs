//! The quickstart with a SPIFFE trust domain beside its issuer.

use std::fs;
use std::path::Path;

use anyhow::Result;
use palisade_tests::http1::Request;
use palisade_tests::quickstart::{self, REPOS};
use serde_json::{Value, json};

/// Its agents need what every agent of the schema has, and a SPIFFE ID says nothing of tasks, so the type is its own.
const TRUST_DOMAIN: &str = r#"
[[issuers]]
alias = "mesh"
profile = "spiffe-jwt-svid"
trust_domain = "example.org"
x509_svid = true
audiences = ["https://gateway.quickstart.example"]
algorithms = ["ES256"]
max_token_lifetime = "15m"
KEYS

[issuers.principal]
type = "Workload"
id = "sub"

[[routes]]
host = "repos.internal"
methods = ["GET"]
path = "/mesh/{name}"
action = "meet"
resource = { type = "Repository", id = "{name}" }
"#;

/// The one workload of the trust domain that may meet anybody.
pub(crate) const WORKLOAD: &str = "spiffe://example.org/ns/prod/sa/web";

/// Writes the project into `folder`. `keys` are the settings that say where the keys of the trust domain are.
pub(crate) fn project(folder: &Path, keys: &str) -> Result<()> {
    quickstart::changed(folder, |text| format!("{text}\n{}", TRUST_DOMAIN.replace("KEYS", keys)))?;
    let schema = folder.join("schema.cedarschema");
    let text = fs::read_to_string(&schema)?;
    let more = "entity Workload;\naction meet appliesTo { principal: Workload, resource: Repository };\n";
    fs::write(&schema, format!("{text}\n{more}"))?;
    let policy = format!(
        r#"@id("meet") permit (principal == Workload::"mesh/{WORKLOAD}", action == Action::"meet", resource);"#
    );
    Ok(fs::write(folder.join("policies/mesh.cedar"), policy)?)
}

/// A public key as one for JWT-SVIDs.
pub(crate) fn for_svids(mut jwk: Value) -> Value {
    jwk["use"] = json!("jwt-svid");
    jwk
}

/// What [`WORKLOAD`] may do.
pub(crate) fn meet(name: &str) -> Request {
    Request::new("GET", REPOS, &format!("/mesh/{name}"))
}
