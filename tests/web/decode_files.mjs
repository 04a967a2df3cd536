// Decodes files in Node, as a package's user would: node decode_files.mjs SITE OUT < requests. A request is a line of JSON,
// { file, options }, and so is each answer; pixels go to OUT.
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const [site, out] = process.argv.slice(2);
const { decodePixels, peek } = await import(pathToFileURL(`${site}/dlic.js`));

let number = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { file, options = {}, bytes } = JSON.parse(line);
  const data = bytes ? Uint8Array.from(bytes) : readFileSync(file);
  try {
    const { width, height, colorSpace, ...pixels } = await decodePixels(data, options);
    writeFileSync(`${out}/${number}.rgba`, pixels.data);
    const { preview } = peek(data);
    console.log(JSON.stringify({ width, height, colorSpace, preview: preview?.length ?? 0, pixels: `${number++}.rgba` }));
  } catch (error) {
    console.log(JSON.stringify({ error: error.message, code: error.code ?? error.name }));
  }
}
