//! The operations of the protocol, under the names that versions and bindings have for them.
//!
//! What is not here is no operation, and denied. An action in Cedar has the operation's name, whatever the version.

use super::version::A2aVersion;

/// What an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The agent as a whole.
    Agent,
    /// A message, and the task that it belongs to if it belongs to one.
    Message,
    /// A task.
    Task,
    /// A push notification configuration that is to be made for a task.
    NewPushConfig,
    /// One push notification configuration of a task.
    PushConfig,
    /// All push notification configurations of a task.
    PushConfigs,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// The operation, the id of its action, and its method in JSON-RPC since 1.0.
    pub name: &'static str,
    /// Its method in JSON-RPC before.
    legacy: Option<&'static str>,
    pub(super) subject: Subject,
    /// Whether it is a method of JSON-RPC at all.
    is_method: bool,
}

/// Getting the agent's card, which is no method of JSON-RPC.
pub(super) const GET_AGENT_CARD: &str = "GetAgentCard";

/// The table.
pub const OPERATIONS: &[Operation] = &[
    method("SendMessage", Some("message/send"), Subject::Message),
    method("SendStreamingMessage", Some("message/stream"), Subject::Message),
    method("GetTask", Some("tasks/get"), Subject::Task),
    method("ListTasks", None, Subject::Agent),
    method("CancelTask", Some("tasks/cancel"), Subject::Task),
    method("SubscribeToTask", Some("tasks/resubscribe"), Subject::Task),
    method("CreateTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/set"), Subject::NewPushConfig),
    method("GetTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/get"), Subject::PushConfig),
    method("ListTaskPushNotificationConfigs", Some("tasks/pushNotificationConfig/list"), Subject::PushConfigs),
    method("DeleteTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/delete"), Subject::PushConfig),
    method("GetExtendedAgentCard", Some("agent/getAuthenticatedExtendedCard"), Subject::Agent),
    Operation { name: GET_AGENT_CARD, legacy: None, subject: Subject::Agent, is_method: false },
];

const fn method(name: &'static str, legacy: Option<&'static str>, subject: Subject) -> Operation {
    Operation { name, legacy, subject, is_method: true }
}

impl Operation {
    /// Whether it is about a task, always or where the request names one.
    #[must_use]
    pub fn has_task(&self) -> bool {
        self.subject != Subject::Agent
    }

    /// Whether it is always about a task.
    #[must_use]
    pub fn needs_task(&self) -> bool {
        self.has_task() && self.subject != Subject::Message
    }

    /// The row of an operation.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    /// The row of a method of JSON-RPC, and the version that has it.
    pub(super) fn of_method(method: &str) -> Option<(&'static Self, A2aVersion)> {
        OPERATIONS.iter().filter(|operation| operation.is_method).find_map(|operation| match operation.legacy {
            _ if operation.name == method => Some((operation, A2aVersion::V1_0)),
            Some(legacy) if legacy == method => Some((operation, A2aVersion::V0_3)),
            Some(_) | None => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_of_one_operation_and_one_version() {
        let of = |method| Operation::of_method(method).map(|(operation, version)| (operation.name, version));
        assert_eq!(of("SendMessage"), Some(("SendMessage", A2aVersion::V1_0)));
        assert_eq!(of("message/send"), Some(("SendMessage", A2aVersion::V0_3)));
        assert_eq!(of("tasks/resubscribe"), Some(("SubscribeToTask", A2aVersion::V0_3)));
        for name in ["GetAgentCard", "", "sendMessage", "message/Send", "tasks/list", "SendMessage ", "tasks/subscribe"]
        {
            assert_eq!(of(name), None, "{name}");
        }
        let names: Vec<&str> = OPERATIONS.iter().flat_map(|row| [Some(row.name), row.legacy]).flatten().collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[index + 1..].contains(name), "{name}");
        }
    }
}
