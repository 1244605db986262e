//! `palisade test`: replays a project's cases through the gateway's own code.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::console::Console;
use super::project::{Loaded, load};
use super::{Exit, Failure, Format, clock, files, report};
use crate::build::{BuildOptions, MissingKeySets, build};
use crate::cases::{Case, CaseFile, CaseKeys, KeySource, Observed, Runner};
use crate::diagnostic::Findings;
use crate::keys::PrivateKey;
use crate::source::Sources;

/// Run a project's decision tests natively, through the very code that decides in the gateway.
///
/// Tokens are signed with keys made for this run, unless --keys names a folder with development keys. Exits with 2 when
/// a case does not come out as expected, with 3 when the project or a case file is wrong.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Folder of the project, or its palisade.toml
    #[arg(default_value = ".")]
    project: PathBuf,
    /// Folder with KID.pem for each key that cases name
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    /// Run only cases whose name contains this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Output form
    #[arg(long, value_enum, default_value = "pretty")]
    format: Format,
}

pub(super) fn run(arguments: &Arguments, console: &mut Console) -> Result<Exit, Failure> {
    let Arguments { project: path, keys, filter, format } = arguments;
    let (mut findings, mut sources) = (Findings::default(), Sources::default());
    let loaded = load(path, &[], &mut findings, &mut sources)?;
    let prepared = match loaded {
        Some(loaded) => prepare(loaded, keys.as_deref(), &mut findings)?,
        None => None,
    };
    let Some(Prepared { loaded, case_files, case_keys, bundle, now }) = prepared else {
        report::print(console, &sources, &findings);
        return Ok(Exit::Findings);
    };
    report::print(console, &sources, &findings);
    let mut runner =
        Runner::new(&bundle, &loaded.file, &case_keys, now).map_err(|error| Failure::new("test.gateway", error))?;
    let mut results = Vec::new();
    for file in &case_files {
        for case in &file.cases {
            if filter.as_ref().is_none_or(|text| case.name.contains(text)) {
                let observed = runner.run(case).map_err(|error| Failure::new("test.token", error))?;
                results.push(Outcome { file: &file.path, case, observed });
            }
        }
    }
    if results.is_empty() {
        return Err(Failure::new("test.none", "there are no cases to run"));
    }
    let failed = results.iter().filter(|result| !result.passed()).count();
    match format {
        Format::Json => console.json(&json!({
            "schema": "palisade.test/v1",
            "passed": results.len() - failed,
            "failed": failed,
            "cases": results.iter().map(Outcome::json).collect::<Vec<Value>>(),
        }))?,
        Format::Pretty => {
            for result in &results {
                console.line(&result.text())?;
            }
            console.line(&format!("\n{} passed, {failed} failed", results.len() - failed))?;
        }
    }
    Ok(if failed == 0 { Exit::Success } else { Exit::Deny })
}

/// All that a run needs.
struct Prepared {
    loaded: Loaded,
    case_files: Vec<CaseFile>,
    case_keys: CaseKeys,
    bundle: Vec<u8>,
    now: u64,
}

fn prepare(loaded: Loaded, keys: Option<&Path>, findings: &mut Findings) -> Result<Option<Prepared>, Failure> {
    let mut loaded = loaded;
    let case_files: Vec<CaseFile> =
        loaded.tests.iter().map(|file| CaseFile::parse(file, &loaded.file, findings)).collect();
    if findings.errors() > 0 {
        return Ok(None);
    }
    let case_keys = match keys {
        Some(folder) => CaseKeys::collect(&case_files, &mut Folder(folder.to_owned()))
            .map_err(|error| Failure::new("test.key", error))?,
        None => CaseKeys::generate(&case_files, &loaded.file)?,
    };
    loaded.sources.jwks = case_keys.key_sets(&loaded.file)?;
    let now = clock::now()?;
    let options = BuildOptions { version: None, created: now, missing_key_sets: MissingKeySets::Placeholder };
    let built = build(&loaded.sources, &options, findings);
    Ok(built.map(|built| Prepared { loaded, case_files, case_keys, bundle: built.bytes, now }))
}

/// Keys from a folder of PEM files.
struct Folder(PathBuf);

impl KeySource for Folder {
    fn key(&mut self, kid: &str) -> Result<PrivateKey, String> {
        let path = self.0.join(format!("{kid}.pem"));
        let text = files::read_secret(&path).map_err(|failure| failure.to_string())?;
        PrivateKey::from_pem(&text).map_err(|error| format!("`{}`: {error}", path.display()))
    }
}

/// One case that was run.
struct Outcome<'a> {
    file: &'a str,
    case: &'a Case,
    observed: Observed,
}

impl Outcome<'_> {
    fn passed(&self) -> bool {
        self.observed.meets(&self.case.expect)
    }

    fn json(&self) -> Value {
        json!({
            "file": self.file,
            "name": self.case.name,
            "passed": self.passed(),
            "expected": self.case.expect,
            "got": self.observed,
        })
    }

    /// One line for a case that passed, three for one that failed.
    fn text(&self) -> String {
        let Self { file, case, observed } = self;
        let Observed { status, decision, reason, policies, errors, rpc_error, shown, answer_refused } = observed;
        let errors = match errors.is_empty() {
            true => String::new(),
            false => format!(" errors in {}", errors.join(", ")),
        };
        let got = format!(
            "{status} {} {reason} [{}]{errors}{}{}",
            decision.as_str(),
            policies.join(", "),
            rpc(*rpc_error),
            answer(shown.as_deref(), answer_refused.as_deref()),
        );
        if self.passed() {
            return format!("ok    {file}: {}\n      {got}", case.name);
        }
        let expect = &case.expect;
        let any = || "any".to_owned();
        let expected = format!(
            "{} {} {} [{}]{}{}",
            expect.status.map_or_else(any, |status| status.to_string()),
            expect.decision.as_str(),
            expect.reason.clone().unwrap_or_else(any),
            expect.policies.as_ref().map_or_else(any, |policies| policies.join(", ")),
            rpc(expect.rpc_error),
            answer(expect.shown.as_deref(), expect.answer_refused.as_deref()),
        );
        format!("FAIL  {file}: {}\n      expected {expected}\n      got      {got}", case.name)
    }
}

/// A JSON-RPC error, where there is one.
fn rpc(code: Option<i64>) -> String {
    code.map_or_else(String::new, |code| format!(" error {code}"))
}

/// What came of an answer, where there is one.
fn answer(shown: Option<&[String]>, refused: Option<&str>) -> String {
    let shown = shown.map(|shown| format!(" shown [{}]", shown.join(", ")));
    let refused = refused.map(|reason| format!(" answer refused: {reason}"));
    [shown, refused].into_iter().flatten().collect()
}
