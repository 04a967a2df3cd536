// The WebAssembly decoder with the weights of one checkpoint: files → tiles → latents → pixels.
import { DlicError, errorOf } from "./errors.js";

const PICTURE = ["kind", "coder", "width", "height", "level", "crc", "modelHigh", "modelLow", "start", "length", "columns", "rows", "chunks", "side", "first", "tables", "parts", "entries", "baseParts", "baseEntries", "shown"];
const TILE = ["x", "y", "width", "height", "start", "length", "crc", "finer", "further"];
const ENTRY = ["start", "length", "crc"];
const SEQUENCE = [
  "width", "height", "alpha", "loops", "loopsHigh", "numerator", "numeratorHigh", "denominator", "denominatorHigh",
  "keyHigh", "keyLow", "interHigh", "interLow", "primaries", "transfer", "matrix", "range", "subsampling", "depth", "chunks",
];
const GROUP = ["pts", "ptsHigh", "count", "start"];
const PACKET = ["number", "references", "highest", "layer", "level", "first", "second", "length", "crc", "duration", "durationHigh"];
const MAX_CHUNKS = 64;
export const LATENT = 16; // pixels along one
export const UNIT = 32; // pixels along a unit of a guarded key frame

export class Decoder {
  /** `body`: inflated weights; without them a decoder opens files only. */
  constructor(module, body) {
    this.c = new WebAssembly.Instance(module, {}).exports;
    if (body && !this.c.dlic_model(this.#copy(body), body.length)) throw this.#error();
    this.start = this.c.dlic_mark();
  }

  /**
   * Checks a file and reads its header, chunks, tiles, and streams of layers; places are those in the file. `partial`: it
   * may be the beginning of a progressive picture.
   */
  open(bytes, partial) {
    return this.#clean(() => {
      const place = this.#copy(bytes);
      const tiles = this.c.dlic_open(place, bytes.length, partial ? 1 : 0);
      if (!tiles) throw this.#error();
      const head = this.c.dlic_picture();
      const picture = named(PICTURE, this.#numbers(head, PICTURE.length));
      const chunks = {};
      const stored = this.#numbers(head + 4 * PICTURE.length, 3 * MAX_CHUNKS);
      for (let i = 0; i < picture.chunks; i++) chunks[chunkName(stored[3 * i])] = { start: stored[3 * i + 1], length: stored[3 * i + 2] };
      const count = picture.columns * picture.rows;
      const numbers = this.#numbers(tiles, TILE.length * count);
      const each = Array.from({ length: count }, (_, i) => named(TILE, numbers.subarray(TILE.length * i)));
      const streams = picture.baseEntries + picture.entries;
      const places = this.#numbers(this.c.dlic_entries(), ENTRY.length * streams);
      const entries = Array.from({ length: streams }, (_, i) => named(ENTRY, places.subarray(ENTRY.length * i)));
      return { ...picture, chunks, tiles: each, entries };
    });
  }

  /** The latents of a tile, Float32Array (h, w, slots). `seams`: sides with other tiles, 1 left, 2 top, 4 right, 8 bottom. */
  latents(tile) {
    return this.#clean(() => {
      const [h, w] = [tile.height, tile.width].map(latentsAlong);
      const y = this.#latents(tile);
      return new Float32Array(this.c.memory.buffer, y, h * w * this.slots).slice();
    });
  }

  /**
   * RGBA of a window { x, y, width, height } of the picture for latents that are put together from pieces. `steps`: Int16Array, the
   * offsets of the units in the window of a guarded frame.
   */
  pixels({ h, w, pieces, level, window, gray, steps }) {
    return this.#clean(() => {
      const y = this.#take(4 * h * w * this.slots);
      const whole = new Float32Array(this.c.memory.buffer, y, h * w * this.slots);
      for (const piece of pieces) {
        const line = piece.w * this.slots;
        for (let row = 0; row < piece.h; row++) {
          whole.set(piece.values.subarray(row * line, (row + 1) * line), ((piece.top + row) * w + piece.left) * this.slots);
        }
      }
      return this.#pixels(y, h, w, level, window, gray, steps);
    });
  }

  /** RGBA of a window of a picture that is one unit. */
  unit(tile, window, gray, steps) {
    return this.#clean(() => {
      const [h, w] = [tile.height, tile.width].map(latentsAlong);
      return this.#pixels(this.#latents(tile), h, w, tile.layers?.shown ?? tile.level, window, gray, steps);
    });
  }

  /** Transparency of a part of the picture: Uint8Array (height, width). `data` is the chunk's. */
  alpha(data, whole, part) {
    return this.#clean(() => {
      const plane = this.c.dlic_alpha(this.#copy(data), data.length, whole.width, whole.height, part.x, part.y, part.width, part.height);
      if (!plane) throw this.#error();
      return new Uint8Array(this.c.memory.buffer, plane, part.width * part.height).slice();
    });
  }

  /** RGBA of the exact pixels of a part, clear elsewhere. `crc`: of the whole picture, where it has nothing else. */
  exact({ data, whole, part, gray, crc }) {
    return this.#clean(() => {
      const { x, y, width, height } = part;
      const checked = crc !== undefined && width === whole.width && height === whole.height;
      const place = this.c.dlic_exact(this.#copy(data), data.length, whole.width, whole.height, x, y, width, height, checked ? 1 : 0, crc ?? 0);
      if (!place) throw this.#error();
      if (gray) this.c.dlic_gray(place, width * height);
      return new Uint8ClampedArray(this.c.memory.buffer, place, 4 * width * height).slice();
    });
  }

  /** CRC-32 of bytes. */
  crc(bytes) {
    return this.#clean(() => this.c.dlic_crc(this.#copy(bytes), bytes.length) >>> 0);
  }

  /** The steps of the offsets of a guarded key frame's units: Int16Array (h, w). */
  steps({ offsets, width, height }) {
    return this.#clean(() => {
      const place = this.c.dlic_steps(this.#copy(offsets), offsets.length, width, height);
      if (!place) throw this.#error();
      return new Int16Array(this.c.memory.buffer, place, unitsAlong(width) * unitsAlong(height)).slice();
    });
  }

  /** The head of a sequence, from the beginning of its file. */
  sequence(bytes) {
    return this.#clean(() => {
      const head = this.c.dlic_sequence(this.#copy(bytes), bytes.length);
      if (!head) throw this.#error();
      return joined(named(SEQUENCE, this.#numbers(head, SEQUENCE.length)));
    });
  }

  /** The table of a group { pts, start, packets }, from the data of its chunk. */
  group(data) {
    return this.#clean(() => {
      const table = this.c.dlic_group(this.#copy(data), data.length);
      if (!table) throw this.#error();
      const { count, ...group } = joined(named(GROUP, this.#numbers(table, GROUP.length)));
      const numbers = this.#numbers(table + 4 * GROUP.length, PACKET.length * count);
      const packets = Array.from({ length: count }, (_, i) => joined(named(PACKET, numbers.subarray(PACKET.length * i))));
      return { ...group, packets };
    });
  }

  /**
   * A predicted frame { pixels, motion }: RGBA, and what frames that refer to it need of its motion. `references` are one or two
   * such frames; key frames have no motion. `alpha`: the data of the transparency, or null.
   */
  frame({ packet, width, height, level, crc, number, references, alpha }) {
    return this.#clean(() => {
      const [first, second = 0] = references.map(({ pixels }) => this.#copy(pixels));
      const [firstMotion, secondMotion = 0] = references.map(({ motion }) => (motion ? this.#copy(motion) : 0));
      const place = this.#copy(packet);
      const pixels = this.c.dlic_frame(place, packet.length, width, height, level, crc, number, first, second, firstMotion, secondMotion);
      if (!pixels) throw this.#error();
      const motion = new Uint8Array(this.c.memory.buffer, this.c.dlic_motion(), this.c.dlic_motion_size(width, height)).slice();
      if (alpha) this.#frameAlpha(alpha, width, height, first, pixels);
      return { pixels: new Uint8ClampedArray(this.c.memory.buffer, pixels, 4 * width * height).slice(), motion };
    });
  }

  /** RGBA of a key frame with its transparency. */
  keyAlpha({ alpha, width, height, pixels }) {
    return this.#clean(() => {
      const place = this.#copy(pixels);
      this.#frameAlpha(alpha, width, height, 0, place);
      return new Uint8ClampedArray(this.c.memory.buffer, place, 4 * width * height).slice();
    });
  }

  #frameAlpha(data, width, height, first, pixels) {
    if (!this.c.dlic_frame_alpha(this.#copy(data), data.length, width, height, first, pixels)) throw this.#error();
  }

  /** The symbols of a unit, for tests. */
  symbols(tile, count) {
    return this.#clean(() => {
      const { width, height, level, coder, crc } = tile;
      const place = this.c.dlic_symbols(this.#copy(tile.stream), tile.stream.length, width, height, level, coder, crc);
      if (!place) throw this.#error();
      return new Int32Array(this.c.memory.buffer, place, count).slice();
    });
  }

  get slots() {
    return this.c.dlic_slots();
  }

  /** The latents of a tile with its layers { streams, entries (length and crc of each), there, counts, full, shown, further, tables }. */
  #refined({ width, height, level, coder, finer, seams, layers }) {
    const { streams, entries, there, counts, full, shown, further, tables } = layers;
    const of = this.#copy(new Uint8Array(entries.buffer, entries.byteOffset, entries.byteLength));
    const parts = [this.#copy(streams), of, there[0], counts[0], there[1], counts[1]];
    return this.c.dlic_refined(width, height, level, coder, finer, seams, ...parts, full, shown, further, tables);
  }

  #latents(tile) {
    const { stream, width, height, level, coder, crc, finer, seams } = tile;
    if (tile.layers) {
      const refined = this.#refined(tile);
      if (!refined) throw this.#error();
      return refined;
    }
    const y = this.c.dlic_latents(this.#copy(stream), stream.length, width, height, level, coder, crc, finer, seams);
    if (!y) throw this.#error();
    return y;
  }

  #pixels(y, h, w, level, { x, y: top, width, height }, gray, steps) {
    const offsets = steps ? this.#copy(new Uint8Array(steps.buffer, steps.byteOffset, steps.byteLength)) : 0;
    const place = this.c.dlic_pixels(y, h, w, level, x, top, width, height, offsets);
    if (!place) throw this.#error();
    if (gray) this.c.dlic_gray(place, width * height);
    return new Uint8ClampedArray(this.c.memory.buffer, place, 4 * width * height).slice();
  }

  /** Gives all memory back that `work` takes. */
  #clean(work) {
    try {
      return work();
    } finally {
      this.c.dlic_release(this.start);
    }
  }

  #take(size) {
    const place = this.c.dlic_take(size);
    if (!place) throw new DlicError("the picture takes more memory than this decoder may use", "limit");
    return place;
  }

  #copy(bytes) {
    const place = this.#take(bytes.length);
    new Uint8Array(this.c.memory.buffer).set(bytes, place);
    return place;
  }

  #numbers(place, count) {
    return new Uint32Array(this.c.memory.buffer, place, count).slice();
  }

  #error() {
    const bytes = new Uint8Array(this.c.memory.buffer, this.c.dlic_problem());
    return errorOf(new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0))));
  }
}

export function latentsAlong(pixels) {
  return Math.ceil(pixels / LATENT);
}

export function unitsAlong(pixels) {
  return Math.ceil(pixels / UNIT);
}

function named(names, numbers) {
  return Object.fromEntries(names.map((name, i) => [name, numbers[i]]));
}

/** Low and high parts → one number. */
function joined(fields) {
  const whole = {};
  for (const [name, value] of Object.entries(fields)) {
    const low = name.replace(/High$/, "");
    if (low !== name && low in whole) whole[low] += 2 ** 32 * value;
    else whole[name] = value;
  }
  return whole;
}

function chunkName(number) {
  return String.fromCharCode(number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255);
}
