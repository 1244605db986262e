//! A filter that embeds cedar-policy itself. Its configuration is [`Sources`] as JSON.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use palisade_bench_rules::{Answer, Rules, Sources};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Warn);
    proxy_wasm::set_root_context(|_| Box::<Root>::default());
}}

#[derive(Default)]
struct Root {
    rules: Option<Rc<RefCell<Rules>>>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let sources = self.get_plugin_configuration().and_then(|bytes| serde_json::from_slice::<Sources>(&bytes).ok());
        self.rules = sources.and_then(|sources| Rules::load(sources).ok()).map(|rules| Rc::new(RefCell::new(rules)));
        self.rules.is_some()
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        let rules = self.rules.clone()?;
        Some(Box::new(Stream { rules }))
    }
}

struct Stream {
    rules: Rc<RefCell<Rules>>,
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _headers: usize, _end_of_stream: bool) -> Action {
        let text = |name| self.get_http_request_header_bytes(name).and_then(|bytes| String::from_utf8(bytes).ok());
        let method = text(":method").unwrap_or_default();
        let path = text(":path").unwrap_or_default();
        let authorization = text("authorization");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |since| since.as_secs());
        let status = match self.rules.borrow_mut().decide(&method, &path, authorization.as_deref(), now) {
            Answer::Allow => return Action::Continue,
            Answer::Unauthenticated => 401,
            Answer::Forbidden => 403,
        };
        self.send_http_response(status, vec![], None);
        Action::Pause
    }
}
