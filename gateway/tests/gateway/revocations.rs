//! What is revoked does not pass, whatever it is named by; and nobody else is kept out.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use palisade_gateway::revocation::{Entry, EntryKind, ListFile, ListHead, OnExpiry, PAYLOAD_TYPE, Reason};
use palisade_gateway::{Gateway, NativeHost};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::keys;
use crate::world::{
    Answer, Ask, NOW, Parts, Signer, begin, configuration, envelope, finish, send, send_at, send_body, send_over,
};

/// An entry from its members.
fn entry(json: Value) -> Entry<'static> {
    let text = json.to_string();
    serde_json::from_str::<Entry<'_>>(&text).unwrap_or_else(|error| panic!("{text}: {error}")).into_owned()
}

fn list(entries: Vec<Entry<'static>>) -> ListFile {
    let head = ListHead {
        channel: "test".to_owned(),
        serial: 12,
        issued: NOW - 60,
        expires: NOW + 600,
        on_expiry: OnExpiry::Keep,
        base: None,
    };
    ListFile { head, entries }
}

fn configure_with(list: &ListFile, signers: &[&Signer], required: bool) -> Result<Gateway, &'static str> {
    let document = envelope(PAYLOAD_TYPE, &list.encode().unwrap(), signers);
    configure_document(&document, required)
}

fn configure_document(document: &[u8], required: bool) -> Result<Gateway, &'static str> {
    let key = Signer::ed25519(1);
    let inline = STANDARD.encode(document);
    let rest = format!(r#","channel":"test","revocations":{{"required":{required},"inline":"{inline}"}}"#);
    let configuration = configuration(&Parts::new().sign(&[&key]), &[&key], 1, &rest);
    Gateway::configure(&configuration, &mut NativeHost::at(NOW)).map_err(|error| error.code())
}

/// A gateway with these entries in force.
fn gateway(entries: &[Value]) -> Gateway {
    let list = list(entries.iter().cloned().map(entry).collect());
    configure_with(&list, &[&Signer::ed25519(1)], false).unwrap()
}

const CLAIMS: &str = r#"{"iss":"https://issuer","aud":"https://gateway","sub":"fixer","iat":1799999990,"exp":1800000300,
    "jti":"j1","sid":"s1","client_id":"c1","azp":"z1","txn":"t1"}"#;

fn bearer(claims: &str) -> Ask {
    let token = keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, claims);
    Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"))
}

/// Asks twice, so that the second is from the cache.
fn twice(gateway: &mut Gateway, ask: &Ask) -> Answer {
    let first = send(gateway, ask);
    let second = send(gateway, ask);
    assert_eq!(
        (first.reason, first.status, &first.headers.len()),
        (second.reason, second.status, &second.headers.len())
    );
    assert!(second.cached);
    second
}

#[test]
fn each_kind_of_entry_stops_whom_it_names() {
    for (reason, revoked) in [
        ("revoked.token", json!({"kind": "token", "issuer": "dev", "id": "j1"})),
        ("revoked.token", json!({"kind": "token", "issuer": "https://issuer", "id": "j1"})),
        ("revoked.subject", json!({"kind": "subject", "issuer": "dev", "id": "fixer"})),
        ("revoked.subject", json!({"kind": "subject", "issuer": "https://issuer", "id": "fixer"})),
        ("revoked.client", json!({"kind": "client", "issuer": "dev", "id": "c1"})),
        ("revoked.client", json!({"kind": "client", "issuer": "https://issuer", "id": "z1"})),
        ("revoked.session", json!({"kind": "session", "issuer": "dev", "id": "s1"})),
        ("revoked.key", json!({"kind": "key", "issuer": "dev", "id": "es"})),
        ("revoked.transaction", json!({"kind": "transaction", "id": "t1"})),
        ("revoked.issuer", json!({"kind": "issuer", "issuer": "dev"})),
        ("revoked.issuer", json!({"kind": "issuer", "issuer": "https://issuer"})),
        ("revoked.type", json!({"kind": "type", "id": "Agent"})),
    ] {
        let answer = twice(&mut gateway(std::slice::from_ref(&revoked)), &bearer(CLAIMS));
        assert_eq!((answer.reason, answer.status), (reason, 401), "{revoked}");
        let body: Value = serde_json::from_str(answer.body.as_deref().unwrap()).unwrap();
        assert_eq!(body["reason"], "invalid_token", "the client is told no more than of any other token");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Bearer error=\"invalid_token\""), "{challenge}");
        let recorded = json!({"kind": revoked["kind"], "reason": "unspecified", "serial": 12});
        assert_eq!(answer.record["revocation"], recorded);
        assert_eq!(answer.record["principal"], "Agent::\"dev/fixer\"");
        assert_eq!(answer.record["token"]["verified"], true);
        assert_eq!(answer.record["effect"], "deny");
    }
}

/// The thumbprint of a key (RFC 7638 §3.2, RFC 8037 §2).
fn thumbprint(key: &keys::TestKey) -> String {
    let jwk: Value = serde_json::from_str(&key.jwk("any")).unwrap();
    let members: serde_json::Map<_, _> = ["crv", "kty", "x", "y"]
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), jwk.get(*name)?.clone())))
        .collect();
    URL_SAFE_NO_PAD.encode(Sha256::digest(Value::Object(members).to_string()))
}

#[test]
fn a_key_is_named_by_its_thumbprint_whatever_its_id() {
    let ask = |key: &keys::TestKey, header: &str| {
        let token = key.token(header, CLAIMS);
        Ask::bare("GET", "/repos/site").header("authorization", format!("Bearer {token}"))
    };
    for (key, header) in [
        (keys::p256(1), r#"{"alg":"ES256","kid":"es"}"#),
        // The only one that fits, and so in no need of an id.
        (keys::ed25519(1), r#"{"alg":"EdDSA"}"#),
    ] {
        let (ask, own) = (ask(&key, header), thumbprint(&key));
        for issuer in ["dev", "https://issuer"] {
            let mut gateway = gateway(&[json!({"kind": "key", "issuer": issuer, "id": own})]);
            assert_eq!(twice(&mut gateway, &ask).reason, "revoked.key", "{issuer} {header}");
        }
        for unlike in [
            json!({"kind": "key", "issuer": "dev", "id": thumbprint(&keys::p256(2))}),
            json!({"kind": "key", "issuer": "as", "id": own}),
            json!({"kind": "key", "issuer": "dev", "id": own.to_lowercase()}),
            // That would be the key that a caller holds.
            json!({"kind": "thumbprint", "id": own}),
        ] {
            let answer = twice(&mut gateway(std::slice::from_ref(&unlike)), &ask);
            assert_eq!(answer.reason, "policy.allow", "{unlike} {header}");
        }
    }
}

#[test]
fn nobody_else_is_stopped() {
    let others = [
        json!({"kind": "token", "issuer": "dev", "id": "j2"}),
        json!({"kind": "token", "issuer": "users", "id": "j1"}),
        json!({"kind": "token", "issuer": "dev", "id": "fixer"}),
        json!({"kind": "subject", "issuer": "as", "id": "fixer"}),
        json!({"kind": "subject", "issuer": "dev", "id": "fixer2"}),
        json!({"kind": "subject", "issuer": "dev", "id": "Fixer"}),
        json!({"kind": "subject", "issuer": "dev", "id": "dev/fixer"}),
        json!({"kind": "subject", "issuer": "https://issuer/", "id": "fixer"}),
        json!({"kind": "actor", "issuer": "dev", "id": "fixer"}),
        json!({"kind": "session", "issuer": "dev", "id": "j1"}),
        json!({"kind": "client", "issuer": "dev", "id": "fixer"}),
        json!({"kind": "key", "issuer": "dev", "id": "es-2"}),
        json!({"kind": "key", "issuer": "as", "id": "es"}),
        json!({"kind": "thumbprint", "id": URL_SAFE_NO_PAD.encode([0; 32])}),
        json!({"kind": "spiffe", "id": "fixer"}),
        json!({"kind": "transaction", "id": "t2"}),
        json!({"kind": "task", "id": "t1"}),
        json!({"kind": "issuer", "issuer": "as"}),
        json!({"kind": "type", "id": "User"}),
        // Over by now.
        json!({"kind": "issuer", "issuer": "dev", "until": NOW}),
    ];
    let answer = twice(&mut gateway(&others), &bearer(CLAIMS));
    assert_eq!(answer.reason, "policy.allow");
    assert_eq!(answer.record.get("revocation"), None);
    let nothing = twice(&mut gateway(&[]), &bearer(CLAIMS));
    assert_eq!(nothing.reason, "policy.allow");
}

#[test]
fn an_entry_ends_when_it_says() {
    let mut gateway = gateway(&[json!({"kind": "token", "issuer": "dev", "id": "j1", "until": NOW + 10})]);
    for (at, reason) in [(0, "revoked.token"), (9, "revoked.token"), (10, "policy.allow"), (5, "revoked.token")] {
        assert_eq!(send_at(&mut gateway, &bearer(CLAIMS), NOW + at).reason, reason, "{at}");
    }
}

#[test]
fn issued_before_is_about_older_tokens() {
    let at = |iat: Value| {
        let mut claims: Value = serde_json::from_str(CLAIMS).unwrap();
        claims["iat"] = iat;
        bearer(&claims.to_string())
    };
    let begin = NOW - 10;
    for revoked in [
        json!({"kind": "subject", "issuer": "dev", "id": "fixer", "issued_before": begin}),
        json!({"kind": "issuer", "issuer": "dev", "issued_before": begin}),
        json!({"kind": "session", "issuer": "dev", "id": "s1", "issued_before": begin}),
        json!({"kind": "type", "id": "Agent", "issued_before": begin}),
    ] {
        let mut gateway = gateway(std::slice::from_ref(&revoked));
        let reason = format!("revoked.{}", revoked["kind"].as_str().unwrap());
        for iat in [json!(begin - 1), json!(begin), json!(begin as f64)] {
            assert_eq!(twice(&mut gateway, &at(iat.clone())).reason, reason, "{revoked} {iat}");
        }
        for iat in [json!(begin + 1), json!(begin as f64 + 0.5), json!(NOW)] {
            assert_eq!(twice(&mut gateway, &at(iat.clone())).reason, "policy.allow", "{revoked} {iat}");
        }
        // A token that does not say when it was issued may be older than any other.
        let mut claims: Value = serde_json::from_str(CLAIMS).unwrap();
        claims.as_object_mut().unwrap().remove("iat");
        claims["nbf"] = json!(NOW);
        assert_eq!(twice(&mut gateway, &bearer(&claims.to_string())).reason, reason, "{revoked} without iat");
    }
}

#[test]
fn actors_are_stopped_wherever_they_stand() {
    let ask = |act: Value| {
        let claims = json!({"iss": "https://users", "aud": "https://gateway", "sub": "ann", "iat": NOW, "exp": NOW + 300, "act": act});
        let token = keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims.to_string());
        Ask::bare("GET", "/relay/every").header("authorization", format!("Bearer {token}"))
    };
    let chain = json!({"sub": "bot", "act": {"iss": "https://issuer", "sub": "helper"}});
    for (reason, revoked) in [
        ("revoked.actor", json!({"kind": "actor", "issuer": "users", "id": "bot"})),
        ("revoked.actor", json!({"kind": "actor", "issuer": "https://users", "id": "bot"})),
        ("revoked.actor", json!({"kind": "actor", "issuer": "dev", "id": "helper"})),
        ("revoked.actor", json!({"kind": "actor", "issuer": "https://issuer", "id": "helper"})),
        ("revoked.subject", json!({"kind": "subject", "issuer": "dev", "id": "helper"})),
        ("revoked.subject", json!({"kind": "subject", "issuer": "users", "id": "bot"})),
        ("revoked.subject", json!({"kind": "subject", "issuer": "users", "id": "ann"})),
        ("revoked.issuer", json!({"kind": "issuer", "issuer": "dev"})),
        ("revoked.type", json!({"kind": "type", "id": "Agent"})),
        ("revoked.type", json!({"kind": "type", "id": "User"})),
        ("policy.allow", json!({"kind": "actor", "issuer": "users", "id": "ann"})),
        ("policy.allow", json!({"kind": "actor", "issuer": "users", "id": "helper"})),
        ("policy.allow", json!({"kind": "actor", "issuer": "dev", "id": "bot"})),
        ("policy.allow", json!({"kind": "subject", "issuer": "dev", "id": "ann"})),
    ] {
        assert_eq!(
            twice(&mut gateway(std::slice::from_ref(&revoked)), &ask(chain.clone())).reason,
            reason,
            "{revoked}"
        );
    }
    // Who acts for nobody is no actor.
    let own = json!({"kind": "actor", "issuer": "dev", "id": "fixer"});
    assert_eq!(twice(&mut gateway(&[own]), &bearer(CLAIMS)).reason, "policy.allow");
}

#[test]
fn workloads_are_stopped_by_token_and_by_certificate() {
    let (_, id, thumbprint) = crate::workload::good(0);
    let cases = [
        ("revoked.spiffe", json!({"kind": "spiffe", "id": id})),
        ("revoked.thumbprint", json!({"kind": "thumbprint", "id": thumbprint})),
        ("revoked.subject", json!({"kind": "subject", "issuer": "wit", "id": id})),
        ("revoked.issuer", json!({"kind": "issuer", "issuer": "https://wit.example.org"})),
        ("policy.allow", json!({"kind": "spiffe", "id": format!("{id}/x")})),
    ];
    for (number, (reason, revoked)) in cases.into_iter().enumerate() {
        // Each proof is used once.
        let (ask, ..) = crate::workload::good(1000 + number);
        let answer = send(&mut gateway(std::slice::from_ref(&revoked)), &ask);
        assert_eq!(answer.reason, reason, "{revoked}");
        assert_eq!(answer.status, if reason == "policy.allow" { 200 } else { 400 }, "{revoked}");
        // No authentication scheme is about these headers.
        assert_eq!(answer.header("www-authenticate"), None);
    }

    let (der, id, begins) = crate::certificates::good();
    let digest = URL_SAFE_NO_PAD.encode(Sha256::digest(&der));
    let bare = Ask::bare("GET", "/mesh");
    for (reason, revoked) in [
        ("revoked.spiffe", json!({"kind": "spiffe", "id": id})),
        ("revoked.spiffe", json!({"kind": "spiffe", "id": id, "issued_before": begins})),
        ("revoked.thumbprint", json!({"kind": "thumbprint", "id": digest})),
        ("revoked.subject", json!({"kind": "subject", "issuer": "td", "id": id})),
        ("revoked.issuer", json!({"kind": "issuer", "issuer": "td"})),
        ("policy.allow", json!({"kind": "spiffe", "id": id, "issued_before": begins - 1})),
        ("policy.allow", json!({"kind": "spiffe", "id": "spiffe://example.org"})),
    ] {
        let mut gateway = gateway(std::slice::from_ref(&revoked));
        for _ in 0..2 {
            let answer = send_over(&mut gateway, &bare, &der, NOW);
            assert_eq!(answer.reason, reason, "{revoked}");
            assert_eq!(answer.status, if reason == "policy.allow" { 200 } else { 401 }, "{revoked}");
        }
    }
}

#[test]
fn a_bound_tokens_key_is_named_by_its_thumbprint() {
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(b"a certificate"));
    let mut claims: Value = serde_json::from_str(CLAIMS).unwrap();
    claims["cnf"] = json!({"x5t#S256": thumbprint});
    let ask = bearer(&claims.to_string());
    let mut gateway = gateway(&[json!({"kind": "thumbprint", "id": thumbprint})]);
    let digest: [u8; 32] = Sha256::digest(b"a certificate").into();
    let answer = crate::world::send_with_certificate(&mut gateway, &ask, digest);
    assert_eq!(answer.reason, "revoked.thumbprint");
    // Who does not hold the credential is not told that it is revoked.
    assert_eq!(send(&mut gateway, &ask).reason, "proof.certificate_missing");
}

#[test]
fn a_transaction_ends_for_everybody() {
    let mut gateway = gateway(&[json!({"kind": "transaction", "id": "t-1", "reason": "policy_violation"})]);
    for path in ["/txn/optional", "/txn/required"] {
        let ask = Ask::new("GET", path).header("txn-token", crate::transactions::good());
        let answer = twice(&mut gateway, &ask);
        assert_eq!((answer.reason, answer.status), ("transaction.revoked", 400), "{path}");
        assert_eq!(
            answer.record["revocation"],
            json!({"kind": "transaction", "reason": "policy_violation", "serial": 12})
        );
        assert_eq!(answer.record["transaction"], "t-1");
    }
    assert_eq!(send(&mut gateway, &Ask::new("GET", "/repos/site")).reason, "policy.allow");
}

#[test]
fn a_task_ends_for_everybody() {
    let mut gateway = gateway(&[json!({"kind": "task", "id": "t-7", "reason": "policy_violation"})]);
    let mut answer = |method: &str, params: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let ask = Ask::new("POST", "/planner").header("content-type", "application/json").header("a2a-version", "1.0");
        send_body(&mut gateway, &ask, body.as_bytes())
    };
    let revoked = answer("GetTask", json!({"id": "t-7"}));
    assert_eq!((revoked.reason, revoked.status), ("revoked.task", 403));
    assert_eq!(revoked.record["revocation"], json!({"kind": "task", "reason": "policy_violation", "serial": 12}));
    assert_eq!(revoked.record["a2a"]["task"], "t-7");
    let message = json!({"messageId": "m", "role": "ROLE_USER", "taskId": "t-7", "parts": [{"text": "go on"}]});
    assert_eq!(answer("SendMessage", json!({"message": message})).reason, "revoked.task");
    // Others are left to policy, which knows nothing of them here.
    assert_eq!(answer("GetTask", json!({"id": "t-8"})).reason, "policy.deny");
    assert_eq!(answer("ListTasks", json!({})).reason, "policy.deny");
}

#[test]
fn a_list_is_signed_by_who_is_trusted_for_it() {
    let entries = || list(vec![Entry::new(EntryKind::Issuer, Some("dev".to_owned()), None)]);
    let (ours, stranger) = (Signer::ed25519(1), Signer::ed25519(9));
    assert!(configure_with(&entries(), &[&ours], true).is_ok());
    assert!(configure_with(&entries(), &[&stranger, &ours], true).is_ok());
    assert_eq!(configure_with(&entries(), &[], false).err(), Some("signed.threshold"));
    assert_eq!(configure_with(&entries(), &[&stranger], false).err(), Some("signed.threshold"));
    let payload = entries().encode().unwrap();
    let other_type = envelope("application/vnd.palisade.freshness.v1+json", &payload, &[&ours]);
    assert_eq!(configure_document(&other_type, false).err(), Some("signed.payload_type"));
    let text = String::from_utf8(payload.clone()).unwrap();
    for (changed, code) in [
        (text.replace("\"test\"", "\"prod\""), "revocations.channel"),
        (text.replace("\"issuer\":\"dev\"", "\"issuer\":\"\""), "revocations.entry"),
        (text.replace("[{", "[ {"), "revocations.malformed"),
        (text.replace("]}", "]"), "revocations.malformed"),
        (
            text.replace("\"entries\"", "\"base\":{\"serial\":1,\"digest\":\"DIGEST\"},\"entries\"")
                .replace("DIGEST", &"0".repeat(64)),
            "revocations.base",
        ),
    ] {
        assert_ne!(changed, text);
        let document = envelope(PAYLOAD_TYPE, changed.as_bytes(), &[&ours]);
        assert_eq!(configure_document(&document, false).err(), Some(code), "{changed}");
    }
    // Every damaged byte of the document is found.
    let good = envelope(PAYLOAD_TYPE, &payload, &[&ours]);
    for at in (0..good.len()).step_by(19) {
        let mut damaged = good.clone();
        damaged[at] ^= 2;
        let revokes = |mut gateway: Gateway| send(&mut gateway, &bearer(CLAIMS)).reason == "revoked.issuer";
        assert!(configure_document(&damaged, false).map_or(true, revokes), "byte {at}");
    }
    let key = Signer::ed25519(1);
    for (rest, code) in [
        (r#","revocations":{"inline":"AAAA"}"#, "config.revocations_channel"),
        (r#","channel":"test","revocations":{"inline":"AAA"}"#, "config.revocations_encoding"),
        (r#","channel":"test","revocations":{"inline":"AAAA"}"#, "signed.syntax"),
        (r#","channel":"test","revocations":{}"#, "config.revocations_source"),
        (
            r#","channel":"test","revocations":{"remote":{"cluster":"a","authority":"b/c"}}"#,
            "config.revocations_remote",
        ),
        (r#","channel":"test","revocations":{"inline":"","require":true}"#, "config.syntax"),
    ] {
        let configuration = configuration(&Parts::new().sign(&[&key]), &[&key], 1, rest);
        let error = Gateway::configure(&configuration, &mut NativeHost::at(NOW)).unwrap_err();
        assert_eq!(error.code(), code, "{rest}");
    }
}

#[test]
fn an_expired_list_says_what_then() {
    let key = Signer::ed25519(1);
    let mut keep = list(vec![entry(json!({"kind": "subject", "issuer": "dev", "id": "fixer"}))]);
    keep.head.expires = NOW + 5;
    let mut deny = keep.clone();
    deny.head.on_expiry = OnExpiry::Deny;
    let other = Ask::new("GET", "/repos/site");
    let other = Ask { headers: vec![], ..other }.header("authorization", {
        let claims = CLAIMS.replace("\"fixer\"", "\"other\"");
        format!("Bearer {}", keys::p256(1).token(r#"{"alg":"ES256","kid":"es"}"#, &claims))
    });
    for (list, required, after) in
        [(&keep, false, "policy.allow"), (&keep, true, "revocations.expired"), (&deny, false, "revocations.expired")]
    {
        let mut gateway = configure_with(list, &[&key], required).unwrap();
        assert_eq!(send_at(&mut gateway, &other, NOW + 4).reason, "policy.allow");
        assert_eq!(send_at(&mut gateway, &bearer(CLAIMS), NOW + 4).reason, "revoked.subject");
        let answer = send_at(&mut gateway, &other, NOW + 5);
        assert_eq!(answer.reason, after, "required: {required}");
        assert_eq!(answer.status, if after == "policy.allow" { 200 } else { 503 });
        // What was revoked stays revoked in any case.
        assert_ne!(send_at(&mut gateway, &bearer(CLAIMS), NOW + 5).reason, "policy.allow");
    }
}

#[test]
fn a_list_that_expires_while_a_body_is_awaited_does_not_do() {
    let key = Signer::ed25519(1);
    let mut list = list(vec![]);
    list.head.expires = NOW + 5;
    list.head.on_expiry = OnExpiry::Deny;
    let mut gateway = configure_with(&list, &[&key], false).unwrap();
    let ask = Ask::new("POST", "/mcp/http403").header("content-type", "application/json");
    let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    for (seconds, reason) in [(4, "policy.allow"), (5, "revocations.expired")] {
        let admitted = begin(&mut gateway, &ask);
        assert_eq!(finish(&mut gateway, &ask, ping, admitted, NOW + seconds).reason, reason, "{seconds}");
    }
}

#[test]
fn reasons_are_recorded() {
    for reason in [Reason::KeyCompromise, Reason::SessionRevoked, Reason::RiskLevelChange] {
        let entry = Entry { reason, ..Entry::new(EntryKind::Type, None, Some("Agent".to_owned())) };
        let mut gateway = configure_with(&list(vec![entry]), &[&Signer::ed25519(1)], false).unwrap();
        assert_eq!(send(&mut gateway, &bearer(CLAIMS)).record["revocation"]["reason"], reason.as_str());
    }
}
