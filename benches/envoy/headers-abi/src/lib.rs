//! Yardstick: a filter that has the host serialise all request headers, walks over them in place and lets the request go.
//! No filter that decides on headers can do with less.

use std::cell::UnsafeCell;

/// Where the host puts the headers, again and again. Larger than any header map of the measurement.
struct Buffer(UnsafeCell<[u8; 64 * 1024]>);

// A VM has one thread.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; 64 * 1024]));

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_header_map_pairs(map: u32, out: *mut *const u8, out_len: *mut usize) -> u32;
}

/// The marker by which the host knows the ABI's version.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_abi_version_0_2_1() {}

/// No constructors to run.
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {}

/// The one buffer; none where it is too small.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    if size <= 64 * 1024 { BUFFER.0.get().cast() } else { std::ptr::null_mut() }
}

/// No state.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_context_create(_context: u32, _parent: u32) {}

/// Accepts.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_vm_start(_root: u32, _configuration_size: usize) -> u32 {
    1
}

/// Accepts.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_configure(_root: u32, _configuration_size: usize) -> u32 {
    1
}

/// Reads the headers and continues; aborts where they cannot be read, so that no measurement is of a filter that did not.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    let (mut address, mut len) = (std::ptr::null(), 0);
    if unsafe { proxy_get_header_map_pairs(0, &mut address, &mut len) } != 0 {
        std::process::abort();
    }
    // The host has just written as much there.
    let map = unsafe { std::slice::from_raw_parts(address, len) };
    std::hint::black_box(walk(map));
    0
}

/// Adds up the lengths of names and values: a number of headers, as many pairs of lengths, then the texts.
fn walk(map: &[u8]) -> usize {
    let number = |at: usize| {
        map.get(at..at + 4).map_or(0, |bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    (0..number(0)).map(|pair| number(4 + pair * 8) + number(8 + pair * 8)).sum()
}
