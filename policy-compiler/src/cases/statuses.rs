//! The status of tokens of cases: one list for each issuer, in which every status has its place.

use palisade_gateway::{Gateway, NativeHost};
use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::CaseKeys;
use crate::project::ProjectFile;
use crate::section::status_list_uri;
use crate::token::status_list;

/// What a list has of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum CaseStatus {
    /// One of those that have a name.
    Named(NamedStatus),
    /// Any.
    Number(u8),
}

/// A status that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NamedStatus {
    /// 0
    Valid,
    /// 1
    Invalid,
    /// 2
    Suspended,
}

impl CaseStatus {
    fn value(self) -> u8 {
        match self {
            Self::Named(NamedStatus::Valid) => 0,
            Self::Named(NamedStatus::Invalid) => 1,
            Self::Named(NamedStatus::Suspended) => 2,
            Self::Number(value) => value,
        }
    }

    /// The claim `status` of a token that has it.
    pub(super) fn claim(self, uri: &str) -> Value {
        json!({"status_list": {"idx": self.value(), "uri": uri}})
    }
}

/// Gives the gateway a list of each issuer that has some: at each place stands the number of the place.
pub(super) fn publish(
    gateway: &mut Gateway,
    host: &mut NativeHost,
    project: &ProjectFile,
    keys: &CaseKeys,
    now_seconds: u64,
) -> Result<(), String> {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    for issuer in &project.issuers {
        let Some(uri) = status_list_uri(issuer) else { continue };
        let alias = issuer.alias.as_ref().as_str();
        // Some of its keys may be there to show that they are refused.
        let mut refused = None;
        for (kid, key) in keys.of(alias) {
            let token = status_list::mint(key, kid, &uri, &all, now_seconds).map_err(|error| error.to_string())?;
            refused = gateway.offer_status_list((alias, &uri), token.as_bytes(), host).err();
            if refused.is_none() {
                break;
            }
        }
        if let Some(error) = refused {
            return Err(format!("the status list of the issuer `{alias}`: {error}"));
        }
    }
    Ok(())
}
