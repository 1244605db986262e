//! Yardstick: a filter that holds a request until its body is there, reads the body and lets the request go. No filter
//! that decides on bodies can do with less.

use std::cell::UnsafeCell;

/// Where the host puts the body, again and again. Larger than any body of the measurement.
struct Buffer(UnsafeCell<[u8; 64 * 1024]>);

// A VM has one thread.
unsafe impl Sync for Buffer {}

static BUFFER: Buffer = Buffer(UnsafeCell::new([0; 64 * 1024]));

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, out: *mut *const u8, out_len: *mut usize) -> u32;
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

/// Waits for the body, if there is one.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, end_of_stream: u32) -> u32 {
    u32::from(end_of_stream == 0)
}

/// Waits for all of the body, reads it and continues; aborts where it cannot be read, so that no measurement is of a filter
/// that did not.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_body(_context: u32, size: usize, end_of_stream: u32) -> u32 {
    if end_of_stream == 0 {
        return 1;
    }
    let (mut address, mut len) = (std::ptr::null(), 0);
    if unsafe { proxy_get_buffer_bytes(0, 0, size, &mut address, &mut len) } != 0 {
        std::process::abort();
    }
    // The host has just written as much there.
    let body = unsafe { std::slice::from_raw_parts::<u8>(address, len) };
    std::hint::black_box(body.iter().fold(0, |sum, byte| sum ^ byte));
    0
}
