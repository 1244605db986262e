//! The deployments of `envoy-config` in which bundles are fetched, as they ship: a fleet, and what control planes of Kubernetes make of
//! their resources.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use palisade_tests::bundle::{Recipe, Workshop};
use palisade_tests::bundle_server::BundleServer;
use palisade_tests::cli::Palisade;
use palisade_tests::envoy::{Envoy, Start};
use palisade_tests::example::Example;
use palisade_tests::filter::Filter;
use palisade_tests::gateway::{Gateway, Options, filter_file};
use palisade_tests::http1::{Request, Response};
use palisade_tests::issuer::{Answer, KeyServer};
use palisade_tests::key::Algorithm;
use palisade_tests::quickstart::REPOS;
use palisade_tests::tls::Authority;
use palisade_tests::token::Token;
use palisade_tests::tools::Tools;
use palisade_tests::turn::Turn;
use palisade_tests::upstream::Upstream;
use palisade_tests::wait;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::fixture::{assert_denied, home, read};

const CHANNEL: &str = "quickstart";

/// What the server's page of progress says gateways say.
fn gateways(server: &mut BundleServer) -> Result<Vec<Value>> {
    let page = Request::new("GET", "localhost", "/").send(server.listens("progress")?)?.json()?;
    Ok(page["gateways"].as_array().cloned().unwrap_or_default())
}

/// The status of an answer; 0 for none, as when a request is under way when the list comes that revokes its agent.
fn status(answer: Result<Response>) -> u16 {
    answer.map_or(0, |answer| answer.status)
}

/// The server of the fleet, and the keys of its README.
struct Fleet {
    tools: Tools,
    workshop: Workshop,
    authority: Authority,
    upstream: Upstream,
    server: BundleServer,
    home: TempDir,
}

impl Fleet {
    fn start() -> Result<Self> {
        let (tools, home) = (Tools::from_env()?, home()?);
        let workshop = Workshop::open(Palisade::new(&tools.cli), Example::Quickstart, home.path())?;
        for name in ["root", "operations"] {
            workshop.signing_key(name)?;
        }
        for folder in ["bundles", "tls", "eu-1", "eu-2", "stranger"] {
            fs::create_dir(home.path().join(folder))?;
        }
        let file = |name: &str| home.path().join(name).display().to_string();
        let key = |name: &str| file(&format!("signers/{name}.pem"));
        let run = |arguments: &[&str]| Palisade::new(&tools.cli).succeed(arguments);
        let root = file("quickstart.root.1.json");
        let roles =
            [("root", "root"), ("bundle", "release"), ("freshness", "operations"), ("revocation", "operations")];
        let roles: Vec<String> = roles.map(|(role, name)| format!("{role}={}", workshop.public_key(name))).into();
        let mut init = vec!["root", "init", "--channel", CHANNEL, "-o", &root];
        init.extend(roles.iter().flat_map(|role| ["--add", role]));
        run(&init)?;
        run(&["sign", &root, "--key", &key("root")])?;
        let (bundle, freshness) = (file("bundles/quickstart.palisade"), file("bundles/quickstart.freshness.json"));
        fs::copy(workshop.bundle(Recipe { name: "v1", ..Recipe::GOOD })?, &bundle)?;
        run(&["freshness", &bundle, "--key", &key("operations"), "--for", "1h", "-o", &freshness])?;
        let list = file("bundles/quickstart.revocations.json");
        run(&["revoke", "subject", "dev/nobody", "--list", &list, "--key", &key("operations")])?;

        let authority = Authority::new(&home.path().join("tls"))?;
        authority.issue_with("serving", "/CN=bundles.internal", 1, "subjectAltName=DNS:bundles.internal")?;
        let tls = ["--tls-cert", &file("tls/serving.pem"), "--tls-key", &file("tls/serving.key")];
        owner_only(Path::new(&file("tls/serving.key")))?;
        let more = ["--client-ca", &file("tls/ca.pem"), "--progress", "127.0.0.1:0"];
        let options = [tls, more].concat();
        let output = home.path().join("serve.log");
        let server = BundleServer::start(&tools.cli, &home.path().join("bundles"), &options, &output)?;
        Ok(Self { workshop, authority, upstream: Upstream::start()?, server, tools, home })
    }

    fn file(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Result<String> {
        Palisade::new(&self.tools.cli).succeed(arguments)
    }

    /// A gateway as its README has it, with a certificate of this authority.
    fn gateway(&self, name: &str, authority: &Authority, folder: &Path) -> Result<Envoy> {
        let id = format!("subjectAltName=URI:spiffe://fleet.test/{name}");
        authority.issue_with(name, "/CN=gateway", 1, &id)?;
        let home = self.home.path().join(name);
        let tls = home.join("tls");
        fs::create_dir(&tls)?;
        // Whoever has a certificate of another authority still knows who the server is.
        fs::copy(self.file("tls/ca.pem"), tls.join("ca.pem"))?;
        for (ending, to) in [("pem", "gateway.pem"), ("key", "gateway.key")] {
            fs::copy(folder.join(format!("{name}.{ending}")), tls.join(to))?;
        }
        let filter = filter_file(&home)?;
        let (root, wasm, output) =
            (self.file("quickstart.root.1.json"), self.tools.wasm.display().to_string(), filter.display().to_string());
        let place = "bundles=bundles.internal:8443";
        self.run(&[
            "gateway-config",
            "--root",
            &root,
            "--remote",
            place,
            "--fetch-freshness",
            "--candidate",
            "--require-revocations",
            "--report",
            place,
            "--gateway-name",
            name,
            "--status-path",
            "/.well-known/palisade/status",
            "--ecds",
            "--wasm",
            &wasm,
            "-o",
            &output,
        ])?;
        Envoy::start(Start {
            turn: &Turn::take(),
            program: &self.tools.envoy,
            home: &home,
            filter: &filter,
            example: Example::Fleet,
            upstream: self.upstream.address(),
            other: self.server.address,
            any_host: false,
            unfiltered: None,
            port: 0,
            keys: None,
            keys_socket: None,
            bundles: None,
            clusters: &[],
            servers: &[],
            transport_socket: None,
            workers: 1,
            succession: None,
        })
    }

    /// The status of an answer to somebody who may read.
    fn ask(&self, envoy: &Envoy, subject: &str) -> Result<u16> {
        let key = self.workshop.token_key(Algorithm::Es256).context("no key")?;
        let token = Token::coder().claim("sub", subject).sign(key);
        Ok(status(read("fleet").bearer(&token).send(envoy.address())))
    }

    /// Waits until both gateways say so.
    fn await_reports(&mut self, what: &str, is_meant: impl Fn(&Value) -> bool) -> Result<()> {
        let mut last = Vec::new();
        let awaited = wait::until(what, || {
            last = gateways(&mut self.server)?;
            Ok((last.len() == 2 && last.iter().all(&is_meant)).then_some(()))
        });
        awaited.with_context(|| format!("{last:?}"))
    }
}

fn owner_only(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).context("cannot change a mode")
}

#[test]
fn a_fleet_is_run_by_its_readme() -> Result<()> {
    let mut fleet = Fleet::start()?;
    let folder = fleet.home.path().join("tls");
    let gateways =
        [fleet.gateway("eu-1", &fleet.authority, &folder)?, fleet.gateway("eu-2", &fleet.authority, &folder)?];
    let everywhere = |fleet: &Fleet, subject: &str, status: u16| {
        gateways.iter().try_for_each(|envoy| {
            wait::until(&format!("{status} for {subject}"), || Ok((fleet.ask(envoy, subject)? == status).then_some(())))
        })
    };
    everywhere(&fleet, "coder-7", 200)?;
    let decides = |gateway: &Value, version: u64| {
        let client = gateway["client"].as_str().unwrap_or_default();
        gateway["state"] == "deciding"
            && gateway["bundle"]["version"] == version
            && gateway["current"] == true
            && gateway["root"] == 1
            && gateway["revocations"]["serial"].is_u64()
            && client.strip_prefix("spiffe://fleet.test/") == gateway["gateway"].as_str()
    };
    fleet.await_reports("version 1 everywhere", |gateway| decides(gateway, 1))?;
    for envoy in &gateways {
        wait::until("the bundle to be renewed", || {
            let stat =
                |result: &str| envoy.stat(&format!("wasmcustom.palisade_freshness_events_total.result.{result}"));
            // It is `ahead` where it comes before its bundle.
            Ok((stat("refreshed")? + stat("ahead")? > 0).then_some(()))
        })?;
        let status = Request::new("GET", REPOS, "/.well-known/palisade/status").send(envoy.address())?;
        ensure!(status.status == 200 && status.json()?["state"] == "deciding", "{status:?}");
    }

    let next = fs::read(fleet.workshop.bundle(Recipe { name: "v2", version: 2, ..Recipe::GOOD })?)?;
    fleet.server.publish_bytes("quickstart.candidate.palisade", &next)?;
    fleet.await_reports("the candidate everywhere", |gateway| {
        decides(gateway, 1) && gateway["candidate"]["version"] == 2
    })?;
    fleet.server.publish_bytes("quickstart.palisade", &next)?;
    fleet.await_reports("version 2 everywhere", |gateway| decides(gateway, 2))?;

    let (list, key) = (fleet.file("bundles/quickstart.revocations.json"), fleet.file("signers/operations.pem"));
    fleet.run(&["revoke", "subject", "dev/coder-7", "--list", &list, "--key", &key])?;
    everywhere(&fleet, "coder-7", 401)?;
    everywhere(&fleet, "coder-8", 200)?;
    fleet
        .await_reports("the list everywhere", |gateway| decides(gateway, 2) && gateway["revocations"]["serial"] == 2)?;

    let strangers = fleet.home.path().join("strangers");
    fs::create_dir(&strangers)?;
    let stranger = fleet.gateway("stranger", &Authority::new(&strangers)?, &strangers)?;
    wait::until("the stranger to be turned away", || {
        let failed = "wasmcustom.palisade_bundle_events_total.result.feed.";
        Ok(stranger.stats()?.lines().any(|line| line.starts_with(failed)).then_some(()))
    })?;
    ensure!(fleet.ask(&stranger, "coder-8")? == 503, "a gateway without a bundle let a request by");
    ensure!(self::gateways(&mut fleet.server)?.len() == 2, "a stranger was heard");
    Ok(())
}

/// What a control plane does with a resource.
struct Plane {
    /// The folder of `envoy-config`, and the member that has the filter's configuration.
    folder: &'static str,
    member: &'static str,
    /// The cluster that leads to the server of bundles.
    cluster: &'static str,
    /// By what name the gateway is known in reports.
    gateway: &'static str,
}

const ISTIO: Plane = Plane {
    folder: "istio",
    member: "pluginConfig",
    cluster: "outbound|8443||bundles.internal",
    gateway: "istio-ingress",
};
const ENVOY_GATEWAY: Plane =
    Plane { folder: "envoy-gateway", member: "config", cluster: "bundles", gateway: "envoy-gateway" };

impl Plane {
    fn resource(&self) -> Result<String> {
        let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../envoy-config").join(self.folder);
        Ok(fs::read_to_string(path.join("palisade.yaml"))?)
    }

    /// The filter's configuration: JSON in the midst of YAML.
    fn configuration(&self) -> Result<Value> {
        let text = self.resource()?;
        let (_, rest) = text
            .split_once(&format!("\n    {}: {{", self.member))
            .or_else(|| text.split_once(&format!("\n  {}: {{", self.member)))
            .with_context(|| format!("no `{}`", self.member))?;
        let read = serde_json::Deserializer::from_str(&format!("{{{rest}")).into_iter::<Value>().next();
        Ok(read.context("no JSON")??)
    }

    /// The same for a workshop's key, as a control plane hands it to Envoy: as JSON in a `StringValue`.
    fn filter(&self, workshop: &Workshop, vm: Value) -> Result<Filter> {
        let mut configuration = self.configuration()?;
        let key = fs::read_to_string(workshop.public_key(Recipe::GOOD.signer))?;
        let shipped = configuration.pointer_mut("/trust/keys/0").context("no key")?;
        ensure!(shipped.as_str().is_some_and(|key| key.starts_with("ed25519:AAAA")), "a key that could be somebody's");
        *shipped = key.trim().into();
        let filter = json!({"resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "palisade",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": "palisade",
                    "root_id": "palisade",
                    "vm_config": vm,
                    "configuration": {
                        "@type": "type.googleapis.com/google.protobuf.StringValue",
                        "value": configuration.to_string(),
                    },
                },
            },
        }]});
        Filter::parse(&filter.to_string())
    }

    /// Bundles arrive, the status is reported, and who is revoked is turned away.
    fn holds(&self, vm: impl FnOnce(&Path) -> Value, module: Option<SocketAddr>) -> Result<()> {
        let (tools, home) = (Tools::from_env()?, home()?);
        let (folder, gateway_home) = (home.path().join("served"), home.path().join("gateway"));
        fs::create_dir(&folder)?;
        fs::create_dir(&gateway_home)?;
        let output = home.path().join("serve.log");
        let mut server = BundleServer::start(&tools.cli, &folder, &["--progress", "127.0.0.1:0"], &output)?;
        let mut clusters = vec![(self.cluster, server.address)];
        clusters.extend(module.map(|address| ("wasm_cluster", address)));
        let options = Options { clusters: &clusters, ..Options::default() };
        let gateway = Gateway::start_with(&gateway_home, options, |workshop, wasm| {
            Ok((self.filter(workshop, vm(wasm))?, home.path().join("none.palisade")))
        })?;
        let key = gateway.key(Algorithm::Es256)?;
        let request = |subject: &str| read(self.folder).bearer(&Token::coder().claim("sub", subject).sign(key));
        wait::until("the filter", || Ok((gateway.send(&request("coder-7"))?.status == 503).then_some(())))?;
        assert_denied(&gateway, &request("coder-7"), 503, "bundle.missing")?;
        gateway.workshop.revoke(&folder, CHANNEL, &["subject", "dev/nobody"])?;
        server.publish("quickstart.palisade", &gateway.workshop.bundle(Recipe::GOOD)?)?;
        wait::until("a bundle", || Ok((gateway.send(&request("coder-7"))?.status == 200).then_some(())))?;
        wait::until("a report", || {
            let gateways = gateways(&mut server)?;
            let is_meant = |told: &Value| told["gateway"] == self.gateway && told["current"] == true;
            Ok(gateways.first().is_some_and(is_meant).then_some(()))
        })?;
        gateway.workshop.revoke(&folder, CHANNEL, &["subject", "dev/coder-7"])?;
        wait::until("the list", || Ok((status(gateway.send(&request("coder-7"))) == 401).then_some(())))?;
        ensure!(gateway.send(&request("coder-8"))?.status == 200);
        Ok(())
    }
}

#[test]
fn what_istio_makes_of_its_resource() -> Result<()> {
    for field in ["phase: AUTHZ", "failStrategy: FAIL_CLOSE", "pluginName: palisade", "type: HTTP"] {
        ensure!(ISTIO.resource()?.matches(field).count() == 1, "{field}");
    }
    let code = |wasm: &Path| json!({"local": {"filename": wasm.display().to_string()}});
    ISTIO.holds(|wasm| json!({"runtime": "envoy.wasm.runtime.v8", "code": code(wasm)}), None)
}

#[test]
fn what_envoy_gateway_makes_of_its_resource() -> Result<()> {
    for field in ["failOpen: false", "rootID: palisade", "kind: Gateway, name: agents"] {
        ensure!(ENVOY_GATEWAY.resource()?.matches(field).count() == 1, "{field}");
    }
    let module = fs::read(Tools::from_env()?.wasm)?;
    let digest: String = Sha256::digest(&module).iter().map(|byte| format!("{byte:02x}")).collect();
    let server = KeyServer::start(Answer::Document(module))?;
    let remote = json!({
        "http_uri": {"uri": "https://envoy-gateway:18002/module.wasm", "cluster": "wasm_cluster", "timeout": "10s"},
        "sha256": digest,
        "retry_policy": {"num_retries": 10, "retry_back_off": {"base_interval": "1s", "max_interval": "30s"}},
    });
    let vm = json!({
        "vm_id": "envoyextensionpolicy/palisade/palisade/wasm/0",
        "runtime": "envoy.wasm.runtime.v8",
        "code": {"remote": remote},
    });
    ENVOY_GATEWAY.holds(|_| vm, Some(server.address()))
}
