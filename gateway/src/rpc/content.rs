//! What the headers say of a body, before it is read.

use crate::header_map::HeaderMap;

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

/// Checks what the headers say of a body, which has to be of one of the media types.
pub(crate) fn check_content(headers: HeaderMap<'_>, max_body: u32, media_types: &[&str]) -> Result<(), ContentFault> {
    let mut content_type = None;
    for header in headers.iter() {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name.as_bytes());
        if is("content-type") {
            if content_type.replace(header.value).is_some() {
                return Err(ContentFault::Type);
            }
        } else if is("content-encoding") {
            if !header.value.trim_ascii().eq_ignore_ascii_case(b"identity") {
                return Err(ContentFault::Encoding);
            }
        } else if is("upgrade") {
            // What follows is another protocol, and may never end.
            return Err(ContentFault::Upgrade);
        } else if is("content-length") {
            let length = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse::<u64>().ok());
            if length.is_none_or(|length| length > u64::from(max_body)) {
                return Err(ContentFault::TooLarge);
            }
        }
    }
    let is_known = |value| media_types.iter().any(|media_type| is_utf8_of_type(value, media_type));
    if content_type.is_some_and(is_known) { Ok(()) } else { Err(ContentFault::Type) }
}

/// The origin, if the request comes from a web page, has to be one that is listed.
pub(crate) fn origin_is_listed(headers: HeaderMap<'_>, origins: &[String]) -> bool {
    let listed = |value: &[u8]| origins.iter().any(|origin| origin.as_bytes() == value.trim_ascii());
    headers.values("origin").all(listed)
}

/// Whether a content type is that media type, in UTF-8. RFC 8259 gives parameters no meaning, but servers go by `charset`: in UTF-7, `+ACI-` inside
/// a string is the quote that ends it.
pub(crate) fn is_utf8_of_type(value: &[u8], media_type: &str) -> bool {
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
