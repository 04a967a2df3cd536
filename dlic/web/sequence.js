// The file of a sequence as it arrives: head, and groups of frames that decode alone (docs/format.md, section 9).
import { DlicError } from "./errors.js";
import { FrameStream } from "./frames.js";
import { isDlic, take, varint } from "./header.js";
import { run } from "./pool.js";

const CHUNK_HEAD = 9; // bytes that hold name and length of every chunk
const LARGEST_HEAD = 256; // bytes

/** Frames of a file, whose bytes may come piece by piece. Times are in seconds. */
export class Sequence {
  #bytes = new Uint8Array(0); // that are not read yet
  #group = null; // the last one, until it is known whether its highest layer follows
  #waiting = []; // resolve functions of those who wait for more
  #work = Promise.resolve();
  #error = null;
  groups = [];
  ended = false; // whether all bytes are here
  head = null;

  /** Takes the next bytes of the file. Resolves when all whole chunks are read; rejects with a DlicError. */
  append(bytes) {
    return this.#then(() => this.#append(bytes));
  }

  /** Says that all bytes are here. */
  end() {
    return this.#then(() => this.#end());
  }

  /** The group of a number, when it is here; null behind the last one. */
  async group(number) {
    while (number >= this.groups.length) {
      if (this.#error) throw this.#error;
      if (this.ended) return null;
      await new Promise((resolve) => this.#waiting.push(resolve));
    }
    return this.groups[number];
  }

  get width() {
    return this.head.width;
  }

  get height() {
    return this.head.height;
  }

  /** Times that the sequence plays; Infinity for ever. */
  get loops() {
    return this.head.loops || Infinity;
  }

  /** Frames that are here so far. */
  get count() {
    const last = this.groups.at(-1);
    return last ? last.first + last.frames.length : 0;
  }

  /** The end of the last frame that is here so far. */
  get duration() {
    return this.groups.at(-1)?.end ?? 0;
  }

  /** Number of the group that is shown at a time, among those that are here. */
  groupAt(time) {
    const after = this.groups.findIndex((group) => group.end > time);
    return after < 0 ? Math.max(0, this.groups.length - 1) : after;
  }

  /**
   * Frames in the order of display: { index, time, duration, type, width, height, data }, `data` RGBA with straight alpha.
   *
   * Options: `from` and `to` in seconds; `halfRate` leaves out the highest layer; `isLate(frame)` says, before a frame is
   * decoded, whether it need not be; `signal`, an AbortSignal. Throws a DlicError.
   */
  async *frames(options = {}) {
    const stream = new FrameStream(this, options);
    try {
      for (let frame = await stream.next(); frame; frame = await stream.next()) yield frame;
    } finally {
      stream.close();
    }
  }

  /** The frame that is shown at a time. */
  async frameAt(time, options = {}) {
    for await (const frame of this.frames({ ...options, from: time })) return frame;
    return null;
  }

  #then(task) {
    const done = this.#work.then(task).catch((error) => {
      this.#error ??= error;
      this.#wake();
      throw error;
    });
    this.#work = done.catch(() => {});
    return done;
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #append(bytes) {
    const whole = new Uint8Array(this.#bytes.length + bytes.length);
    whole.set(this.#bytes);
    whole.set(bytes, this.#bytes.length);
    this.#bytes = whole;
    if (!this.head && !(await this.#readHead())) return;
    while (await this.#readChunk());
    this.#wake();
  }

  async #end() {
    if (!this.head || this.#bytes.length) throw new DlicError("the file is truncated");
    await this.#finishGroup();
    if (!this.groups.length) throw new DlicError("the sequence has no frame that can be shown");
    this.ended = true;
    this.#wake();
  }

  /** Whether the head is there. */
  async #readHead() {
    const start = this.#bytes.slice(0, LARGEST_HEAD);
    if (start.length >= 6 && !isDlic(start)) throw new DlicError("not a .dlic file of version 2");
    if (start.length < LARGEST_HEAD && !wholeHead(start)) return false;
    const head = await run("", { name: "sequence", bytes: start });
    this.head = { ...head, tick: head.numerator / head.denominator, key: hex(head.keyHigh, head.keyLow), inter: hex(head.interHigh, head.interLow) };
    this.#bytes = this.#bytes.subarray(head.chunks);
    return true;
  }

  /** Reads a chunk; whether a whole one was there. */
  async #readChunk() {
    const place = nextChunk(this.#bytes);
    if (!place) return false;
    const { name, start, end } = place;
    const stored = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + end - 4).getUint32(0);
    if ((await run("", { name: "crc", bytes: this.#bytes.slice(0, end - 4) })) !== stored) throw new DlicError("a chunk is damaged: its checksum does not match");
    const data = this.#bytes.slice(start, end - 4);
    this.#bytes = this.#bytes.subarray(end);
    if (name === "btop") this.#addPackets(data, 1);
    else await this.#finishGroup();
    if (name === "GOPS") await this.#readGroup(data);
    else if (!/^[a-z]/.test(name)) throw new DlicError("the file has a chunk that is needed to show it, but unknown to this decoder", "unsupported");
    return true;
  }

  async #readGroup(data) {
    const { pts, start, packets } = await run("", { name: "group", data });
    this.#group = { pts, packets };
    this.#addPackets(data.subarray(start), 0);
  }

  /** Gives packets of the highest layer, or the others, their data. */
  #addPackets(data, highest) {
    const some = this.#group?.packets.filter((packet) => packet.highest === highest) ?? [];
    if (some.reduce((sum, packet) => sum + packet.length, 0) !== data.length) throw new DlicError("the frames of a group are not as long as its table says");
    let at = 0;
    for (const packet of some) {
      packet.data = data.subarray(at, at + packet.length);
      at += packet.length;
    }
  }

  async #finishGroup() {
    if (!this.#group) return;
    const { pts, packets } = this.#group;
    const { tick } = this.head;
    const durations = packets.map((packet) => packet.duration); // of frames in the order of display
    const [first, frames] = [this.count, []];
    let time = pts;
    for (const [number, duration] of durations.entries()) {
      const packet = packets.find((each) => each.number === number);
      const references = [packet.first, packet.second].slice(0, packet.references);
      const type = !references.length ? "key" : references.some((reference) => reference > number) ? "B" : "P";
      frames.push({ index: first + number, number, time: time * tick, end: (time + duration) * tick, type, packet, references });
      time += duration;
    }
    this.groups.push({ first, frames, packets, start: pts * tick, end: time * tick });
    this.#group = null;
  }
}

/** Opens a sequence whose bytes are all here. */
export async function openSequence(bytes) {
  const sequence = new Sequence();
  await sequence.append(bytes);
  await sequence.end();
  return sequence;
}

/** Name of the chunk at the beginning of bytes, and where its data begins and the chunk ends; null if it is not whole. */
function nextChunk(bytes) {
  const from = { bytes, at: 4 };
  try {
    const start = { length: varint(from), at: from.at };
    take(from, start.length + 4);
    return { name: String.fromCharCode(...bytes.subarray(0, 4)), start: start.at, end: from.at };
  } catch (error) {
    if (bytes.length >= CHUNK_HEAD && from.at === CHUNK_HEAD && bytes[8] > 127) throw error; // a length that is none
    return null;
  }
}

/** Whether bytes hold the whole head of a sequence. */
function wholeHead(bytes) {
  const from = { bytes, at: 8 };
  try {
    varint(from), varint(from);
    take(from, 13);
    take(from, varint(from) + 4);
    return true;
  } catch {
    return false;
  }
}

function hex(high, low) {
  return [high, low].map((number) => number.toString(16).padStart(8, "0")).join("");
}
