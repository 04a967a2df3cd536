// A file that arrives: its bytes so far, and when a progressive picture among them is worth painting.
import { isDlic, peek, take, varint } from "./header.js";

export const SEQUENCE = 5; // kinds of files
export const PROGRESSIVE = 7;
const BEGINNING = 256; // bytes that say what a file is, and hold its header
const GROWTH = 1.8; // of the bytes from one look to the next
const MOST_LOOKS = 4; // before the whole picture

export class Arrival {
  #parts = [];
  #reader;
  #waiting = []; // resolve functions
  #error = null;
  size = 0;
  ended = false;

  /** Of a ReadableStream's reader; of nothing more if it is null. */
  constructor(reader, bytes = null) {
    this.#reader = reader;
    if (bytes) this.#add(bytes);
    this.#receive();
  }

  /** The kind of the file, as soon as its beginning is here; null for what is no .dlic file. */
  async kind() {
    await this.until(BEGINNING);
    const bytes = this.bytes();
    return isDlic(bytes) ? bytes[6] : null;
  }

  /** All bytes that are here. */
  bytes() {
    if (this.#parts.length > 1) this.#parts = [joined(this.#parts)];
    return this.#parts[0] ?? new Uint8Array(0);
  }

  /** Resolves when so many bytes are here, or all. Rejects when the file cannot be read. */
  async until(size) {
    while (this.size < size && !this.ended) {
      if (this.#error) throw this.#error;
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The bytes as they come, from the beginning on. */
  async *pieces() {
    for (let at = 0; ; ) {
      const bytes = this.bytes();
      if (bytes.length > at) yield bytes.subarray(at);
      else if (this.ended) return;
      at = bytes.length;
      await this.until(at + 1);
    }
  }

  /**
   * Beginnings { bytes, hasLayer } of a progressive picture to paint: with the preview; with the first parts of its first layer;
   * then whenever they have grown enough, at most MOST_LOOKS with parts of layers.
   */
  async *looks() {
    let [least, previewed] = [1, false];
    for (let count = 0; count < MOST_LOOKS; ) {
      await this.until(least);
      if (this.ended) return;
      const bytes = this.bytes();
      const hasLayer = hasFirstParts(bytes);
      least = hasLayer ? Math.ceil(bytes.length * GROWTH) : bytes.length + 1;
      if (!hasLayer && (previewed || !peek(bytes).preview)) continue;
      yield { bytes, hasLayer };
      previewed = true;
      count += hasLayer ? 1 : 0;
    }
  }

  async #receive() {
    try {
      for (let part = await this.#reader?.read(); part && !part.done; part = await this.#reader.read()) this.#add(part.value);
      this.ended = true;
    } catch (error) {
      this.#error = error;
    }
    this.#wake();
  }

  #add(bytes) {
    this.#parts.push(bytes);
    this.size += bytes.length;
    this.#wake();
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** Whether every tile of a progressive picture has the first part of its first layer. */
export function hasFirstParts(bytes) {
  const from = { bytes, at: 8 };
  try {
    const [width, height] = [varint(from), varint(from)];
    take(from, 13);
    take(from, varint(from) + 4);
    findBase(from);
    for (let left = tilesOf(from, width, height); left > 0; left--) {
      const length = varint(from);
      take(from, 4 + length);
    }
    return true;
  } catch {
    return false;
  }
}

/** Goes to the data of `Base`. */
function findBase(from) {
  for (let name = ""; name !== "Base"; ) {
    name = String.fromCharCode(...take(from, 4));
    const length = varint(from);
    if (name !== "Base") take(from, length + 4);
  }
}

/** Goes behind the head of the first layer; returns the number of its tiles. */
function tilesOf(from, width, height) {
  const tiled = take(from, 2)[0] === 1;
  const side = tiled ? varint(from) : 0;
  const along = (length) => (tiled ? Math.max(1, Math.floor((2 * length + side) / (2 * side))) : 1);
  const tiles = along(width) * along(height);
  varint(from);
  take(from, tiles + 4);
  return tiles;
}

function joined(parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
