//! Reads a project's files from disk.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use toml::Spanned;

use super::{Failure, files};
use crate::diagnostic::Findings;
use crate::project::{PROJECT_FILE, ProjectFile, ProjectSources, TRANSACTION_TOKENS, at};
use crate::source::{SourceFile, Sources};

/// A project on disk: its folder, its parsed file, and the texts of all that it names.
pub(super) struct Loaded {
    pub(super) file: ProjectFile,
    pub(super) sources: ProjectSources,
    pub(super) tests: Vec<SourceFile>,
}

/// Reads a project from its folder or its `palisade.toml`.
///
/// Files that are missing or not UTF-8 are findings, at the place that names them; the others are there to be checked,
/// unless it is the schema that is missing. With an error among `findings`, nothing is built from what is there.
/// `jwks` gives key sets by alias, in place of those that the project names.
pub(super) fn load(
    path: &Path,
    jwks: &[(String, PathBuf)],
    findings: &mut Findings,
    seen: &mut Sources,
) -> Result<Option<Loaded>, Failure> {
    let folder = folder(path);
    let file = if path.is_dir() { folder.join(PROJECT_FILE) } else { path.to_owned() };
    let project = SourceFile::new(PROJECT_FILE, files::read_text(&file)?);
    seen.add(&project);
    let parsed = match ProjectFile::parse(&project) {
        Ok(parsed) => parsed,
        Err(diagnostic) => {
            findings.push(*diagnostic);
            return Ok(None);
        }
    };
    let mut reader = Reader { folder, findings };
    let schema = reader.named(&parsed.schema);
    let policies = reader.matching("policies", &parsed.policies);
    let links = reader.matching("links", &parsed.links);
    let entities = reader.matching("entities", &parsed.entities);
    let tests = reader.matching("tests", &parsed.tests);
    let jwks = reader.key_sets(&parsed, jwks)?;
    let catalogues = parsed.routes.iter().filter_map(|route| route.catalogue.as_ref());
    let catalogues = catalogues.filter_map(|name| Some((name.as_ref().clone(), reader.named(name)?))).collect();
    let Some(schema) = schema else { return Ok(None) };
    let sources = ProjectSources { project, schema, policies, links, entities, jwks, catalogues };
    for file in tests.iter() {
        seen.add(file);
    }
    for (path, text) in sources.sources().iter() {
        seen.add(&SourceFile::new(path, text));
    }
    Ok(Some(Loaded { file: parsed, sources, tests }))
}

/// The folder of a project that is given by its folder or its `palisade.toml`, without `.` segments: globs give paths
/// without them, and files are named relative to it.
pub(super) fn folder(path: &Path) -> PathBuf {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    folder.components().filter(|part| *part != Component::CurDir).collect()
}

struct Reader<'a> {
    folder: PathBuf,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    /// A file that the project names by its path.
    fn named(&mut self, name: &Spanned<String>) -> Option<SourceFile> {
        match files::read_text(&self.folder.join(name.as_ref())) {
            Ok(text) => Some(SourceFile::new(name.as_ref(), text)),
            Err(failure) => {
                self.findings.push(at("project.file", name, failure.to_string()));
                None
            }
        }
    }

    /// The files that globs match, sorted by path, each once.
    fn matching(&mut self, key: &'static str, globs: &[Spanned<String>]) -> Vec<SourceFile> {
        let mut found: BTreeMap<String, SourceFile> = BTreeMap::new();
        for glob in globs {
            let Some(matches) = self.expand(glob) else { continue };
            if matches.is_empty() {
                let message = format!("`{}` matches no file", glob.as_ref());
                let help = format!("correct it, or remove it from `{key}`");
                self.findings.push(at("project.no_match", glob, message).with_help(help));
            }
            for path in matches {
                match files::read_text(&path) {
                    Ok(text) => {
                        let name = self.relative(&path);
                        found.insert(name.clone(), SourceFile::new(name, text));
                    }
                    Err(failure) => self.findings.push(at("project.file", glob, failure.to_string())),
                }
            }
        }
        found.into_values().collect()
    }

    fn expand(&mut self, glob: &Spanned<String>) -> Option<Vec<PathBuf>> {
        let folder = glob::Pattern::escape(&self.folder.to_string_lossy());
        let pattern = Path::new(&folder).join(glob.as_ref());
        // A star does not cross folders, and a file whose name begins with a dot is somebody's scratch copy.
        let options = glob::MatchOptions {
            case_sensitive: true,
            require_literal_separator: true,
            require_literal_leading_dot: true,
        };
        match glob::glob_with(&pattern.to_string_lossy(), options) {
            Ok(paths) => Some(paths.filter_map(Result::ok).filter(|path| path.is_file()).collect()),
            Err(error) => {
                self.findings.push(at("project.glob", glob, error.msg));
                None
            }
        }
    }

    /// A path as findings and the manifest name it: relative to the project, with `/`.
    fn relative(&self, path: &Path) -> String {
        let inside = path.strip_prefix(&self.folder).unwrap_or(path);
        let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        parts.join("/")
    }

    /// Key sets by alias: given ones first, then those that the project names and that exist.
    fn key_sets(
        &mut self,
        project: &ProjectFile,
        given: &[(String, PathBuf)],
    ) -> Result<BTreeMap<String, SourceFile>, Failure> {
        let mut sets = BTreeMap::new();
        for (alias, path) in given {
            let is_of_transactions = alias == TRANSACTION_TOKENS && project.transaction_tokens.is_some();
            if !is_of_transactions && !project.issuers.iter().any(|issuer| issuer.alias.as_ref() == alias) {
                return Err(Failure::new("issuer.unknown", format!("the project has no issuer `{alias}`")));
            }
            // Named by its role: the path on this machine says nothing about the bundle.
            sets.insert(alias.clone(), SourceFile::new(format!("jwks:{alias}"), files::read_text(path)?));
        }
        let issuers =
            project.issuers.iter().filter_map(|issuer| Some((issuer.alias.as_ref().as_str(), issuer.jwks.as_ref()?)));
        let transactions = project.transaction_tokens.iter().map(|table| (TRANSACTION_TOKENS, &table.jwks));
        for (alias, name) in issuers.chain(transactions) {
            let name = name.as_ref();
            let path = self.folder.join(name);
            if !sets.contains_key(alias) && path.exists() {
                sets.insert(alias.to_owned(), SourceFile::new(format!("jwks:{alias}"), files::read_text(&path)?));
            }
        }
        Ok(sets)
    }
}

/// Reads `ALIAS=FILE`.
pub(super) fn alias_and_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((alias, file)) if !alias.is_empty() && !file.is_empty() => Ok((alias.to_owned(), PathBuf::from(file))),
        _ => Err("write ALIAS=FILE".to_owned()),
    }
}
