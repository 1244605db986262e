//! The REST binding: which operation a path below the endpoint is.

use super::error::A2aError;
use super::operation::{GET_AGENT_CARD, Operation};
use super::version::A2aVersion;
use crate::limits;

/// What a path says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RestCall<'a> {
    pub(super) operation: &'static str,
    /// `None` for the public card, which is of no version.
    pub(super) version: Option<A2aVersion>,
    pub(super) tenant: Option<&'a str>,
    pub(super) task: Option<&'a str>,
    pub(super) push_config: Option<&'a str>,
}

/// Where 0.3 has its paths.
const LEGACY: &str = "v1";
/// What stands in paths for itself. A tenant or a task of such a name could be taken for it.
const RESERVED: [&str; 8] =
    [LEGACY, "tasks", "message", "card", "extendedAgentCard", "pushNotificationConfigs", ".", ".."];

impl<'a> RestCall<'a> {
    fn new(operation: &'static str) -> Self {
        Self { operation, version: Some(A2aVersion::V1_0), tenant: None, task: None, push_config: None }
    }

    /// The public card.
    pub(super) fn card() -> Self {
        Self { version: None, ..Self::new(GET_AGENT_CARD) }
    }

    /// Reads what follows the endpoint's own path.
    pub(super) fn read(method: &str, segments: &[&'a str], has_tenants: bool) -> Result<Self, A2aError> {
        match segments {
            [".well-known", "agent-card.json"] if method == "GET" => return Ok(Self::card()),
            [LEGACY, "card"] if method == "GET" => {
                return Ok(Self { version: Some(A2aVersion::V0_3), ..Self::new("GetExtendedAgentCard") });
            }
            [LEGACY, rest @ ..] => {
                return Ok(Self { version: Some(A2aVersion::V0_3), ..Self::current(method, rest)? });
            }
            ["extendedAgentCard"] if method == "GET" => return Ok(Self::new("GetExtendedAgentCard")),
            _ => {}
        }
        match (Self::current(method, segments), segments) {
            (Err(A2aError::OperationUnknown), [tenant, rest @ ..]) if has_tenants => {
                let tenant = checked_tenant(tenant)?;
                let call = match rest {
                    ["extendedAgentCard"] if method == "GET" => Self::new("GetExtendedAgentCard"),
                    _ => Self::current(method, rest)?,
                };
                Ok(Self { tenant: Some(tenant), ..call })
            }
            (read, _) => read,
        }
    }

    /// Paths that both versions have.
    fn current(method: &str, segments: &[&'a str]) -> Result<Self, A2aError> {
        let (operation, task, push_config) = match (method, segments) {
            ("POST", ["message:send"]) => ("SendMessage", None, None),
            ("POST", ["message:stream"]) => ("SendStreamingMessage", None, None),
            ("GET", ["tasks"]) => ("ListTasks", None, None),
            (_, ["tasks", task]) => match (method, task.split_once(':')) {
                ("GET", None) => ("GetTask", Some(*task), None),
                ("POST", Some((task, "cancel"))) => ("CancelTask", Some(task), None),
                // The specification has POST in its table, and GET in its proto file.
                ("GET" | "POST", Some((task, "subscribe"))) => ("SubscribeToTask", Some(task), None),
                _ => return Err(A2aError::OperationUnknown),
            },
            ("POST", ["tasks", task, "pushNotificationConfigs"]) => {
                ("CreateTaskPushNotificationConfig", Some(*task), None)
            }
            ("GET", ["tasks", task, "pushNotificationConfigs"]) => {
                ("ListTaskPushNotificationConfigs", Some(*task), None)
            }
            ("GET", ["tasks", task, "pushNotificationConfigs", id]) => {
                ("GetTaskPushNotificationConfig", Some(*task), Some(*id))
            }
            ("DELETE", ["tasks", task, "pushNotificationConfigs", id]) => {
                ("DeleteTaskPushNotificationConfig", Some(*task), Some(*id))
            }
            _ => return Err(A2aError::OperationUnknown),
        };
        if task.into_iter().chain(push_config).any(|id| !is_plain(id)) {
            return Err(A2aError::Path);
        }
        Ok(Self { task, push_config, ..Self::new(operation) })
    }

    /// The row of the operation.
    pub(super) fn row(&self) -> Result<&'static Operation, A2aError> {
        Operation::named(self.operation).ok_or(A2aError::OperationUnknown)
    }
}

/// A tenant, in whatever place: a plain segment of a path.
pub(super) fn checked_tenant(tenant: &str) -> Result<&str, A2aError> {
    if tenant.len() <= limits::TENANT_BYTES && is_plain(tenant) { Ok(tenant) } else { Err(A2aError::TenantMalformed) }
}

/// Whether a segment of a path is of unreserved characters (RFC 3986 §2.3), and no word of the protocol.
fn is_plain(segment: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    !segment.is_empty()
        && segment.len() <= limits::SUBJECT_BYTES
        && segment.bytes().all(is_unreserved)
        && !segment.starts_with('.')
        && !RESERVED.contains(&segment)
}

#[cfg(test)]
mod tests {
    use super::*;
    use A2aError as E;

    fn read(line: &str, has_tenants: bool) -> Result<String, A2aError> {
        let (method, path) = line.split_once(" /").unwrap();
        let segments: Vec<&str> = path.split('/').collect();
        let call = RestCall::read(method, &segments, has_tenants)?;
        let version = call.version.map_or("-", A2aVersion::as_str);
        let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
        assert!(call.row().is_ok());
        Ok(format!("{} {version} {} {} {}", call.operation, or(call.tenant), or(call.task), or(call.push_config)))
    }

    #[test]
    fn paths_are_operations() {
        for (line, expected) in [
            ("POST /message:send", "SendMessage 1.0 - - -"),
            ("POST /message:stream", "SendStreamingMessage 1.0 - - -"),
            ("GET /tasks", "ListTasks 1.0 - - -"),
            ("GET /tasks/t-1", "GetTask 1.0 - t-1 -"),
            ("POST /tasks/t:cancel", "CancelTask 1.0 - t -"),
            ("POST /tasks/t:subscribe", "SubscribeToTask 1.0 - t -"),
            ("GET /tasks/t:subscribe", "SubscribeToTask 1.0 - t -"),
            ("POST /tasks/t/pushNotificationConfigs", "CreateTaskPushNotificationConfig 1.0 - t -"),
            ("GET /tasks/t/pushNotificationConfigs", "ListTaskPushNotificationConfigs 1.0 - t -"),
            ("GET /tasks/t/pushNotificationConfigs/c", "GetTaskPushNotificationConfig 1.0 - t c"),
            ("DELETE /tasks/t/pushNotificationConfigs/c", "DeleteTaskPushNotificationConfig 1.0 - t c"),
            ("GET /extendedAgentCard", "GetExtendedAgentCard 1.0 - - -"),
            ("GET /.well-known/agent-card.json", "GetAgentCard - - - -"),
            ("POST /v1/message:send", "SendMessage 0.3 - - -"),
            ("GET /v1/tasks/t", "GetTask 0.3 - t -"),
            ("POST /v1/tasks/t:cancel", "CancelTask 0.3 - t -"),
            ("GET /v1/card", "GetExtendedAgentCard 0.3 - - -"),
        ] {
            assert_eq!(read(line, false).as_deref(), Ok(expected), "{line}");
            assert_eq!(read(line, true).as_deref(), Ok(expected), "{line}");
        }
        for (line, expected) in [
            ("POST /acme/message:send", "SendMessage 1.0 acme - -"),
            ("GET /acme/tasks/t", "GetTask 1.0 acme t -"),
            ("GET /acme/tasks", "ListTasks 1.0 acme - -"),
            ("GET /a.b-c_d~e/extendedAgentCard", "GetExtendedAgentCard 1.0 a.b-c_d~e - -"),
        ] {
            assert_eq!(read(line, true).as_deref(), Ok(expected), "{line}");
            assert_eq!(read(line, false), Err(E::OperationUnknown), "{line}");
        }
    }

    #[test]
    fn other_paths_are_not() {
        for line in [
            "GET /message:send",
            "POST /message",
            "POST /message:Send",
            "POST /message:send/",
            "POST /",
            "PUT /tasks/t",
            "DELETE /tasks/t",
            "POST /tasks",
            "POST /tasks/t",
            "POST /tasks/t:drop",
            "GET /tasks/t:cancel",
            "GET /Tasks/t",
            "DELETE /tasks/t:cancel",
            "POST /tasks/t:cancel:cancel",
            "POST /tasks/t:cancel/",
            "GET /extendedagentcard",
            "POST /extendedAgentCard",
            "GET /v1/extendedAgentCard",
            "GET /card",
            "GET /v1",
            "POST /tasks/t/pushNotificationConfigs/c",
            "PUT /tasks/t/pushNotificationConfigs/c",
            "GET /tasks/t/pushnotificationconfigs",
            "DELETE /tasks/t/pushNotificationConfigs",
            "GET /tasks/t/pushNotificationConfigs/c/d",
            "GET /.well-known/agent.json",
            "POST /.well-known/agent-card.json",
            "GET /a2a.v1.A2AService/GetTask",
            "GET /v1/acme/tasks/t",
        ] {
            assert!(read(line, false).is_err(), "{line}");
            assert!(read(line, true).is_err(), "{line}");
        }
        for line in
            ["GET /acme/v1/tasks/t", "GET /acme/acme/tasks/t", "GET /acme/.well-known/agent-card.json", "GET /acme"]
        {
            assert!(read(line, true).is_err(), "{line}");
        }
    }

    #[test]
    fn ids_are_plain() {
        for id in ["tasks", "v1", "card", "a b", "a;b", "a%2fb", "é", "a+b", "a,b", ".", "..", ".a", ""] {
            assert_eq!(read(&format!("GET /tasks/{id}"), true), Err(E::Path), "{id}");
            assert!(id == "v1" || read(&format!("GET /{id}/tasks/t"), true).is_err(), "{id}");
            assert!(read(&format!("GET /tasks/t/pushNotificationConfigs/{id}"), true).is_err(), "{id}");
            assert!(read(&format!("POST /tasks/{id}:cancel"), true).is_err(), "{id}");
        }
        assert_eq!(
            read(&format!("GET /{}/tasks", "a".repeat(limits::TENANT_BYTES + 1)), true),
            Err(E::TenantMalformed)
        );
    }
}
