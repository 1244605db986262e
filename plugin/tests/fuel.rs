//! How much a request with a known token costs in the shipped module, by the count of an interpreter, whose fuel is used up by
//! instructions and by bytes that are copied. It is the same on every machine, and stays under the ceilings of
//! `fuel-ceiling`. The time it takes is measured by `benches/envoy`.
//!
//! The module is the one in `PALISADE_WASM`; without it this test fails and does not skip. `PALISADE_UPDATE_GOLDENS=1` rewrites the
//! ceilings, with some room over what was counted.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "../src/fixture.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod fixture;

use fixture::{Fixture, NOW};
use palisade_policy_compiler::keys::Algorithm;
use serde_json::json;
use std::fmt::Write as _;
use std::path::Path;
use wasmi::{Caller, Config, Engine, Extern, Func, Instance, Memory, Module, Store, Val, WasmParams, WasmResults};

/// Percent over what was counted: another version of the compiler makes slightly other code.
const ROOM: u64 = 10;
/// Requests before and while it is counted.
const REQUESTS: u32 = 20;
/// The root context.
const ROOT: u32 = 1;

const OK: i32 = 0;
const NOT_FOUND: i32 = 1;
const REQUEST_BODY: i32 = 0;
const PLUGIN_CONFIGURATION: i32 = 7;

const CONTINUE: u32 = 0;
const PAUSE: u32 = 1;

/// What hostcalls give and take.
#[derive(Default)]
struct World {
    configuration: Vec<u8>,
    headers: Vec<u8>,
    body: Vec<u8>,
    records: Vec<String>,
}

struct Vm {
    store: Store<World>,
    instance: Instance,
}

impl Vm {
    /// The module, with a configuration that it has accepted.
    fn start(module: &[u8], configuration: Vec<u8>) -> Self {
        let mut config = Config::default();
        config.consume_fuel(true);
        let engine = Engine::new(&config);
        let module = Module::new(&engine, module).unwrap();
        let size = u32::try_from(configuration.len()).unwrap();
        let mut store = Store::new(&engine, World { configuration, ..World::default() });
        store.set_fuel(u64::MAX).unwrap();
        let mut imports: Vec<Extern> = Vec::new();
        for import in module.imports() {
            let (name, kind) = (import.name().to_owned(), import.ty().func().expect("a function").clone());
            let call = move |mut caller: Caller<'_, World>, given: &[Val], results: &mut [Val]| {
                let given: Vec<i32> = given.iter().map(|value| value.i32().unwrap_or_default()).collect();
                let status = hostcall(&name, &given, &mut caller);
                results.iter_mut().for_each(|result| *result = Val::I32(status));
                Ok(())
            };
            imports.push(Func::new(&mut store, kind, call).into());
        }
        let instance = Instance::new(&mut store, &module, &imports).unwrap();
        let mut vm = Self { store, instance };
        vm.call::<(), ()>("_initialize", ());
        vm.call::<_, ()>("proxy_on_context_create", (ROOT, 0));
        assert_eq!(vm.call::<_, u32>("proxy_on_configure", (ROOT, size)), 1);
        vm
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, export: &str, parameters: P) -> R {
        let function = self.instance.get_typed_func::<P, R>(&self.store, export).unwrap();
        function.call(&mut self.store, parameters).unwrap()
    }

    /// A request from its beginning to its end, which has to be let through; what it costs.
    fn request(&mut self, context: u32, headers: Vec<u8>) -> u64 {
        self.store.data_mut().headers = headers;
        let before = self.store.get_fuel().unwrap();
        self.call::<_, ()>("proxy_on_context_create", (context, ROOT));
        assert_eq!(self.call::<_, u32>("proxy_on_request_headers", (context, 17_u32, 1_u32)), CONTINUE);
        assert_eq!(self.call::<_, u32>("proxy_on_response_headers", (context, 2_u32, 1_u32)), CONTINUE);
        self.call::<_, ()>("proxy_on_delete", context);
        before - self.store.get_fuel().unwrap()
    }

    /// The same for a request whose body decides.
    fn request_with_body(&mut self, context: u32, headers: Vec<u8>, body: &[u8]) -> u64 {
        let size = u32::try_from(body.len()).unwrap();
        let world = self.store.data_mut();
        (world.headers, world.body) = (headers, body.to_vec());
        let before = self.store.get_fuel().unwrap();
        self.call::<_, ()>("proxy_on_context_create", (context, ROOT));
        assert_eq!(self.call::<_, u32>("proxy_on_request_headers", (context, 17_u32, 0_u32)), PAUSE);
        assert_eq!(self.call::<_, u32>("proxy_on_request_body", (context, size, 1_u32)), CONTINUE);
        assert_eq!(self.call::<_, u32>("proxy_on_response_headers", (context, 2_u32, 1_u32)), CONTINUE);
        self.call::<_, ()>("proxy_on_delete", context);
        before - self.store.get_fuel().unwrap()
    }
}

/// A hostcall of a host that has headers, a clock, and no cryptography; its status.
fn hostcall(name: &str, given: &[i32], caller: &mut Caller<'_, World>) -> i32 {
    let memory = |caller: &Caller<'_, World>| caller.get_export("memory").and_then(Extern::into_memory).unwrap();
    let at = |address: i32| usize::try_from(address).unwrap();
    match (name, given) {
        ("proxy_get_buffer_bytes", [PLUGIN_CONFIGURATION, _, _, out, length]) => {
            let bytes = caller.data().configuration.clone();
            give(caller, memory(caller), &bytes, at(*out), at(*length))
        }
        ("proxy_get_buffer_bytes", [REQUEST_BODY, _, _, out, length]) => {
            let bytes = caller.data().body.clone();
            give(caller, memory(caller), &bytes, at(*out), at(*length))
        }
        ("proxy_get_header_map_pairs", [_, out, length]) => {
            let bytes = caller.data().headers.clone();
            give(caller, memory(caller), &bytes, at(*out), at(*length))
        }
        ("proxy_get_current_time_nanoseconds", [out]) => {
            memory(caller).write(caller, at(*out), &(NOW * 1_000_000_000).to_le_bytes()).unwrap();
            OK
        }
        ("proxy_set_property", [_, _, value, length]) => {
            let mut record = vec![0; at(*length)];
            memory(caller).read(&*caller, at(*value), &mut record).unwrap();
            caller.data_mut().records.push(String::from_utf8(record).unwrap());
            OK
        }
        (
            "proxy_get_property"
            | "proxy_call_foreign_function"
            | "proxy_get_shared_data"
            | "proxy_get_header_map_value",
            _,
        ) => NOT_FOUND,
        ("proxy_send_local_response", _) => panic!("denied: {:?}", caller.data().records.last()),
        _ => OK,
    }
}

/// Hands over bytes: into memory that the module is asked for.
fn give(caller: &mut Caller<'_, World>, memory: Memory, bytes: &[u8], out: usize, length: usize) -> i32 {
    let allocate = caller.get_export("proxy_on_memory_allocate").and_then(Extern::into_func).unwrap();
    let size = u32::try_from(bytes.len()).unwrap();
    let address = allocate.typed::<u32, u32>(&*caller).unwrap().call(&mut *caller, size).unwrap();
    memory.write(&mut *caller, usize::try_from(address).unwrap(), bytes).unwrap();
    memory.write(&mut *caller, out, &address.to_le_bytes()).unwrap();
    memory.write(&mut *caller, length, &size.to_le_bytes()).unwrap();
    OK
}

/// A request as an agent's client sends it.
fn headers(method: &str, path: &str, authorization: &str) -> Vec<u8> {
    let pairs = [
        (":authority", "doors.internal"),
        (":path", path),
        (":method", method),
        (":scheme", "http"),
        ("user-agent", "agent-runtime/3.2 (linux; x86_64) http-client/9.1"),
        ("accept", "application/json, text/event-stream;q=0.9, */*;q=0.1"),
        ("accept-encoding", "gzip, br"),
        ("accept-language", "en"),
        ("cache-control", "no-cache"),
        ("content-type", "application/json"),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("tracestate", "vendor=opaque"),
        ("x-request-id", "5f0c6c1e-8f0d-4f5e-9a53-5d1f8f0d9a10"),
        ("x-intent", "review"),
        ("x-session", "0d9f6a3e"),
        ("authorization", authorization),
        ("x-forwarded-proto", "http"),
    ];
    let mut bytes = u32::try_from(pairs.len()).unwrap().to_le_bytes().to_vec();
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(&u32::try_from(text.len()).unwrap().to_le_bytes());
    }
    for text in pairs.iter().flat_map(|(name, value)| [name, value]) {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

/// A call of a tool, nearly as long as the fixture's route lets bodies be.
const TOOL_CALL: &[u8] = br#"{"jsonrpc":"2.0","id":17,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello fn total(lines: &[Line]) -> Money { sum(lines) } fn total(lines: &[Line]) -> Money { }"}}}"#;

/// The most that requests with these paths in turns cost, once each was there.
fn most(vm: &mut Vm, authorization: &str, paths: &[String]) -> u64 {
    let mut requests = paths.iter().cycle().zip(ROOT + 1..);
    let mut costs = || {
        let (path, context) = requests.next().expect("endless");
        vm.request(context, headers("GET", path, authorization))
    };
    for _ in 0..REQUESTS {
        costs();
    }
    (0..REQUESTS).map(|_| costs()).max().unwrap()
}

/// The most that a call of a tool costs, once others were there.
fn most_of_a_tool_call(vm: &mut Vm, authorization: &str, body: &[u8]) -> u64 {
    let contexts = 1000..1000 + 2 * REQUESTS;
    let costs: Vec<_> =
        contexts.map(|context| vm.request_with_body(context, headers("POST", "/mcp", authorization), body)).collect();
    costs.into_iter().skip(REQUESTS as usize).max().unwrap()
}

#[test]
fn a_warm_request_stays_under_its_ceilings() {
    let path = std::env::var_os("PALISADE_WASM").expect("PALISADE_WASM is not set: run `make test`");
    let module = std::fs::read(path).expect("PALISADE_WASM names a file: run `make plugin`");
    let fixture = Fixture::new(Algorithm::Ed25519);
    let mut vm = Vm::start(&module, fixture.configuration(json!({"decision_log": ["filter_state", "log"]})));
    let authorization = fixture.bearer("alice");
    // As many as a memo does not hold.
    let side_doors: Vec<_> = (0..5).map(|door| format!("/doors/side-{door}")).collect();
    let counted = [
        ("the same question", most(&mut vm, &authorization, &["/doors/front".to_owned()])),
        ("another question each time", most(&mut vm, &authorization, &side_doors)),
        ("a tool call", most_of_a_tool_call(&mut vm, &authorization, TOOL_CALL)),
    ];
    let records = &vm.store.data().records;
    assert_eq!(records.len(), 6 * REQUESTS as usize);
    assert!(records.iter().skip(1).all(|record| record.contains(r#""cached":true"#)), "{records:?}");

    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuel-ceiling");
    if std::env::var_os("PALISADE_UPDATE_GOLDENS").is_some() {
        let mut text = String::new();
        for (name, fuel) in counted {
            writeln!(text, "{name}: {}", fuel + fuel * ROOM / 100).unwrap();
        }
        std::fs::write(&file, text).unwrap();
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.lines().count(), counted.len(), "each has a ceiling");
    for ((name, fuel), line) in counted.iter().zip(text.lines()) {
        let (known, ceiling) = line.rsplit_once(": ").unwrap();
        assert_eq!(*name, known);
        println!("{name}: {fuel} of at most {ceiling}");
        assert!(*fuel <= ceiling.parse().unwrap(), "{name}: {fuel}, over the ceiling of {ceiling}");
    }
}
