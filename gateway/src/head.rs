//! The head of a request: the few headers that every decision needs, found in one pass.

use crate::header_map::HeaderMap;
use crate::token::CredentialError;

/// What arrives before a request's body.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// All headers, with `:method`, `:path` and `:authority`.
    pub headers: HeaderMap<'a>,
}

/// The parts of a request head that every decision reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) headers: HeaderMap<'a>,
    pub(crate) method: &'a str,
    /// The path without query, as received.
    pub(crate) path: &'a [u8],
    /// What follows the first `?`.
    pub(crate) query: Option<&'a [u8]>,
    /// The authority as received; empty where there is none.
    pub(crate) authority: &'a [u8],
    /// The one `Authorization` header, or why there is not exactly one.
    pub(crate) authorization: Result<&'a [u8], CredentialError>,
    /// The `DPoP` header, or why there is not at most one.
    pub(crate) dpop: Result<Option<&'a [u8]>, CredentialError>,
    /// The `Txn-Token` header, or why there is not at most one.
    pub(crate) transaction: Result<Option<&'a [u8]>, CredentialError>,
    /// The `Workload-Identity-Token` header, or why there is not at most one.
    pub(crate) workload_token: Result<Option<&'a [u8]>, CredentialError>,
    /// The `Workload-Proof-Token` header, or why there is not at most one.
    pub(crate) workload_proof: Result<Option<&'a [u8]>, CredentialError>,
}

impl<'a> Head<'a> {
    /// The credentials that are there, be they one or several.
    pub(crate) fn credentials(&self) -> Credentials {
        let Self { authorization, dpop, transaction, workload_token, workload_proof, .. } = self;
        Credentials {
            authorization: *authorization != Err(CredentialError::Missing),
            dpop: *dpop != Ok(None),
            transaction: *transaction != Ok(None),
            workload_token: *workload_token != Ok(None),
            workload_proof: *workload_proof != Ok(None),
        }
    }

    /// Finds the parts. `None`: a pseudo-header is missing, repeated or not text, so there is no request to decide.
    pub(crate) fn read(headers: HeaderMap<'a>) -> Option<Self> {
        let mut method = None;
        let mut target = None;
        let mut authority = None;
        let mut authorization = Err(CredentialError::Missing);
        let (mut dpop, mut transaction) = (Ok(None), Ok(None));
        let (mut workload_token, mut workload_proof) = (Ok(None), Ok(None));
        for header in headers.iter() {
            // By length first: of a request's headers nearly all have one that none of these names has.
            let slot = match (header.name.len(), header.name) {
                (5, b":path") => &mut target,
                (7, b":method") => &mut method,
                (10, b":authority") => &mut authority,
                (13, name) if name.eq_ignore_ascii_case(b"authorization") => {
                    authorization = match authorization {
                        Err(CredentialError::Missing) => Ok(header.value),
                        Ok(_) | Err(_) => Err(CredentialError::Repeated),
                    };
                    continue;
                }
                (4, name) if name.eq_ignore_ascii_case(b"dpop") => {
                    at_most_one(&mut dpop, header.value);
                    continue;
                }
                (9, name) if name.eq_ignore_ascii_case(b"txn-token") => {
                    at_most_one(&mut transaction, header.value);
                    continue;
                }
                (23, name) if name.eq_ignore_ascii_case(b"workload-identity-token") => {
                    at_most_one(&mut workload_token, header.value);
                    continue;
                }
                (20, name) if name.eq_ignore_ascii_case(b"workload-proof-token") => {
                    at_most_one(&mut workload_proof, header.value);
                    continue;
                }
                _ => continue,
            };
            if slot.replace(header.value).is_some() {
                return None;
            }
        }
        let target = target?;
        let question = target.iter().position(|byte| *byte == b'?');
        let (path, query) = match question.and_then(|at| target.split_at_checked(at)) {
            Some((path, query)) => (path, query.get(1..)),
            None => (target, None),
        };
        Some(Self {
            headers,
            method: std::str::from_utf8(method?).ok()?,
            path,
            query,
            authority: authority.unwrap_or_default(),
            authorization,
            dpop,
            transaction,
            workload_token,
            workload_proof,
        })
    }
}

/// Which credentials a request brings, each in a header of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Credentials {
    pub(crate) authorization: bool,
    pub(crate) dpop: bool,
    pub(crate) transaction: bool,
    pub(crate) workload_token: bool,
    pub(crate) workload_proof: bool,
}

fn at_most_one<'a>(slot: &mut Result<Option<&'a [u8]>, CredentialError>, value: &'a [u8]) {
    *slot = match slot {
        Ok(None) => Ok(Some(value)),
        Ok(Some(_)) | Err(_) => Err(CredentialError::Repeated),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::HeaderBuffer;

    #[test]
    fn splits_the_target() {
        for (target, path, query) in
            [("/a?b=c?d", "/a", Some("b=c?d")), ("/a?", "/a", Some("")), ("/a", "/a", None), ("?x", "", Some("x"))]
        {
            let headers = HeaderBuffer::from_pairs([(":method", "GET"), (":path", target)]);
            let head = Head::read(headers.as_map()).unwrap();
            assert_eq!((head.path, head.query), (path.as_bytes(), query.map(str::as_bytes)));
            assert_eq!(head.authority, b"");
        }
    }

    #[test]
    fn there_is_no_request_without_one_method_and_one_path() {
        for pairs in [
            vec![(":method", "GET")],
            vec![(":path", "/")],
            vec![(":method", "GET"), (":path", "/"), (":path", "/admin")],
            vec![(":method", "GET"), (":method", "GET"), (":path", "/")],
            vec![(":method", "GET"), (":path", "/"), (":authority", "a"), (":authority", "b")],
        ] {
            let headers = HeaderBuffer::from_pairs(pairs);
            assert!(Head::read(headers.as_map()).is_none());
        }
        let headers = HeaderBuffer::from_pairs([(":method", &b"\xff"[..]), (":path", b"/")]);
        assert!(Head::read(headers.as_map()).is_none());
    }

    #[test]
    fn every_part_is_found_by_its_name() {
        let names = ["authorization", "dpop", "txn-token", "workload-identity-token", "workload-proof-token"];
        for (at, name) in names.iter().enumerate() {
            let headers = HeaderBuffer::from_pairs([(":method", "GET"), (":path", "/"), (name, "found")]);
            let Head { authorization, dpop, transaction, workload_token, workload_proof, .. } =
                Head::read(headers.as_map()).unwrap();
            let found = [authorization.map(Some), dpop, transaction, workload_token, workload_proof];
            for (other, found) in found.into_iter().enumerate() {
                assert_eq!(found.ok().flatten(), (other == at).then_some(&b"found"[..]), "{name}");
            }
        }
    }

    #[test]
    fn credentials_are_there_once_or_more_often_or_not() {
        let names = ["Authorization", "DPoP", "Txn-Token", "Workload-Identity-Token", "Workload-Proof-Token"];
        for (at, name) in names.iter().enumerate() {
            for count in 0..3 {
                let credentials = std::iter::repeat_n((*name, ""), count);
                let headers =
                    HeaderBuffer::from_pairs([(":method", "GET"), (":path", "/")].into_iter().chain(credentials));
                let Credentials { authorization, dpop, transaction, workload_token, workload_proof } =
                    Head::read(headers.as_map()).unwrap().credentials();
                let found = [authorization, dpop, transaction, workload_token, workload_proof];
                for (other, found) in found.into_iter().enumerate() {
                    assert_eq!(found, other == at && count > 0, "{count} {name}");
                }
            }
        }
    }

    #[test]
    fn a_second_authorization_header_is_noticed_in_any_case() {
        for second in ["authorization", "Authorization", "AUTHORIZATION"] {
            let headers = HeaderBuffer::from_pairs([
                (":method", "GET"),
                (":path", "/"),
                ("authorization", "Bearer a"),
                (second, ""),
                ("x", "y"),
                (second, "Bearer a"),
            ]);
            let head = Head::read(headers.as_map()).unwrap();
            assert_eq!(head.authorization, Err(CredentialError::Repeated));
        }
    }
}
