//! `palisade.toml`, with the place of every value, so that findings can point at it.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::diagnostic::Diagnostic;
use crate::source::SourceFile;

/// The name of the project file in its folder.
pub(crate) const PROJECT_FILE: &str = "palisade.toml";

/// A project's `palisade.toml`. Unknown keys are errors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectFile {
    /// Name of the bundle and of its channel.
    pub name: Spanned<String>,
    /// The Cedar schema, Cedar syntax or JSON (by its extension `.json`).
    pub schema: Spanned<String>,
    /// Globs of policy files in Cedar syntax.
    pub policies: Vec<Spanned<String>>,
    /// Globs of files that link templates: JSON arrays of `{"templateId", "newId", "values"}`. Default: none.
    #[serde(default)]
    pub links: Vec<Spanned<String>>,
    /// Globs of entity files in Cedar's JSON. Default: none.
    #[serde(default)]
    pub entities: Vec<Spanned<String>>,
    /// Globs of test files. Default: none.
    #[serde(default)]
    pub tests: Vec<Spanned<String>>,
    /// How long a bundle may be used after it was created, such as `30d`.
    pub lifetime: Spanned<String>,
    /// Bounds of what the policies may cost.
    #[serde(default)]
    pub limits: LimitsTable,
    /// What `palisade check` looks for.
    #[serde(default)]
    pub lint: LintTable,
    /// Who may vouch for callers.
    #[serde(default)]
    pub issuers: Vec<IssuerTable>,
    /// What the gateway is to OAuth clients.
    #[serde(default)]
    pub resources: Vec<ProtectedResourceTable>,
    /// How DPoP proofs must look. Default: DPoP is not accepted.
    pub dpop: Option<Spanned<DpopTable>>,
    /// How workload proof tokens must look. Needed with issuers of workload identity tokens, and for nothing else.
    pub workload_proof: Option<Spanned<WorkloadProofTable>>,
    /// Whose transaction tokens are read. Default: nobody's.
    pub transaction_tokens: Option<TransactionTokensTable>,
    /// Which requests mean which actions.
    #[serde(default)]
    pub routes: Vec<RouteTable>,
}

/// `[limits]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitsTable {
    /// Most steps that one decision may take. Default: the engine's own limit.
    pub max_steps: Option<Spanned<u64>>,
}

/// `[lint]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LintTable {
    /// Actions, and groups of them, that change nothing although their routes have methods that could, or that are tools.
    #[serde(default)]
    pub read_only: Vec<Spanned<String>>,
}

/// `[[issuers]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerTable {
    /// Short name, `[a-z0-9-]+`; principal ids begin with it.
    pub alias: Spanned<String>,
    /// What kind of tokens it gives out: `oauth`, `oauth-lenient`, `oidc`, `spiffe-jwt-svid`, `kubernetes`, `github-actions`,
    /// `wimse-wit-03` or `spiffe-wit-svid`. Default: `oauth-lenient`.
    pub profile: Option<Spanned<String>>,
    /// The trust domain, for `spiffe-jwt-svid`, `wimse-wit-03` and `spiffe-wit-svid` only.
    pub trust_domain: Option<Spanned<String>>,
    /// Whether X.509-SVIDs of the trust domain are credentials, too, for requests without a token. Default: `false`.
    pub x509_svid: Option<Spanned<bool>>,
    /// The `iss` of its tokens, compared exactly. A trust domain needs none; its tokens then have none.
    pub issuer: Option<Spanned<String>>,
    /// Accepted `aud` values. Needed by all but `wimse-wit-03`, whose tokens may lack one, and `spiffe-wit-svid`, whose have none.
    pub audiences: Option<Spanned<Vec<Spanned<String>>>>,
    /// Whether a token may name other audiences besides. Default: `false`, for each of them could replay it here.
    pub multiple_audiences: Option<bool>,
    /// Accepted JOSE algorithms.
    pub algorithms: Spanned<Vec<Spanned<String>>>,
    /// File with the issuer's JWK Set, which goes into the bundle. Either this or `jwks_uri` is there.
    pub jwks: Option<Spanned<String>>,
    /// `https` URL of the issuer's JWK Set, which gateways fetch.
    pub jwks_uri: Option<Spanned<String>>,
    /// Age before which fetched keys are fetched anew. Default: `10m`, and `5m` for `spiffe-jwt-svid` and `spiffe-wit-svid`.
    pub jwks_fresh_for: Option<Spanned<String>>,
    /// Age at which keys that could not be fetched anew verify nothing. Default: `1h`.
    pub jwks_max_stale: Option<Spanned<String>>,
    /// Time in which tokens with unknown keys cause at most one fetch. Default: `30s`.
    pub jwks_cooldown: Option<Spanned<String>>,
    /// Longest accepted `exp - iat`, such as `15m`.
    pub max_token_lifetime: Spanned<String>,
    /// Accepted clock difference. Default: `30s`.
    pub clock_skew: Option<Spanned<String>>,
    /// Whether its tokens must be bound to a key of the caller: `optional` or `required`. Default: `optional`.
    pub binding: Option<Spanned<String>>,
    /// How claims become the principal.
    pub principal: Spanned<PrincipalTable>,
    /// How actors become entities. Default: tokens that name actors are refused.
    pub delegation: Option<DelegationTable>,
    /// Where the issuer says which of its tokens are no longer good. Default: tokens that name a status list are refused.
    pub status_lists: Option<Spanned<StatusListsTable>>,
}

/// `[issuers.status_lists]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusListsTable {
    /// What becomes of the claim `status`: `optional`, `required` or `ignore`. Default: `optional`.
    pub mode: Option<Spanned<String>>,
    /// The lists that tokens may name: `https` URLs, and with a `/` at the end all that lie below. Needed, but not with `ignore`.
    pub uris: Option<Spanned<Vec<Spanned<String>>>>,
    /// Age before which lists are fetched anew; sooner where their `ttl` is shorter. Default: `5m`.
    pub fresh_for: Option<Spanned<String>>,
    /// Age at which a list that could not be fetched anew says nothing. Default: `1h`.
    pub max_stale: Option<Spanned<String>>,
    /// What becomes of a token whose list is not to be had: `deny` or `allow`. Default: `deny`.
    pub on_unavailable: Option<Spanned<String>>,
}

/// `[issuers.delegation]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DelegationTable {
    /// How one `act` object becomes an entity. Attributes are those that are named here; others come from the bundle's entities.
    pub actor: Spanned<PrincipalTable>,
    /// The most actors that a token may name. Default: 4.
    pub max_depth: Option<Spanned<usize>>,
    /// Aliases of other issuers whose subjects may act here. Default: none.
    #[serde(default)]
    pub issuers: Vec<Spanned<String>>,
}

/// `[issuers.principal]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalTable {
    /// Entity type of the principal.
    #[serde(rename = "type")]
    pub entity_type: Spanned<String>,
    /// Claim whose text identifies the caller within the issuer.
    pub id: Spanned<String>,
    /// Claims that name the principal's parents.
    #[serde(default)]
    pub parents: Vec<ParentTable>,
    /// Attribute name to claim path; attributes not named come from the claim of the same name.
    #[serde(default)]
    pub attributes: AttributesTable,
}

/// Names to sources, both with their places.
pub type AttributesTable = BTreeMap<Spanned<String>, Spanned<String>>;

/// One entry of `parents`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParentTable {
    /// Claim path with a text or a list of texts.
    pub claim: Spanned<String>,
    /// Entity type of the parents.
    #[serde(rename = "type")]
    pub entity_type: Spanned<String>,
}

/// `[[routes]]`. Which keys it has depends on its protocol.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// `http`: the request line says what is asked. `grpc`: the method of a gRPC service. `mcp`: the endpoint of an MCP server.
    /// `a2a`: the endpoint of an A2A agent. Default: `http`.
    pub protocol: Option<Spanned<String>>,
    /// Host that the route is for. Default: every host.
    pub host: Option<Spanned<String>>,
    /// HTTP methods; for `grpc`, the service's methods. For these two only, and needed there.
    pub methods: Option<Spanned<Vec<Spanned<String>>>>,
    /// For `grpc`, and needed there: the service, by its full name.
    pub service: Option<Spanned<String>>,
    /// Path template; `grpc` has none.
    #[serde(default = "no_path")]
    pub path: Spanned<String>,
    /// Action: an id of type `Action`, or a full reference such as `Ns::Action::"read"`. For `http` and `grpc` only, and
    /// needed there.
    pub action: Option<Spanned<String>>,
    /// Resource; for `mcp`, the server; for `a2a`, the agent.
    pub resource: ResourceTable,
    /// Context attribute to source.
    #[serde(default)]
    pub context: AttributesTable,
    /// For `mcp`: revisions of the protocol that clients may speak. Default: all.
    pub revisions: Option<Spanned<Vec<Spanned<String>>>>,
    /// For `a2a`: versions of the protocol that clients may speak. Default: all.
    pub versions: Option<Spanned<Vec<Spanned<String>>>>,
    /// For `mcp`: how a denial is said, `http403`, `coaz`, `hide` or `tool_error`; for `a2a`, `http403` or `hide`. Default:
    /// `http403`.
    pub denial: Option<Spanned<String>>,
    /// For `mcp`: what becomes of arguments that the schema does not know, `deny` or `ignore`. Default: `deny`.
    pub unknown_arguments: Option<Spanned<String>>,
    /// For `mcp` and `a2a`: largest body, in bytes. Default: one MiB.
    pub max_body_bytes: Option<Spanned<u32>>,
    /// For `mcp`: largest answer that is filtered, or largest event of one, in bytes. Default: one MiB.
    pub max_answer_bytes: Option<Spanned<u32>>,
    /// For `mcp` and `a2a`: web origins that may call. Default: none.
    pub origins: Option<Spanned<Vec<Spanned<String>>>>,
    /// For `a2a`: whether requests name a tenant, `refuse`, `optional` or `required`. Default: `refuse`.
    pub tenant: Option<Spanned<String>>,
    /// For `a2a`: the public agent card. Default: below the endpoint, and not public.
    pub card: Option<Spanned<CardTable>>,
    /// For `a2a`: where push notifications may go, such as `hooks.example`, `*.hooks.example` or `http://10.0.0.7:8080`.
    /// Default: to any public host, by `https` on its own port.
    pub push_targets: Option<Spanned<Vec<Spanned<String>>>>,
    /// For `a2a`: the member of a message's metadata that names a skill. Default: none does.
    pub skill: Option<Spanned<String>>,
    /// For `mcp`: by tool, the names of the headers `Mcp-Param-NAME` and the arguments that they repeat.
    pub param_headers: Option<Spanned<ParamHeadersTable>>,
    /// For `mcp`: file with the digests of the server's tools, as `palisade schema from-mcp` writes it. Default: the server
    /// may have any tools, and may change them.
    pub catalogue: Option<Spanned<String>>,
    /// For `mcp` with a catalogue: what becomes of tools that are not as it has them, `report`, `drop` or `block`. Default:
    /// `drop`.
    pub drift: Option<Spanned<String>>,
    /// For `mcp`: whether decision records have a digest of the arguments of tool calls. Default: `true`.
    pub record_arguments: Option<Spanned<bool>>,
    /// For `mcp`: by tool, the names of arguments whose values are recorded. Default: none.
    pub record_values: Option<Spanned<RecordValuesTable>>,
    /// Scopes that the token must have, all of them. Default: none.
    #[serde(default)]
    pub scopes: Vec<Spanned<String>>,
    /// Values of `acr` of which the token must have one. Default: any.
    #[serde(default)]
    pub acr_values: Vec<Spanned<String>>,
    /// How long ago the user may have been authenticated, such as `5m`. Default: any time.
    pub max_authentication_age: Option<Spanned<String>>,
    /// Whether the upstream gets the request without the caller's token. Default: `true` for `mcp`, whose servers must not be given
    /// tokens that were issued for the gateway, and `false` for `http`.
    pub strip_token: Option<bool>,
    /// What the upstream is told of the decision: `principal`, `decision_id`, `actor`. Default: all of them.
    pub upstream_headers: Option<Vec<Spanned<String>>>,
    /// Whose rights decide where a token names actors: `refuse`, `subject_only`, `actor_only` or `every_hop`. Default: `refuse`.
    pub delegation: Option<Spanned<String>>,
    /// What becomes of a transaction token: `strip`, `refuse`, `optional` or `required`. Default: `strip`.
    pub transaction: Option<Spanned<String>>,
}

/// The path of a route that has none: empty, in no place.
fn no_path() -> Spanned<String> {
    Spanned::new(0..0, String::new())
}

/// `card` of a route.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardTable {
    /// Where the card is. Default: `/.well-known/agent-card.json` below the endpoint.
    pub path: Option<Spanned<String>>,
    /// Whether anybody may have it, without credentials. Default: `false`.
    #[serde(default)]
    pub public: bool,
}

/// What the key set of [`ProjectFile::transaction_tokens`] is called among those of the issuers, whose aliases have no `_`.
pub(crate) const TRANSACTION_TOKENS: &str = "transaction_tokens";

/// `[transaction_tokens]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TransactionTokensTable {
    /// The trust domain of the gateway: the only accepted `aud`.
    pub audience: Spanned<String>,
    /// The exact `iss` of tokens that have one. Default: they have none.
    pub issuer: Option<Spanned<String>>,
    /// Accepted JOSE algorithms.
    pub algorithms: Spanned<Vec<Spanned<String>>>,
    /// File with the service's JWK Set.
    pub jwks: Spanned<String>,
    /// Longest accepted `exp - iat`, such as `5m`.
    pub max_token_lifetime: Spanned<String>,
    /// Accepted clock difference. Default: `30s`.
    pub clock_skew: Option<Spanned<String>>,
}

/// `[[resources]]`: a protected resource of RFC 9728.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProtectedResourceTable {
    /// The resource identifier: an `https` URL.
    pub url: Spanned<String>,
    /// A name for people.
    pub name: Option<Spanned<String>>,
    /// The authorization servers that the metadata names. Default: the issuers whose profile is `oauth` or `oauth-lenient`.
    pub authorization_servers: Option<Vec<Spanned<String>>>,
    /// The scopes that callers should ask for. Default: none are named.
    #[serde(default)]
    pub scopes: Vec<Spanned<String>>,
}

/// `[dpop]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DpopTable {
    /// The origins under which clients know the gateway. Default: those of the resources.
    pub origins: Option<Vec<Spanned<String>>>,
    /// The algorithms of proofs. Default: ES256, ES384, EdDSA, Ed25519, PS256.
    pub algorithms: Option<Spanned<Vec<Spanned<String>>>>,
    /// How long after its `iat` a proof is accepted. Default: `60s`.
    pub max_age: Option<Spanned<String>>,
    /// Accepted clock difference. Default: `5s`.
    pub clock_skew: Option<Spanned<String>>,
}

/// `[workload_proof]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadProofTable {
    /// The draft that proofs follow: `draft-ietf-wimse-wpt-02`. No default, so that nobody relies on a draft by accident.
    pub draft: Spanned<String>,
    /// The origins under which workloads know the gateway. Default: those of the resources.
    pub origins: Option<Vec<Spanned<String>>>,
    /// Other accepted values of `aud`. Default: none.
    #[serde(default)]
    pub aliases: Vec<Spanned<String>>,
    /// The algorithms of proofs. Default: ES256, ES384, EdDSA, Ed25519, PS256.
    pub algorithms: Option<Spanned<Vec<Spanned<String>>>>,
    /// How far in the future `exp` may be. Default: `5m`, which is the most.
    pub max_lifetime: Option<Spanned<String>>,
    /// Accepted clock difference. Default: `5s`.
    pub clock_skew: Option<Spanned<String>>,
    /// What becomes of an access token beside a workload identity token, `refuse` or `pass`. Default: `refuse`.
    pub access_token: Option<Spanned<String>>,
    /// Headers that `oth` must cover where a request has them, in lower case. Default: none.
    #[serde(default)]
    pub covered_headers: Vec<Spanned<String>>,
    /// Whether the upstream gets token and proof, too. Default: `false`.
    pub forward: Option<bool>,
}

/// `record_values` of a route: names of arguments by tool.
pub type RecordValuesTable = BTreeMap<Spanned<String>, Vec<Spanned<String>>>;

/// `param_headers` of a route.
pub type ParamHeadersTable = BTreeMap<Spanned<String>, AttributesTable>;

/// `resource` of a route.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResourceTable {
    /// Entity type of the resource.
    #[serde(rename = "type")]
    pub entity_type: Spanned<String>,
    /// Id template over the path's names.
    pub id: Spanned<String>,
}

impl ProjectFile {
    /// Parses the text of a `palisade.toml`.
    ///
    /// # Errors
    ///
    /// `project.syntax`, with the place, when it is not TOML of this form.
    pub fn parse(file: &SourceFile) -> Result<Self, Box<Diagnostic>> {
        toml::from_str(&file.text).map_err(|error| {
            let message = error.message().trim().replace('\n', ", ");
            let diagnostic = Diagnostic::error("project.syntax", message);
            Box::new(match error.span() {
                Some(span) => diagnostic.at(&file.path, span),
                None => diagnostic.in_file(&file.path),
            })
        })
    }
}

/// A finding at a value of the project file.
pub(crate) fn at<T>(code: &'static str, value: &Spanned<T>, message: impl Into<String>) -> Diagnostic {
    at_span(code, value.span(), message)
}

/// A finding at a place in the project file.
pub(crate) fn at_span(code: &'static str, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
    Diagnostic::error(code, message).at(PROJECT_FILE, span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINIMAL: &str = "name = \"n\"\nschema = \"s\"\npolicies = [\"p/*.cedar\"]\nlifetime = \"1d\"\n";

    fn parse(text: &str) -> Result<ProjectFile, Box<Diagnostic>> {
        ProjectFile::parse(&SourceFile::new(PROJECT_FILE, text))
    }

    #[test]
    fn defaults_are_empty() {
        let project = parse(MINIMAL).unwrap();
        assert!(project.entities.is_empty() && project.tests.is_empty());
        assert!(project.issuers.is_empty() && project.routes.is_empty());
        assert!(project.limits.max_steps.is_none());
    }

    #[test]
    fn keys_and_values_have_places() {
        let text = format!(
            "{MINIMAL}[[routes]]\nmethods = [\"GET\"]\npath = \"/\"\naction = \"a\"\n\
             resource = {{ type = \"T\", id = \"x\" }}\ncontext = {{ now = \"now\" }}\n"
        );
        let project = parse(&text).unwrap();
        let (name, source) = project.routes[0].context.iter().next().unwrap();
        assert_eq!(&text[name.span()], "now");
        assert_eq!(&text[source.span()], "\"now\"");
    }

    #[test]
    fn mistakes_are_found_where_they_are() {
        let cases = [
            ("name = ", "name = "),
            ("nome = \"n\"\n", "nome"),
            ("[limits]\nmax_steps = \"many\"\n", "\"many\""),
            ("[limits]\nmax_step = 1\n", "max_step"),
            ("[[issuers]]\nalias = \"dev\"\n", "[[issuers]]"),
            ("[[routes]]\npath = 5\n", "5"),
        ];
        for (extra, place) in cases {
            let text = format!("{MINIMAL}{extra}");
            let diagnostic = parse(&text).unwrap_err();
            assert_eq!(diagnostic.code, "project.syntax");
            let span = diagnostic.span.clone().unwrap();
            assert!(place.contains(text[span.clone()].trim()), "{extra}: {diagnostic:?}");
            assert!(span.start >= MINIMAL.len(), "{extra}: {diagnostic:?}");
        }
    }

    #[test]
    fn required_keys_are_required() {
        for line in MINIMAL.lines() {
            let text = MINIMAL.replace(line, "");
            assert!(parse(&text).is_err(), "{line}");
        }
    }
}
