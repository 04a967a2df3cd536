// .dlic pictures in browsers and in Node.
//
//   import { decode } from "dlic";
//   const bitmap = await decode(bytes, { crop: { x, y, width, height }, scale });
import { canvasFor, scaledSize } from "./canvas.js";
import { conversion, showsDisplayP3, unpacked } from "./colour.js";
import { DlicError } from "./errors.js";
import { dataOf, decodeWithExact, exactOf } from "./exact.js";
import { isDlic, peek } from "./header.js";
import { endWorkers, places, run, throwIfAborted } from "./pool.js";
import { loadWeights, settings } from "./resources.js";
import { openSequence, Sequence } from "./sequence.js";

export { DlicError, endWorkers, isDlic, openSequence, peek, Sequence };

const SEQUENCE = 5; // a kind of file
const MAX_PIXELS = 1 << 27; // of a result: half a gigabyte of memory

/**
 * Where the parts lie. `weights`: the URL of a folder with <fingerprint>.weights, or a function from a fingerprint to a URL or to
 * bytes. `wasm`: a function from "has relaxed SIMD" to a URL or to bytes. `worker`: a function that makes a Worker of worker.js.
 */
export function configure({ weights, wasm, worker }) {
  if (weights !== undefined) settings.weights = weights;
  if (wasm !== undefined) settings.wasm = wasm;
  if (worker !== undefined) places.worker = worker;
}

/** Loads the weights that a file needs, so that later decoding does not wait for them. */
export async function prepare(bytes) {
  await loadWeights(peek(asBytes(bytes)).model);
}

/** A picture as an ImageBitmap, for browsers. Options and errors: `decodePixels`. */
export async function decode(bytes, options) {
  return createImageBitmap(await decodeImageData(bytes, options));
}

/** A picture as ImageData, for browsers: in Display P3 only where the browser's can be. Options and errors: `decodePixels`. */
export async function decodeImageData(bytes, options = {}) {
  if (typeof ImageData !== "function") throw new DlicError("this needs a browser; decodePixels gives pixels anywhere", "unsupported");
  const { data, width, height, colorSpace } = await decodePixels(bytes, showsDisplayP3() ? options : { ...options, colorSpace: "srgb" });
  return new ImageData(data, width, height, { colorSpace });
}

/**
 * A picture's pixels: { data, width, height, colorSpace }, RGBA with straight alpha, "srgb" or "display-p3". Of a sequence those of
 * its first frame.
 *
 * Options: `crop` { x, y, width, height }, a part of the picture; `scale` 0 … 1, by area averages; `maxPixels` of the result;
 * `colorSpace` "srgb", to which wider colours are converted then, or "auto", which is Display P3 where sRGB lacks colours;
 * `partial`, whether the bytes may be the beginning of a progressive picture, with its first layer at least; `signal`, an AbortSignal;
 * `onTile(part, rgba)`, called for each tile at full size as it comes. Throws a DlicError.
 */
export async function decodePixels(bytes, { crop, scale = 1, maxPixels = MAX_PIXELS, colorSpace = "auto", partial = false, signal, onTile } = {}) {
  const file = asBytes(bytes);
  const { kind, model, width, height } = peek(file);
  throwIfAborted(signal);
  checkScale(scale);
  if (colorSpace !== "auto" && colorSpace !== "srgb") throw new RangeError(`colorSpace is "auto" or "srgb", not ${JSON.stringify(colorSpace)}`);
  if (kind === SEQUENCE) return firstFrame(file, checkedCrop(crop, { width, height }), scale, maxPixels, signal);
  const picture = await run("", { name: "open", bytes: file, partial }, [], signal);
  const part = checkedCrop(crop, picture);
  checkPixels(scaledSize(part, scale), maxPixels);
  const parts = [colourOf(file, picture, colorSpace), alphaOf(file, picture, part, signal), exactOf(file, picture, part, signal)];
  const [colours, alpha, exact] = await Promise.all(parts);
  const canvas = canvasFor(part, scale, alpha);
  const put = (place, rgba) => {
    colours.convert?.(rgba);
    canvas.put(place, rgba);
    onTile?.(place, rgba, colours.space);
  };
  await decodeWithExact(exact, file, picture, model, part, { gray: "gray" in picture.chunks, signal }, put);
  return { data: canvas.finish(), width: canvas.width, height: canvas.height, colorSpace: colours.space };
}

async function firstFrame(file, part, scale, maxPixels, signal) {
  checkPixels(scaledSize(part, scale), maxPixels);
  const sequence = await openSequence(file);
  const frame = await sequence.frameAt(0, { signal });
  const canvas = canvasFor(part, scale, null);
  canvas.put(part, cut(frame, part));
  return { data: canvas.finish(), width: canvas.width, height: canvas.height, colorSpace: "srgb" };
}

/** RGBA of a part of a frame. */
function cut({ data, width }, { x, y, width: wide, height }) {
  const to = new Uint8ClampedArray(4 * wide * height);
  for (let row = 0; row < height; row++) to.set(data.subarray(4 * ((y + row) * width + x), 4 * ((y + row) * width + x + wide)), 4 * row * wide);
  return to;
}

async function colourOf(file, { chunks }, colorSpace) {
  const profile = chunks.iccp ? await unpacked(dataOf(file, chunks.iccp)).catch(() => null) : null;
  return conversion(profile, colorSpace === "srgb");
}

/** Transparency of the part, or null. */
async function alphaOf(file, picture, part, signal) {
  if (!picture.chunks.alph) return null;
  const { width, height } = picture;
  return run("", { name: "alpha", data: dataOf(file, picture.chunks.alph), whole: { width, height }, part }, [], signal);
}

function asBytes(bytes) {
  if (bytes instanceof Uint8Array) return bytes;
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
  if (ArrayBuffer.isView(bytes)) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  throw new TypeError("a .dlic file is an ArrayBuffer or a view of one");
}

function checkedCrop(crop, { width, height }) {
  if (crop === undefined) return { x: 0, y: 0, width, height };
  const numbers = [crop.x, crop.y, crop.width, crop.height];
  const inside = crop.x >= 0 && crop.y >= 0 && crop.width >= 1 && crop.height >= 1 && crop.x + crop.width <= width && crop.y + crop.height <= height;
  if (!numbers.every(Number.isInteger) || !inside) throw new RangeError(`the crop ${numbers} does not lie inside the picture's ${width} × ${height} pixels`);
  return { x: crop.x, y: crop.y, width: crop.width, height: crop.height };
}

function checkScale(scale) {
  if (!(scale > 0 && scale <= 1)) throw new RangeError(`a scale is above 0 and at most 1, not ${scale}`);
}

function checkPixels({ width, height }, most) {
  if (width * height > most) throw new DlicError(`the picture would have ${width} × ${height} pixels, more than the limit of ${most}; ask for a crop or a scale`, "limit");
}
