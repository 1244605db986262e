//! `palisade explain`: why one request is decided as it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cedar_policy::Entities;
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::console::Console;
use super::loose::{LooseFiles, one_standard_input};
use super::{Exit, Failure, Format, files, project, report};
use crate::build::compile_finding;
use crate::compile::{CompileError, Compiled, PolicySource, compile};
use crate::diagnostic::Findings;
use crate::eval::{Loaded, RequestLine, STEP_LIMIT};
use crate::explain::{Explanation, Wanted, explain, render};
use crate::project::Project;
use crate::source::Sources;
use crate::wording;

/// Policies in each group of excluded ones, and policies whose values are shown, unless --all asks for more.
const SHOWN: usize = 8;

/// Explain the decision on one request.
///
/// Says which policies were candidates, which guard excluded the rest, and what each subexpression of the deciding
/// policies came to: of the determining and the erring ones, or where nothing was satisfied, of the permits that were
/// candidates. Policies come from a project, or from the files that `palisade eval` takes.
///
/// The exit code is the answer: 0 for allow, 2 for deny.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the project, or its palisade.toml. Default: the current folder
    #[arg(conflicts_with = "policies")]
    project: Option<PathBuf>,
    /// The request as JSON, as on a line of `palisade eval`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["principal", "action", "resource", "context"])]
    request: Option<PathBuf>,
    /// The principal, such as `User::"ann"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "request")]
    principal: Option<String>,
    /// The action, such as `Action::"read"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "request")]
    action: Option<String>,
    /// The resource, such as `Page::"home"`
    #[arg(long, value_name = "ENTITY", required_unless_present = "request")]
    resource: Option<String>,
    /// The context in Cedar's JSON. Default: {}
    #[arg(long, value_name = "JSON")]
    context: Option<String>,
    /// Entities in Cedar's JSON; with a project, those that it does not have, such as the principal
    #[arg(long, value_name = "FILE")]
    entities: Option<PathBuf>,
    /// Policies in place of a project: Cedar text, or Cedar's JSON policy set
    #[arg(long, value_name = "FILE", requires = "entities")]
    policies: Option<PathBuf>,
    /// Schema: Cedar or JSON; entities are loaded and the request is validated by it
    #[arg(long, value_name = "FILE", requires = "policies")]
    schema: Option<PathBuf>,
    /// Template links: a JSON array of {templateId, newId, values}
    #[arg(long, value_name = "FILE", requires = "policies")]
    links: Option<PathBuf>,
    /// Do not validate the request by the schema
    #[arg(long)]
    no_validate: bool,
    /// Show the values of this policy instead of the deciding ones; repeatable
    #[arg(long, value_name = "ID")]
    policy: Vec<String>,
    /// Show all excluded policies and the values of all deciding ones, however many there are
    #[arg(long)]
    all: bool,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { project, request, entities, policies, schema, links, policy, all, format, .. } = arguments;
    one_standard_input("explain.arguments", &[request, entities, policies, schema, links])?;
    let asked = Asked::read(arguments)?;
    let subject = match policies {
        Some(policies) => Some(Subject::of_files(arguments, policies)?),
        None => Subject::of_project(project.as_deref().unwrap_or(Path::new(".")), arguments, console)?,
    };
    let Some(Subject { loaded, mut compiled, step_limit, files }) = subject else { return Ok(Exit::Findings) };
    let refused = |error: String| Failure::new("explain.request", error);
    let request = asked.line().and_then(|line| loaded.request(&line)).map_err(refused)?;
    let source = PolicySource { policies: &loaded.policies, entities: &loaded.entities, step_limit };
    let most = if *all { usize::MAX } else { SHOWN };
    let wanted = if policy.is_empty() { Wanted::Deciding(most) } else { Wanted::Named(policy.clone()) };
    let explanation = explain(&mut compiled, source, &request, &wanted).map_err(|error| failure(&[error]))?;
    let explanation = explanation.with_at_most(most).with_files(|policy| files.of(policy));
    match format {
        Format::Json => {
            let document = Document { schema: "palisade.explain/v1", explanation: &explanation };
            console.json(&json!(document))?;
        }
        Format::Pretty => console.line(render(&explanation).trim_end())?,
    }
    Ok(if explanation.decision == "allow" { Exit::Success } else { Exit::Deny })
}

/// The JSON output.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(flatten)]
    explanation: &'a Explanation,
}

/// The request's text.
enum Asked {
    /// An object, as on a line of `palisade eval`.
    Whole(String),
    /// Principal, action, resource and context, each in JSON.
    Parts([String; 4]),
}

impl Asked {
    fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let Arguments { request, principal, action, resource, context, .. } = arguments;
        if let Some(path) = request {
            return files::read_text(path).map(Self::Whole);
        }
        let entity = |text: &Option<String>| json!(text).to_string();
        // The context stays as it is written: Cedar refuses some of what other readers would let pass.
        let context = context.clone().unwrap_or_else(|| "{}".to_owned());
        Ok(Self::Parts([entity(principal), entity(action), entity(resource), context]))
    }

    fn line(&self) -> Result<RequestLine<'_>, String> {
        match self {
            Self::Whole(text) => RequestLine::parse(text),
            Self::Parts([principal, action, resource, context]) => {
                Ok(RequestLine { principal, action, resource, context, validate: true })
            }
        }
    }
}

/// What is explained.
struct Subject {
    loaded: Loaded,
    compiled: Compiled,
    step_limit: u64,
    files: PolicyFiles,
}

impl Subject {
    fn of_files(arguments: &Arguments, policies: &Path) -> Result<Self, Failure> {
        let Arguments { entities, schema, links, no_validate, .. } = arguments;
        let Some(entities) = entities else {
            return Err(Failure::new("explain.arguments", "entities are needed"));
        };
        let texts = LooseFiles::read(policies, entities, schema.as_deref(), links.as_deref())?;
        let loaded = texts.load(!no_validate).map_err(|error| Failure::new("explain.load", error))?;
        let source = PolicySource { policies: &loaded.policies, entities: &loaded.entities, step_limit: STEP_LIMIT };
        let compiled = compile(source).map_err(|errors| failure(&errors))?;
        let files = PolicyFiles::One(policies.display().to_string());
        Ok(Self { loaded, compiled, step_limit: STEP_LIMIT, files })
    }

    /// None where the project has errors, which are printed.
    fn of_project(path: &Path, arguments: &Arguments, console: &Console) -> Result<Option<Self>, Failure> {
        let (mut findings, mut sources) = (Findings::default(), Sources::default());
        let subject = match project::load(path, &[], &mut findings, &mut sources)? {
            Some(project::Loaded { file, sources, .. }) => match Project::load(file, &sources, &mut findings) {
                Some(project) if findings.errors() == 0 => Self::compile(project, arguments, &mut findings)?,
                Some(_) | None => None,
            },
            None => None,
        };
        if subject.is_none() {
            report::print(console, &sources, &findings);
        }
        Ok(subject)
    }

    fn compile(mut project: Project, arguments: &Arguments, findings: &mut Findings) -> Result<Option<Self>, Failure> {
        if let Some(path) = &arguments.entities {
            let text = files::read_text(path)?;
            let base = std::mem::replace(&mut project.entities, Entities::empty());
            let added = base.add_entities_from_json_str(&text, Some(&project.schema));
            let refused = |error| Failure::file("explain.entities", path, wording::report(&error));
            project.entities = added.map_err(refused)?;
        }
        let step_limit = project.step_limit();
        let source = PolicySource { policies: &project.policies.set, entities: &project.entities, step_limit };
        let compiled = match compile(source) {
            Ok(compiled) => compiled,
            Err(errors) => {
                findings.extend(errors.into_iter().map(|error| compile_finding(&project, error)));
                return Ok(None);
            }
        };
        let places = project.policies.places().map(|(id, place)| (id.to_owned(), place.text_file.clone()));
        let files = PolicyFiles::Each(places.collect());
        let Project { policies, entities, schema, .. } = project;
        let validate_requests = !arguments.no_validate;
        let loaded = Loaded { policies: policies.set, schema: Some(schema), entities, validate_requests };
        Ok(Some(Self { loaded, compiled, step_limit, files }))
    }
}

/// Which file has a policy's text.
enum PolicyFiles {
    One(String),
    Each(BTreeMap<String, String>),
}

impl PolicyFiles {
    fn of(&self, policy: &str) -> Option<String> {
        match self {
            Self::One(file) => Some(file.clone()),
            Self::Each(files) => files.get(policy).cloned(),
        }
    }
}

fn failure(errors: &[CompileError]) -> Failure {
    let texts: Vec<String> = errors
        .iter()
        .map(|error| match &error.policy {
            Some(policy) => format!("{} (policy `{policy}`)", error.message),
            None => error.message.clone(),
        })
        .collect();
    Failure::new(errors.first().map_or("internal", |error| error.code), texts.join("; "))
}
