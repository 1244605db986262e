//! Order statistics of rounds.

/// First quartile, median and third quartile; not a number where there is nothing.
pub(crate) fn quartiles(samples: &[f64]) -> [f64; 3] {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    [last / 4, last / 2, last - last / 4].map(|index| sorted.get(index).copied().unwrap_or(f64::NAN))
}

/// The middle one.
pub(crate) fn median(samples: &[f64]) -> f64 {
    let [_, median, _] = quartiles(samples);
    median
}

/// The value that this share of the samples, in hundredths, does not exceed.
pub(crate) fn percentile(samples: &mut [u64], hundredths: usize) -> Option<u64> {
    samples.sort_unstable();
    let rank = (samples.len() * hundredths).div_ceil(100);
    samples.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_odd_even_and_none() {
        assert_eq!(quartiles(&[5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&[7.0]), [7.0, 7.0, 7.0]);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn percentiles_are_samples() {
        let mut samples: Vec<_> = (1..=100).rev().collect();
        assert_eq!(percentile(&mut samples, 50), Some(50));
        assert_eq!(percentile(&mut samples, 99), Some(99));
        assert_eq!(percentile(&mut samples, 100), Some(100));
        assert_eq!(percentile(&mut [4], 99), Some(4));
        assert_eq!(percentile(&mut [], 99), None);
    }
}
