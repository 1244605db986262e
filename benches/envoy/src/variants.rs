//! What is measured: each variant with its filters, its load, and the questions that it has to answer as the rules say.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::Result;
use crate::agreement::Question;
use crate::filters;
use crate::load::Load;
use crate::requests;
use crate::rules::{self, Rules};
use crate::service::Service;
use crate::tools;
use crate::workshop::{Signature, Told, Workshop};

/// Tokens that differ, for variants that shall not know any; as many as [`COLD_CACHE`] several times over, so that each is
/// forgotten before it comes again.
const COLD_TOKENS: usize = 4096;
/// The cache of palisade where every token shall be new, in tokens.
const COLD_CACHE: usize = 512;

/// Nothing but the route.
pub(crate) const NONE: &str = "no filter";
pub(crate) const NOOP_SDK: &str = "no-op wasm, SDK";
pub(crate) const HEADERS_ABI: &str = "headers read, bare ABI";
pub(crate) const NONE_TOOLS: &str = "tools: no filter";
pub(crate) const BUFFER_SDK: &str = "tools: body read, SDK";
pub(crate) const BUFFER_ABI: &str = "tools: body read, bare ABI";
pub(crate) const MCP_RBAC: &str = "tools: mcp + rbac";
pub(crate) const TOOLS_PALISADE: &str = "tools: palisade";

pub(crate) fn palisade(policies: usize) -> String {
    format!("palisade, {policies} policies")
}

/// With 10 policies.
const PALISADE_WANDERING: &str = "palisade, new questions";
const PALISADE_TELLING: &str = "palisade, the upstream is told";

pub(crate) fn palisade_cold(signature: Signature) -> String {
    format!("palisade, new {signature:?} tokens").replace("Es256", "ES256").replace("Rs256", "RS256")
}

pub(crate) fn jwt_authn_cold(signature: Signature) -> String {
    format!("jwt_authn, new {signature:?} tokens").replace("Es256", "ES256").replace("Rs256", "RS256")
}

pub(crate) fn rbac(policies: usize) -> String {
    format!("jwt_authn + rbac, {policies} policies")
}

pub(crate) fn ext_authz(policies: usize) -> String {
    format!("ext_authz, {policies} policies")
}

/// The cluster of the service. Envoy sends its name as the authority, so it has to be one.
fn service_cluster(policies: usize) -> String {
    format!("ext-authz-{policies}")
}

pub(crate) fn embedded(policies: usize) -> String {
    format!("cedar-policy in wasm, {policies} policies")
}

/// One of what is compared.
pub(crate) struct Variant {
    pub(crate) name: String,
    /// Whether it is about calls of tools, which go on to an upstream.
    pub(crate) tools: bool,
    /// Whether part of its cost is the authorization service's.
    pub(crate) asks_service: bool,
    pub(crate) filters: Vec<Value>,
    pub(crate) load: Load,
    pub(crate) questions: Vec<Question>,
}

/// The modules to measure. Those that are missing are left out, and named in the report.
pub(crate) struct Modules {
    pub(crate) palisade: PathBuf,
    /// Other builds of palisade, to be compared with it.
    pub(crate) others: Vec<PathBuf>,
    pub(crate) noop_abi: PathBuf,
    pub(crate) noop_sdk: PathBuf,
    pub(crate) headers_abi: PathBuf,
    pub(crate) buffer_abi: PathBuf,
    pub(crate) buffer_sdk: PathBuf,
    pub(crate) embedded: Option<PathBuf>,
}

/// All of the bench that variants are made of.
pub(crate) struct Bench<'a> {
    pub(crate) workshop: &'a Workshop,
    pub(crate) modules: &'a Modules,
    /// The authorization service, if there is one; a port for each of [`SERVICE_POLICIES`].
    pub(crate) service: Option<&'a Service>,
    /// Parts of the names of the variants that are wanted; all are where there is none.
    pub(crate) only: &'a [String],
}

/// The numbers of policies that the alternatives on cedar-policy are measured with.
pub(crate) const SERVICE_POLICIES: [usize; 2] = [10, 1000];
const RBAC_POLICIES: [usize; 3] = [10, 100, 1000];
const PALISADE_POLICIES: [usize; 3] = [10, 1000, 10_000];

impl Bench<'_> {
    /// Every variant.
    pub(crate) fn variants(&self) -> Result<Vec<Variant>> {
        let mut variants = self.yardsticks()?;
        variants.extend(self.cold()?);
        variants.extend(self.wandering()?);
        for policies in [10, 100, 1000, 10_000] {
            variants.extend(self.deciding(Rules { policies })?);
        }
        variants.extend(self.tools()?);
        Ok(variants)
    }

    /// The clusters that variants need besides the upstream.
    pub(crate) fn clusters(&self) -> Vec<Value> {
        let ports = self.service.iter().flat_map(|service| &service.ports);
        ports
            .zip(SERVICE_POLICIES)
            .map(|(port, policies)| filters::cluster(&service_cluster(policies), *port, true))
            .collect()
    }

    /// Whether a variant is to be measured. What everything is compared with always is.
    fn wants(&self, name: &str) -> bool {
        let is_base = [NONE, NONE_TOOLS].contains(&name);
        is_base || self.only.is_empty() || self.only.iter().any(|part| name.contains(part))
    }

    /// What does not decide.
    fn yardsticks(&self) -> Result<Vec<Variant>> {
        let Modules { noop_abi, noop_sdk, headers_abi, .. } = self.modules;
        let jwks = self.workshop.jwks()?;
        let variants = [
            (NONE, vec![]),
            ("no-op wasm, bare ABI", vec![wasm("noop-abi", noop_abi)]),
            (HEADERS_ABI, vec![wasm("headers-abi", headers_abi)]),
            (NOOP_SDK, vec![wasm("noop-sdk", noop_sdk)]),
            ("jwt_authn, tokens cached", vec![filters::jwt_authn(&jwks, true)]),
        ];
        let variant = |(name, filters): (&str, Vec<Value>)| {
            let load = self.warm(Rules { policies: 10 })?;
            Ok(Variant {
                name: name.to_owned(),
                tools: false,
                asks_service: false,
                filters,
                load,
                questions: Vec::new(),
            })
        };
        variants.into_iter().filter(|(name, _)| self.wants(name)).map(variant).collect()
    }

    /// What has never seen the token.
    fn cold(&self) -> Result<Vec<Variant>> {
        let jwks = self.workshop.jwks()?;
        let rules = Rules { policies: 10 };
        let mut configuration = self.workshop.gateway(rules, Told::Nothing)?;
        rules::set(&mut configuration, "token_cache", json!({"max_entries": COLD_CACHE}));
        let configuration = configuration.to_string();
        let mut variants = Vec::new();
        for signature in [Signature::Es256, Signature::Rs256] {
            if !self.wants(&palisade_cold(signature)) && !self.wants(&jwt_authn_cold(signature)) {
                continue;
            }
            let tokens = self.new_tokens(rules, signature)?;
            let vm = format!("palisade-cold-{signature:?}");
            for (name, filter) in [
                (jwt_authn_cold(signature), filters::jwt_authn(&jwks, false)),
                (palisade_cold(signature), filters::wasm(&vm, &self.modules.palisade, &configuration)),
            ] {
                if self.wants(&name) {
                    variants.push(Variant {
                        name,
                        tools: false,
                        asks_service: false,
                        filters: vec![filter],
                        load: Load::new(tokens.clone()),
                        questions: Vec::new(),
                    });
                }
            }
        }
        Ok(variants)
    }

    /// What knows the token, and has not been asked the same lately.
    fn wandering(&self) -> Result<Option<Variant>> {
        let rules = Rules { policies: 10 };
        if !self.wants(PALISADE_WANDERING) {
            return Ok(None);
        }
        let configuration = self.workshop.gateway(rules, Told::Nothing)?.to_string();
        let (claims, paths) = rules.wanderers(now()?);
        let tokens = self.workshop.sign(Signature::Es256, &claims)?;
        let requests = paths.iter().flat_map(|path| tokens.iter().map(move |token| (path, token)));
        let requests = requests.map(|(path, token)| requests::read("GET", path, Some(token)));
        Ok(Some(Variant {
            name: PALISADE_WANDERING.to_owned(),
            tools: false,
            asks_service: false,
            filters: vec![filters::wasm("palisade-wandering", &self.modules.palisade, &configuration)],
            load: Load::new(requests.collect()),
            questions: Vec::new(),
        }))
    }

    fn new_tokens(&self, rules: Rules, signature: Signature) -> Result<Vec<Vec<u8>>> {
        let callers = rules.callers(now()?);
        let (claims, paths): (Vec<_>, Vec<_>) = (callers.into_iter().cycle().take(COLD_TOKENS).enumerate())
            .map(|(number, (mut claims, path))| {
                rules::set(&mut claims, "jti", json!(format!("{number:08}")));
                (claims, path)
            })
            .unzip();
        let tokens = self.workshop.sign(signature, &claims)?;
        Ok(tokens.iter().zip(paths).map(|(token, path)| requests::read("GET", &path, Some(token))).collect())
    }

    /// What decides by the same rules.
    fn deciding(&self, rules: Rules) -> Result<Vec<Variant>> {
        let Rules { policies } = rules;
        let jwks = self.workshop.jwks()?;
        let mut found = Vec::new();
        if RBAC_POLICIES.contains(&policies) && self.wants(&rbac(policies)) {
            let filters = vec![filters::jwt_authn(&jwks, true), filters::rbac(rules.rbac())];
            found.push((rbac(policies), false, filters));
        }
        if SERVICE_POLICIES.contains(&policies) {
            if self.service.is_some() && self.wants(&ext_authz(policies)) {
                let filters = vec![filters::ext_authz(&service_cluster(policies))];
                found.push((ext_authz(policies), true, filters));
            }
            if let Some(module) = self.modules.embedded.as_ref().filter(|_| self.wants(&embedded(policies))) {
                let sources = std::fs::read_to_string(self.workshop.sources(rules)?)?;
                let filters = vec![filters::wasm(&format!("embedded-{policies}"), module, &sources)];
                found.push((embedded(policies), false, filters));
            }
        }
        if PALISADE_POLICIES.contains(&policies) && self.wants(&palisade(policies)) {
            let configuration = self.workshop.gateway(rules, Told::Nothing)?.to_string();
            let vm = format!("palisade-{policies}");
            found.extend(
                self.builds(&palisade(policies), &vm, &configuration).map(|(name, filter)| (name, false, vec![filter])),
            );
        }
        if policies == 10 && self.wants(PALISADE_TELLING) {
            let configuration = self.workshop.gateway(rules, Told::All)?.to_string();
            let filter = filters::wasm("palisade-telling", &self.modules.palisade, &configuration);
            found.push((PALISADE_TELLING.to_owned(), false, vec![filter]));
        }
        let variant = |(name, asks_service, filters)| {
            let (load, questions) = (self.warm(rules)?, self.questions(rules)?);
            Ok(Variant { name, tools: false, asks_service, filters, load, questions })
        };
        found.into_iter().map(variant).collect()
    }

    /// Calls of tools.
    fn tools(&self) -> Result<Vec<Variant>> {
        let Modules { buffer_abi, buffer_sdk, .. } = self.modules;
        let jwt_authn = filters::jwt_authn(&self.workshop.jwks()?, true);
        let configuration = self.workshop.tools_gateway()?.to_string();
        let others = [
            (NONE_TOOLS, false, vec![]),
            (BUFFER_ABI, false, vec![wasm("buffer-abi", buffer_abi)]),
            (BUFFER_SDK, false, vec![wasm("buffer-sdk", buffer_sdk)]),
            (MCP_RBAC, false, vec![filters::mcp(), filters::rbac(tools::rbac(false))]),
            ("tools: jwt_authn + mcp + rbac", true, vec![jwt_authn, filters::mcp(), filters::rbac(tools::rbac(true))]),
        ];
        let others = others.into_iter().map(|(name, decides, filters)| (name.to_owned(), decides, filters));
        let builds = self.builds(TOOLS_PALISADE, "palisade-tools", &configuration);
        let variant = |(name, decides, filters): (String, bool, Vec<Value>)| {
            let questions = if decides { self.tool_questions()? } else { Vec::new() };
            let load = self.warm_tools()?;
            Ok(Variant { name, tools: true, asks_service: false, filters, load, questions })
        };
        let builds = builds.map(|(name, filter)| (name, true, vec![filter]));
        others.chain(builds).filter(|(name, ..)| self.wants(name)).map(variant).collect()
    }

    /// Palisade's filter under its name, and that of each other build.
    fn builds(&self, name: &str, vm: &str, configuration: &str) -> impl Iterator<Item = (String, Value)> {
        let Modules { palisade, others, .. } = self.modules;
        std::iter::once(palisade).chain(others).enumerate().map(move |(number, module)| {
            let (name, vm) = match number {
                0 => (name.to_owned(), vm.to_owned()),
                _ => (format!("{name}, build {number}"), format!("{vm}-{number}")),
            };
            (name, filters::wasm(&vm, module, configuration))
        })
    }

    /// Callers that are known, each with a request that is allowed.
    fn warm(&self, rules: Rules) -> Result<Load> {
        let (claims, paths): (Vec<_>, Vec<_>) = rules.callers(now()?).into_iter().unzip();
        let tokens = self.workshop.sign(Signature::Es256, &claims)?;
        let requests = tokens.iter().zip(paths).map(|(token, path)| requests::read("GET", &path, Some(token)));
        Ok(Load::new(requests.collect()))
    }

    fn warm_tools(&self) -> Result<Load> {
        let now = now()?;
        let claims = (0..tools::TOOLS).map(|team| rules::claims(&format!("agent-{team}"), team, now));
        let claims: Vec<_> = claims.collect();
        let tokens = self.workshop.sign(Signature::Es256, &claims)?;
        let request = |(team, token): (usize, &String)| {
            requests::call(tools::PATH, &tools::body(team, "/work/checkout/src/cart.rs"), Some(token))
        };
        Ok(Load::new(tokens.iter().enumerate().map(request).collect()))
    }

    fn questions(&self, rules: Rules) -> Result<Vec<Question>> {
        let asks = rules.asks();
        let wanted: Vec<_> = asks.iter().map(|ask| (ask.credential, ask.team)).collect();
        let tokens = self.workshop.credentials(&wanted, now()?)?;
        let question = |(ask, token): (rules::Ask, Option<String>)| Question {
            request: requests::read(ask.method, &ask.path, token.as_deref()),
            allowed: ask.allowed,
            text: format!("{ask:?}"),
        };
        Ok(asks.into_iter().zip(tokens).map(question).collect())
    }

    fn tool_questions(&self) -> Result<Vec<Question>> {
        let calls = tools::calls();
        let wanted: Vec<_> = calls.iter().map(|call| (call.credential, call.team)).collect();
        let tokens = self.workshop.credentials(&wanted, now()?)?;
        let question = |(call, token): (tools::Call, Option<String>)| Question {
            request: requests::call(tools::PATH, &call.body, token.as_deref()),
            allowed: call.allowed,
            text: format!("{call:?}"),
        };
        Ok(calls.into_iter().zip(tokens).map(question).collect())
    }
}

fn wasm(name: &str, module: &Path) -> Value {
    filters::wasm(name, module, "")
}

/// Seconds since the epoch.
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}
