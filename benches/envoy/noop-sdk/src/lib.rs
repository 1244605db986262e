//! Yardstick: a filter that does nothing, on the proxy-wasm crate, which imports every hostcall, exports every
//! callback and dispatches through trait objects whatever a filter uses.

use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::LogLevel;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_http_context(|_, _| Box::new(Noop));
}}

struct Noop;

impl Context for Noop {}
impl HttpContext for Noop {}
