//! `palisade schema`: Cedar schemas for what others describe.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::console::Console;
use super::mcp_client::{self, Client};
use super::{Exit, Failure, files, report};
use crate::diagnostic::Findings;
use crate::schema::{OpenApiOptions, Stub, ToolList, from_mcp, from_openapi};
use crate::source::Sources;

/// Write Cedar schemas for MCP servers and HTTP APIs.
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    FromMcp(FromMcp),
    FromOpenapi(FromOpenApi),
}

/// Write a Cedar schema with an action for each tool of an MCP server, and a catalogue that pins the tools.
///
/// The schema is that of Cedar's own generator (cedar-policy-mcp-schema-generator, with objects as records). Without a stub it
/// has the entity types `Agent` and `Server` in a namespace, the methods that lead to tools, and the group `call_tool` of all
/// tools. What policy could not see of a tool's arguments is told as a warning, and left out.
///
/// Exits with 3 when a tool was left out.
#[derive(Debug, Args)]
struct FromMcp {
    /// A result of `tools/list`: a file, `-` for standard input, or the URL of a server (https, or http on loopback)
    source: PathBuf,
    /// Cedar schema with `@mcp_principal`, `@mcp_resource`, `@mcp_context("NAME")` and `@mcp_action`, to which tools are added
    #[arg(long, value_name = "FILE", conflicts_with = "namespace")]
    stub: Option<PathBuf>,
    /// Namespace of the server, without a stub
    #[arg(long, default_value = "Mcp")]
    namespace: String,
    /// Numbers that are no integers become decimals of four digits, not values that can only be compared
    #[arg(long)]
    numbers_as_decimal: bool,
    /// Write the schema here, and not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the catalogue here
    #[arg(long, value_name = "FILE")]
    catalogue: Option<PathBuf>,
    /// Environment variable with a bearer token for the server
    #[arg(long, value_name = "VARIABLE", conflicts_with = "bearer_file")]
    bearer_env: Option<String>,
    /// File with a bearer token for the server
    #[arg(long, value_name = "FILE")]
    bearer_file: Option<PathBuf>,
    /// Certificate authorities in PEM, in place of the public ones
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
}

/// Write a Cedar schema with an action for each operation of an OpenAPI document (3.0 or 3.1), and the routes to them.
///
/// An action has the operation's id and is in the groups `method:safe` or `method:unsafe` and `tag:NAME`. Its resource is the
/// thing that the path names last: for `/repos/{owner}/{repo}/files`, `Repos::"{owner}/{repo}"`; without one, the API. Its context
/// has the parameters of path, query and headers; bodies are not read. Scopes that the document asks for are the route's. What
/// policy could not see is told as a warning, and left out.
///
/// Exits with 3 when an operation was left out: requests for it are denied.
#[derive(Debug, Args)]
struct FromOpenApi {
    /// The document, YAML or JSON; `-` is standard input
    document: PathBuf,
    /// Namespace of everything that is declared
    #[arg(long, default_value = "Api")]
    namespace: String,
    /// Entity type of callers in it
    #[arg(long, value_name = "TYPE", default_value = "Agent")]
    principal: String,
    /// URL under which gateways serve the API. Default: the document's first server
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Write the schema here, and not to standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write the routes here, for `palisade.toml`
    #[arg(long, value_name = "FILE")]
    routes: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::FromMcp(arguments) => mcp(arguments, console),
        Command::FromOpenapi(arguments) => openapi(arguments, console),
    }
}

fn openapi(arguments: &FromOpenApi, console: &mut Console) -> Result<Exit, Failure> {
    let FromOpenApi { document, namespace, principal, server, output, routes } = arguments;
    if !Stub::is_namespace(namespace) || !Stub::is_namespace(principal) || principal.contains("::") {
        let message = format!("`{namespace}::{principal}` is not an entity type in a namespace");
        return Err(Failure::new("schema.namespace", message));
    }
    let options = OpenApiOptions { namespace: namespace.clone(), principal: principal.clone(), server: server.clone() };
    let mut findings = Findings::default();
    let written = from_openapi(&files::read_text(document)?, &options, &mut findings)
        .map_err(|error| Failure::file("schema.openapi", document, error))?;
    if let Some(path) = routes {
        files::write(path, written.routes.as_bytes())?;
    }
    write(output.as_deref(), &written.schema, console)?;
    report::print(console, &Sources::default(), &findings);
    Ok(if findings.errors() > 0 { Exit::Findings } else { Exit::Success })
}

fn mcp(arguments: &FromMcp, console: &mut Console) -> Result<Exit, Failure> {
    let FromMcp { stub, namespace, numbers_as_decimal, output, catalogue, .. } = arguments;
    let stub = match stub {
        Some(path) => {
            Stub::parse(&files::read_text(path)?).map_err(|error| Failure::file("schema.stub", path, error))?
        }
        None if Stub::is_namespace(namespace) => Stub::of_namespace(namespace),
        None => return Err(Failure::new("schema.namespace", format!("`{namespace}` is not a namespace"))),
    };
    let tools = tools(arguments)?;
    let mut findings = Findings::default();
    let written = from_mcp(&tools, stub, *numbers_as_decimal, &mut findings)
        .map_err(|error| Failure::new("schema.refused", error))?;
    if let Some(path) = catalogue {
        let text = written.catalogue.encode().map_err(|error| Failure::new("internal", error))?;
        files::write(path, text.as_bytes())?;
    }
    write(output.as_deref(), &written.schema, console)?;
    report::print(console, &Sources::default(), &findings);
    Ok(if findings.errors() > 0 { Exit::Findings } else { Exit::Success })
}

fn tools(arguments: &FromMcp) -> Result<ToolList, Failure> {
    let FromMcp { source, bearer_env, bearer_file, ca, .. } = arguments;
    if mcp_client::is_url(source) {
        let bearer = match (bearer_env, bearer_file) {
            (Some(name), _) => {
                let value = std::env::var(name);
                Some(value.map_err(|error| Failure::new("mcp.token", format!("`{name}`: {error}")))?)
            }
            (None, Some(path)) => Some(files::read_text(path)?.trim().to_owned()),
            (None, None) => None,
        };
        return Client::new(&source.to_string_lossy(), bearer, ca.as_deref())?.tools();
    }
    let mut tools = ToolList::default();
    let next = tools.add(&files::read_text(source)?).map_err(|error| Failure::file("mcp.json", source, error))?;
    match next {
        None => Ok(tools),
        Some(_) => Err(Failure::file("mcp.pages", source, "the list goes on behind its `nextCursor`")),
    }
}

fn write(output: Option<&Path>, text: &str, console: &mut Console) -> Result<(), Failure> {
    match output {
        Some(path) => files::write(path, text.as_bytes()),
        None => console.bytes(text.as_bytes()),
    }
}
