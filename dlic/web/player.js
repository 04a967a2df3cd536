// Plays a sequence in time: frames are painted when they are due, and those that are late are not decoded.
import { FrameStream } from "./frames.js";

const STALLED = 1; // seconds without a new frame, after which late frames are shown too
const LATE = 0.25; // seconds behind, at which the clock waits for the frames

export class Player extends EventTarget {
  #sequence;
  #paint;
  #work = null; // an AbortController while it plays
  #seeking = null; // and while it seeks without playing
  #origin = 0; // of the clock: the moment at which time 0 would have been shown
  #time = 0;
  #plays = 0; // times that the end was reached
  #painted = 0; // moment of the last frame
  ended = false;

  /** `paint(frame)` shows a frame. Events: "play", "pause", "ended", "timeupdate", "error" (detail: a DlicError). */
  constructor(sequence, paint) {
    super();
    this.#sequence = sequence;
    this.#paint = paint;
  }

  get paused() {
    return !this.#work;
  }

  get duration() {
    return this.#sequence.duration;
  }

  /** Seconds; setting it seeks, from the key frame before. */
  get currentTime() {
    return this.#time;
  }

  set currentTime(time) {
    this.seek(time);
  }

  /** Resolves when the frame of this time is shown. */
  async seek(time) {
    const plays = !this.paused;
    this.#stop();
    this.ended = false;
    this.#time = Math.min(Math.max(0, Number(time) || 0), this.duration);
    if (plays) return this.#start();
    const work = (this.#seeking = new AbortController());
    const frame = await this.#sequence.frameAt(this.#time, { signal: work.signal }).catch((error) => this.#report(error, work));
    if (frame && !work.signal.aborted) this.#show(frame);
  }

  play() {
    if (!this.paused) return;
    this.#seeking?.abort();
    if (this.ended) [this.#time, this.#plays] = [0, 0];
    this.ended = false;
    this.#start();
    this.#tell("play");
  }

  pause() {
    if (this.paused) return;
    this.#stop();
    this.#tell("pause");
  }

  #start() {
    this.#work = new AbortController();
    const work = this.#work;
    this.#run(work.signal).catch((error) => this.#report(error, work));
  }

  #stop() {
    this.#work?.abort();
    this.#seeking?.abort();
    this.#work = this.#seeking = null;
  }

  async #run(signal) {
    while (!signal.aborted) {
      await this.#once(signal);
      if (signal.aborted) return;
      this.#time = this.duration;
      if (++this.#plays >= this.#sequence.loops) break;
      this.#time = 0;
    }
    this.#work = null;
    this.ended = true;
    this.#tell("ended");
  }

  /** From the current time to the end. */
  async #once(signal) {
    let begun = false;
    const isLate = (frame) => begun && this.#clock() > frame.end && now() - this.#painted < STALLED;
    const stream = new FrameStream(this.#sequence, { from: this.#time, isLate, signal });
    try {
      await stream.filled();
      for (let frame = await stream.next(); frame; frame = await stream.next()) {
        if (!begun) this.#origin = now() - Math.max(frame.time, this.#time);
        else if (this.#clock() - frame.time > LATE) this.#origin = now() - frame.time;
        begun = true;
        await until(this.#origin + frame.time, signal);
        if (signal.aborted) return;
        this.#show(frame);
      }
      await until(this.#origin + this.duration, signal);
    } finally {
      stream.close();
    }
  }

  /** The time that should be shown. */
  #clock() {
    return now() - this.#origin;
  }

  #show(frame) {
    this.#painted = now();
    this.#time = Math.max(frame.time, Math.min(this.#time, frame.time + frame.duration));
    this.#paint(frame);
    this.#tell("timeupdate");
  }

  #report(error, work) {
    if (work.signal.aborted) return null;
    this.#stop();
    this.dispatchEvent(new CustomEvent("error", { detail: error }));
    return null;
  }

  #tell(type) {
    this.dispatchEvent(new Event(type));
  }
}

function now() {
  return performance.now() / 1000;
}

/** Resolves at a moment, or when the signal aborts. */
function until(moment, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, Math.max(0, 1000 * (moment - now())));
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
    signal.addEventListener("abort", done);
  });
}
