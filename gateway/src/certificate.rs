//! X.509-SVIDs (SPIFFE X.509-SVID): the identity in a client certificate.
//!
//! The TLS layer validates chain and signature; what is read here is the little that it does not tell: the one URI, what the
//! certificate may be used for, and until when. The reader takes DER as it must be (X.690 §10) and nothing looser.

use crate::token::{Validity, WorkloadId};

/// An identity from a client certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Svid {
    /// The SPIFFE ID, which is known to read.
    pub(crate) id: String,
    pub(crate) validity: Validity,
}

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// `uniformResourceIdentifier` among the general names (RFC 5280 §4.2.1.6).
const URI: u8 = 0x86;

const KEY_USAGE: [u8; 3] = [0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: [u8; 3] = [0x55, 0x1d, 0x13];

/// Bits of `KeyUsage` (RFC 5280 §4.2.1.3), the first bit first.
const DIGITAL_SIGNATURE: u8 = 0x80;
const SIGNS_OTHERS: u8 = 0x04 | 0x02;

impl Svid {
    /// Reads a certificate. `None` if it is no X.509-SVID of a workload: it has not exactly one URI, that is no SPIFFE ID, or it
    /// may sign others (X.509-SVID §2, §4).
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut outer = Der(der);
        let mut certificate = Der(outer.take(SEQUENCE)?);
        outer.finish()?;
        let mut body = Der(certificate.take(SEQUENCE)?);
        body.take(VERSION)?;
        body.take(INTEGER)?;
        body.take(SEQUENCE)?;
        body.take(SEQUENCE)?;
        let mut validity = Der(body.take(SEQUENCE)?);
        let validity = Validity { from_ms: validity.time()?, until_ms: validity.time()?.checked_add(1000)? };
        body.take(SEQUENCE)?;
        body.take(SEQUENCE)?;
        let extensions = loop {
            // The unique identifiers that may stand between are of a time before this.
            let (tag, content) = body.next()?;
            if tag == EXTENSIONS {
                break content;
            }
        };
        let mut list = Der(Der(extensions).take(SEQUENCE)?);
        let (mut id, mut usage) = (None, None);
        while !list.is_empty() {
            let mut extension = Der(list.take(SEQUENCE)?);
            let name = extension.take(OBJECT_IDENTIFIER)?;
            let (tag, content) = extension.next()?;
            let value = if tag == BOOLEAN { extension.take(OCTET_STRING)? } else { content };
            if tag != BOOLEAN && tag != OCTET_STRING {
                return None;
            }
            if name == SUBJECT_ALT_NAME {
                if id.replace(single_uri(value)?).is_some() {
                    return None;
                }
            } else if name == KEY_USAGE {
                let bits = Der(value).take(BIT_STRING)?;
                // The first byte counts unused bits; all that matter are in the second.
                if usage.replace(*bits.get(1)?).is_some() {
                    return None;
                }
            } else if name == BASIC_CONSTRAINTS && is_authority(value)? {
                return None;
            }
        }
        let usage = usage?;
        if usage & DIGITAL_SIGNATURE == 0 || usage & SIGNS_OTHERS != 0 {
            return None;
        }
        let id = std::str::from_utf8(id?).ok()?;
        WorkloadId::read_spiffe(id)?;
        Some(Self { id: id.to_owned(), validity })
    }
}

fn single_uri(names: &[u8]) -> Option<&[u8]> {
    let mut names = Der(Der(names).take(SEQUENCE)?);
    let mut uri = None;
    while !names.is_empty() {
        let (tag, content) = names.next()?;
        if tag == URI && uri.replace(content).is_some() {
            return None;
        }
    }
    uri
}

/// `cA` of the basic constraints; absent means no.
fn is_authority(constraints: &[u8]) -> Option<bool> {
    let mut constraints = Der(Der(constraints).take(SEQUENCE)?);
    if constraints.is_empty() {
        return Some(false);
    }
    let (tag, content) = constraints.next()?;
    Some(tag == BOOLEAN && content != [0])
}

/// DER, read from the front.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn finish(&self) -> Option<()> {
        self.is_empty().then_some(())
    }

    /// The next value: its tag, of one byte, and its content. Lengths take their shortest form.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, first, rest @ ..] = self.0 else { return None };
        let (len, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81 => {
                let (len, rest) = rest.split_first()?;
                (Some(usize::from(*len)).filter(|len| *len > 0x7f)?, rest)
            }
            0x82 => {
                let (len, rest) = rest.split_first_chunk::<2>()?;
                (Some(usize::from(u16::from_be_bytes(*len))).filter(|len| *len > 0xff)?, rest)
            }
            // A certificate has no 64 KiB.
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some((*tag, content))
    }

    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    /// A time (RFC 5280 §4.1.2.5), in milliseconds since the Unix epoch.
    fn time(&mut self) -> Option<u64> {
        let (tag, content) = self.next()?;
        let digits = content.strip_suffix(b"Z")?;
        let number = |from: usize, len: usize| {
            let digits = digits.get(from..from.checked_add(len)?)?;
            digits
                .iter()
                .try_fold(0u64, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
        };
        let (year, at) = match (tag, digits.len()) {
            (UTC_TIME, 12) => {
                let year = number(0, 2)?;
                (if year < 50 { 2000 + year } else { 1900 + year }, 2)
            }
            (GENERALIZED_TIME, 14) => (number(0, 4)?, 4),
            _ => return None,
        };
        let [month, day, hour, minute, second] =
            [number(at, 2)?, number(at + 2, 2)?, number(at + 4, 2)?, number(at + 6, 2)?, number(at + 8, 2)?];
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        // Years begin in March, so that a leap day is the last of its year.
        let year = if month <= 2 { year.checked_sub(1)? } else { year };
        let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = (365 * year + year / 4 - year / 100 + year / 400 + day_of_year).checked_sub(719_468)?;
        Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1000)
    }
}

#[cfg(test)]
mod tests;
