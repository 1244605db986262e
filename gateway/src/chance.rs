//! Random numbers for spreading work: workers that start together draw different ones.

/// SplitMix64 from a seed. Good for delays and names, not for secrets.
#[derive(Debug)]
pub(crate) struct Chance {
    seed: u64,
    draws: u64,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, draws: 0 }
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut random = self.seed.wrapping_add(self.draws);
        random = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        random = (random ^ (random >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        random ^ (random >> 31)
    }
}
