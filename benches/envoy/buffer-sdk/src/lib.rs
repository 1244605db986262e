//! Yardstick: a filter that holds a request until its body is there, reads the body and lets the request go, on the
//! proxy-wasm crate. What Envoy spends on it is the price of looking at bodies at all.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_http_context(|_, _| Box::new(Buffer));
}}

struct Buffer;

impl Context for Buffer {}

impl HttpContext for Buffer {
    fn on_http_request_headers(&mut self, _headers: usize, end_of_stream: bool) -> Action {
        if end_of_stream { Action::Continue } else { Action::Pause }
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if !end_of_stream {
            return Action::Pause;
        }
        // Looked at, so that no compiler leaves the reading out.
        let sum = self.get_http_request_body(0, size).unwrap_or_default().iter().fold(0, |sum, byte| sum ^ byte);
        std::hint::black_box(sum);
        Action::Continue
    }
}
