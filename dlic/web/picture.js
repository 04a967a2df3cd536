// A file's tiles → its pixels, or those of a part, tile by tile: a tile's pixels depend on the two nearest latents of its neighbours.
import { latentsAlong, LATENT, unitsAlong, UNIT } from "./decoder.js";
import { poolSize, run, throwIfAborted } from "./pool.js";

const HALO = 2; // latents
const PROGRESSIVE = 7; // a kind of file

/**
 * Calls put(part, rgba) for the pixels of `crop` { x, y, width, height }, in the order in which tiles come. `steps`: Int16Array, the
 * offsets of the units of a guarded frame, which is decoded as a whole.
 */
export async function decodeTiles(bytes, picture, model, crop, { gray = false, signal, steps }, put) {
  const needed = new Set([...picture.tiles.keys()].filter((index) => !isEmpty(overlap(picture.tiles[index], crop))));
  const work = new Tiles(bytes, picture, model, { gray, signal, needed, steps });
  const running = new Set();
  try {
    for (const index of needed) {
      throwIfAborted(signal);
      const part = overlap(picture.tiles[index], crop);
      const done = work.pixels(index, part).then((pixels) => put(part, pixels));
      const tracked = done.finally(() => running.delete(tracked));
      running.add(tracked);
      if (running.size > poolSize() + 1) await Promise.race(running); // so that few latents wait in memory
    }
    await Promise.all(running);
  } finally {
    await Promise.allSettled(running);
  }
}

class Tiles {
  #latents = new Map(); // index → promise of { y, edges }

  constructor(bytes, picture, model, options) {
    Object.assign(this, { bytes, picture, model, ...options });
  }

  async pixels(index, part) {
    const tile = this.picture.tiles[index];
    if (this.picture.tiles.length === 1) {
      return this.#run({ name: "unit", tile: this.#coded(index), window: part, gray: this.gray, steps: this.steps });
    }
    const around = grown(inLatents(tile), inLatents({ x: 0, y: 0, ...this.picture }));
    const neighbours = this.#around(index);
    const latents = await Promise.all(neighbours.map((each) => this.#latentsOf(each)));
    const pieces = [];
    for (const [i, each] of neighbours.entries()) {
      const shared = overlap(inLatents(this.picture.tiles[each]), around);
      const values = each === index ? latents[i].own() : latents[i].edge(shared);
      pieces.push({ values, h: shared.height, w: shared.width, top: shared.y - around.y, left: shared.x - around.x });
    }
    this.#forget(index);
    const window = { x: part.x - around.x * LATENT, y: part.y - around.y * LATENT, width: part.width, height: part.height };
    const task = { name: "pixels", h: around.height, w: around.width, pieces, level: this.picture.shown, window, gray: this.gray, steps: this.#stepsOf(part) };
    return this.#run(task, pieces.map((piece) => piece.values.buffer));
  }

  /** The offsets of the units in a tile. */
  #stepsOf({ x, y, width, height }) {
    if (!this.steps) return undefined;
    const [columns, rows, whole] = [unitsAlong(width), unitsAlong(height), unitsAlong(this.picture.width)];
    const steps = new Int16Array(columns * rows);
    for (let row = 0; row < rows; row++) {
      const from = (y / UNIT + row) * whole + x / UNIT;
      steps.set(this.steps.subarray(from, from + columns), row * columns);
    }
    return steps;
  }

  /** The tile itself and those that touch it. */
  #around(index) {
    const { columns, rows } = this.picture;
    const [column, row] = [index % columns, Math.floor(index / columns)];
    const found = [];
    for (let y = Math.max(0, row - 1); y <= Math.min(rows - 1, row + 1); y++) {
      for (let x = Math.max(0, column - 1); x <= Math.min(columns - 1, column + 1); x++) found.push(y * columns + x);
    }
    return found;
  }

  #latentsOf(index) {
    if (!this.#latents.has(index)) {
      const place = inLatents(this.picture.tiles[index]);
      const latents = this.#run({ name: "latents", tile: this.#coded(index) }).then((y) => new Latents(y, place));
      latents.catch(() => {}); // whoever waits for it hears of it
      this.#latents.set(index, latents);
    }
    return this.#latents.get(index);
  }

  /** Lets go of latents that no tile behind `index` needs. */
  #forget(index) {
    for (const each of this.#latents.keys()) {
      if (!this.#around(each).some((user) => user > index && this.needed.has(user))) this.#latents.delete(each);
    }
  }

  /** The streams of a tile's layers; undefined where there are none. */
  #layers(index) {
    const { kind, level, parts, baseParts, baseEntries, tables, tiles, entries, shown } = this.picture;
    if (kind !== PROGRESSIVE) return undefined;
    const own = [entries.slice(0, baseEntries), entries.slice(baseEntries)].map((layer) => layer.filter((_, i) => i % tiles.length === index));
    const all = own.flat();
    const streams = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const { start, length } of all) {
      streams.set(this.bytes.subarray(start, start + length), at);
      at += length;
    }
    const of = Uint32Array.from(all.flatMap(({ length, crc }) => [length, crc]));
    const there = own.map((layer) => layer.length);
    return { streams, entries: of, there, counts: [baseParts, parts], full: level, shown, further: tiles[index].further, tables };
  }

  #coded(index) {
    const { columns, rows, coder, tiles, kind, first } = this.picture;
    const level = kind === PROGRESSIVE ? first : this.picture.level;
    const { start, length, width, height, crc, finer } = tiles[index];
    const [column, row] = [index % columns, Math.floor(index / columns)];
    const seams = (column > 0) | ((row > 0) << 1) | ((column + 1 < columns) << 2) | ((row + 1 < rows) << 3);
    return { stream: this.bytes.slice(start, start + length), width, height, level, coder, crc, finer, seams, layers: this.#layers(index) };
  }

  #run(task, transfer) {
    return run(this.model, task, transfer, this.signal);
  }
}

/** Latents of a tile: its own until they are given away, and copies of its borders for the neighbours. */
class Latents {
  #y;
  #edges;

  constructor(y, place) {
    this.#y = y;
    const { x, y: top, width, height } = place;
    const [wide, high] = [Math.min(HALO, width), Math.min(HALO, height)];
    const rectangles = [
      { x, y: top, width, height: high },
      { x, y: top + height - high, width, height: high },
      { x, y: top, width: wide, height },
      { x: x + width - wide, y: top, width: wide, height },
    ];
    const slots = y.length / (width * height);
    this.#edges = rectangles.map((rectangle) => ({ rectangle, slots, values: cut(y, place, rectangle, slots) }));
  }

  own() {
    return this.#y;
  }

  /** A copy of a part that lies in one of the borders. */
  edge(part) {
    const { rectangle, slots, values } = this.#edges.find((each) => same(overlap(each.rectangle, part), part));
    return cut(values, rectangle, part, slots);
  }
}

function cut(values, outer, part, slots) {
  const to = new Float32Array(part.width * part.height * slots);
  for (let row = 0; row < part.height; row++) {
    const from = ((part.y - outer.y + row) * outer.width + part.x - outer.x) * slots;
    to.set(values.subarray(from, from + part.width * slots), row * part.width * slots);
  }
  return to;
}

function inLatents({ x, y, width, height }) {
  const [left, top] = [x / LATENT, y / LATENT];
  return { x: left, y: top, width: latentsAlong(width), height: latentsAlong(height) };
}

function grown({ x, y, width, height }, whole) {
  return overlap({ x: x - HALO, y: y - HALO, width: width + 2 * HALO, height: height + 2 * HALO }, whole);
}

export function overlap(a, b) {
  const [x, y] = [Math.max(a.x, b.x), Math.max(a.y, b.y)];
  return { x, y, width: Math.min(a.x + a.width, b.x + b.width) - x, height: Math.min(a.y + a.height, b.y + b.height) - y };
}

export function isEmpty({ width, height }) {
  return width <= 0 || height <= 0;
}

function same(a, b) {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}
