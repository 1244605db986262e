//! The hostcalls that the filter uses, and no others: `tests/golden/imports.txt` lists what is linked.
//!
//! Signatures are those of proxy-wasm ABI 0.2.1. Addresses and sizes are 32-bit there and `usize` here, which is
//! the same on wasm32.

use crate::buffers::{self, HostBytes};
use crate::proxy::{HostResult, LogLevel, MetricId, MetricKind, Proxy, Status};

/// `BufferType::HttpRequestBody`.
const REQUEST_BODY: u32 = 0;
/// `BufferType::HttpResponseBody`.
const ANSWER_BODY: u32 = 1;
/// `BufferType::PluginConfiguration`.
const PLUGIN_CONFIGURATION: u32 = 7;
/// `MapType::HttpRequestHeaders`.
const REQUEST_HEADERS: u32 = 0;
/// `MapType::HttpResponseHeaders`.
const RESPONSE_HEADERS: u32 = 2;
/// The gRPC status that says "not gRPC". Envoy itself turns a reply to a gRPC request into gRPC's form.
const NO_GRPC_STATUS: i32 = -1;
/// `Status::Ok`.
const OK: u32 = 0;

#[link(wasm_import_module = "env")]
#[expect(unsafe_code, reason = "hostcalls are foreign functions")]
unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, message_len: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(out: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(buffer: u32, start: usize, max: usize, out: *mut *const u8, out_len: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(buffer: u32, start: usize, size: usize, data: *const u8, data_len: usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, out: *mut *const u8, out_len: *mut usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_len: usize,
        out: *mut *const u8,
        out_len: *mut usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_len: usize,
        value: *const u8,
        value_len: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_len: usize) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_len: usize,
        body: *const u8,
        body_len: usize,
        headers: *const u8,
        headers_len: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_get_property(path: *const u8, path_len: usize, out: *mut *const u8, out_len: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_len: usize, value: *const u8, value_len: usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_len: usize, out: *mut u32) -> u32;
    fn proxy_increment_metric(metric: u32, by: i64) -> u32;
    fn proxy_record_metric(metric: u32, value: u64) -> u32;
    fn proxy_get_shared_data(
        name: *const u8,
        name_len: usize,
        out: *mut *const u8,
        out_len: *mut usize,
        version: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(name: *const u8, name_len: usize, value: *const u8, value_len: usize, version: u32)
    -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_len: usize,
        argument: *const u8,
        argument_len: usize,
        out: *mut *const u8,
        out_len: *mut usize,
    ) -> u32;
}

/// The proxy that runs this module.
#[derive(Debug)]
pub(super) struct WasmHost;

pub(super) fn check(status: u32) -> HostResult<()> {
    if status == OK { Ok(()) } else { Err(Status(status)) }
}

/// Makes a call that returns bytes, and takes them back from the pool.
pub(super) fn receive(call: impl FnOnce(&mut *const u8, &mut usize) -> u32) -> HostResult<HostBytes> {
    let mut address = std::ptr::null();
    let mut len = 0;
    check(call(&mut address, &mut len))?;
    buffers::claim(address, len).ok_or(Status::INVALID_MEMORY_ACCESS)
}

// Every call below hands over the address and length of a live slice, or the address of a live local variable, and
// the host is done with them when it returns. That is all their safety needs.
#[expect(unsafe_code, reason = "hostcalls are foreign functions; each gets only live slices and locals")]
impl Proxy for WasmHost {
    fn now_nanos(&mut self) -> HostResult<u64> {
        let mut nanos = 0;
        check(unsafe { proxy_get_current_time_nanoseconds(&mut nanos) })?;
        Ok(nanos)
    }

    fn fill_random(&mut self, bytes: &mut [u8]) -> HostResult<()> {
        getrandom::fill(bytes).map_err(|_| Status::INTERNAL_FAILURE)
    }

    fn configuration(&mut self, size: usize) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, out, len) })
    }

    fn request_headers(&mut self) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, out, len) })
    }

    fn request_body(&mut self, max: usize) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_buffer_bytes(REQUEST_BODY, 0, max, out, len) })
    }

    fn set_request_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        check(unsafe {
            proxy_replace_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn add_request_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        check(unsafe {
            proxy_add_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn remove_request_header(&mut self, name: &[u8]) -> HostResult<()> {
        check(unsafe { proxy_remove_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len()) })
    }

    fn response_header(&mut self, name: &[u8]) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len(), out, len) })
    }

    fn set_response_header(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        check(unsafe {
            proxy_replace_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len(), value.as_ptr(), value.len())
        })
    }

    fn answer_headers(&mut self) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_header_map_pairs(RESPONSE_HEADERS, out, len) })
    }

    fn answer_body(&mut self, max: usize) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_buffer_bytes(ANSWER_BODY, 0, max, out, len) })
    }

    fn set_answer_body(&mut self, bytes: &[u8]) -> HostResult<()> {
        // As much as there is, and at least one byte: replacing none would put the bytes before the others.
        check(unsafe { proxy_set_buffer_bytes(ANSWER_BODY, 0, usize::MAX, bytes.as_ptr(), bytes.len()) })
    }

    fn remove_response_header(&mut self, name: &[u8]) -> HostResult<()> {
        check(unsafe { proxy_remove_header_map_value(RESPONSE_HEADERS, name.as_ptr(), name.len()) })
    }

    fn send_reply(&mut self, status: u32, details: &[u8], headers: &[u8], body: &[u8]) -> HostResult<()> {
        check(unsafe {
            proxy_send_local_response(
                status,
                details.as_ptr(),
                details.len(),
                body.as_ptr(),
                body.len(),
                headers.as_ptr(),
                headers.len(),
                NO_GRPC_STATUS,
            )
        })
    }

    fn property(&mut self, path: &[u8]) -> HostResult<HostBytes> {
        receive(|out, len| unsafe { proxy_get_property(path.as_ptr(), path.len(), out, len) })
    }

    fn set_property(&mut self, name: &[u8], value: &[u8]) -> HostResult<()> {
        check(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
    }

    fn log(&mut self, level: LogLevel, message: &[u8]) {
        // A refusal has nowhere to go.
        let _ = unsafe { proxy_log(level as u32, message.as_ptr(), message.len()) };
    }

    fn define_metric(&mut self, kind: MetricKind, name: &str) -> HostResult<MetricId> {
        let mut id = 0;
        check(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) })?;
        Ok(MetricId(id))
    }

    fn increment(&mut self, counter: MetricId, by: i64) -> HostResult<()> {
        check(unsafe { proxy_increment_metric(counter.0, by) })
    }

    fn record(&mut self, histogram: MetricId, value: u64) -> HostResult<()> {
        check(unsafe { proxy_record_metric(histogram.0, value) })
    }

    fn shared_data(&mut self, name: &str) -> HostResult<(HostBytes, u32)> {
        let mut version = 0;
        let bytes =
            receive(|out, len| unsafe { proxy_get_shared_data(name.as_ptr(), name.len(), out, len, &mut version) })?;
        Ok((bytes, version))
    }

    fn set_shared_data(&mut self, name: &str, value: &[u8], version: u32) -> HostResult<()> {
        check(unsafe { proxy_set_shared_data(name.as_ptr(), name.len(), value.as_ptr(), value.len(), version) })
    }

    fn call_foreign(&mut self, function: &str, argument: &[u8]) -> HostResult<HostBytes> {
        receive(|out, len| unsafe {
            proxy_call_foreign_function(function.as_ptr(), function.len(), argument.as_ptr(), argument.len(), out, len)
        })
    }
}
