//! The methods that a client may send, and what each is about.
//!
//! What is not here is no method, and denied. An action in Cedar has the method's name; the three that begin a line of
//! their own below stand for what is no JSON-RPC method.

use super::revision::Revision;

/// What a method is about: the resource of the Cedar request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The server as a whole.
    Server,
    /// A tool, by `params.name`.
    Tool,
    /// A prompt, by `params.name`.
    Prompt,
    /// A resource, by `params.uri`.
    Resource,
    /// A task, by `params.taskId`.
    Task,
    /// A prompt or a resource, by `params.ref`; asked on the server.
    Reference,
    /// Every resource in `params.notifications.resourceSubscriptions`, or the server if there is none.
    Subscriptions,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// The method, and the id of its action.
    pub name: &'static str,
    pub(super) subject: Subject,
    first: Revision,
    last: Revision,
    pub(super) is_notification: bool,
}

/// The action of a response that a client sends to a request of the server.
pub(super) const CLIENT_RESPONSE: &str = "client/response";
/// The action of GET: opening the stream of messages from the server.
pub(super) const STREAM_OPEN: &str = "stream/open";
/// The action of DELETE: ending a session.
pub(super) const SESSION_DELETE: &str = "session/delete";

const FIRST: Revision = Revision::R20241105;
const TASKS: Revision = Revision::R20251125;
const LEGACY: Revision = Revision::R20251125;
const MODERN: Revision = Revision::R20260728;
const LATEST: Revision = Revision::R20260728;

/// The table.
pub const METHODS: &[Method] = &[
    request("server/discover", Subject::Server, MODERN, LATEST),
    request("initialize", Subject::Server, FIRST, LEGACY),
    request("ping", Subject::Server, FIRST, LEGACY),
    request("tools/list", Subject::Server, FIRST, LATEST),
    request("tools/call", Subject::Tool, FIRST, LATEST),
    request("prompts/list", Subject::Server, FIRST, LATEST),
    request("prompts/get", Subject::Prompt, FIRST, LATEST),
    request("resources/list", Subject::Server, FIRST, LATEST),
    request("resources/templates/list", Subject::Server, FIRST, LATEST),
    request("resources/read", Subject::Resource, FIRST, LATEST),
    request("resources/subscribe", Subject::Resource, FIRST, LEGACY),
    request("resources/unsubscribe", Subject::Resource, FIRST, LEGACY),
    request("subscriptions/listen", Subject::Subscriptions, MODERN, LATEST),
    request("completion/complete", Subject::Reference, FIRST, LATEST),
    request("logging/setLevel", Subject::Server, FIRST, LEGACY),
    request("tasks/get", Subject::Task, TASKS, LATEST),
    request("tasks/update", Subject::Task, MODERN, LATEST),
    request("tasks/cancel", Subject::Task, TASKS, LATEST),
    request("tasks/result", Subject::Task, TASKS, LEGACY),
    request("tasks/list", Subject::Server, TASKS, LEGACY),
    notification("notifications/initialized"),
    notification("notifications/cancelled"),
    notification("notifications/progress"),
    notification("notifications/roots/list_changed"),
    notification(CLIENT_RESPONSE),
    notification(STREAM_OPEN),
    notification(SESSION_DELETE),
];

const fn request(name: &'static str, subject: Subject, first: Revision, last: Revision) -> Method {
    Method { name, subject, first, last, is_notification: false }
}

const fn notification(name: &'static str) -> Method {
    Method { name, subject: Subject::Server, first: FIRST, last: LEGACY, is_notification: true }
}

impl Method {
    /// Whether it is about something that has a name of its own.
    #[must_use]
    pub fn has_subject(&self) -> bool {
        !matches!(self.subject, Subject::Server | Subject::Reference)
    }

    /// The row of a name, actions that are no methods included.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name == name)
    }

    /// The row of a method that a message may name.
    pub(super) fn of_message(name: &str) -> Option<&'static Self> {
        Self::named(name).filter(|method| !matches!(method.name, CLIENT_RESPONSE | STREAM_OPEN | SESSION_DELETE))
    }

    pub(super) fn is_in(&self, revision: Revision) -> bool {
        (self.first..=self.last).contains(&revision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_what_is_no_method_cannot_be_named() {
        for (index, method) in METHODS.iter().enumerate() {
            assert!(METHODS[index + 1..].iter().all(|other| other.name != method.name), "{}", method.name);
        }
        for name in [CLIENT_RESPONSE, STREAM_OPEN, SESSION_DELETE, "", "tools/Call", "tools/call ", "rpc.discover"] {
            assert!(Method::of_message(name).is_none(), "{name}");
        }
    }

    #[test]
    fn each_method_is_of_its_revisions() {
        let is_in = |name, revision| Method::of_message(name).unwrap().is_in(revision);
        assert!(is_in("tools/call", Revision::R20241105) && is_in("tools/call", Revision::R20260728));
        assert!(is_in("initialize", Revision::R20251125) && !is_in("initialize", Revision::R20260728));
        assert!(!is_in("server/discover", Revision::R20251125) && is_in("server/discover", Revision::R20260728));
        assert!(!is_in("tasks/get", Revision::R20250618) && is_in("tasks/get", Revision::R20251125));
        assert!(!is_in("notifications/cancelled", Revision::R20260728));
    }
}
