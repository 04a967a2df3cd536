// Reads sequences in Node: node play_sequences.mjs SITE OUT < requests. A request is a line of JSON, { file | bytes, options, step }; with
// `step` the file arrives in pieces of so many bytes. Answers have times and types of frames, whose pixels go to OUT.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [site, out] = process.argv.slice(2);
const { openSequence, Sequence } = await import(pathToFileURL(`${site}/dlic.js`));

async function arriving(data, step) {
  const sequence = new Sequence();
  const done = (async () => {
    for (let at = 0; at < data.length; at += step) await sequence.append(data.subarray(at, at + step));
    await sequence.end();
  })();
  done.catch(() => {}); // it is awaited behind the frames
  return { sequence, done };
}

let number = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { file, bytes, options = {}, step } = JSON.parse(line);
  const data = bytes ? Uint8Array.from(bytes) : new Uint8Array(readFileSync(file));
  try {
    const { sequence, done } = step ? await arriving(data, step) : { sequence: await openSequence(data), done: null };
    const frames = [];
    const pixels = [];
    const late = new Set(options.late ?? []);
    for await (const { data: rgba, ...frame } of sequence.frames({ ...options, isLate: ({ index }) => late.has(index) })) {
      frames.push(frame);
      pixels.push(Buffer.from(rgba.buffer, rgba.byteOffset, rgba.length));
    }
    await done;
    writeFileSync(`${out}/${number}.rgba`, Buffer.concat(pixels));
    const { width, height, count, duration, loops } = sequence;
    console.log(JSON.stringify({ width, height, count, duration, loops: String(loops), frames, pixels: `${number++}.rgba` }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, code: error.code ?? error.name }));
  }
}
