//! What headers and query say besides the request proper: the version, the extensions, and what they repeat.

use std::borrow::Cow;

use super::ask::A2aRequest;
use super::error::A2aError;
use super::members;
use super::version::A2aVersion;
use crate::header_map::HeaderMap;
use crate::limits;
use crate::route::query_pairs;

/// Service parameters (§3.2.6), and the parameters of the query that matter.
#[derive(Debug)]
pub(super) struct Service<'a> {
    pub(super) stated: Option<A2aVersion>,
    pub(super) extensions: Vec<Cow<'a, str>>,
    pub(super) tenant: Option<Cow<'a, str>>,
    pub(super) context: Option<Cow<'a, str>>,
}

const VERSION: &str = "A2A-Version";
/// The header's name since 1.0, and the one before.
const EXTENSIONS: [&str; 2] = ["a2a-extensions", "x-a2a-extensions"];

impl<'a> Service<'a> {
    pub(super) fn read(request: &A2aRequest<'a>) -> Result<Self, A2aError> {
        let mut service = Self { stated: None, extensions: extensions(request.headers)?, tenant: None, context: None };
        let mut version = once(request.headers, VERSION, A2aError::VersionMalformed)?.map(Cow::Borrowed);
        if let Some(query) = request.query {
            for pair in query_pairs(query).map_err(|_| A2aError::Query)? {
                let (name, value) = pair.map_err(|_| A2aError::Query)?;
                service.parameter(&name, value, &mut version)?;
            }
        }
        let read = |version: Cow<'_, str>| A2aVersion::from_stated(&version).ok_or(A2aError::VersionUnsupported);
        service.stated = version.map(read).transpose()?;
        Ok(service)
    }

    /// Takes a parameter of the query. What names the subject of a request stands in its path or body, and nowhere else.
    fn parameter(
        &mut self,
        name: &str,
        value: Cow<'a, str>,
        version: &mut Option<Cow<'a, str>>,
    ) -> Result<(), A2aError> {
        let slot = match name {
            VERSION => {
                return match version.replace(value.clone()) {
                    Some(other) if other != value => Err(A2aError::VersionMalformed),
                    Some(_) | None => Ok(()),
                };
            }
            "tenant" => &mut self.tenant,
            "contextId" | "context_id" => &mut self.context,
            _ => {
                let means = |known: &&str| name == *known || members::is_alike(name, known);
                let is_subject = ["id", "taskId", "name", "parent", "tenant", "contextId", "url"].iter().any(means);
                let is_version = members::is_alike(name, "A2AVersion");
                return if is_subject || is_version { Err(A2aError::Query) } else { Ok(()) };
            }
        };
        if slot.replace(value).is_some() { Err(A2aError::Query) } else { Ok(()) }
    }
}

/// The one value of a header, without the blanks around it; `None` without it.
fn once<'a>(headers: HeaderMap<'a>, name: &str, error: A2aError) -> Result<Option<&'a str>, A2aError> {
    let mut values = headers.values(name);
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(error),
        (None, None) => Ok(None),
        (Some(value), None) => {
            let text = std::str::from_utf8(value).map_err(|_| error)?;
            Ok(Some(text.trim_matches([' ', '\t'])))
        }
    }
}

fn extensions(headers: HeaderMap<'_>) -> Result<Vec<Cow<'_, str>>, A2aError> {
    let mut extensions = Vec::new();
    for name in EXTENSIONS {
        let list = once(headers, name, A2aError::Extensions)?.unwrap_or_default();
        for extension in list.split(',').map(|entry| entry.trim_matches([' ', '\t'])).filter(|entry| !entry.is_empty())
        {
            let is_plain =
                extension.bytes().all(|byte| byte.is_ascii_graphic()) && extension.len() <= limits::SUBJECT_BYTES;
            if !is_plain || extensions.len() == limits::MESSAGE_LIST {
                return Err(A2aError::Extensions);
            }
            extensions.push(Cow::Borrowed(extension));
        }
    }
    Ok(extensions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::HeaderBuffer;
    use crate::route::RequestPath;

    fn read(headers: &[(&str, &[u8])], query: Option<&str>) -> Result<(Option<A2aVersion>, usize), A2aError> {
        let headers = HeaderBuffer::from_pairs(headers.iter().copied());
        let (path, query) = (RequestPath::default(), query.map(str::as_bytes));
        let request = A2aRequest { method: "GET", headers: headers.as_map(), raw_path: b"/", path: &path, query };
        Service::read(&request).map(|service| (service.stated, service.extensions.len()))
    }

    #[test]
    fn versions_are_stated_once_or_alike() {
        let one = Some(A2aVersion::V1_0);
        assert_eq!(read(&[], None), Ok((None, 0)));
        assert_eq!(read(&[("a2a-version", b" 1.0\t")], None), Ok((one, 0)));
        assert_eq!(read(&[("A2A-Version", b"")], None), Ok((Some(A2aVersion::V0_3), 0)));
        assert_eq!(read(&[], Some("A2A-Version=1.0&historyLength=3")), Ok((one, 0)));
        assert_eq!(read(&[("a2a-version", b"1.0")], Some("A2A-Version=1.0")), Ok((one, 0)));
        for (headers, query, error) in [
            (&[("a2a-version", &b"1.0"[..]), ("A2A-Version", b"1.0")][..], None, A2aError::VersionMalformed),
            (&[("a2a-version", b"\xff")], None, A2aError::VersionMalformed),
            (&[("a2a-version", b"1.0")], Some("A2A-Version=0.3"), A2aError::VersionMalformed),
            (&[("a2a-version", b"1.0")], Some("A2A-Version="), A2aError::VersionMalformed),
            (&[], Some("A2A-Version=1.0&A2A-Version=0.3"), A2aError::VersionMalformed),
            (&[], Some("a2a-version=1.0"), A2aError::Query),
            (&[], Some("A2A_Version=1.0"), A2aError::Query),
            (&[("a2a-version", b"1.0, 0.3")], None, A2aError::VersionUnsupported),
            (&[("a2a-version", b"2.0")], None, A2aError::VersionUnsupported),
            (&[("a2a-version", b"x")], None, A2aError::VersionUnsupported),
        ] {
            assert_eq!(read(headers, query), Err(error), "{headers:?} {query:?}");
        }
    }

    #[test]
    fn the_query_names_no_subject() {
        for query in
            ["", "historyLength=1", "pageSize=2&pageToken=x%20y", "contextId=c", "context_id=c", "tenant=a", "ids=1"]
        {
            assert!(read(&[], Some(query)).is_ok(), "{query}");
        }
        for query in [
            "id=1",
            "ID=1",
            "taskId=1",
            "task_id=1",
            "taskid=1",
            "name=tasks/1",
            "parent=x",
            "url=https://a",
            "Tenant=a",
            "tenant=a&tenant=a",
            "contextId=c&context_id=c",
            "contextid=c",
            "t%65nant=a&tenant=b",
            "a=1;b=2",
            "a=%zz",
            "%ff",
        ] {
            assert_eq!(read(&[], Some(query)), Err(A2aError::Query), "{query}");
        }
    }

    #[test]
    fn extensions_are_a_list_in_one_header() {
        let of = |headers: &[(&str, &[u8])]| read(headers, None).map(|(_, count)| count);
        assert_eq!(of(&[("A2A-Extensions", b"https://a/v1, https://b/v1 ,,")]), Ok(2));
        assert_eq!(of(&[("a2a-extensions", b"https://a/v1"), ("x-a2a-extensions", b"https://a/v1")]), Ok(2));
        assert_eq!(of(&[("a2a-extensions", b"")]), Ok(0));
        let many = "a,".repeat(limits::MESSAGE_LIST + 1);
        for headers in [
            &[("a2a-extensions", &b"a"[..]), ("A2A-Extensions", b"b")][..],
            &[("a2a-extensions", b"a b")],
            &[("a2a-extensions", b"\xff")],
            &[("a2a-extensions", "é".as_bytes())],
            &[("a2a-extensions", many.as_bytes())],
        ] {
            assert_eq!(of(headers), Err(A2aError::Extensions), "{headers:?}");
        }
    }
}
