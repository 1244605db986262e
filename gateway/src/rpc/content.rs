//! What the headers say of a body, before it is read.

use crate::header_map::{Header, HeaderMap};

/// Why a body will not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentFault {
    /// It is not announced as JSON, in UTF-8 and of the protocol's media type.
    Type,
    /// It is compressed, or otherwise encoded.
    Encoding,
    /// The request asks for another protocol on the connection.
    Upgrade,
    /// It is announced as larger than allowed.
    TooLarge,
}

/// The headers that say something of a body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ContentHeaders<'a> {
    content_type: Option<&'a [u8]>,
    /// The first of them that speaks against it.
    fault: Option<ContentFault>,
}

impl<'a> ContentHeaders<'a> {
    /// Looks at a header.
    #[inline]
    pub(crate) fn see(&mut self, header: Header<'a>, max_body: u32) {
        // By length first: most headers are none of these.
        if let 7 | 12 | 14 | 16 = header.name.len() {
            self.see_by_name(header, max_body);
        }
    }

    fn see_by_name(&mut self, header: Header<'a>, max_body: u32) {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name.as_bytes());
        let fault = match header.name.len() {
            // What follows is another protocol, and may never end.
            7 if is("upgrade") => Some(ContentFault::Upgrade),
            12 if is("content-type") => self.content_type.replace(header.value).map(|_| ContentFault::Type),
            14 if is("content-length") => {
                let length = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse::<u64>().ok());
                length.is_none_or(|length| length > u64::from(max_body)).then_some(ContentFault::TooLarge)
            }
            16 if is("content-encoding") => {
                (!header.value.trim_ascii().eq_ignore_ascii_case(b"identity")).then_some(ContentFault::Encoding)
            }
            _ => None,
        };
        self.fault = self.fault.or(fault);
    }

    /// Whether the body may be read, which has to be of one of the media types.
    pub(crate) fn check(&self, media_types: &[&str]) -> Result<(), ContentFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let is_known = |value| media_types.iter().any(|media_type| is_utf8_of_type(value, media_type));
        if self.content_type.is_some_and(is_known) { Ok(()) } else { Err(ContentFault::Type) }
    }
}

/// Checks what the headers say of a body, which has to be of one of the media types.
pub(crate) fn check_content(headers: HeaderMap<'_>, max_body: u32, media_types: &[&str]) -> Result<(), ContentFault> {
    let mut content = ContentHeaders::default();
    for header in headers.iter() {
        content.see(header, max_body);
    }
    content.check(media_types)
}

/// The origin, if the request comes from a web page, has to be one that is listed.
pub(crate) fn origin_is_listed(headers: HeaderMap<'_>, origins: &[String]) -> bool {
    headers.values("origin").all(|origin| is_listed(origin, origins))
}

/// Whether a value of `Origin` is one that is listed.
pub(crate) fn is_listed(origin: &[u8], origins: &[String]) -> bool {
    origins.iter().any(|listed| listed.as_bytes() == origin.trim_ascii())
}

/// Whether a content type is that media type, in UTF-8. RFC 8259 gives parameters no meaning, but servers go by `charset`: in UTF-7, `+ACI-` inside
/// a string is the quote that ends it.
pub(crate) fn is_utf8_of_type(value: &[u8], media_type: &str) -> bool {
    // Nearly every one has no parameters.
    if value.eq_ignore_ascii_case(media_type.as_bytes()) {
        return true;
    }
    let mut parts = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case(media_type.as_bytes())
        && parts.all(|parameter| {
            let name = parameter.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
            let is_utf8 = |value: &[u8]| {
                let text = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
                text.eq_ignore_ascii_case(b"utf-8")
            };
            // Anything that speaks of character sets in another way is refused, `charset*=` (RFC 8187) among it.
            !contains_ignoring_case(parameter, b"charset")
                || (name.eq_ignore_ascii_case(b"charset")
                    && parameter.split_at_checked(b"charset=".len()).is_some_and(|(_, value)| is_utf8(value)))
        })
}

fn contains_ignoring_case(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}
