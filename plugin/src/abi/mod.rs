//! proxy-wasm ABI 0.2.1: the only module that names hostcalls and callbacks, and the only one with `unsafe` in it.
//!
//! Why not the proxy-wasm crate: its callbacks are `#[no_mangle]` functions, so a module that links the crate at
//! all, be it for one of its types, imports every hostcall and exports every callback, and one that defines a
//! callback itself does not link (the names clash; tried with 0.2.5, with and without link-time optimisation).
//! Each exported callback costs Envoy a call into the VM per request, the dispatcher behind it costs more than our
//! whole decision may, and the crate's getters panic on header bytes that are not UTF-8 and on statuses they do not
//! expect. The crate serves in `benches/envoy/noop-sdk`, as the yardstick.
//!
//! Exported is what the decision needs and no more. On routes whose bodies say what is asked, the request waits, headers
//! included, until the body has ended or its trailers are there.

mod background;
mod hostcalls;

use crate::buffers;
use crate::filter::{Action, Filter};
use crate::proxy::Proxy;
use hostcalls::WasmHost;
use std::cell::RefCell;

thread_local! {
    // The VM has one thread. The host re-enters the module during a hostcall only to ask for memory, which is
    // kept apart in `buffers`, so this is never borrowed twice; `with_filter` does not rely on that.
    static FILTER: RefCell<Filter> = const { RefCell::new(Filter::new()) };
}

/// Runs one callback. `None` when the filter is already in use, that is, when the host re-entered the module in a
/// way that it never does.
fn with_filter<T>(callback: impl FnOnce(&mut Filter, &mut WasmHost) -> T) -> Option<T> {
    let result = FILTER.with(|filter| {
        let mut filter = filter.try_borrow_mut().ok()?;
        Some(callback(&mut filter, &mut WasmHost))
    });
    buffers::recall();
    result
}

#[expect(unsafe_code, reason = "the linker's own name for the constructors of wasi-libc")]
unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// The marker by which the host knows the ABI's version. Never called.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Called once, first. It has to run the constructors: a module that does not would be given a wrapper around each
/// export which runs them on every call.
#[expect(unsafe_code, reason = "exported to the host by name, and the only caller of the constructors")]
#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    unsafe { __wasm_call_ctors() };
}

/// Memory for what a hostcall returns.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    buffers::lend(size)
}

/// A context begins: a root context (a plugin configuration) when `parent` is 0, else a stream of that root.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    with_filter(|filter, _| filter.on_context_create(context, parent));
}

/// The VM starts. It has no configuration of its own; everything is in the plugin's.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_root: u32, _configuration_size: usize) -> u32 {
    1
}

/// A plugin configuration is to be applied; 0 refuses it.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: u32, configuration_size: usize) -> u32 {
    let accepted = with_filter(|filter, host| filter.on_configure(root, configuration_size, host));
    u32::from(accepted == Some(true))
}

/// The request's headers are complete: the decision, unless it needs the body.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _headers: u32, end_of_stream: u32) -> u32 {
    status(with_filter(|filter, host| filter.on_request_headers(context, end_of_stream != 0, host)))
}

/// Some of the request's body is there: the decision, if it is all and was waited for.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    status(with_filter(|filter, host| filter.on_request_body(context, size, end_of_stream != 0, host)))
}

/// The request ends with trailers: the decision, if it waited for the body. Without this callback a body that ends this
/// way would have no end, and Envoy's default is to let it through.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, _trailers: u32) -> u32 {
    status(with_filter(|filter, host| filter.on_request_trailers(context, host)))
}

/// The answer's headers are complete. This callback and the next two cost a call for every answer, and nothing more unless
/// an answer is filtered.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _headers: u32, end_of_stream: u32) -> u32 {
    status(with_filter(|filter, host| filter.on_response_headers(context, end_of_stream != 0, host)))
}

/// Some of the answer's body is there.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: usize, end_of_stream: u32) -> u32 {
    status(with_filter(|filter, host| filter.on_response_body(context, size, end_of_stream != 0, host)))
}

/// The answer ends with trailers: the end of its body, as with requests.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, _trailers: u32) -> u32 {
    status(with_filter(|filter, host| filter.on_response_trailers(context, host)))
}

/// The ABI's number for an action; the same in every phase.
fn status(action: Option<Action>) -> u32 {
    match action {
        Some(Action::Continue) => 0,
        Some(Action::Pause) => 1,
        None => {
            let _ = WasmHost.send_reply(503, b"filter.reentered", &[0; 4], b"");
            1
        }
    }
}

/// Time to look after what is fetched and counted. Comes as often as the filter asked for, for a root context.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: u32) {
    with_filter(|filter, host| filter.on_tick(root, host));
}

/// The response to a request of the filter's own.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_http_call_response(root: u32, call: u32, headers: u32, body_size: usize, _trailers: u32) {
    with_filter(|filter, host| filter.on_response(root, call, headers, body_size, host));
}

/// A context ends: a stream, decided or not, or a root context, which holds a bundle.
#[expect(unsafe_code, reason = "exported to the host by name")]
#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    with_filter(|filter, host| filter.on_delete(context, host));
}
