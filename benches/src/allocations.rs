//! Counts heap allocations and bytes, as the global allocator of the benchmarks and tests that install it.

use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::alloc::{GlobalAlloc, Layout, System};

static COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static LIVE: AtomicI64 = AtomicI64::new(0);
static PEAK: AtomicI64 = AtomicI64::new(0);

/// The system's allocator. It counts only within [`count`], so that it does not slow down what is timed elsewhere.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

/// What a piece of work took from the heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// How often it allocated memory, or let it grow.
    pub allocations: u64,
    /// Bytes by which the heap is larger afterwards.
    pub kept: i64,
    /// The most bytes by which it was larger meanwhile.
    pub peak: i64,
}

/// Does `work` and says what it took from the heap, of which other threads must take nothing meanwhile.
pub fn count<T>(work: impl FnOnce() -> T) -> (T, Usage) {
    ALLOCATIONS.store(0, Ordering::Relaxed);
    LIVE.store(0, Ordering::Relaxed);
    PEAK.store(0, Ordering::Relaxed);
    COUNTING.store(true, Ordering::SeqCst);
    let done = work();
    COUNTING.store(false, Ordering::SeqCst);
    let usage = Usage {
        allocations: ALLOCATIONS.load(Ordering::Relaxed),
        kept: LIVE.load(Ordering::Relaxed),
        peak: PEAK.load(Ordering::Relaxed),
    };
    (done, usage)
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn grown(bytes: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        let live = LIVE.fetch_add(signed(bytes), Ordering::Relaxed) + signed(bytes);
        PEAK.fetch_max(live, Ordering::Relaxed);
    }
}

fn shrunk(bytes: usize) {
    if COUNTING.load(Ordering::Relaxed) {
        LIVE.fetch_sub(signed(bytes), Ordering::Relaxed);
    }
}

#[expect(unsafe_code, reason = "an allocator is an unsafe interface; every call is handed on to the system's as it is")]
// SAFETY: `System` fulfils the contract, and counting neither changes its arguments nor its results.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grown(layout.size());
        // SAFETY: the caller's promises are handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        shrunk(layout.size());
        // SAFETY: the caller's promises are handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        shrunk(layout.size());
        grown(new_size);
        // SAFETY: the caller's promises are handed on.
        unsafe { System.realloc(memory, layout, new_size) }
    }
}
