//! Decision ids: UUIDs of version 7 (RFC 9562 §5.7), so that they sort by time.

use crate::hex;
use crate::host::Host;

/// The id of one decision, in its textual form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DecisionId([u8; 36]);

impl DecisionId {
    /// The 36 characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only hexadecimal digits and dashes are ever written.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl std::fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Default for DecisionId {
    fn default() -> Self {
        layout(0, 0, 0)
    }
}

/// Makes decision ids without asking the host for randomness each time.
///
/// An id has to be unique, not secret: it names a record and opens nothing. The random part steps through all 64-bit
/// values in a scrambled order that starts where the host's randomness says, so one generator never repeats itself
/// and two of them practically never meet.
#[derive(Debug)]
pub(crate) struct DecisionIds {
    state: u64,
}

impl DecisionIds {
    pub(crate) fn new(host: &mut dyn Host) -> Self {
        let mut seed = [0; 8];
        host.fill_random(&mut seed);
        Self { state: u64::from_le_bytes(seed) }
    }

    /// The next id at a time, in nanoseconds since the Unix epoch.
    pub(crate) fn next(&mut self, now_nanos: u64) -> DecisionId {
        // Steele, Lea and Flood's SplitMix64: a bijection of a counter.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = self.state;
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        random ^= random >> 31;

        let millis = now_nanos / 1_000_000;
        // The twelve bits after the version: the fraction of the millisecond (RFC 9562 §6.2, method 3).
        let fraction = (now_nanos % 1_000_000) * 4096 / 1_000_000;
        layout(millis, fraction, random)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "each half is taken apart into its two halves")]
fn layout(millis: u64, fraction: u64, random: u64) -> DecisionId {
    let high = millis << 16 | 0x7000 | fraction & 0x0fff;
    let low = random >> 2 | 0x8000_0000_0000_0000;
    let [[a, b], [c, d]] = [high, low].map(|half| [(half >> 32) as u32, half as u32].map(hex::digits));
    let mut text = [b'-'; 36];
    text[..8].copy_from_slice(&a);
    text[9..13].copy_from_slice(&b[..4]);
    text[14..18].copy_from_slice(&b[4..]);
    text[19..23].copy_from_slice(&c[..4]);
    text[24..28].copy_from_slice(&c[4..]);
    text[28..].copy_from_slice(&d);
    DecisionId(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::NativeHost;

    #[test]
    fn the_layout_is_version_seven() {
        // RFC 9562, appendix A.6.
        let id = layout(0x017F_22E2_79B0, 0xCC3, 0x18C4_DC0C_0C07_398F << 2);
        assert_eq!(id.as_str(), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    }

    #[test]
    fn ids_differ_and_sort_by_time() {
        let mut ids = DecisionIds::new(&mut NativeHost::at(1));
        let same: Vec<_> = (0..1000).map(|_| ids.next(5).as_str().to_owned()).collect();
        let distinct: std::collections::BTreeSet<_> = same.iter().collect();
        assert_eq!(distinct.len(), same.len());

        let earlier = ids.next(1_700_000_000_000_000_000);
        let later = ids.next(1_700_000_000_000_900_000);
        assert!(earlier.as_str() < later.as_str());
    }
}
