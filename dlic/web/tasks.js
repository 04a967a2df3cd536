// The work that a pool gives away. A worker, or the page itself, has one desk; a desk has a decoder for each checkpoint.
import { Decoder } from "./decoder.js";

export class Desk {
  #decoders = new Map();
  #module = null;

  /** Does a task { name, model, … } and returns { result, transfer }. `module` and `body` come with the first task of a model. */
  perform({ name, model, module, body, ...task }) {
    this.#module = module ?? this.#module;
    if (!this.#decoders.has(model)) this.#decoders.set(model, new Decoder(this.#module, body));
    const decoder = this.#decoders.get(model);
    if (name === "open") return { result: decoder.open(task.bytes, task.partial), transfer: [] };
    if (name === "sequence") return { result: decoder.sequence(task.bytes), transfer: [] };
    if (name === "group") return { result: decoder.group(task.data), transfer: [] };
    if (name === "crc") return { result: decoder.crc(task.bytes), transfer: [] };
    if (name === "frame") {
      const frame = decoder.frame(task);
      return { result: frame, transfer: [frame.pixels.buffer, frame.motion.buffer] };
    }
    const result = this.#result(decoder, name, task);
    return { result, transfer: [result.buffer] };
  }

  #result(decoder, name, task) {
    if (name === "latents") return decoder.latents(task.tile);
    if (name === "unit") return decoder.unit(task.tile, task.window, task.gray, task.steps);
    if (name === "pixels") return decoder.pixels(task);
    if (name === "alpha") return decoder.alpha(task.data, task.whole, task.part);
    if (name === "steps") return decoder.steps(task);
    if (name === "exact") return decoder.exact(task);
    if (name === "keyAlpha") return decoder.keyAlpha(task);
    if (name === "symbols") return decoder.symbols(task.tile, task.count);
    throw new Error(`there is no task ${name}`);
  }
}
