//! `palisade eval`: decides requests given on lines.

use std::io::BufRead;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::console::Console;
use super::loose::{LooseFiles, one_standard_input};
use super::{Exit, Failure, Format, files};
use crate::eval::{AnswerLine, Engine, Outcome, Session, run_case};

/// Decide requests from lines of JSON; the conformance interface.
///
/// With `--requests`, policies and entities come from files and each line is one request. With `--cases`, each line is
/// self-contained: policies, entities, schema and requests. One answer line comes out for each request, in order. What
/// Cedar refuses to load or build becomes a line with `error`, and the run goes on. `-` reads standard input.
///
/// With `--format json` the exit code is 0 once every line has its answer, whatever the answers are. With
/// `--format pretty` it is 1 if a request could not be decided, otherwise 2 if one was denied.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Policies: Cedar text, or Cedar's JSON policy set
    #[arg(long, value_name = "FILE", required_unless_present = "cases")]
    policies: Option<PathBuf>,
    /// Entities in Cedar's JSON
    #[arg(long, value_name = "FILE", required_unless_present = "cases")]
    entities: Option<PathBuf>,
    /// Schema: Cedar or JSON; entities are loaded and requests validated by it
    #[arg(long, value_name = "FILE", conflicts_with = "cases")]
    schema: Option<PathBuf>,
    /// Template links: a JSON array of {templateId, newId, values}
    #[arg(long, value_name = "FILE", conflicts_with = "cases")]
    links: Option<PathBuf>,
    /// Requests, one JSON object a line
    #[arg(long, value_name = "FILE", required_unless_present = "cases")]
    requests: Option<PathBuf>,
    /// Cases, one JSON object a line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["policies", "entities", "requests", "no_validate"])]
    cases: Option<PathBuf>,
    /// Do not validate requests by the schema
    #[arg(long)]
    no_validate: bool,
    /// Who decides: our compiled form, or crate cedar-policy as the reference
    #[arg(long, value_enum, default_value = "compiled")]
    engine: EngineArgument,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum EngineArgument {
    Compiled,
    Cedar,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let engine = match arguments.engine {
        EngineArgument::Compiled => Engine::Compiled,
        EngineArgument::Cedar => Engine::Cedar,
    };
    let mut printer = Printer { console, format: arguments.format, exit: Exit::Success };
    if let Some(cases) = &arguments.cases {
        for_each_line(files::lines(cases)?, |index, line| {
            for answer in run_case(index, line, engine) {
                printer.print(&answer)?;
            }
            printer.console.flush()
        })?;
    } else {
        run_requests(arguments, engine, &mut printer)?;
    }
    Ok(printer.exit)
}

fn run_requests(arguments: &Arguments, engine: Engine, printer: &mut Printer<'_>) -> Result<(), Failure> {
    let (Some(policies), Some(entities), Some(requests)) =
        (&arguments.policies, &arguments.entities, &arguments.requests)
    else {
        return Err(Failure::new("eval.arguments", "policies, entities and requests are needed"));
    };
    let Arguments { schema, links, .. } = arguments;
    let inputs = [&arguments.policies, &arguments.entities, schema, links, &arguments.requests];
    one_standard_input("eval.arguments", &inputs)?;
    let files = LooseFiles::read(policies, entities, schema.as_deref(), links.as_deref())?;
    let session = files.load(!arguments.no_validate).and_then(|loaded| Session::new(loaded, engine));
    let mut session = session.map_err(|error| error.to_string());
    for_each_line(files::lines(requests)?, |index, line| {
        let outcome = match &mut session {
            Ok(session) => session.answer(line),
            Err(error) => Outcome::Refused { error: error.clone() },
        };
        printer.print(&AnswerLine { case: None, request: Some(index), outcome })?;
        printer.console.flush()
    })
}

/// Calls back for each line that is not blank, with its index among those.
fn for_each_line(
    mut input: Box<dyn BufRead>,
    mut each: impl FnMut(usize, &str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut index = 0;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let count = input.read_until(b'\n', &mut bytes);
        if count.map_err(|error| Failure::new("io.read", error))? == 0 {
            return Ok(());
        }
        // Bytes that are not UTF-8 make the line unreadable JSON, which the answer line then says.
        let line = String::from_utf8_lossy(&bytes);
        if !line.trim().is_empty() {
            each(index, line.trim())?;
            index += 1;
        }
    }
}

/// Writes answers and keeps the exit code that they add up to.
struct Printer<'a> {
    console: &'a mut Console,
    format: Format,
    exit: Exit,
}

impl Printer<'_> {
    fn print(&mut self, answer: &AnswerLine) -> Result<(), Failure> {
        match self.format {
            Format::Json => {
                let text = serde_json::to_string(answer).map_err(|error| Failure::new("internal", error))?;
                self.console.line(&text)
            }
            Format::Pretty => {
                self.exit = worse(self.exit, &answer.outcome);
                self.console.line(&pretty(answer))
            }
        }
    }
}

fn worse(so_far: Exit, outcome: &Outcome) -> Exit {
    match outcome {
        Outcome::Refused { .. } => Exit::Error,
        Outcome::Decided(answer) if answer.decision == "deny" && so_far == Exit::Success => Exit::Deny,
        Outcome::Decided(_) => so_far,
    }
}

fn pretty(line: &AnswerLine) -> String {
    let case = line.case.map(|case| format!("case {case} "));
    let request = line.request.map(|request| format!("request {request}"));
    let place = format!("{}{}", case.unwrap_or_default(), request.unwrap_or_default());
    let place = place.trim_end();
    match &line.outcome {
        Outcome::Refused { error } => format!("{place}: error: {error}"),
        Outcome::Decided(answer) => {
            let mut text = format!("{place}: {}", answer.decision);
            if !answer.reasons.is_empty() {
                text.push_str(&format!(" by {}", answer.reasons.join(", ")));
            }
            if !answer.errors.is_empty() {
                text.push_str(&format!("; errors in {}", answer.errors.join(", ")));
            }
            text
        }
    }
}
