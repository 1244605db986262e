//! `ipaddr`: an IPv4 or IPv6 address, or a range of them in CIDR notation.

use core::net::IpAddr;

use super::{ExtensionError, number};

/// An address with its prefix length. Bits behind the prefix are kept: `10.0.0.1/24` differs from `10.0.0.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IpNetwork {
    address: IpAddr,
    prefix: u8,
}

/// The longest text of an address and its prefix.
const LONGEST_TEXT: usize = 43;

impl IpNetwork {
    /// The range of `address` with that prefix length; `None` where the family has no such length.
    #[must_use]
    pub const fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        if prefix <= bits(address) { Some(Self { address, prefix }) } else { None }
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The prefix length in bits.
    #[must_use]
    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    pub(crate) const fn is_ipv4(self) -> bool {
        self.address.is_ipv4()
    }

    pub(crate) const fn is_loopback(self) -> bool {
        self.address.is_loopback() && self.prefix >= if self.is_ipv4() { 8 } else { 128 }
    }

    pub(crate) const fn is_multicast(self) -> bool {
        self.address.is_multicast() && self.prefix >= if self.is_ipv4() { 4 } else { 8 }
    }

    /// Whether every address of this range is one of `other`'s. Families never mix.
    pub(crate) fn is_in_range(self, other: Self) -> bool {
        if self.is_ipv4() != other.is_ipv4() || self.prefix < other.prefix {
            return false;
        }
        let host_bits = u32::from(bits(self.address)) - u32::from(other.prefix);
        let network = |address| match address {
            IpAddr::V4(address) => u128::from(u32::from(address)),
            IpAddr::V6(address) => u128::from(address),
        };
        let difference = network(self.address) ^ network(other.address);
        difference.checked_shr(host_bits).unwrap_or(0) == 0
    }
}

const fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The range that an `ipaddr` literal denotes, such as `10.0.0.0/8` or `::1`.
///
/// # Errors
/// Anything that Cedar refuses: leading zeros, IPv4 written inside IPv6, prefixes with a sign, a leading zero or too
/// many digits.
pub fn parse_ip(text: &str) -> Result<IpNetwork, ExtensionError> {
    let twice = |needle: char| text.matches(needle).nth(1).is_some();
    if text.len() > LONGEST_TEXT || (twice(':') && twice('.')) {
        return Err(ExtensionError);
    }
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| ExtensionError)?;
    let prefix = match prefix {
        None => bits(address),
        Some(digits) => {
            let most_digits = if address.is_ipv4() { 2 } else { 3 };
            if digits.len() > most_digits || (digits.starts_with('0') && digits != "0") {
                return Err(ExtensionError);
            }
            u8::try_from(number(digits)?).map_err(|_| ExtensionError)?
        }
    };
    IpNetwork::new(address, prefix).ok_or(ExtensionError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpNetwork {
        parse_ip(text).expect(text)
    }

    #[test]
    fn a_single_address_is_its_own_range() {
        assert_eq!(ip("1.1.1.1"), ip("1.1.1.1/32"));
        assert_ne!(ip("10.0.0.1/24"), ip("10.0.0.0/24"));
    }

    #[test]
    fn ranges() {
        assert!(ip("10.0.0.1/24").is_in_range(ip("10.0.0.0/24")));
        assert!(ip("10.0.0.0/24").is_in_range(ip("0.0.0.0/0")));
        assert!(!ip("10.0.0.0/8").is_in_range(ip("10.0.0.0/24")));
        assert!(!ip("::1").is_in_range(ip("0.0.0.0/0")));
        assert!(ip("ffee::1").is_in_range(ip("ffee::/64")));
        assert!(ip("::1").is_in_range(ip("::/0")));
    }

    #[test]
    fn classes_need_the_whole_range() {
        assert!(ip("127.0.0.1/8").is_loopback());
        assert!(!ip("127.0.0.1/7").is_loopback());
        assert!(ip("224.0.0.0/4").is_multicast());
        assert!(!ip("224.0.0.0/3").is_multicast());
    }

    #[test]
    fn not_literals() {
        for text in [
            "",
            "/",
            "127.0.0.1/",
            "127.0.0.1/032",
            "127.0.0.1/33",
            "127.0.0.1/+8",
            "01.1.1.1",
            "::ffff:10.0.0.1",
            "::1/129",
            "1.1.1",
            "1.1.1.1/8/8",
            "fe80::1%eth0",
            "127.0.0.1/008",
        ] {
            assert_eq!(parse_ip(text), Err(ExtensionError), "{text}");
        }
    }
}
