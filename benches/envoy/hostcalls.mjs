// Runs the filter in V8 without a proxy: node hostcalls.mjs MODULE CONFIGURATION REQUESTS [PASSES]
//
// Prints the hostcalls of one request, and the CPU time of a request with hostcalls that do nothing: what the module itself
// costs. CONFIGURATION is the plugin's; each line of REQUESTS has a path and a token that may read it. Signatures are taken
// to be good: it is about requests whose tokens are known.

import { readFileSync } from 'node:fs';

const [, , module_path, configuration_path, requests_path, passes = '2000'] = process.argv;
const configuration = readFileSync(configuration_path);
const lines = readFileSync(requests_path, 'utf8').trim().split('\n').map((line) => line.split(' '));

const OK = 0;
const NOT_FOUND = 1;
const BAD_ARGUMENT = 2;
const calls = new Map();
let counting = false;
let headers = Buffer.alloc(0);
let reply;
let exports;

const view = () => new DataView(exports.memory.buffer);
const bytes = (address, length) => Buffer.from(exports.memory.buffer, address, length);
function give(value, out, out_length) {
  const address = exports.proxy_on_memory_allocate(value.length);
  bytes(address, value.length).set(value);
  view().setUint32(out, address, true);
  view().setUint32(out_length, value.length, true);
  return OK;
}

const host = {
  proxy_get_buffer_bytes: (buffer, start, max, out, length) => (buffer === 7 ? give(configuration, out, length) : NOT_FOUND),
  proxy_get_header_map_pairs: (map, out, length) => give(headers, out, length),
  proxy_get_current_time_nanoseconds(out) {
    view().setBigUint64(out, BigInt(Date.now()) * 1000000n, true);
    return OK;
  },
  proxy_send_local_response(status, details, length) {
    reply = { status, details: bytes(details, length).toString() };
    return OK;
  },
  proxy_set_property: (path, length, value, size) => OK,
  proxy_call_foreign_function(name, name_length, argument, length, out, out_length) {
    return length === 0 ? BAD_ARGUMENT : give(Buffer.from([8, 1]), out, out_length);
  },
  proxy_get_property: () => NOT_FOUND,
  proxy_get_shared_data: () => NOT_FOUND,
};
const wasi = {
  random_get: (address, length) => (crypto.getRandomValues(bytes(address, length)), 0),
};
const module = new WebAssembly.Module(readFileSync(module_path));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  const work = (from === 'env' ? host : wasi)[name] ?? (() => OK);
  imports[from] ??= {};
  imports[from][name] = (...args) => {
    if (counting) calls.set(name, (calls.get(name) ?? 0) + 1);
    return work(...args);
  };
}
exports = new WebAssembly.Instance(module, imports).exports;
exports._initialize();

function serialise(pairs) {
  const parts = [Buffer.alloc(4 + 8 * pairs.length)];
  parts[0].writeUInt32LE(pairs.length, 0);
  pairs.forEach(([name, value], index) => {
    parts[0].writeUInt32LE(name.length, 4 + 8 * index);
    parts[0].writeUInt32LE(value.length, 8 + 8 * index);
    parts.push(Buffer.from(`${name}\0${value}\0`));
  });
  return Buffer.concat(parts);
}
const requests = lines.map(([path, token]) => serialise([
  [':authority', 'repos.internal'], [':path', path], [':method', 'GET'], [':scheme', 'http'],
  ['user-agent', 'agent-runtime/3.2 (linux; x86_64) http-client/9.1'],
  ['accept', 'application/json, text/event-stream;q=0.9, */*;q=0.1'], ['accept-encoding', 'gzip, br'], ['accept-language', 'en'],
  ['cache-control', 'no-cache'], ['content-type', 'application/json'],
  ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'], ['tracestate', 'vendor=opaque'],
  ['x-request-id', '5f0c6c1e-8f0d-4f5e-9a53-5d1f8f0d9a10'], ['x-intent', 'review'], ['x-session', '0d9f6a3e'],
  ['authorization', `Bearer ${token}`], ['x-forwarded-proto', 'http'],
]));

exports.proxy_on_context_create(1, 0);
exports.proxy_on_vm_start(1, 0);
if (exports.proxy_on_configure(1, configuration.length) !== 1) throw new Error('refused');
let context = 2;
function run(count) {
  for (let i = 0; i < count; i++) {
    headers = requests[i % requests.length];
    exports.proxy_on_context_create(context, 1);
    if (exports.proxy_on_request_headers(context, 17, 1) !== 0) throw new Error(JSON.stringify(reply));
    exports.proxy_on_delete(context);
    context++;
  }
}
run(requests.length * 4);
counting = true;
run(1);
counting = false;
for (const [name, count] of calls) console.log(`${count} ${name}`);
const times = [];
for (let round = 0; round < 30; round++) {
  const before = process.cpuUsage();
  run(Number(passes));
  const { user, system } = process.cpuUsage(before);
  times.push((user + system) / Number(passes));
}
times.sort((a, b) => a - b);
console.log(`min ${times[0].toFixed(2)} us, median ${times[15].toFixed(2)} us`);
