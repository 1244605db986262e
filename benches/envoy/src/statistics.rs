//! Order statistics of the rounds, in integer nanoseconds.

/// First quartile, median and third quartile; sorts the samples.
pub(crate) fn quartiles(samples: &mut [u64]) -> Option<[u64; 3]> {
    samples.sort_unstable();
    let last = samples.len().checked_sub(1)?;
    Some([*samples.get(last / 4)?, *samples.get(last / 2)?, *samples.get(last - last / 4)?])
}

/// Nanoseconds as microseconds with two decimals.
pub(crate) fn micros(nanos: u64) -> String {
    format!("{}.{:02}", nanos / 1000, nanos % 1000 / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_odd_even_and_none() {
        assert_eq!(quartiles(&mut [5, 1, 4, 2, 3]), Some([2, 3, 4]));
        assert_eq!(quartiles(&mut [7]), Some([7, 7, 7]));
        assert_eq!(quartiles(&mut []), None);
    }

    #[test]
    fn micros_keep_their_zeros() {
        assert_eq!(micros(12_034), "12.03");
        assert_eq!(micros(999), "0.99");
    }
}
