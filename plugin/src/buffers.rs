//! The memory into which the host copies what a hostcall returns.
//!
//! For each value it returns, the host calls `proxy_on_memory_allocate`, copies, and reports address and length
//! through the hostcall's out-parameters. The buffers are handed out from a pool and go back to it when the value
//! is dropped, so that a warm request allocates nothing. The address that comes back is only ever *compared* with
//! those of the buffers on loan: a host that reports memory it was never given gets an error, not our trust, and
//! no pointer is dereferenced on this side.

use std::cell::RefCell;
use std::ops::Deref;

/// Most idle buffers kept. A request holds one or two at a time.
const IDLE: usize = 4;

/// Largest buffer kept when idle, in bytes: Envoy's default limit for all request headers is 60 KiB. A larger one
/// (a plugin configuration with its bundle) is freed.
const IDLE_BYTES: usize = 128 * 1024;

thread_local! {
    static POOL: RefCell<Pool> = const { RefCell::new(Pool { idle: Vec::new(), lent: Vec::new() }) };
}

/// Every byte of every buffer is initialised: `len` only grows, so reuse costs no clearing.
struct Pool {
    idle: Vec<Vec<u8>>,
    lent: Vec<Vec<u8>>,
}

/// Bytes that the host wrote. Dropping them returns their buffer to the pool.
#[derive(Debug, Default)]
pub struct HostBytes {
    buffer: Vec<u8>,
    len: usize,
}

impl HostBytes {
    /// Copies bytes, as a host would: for fakes in tests.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self { buffer: bytes.to_vec(), len: bytes.len() }
    }
}

impl Deref for HostBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // `claim` checked the length.
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Drop for HostBytes {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        // A value dropped while the pool is in use, which no code here does, is freed instead.
        let _ = POOL.try_with(|pool| {
            if let Ok(mut pool) = pool.try_borrow_mut() {
                pool.store(buffer);
            }
        });
    }
}

impl Pool {
    fn store(&mut self, buffer: Vec<u8>) {
        if buffer.capacity() > 0 && buffer.capacity() <= IDLE_BYTES && self.idle.len() < IDLE {
            self.idle.push(buffer);
        }
    }
}

/// Lends a buffer of at least `size` bytes to the host. Null, which the host reports as a failed call, when there
/// is no memory for it.
pub fn lend(size: usize) -> *mut u8 {
    POOL.with(|pool| {
        let Ok(mut pool) = pool.try_borrow_mut() else {
            return std::ptr::null_mut();
        };
        let mut buffer = pool.idle.pop().unwrap_or_default();
        // Even an empty value gets an address of its own.
        let size = size.max(1);
        if buffer.len() < size {
            if buffer.try_reserve(size - buffer.len()).is_err() {
                return std::ptr::null_mut();
            }
            buffer.resize(size, 0);
        }
        let address = buffer.as_mut_ptr();
        pool.lent.push(buffer);
        address
    })
}

/// Takes back what the host wrote at `address`. `None` when that is not memory it was lent.
pub fn claim(address: *const u8, len: usize) -> Option<HostBytes> {
    if len == 0 {
        return Some(HostBytes::default());
    }
    POOL.with(|pool| {
        let mut pool = pool.try_borrow_mut().ok()?;
        let index = pool.lent.iter().position(|buffer| buffer.as_ptr() == address && len <= buffer.len())?;
        let buffer = pool.lent.swap_remove(index);
        Some(HostBytes { buffer, len })
    })
}

/// Takes back every buffer still on loan. Called between callbacks, when the host holds none: a hostcall that
/// failed after asking for memory leaves its buffer behind.
pub fn recall() {
    POOL.with(|pool| {
        if let Ok(mut pool) = pool.try_borrow_mut() {
            while let Some(buffer) = pool.lent.pop() {
                pool.store(buffer);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the host does: asks for memory and copies into it. Copies by way of the pool, which owns the memory.
    fn host_writes(bytes: &[u8]) -> *const u8 {
        let address = lend(bytes.len());
        POOL.with(|pool| {
            let mut pool = pool.borrow_mut();
            let buffer = pool.lent.iter_mut().find(|b| b.as_ptr() == address);
            buffer.unwrap()[..bytes.len()].copy_from_slice(bytes);
        });
        address
    }

    #[test]
    fn several_values_live_at_once() {
        let first = host_writes(b"configuration");
        let second = host_writes(b"property");
        assert_ne!(first, second);
        let second = claim(second, 8).unwrap();
        let first = claim(first, 13).unwrap();
        assert_eq!((&first[..], &second[..]), (&b"configuration"[..], &b"property"[..]));
    }

    #[test]
    fn a_buffer_is_reused_and_shows_only_the_new_value() {
        drop(claim(host_writes(b"a long value"), 12).unwrap());
        let address = host_writes(b"short");
        assert_eq!(&claim(address, 5).unwrap()[..], b"short");
        assert_eq!(POOL.with(|pool| pool.borrow().idle.len()), 1);
    }

    #[test]
    fn an_address_that_was_not_lent_is_refused() {
        let address = host_writes(b"abc");
        assert!(claim(address.wrapping_add(1), 2).is_none());
        assert!(claim(std::ptr::null(), 3).is_none());
        assert!(claim(address, usize::MAX).is_none());
        assert!(claim(address, 3).is_some());
        assert!(claim(address, 3).is_none(), "claimed twice");
    }

    #[test]
    fn an_empty_value_needs_no_memory() {
        assert_eq!(&claim(std::ptr::null(), 0).unwrap()[..], b"");
    }

    #[test]
    fn memory_that_cannot_be_had_is_null() {
        assert!(lend(usize::MAX).is_null());
        assert!(lend(isize::MAX.unsigned_abs()).is_null());
    }

    #[test]
    fn what_a_failed_call_left_is_recalled() {
        let address = host_writes(b"abc");
        recall();
        assert!(claim(address, 3).is_none());
        assert_eq!(POOL.with(|pool| (pool.borrow().idle.len(), pool.borrow().lent.len())), (1, 0));
    }

    #[test]
    fn large_and_surplus_buffers_are_freed() {
        let large = host_writes(&vec![1; IDLE_BYTES + 1]);
        drop(claim(large, 1).unwrap());
        let many: Vec<_> = (0..2 * IDLE).map(|_| host_writes(b"x")).collect();
        for address in many {
            drop(claim(address, 1).unwrap());
        }
        assert_eq!(POOL.with(|pool| pool.borrow().idle.len()), IDLE);
    }
}
