//! Yardstick: a filter that does nothing, with the callbacks that a decision on request headers needs and no more.
//! What Envoy spends on it is the floor under any wasm filter.

/// The marker by which the host knows the ABI's version.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_abi_version_0_2_1() {}

/// No constructors to run.
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {}

/// Nothing is asked of the host, so it never needs memory here.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(_size: usize) -> *mut u8 {
    std::ptr::null_mut()
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

/// Continues.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    0
}
