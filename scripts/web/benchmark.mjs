// Decodes one picture again and again, in turns, on one core: dlic, @jsquash/avif, @jsquash/jxl. Called by scripts/benchmark_web.py.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

const { site, modules, files, rounds } = JSON.parse(readFileSync(process.argv[2]));
globalThis.ImageData ??= class {
  constructor(data, width, height) {
    Object.assign(this, { data, width, height });
  }
};

/** Decoders: name → a function without arguments that decodes once. */
const decoders = {};

const require = createRequire(join(modules, "package.json"));
for (const [name, wasm] of [["avif", "codec/dec/avif_dec.wasm"], ["jxl", "codec/dec/jxl_dec.wasm"]]) {
  if (!files[name]) continue;
  const folder = dirname(require.resolve(`@jsquash/${name}/package.json`));
  const { default: decode, init } = await import(pathToFileURL(join(folder, "decode.js")));
  await init(await WebAssembly.compile(readFileSync(join(folder, wasm))));
  const bytes = new Uint8Array(readFileSync(files[name])).buffer;
  decoders[`@jsquash/${name}`] = () => decode(bytes);
}

const at = (name) => pathToFileURL(join(site, name));
const { Decoder } = await import(at("decoder.js"));
const { loadWeights } = await import(at("resources.js"));
const { peek } = await import(at("header.js"));
const bytes = new Uint8Array(readFileSync(files.dlic));
const body = await loadWeights(peek(bytes).model);
for (const name of ["decoder.wasm", "decoder.relaxed.wasm"]) {
  const code = readFileSync(join(site, name));
  if (!WebAssembly.validate(code)) continue;
  const begin = performance.now();
  const decoder = new Decoder(await WebAssembly.compile(code), body);
  console.error(`${name}: ready after ${(performance.now() - begin).toFixed(0)} ms`);
  decoders[name] = () => {
    const { level, coder, tiles: [tile], width, height } = decoder.open(bytes);
    const stream = bytes.subarray(tile.start, tile.start + tile.length);
    return decoder.unit({ ...tile, level, coder, stream, seams: 0 }, { x: 0, y: 0, width, height }, false);
  };
}

const spent = Object.fromEntries(Object.keys(decoders).map((name) => [name, []]));
for (let round = 0; round < rounds; round++) {
  for (const [name, decode] of Object.entries(decoders)) {
    const [cpu, wall] = [process.cpuUsage(), performance.now()];
    await decode();
    const { user, system } = process.cpuUsage(cpu);
    spent[name].push({ cpu: (user + system) / 1000, wall: performance.now() - wall });
  }
}
console.log(JSON.stringify(spent));
