//! The context of a Cedar request: what each entry is read from.

use std::borrow::Cow;

use super::error::ContextError;
use super::open::push_part;
use super::path::RequestPath;
use super::query;
use super::template::{PathTemplate, ValuePlace};
use crate::a2a::A2aFacts;
use crate::header_map::{self, HeaderMap};
use crate::header_name::is_header_name;
use crate::identity::{ClaimValue, Datum, Identity, ReadFault, RouteSlots, SlotIndex};
use crate::limits;
use crate::mcp::MessageFacts;
use crate::section::{
    self, A2aMember, AttributeType, ContextEntry, MessageMember, SectionError, SectionErrorKind, Source,
};
use crate::transaction::Transaction;

/// One entry of the context record, checked.
#[derive(Debug)]
pub(crate) struct OpenContext {
    pub(crate) name: String,
    pub(crate) source: OpenSource,
    pub(crate) attribute_type: AttributeType,
    pub(crate) required: bool,
}

/// Where a context value comes from, with names resolved.
#[derive(Debug)]
pub(crate) enum OpenSource {
    Path(ValuePlace),
    Query(String),
    Header(String),
    Claim(SlotIndex),
    Transaction(SlotIndex),
    Method,
    PathText,
    Host,
    Subject,
    Actor,
    ActorChain,
    Delegated,
    DelegationDepth,
    Now,
    Message(MessageMember),
    A2a(A2aMember),
}

/// What a request offers to its context.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContextInput<'a> {
    pub(crate) headers: HeaderMap<'a>,
    pub(crate) method: &'a str,
    pub(crate) host: &'a str,
    pub(crate) path: &'a RequestPath,
    pub(crate) query: Option<&'a [u8]>,
    /// The identifier of the protected resource that the request is for, where the bundle has one.
    pub(crate) location: Option<&'a str>,
    pub(crate) identity: &'a Identity,
    /// What the request's body says, on routes that read it.
    pub(crate) message: Option<&'a MessageFacts<'a>>,
    /// What the request says, on routes to agents.
    pub(crate) a2a: Option<&'a A2aFacts<'a>>,
    /// What the transaction token says, where there is one.
    pub(crate) transaction: Option<&'a Transaction>,
    /// The entity types of subject and actors.
    pub(crate) subject_type: &'a str,
    pub(crate) actor_type: Option<&'a str>,
    pub(crate) now_ms: u64,
}

/// Why a context cannot be built, and the entry it failed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ContextFault<'a> {
    pub(crate) error: ContextError,
    pub(crate) attribute: &'a str,
}

impl OpenContext {
    pub(crate) fn open(
        raw: ContextEntry,
        template: &PathTemplate,
        slots: &mut RouteSlots,
        place: &str,
    ) -> Result<Self, SectionError> {
        let ContextEntry { name, source, attribute_type, required } = raw;
        let place = format!("the context `{name}` of {place}");
        let error = |kind| SectionError::new(kind, place.as_str());
        attribute_type.check(&place)?;
        let is_text = attribute_type == AttributeType::String;
        let (source, fits) = match source {
            Source::Path(value) => {
                let found = template.place(&value).ok_or_else(|| error(SectionErrorKind::Source))?;
                (OpenSource::Path(found), attribute_type.is_scalar())
            }
            Source::Query(key) => (OpenSource::Query(key), attribute_type.is_scalar()),
            Source::Header(header) => {
                if !is_readable_header(&header) {
                    return Err(error(SectionErrorKind::Source));
                }
                (OpenSource::Header(header), attribute_type.is_scalar())
            }
            Source::Claim(path) => {
                section::check_claim(&path, &attribute_type, &place)?;
                (OpenSource::Claim(slots.token.slot(&path, &attribute_type)?), true)
            }
            Source::Transaction(path) => {
                section::check_claim(&path, &attribute_type, &place)?;
                (OpenSource::Transaction(slots.transaction.slot(&path, &attribute_type)?), true)
            }
            Source::Method => (OpenSource::Method, is_text),
            Source::PathText => (OpenSource::PathText, is_text),
            Source::Host => (OpenSource::Host, is_text),
            Source::Message(member) => (OpenSource::Message(member), is_text),
            Source::A2a(member) => {
                let is_texts = attribute_type == AttributeType::Set(Box::new(AttributeType::String));
                (OpenSource::A2a(member), if member.is_set() { is_texts } else { is_text })
            }
            Source::Subject => (OpenSource::Subject, matches!(attribute_type, AttributeType::Entity(_))),
            Source::Actor => (OpenSource::Actor, matches!(attribute_type, AttributeType::Entity(_))),
            Source::ActorChain => (OpenSource::ActorChain, element_entity(&attribute_type).is_some()),
            Source::Delegated => (OpenSource::Delegated, attribute_type == AttributeType::Bool),
            Source::DelegationDepth => (OpenSource::DelegationDepth, attribute_type == AttributeType::Long),
            Source::Now => (OpenSource::Now, matches!(attribute_type, AttributeType::Long | AttributeType::Datetime)),
        };
        if !fits {
            return Err(error(SectionErrorKind::Type));
        }
        Ok(Self { name, source, attribute_type, required })
    }

    /// Reads the entry's value; `None` where it is absent and need not be there.
    pub(crate) fn read<'a>(&'a self, input: &ContextInput<'a>) -> Result<Option<Cow<'a, Datum>>, ContextFault<'a>> {
        let fault = |error| ContextFault { error, attribute: self.name.as_str() };
        let text = match &self.source {
            OpenSource::Path(_)
            | OpenSource::Query(_)
            | OpenSource::Header(_)
            | OpenSource::Method
            | OpenSource::PathText
            | OpenSource::Host => self.text(input).map_err(fault)?,
            OpenSource::Message(member) => input.message.and_then(|facts| message(facts, *member)).map(Cow::Borrowed),
            OpenSource::A2a(member) => {
                if let Some(set) = input.a2a.and_then(|facts| facts.set(*member)) {
                    let texts = set.iter().map(|text| Datum::Text(text.clone().into_owned()));
                    return Ok(Some(Cow::Owned(Datum::Set(texts.collect()))));
                }
                input.a2a.and_then(|facts| facts.text(*member)).map(Cow::Borrowed)
            }
            OpenSource::Subject => return Ok(Some(Cow::Owned(self.subject(input).map_err(fault)?))),
            OpenSource::Actor => {
                return match input.identity.actors.first() {
                    Some(actor) if self.is_of(input.actor_type) => Ok(Some(Cow::Owned(Datum::Text(actor.id.clone())))),
                    Some(_) => Err(fault(ContextError::Type)),
                    None => self.absent(),
                };
            }
            OpenSource::ActorChain => return Ok(Some(Cow::Owned(self.actor_chain(input).map_err(fault)?))),
            OpenSource::Delegated => return Ok(Some(Cow::Owned(Datum::Bool(!input.identity.actors.is_empty())))),
            OpenSource::DelegationDepth => {
                // At most `limits::ACTORS`.
                let depth = i64::try_from(input.identity.actors.len()).unwrap_or(i64::MAX);
                return Ok(Some(Cow::Owned(Datum::Long(depth))));
            }
            OpenSource::Now => return Ok(Some(Cow::Owned(self.now(input.now_ms)))),
            OpenSource::Claim(slot) => return self.claim(slot.of(&input.identity.claims)),
            OpenSource::Transaction(slot) => {
                let claims = input.transaction.map(|transaction| transaction.claims.as_slice());
                return self.claim(slot.of(claims.unwrap_or_default()));
            }
        };
        let Some(text) = text else {
            return self.absent();
        };
        if text.len() > limits::CONTEXT_TEXT_BYTES {
            return Err(fault(ContextError::Type));
        }
        match Datum::from_text(&text, &self.attribute_type) {
            Ok(datum) => Ok(Some(Cow::Owned(datum))),
            Err(_) => Err(fault(ContextError::Type)),
        }
    }

    /// The text that the entry is read from, where that is a part of the request's head.
    fn text<'a>(&'a self, input: &ContextInput<'a>) -> Result<Option<Cow<'a, str>>, ContextError> {
        Ok(match &self.source {
            OpenSource::Path(place) => Some(Cow::Borrowed(place.of(input.path))),
            OpenSource::Query(name) => match input.query {
                Some(query) => query::find(query, name)?,
                None => None,
            },
            OpenSource::Header(name) => header(input.headers, name)?.map(Cow::Borrowed),
            OpenSource::Method => Some(Cow::Borrowed(input.method)),
            OpenSource::PathText => Some(Cow::Borrowed(input.path.text())),
            OpenSource::Host => Some(Cow::Borrowed(input.host)),
            OpenSource::Claim(_)
            | OpenSource::Transaction(_)
            | OpenSource::Subject
            | OpenSource::Actor
            | OpenSource::ActorChain
            | OpenSource::Delegated
            | OpenSource::DelegationDepth
            | OpenSource::Now
            | OpenSource::Message(_)
            | OpenSource::A2a(_) => None,
        })
    }

    /// Appends to a question what the entry's value depends on besides the identity; `false` where that is more than the request's
    /// head.
    pub(super) fn write_part(&self, input: &ContextInput<'_>, question: &mut Vec<u8>) -> bool {
        match &self.source {
            OpenSource::Path(_)
            | OpenSource::Query(_)
            | OpenSource::Header(_)
            | OpenSource::Method
            | OpenSource::PathText
            | OpenSource::Host => match self.text(input) {
                Ok(text) => push_part(question, text.as_deref()),
                Err(_) => return false,
            },
            OpenSource::Claim(_)
            | OpenSource::Subject
            | OpenSource::Actor
            | OpenSource::ActorChain
            | OpenSource::Delegated
            | OpenSource::DelegationDepth => {}
            OpenSource::Transaction(_) | OpenSource::Now | OpenSource::Message(_) | OpenSource::A2a(_) => return false,
        }
        true
    }

    /// Whether the entry is for entities of a type, by itself or as elements.
    fn is_of(&self, entity_type: Option<&str>) -> bool {
        let own = match &self.attribute_type {
            AttributeType::Entity(own) => Some(own),
            other => element_entity(other),
        };
        own.map(String::as_str) == entity_type
    }

    fn subject(&self, input: &ContextInput<'_>) -> Result<Datum, ContextError> {
        if !self.is_of(Some(input.subject_type)) {
            return Err(ContextError::Type);
        }
        Ok(Datum::Text(input.identity.subject.id.clone()))
    }

    fn actor_chain(&self, input: &ContextInput<'_>) -> Result<Datum, ContextError> {
        let actors = &input.identity.actors;
        if !actors.is_empty() && !self.is_of(input.actor_type) {
            return Err(ContextError::Type);
        }
        Ok(Datum::Set(actors.iter().map(|actor| Datum::Text(actor.id.clone())).collect()))
    }

    fn claim<'a>(&'a self, value: &'a ClaimValue) -> Result<Option<Cow<'a, Datum>>, ContextFault<'a>> {
        let fault = |error| ContextFault { error, attribute: self.name.as_str() };
        match value {
            ClaimValue::Value(datum) => Ok(Some(Cow::Borrowed(datum))),
            ClaimValue::Faulty(ReadFault::Missing) => Err(fault(ContextError::Missing)),
            ClaimValue::Faulty(ReadFault::Type | ReadFault::Invalid) => Err(fault(ContextError::Type)),
            ClaimValue::Absent => self.absent(),
        }
    }

    fn absent<'a>(&'a self) -> Result<Option<Cow<'a, Datum>>, ContextFault<'a>> {
        if self.required { Err(ContextFault { error: ContextError::Missing, attribute: &self.name }) } else { Ok(None) }
    }

    fn now(&self, now_ms: u64) -> Datum {
        // Beyond the year 292 million the clock stops; both types saturate.
        if self.attribute_type == AttributeType::Datetime {
            Datum::Datetime(i64::try_from(now_ms).unwrap_or(i64::MAX))
        } else {
            Datum::Long(i64::try_from(now_ms / 1000).unwrap_or(i64::MAX))
        }
    }
}

/// What a message says of itself.
fn message<'a>(facts: &'a MessageFacts<'a>, member: MessageMember) -> Option<&'a str> {
    match member {
        MessageMember::Method => Some(facts.method),
        MessageMember::Revision => Some(facts.revision.as_str()),
        MessageMember::Name => facts.name.as_deref(),
        MessageMember::Uri => facts.uri.as_deref(),
        MessageMember::Task => facts.task.as_deref(),
    }
}

/// The one value of a header.
fn header<'a>(headers: HeaderMap<'a>, name: &str) -> Result<Option<&'a str>, ContextError> {
    let mut found = None;
    for header in headers.iter() {
        if header.name.eq_ignore_ascii_case(name.as_bytes()) && found.replace(header.value).is_some() {
            return Err(ContextError::HeaderRepeated);
        }
    }
    found.map(|value| std::str::from_utf8(value).map_err(|_| ContextError::HeaderNotUtf8)).transpose()
}

/// Whether a policy may read a header: not ours, and not one that holds a credential.
fn is_readable_header(name: &str) -> bool {
    is_header_name(name)
        && !header_map::is_reserved(name.as_bytes())
        && !matches!(name, "authorization" | "proxy-authorization" | "cookie")
}

/// The entity type of a set of entities.
fn element_entity(attribute_type: &AttributeType) -> Option<&String> {
    match attribute_type {
        AttributeType::Set(element) => match &**element {
            AttributeType::Entity(name) => Some(name),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header_map::HeaderBuffer;

    fn entry(source: &str, attribute_type: &str, required: bool) -> ContextEntry {
        ContextEntry {
            name: "x".to_owned(),
            source: serde_json::from_str(source).unwrap(),
            attribute_type: serde_json::from_str(attribute_type).unwrap(),
            required,
        }
    }

    fn open(source: &str, attribute_type: &str) -> Result<OpenContext, SectionErrorKind> {
        let template = PathTemplate::parse("/r/{repo}").unwrap();
        let mut slots = RouteSlots::default();
        OpenContext::open(entry(source, attribute_type, true), &template, &mut slots, "test")
            .map_err(|error| error.kind())
    }

    fn read_with(
        pairs: &[(&str, &[u8])],
        query: Option<&str>,
        source: &str,
        attribute_type: &str,
        required: bool,
    ) -> Result<Option<Datum>, ContextError> {
        let template = PathTemplate::parse("/r/{repo}").unwrap();
        let mut slots = RouteSlots::default();
        let open = OpenContext::open(entry(source, attribute_type, required), &template, &mut slots, "test").unwrap();
        let headers = HeaderBuffer::from_pairs(pairs.iter().copied());
        let mut path = RequestPath::default();
        path.read(b"/r/17").unwrap();
        let mut identity = Identity::for_test("test/a");
        identity.claims = vec![ClaimValue::Faulty(ReadFault::Type)];
        let input = ContextInput {
            headers: headers.as_map(),
            method: "GET",
            host: "h",
            path: &path,
            query: query.map(str::as_bytes),
            location: None,
            identity: &identity,
            message: None,
            a2a: None,
            transaction: None,
            subject_type: "Agent",
            actor_type: None,
            now_ms: 1_700_000_000_123,
        };
        let read = open.read(&input);
        read.map(|datum| datum.map(Cow::into_owned)).map_err(|fault| {
            assert_eq!(fault.attribute, "x");
            fault.error
        })
    }

    #[test]
    fn values_come_from_their_sources() {
        let text = |text: &str| Ok(Some(Datum::Text(text.to_owned())));
        let read = |source, of| read_with(&[("x-intent", b"fix")], Some("branch=main"), source, of, true);
        assert_eq!(read(r#"{"path":"repo"}"#, "\"string\""), text("17"));
        assert_eq!(read(r#"{"path":"repo"}"#, "\"long\""), Ok(Some(Datum::Long(17))));
        assert_eq!(read(r#"{"query":"branch"}"#, "\"string\""), text("main"));
        assert_eq!(read(r#"{"header":"x-intent"}"#, "\"string\""), text("fix"));
        assert_eq!(read("\"method\"", "\"string\""), text("GET"));
        assert_eq!(read("\"path_text\"", "\"string\""), text("/r/17"));
        assert_eq!(read("\"host\"", "\"string\""), text("h"));
        assert_eq!(read("\"now\"", "\"long\""), Ok(Some(Datum::Long(1_700_000_000))));
        assert_eq!(read("\"now\"", "\"datetime\""), Ok(Some(Datum::Datetime(1_700_000_000_123))));
    }

    #[test]
    fn absence_and_defects_are_told_apart() {
        let header = r#"{"header":"x-intent"}"#;
        let query = r#"{"query":"b"}"#;
        assert_eq!(read_with(&[], None, header, "\"string\"", true), Err(ContextError::Missing));
        assert_eq!(read_with(&[], None, header, "\"string\"", false), Ok(None));
        assert_eq!(read_with(&[], None, query, "\"string\"", true), Err(ContextError::Missing));
        assert_eq!(read_with(&[], Some("a=1"), query, "\"string\"", false), Ok(None));

        let twice: [(&str, &[u8]); 2] = [("x-intent", b"a"), ("X-Intent", b"a")];
        assert_eq!(read_with(&twice, None, header, "\"string\"", false), Err(ContextError::HeaderRepeated));
        let bad: [(&str, &[u8]); 1] = [("x-intent", b"\xff\xfe")];
        assert_eq!(read_with(&bad, None, header, "\"string\"", false), Err(ContextError::HeaderNotUtf8));
        assert_eq!(read_with(&bad, None, "\"method\"", "\"string\"", true), Ok(Some(Datum::Text("GET".to_owned()))));
        let other: [(&str, &[u8]); 1] = [("x-intent", b"07")];
        assert_eq!(read_with(&other, None, header, "\"long\"", false), Err(ContextError::Type));
        let long = "x".repeat(limits::CONTEXT_TEXT_BYTES + 1);
        let long: [(&str, &[u8]); 1] = [("x-intent", long.as_bytes())];
        assert_eq!(read_with(&long, None, header, "\"string\"", false), Err(ContextError::Type));

        assert_eq!(read_with(&[], Some("b=1&b=1"), query, "\"string\"", false), Err(ContextError::QueryRepeated));
        assert_eq!(read_with(&[], Some("b=1;c"), query, "\"string\"", false), Err(ContextError::QueryMalformed));
        assert_eq!(
            read_with(&[], None, r#"{"claim":["a"]}"#, "\"string\"", false),
            Err(ContextError::Type),
            "a faulty claim denies even where it is optional"
        );
    }

    #[test]
    fn headers_of_any_name_are_read() {
        for name in ["x.y", "x-intent_2", "!#$%&'*+-.^_`|~"] {
            let source = format!("{{\"header\":\"{name}\"}}");
            let read = read_with(&[(name, b"a"), ("x", b"b")], None, &source, "\"string\"", true);
            assert_eq!(read, Ok(Some(Datum::Text("a".to_owned()))), "{name}");
        }
    }

    #[test]
    fn impossible_sources_are_refused() {
        for (source, of, kind) in [
            (r#"{"path":"nope"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"path":"repo"}"#, r#"{"set":"string"}"#, SectionErrorKind::Type),
            (r#"{"query":"a"}"#, r#"{"record":[]}"#, SectionErrorKind::Type),
            (r#"{"header":"a"}"#, r#"{"set":"string"}"#, SectionErrorKind::Type),
            (r#"{"header":""}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"X-Intent"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":":path"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"x y"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"x\t"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"é"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"proxy-authorization"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"authorization"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"cookie"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"header":"x-palisade-principal"}"#, "\"string\"", SectionErrorKind::Source),
            (r#"{"claim":[]}"#, "\"string\"", SectionErrorKind::Empty),
            ("\"method\"", "\"long\"", SectionErrorKind::Type),
            ("\"host\"", r#"{"entity":"Host"}"#, SectionErrorKind::Type),
            ("\"now\"", "\"string\"", SectionErrorKind::Type),
        ] {
            assert_eq!(open(source, of).unwrap_err(), kind, "{source} {of}");
        }
    }
}
