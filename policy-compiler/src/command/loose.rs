//! Policies, entities, schema and links that are given as single files, without a project.

use std::path::{Path, PathBuf};

use super::{Failure, files};
use crate::eval::{Document, LoadError, Loaded};
use crate::links::LinkFile;

/// The files' texts.
pub(super) struct LooseFiles {
    policies: Document,
    entities: String,
    schema: Option<Document>,
    links: Option<String>,
}

impl LooseFiles {
    /// Reads the files.
    pub(super) fn read(
        policies: &Path,
        entities: &Path,
        schema: Option<&Path>,
        links: Option<&Path>,
    ) -> Result<Self, Failure> {
        Ok(Self {
            policies: Document::detect(files::read_text(policies)?),
            entities: files::read_text(entities)?,
            schema: schema.map(files::read_text).transpose()?.map(Document::detect),
            links: links.map(files::read_text).transpose()?,
        })
    }

    /// Has Cedar load them.
    pub(super) fn load(&self, validate_requests: bool) -> Result<Loaded, LoadError> {
        let links = self.links.as_deref().map(LinkFile::parse).transpose();
        let links = links.map_err(|error| LoadError::new("links", error))?;
        Loaded::new(&self.policies, self.schema.as_ref(), &self.entities, links.as_ref(), validate_requests)
    }
}

/// Refuses two files that are both standard input.
pub(super) fn one_standard_input(code: &'static str, paths: &[&Option<PathBuf>]) -> Result<(), Failure> {
    let given = paths.iter().filter_map(|path| path.as_deref());
    if given.filter(|path| files::is_standard(path)).count() > 1 {
        return Err(Failure::new(code, "only one of the files can be standard input"));
    }
    Ok(())
}
