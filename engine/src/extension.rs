//! Cedar's extension types: their literals and their arithmetic.

mod datetime;
mod decimal;
mod ip;

pub(crate) use datetime::{DATETIMES, to_date, to_time};
pub use datetime::{parse_datetime, parse_duration};
pub use decimal::parse_decimal;
pub use ip::{IpNetwork, parse_ip};

/// Text that is no literal of the extension type it was offered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionError;

impl core::fmt::Display for ExtensionError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("not a literal of this extension type")
    }
}

impl core::error::Error for ExtensionError {}

/// The number that `digits` denote; an error for anything but ASCII digits, for none at all, and on overflow.
fn number(digits: &str) -> Result<i64, ExtensionError> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ExtensionError);
    }
    digits.parse().map_err(|_| ExtensionError)
}
