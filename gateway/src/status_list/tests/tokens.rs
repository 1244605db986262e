//! What is a status list token of an issuer, and what is none.

use crate::host::Unaided;
use crate::limits;
use crate::status_list::testing::{self, BELOW, HEADER, NOW, URI, claims, lst};
use crate::status_list::{StatusList, StatusListError as E};
use crate::token::testing::{b64, ed25519, p256};

fn read(token: &[u8]) -> Result<StatusList, E> {
    let table = testing::table(testing::issuer(|_| ()));
    let (_, issuer) = table.named("dev").unwrap();
    StatusList::read(token, URI, issuer, &mut Unaided::at(NOW * 1000), NOW * 1000)
}

fn error(header: &str, claims: &str) -> Option<E> {
    read(p256(1).token(header, claims).as_bytes()).err()
}

/// Members that are all right.
fn good() -> String {
    format!(r#""sub":"{URI}","iat":{}"#, NOW - 10)
}

fn of_claims(claims: &str) -> Option<E> {
    error(HEADER, claims)
}

#[test]
fn a_list_of_the_issuer_is_taken() {
    let list = read(&testing::token(10, 2, &[0b11_10_01_00])).unwrap();
    let values: Vec<u8> = (0..4).map(|index| list.get(index).unwrap().value()).collect();
    assert_eq!((list.entries(), values), (4, vec![0, 1, 2, 3]));
    for header in [
        r#"{"alg":"ES256","kid":"es","typ":"application/statuslist+jwt"}"#,
        r#"{"alg":"ES256","kid":"es","typ":"StatusList+JWT","x5t":"ignored"}"#,
        r#"{"alg":"ES256","typ":"statuslist+jwt"}"#,
    ] {
        assert_eq!(error(header, &claims(&good(), 1, &[0])), None, "{header}");
    }
    let ed = ed25519(1).token(r#"{"alg":"EdDSA","kid":"ed","typ":"statuslist+jwt"}"#, &claims(&good(), 1, &[0]));
    assert!(read(ed.as_bytes()).is_ok());
    let all = format!(r#"{},"iss":"https://issuer","nbf":{NOW},"exp":{},"ttl":43200,"aud":1"#, good(), NOW + 60);
    assert_eq!(of_claims(&claims(&all, 8, &[0; 100])), None);
}

#[test]
fn other_kinds_of_tokens_are_none() {
    let claims = claims(&good(), 1, &[0]);
    for typ in ["", r#","typ":"JWT""#, r#","typ":"at+jwt""#, r#","typ":"statuslist+cwt""#, r#","typ":"statuslist""#] {
        assert_eq!(error(&format!(r#"{{"alg":"ES256","kid":"es"{typ}}}"#), &claims), Some(E::Type), "{typ}");
    }
    for typ in ["null", "1", "[\"statuslist+jwt\"]"] {
        assert_eq!(error(&format!(r#"{{"alg":"ES256","kid":"es","typ":{typ}}}"#), &claims), Some(E::Type), "{typ}");
    }
}

#[test]
fn only_the_keys_and_algorithms_of_the_issuer_count() {
    let claims = claims(&good(), 1, &[0]);
    let with = |alg: &str, kid: &str| format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"statuslist+jwt"}}"#);
    assert_eq!(read(p256(2).token(HEADER, &claims).as_bytes()).err(), Some(E::Signature), "another key of that name");
    assert_eq!(error(&with("ES256", "ed"), &claims), Some(E::Signature), "a key for something else");
    assert_eq!(error(&with("ES256", "es-2"), &claims), Some(E::KeyUnknown));
    for alg in ["none", "None", "HS256", "RS256", "ES384", "es256", ""] {
        assert_eq!(error(&with(alg, "es"), &claims), Some(E::Algorithm), "{alg}");
    }
    for member in [r#""crit":["b64"]"#, r#""b64":false"#, r#""jku":"https://evil""#, r#""jwk":{}"#, r#""cty":"JWT""#] {
        let header = format!(r#"{{"alg":"ES256","kid":"es","typ":"statuslist+jwt",{member}}}"#);
        assert!(matches!(error(&header, &claims), Some(E::Malformed | E::Type)), "{member}");
    }
    let good = String::from_utf8(testing::token(10, 1, &[0])).unwrap();
    let (input, signature) = good.rsplit_once('.').unwrap();
    let other = String::from_utf8(testing::token(10, 1, &[1])).unwrap();
    let (other_input, _) = other.rsplit_once('.').unwrap();
    assert_eq!(read(format!("{other_input}.{signature}").as_bytes()).err(), Some(E::Signature));
    assert_eq!(read(format!("{input}.{}", b64([0; 64])).as_bytes()).err(), Some(E::Signature));
}

#[test]
fn what_is_no_token_is_refused() {
    let text = String::from_utf8(testing::token(10, 1, &[0])).unwrap();
    assert!(read(text.as_bytes()).is_ok());
    for token in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{text}\n"),
        format!(" {text}"),
        format!("{text}."),
        format!("{text},{text}"),
        text.replacen('.', "..", 1),
        text.rsplit_once('.').unwrap().0.to_owned(),
        format!("{text}="),
        "<html>not found</html>".to_owned(),
        r#"{"status_list":{"bits":1,"lst":"eNoDAAAAAAE"}}"#.to_owned(),
    ] {
        assert_eq!(read(token.as_bytes()).err(), Some(E::Malformed), "{token}");
    }
    assert_eq!(read(&[0xff; 100]).err(), Some(E::Malformed));
    assert_eq!(read(&vec![b'a'; limits::STATUS_TOKEN_BYTES + 1]).err(), Some(E::TooLarge));
    let twice = format!(r#"{{{},"sub":"{URI}","status_list":{{"bits":1,"lst":"{}"}}}}"#, good(), lst(&[0]));
    assert_eq!(of_claims(&twice), Some(E::Malformed));
    let twice = format!(r#"{{{},"status_list":{{"bits":1,"lst":"{}","bits":8}}}}"#, good(), lst(&[0]));
    assert_eq!(of_claims(&twice), Some(E::Malformed));
    for claims in ["[]", "null", "{} {}", "\u{feff}{}"] {
        assert_eq!(of_claims(claims), Some(E::Malformed), "{claims}");
    }
}

#[test]
fn a_list_is_the_one_that_was_asked_for() {
    let iat = NOW - 10;
    for sub in [
        String::new(),
        r#""sub":null,"#.to_owned(),
        r#""sub":1,"#.to_owned(),
        format!(r#""sub":["{URI}"],"#),
        r#""sub":"","#.to_owned(),
        format!(r#""sub":"{BELOW}","#),
        format!(r#""sub":"{BELOW}2","#),
        format!(r#""sub":"{URI}/","#),
        format!(r#""sub":"{URI}#","#),
        format!(r#""sub":"{}","#, URI.to_uppercase()),
        format!(r#""sub":" {URI}","#),
    ] {
        assert_eq!(of_claims(&claims(&format!("{sub}\"iat\":{iat}"), 1, &[0])), Some(E::Subject), "{sub}");
    }
    for iss in ["null", "1", "\"\"", "\"https://other\"", "\"https://issuer/\"", "[\"https://issuer\"]"] {
        assert_eq!(of_claims(&claims(&format!("{},\"iss\":{iss}", good()), 1, &[0])), Some(E::Issuer), "{iss}");
    }
}

#[test]
fn times_are_checked_with_skew() {
    let of = |times: &str| of_claims(&claims(&format!(r#""sub":"{URI}"{times}"#), 1, &[0]));
    let at = |offset: i64| i64::try_from(NOW).unwrap() + offset;
    for (times, expected) in [
        (format!(r#","iat":{}"#, at(30)), None),
        (format!(r#","iat":{}"#, at(31)), Some(E::Times)),
        (format!(r#","iat":{},"nbf":{}"#, at(0), at(30)), None),
        (format!(r#","iat":{},"nbf":{}"#, at(0), at(31)), Some(E::Times)),
        (format!(r#","iat":{},"exp":{}"#, at(-100), at(-29)), None),
        (format!(r#","iat":{},"exp":{}"#, at(-100), at(-30)), Some(E::Expired)),
        (format!(r#","iat":{},"exp":0"#, at(-100)), Some(E::Expired)),
        (format!(r#","iat":{},"exp":{}"#, at(0), 1_u64 << 52), None),
        (format!(r#","iat":{},"ttl":1"#, at(0)), None),
        (format!(r#","iat":{},"ttl":0.5"#, at(0)), None),
        (String::new(), Some(E::Times)),
        (format!(r#","exp":{}"#, at(100)), Some(E::Times)),
    ] {
        assert_eq!(of(&times), expected, "{times}");
    }
    for name in ["iat", "exp", "nbf", "ttl"] {
        let others = if name == "iat" { String::new() } else { format!(r#","iat":{}"#, at(0)) };
        for value in ["null", "\"1800000000\"", "-1", "true", "[]", "{}", "1e300", "9007199254740992"] {
            assert_eq!(of(&format!("{others},\"{name}\":{value}")), Some(E::Times), "{name} {value}");
        }
    }
    for ttl in ["0", "0.0", "-0.0", "1e-9"] {
        assert_eq!(of(&format!(r#","iat":{},"ttl":{ttl}"#, at(0))), Some(E::Times), "{ttl}");
    }
}

#[test]
fn a_list_has_bits_and_one_whole_stream() {
    let of = |list: &str| of_claims(&format!("{{{},\"status_list\":{list}}}", good()));
    let lst = lst(&[0, 1, 2]);
    assert_eq!(of(&format!(r#"{{"bits":8,"lst":"{lst}","aggregation_uri":"https://x","more":[]}}"#)), None);
    assert_eq!(of_claims(&format!("{{{}}}", good())), Some(E::Bits));
    for list in ["null", "[]", "\"\"", "{}", &format!(r#"{{"lst":"{lst}"}}"#)] {
        assert_eq!(of(list), Some(E::Bits), "{list}");
    }
    for bits in
        ["0", "3", "5", "7", "9", "16", "-1", "1.0", "\"1\"", "null", "true", "[1]", "257", "18446744073709551617"]
    {
        assert_eq!(of(&format!(r#"{{"bits":{bits},"lst":"{lst}"}}"#)), Some(E::Bits), "{bits}");
    }
    for lst in ["null", "1", "[]", "\"=\"", "\"e\"", "\"eN o\"", "\"eNo+\"", "\"eNo/\"", "\"AB\""] {
        assert_eq!(of(&format!(r#"{{"bits":1,"lst":{lst}}}"#)), Some(E::Encoding), "{lst}");
    }
    assert_eq!(of(r#"{"bits":1}"#), Some(E::Encoding));
    assert_eq!(of(&format!(r#"{{"bits":1,"lst":"{lst}=="}}"#)), Some(E::Encoding));
    for lst in ["", "AAAA", "eNo", &b64([0; 100]), &lst[..lst.len() / 4 * 4 - 4], &b64(b"[0,1,1]")] {
        assert_eq!(of(&format!(r#"{{"bits":1,"lst":"{lst}"}}"#)), Some(E::Compression), "{lst}");
    }
}

#[test]
fn large_lists_are_taken_up_to_the_limit_and_bombs_are_not() {
    let of = |bytes: usize| of_claims(&claims(&good(), 1, &vec![0; bytes]));
    assert_eq!(of(limits::STATUS_LIST_BYTES), None);
    assert_eq!(of(limits::STATUS_LIST_BYTES + 1), Some(E::Inflated));
    // As large as it can be in a token.
    assert_eq!(of(400 * 1024 * 1024), Some(E::Inflated));
}

#[test]
fn every_changed_byte_is_refused() {
    let good = testing::token(10, 1, &[0, 1, 2, 3]);
    for place in 0..good.len() {
        for change in [1, 0x20, 0x80] {
            let mut token = good.clone();
            token[place] ^= change;
            assert!(read(&token).is_err(), "{place}");
        }
    }
    for cut in 0..good.len() {
        assert!(read(&good[..cut]).is_err(), "{cut}");
    }
}
