//! The hostcalls of work outside of requests.

use super::hostcalls::{WasmHost, check, receive};
use crate::background::Background;
use crate::buffers::HostBytes;
use crate::proxy::HostResult;

/// `BufferType::HttpCallResponseBody`.
const RESPONSE_BODY: u32 = 4;
/// `MapType::HttpCallResponseHeaders`.
const RESPONSE_HEADERS: u32 = 6;
/// `StreamType::Request`: the stream as the client has it. The host ends it when this callback has returned.
const DOWNSTREAM_REQUEST: u32 = 0;
/// A header map without headers.
const NO_TRAILERS: [u8; 4] = [0; 4];

#[link(wasm_import_module = "env")]
#[expect(unsafe_code, reason = "hostcalls are foreign functions")]
unsafe extern "C" {
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_close_stream(stream: u32) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, out: *mut *const u8, out_len: *mut usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, out: *mut *const u8, out_len: *mut usize) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_len: usize,
        headers: *const u8,
        headers_len: usize,
        body: *const u8,
        body_len: usize,
        trailers: *const u8,
        trailers_len: usize,
        timeout_ms: u32,
        out: *mut u32,
    ) -> u32;
}

// See `super::hostcalls`: each call gets live slices and locals only.
#[expect(unsafe_code, reason = "hostcalls are foreign functions; each gets only live slices and locals")]
impl Background for WasmHost {
    fn set_tick_period(&mut self, milliseconds: u32) -> HostResult<()> {
        check(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
    }

    fn send_request(&mut self, cluster: &str, headers: &[u8], body: &[u8], timeout_ms: u32) -> HostResult<u32> {
        let mut call = 0;
        check(unsafe {
            proxy_http_call(
                cluster.as_ptr(),
                cluster.len(),
                headers.as_ptr(),
                headers.len(),
                body.as_ptr(),
                body.len(),
                NO_TRAILERS.as_ptr(),
                NO_TRAILERS.len(),
                timeout_ms,
                &mut call,
            )
        })?;
        Ok(call)
    }

    fn end_stream(&mut self, root: u32, stream: u32) -> HostResult<()> {
        check(unsafe { proxy_set_effective_context(stream) })?;
        let ended = check(unsafe { proxy_close_stream(DOWNSTREAM_REQUEST) });
        // Whatever comes next in this callback is the root context's.
        check(unsafe { proxy_set_effective_context(root) })?;
        ended
    }

    fn response_headers(&mut self) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_header_map_pairs(RESPONSE_HEADERS, out, len) })
    }

    fn response_body(&mut self, size: usize) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_buffer_bytes(RESPONSE_BODY, 0, size, out, len) })
    }
}
