//! Any bytes as a status list: as the whole token, as its claims, and as the compressed list in them. Never a panic, never more in
//! memory than the limit, and never a list with the real verifiers.

#![no_main]

mod identity;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use libfuzzer_sys::fuzz_target;
use palisade_gateway::{NativeHost, StatusList, StatusListError, limits};

const LIST: (&str, &str) = ("lenient", "https://lenient/lists/1");

thread_local! {
    static VERIFIER: palisade_gateway::TokenVerifier = identity::verifier();
}

/// What the gateway makes of claims that seem to be signed.
fn believed(claims: &[u8]) -> Result<StatusList, StatusListError> {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"ES256","typ":"statuslist+jwt"}"#);
    let token = format!("{header}.{}.{}", URL_SAFE_NO_PAD.encode(claims), URL_SAFE_NO_PAD.encode([1; 64]));
    VERIFIER.with(|verifier| verifier.read_status_list(LIST, token.as_bytes(), &mut identity::Gullible::default()))
}

fn look_into(list: &StatusList, index: u64) {
    assert!(list.entries() <= 8 * u64::try_from(limits::STATUS_LIST_BYTES).unwrap());
    assert_eq!(list.get(index).is_some(), index < list.entries());
    assert!(list.get(list.entries()).is_none());
}

fuzz_target!(|data: &[u8]| {
    let mut host = NativeHost::at(identity::NOW);
    // Nobody here has the private key.
    VERIFIER.with(|verifier| assert!(verifier.read_status_list(LIST, data, &mut host).is_err()));
    let Some((first, rest)) = data.split_first_chunk::<8>() else { return };
    let index = u64::from_le_bytes(*first);
    if let Ok(list) = believed(rest) {
        look_into(&list, index);
    }
    let lst = URL_SAFE_NO_PAD.encode(rest);
    let bits = [1, 2, 4, 8][usize::from(first[0] % 4)];
    let (sub, iat) = (LIST.1, identity::NOW);
    let claims = format!(r#"{{"sub":"{sub}","iat":{iat},"status_list":{{"bits":{bits},"lst":"{lst}"}}}}"#);
    match believed(claims.as_bytes()) {
        Ok(list) => look_into(&list, index),
        Err(error) => assert!(matches!(error, StatusListError::Compression | StatusListError::Inflated), "{error}"),
    }
});
