//! Sessions of the revisions before the stateless era, bound to the caller that they were made for.
//!
//! Whoever knows the id of such a session is in it. So a client never gets the id that the server made: it gets that id
//! behind a MAC over the id, the server and the caller. What a client sends is taken for a session's id if the MAC says that it
//! was this caller's at this server; the server then sees its own id again. Nothing is remembered, and nothing is to be
//! guessed, however poor the server's ids are (CVE-2025-6515, CVE-2026-33946).

use std::cell::RefCell;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade_engine::hash_bytes;

use super::error::McpError;
use super::revision::Revision;
use super::transport::Transport;
use crate::feed::FetchHost;
use crate::host::Host;
use crate::identity::Identity;
use crate::limits;
use crate::mac::{self, MacKey};
use crate::shared_secret;

/// Keeps the MACs apart from any other use of the key.
const PURPOSE: &[u8] = b"palisade mcp session v1";
/// Half of the MAC, as is usual for HMAC (RFC 2104 §5).
const TAG_BYTES: usize = 16;
/// The same in base64url.
const TAG_CHARACTERS: usize = 22;
/// Between the MAC and the server's id. It is not in base64url's alphabet.
const SEPARATOR: char = '.';

/// The sessions that a gateway knows.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(crate) key: SessionKey,
    /// Until the workers have agreed on a secret: what this one has to offer.
    offer: Option<[u8; mac::MAC_BYTES]>,
}

impl Sessions {
    /// With the configured key, or else with one of this worker's own, until [`Sessions::join`].
    pub(crate) fn new(configured: Option<[u8; mac::MAC_BYTES]>, host: &mut dyn Host) -> Self {
        if let Some(key) = configured {
            return Self { key: SessionKey::new(key), offer: None };
        }
        let mut own = [0; mac::MAC_BYTES];
        host.fill_random(&mut own);
        Self { key: SessionKey::new(own), offer: Some(own) }
    }

    /// Agrees on a key with the other workers of the proxy, unless one is configured.
    pub(crate) fn join(&mut self, host: &mut dyn FetchHost) {
        if let Some(own) = self.offer.take() {
            self.key = SessionKey::new(shared_secret::agree(own, host));
        }
    }
}

/// The secret of everybody who has to know each other's sessions.
#[derive(Debug)]
pub(crate) struct SessionKey {
    key: MacKey,
    remembered: RefCell<Remembered>,
}

/// Bindings that were made by a key.
#[derive(Debug, Default)]
struct Remembered {
    /// Each at a place that its message has.
    made: Vec<Option<Made>>,
    /// The message that is asked for; reused.
    message: Vec<u8>,
}

/// A binding, and all that it was made from besides the key.
#[derive(Debug)]
struct Made {
    message: Vec<u8>,
    binding: SessionBinding,
}

/// What a request has to do with sessions.
#[derive(Clone, Debug, Default)]
pub(crate) enum SessionUse<'a> {
    /// Nothing.
    #[default]
    None,
    /// It names one, in a revision that has none: nobody shall take it for one.
    Ignored,
    /// Its revision has sessions: how the caller's are bound, and the server's id of the one that the request is in.
    Bound { binding: SessionBinding, id: Option<&'a str> },
}

/// One caller's sessions at one server.
#[derive(Clone, Debug)]
pub struct SessionBinding(Rc<MacKey>);

impl SessionKey {
    pub(crate) fn new(key: [u8; mac::MAC_BYTES]) -> Self {
        Self { key: MacKey::new(key), remembered: RefCell::default() }
    }

    /// What binds the sessions of this caller at this server: whom the token is about, who acts for them, and by which client.
    pub(crate) fn binding(&self, server_type: &str, server_id: &str, caller: &Identity) -> SessionBinding {
        let Identity {
            subject,
            actors,
            grant,
            issuer: _,
            recorded: _,
            confirmation: _,
            claims: _,
            traces: _,
            revoked: _,
            status: _,
        } = caller;
        let actor = actors.first().map_or("", |actor| actor.text.as_str());
        let client = grant.client().unwrap_or_default();
        let parts = [server_type, server_id, &subject.text, actor, client];
        match self.remembered.try_borrow_mut() {
            Ok(mut remembered) => {
                let Remembered { made, message } = &mut *remembered;
                write_message(parts, message);
                self.find_or_make(message, made)
            }
            // Nobody else looks; to make it anew is right as well.
            Err(_) => {
                let mut message = Vec::new();
                write_message(parts, &mut message);
                self.make(&message)
            }
        }
    }

    fn make(&self, message: &[u8]) -> SessionBinding {
        SessionBinding(Rc::new(MacKey::new(self.key.mac([message]))))
    }

    /// The binding of a message: one that was made of exactly the same bytes, or a new one.
    fn find_or_make(&self, message: &[u8], made: &mut Vec<Option<Made>>) -> SessionBinding {
        made.resize_with(limits::SESSION_BINDINGS, || None);
        // Messages of one place take turns.
        let place = hash_bytes(message) as usize % limits::SESSION_BINDINGS;
        let Some(place) = made.get_mut(place) else { return self.make(message) };
        match place {
            Some(known) if known.message == message => known.binding.clone(),
            Some(_) | None => {
                let binding = self.make(message);
                *place = (message.len() <= limits::SESSION_BINDING_BYTES)
                    .then(|| Made { message: message.to_vec(), binding: binding.clone() });
                binding
            }
        }
    }
}

/// With its length before it, no part can pass for the end of the one before.
fn write_message(parts: [&str; 5], message: &mut Vec<u8>) {
    message.clear();
    message.extend_from_slice(PURPOSE);
    for part in parts {
        message.extend_from_slice(&(part.len() as u64).to_be_bytes());
        message.extend_from_slice(part.as_bytes());
    }
}

impl<'a> SessionUse<'a> {
    /// What a message of this revision has to do with sessions.
    pub(crate) fn of(
        transport: &Transport<'a>,
        revision: Revision,
        binding: impl FnOnce() -> SessionBinding,
    ) -> Result<Self, McpError> {
        let named = transport.session()?;
        if revision.is_modern() {
            return Ok(if named.is_some() { Self::Ignored } else { Self::None });
        }
        let binding = binding();
        let id = match named {
            None => None,
            Some(value) => Some(binding.unwrap(value).ok_or(McpError::SessionUnknown)?),
        };
        Ok(Self::Bound { binding, id })
    }
}

impl SessionBinding {
    /// The id that the client gets for a session of the server's. `None` if the server's is none.
    #[must_use]
    pub fn wrap(&self, id: &[u8]) -> Option<String> {
        let id = visible(id)?;
        Some(format!("{}{SEPARATOR}{id}", self.tag(id)))
    }

    /// The server's id of a session that this caller got. `None` for everything else.
    pub(crate) fn unwrap<'v>(&self, value: &'v [u8]) -> Option<&'v str> {
        let (tag, id) = std::str::from_utf8(value).ok()?.split_at_checked(TAG_CHARACTERS)?;
        let id = visible(id.strip_prefix(SEPARATOR)?.as_bytes())?;
        mac::equal(self.tag(id).as_bytes(), tag.as_bytes()).then_some(id)
    }

    fn tag(&self, id: &str) -> String {
        let mac = self.0.mac([id.as_bytes()]);
        URL_SAFE_NO_PAD.encode(mac.split_at_checked(TAG_BYTES).map_or(&mac[..], |(tag, _)| tag))
    }
}

/// A session's id is visible ASCII (2025-03-26, transports).
fn visible(id: &[u8]) -> Option<&str> {
    let fits = !id.is_empty() && id.len() <= limits::SESSION_ID_BYTES;
    let text = std::str::from_utf8(id).ok().filter(|_| fits)?;
    text.bytes().all(|byte| byte.is_ascii_graphic()).then_some(text)
}

/// Whether a session's id could be one as clients have it: bound, and so longer than the server's own.
pub(super) fn may_be_bound(id: &[u8]) -> bool {
    let longest = limits::SESSION_ID_BYTES + TAG_CHARACTERS + SEPARATOR.len_utf8();
    (1..=longest).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SESSION_HEADER;
    use crate::header_map::HeaderBuffer;
    use crate::identity::Person;
    use crate::mcp::open::testing;

    fn key() -> SessionKey {
        SessionKey::new([7; mac::MAC_BYTES])
    }

    fn caller(text: &str, actor: Option<&str>) -> Identity {
        let mut identity = Identity::for_test(text);
        identity.subject.text = text.to_owned();
        identity.actors.extend(actor.map(|text| Person { text: text.to_owned(), ..Person::default() }));
        identity
    }

    fn bound(server: &str, caller: &Identity) -> SessionBinding {
        key().binding("Server", server, caller)
    }

    #[test]
    fn a_caller_has_its_own_sessions_and_no_others() {
        let alice = caller("User::\"a\"", None);
        let binding = bound("files", &alice);
        let wrapped = binding.wrap(b"1868a90c-{}.~!").unwrap();
        assert_eq!(binding.unwrap(wrapped.as_bytes()), Some("1868a90c-{}.~!"));
        for (server, other) in [
            ("files", caller("User::\"b\"", None)),
            ("files", caller("User::\"a\"", Some("Agent::\"x\""))),
            ("mail", caller("User::\"a\"", None)),
            // The same characters, cut in another place.
            ("file", caller("sUser::\"a\"", None)),
            ("files", caller("", Some("User::\"a\""))),
        ] {
            assert_eq!(bound(server, &other).unwrap(wrapped.as_bytes()), None, "{server} {:?}", other.subject);
        }
        let mut by_client = caller("User::\"a\"", None);
        by_client.grant = crate::identity::Grant::read(&crate::token::TokenClaims::for_test(r#"{"client_id":"c"}"#));
        assert_eq!(bound("files", &by_client).unwrap(wrapped.as_bytes()), None);
        let elsewhere = SessionKey::new([8; mac::MAC_BYTES]).binding("Server", "files", &alice);
        assert_eq!(elsewhere.unwrap(wrapped.as_bytes()), None);
    }

    #[test]
    fn a_binding_is_the_same_whether_or_not_it_is_remembered() {
        let key = key();
        let long = "x".repeat(limits::SESSION_BINDING_BYTES);
        // More callers than are remembered, so that most take another's place, and each twice in a row.
        for round in 0..2 {
            for n in 0..2 * limits::SESSION_BINDINGS {
                let caller = caller(&format!("User::\"{n}\""), None);
                for server in ["files", "mail", &long] {
                    let expected = bound(server, &caller).wrap(b"s1").unwrap();
                    for _ in 0..2 {
                        assert_eq!(
                            key.binding("Server", server, &caller).wrap(b"s1").unwrap(),
                            expected,
                            "{round} {n}"
                        );
                    }
                }
            }
        }
        let remembered = key.remembered.borrow();
        assert_eq!(remembered.made.len(), limits::SESSION_BINDINGS);
        assert!(remembered.made.iter().flatten().all(|made| made.message.len() <= limits::SESSION_BINDING_BYTES));
    }

    #[test]
    fn what_was_not_handed_out_is_no_session() {
        let binding = bound("files", &caller("User::\"a\"", None));
        let wrapped = binding.wrap(b"s1").unwrap();
        let (tag, _) = wrapped.split_once(SEPARATOR).unwrap();
        for value in ["", "s1", ".s1", tag, &format!("{tag}."), &format!("{tag}s1"), &format!("{tag}.s2"), "é"] {
            assert_eq!(binding.unwrap(value.as_bytes()), None, "{value}");
        }
        for at in 0..wrapped.len() {
            let mut changed = wrapped.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(binding.unwrap(&changed), None, "{at}");
        }
        let long = vec![b'x'; limits::SESSION_ID_BYTES + 1];
        for id in [&b""[..], b"a b", b"a\nb", b"\xff", "é".as_bytes(), &long] {
            assert_eq!(binding.wrap(id), None, "{id:?}");
        }
        assert!(binding.unwrap(binding.wrap(&long[1..]).unwrap().as_bytes()).is_some());
    }

    #[test]
    fn the_revision_says_whether_there_are_sessions() {
        let alice = caller("User::\"a\"", None);
        let of = |value: Option<&str>, revision| {
            let headers = HeaderBuffer::from_pairs(value.map(|value| (SESSION_HEADER, value)));
            let transport = Transport::read(&testing::open(), headers.as_map());
            let used = SessionUse::of(&transport, revision, || bound("files", &alice));
            used.map(|used| match used {
                SessionUse::None => "none".to_owned(),
                SessionUse::Ignored => "ignored".to_owned(),
                SessionUse::Bound { id, .. } => format!("bound {id:?}"),
            })
        };
        let wrapped = bound("files", &alice).wrap(b"s1").unwrap();
        for revision in Revision::ALL {
            let (with, without, stolen) = (of(Some(&wrapped), revision), of(None, revision), of(Some("s1"), revision));
            if revision.is_modern() {
                assert_eq!(
                    (with.unwrap(), without.unwrap(), stolen.unwrap()),
                    ("ignored".into(), "none".into(), "ignored".into())
                );
            } else {
                assert_eq!((with.unwrap(), without.unwrap()), ("bound Some(\"s1\")".into(), "bound None".into()));
                assert_eq!(stolen, Err(McpError::SessionUnknown));
            }
        }
    }
}
