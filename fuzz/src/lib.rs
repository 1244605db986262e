//! A mutator that knows the layout of a compiled policy set: what it changes lies inside tables, so that the checks behind
//! the header are reached.

use libfuzzer_sys::fuzzer_mutate;
use palisade_engine::format::{COUNTS_AT, Table};

/// Values that a careless check lets pass.
const EDGES: [u8; 11] = [0, 1, 2, 3, 4, 7, 8, 0x7F, 0x80, 0xFE, 0xFF];

/// Changes the first `size` bytes of `data`; returns the new size. One time in four, and where the bytes have no such
/// layout, it is libFuzzer's own mutation.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = Random(u64::from(seed));
    let tables = tables(&data[..size]).unwrap_or_default();
    if tables.is_empty() || random.below(4) == 0 {
        return fuzzer_mutate(data, size, max_size);
    }
    for _ in 0..=random.below(3) {
        let (start, count, stride) = tables[random.below(tables.len())];
        let entry = start + random.below(count) * stride;
        let other = start + random.below(count) * stride;
        let field = entry + random.below(stride);
        match random.below(4) {
            // An entry that is valid elsewhere.
            0 => data.copy_within(other..other + stride, entry),
            1 => data[field] = data[field].wrapping_add(1),
            2 => data[field] = data[field].wrapping_sub(1),
            _ => data[field] = EDGES[random.below(EDGES.len())],
        }
    }
    size
}

/// Start, count and stride of each table that has entries; `None` where the bytes are too few for what the header says.
fn tables(bytes: &[u8]) -> Option<Vec<(usize, usize, usize)>> {
    let mut start = COUNTS_AT + 4 * Table::ALL.len();
    let mut tables = Vec::new();
    for (table, count) in Table::ALL.iter().zip(bytes.get(COUNTS_AT..start)?.as_chunks::<4>().0) {
        let count = u32::from_le_bytes(*count) as usize;
        if count > 0 {
            tables.push((start, count, table.stride()));
        }
        start = start.checked_add(count.checked_mul(table.stride())?)?;
    }
    (start <= bytes.len()).then_some(tables)
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((mixed ^ (mixed >> 27)) % bound as u64) as usize
    }
}
