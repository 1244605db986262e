// Runs filters in V8 without a proxy: node --no-liftoff hostcalls.mjs CONFIGURATION REQUESTS MODULE...
//
// Prints the hostcalls of one request, and the CPU time of a request with hostcalls that do next to nothing: what the module
// itself costs. Of several modules, such as one from before a change and one from after it, every round measures each, so
// that a busy machine is as busy for all of them; what one costs beside the first is the median over the rounds. A module
// of `target/bench-envoy/headers-abi.wasm`'s kind shows what the crossings alone cost.
//
// CONFIGURATION is the plugin's; each line of REQUESTS has a path and a token that may read it. Signatures are taken to be
// good: it is about requests whose tokens are known. The flag is Envoy's, and matters: its V8 has one compiler, not two.

import { readFileSync } from 'node:fs';

const ROUNDS = 60;
const PASSES = 2000;
const OK = 0;
const NOT_FOUND = 1;
const BAD_ARGUMENT = 2;
const CONFIGURATION_BUFFER = 7;
// Between two readings of the clock: a decision takes microseconds, and seconds go by now and then.
const TICK_NANOS = 7000;

const [, , configurationPath, requestsPath, ...modulePaths] = process.argv;
const configuration = readFileSync(configurationPath);
const lines = readFileSync(requestsPath, 'utf8').trim().split('\n').map((line) => line.split(' '));

/** A header map as the ABI has it. */
function serialise(pairs) {
  const parts = [Buffer.alloc(4 + 8 * pairs.length)];
  parts[0].writeUInt32LE(pairs.length, 0);
  pairs.forEach(([name, value], index) => {
    parts[0].writeUInt32LE(name.length, 4 + 8 * index);
    parts[0].writeUInt32LE(value.length, 8 + 8 * index);
    parts.push(Buffer.from(`${name}\0${value}\0`));
  });
  return new Uint8Array(Buffer.concat(parts));
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

/** A module with its host. Hostcalls allocate nothing: what is collected later would be counted with whoever runs then. */
class Filter {
  calls = undefined;
  headers = requests[0];
  context = 2;
  reply = undefined;
  clockLow = 0;
  clockHigh = 0;

  constructor(path) {
    this.path = path;
    const now = BigInt(Date.now()) * 1000000n;
    this.clockLow = Number(now & 0xffffffffn);
    this.clockHigh = Number(now >> 32n);
    const module = new WebAssembly.Module(readFileSync(path));
    const imports = {};
    const host = this.host();
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      const work = host[name] ?? (() => OK);
      imports[from] ??= {};
      imports[from][name] = (...args) => this.count(name) ?? work(...args);
      this.direct ??= {};
      this.direct[from] ??= {};
      this.direct[from][name] = work;
    }
    // Once with hostcalls that are counted, and once without, for the measurement.
    this.start(module, imports);
    this.run(requests.length * 4);
    this.calls = new Map();
    this.run(1);
    this.counted = this.calls;
    this.calls = undefined;
    this.start(module, this.direct);
    this.run(requests.length * 40);
  }

  start(module, imports) {
    this.exports = new WebAssembly.Instance(module, imports).exports;
    this.refresh();
    this.exports._initialize();
    this.exports.proxy_on_context_create(1, 0);
    this.exports.proxy_on_vm_start(1, 0);
    if (this.exports.proxy_on_configure(1, configuration.length) !== 1) throw new Error(`${this.path} refused`);
  }

  count(name) {
    this.calls?.set(name, (this.calls.get(name) ?? 0) + 1);
    return undefined;
  }

  /** Memory that grew has another buffer. */
  refresh() {
    this.bytes = new Uint8Array(this.exports.memory.buffer);
    this.view = new DataView(this.exports.memory.buffer);
  }

  give(value, out, outLength) {
    const address = this.exports.proxy_on_memory_allocate(value.length);
    if (this.bytes.length === 0) this.refresh();
    this.bytes.set(value, address);
    this.view.setUint32(out, address, true);
    this.view.setUint32(outLength, value.length, true);
    return OK;
  }

  host() {
    const self = this;
    const signed = new Uint8Array([8, 1]);
    return {
      proxy_get_buffer_bytes: (buffer, start, max, out, length) =>
        buffer === CONFIGURATION_BUFFER ? self.give(configuration, out, length) : NOT_FOUND,
      proxy_get_header_map_pairs: (map, out, length) => self.give(self.headers, out, length),
      proxy_get_current_time_nanoseconds(out) {
        if (self.bytes.length === 0) self.refresh();
        self.clockLow += TICK_NANOS;
        if (self.clockLow >= 2 ** 32) {
          self.clockLow -= 2 ** 32;
          self.clockHigh += 1;
        }
        self.view.setUint32(out, self.clockLow, true);
        self.view.setUint32(out + 4, self.clockHigh, true);
        return OK;
      },
      proxy_send_local_response(status, details, length) {
        self.refresh();
        self.reply = `${status} ${Buffer.from(self.bytes.slice(details, details + length))}`;
        return OK;
      },
      proxy_call_foreign_function: (name, nameLength, argument, length, out, outLength) =>
        length === 0 ? BAD_ARGUMENT : self.give(signed, out, outLength),
      proxy_get_property: () => NOT_FOUND,
      proxy_get_shared_data: () => NOT_FOUND,
      random_get(address, length) {
        if (self.bytes.length === 0) self.refresh();
        crypto.getRandomValues(self.bytes.subarray(address, address + length));
        return OK;
      },
    };
  }

  /** As many requests as Envoy would hand over, from the context's beginning to its end. */
  run(count) {
    const { exports } = this;
    for (let i = 0; i < count; i++) {
      this.headers = requests[i % requests.length];
      exports.proxy_on_context_create(this.context, 1);
      if (exports.proxy_on_request_headers(this.context, 17, 1) !== 0) throw new Error(`${this.path}: ${this.reply}`);
      exports.proxy_on_response_headers?.(this.context, 2, 1);
      exports.proxy_on_delete?.(this.context);
      this.context++;
    }
  }

  /** Microseconds of CPU time a request. */
  time() {
    const before = process.cpuUsage();
    this.run(PASSES);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / PASSES;
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

const filters = modulePaths.map((path) => new Filter(path));
for (const [name, count] of filters[0].counted) console.log(`${count} ${name}`);
const times = filters.map(() => []);
for (let round = 0; round < ROUNDS; round++) {
  filters.forEach((filter, index) => times[index].push(filter.time()));
}
filters.forEach((filter, index) => {
  const beside = times[index].map((time, round) => time / times[0][round]);
  const [least, middle, ratio] = [Math.min(...times[index]), median(times[index]), median(beside)];
  console.log(`min ${least.toFixed(2)} us, median ${middle.toFixed(2)} us, ${ratio.toFixed(3)} of the first: ${filter.path}`);
});
