//! Agents, their gateway and three MCP servers: two that others wrote, the reference file server, whose schema and catalogue are
//! made of what it says of itself, and the reference server of everything; and a help desk of the stateless era.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::bundle::Recipe;
use crate::cli::Palisade;
use crate::example::Example;
use crate::gateway::{Gateway, Options};
use crate::key::Algorithm;
use crate::mcp_server::McpServer;
use crate::mcp_tools::McpProgram;
use crate::token::Token;
use crate::tools;

/// All of it, running. Dropping it ends every process.
#[derive(Debug)]
pub struct Agents {
    /// The gateway.
    pub gateway: Gateway,
    /// The folder that the file server serves: `notes.txt` and the folder `drafts`.
    pub root: PathBuf,
    _servers: (McpProgram, McpServer, McpProgram),
}

/// Where the policy project lies, which [`Agents::start`] completes.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mcp/agents")
}

impl Agents {
    /// Starts all of it in `home`, an empty folder.
    ///
    /// # Errors
    ///
    /// A step failed; the error says which.
    pub fn start(home: &Path) -> Result<Self> {
        let root = home.join("root");
        fs::create_dir_all(root.join("drafts"))?;
        // The server compares real paths.
        let root = root.canonicalize()?;
        fs::write(root.join("notes.txt"), "buy milk\n")?;
        let files = McpProgram::files(home, &root)?;
        let everything = McpServer::start(home)?;
        let desk = McpProgram::desk(home)?;
        let cli = Palisade::new(&tools::file("PALISADE_CLI")?);
        let [files_url, desk_url] = [&files, &desk].map(|server| format!("http://{}/mcp", server.address()));
        let project = project(home, &cli, &root, &files_url, &desk_url)?;
        let options = Options {
            example: Example::Mcp,
            files: Some(files.address()),
            other: Some(everything.address()),
            any_host: true,
            servers: &[("desk", desk.address())],
            ..Options::default()
        };
        let gateway = Gateway::start_with(home, options, |workshop, wasm| {
            let jwks = workshop.key_set(Recipe::GOOD.issuer);
            let bundle = workshop.bundle_of(&project, Some(&jwks), Recipe::GOOD)?;
            Ok((workshop.filter(&bundle, wasm)?, bundle))
        })?;
        Ok(Self { gateway, root, _servers: (files, everything, desk) })
    }

    /// A token of an agent in a team.
    ///
    /// # Errors
    ///
    /// Never: the workshop has the key.
    pub fn token(&self, team: &str) -> Result<String> {
        Ok(Token::coder().claim("teams", json!([team])).sign(self.gateway.key(Algorithm::Es256)?))
    }

    /// The URL of a server, `files`, `everything` or `desk`, through the gateway.
    #[must_use]
    pub fn url(&self, server: &str) -> String {
        format!("http://{}/{server}/mcp", self.gateway.envoy.address())
    }

    /// A path below the root, as a policy sees it.
    ///
    /// # Errors
    ///
    /// The root is not UTF-8.
    pub fn path(&self, name: &str) -> Result<String> {
        self.root.join(name).to_str().map(str::to_owned).context("the root is not UTF-8")
    }
}

/// Completes the project: with the tools that the servers have, and the root in its policies.
fn project(home: &Path, cli: &Palisade, root: &Path, files: &str, desk: &str) -> Result<PathBuf> {
    let project = home.join("project");
    fs::create_dir_all(&project)?;
    let text = |name: &str| fs::read_to_string(source().join(name)).with_context(|| format!("cannot read `{name}`"));
    let generated = project.join("files.cedarschema");
    let stub = source().join("files.stub.cedarschema");
    let read = |url: &str, catalogue: &str, options: &[&OsStr]| {
        let catalogue = project.join(catalogue);
        let command = ["schema", "from-mcp", url, "--catalogue"].map(OsStr::new).into_iter();
        cli.succeed(command.chain([catalogue.as_os_str()]).chain(options.iter().copied()))
    };
    let options = ["--stub".as_ref(), stub.as_os_str(), "--output".as_ref(), generated.as_os_str()];
    read(files, "files.catalogue.json", &options)?;
    read(desk, "desk.catalogue.json", &[])?;
    let written = [fs::read_to_string(&generated)?, text("everything.cedarschema")?, text("desk.cedarschema")?];
    fs::write(project.join("schema.cedarschema"), written.join("\n"))?;
    let root = root.to_str().context("the root is not UTF-8")?;
    fs::write(project.join("policies.cedar"), text("policies.cedar")?.replace("{ROOT}", root))?;
    fs::write(project.join("palisade.toml"), text("palisade.toml")?)?;
    Ok(project)
}
