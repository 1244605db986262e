//! Where a proof may be for: origins of the bundle, and the path as received.

use crate::limits;
use crate::origin::{Origin, Url, same_path};
use crate::section::{SectionError, SectionErrorKind};

/// The origins under which clients know the gateway.
#[derive(Debug)]
pub(super) struct Targets(Vec<Origin>);

impl Targets {
    /// Checks origins; `place` says whose they are.
    pub(super) fn open(origins: &[String], place: &str) -> Result<Self, SectionError> {
        let error = |kind| Err(SectionError::new(kind, format!("`origins` of {place}")));
        if origins.is_empty() {
            return error(SectionErrorKind::Empty);
        }
        if origins.len() > limits::ORIGINS {
            return error(SectionErrorKind::Limit);
        }
        let mut open: Vec<Origin> = Vec::with_capacity(origins.len());
        for text in origins {
            match Url::read(text) {
                Some(url) if matches!(url.rest, "" | "/") => open.push(url.origin()),
                Some(_) | None => return error(SectionErrorKind::Name),
            }
        }
        Ok(Self(open))
    }

    /// Whether a URL is where a request went, but for query and fragment.
    ///
    /// The request's own authority only chooses between several origins. A gateway with one origin has it whatever a hop before it
    /// made of the authority.
    pub(super) fn has(&self, url: &str, authority: &[u8], path: &[u8]) -> bool {
        let authority = std::str::from_utf8(authority).unwrap_or_default();
        let named = self.0.iter().find(|origin| origin.is_named_by(authority));
        let origin = named.or(match self.0.as_slice() {
            [only] => Some(only),
            _ => None,
        });
        let path = if path.is_empty() { b"/" } else { path };
        match (origin, Url::read(url)) {
            (Some(origin), Some(url)) => origin.contains(&url) && same_path(url.path().as_bytes(), path),
            (None, _) | (_, None) => false,
        }
    }
}
