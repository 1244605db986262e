// Runs target/engine.wasm in V8 for the benchmarks: node measure.mjs MODULE POLICIES TRANSCRIPT
//
// Opens the policies once and prints the CPU nanoseconds that it took: the first call of a fresh VM. Then, for each line
// `EXPORT PASSES` of standard input, calls that export and prints the CPU nanoseconds of that.

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [, , module_path, policies, transcript] = process.argv;
const module = new WebAssembly.Module(readFileSync(module_path));
const imports = {};
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from] ??= {};
    imports[from][name] = () => {
        throw new Error(`the module called ${name}`);
    };
}
const { exports } = new WebAssembly.Instance(module, imports);
exports._initialize?.();

function give(path) {
    const bytes = readFileSync(path);
    const address = exports.input(bytes.length);
    new Uint8Array(exports.memory.buffer, address, bytes.length).set(bytes);
}

// V8 compiles and collects in threads of its own; with its flags as Envoy sets them there is little of either.
function timed(work) {
    const before = process.cpuUsage();
    if (!(work() > 0)) {
        throw new Error('the module refuses');
    }
    const { user, system } = process.cpuUsage(before);
    console.log((user + system) * 1000);
}

give(policies);
timed(() => exports.open());
give(transcript);
for await (const line of createInterface({ input: process.stdin })) {
    const [name, passes] = line.split(' ');
    timed(() => exports[name](Number(passes)));
}
