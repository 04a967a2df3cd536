// Time that a sequence takes to decode, in Node: dlic web SITE; node [--experimental-wasm-relaxed-simd] scripts/web/sequence.mjs SITE CLIP.dlic
//
// The first reading starts workers and lays out weights; the second is that of a player that runs.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [site, file] = process.argv.slice(2);
const { openSequence } = await import(pathToFileURL(resolve(site, "dlic.js")));
const sequence = await openSequence(readFileSync(file));
for (const name of ["first", "then"]) {
  const [clock, before] = [performance.now(), process.cpuUsage()];
  let count = 0;
  for await (const frame of sequence.frames()) count += frame.data.length > 0;
  const { user, system } = process.cpuUsage(before);
  const [cpu, wall] = [(user + system) / 1000 / count, (performance.now() - clock) / count];
  console.log(`${name}: ${sequence.width} × ${sequence.height}, ${count} frames, ${cpu.toFixed(1)} ms of the processor and ${wall.toFixed(1)} ms of the clock a frame`);
}
