// Runs target/palisade.wasm in V8 for the benchmarks: node filter.mjs MODULE CONFIGURATION TOKEN ANSWER SHOWN NOW
//
// For each line `PASSES` of standard input, it asks the filter about so many requests for the list of tools, gives it ANSWER
// for each, and prints the CPU nanoseconds that it took. The first is checked: it leaves SHOWN tools. Hostcalls do next to
// nothing, signatures are taken to be good, and it is NOW, in seconds.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [, , module_path, configuration_path, token, answer_path, shown, now] = process.argv;
const configuration = readFileSync(configuration_path);
const request = Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list"}');
const answer = readFileSync(answer_path);

const OK = 0;
const NOT_FOUND = 1;
const BAD_ARGUMENT = 2;
const CONTINUE = 0;
const PAUSE = 1;
let exports;
let rewritten;
let refusal;

const view = () => new DataView(exports.memory.buffer);
const bytes = (address, length) => Buffer.from(exports.memory.buffer, address, length);
function give(value, out, out_length) {
    const address = exports.proxy_on_memory_allocate(value.length);
    bytes(address, value.length).set(value);
    view().setUint32(out, address, true);
    view().setUint32(out_length, value.length, true);
    return OK;
}

function serialise(pairs) {
    const lengths = Buffer.alloc(4 + 8 * pairs.length);
    lengths.writeUInt32LE(pairs.length, 0);
    pairs.forEach(([name, value], index) => {
        lengths.writeUInt32LE(name.length, 4 + 8 * index);
        lengths.writeUInt32LE(value.length, 8 + 8 * index);
    });
    return Buffer.concat([lengths, ...pairs.map(([name, value]) => Buffer.from(`${name}\0${value}\0`))]);
}
const request_headers = serialise([
    [':authority', 'tools.internal'], [':path', '/mcp'], [':method', 'POST'], [':scheme', 'http'],
    ['content-type', 'application/json'], ['content-length', `${request.length}`],
    ['mcp-protocol-version', '2025-06-18'], ['authorization', `Bearer ${token}`],
]);
const answer_headers = serialise([
    [':status', '200'], ['content-type', 'application/json'], ['content-length', `${answer.length}`],
]);

const buffers = { 0: request, 1: answer, 7: configuration };
const host = {
    proxy_get_buffer_bytes: (buffer, start, max, out, length) =>
        buffer in buffers ? give(buffers[buffer], out, length) : NOT_FOUND,
    proxy_set_buffer_bytes(buffer, start, size, address, length) {
        rewritten ??= JSON.parse(bytes(address, length).toString());
        return OK;
    },
    proxy_get_header_map_pairs: (map, out, length) => give(map === 0 ? request_headers : answer_headers, out, length),
    proxy_get_header_map_value: () => NOT_FOUND,
    proxy_get_current_time_nanoseconds(out) {
        view().setBigUint64(out, BigInt(now) * 1_000_000_000n, true);
        return OK;
    },
    proxy_send_local_response(status, details, length) {
        refusal = `${status} ${bytes(details, length)}`;
        return OK;
    },
    proxy_call_foreign_function: (name, name_length, argument, length, out, out_length) =>
        length === 0 ? BAD_ARGUMENT : give(Buffer.from([8, 1]), out, out_length),
    proxy_get_property: () => NOT_FOUND,
    proxy_get_shared_data: () => NOT_FOUND,
};
const wasi = { random_get: (address, length) => (crypto.getRandomValues(bytes(address, length)), 0) };

const module = new WebAssembly.Module(readFileSync(module_path));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = (from === 'env' ? host : wasi)[name] ?? (() => OK);
}
exports = new WebAssembly.Instance(module, imports).exports;
exports._initialize();
exports.proxy_on_context_create(1, 0);
exports.proxy_on_vm_start(1, 0);
if (exports.proxy_on_configure(1, configuration.length) !== 1) {
    throw new Error('the configuration is refused');
}

let context = 2;
function expect(action, expected) {
    if (action !== expected) {
        throw new Error(`not as it should be: ${refusal}`);
    }
}
function run(passes) {
    for (let pass = 0; pass < passes; pass++) {
        exports.proxy_on_context_create(context, 1);
        expect(exports.proxy_on_request_headers(context, 8, 0), PAUSE);
        expect(exports.proxy_on_request_body(context, request.length, 1), CONTINUE);
        expect(exports.proxy_on_response_headers(context, 3, 0), PAUSE);
        expect(exports.proxy_on_response_body(context, answer.length, 1), CONTINUE);
        exports.proxy_on_delete(context);
        context++;
    }
}
run(1);
if (rewritten?.result.tools.length !== Number(shown)) {
    throw new Error(`${rewritten?.result.tools.length} tools are shown`);
}

for await (const line of createInterface({ input: process.stdin })) {
    const before = process.cpuUsage();
    run(Number(line));
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) * 1000);
}
