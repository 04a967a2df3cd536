// Frames of a sequence in the order of display, decoded ahead by the pool with bounded memory.
import { canvasFor } from "./canvas.js";
import { DlicError } from "./errors.js";
import { decodeWithExact, exactOf } from "./exact.js";
import { crc32, take, varint } from "./header.js";
import { poolSize, run, throwIfAborted } from "./pool.js";

const MEMORY = 96 << 20; // bytes of frames that are decoded ahead
const MOST_AHEAD = 12; // frames
const MAX_FRAME = 1 << 25; // pixels
const MOST_REFERENCES = 1 << 30; // bytes of frames that wait for others
const LAYERED = 128; // added to the kind of a key frame that has a layer of exact blocks
const GUARDED = 64; // added where the offsets of a guarded frame follow
const EXACT_CHUNK = [..."Exac"].map((letter) => letter.charCodeAt(0));

/** One reading of a sequence. A job decodes a frame; `users` are the jobs that need it, at once or by others. */
export class FrameStream {
  #jobs = []; // in the order of coding, those that wait
  #order = []; // jobs to show, in the order of display
  #running = 0;
  #group = 0; // number of the next one
  #loading = false;
  #opened;
  #waiting = []; // resolve functions of those who wait for a change
  #error = null;
  #closed = false;
  #held = 0; // frames in memory

  constructor(sequence, { from = 0, to = Infinity, halfRate = false, isLate = () => false, signal } = {}) {
    Object.assign(this, { sequence, from, to, halfRate, isLate, signal });
    signal?.addEventListener("abort", () => this.close(), { once: true });
    const start = () => (this.#group = sequence.groupAt(from));
    this.#opened = sequence.group(0).then(start).catch((error) => (this.#error = error));
  }

  /** The next frame; null behind the last one. */
  async next() {
    await this.#opened;
    for (;;) {
      throwIfAborted(this.signal);
      if (this.#error) throw this.#error;
      if (this.#closed) return null;
      while (this.#order[0]?.state === "dropped") this.#order.shift();
      const [first] = this.#order;
      if (first?.state === "ready") return this.#given(this.#order.shift());
      if (!first && this.#group === null) return null;
      await this.#change();
    }
  }

  /** Resolves when as many frames are ready as may be, of those that are here. */
  async filled() {
    await this.#opened;
    this.#pump();
    while (!this.#error && !this.#closed && (this.#running || (this.#loading && !this.#order.length))) await this.#change();
  }

  /** Lets go of all frames. */
  close() {
    this.#closed = true;
    this.#jobs = this.#order = [];
    this.#wake();
  }

  #change() {
    const changed = new Promise((resolve) => this.#waiting.push(resolve));
    this.#pump();
    return changed;
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #given(job) {
    const { frame } = job;
    const data = job.uses ? job.decoded.pixels.slice() : job.decoded.pixels;
    job.shown = true;
    this.#free(job);
    this.#pump();
    const { width, height } = this.sequence;
    return { index: frame.index, time: frame.time, duration: frame.end - frame.time, type: frame.type, width, height, data };
  }

  get #ahead() {
    const { width, height } = this.sequence;
    return Math.max(2, Math.min(MOST_AHEAD, Math.floor(MEMORY / (4 * width * height))));
  }

  /** Starts as many jobs as may run. */
  #pump() {
    while (!this.#closed && !this.#error && this.#running <= poolSize()) {
      const [job] = this.#jobs;
      if (!job) return this.#load();
      const first = this.#order[0]?.state === "waiting";
      if (!first && this.#order.filter((each) => each.state !== "waiting").length >= this.#ahead) return;
      this.#jobs.shift();
      if (job.references.some((reference) => reference.state === "dropped") || this.#isLate(job)) this.#drop(job);
      else this.#start(job);
    }
  }

  #isLate(job) {
    return [job, ...job.users].every((each) => !each.wanted || each.state === "dropped" || this.isLate(each.frame));
  }

  #drop(job) {
    job.state = "dropped";
    for (const reference of job.references) this.#used(reference);
    this.#wake();
  }

  async #start(job) {
    job.state = "running";
    this.#running++;
    this.#held++;
    try {
      const { width, height } = this.sequence;
      if (this.#held * 4 * width * height > MOST_REFERENCES) throw new DlicError("the frames that wait for others take more memory than this decoder may use", "limit");
      const references = await Promise.all(job.references.map((reference) => reference.done));
      job.resolve((job.decoded = await decodeFrame(this.sequence.head, job.frame, references, this.signal)));
      job.state = "ready";
    } catch (error) {
      this.#error ??= error;
      job.resolve(null);
    }
    this.#running--;
    for (const reference of job.references) this.#used(reference);
    if (!this.#error) this.#free(job);
    this.#wake();
    this.#pump();
  }

  #used(reference) {
    reference.uses--;
    this.#free(reference);
  }

  #free(job) {
    if (job.state !== "ready" || job.uses || (job.wanted && !job.shown)) return;
    job.state = "gone";
    job.decoded = job.done = null;
    this.#held--;
  }

  /** Makes the jobs of the next group. */
  #load() {
    if (this.#loading || this.#group === null) return;
    this.#loading = true;
    const loaded = this.sequence.group(this.#group).then((group) => {
      if (!group || group.start >= this.to) this.#group = null;
      else this.#add(group);
    });
    loaded
      .catch((error) => (this.#error ??= error))
      .finally(() => {
        this.#loading = false;
        this.#wake();
        this.#pump();
      });
  }

  #add(group) {
    this.#group++;
    const last = !group.frames.some((frame) => frame.end > this.from); // behind the end the last frame is shown
    const isWanted = ({ index, time, end, packet }) =>
      (end > this.from || (last && index === group.frames.at(-1).index)) && time < this.to && !(packet.highest && (this.halfRate || !packet.data));
    const jobs = new Map();
    for (const packet of group.packets) jobs.set(packet.number, newJob(group.frames[packet.number], isWanted(group.frames[packet.number])));
    for (const job of jobs.values()) job.references = job.frame.references.map((number) => jobs.get(number));
    const needed = new Set();
    for (const job of [...jobs.values()].reverse()) {
      if (!job.wanted && !needed.has(job)) continue;
      needed.add(job);
      for (const reference of job.references) {
        needed.add(reference);
        reference.uses++;
        for (const user of [job, ...job.users]) reference.users.add(user);
      }
    }
    this.#jobs.push(...[...jobs.values()].filter((job) => needed.has(job)));
    const shown = [...jobs.values()].filter((job) => job.wanted).sort((a, b) => a.frame.number - b.frame.number);
    for (const [i, job] of shown.entries()) job.frame = { ...job.frame, end: shown[i + 1]?.frame.time ?? group.end };
    this.#order.push(...shown);
  }
}

function newJob(frame, wanted) {
  const job = { frame, wanted, state: "waiting", uses: 0, users: new Set(), shown: false, decoded: null };
  job.done = new Promise((resolve) => (job.resolve = resolve));
  return job;
}

/** A frame { pixels, motion }, given those it refers to. */
async function decodeFrame(head, { packet, number, references: numbers }, references, signal) {
  const { width, height } = head;
  if (width * height > MAX_FRAME) throw new DlicError(`frames of ${width} × ${height} pixels are larger than this decoder shows`, "limit");
  if (references.includes(null)) throw new DlicError("a frame refers to one that is lost");
  const { data, alpha } = withoutAlpha(packet.data, head.alpha);
  const { level, crc } = packet;
  if (numbers.length) return run(head.inter, { name: "frame", packet: data, width, height, level, crc, number, references, alpha }, [], signal);
  const pixels = await decodeStill(head, data, packet, signal);
  return { pixels: alpha ? await run("", { name: "keyAlpha", alpha, width, height, pixels }, [], signal) : pixels, motion: null };
}

function withoutAlpha(data, hasAlpha) {
  if (!hasAlpha) return { data: data.slice(), alpha: null };
  const from = { bytes: data, at: 0 };
  const alpha = take(from, varint(from)).slice();
  return { data: data.slice(from.at), alpha };
}

async function decodeStill(head, data, packet, signal) {
  const { file: bytes, offsets } = stillFile(head, data, packet);
  const steps = offsets && (await run("", { name: "steps", offsets, width: head.width, height: head.height }, [], signal));
  const picture = await run("", { name: "open", bytes }, [], signal);
  const whole = { x: 0, y: 0, width: head.width, height: head.height };
  const canvas = canvasFor(whole, 1, null);
  const exact = await exactOf(bytes, picture, whole, signal);
  await decodeWithExact(exact, bytes, picture, head.key, whole, { signal, steps }, (part, rgba) => canvas.put(part, rgba));
  return canvas.finish();
}

/** A key frame as the file of a picture, and its offsets or null; its exact blocks become a chunk. */
function stillFile(head, data, { level, crc }) {
  if (data.length < 2) throw new DlicError("a key frame is damaged: it is too short");
  const from = { bytes: data, at: 2 };
  const [kind, coder] = [data[0] % GUARDED, data[1]];
  const layer = data[0] & LAYERED ? take(from, varint(from)) : null;
  if (layer && `${take(from, 4)}` !== `${bigEndian(crc32(layer))}`) throw new DlicError("a key frame is damaged: the checksum of its exact blocks does not match");
  const offsets = data[0] & GUARDED ? take(from, varint(from)).slice() : null;
  const start = [0xd2, 0x69, 0x63, 0x0d, 0x0a, 0x1a, kind, coder, ...varintOf(head.width), ...varintOf(head.height), level];
  const fields = [head.keyHigh, head.keyLow, crc ^ (offsets ? crc32(offsets) : 0)].flatMap(bigEndian);
  const file = withCrc([...start, ...fields, ...varintOf(data.length - from.at)], data.subarray(from.at));
  return { file: layer ? joined(file, withCrc([...EXACT_CHUNK, ...varintOf(layer.length)], layer)) : file, offsets };
}

function withCrc(head, data) {
  const checked = joined(head, data);
  return joined(checked, bigEndian(crc32(checked)));
}

function joined(first, second) {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}

function varintOf(number) {
  return number < 128 ? [number] : [(number % 128) | 128, ...varintOf(Math.floor(number / 128))];
}

function bigEndian(number) {
  return [number >>> 24, (number >>> 16) & 255, (number >>> 8) & 255, number & 255];
}
