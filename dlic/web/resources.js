// The compiled decoder and the weights of checkpoints: loaded once, weights kept in the Cache API.
import { DlicError } from "./errors.js";
import shipped from "./weights/index.js";

export const isNode = typeof process === "object" && !!process.versions?.node && typeof globalThis.document === "undefined" && typeof globalThis.importScripts === "undefined";
const CACHE = "dlic-weights-2"; // 1: without the data of second layers
const MAGIC = "dlicweb1";
const HEAD = 44; // bytes before the deflated body

// (f32x4.relaxed_madd (v128 × 3)) in a function: engines with relaxed SIMD take it
const RELAXED = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 19, 1, 17, 0, 65, 1, 253, 15, 65, 2, 253, 15, 65, 3, 253, 15, 253, 133, 2, 11];

/** Settings of `configure`. `weights`: a folder's URL, or a function from a fingerprint to a URL or to bytes. */
export const settings = { weights: null, wasm: null };

const loaded = new Map();
let module = null;

/** The compiled decoder: a WebAssembly.Module. */
export function loadModule() {
  module ??= compile().catch((error) => {
    module = null;
    throw new DlicError(`the decoder cannot be loaded: ${error.message}`, "unsupported");
  });
  return module;
}

async function compile() {
  const relaxed = WebAssembly.validate(new Uint8Array(RELAXED));
  const place = settings.wasm?.(relaxed) ?? (relaxed ? new URL("./decoder.relaxed.wasm", import.meta.url) : new URL("./decoder.wasm", import.meta.url));
  return WebAssembly.compile(await bytesOf(place));
}

/** The inflated weights of a checkpoint, by the first eight bytes of its fingerprint in hexadecimal. */
export function loadWeights(model) {
  if (!loaded.has(model)) {
    const body = fetchWeights(model).catch((error) => {
      loaded.delete(model);
      throw error instanceof DlicError ? error : new DlicError(`the weights ${model} cannot be loaded: ${error.message}`, "weights");
    });
    loaded.set(model, body);
  }
  return loaded.get(model);
}

async function fetchWeights(model) {
  const place = await placeOf(model);
  if (!place) throw new DlicError(`made with checkpoint ${model}, whose weights are not here; dlic web makes them, configure({ weights }) names their folder`, "weights");
  const bytes = isPlace(place) && !isFile(place) ? await cached(String(place), model) : await bytesOf(place);
  return inflated(bytes, model);
}

function placeOf(model) {
  if (typeof settings.weights === "function") return settings.weights(model);
  if (settings.weights) return new URL(`${model}.weights`, new URL(`${String(settings.weights).replace(/\/$/, "")}/`, globalThis.location?.href));
  return shipped[model];
}

async function cached(url, model) {
  const cache = await globalThis.caches?.open(CACHE).catch(() => null); // none without https, or in a private window
  const kept = await cache?.match(url);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if (isWeights(bytes, model)) return bytes;
    await cache.delete(url);
  }
  const bytes = await bytesOf(url);
  if (isWeights(bytes, model)) await cache?.put(url, new Response(bytes)).catch(() => {}); // a full disk is no reason to fail
  return bytes;
}

function isWeights(bytes, model) {
  const hex = [...bytes.subarray(8, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return bytes.length > HEAD && String.fromCharCode(...bytes.subarray(0, 8)) === MAGIC && hex === model;
}

async function inflated(bytes, model) {
  if (!isWeights(bytes, model)) throw new DlicError(`the weights ${model} are damaged, or those of another checkpoint`, "weights");
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(40, true);
  const body = await inflate(bytes.subarray(HEAD), size).catch(() => null);
  if (body?.length !== size) throw new DlicError(`the weights ${model} are damaged`, "weights");
  return body;
}

/** Inflates zlib data of at most `most` bytes. */
export async function inflate(data, most) {
  const reader = new Blob([data]).stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const parts = [];
  let size = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    size += part.value.length;
    if (size > most) {
      await reader.cancel();
      throw new DlicError("a chunk of the file is larger than any");
    }
    parts.push(part.value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function isPlace(place) {
  return typeof place === "string" || place instanceof URL;
}

function isFile(place) {
  return isNode && String(place).startsWith("file:");
}

async function bytesOf(place) {
  if (!isPlace(place)) return new Uint8Array(place);
  if (isFile(place)) {
    const { readFile } = await import(/* @vite-ignore */ /* webpackIgnore: true */ "node:" + "fs/promises");
    return new Uint8Array(await readFile(new URL(place)));
  }
  const response = await fetch(place);
  if (!response.ok) throw new DlicError(`${place} cannot be loaded: ${response.status} ${response.statusText}`, "weights");
  return new Uint8Array(await response.arrayBuffer());
}
