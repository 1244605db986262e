//! Requests of both bindings and both versions: what they ask, and what is refused.

use super::*;
use crate::a2a::A2aVersion;
use crate::a2a::open::testing;
use crate::header_map::HeaderBuffer;
use crate::json::JsonFault;
use crate::rpc::RpcError;
use A2aError as E;

const JSON: (&str, &str) = ("content-type", "application/json");
const ONE: (&str, &str) = ("a2a-version", "1.0");

fn read_as(
    change: impl FnOnce(&mut A2aRoute),
    line: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<String, A2aError> {
    let mut route = testing::route();
    change(&mut route);
    let mut reader = OperationReader::open(route).unwrap();
    let (method, target) = line.split_once(' ').unwrap();
    let headers = HeaderBuffer::from_pairs(headers.iter().copied());
    let read = reader.read(method, target, headers.as_map(), body.as_bytes())?;
    let members = read.into_iter().map(|(member, text)| {
        let name = serde_json::to_value(member).unwrap();
        format!("{}={text}", name.as_str().unwrap())
    });
    Ok(members.collect::<Vec<_>>().join(" "))
}

fn read(line: &str, headers: &[(&str, &str)], body: &str) -> Result<String, A2aError> {
    read_as(|_| (), line, headers, body)
}

/// A call by JSON-RPC, with the header of its version.
fn rpc(method: &str, params: &str) -> Result<String, A2aError> {
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
    let headers = if method.contains('/') { vec![JSON] } else { vec![JSON, ONE] };
    read("POST /planner", &headers, &body)
}

fn rest(line: &str, body: &str) -> Result<String, A2aError> {
    let headers = if line.contains("/v1/") { vec![JSON] } else { vec![JSON, ONE] };
    read(line, &headers, body)
}

#[test]
fn both_versions_ask_the_same() {
    let params = r#"{"message":{"messageId":"m","contextId":"c","taskId":"t","role":"ROLE_USER","parts":[]}}"#;
    let expected =
        |version: &str| format!("operation=SendMessage version={version} task=t context=c message_id=m role=user");
    assert_eq!(rpc("SendMessage", params), Ok(expected("1.0")));
    assert_eq!(rpc("message/send", &params.replace("ROLE_USER", "user")), Ok(expected("0.3")));
    assert_eq!(rest("POST /planner/message:send", params), Ok(expected("1.0")));
    let snake = r#"{"request":{"message_id":"m","context_id":"c","task_id":"t","role":"ROLE_USER","content":[]}}"#;
    assert_eq!(rest("POST /planner/v1/message:send", snake), Ok(expected("0.3")));

    let task = |operation: &str, version: &str| format!("operation={operation} version={version} task=t");
    assert_eq!(rpc("GetTask", r#"{"id":"t"}"#), Ok(task("GetTask", "1.0")));
    assert_eq!(rpc("tasks/get", r#"{"id":"t"}"#), Ok(task("GetTask", "0.3")));
    assert_eq!(read("GET /planner/tasks/t?historyLength=2", &[ONE], ""), Ok(task("GetTask", "1.0")));
    assert_eq!(read("GET /planner/v1/tasks/t", &[], ""), Ok(task("GetTask", "0.3")));
    assert_eq!(rest("POST /planner/tasks/t:cancel", ""), Ok(task("CancelTask", "1.0")));
    assert_eq!(rest("POST /planner/tasks/t:cancel", r#"{"id":"t"}"#), Ok(task("CancelTask", "1.0")));
    assert_eq!(rest("POST /planner/v1/tasks/t:cancel", r#"{"name":"tasks/t"}"#), Ok(task("CancelTask", "0.3")));
    assert_eq!(rest("POST /planner/tasks/t:subscribe", "{}"), Ok(task("SubscribeToTask", "1.0")));

    let config =
        |version: &str| format!("operation=GetTaskPushNotificationConfig version={version} task=t push_config=c");
    assert_eq!(rpc("GetTaskPushNotificationConfig", r#"{"taskId":"t","id":"c"}"#), Ok(config("1.0")));
    assert_eq!(
        rpc("tasks/pushNotificationConfig/get", r#"{"id":"t","pushNotificationConfigId":"c"}"#),
        Ok(config("0.3"))
    );
    assert_eq!(read("GET /planner/tasks/t/pushNotificationConfigs/c", &[ONE], ""), Ok(config("1.0")));
    assert_eq!(rpc("ListTasks", r#"{"contextId":"c"}"#), Ok("operation=ListTasks version=1.0 context=c".to_owned()));
    let listed = read("GET /planner/tasks?contextId=c&pageSize=3", &[ONE], "");
    assert_eq!(listed, Ok("operation=ListTasks version=1.0 context=c".to_owned()));
    assert_eq!(
        read("GET /planner/extendedAgentCard", &[ONE], ""),
        Ok("operation=GetExtendedAgentCard version=1.0".to_owned())
    );
    let none = r#"{"jsonrpc":"2.0","id":"x","method":"GetExtendedAgentCard"}"#;
    assert!(read("POST /planner", &[JSON, ONE], none).is_ok(), "it has no parameters");
}

#[test]
fn lists_and_metadata_are_read() {
    let params = r#"{"message":{"extensions":["x:1"],"referenceTaskIds":["a","b"],"metadata":{"skill":"plan"}},
        "metadata":{"skill":"plan","other":1},"configuration":{"acceptedOutputModes":["text/plain"],"historyLength":3}}"#;
    let asked = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{params}}}"#);
    let headers = [JSON, ONE, ("a2a-extensions", "x:2, x:3")];
    let expected = "operation=SendMessage version=1.0 skill=plan extensions=x:1 extensions=x:2 extensions=x:3 \
                    references=a references=b output_modes=text/plain";
    assert_eq!(read("POST /planner", &headers, &asked).as_deref(), Ok(expected));
    for (params, error) in [
        (params.replacen("plan", "other", 1), E::SkillMismatch),
        (params.replacen("\"skill\"", "\"Skill\"", 1), RpcError::LookAlike.into()),
        (params.replacen("\"plan\"", "7", 1), E::MemberType),
        (params.replace("[\"x:1\"]", "\"x:1\""), E::MemberType),
        (params.replace("[\"x:1\"]", "[1]"), E::MemberType),
        (params.replace("[\"x:1\"]", "[\"\"]"), E::MemberType),
        (params.replace("[\"text/plain\"]", "{}"), E::MemberType),
        (params.replace("acceptedOutputModes", "accepted_outputModes"), RpcError::LookAlike.into()),
        (params.replace("\"metadata\":{\"skill\":\"plan\",", "\"metadata\":[],\"x\":{"), E::MemberType),
    ] {
        assert_eq!(rpc("SendMessage", &params), Err(error), "{params}");
    }
    assert_eq!(
        read_as(|route| route.skill = None, "POST /planner", &headers, &asked).map(|read| read.contains("plan")),
        Ok(false)
    );
}

#[test]
fn the_version_is_that_of_the_form() {
    let get = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"id":"t"}}}}"#);
    let with = |version: &'static str| [JSON, ("a2a-version", version)];
    assert!(read("POST /planner", &with("1.0.1"), &get("GetTask")).is_ok());
    assert!(read("POST /planner", &with("0.3"), &get("tasks/get")).is_ok());
    assert!(read("POST /planner?A2A-Version=1.0", &[JSON], &get("GetTask")).is_ok());
    for (headers, method, error) in [
        (&with("0.3")[..], "GetTask", E::VersionMismatch),
        (&with("1.0"), "tasks/get", E::VersionMismatch),
        (&with("1.1"), "GetTask", E::VersionUnsupported),
        (&with(""), "GetTask", E::VersionMismatch),
        (&[JSON], "GetTask", E::VersionMissing),
        (&[JSON, ONE, ONE], "GetTask", E::VersionMalformed),
    ] {
        assert_eq!(read("POST /planner", headers, &get(method)), Err(error), "{method} {headers:?}");
    }
    assert_eq!(read("GET /planner/tasks/t", &[], ""), Err(E::VersionMissing));
    assert_eq!(read("GET /planner/v1/tasks/t", &[ONE], ""), Err(E::VersionMismatch));
    assert_eq!(read("GET /planner/tasks/t?A2A-Version=0.3", &[], ""), Err(E::VersionMismatch));
    let only = |versions: &[A2aVersion], line: &str, headers: &[(&str, &str)]| {
        read_as(|route| route.versions = versions.to_vec(), line, headers, "")
    };
    assert_eq!(only(&[A2aVersion::V0_3], "GET /planner/tasks/t", &[ONE]), Err(E::VersionUnsupported));
    assert_eq!(only(&[A2aVersion::V1_0], "GET /planner/v1/tasks/t", &[]), Err(E::VersionUnsupported));
}

#[test]
fn what_is_no_message_is_refused() {
    for (body, error) in [
        ("", E::Rpc(RpcError::Json(JsonFault::Empty))),
        ("[]", E::Batch),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"t"}}]"#, E::Batch),
        ("\"x\"", E::Rpc(RpcError::NotAnObject)),
        (r#"{"jsonrpc":"2.0","method":"GetTask","params":{"id":"t"}}"#, E::Rpc(RpcError::IdMissing)),
        (r#"{"jsonrpc":"2.0","id":null,"method":"GetTask","params":{"id":"t"}}"#, E::Rpc(RpcError::Id)),
        (r#"{"jsonrpc":"1.0","id":1,"method":"GetTask"}"#, E::Rpc(RpcError::Version)),
        (r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, E::Rpc(RpcError::Member)),
        (r#"{"jsonrpc":"2.0","id":1,"Method":"GetTask","method":"ListTasks"}"#, E::Rpc(RpcError::LookAlike)),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","method":"GetTask"}"#,
            E::Rpc(RpcError::Json(JsonFault::DuplicateMember)),
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","params":[]}"#, E::Rpc(RpcError::Params)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","x":1}"#, E::Rpc(RpcError::Member)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetAgentCard"}"#, E::OperationUnknown),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tasks/list"}"#, E::OperationUnknown),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#, E::OperationUnknown),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask"}"#, E::MemberMissing),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":""}}"#, E::MemberMissing),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":7}}"#, E::MemberType),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"Id":"t"}}"#, E::Rpc(RpcError::LookAlike)),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"t","taskId":"u"}}"#, E::TaskMismatch),
        (r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{}}"#, E::MemberMissing),
        (r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":[]}}"#, E::MemberType),
        (r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"request":{}}}"#, E::MemberMissing),
        (r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"role":1}}}"#, E::MemberType),
        (r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"role":"USER"}}}"#, E::MemberType),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"taskId":"a","task_id":"b"}}}"#,
            E::Rpc(RpcError::LookAlike),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"taskid":"a"}}}"#,
            E::Rpc(RpcError::LookAlike),
        ),
    ] {
        assert_eq!(read("POST /planner", &[JSON, ONE], body), Err(error), "{body}");
    }
    let send = r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks"}"#;
    for (headers, error) in [
        (&[ONE][..], E::ContentType),
        (&[ONE, ("content-type", "application/a2a+json")], E::ContentType),
        (&[ONE, ("content-type", "application/grpc")], E::ContentType),
        (&[ONE, JSON, JSON], E::ContentType),
        (&[ONE, JSON, ("content-encoding", "gzip")], E::ContentEncoding),
        (&[ONE, JSON, ("upgrade", "websocket")], E::Upgrade),
        (&[ONE, JSON, ("content-length", "2001")], E::BodyTooLarge),
        (&[ONE, JSON, ("origin", "https://evil.example")], E::Origin),
    ] {
        assert_eq!(read("POST /planner", headers, send), Err(error), "{headers:?}");
    }
    assert_eq!(read("GET /planner/tasks", &[ONE, ("origin", "null")], ""), Err(E::Origin));
    assert!(
        read("POST /planner/message:send", &[ONE, ("content-type", "application/a2a+json")], r#"{"message":{}}"#)
            .is_ok()
    );
}

#[test]
fn a_body_repeats_its_path_or_is_refused() {
    for (line, body, error) in [
        ("POST /planner/tasks/t:cancel", r#"{"id":"u"}"#, E::TaskMismatch),
        ("POST /planner/tasks/t:cancel", r#"{"taskId":"u"}"#, E::TaskMismatch),
        ("POST /planner/tasks/t:cancel", r#"{"ID":"t"}"#, RpcError::LookAlike.into()),
        ("POST /planner/tasks/t:cancel", "[]", RpcError::NotAnObject.into()),
        ("POST /planner/tasks/t:cancel", r#"{"tenant":"acme"}"#, E::TenantMismatch),
        ("POST /planner/acme/tasks/t:cancel", r#"{"tenant":"other"}"#, E::TenantMismatch),
        ("POST /planner/v1/tasks/t:cancel", r#"{"name":"tasks/u"}"#, E::TaskMismatch),
        ("POST /planner/v1/tasks/t:cancel", r#"{"name":"tasks/tt"}"#, E::TaskMismatch),
        (
            "POST /planner/tasks/t/pushNotificationConfigs",
            r#"{"taskId":"u","url":"https://a.example/"}"#,
            E::TaskMismatch,
        ),
        (
            "POST /planner/tasks/t/pushNotificationConfigs",
            r#"{"x":{"task_id":"u"},"url":"https://a.example/"}"#,
            E::TaskMismatch,
        ),
        (
            "POST /planner/v1/tasks/t/pushNotificationConfigs",
            r#"{"parent":"tasks/u","config":{"push_notification_config":{"url":"https://a.example/"}}}"#,
            E::TaskMismatch,
        ),
        (
            "POST /planner/v1/tasks/t/pushNotificationConfigs",
            r#"{"config":{"name":"tasks/u/pushNotificationConfigs/c","push_notification_config":{"url":"https://a.example/"}}}"#,
            E::TaskMismatch,
        ),
        ("POST /planner/message:send", "", E::MemberMissing),
        ("POST /planner/message:send", r#"{"request":{}}"#, E::MemberMissing),
        ("POST /planner/v1/message:send", r#"{"request":{},"message":{}}"#, RpcError::LookAlike.into()),
        ("POST /planner/message:send", r#"{"message":{},"tenant":"acme"}"#, E::TenantMismatch),
        ("POST /planner/message:send?tenant=acme", r#"{"message":{}}"#, E::TenantMismatch),
        ("POST /planner/message:send?contextId=c", r#"{"message":{}}"#, E::Query),
        ("GET /planner/tasks/t?id=u", "", E::Query),
        ("GET /planner/tasks/t?contextId=u", "", E::Query),
        ("GET /planner/tasks/%74", "", E::Path),
        ("GET /planner/tasks/t%3Acancel", "", E::Path),
        ("GET /%70lanner/tasks/t", "", E::Path),
    ] {
        assert_eq!(rest(line, body), Err(error), "{line} {body}");
    }
    let named =
        "operation=CreateTaskPushNotificationConfig version=0.3 task=t push_url=https://a.example/ push_host=a.example";
    let body = r#"{"parent":"tasks/t","config_id":"c","config":{"name":"tasks/t/pushNotificationConfigs/c",
        "push_notification_config":{"url":"https://a.example/","authentication":{"schemes":["x"]}}}}"#;
    assert_eq!(rest("POST /planner/v1/tasks/t/pushNotificationConfigs", body).as_deref(), Ok(named));
}

#[test]
fn tenants_are_where_the_route_has_them() {
    let tenant = "operation=ListTasks version=1.0 tenant=acme".to_owned();
    assert_eq!(rpc("ListTasks", r#"{"tenant":"acme"}"#), Ok(tenant.clone()));
    assert_eq!(read("GET /planner/acme/tasks", &[ONE], ""), Ok(tenant.clone()));
    assert_eq!(read("GET /planner/acme/tasks?tenant=acme", &[ONE], ""), Ok(tenant));
    assert_eq!(read("GET /planner/acme/tasks?tenant=other", &[ONE], ""), Err(E::TenantMismatch));
    assert_eq!(read("GET /planner/tasks?tenant=acme", &[ONE], ""), Err(E::TenantMismatch));
    for name in ["a/b", "tasks", "v1", "..", "a b", "é", "a:b"] {
        assert_eq!(rpc("ListTasks", &format!(r#"{{"tenant":"{name}"}}"#)), Err(E::TenantMalformed), "{name}");
    }
    let with = |mode, line: &str, body: &str| read_as(|route| route.tenant = mode, line, &[JSON, ONE], body);
    let list = r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks","params":{"tenant":"acme"}}"#;
    let none = r#"{"jsonrpc":"2.0","id":1,"method":"ListTasks"}"#;
    use crate::section::TenantMode::{Refuse, Required};
    assert_eq!(with(Refuse, "POST /planner", list), Err(E::TenantUnexpected));
    assert_eq!(with(Refuse, "GET /planner/acme/tasks", ""), Err(E::OperationUnknown));
    assert_eq!(with(Required, "POST /planner", none), Err(E::TenantMissing));
    assert_eq!(with(Required, "GET /planner/tasks", ""), Err(E::TenantMissing));
    assert!(with(Required, "POST /planner", list).is_ok());
}

#[test]
fn push_urls_are_found_wherever_they_are() {
    let created = |operation: &str, version: &str, config: &str| {
        format!(
            "operation={operation} version={version} task=t {config}push_url=https://a.example/x push_host=a.example"
        )
    };
    let one = "CreateTaskPushNotificationConfig";
    assert_eq!(
        rpc(one, r#"{"taskId":"t","id":"c","url":"https://a.example/x","token":"s"}"#),
        Ok(created(one, "1.0", "push_config=c "))
    );
    let nested = r#"{"taskId":"t","pushNotificationConfig":{"id":"c","url":"https://a.example/x"}}"#;
    assert_eq!(rpc("tasks/pushNotificationConfig/set", nested), Ok(created(one, "0.3", "push_config=c ")));
    for config in ["taskPushNotificationConfig", "pushNotificationConfig", "push_notification", "x"] {
        let send = |url: &str| {
            rpc(
                "SendMessage",
                &format!(r#"{{"message":{{"taskId":"t"}},"configuration":{{"{config}":{{"url":"{url}"}}}}}}"#),
            )
        };
        assert_eq!(send("https://a.example/x"), Ok(created("SendMessage", "1.0", "")), "{config}");
        for (url, error) in [
            ("http://a.example/x", E::PushScheme),
            ("https://127.0.0.1/", E::PushAddress),
            ("https://2130706433/", E::PushAddress),
            ("https://[::ffff:10.0.0.1]/", E::PushAddress),
            ("https://169.254.169.254/", E::PushAddress),
            ("https://localhost/", E::PushHost),
            ("https://a.example:22/", E::PushPort),
            ("https://a.example@127.0.0.1/", E::PushUserinfo),
            ("https://a.example\\\\@127.0.0.1/", E::PushUrl),
            ("https://a.ex\\u0061mple#@b/", E::PushUrl),
            ("a.example", E::PushUrl),
        ] {
            assert_eq!(send(url), Err(error), "{config} {url}");
        }
    }
    for (params, error) in [
        (r#"{"taskId":"t"}"#, E::PushCount),
        (r#"{"taskId":"t","url":null}"#, E::PushCount),
        (r#"{"taskId":"t","url":""}"#, E::PushCount),
        (r#"{"taskId":"t","url":"https://a.example/","x":{"url":"https://127.0.0.1/"}}"#, E::PushCount),
        (r#"{"taskId":"t","URL":"https://127.0.0.1/"}"#, RpcError::LookAlike.into()),
        (r#"{"taskId":"t","url":7}"#, E::MemberType),
        (r#"{"taskId":"t","url":"https://a.example/","tenant":"acme","x":{"tenant":"other"}}"#, E::TenantMismatch),
        (r#"{"url":"https://a.example/"}"#, E::MemberMissing),
    ] {
        assert_eq!(rpc(one, params), Err(error), "{params}");
    }
    let other =
        r#"{"message":{},"configuration":{"taskPushNotificationConfig":{"taskId":"t","url":"https://a.example/"}}}"#;
    assert_eq!(rpc("SendMessage", other), Err(E::TaskMismatch), "a task that is not the message's");
}

#[test]
fn the_card_is_below_the_endpoint_or_where_the_route_says() {
    let card = |path: Option<&str>, line: &str| {
        let path = path.map(str::to_owned);
        read_as(|route| route.card.path = path, line, &[], "")
    };
    // The route of the tests has no action for it.
    assert_eq!(card(None, "GET /planner/.well-known/agent-card.json"), Err(E::OperationUndeclared));
    assert_eq!(
        card(Some("/.well-known/agent-card.json"), "GET /.well-known/agent-card.json"),
        Err(E::OperationUndeclared)
    );
    assert_eq!(
        card(Some("/.well-known/agent-card.json"), "GET /planner/.well-known/agent-card.json"),
        Err(E::OperationUnknown)
    );
    assert_eq!(card(None, "GET /planner/.well-known/agent-card.json/x"), Err(E::TenantMalformed));
    let root = |line: &str| read_as(|route| route.path = "/".to_owned(), line, &[ONE], "");
    assert!(root("GET /tasks/t").is_ok());
    assert_eq!(root("POST /"), Err(E::ContentType), "the endpoint itself");
    assert_eq!(root("GET /.well-known/agent-card.json"), Err(E::OperationUndeclared));
}
