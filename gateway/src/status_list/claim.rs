//! What a token says of its status.

use super::rules::StatusRules;
use crate::json::Json;
use crate::token::TokenError;

/// `status.status_list` of a token whose issuer may say that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StatusClaim {
    pub(crate) uri: String,
    pub(crate) index: u64,
}

impl StatusClaim {
    /// Reads the claim of a token whose signature holds, by the rules of its issuer; `None` where nothing is to be looked up.
    ///
    /// What cannot be looked up refuses the token: an issuer that names a list means that somebody reads it.
    pub(crate) fn read(claims: &Json, rules: &StatusRules) -> Result<Option<Self>, TokenError> {
        match (rules, claims.get("status")) {
            (StatusRules::Ignore, _) => Ok(None),
            // An application's own claim of that name is none of ours.
            (StatusRules::Refuse, status) => match status.and_then(|status| status.get("status_list")) {
                Some(_) => Err(TokenError::StatusUnexpected),
                None => Ok(None),
            },
            (StatusRules::Check(rules), None) if rules.is_required => Err(TokenError::StatusMissing),
            (StatusRules::Check(_), None) => Ok(None),
            (StatusRules::Check(rules), Some(status)) => {
                let claim = Self::of(status).ok_or(TokenError::StatusMalformed)?;
                if rules.allows(&claim.uri) { Ok(Some(claim)) } else { Err(TokenError::StatusUri) }
            }
        }
    }

    fn of(status: &Json) -> Option<Self> {
        let list = status.get("status_list")?;
        match (list.get("uri"), list.get("idx")) {
            (Some(Json::String(uri)), Some(Json::Number(index))) => {
                Some(Self { uri: uri.clone().into_owned(), index: index.as_u64()? })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::JsonLimits;
    use crate::status_list::testing;

    fn read(rules: &StatusRules, claims: &str) -> Result<Option<StatusClaim>, TokenError> {
        StatusClaim::read(&Json::parse(claims.as_bytes(), &JsonLimits::TOKEN).unwrap(), rules)
    }

    const GOOD: &str = r#"{"status":{"status_list":{"idx":7,"uri":"https://issuer/lists/1","more":1},"other":{}}}"#;

    #[test]
    fn a_list_and_a_place_in_it() {
        let claim = StatusClaim { uri: "https://issuer/lists/1".to_owned(), index: 7 };
        for required in [false, true] {
            assert_eq!(read(&testing::rules(required), GOOD), Ok(Some(claim.clone())));
        }
        let most = r#"{"status":{"status_list":{"idx":18446744073709551615,"uri":"https://issuer/lists/1"}}}"#;
        assert_eq!(read(&testing::rules(true), most).map(|claim| claim.map(|claim| claim.index)), Ok(Some(u64::MAX)));
    }

    #[test]
    fn the_issuer_says_whether_there_must_be_one() {
        assert_eq!(read(&testing::rules(false), "{}"), Ok(None));
        assert_eq!(read(&testing::rules(true), "{}"), Err(TokenError::StatusMissing));
        for claims in [GOOD, "{}", r#"{"status":5}"#] {
            assert_eq!(read(&StatusRules::Ignore, claims), Ok(None), "{claims}");
        }
    }

    #[test]
    fn a_list_that_nobody_reads_refuses_the_token() {
        for list in [r#"{"idx":7,"uri":"https://issuer/lists/1"}"#, "{}", "null", "1", "[]"] {
            let claims = format!(r#"{{"status":{{"status_list":{list}}}}}"#);
            assert_eq!(read(&StatusRules::Refuse, &claims), Err(TokenError::StatusUnexpected), "{claims}");
        }
        for claims in ["{}", r#"{"status":"active"}"#, r#"{"status":{"state":1}}"#, r#"{"status":null}"#] {
            assert_eq!(read(&StatusRules::Refuse, claims), Ok(None), "{claims}");
        }
    }

    #[test]
    fn other_forms_are_refused() {
        let uri = r#""uri":"https://issuer/lists/1""#;
        for status in [
            "null".to_owned(),
            "true".to_owned(),
            "\"active\"".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            r#"{"identifier_list":{"id":"a"}}"#.to_owned(),
            r#"{"status_list":null}"#.to_owned(),
            r#"{"status_list":[]}"#.to_owned(),
            r#"{"status_list":"https://issuer/lists/1"}"#.to_owned(),
            r#"{"status_list":{}}"#.to_owned(),
            format!(r#"{{"status_list":{{{uri}}}}}"#),
            r#"{"status_list":{"idx":7}}"#.to_owned(),
            r#"{"status_list":{"idx":7,"uri":null}}"#.to_owned(),
            r#"{"status_list":{"idx":7,"uri":["https://issuer/lists/1"]}}"#.to_owned(),
            r#"{"Status_List":{"idx":7,"uri":"https://issuer/lists/1"}}"#.to_owned(),
            format!(r#"{{"status_list":{{"idx":"7",{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":-1,{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":-0.0,{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":7.0,{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":7e0,{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":18446744073709551616,{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":null,{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":true,{uri}}}}}"#),
            format!(r#"{{"status_list":{{"idx":[7],{uri}}}}}"#),
        ] {
            let claims = format!(r#"{{"status":{status}}}"#);
            for required in [false, true] {
                let result = read(&testing::rules(required), &claims);
                assert_eq!(result, Err(TokenError::StatusMalformed), "{claims}");
            }
        }
    }

    #[test]
    fn only_lists_of_the_issuer_are_looked_into() {
        for uri in [
            "https://elsewhere/lists/1",
            "https://issuer/list",
            "https://issuer/lists",
            "https://issuer/lists/",
            "https://issuer/lists/../admin",
            "https://issuer/lists/%2e%2e/admin",
            "https://issuer/lists/1#a",
            "https://issuer/lists/1 2",
            "http://issuer/lists/1",
            "HTTPS://issuer/lists/1",
            "https://issuer:8443/lists/1",
            "https://issuer.evil/lists/1",
            "https://issuer@evil/lists/1",
            "/lists/1",
            "",
        ] {
            let claims = format!(r#"{{"status":{{"status_list":{{"idx":7,"uri":"{uri}"}}}}}}"#);
            assert_eq!(read(&testing::rules(false), &claims), Err(TokenError::StatusUri), "{uri}");
        }
    }
}
