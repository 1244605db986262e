//! An issuer with status lists, and lists of its making.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::deflate::compress_to_vec_zlib;

use super::list::StatusList;
use super::rules::StatusRules;
use crate::section::{self, StatusLists, StatusMode};
use crate::token::{IssuerTable, testing};

pub(super) const NOW: u64 = 1_800_000_000;
pub(super) const BELOW: &str = "https://issuer/lists/";
pub(super) const URI: &str = "https://issuer/lists/1";
pub(super) const HEADER: &str = r#"{"alg":"ES256","kid":"es","typ":"statuslist+jwt"}"#;

/// An issuer whose tokens may name all lists below [`BELOW`].
pub(super) fn issuer(change: impl FnOnce(&mut StatusLists)) -> section::Issuer {
    let mut lists = StatusLists::at(vec![BELOW.to_owned()]);
    change(&mut lists);
    section::Issuer { status_lists: Some(lists), ..section::testing::issuer("dev", "https://issuer") }
}

pub(super) fn table(issuer: section::Issuer) -> IssuerTable {
    IssuerTable::open(vec![issuer]).unwrap()
}

pub(super) fn rules(required: bool) -> StatusRules {
    let mode = if required { StatusMode::Required } else { StatusMode::Optional };
    StatusRules::open(issuer(|lists| lists.mode = mode).status_lists, "dev").unwrap()
}

/// A list with these times, in seconds; the clock of its issuer may be off by half a minute.
pub(super) fn list_for(ttl: Option<u64>, exp: Option<u64>) -> StatusList {
    StatusList {
        bits: 1,
        bytes: vec![0],
        issued_ms: 0,
        end_ms: exp.map_or(u64::MAX, |seconds| (seconds + 30) * 1000),
        ttl_ms: ttl.map(|seconds| seconds * 1000),
    }
}

pub(super) fn lst(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(compress_to_vec_zlib(bytes, 9))
}

/// Claims of a list with these members before `status_list`.
pub(super) fn claims(members: &str, bits: u8, bytes: &[u8]) -> String {
    format!(r#"{{{members},"status_list":{{"bits":{bits},"lst":"{}"}}}}"#, lst(bytes))
}

/// A good token of the list at [`URI`] that was issued so long ago, in seconds.
pub(super) fn token(ago: u64, bits: u8, bytes: &[u8]) -> Vec<u8> {
    let members = format!(r#""sub":"{URI}","iat":{}"#, NOW - ago);
    testing::p256(1).token(HEADER, &claims(&members, bits, bytes)).into_bytes()
}
