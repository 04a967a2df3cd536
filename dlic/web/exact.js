// Exact blocks of a picture, over the pixels of its tiles.
import { decodeTiles } from "./picture.js";
import { run } from "./pool.js";

const EXACT_BLOCKS = 6; // a kind of file

/** RGBA of the exact pixels of a part of a picture, or null. */
export async function exactOf(file, picture, part, signal) {
  const alone = picture.kind === EXACT_BLOCKS;
  if (!alone && !picture.chunks.Exac) return null;
  const { width, height } = picture;
  const data = dataOf(file, alone ? picture : picture.chunks.Exac);
  const task = { name: "exact", data, whole: { width, height }, part, gray: "gray" in picture.chunks, crc: alone ? picture.crc : undefined };
  return run("", task, [], signal);
}

/** As `decodeTiles`, with the exact pixels of the crop, or null, over those of the tiles. */
export async function decodeWithExact(exact, file, picture, model, crop, options, put) {
  const putBoth = (part, rgba) => {
    paste(exact, crop, part, rgba);
    put(part, rgba);
  };
  if (picture.kind === EXACT_BLOCKS) putBoth(crop, new Uint8ClampedArray(exact.length));
  else await decodeTiles(file, picture, model, crop, options, putBoth);
}

/** Puts exact pixels in place of those of a tile. */
function paste(exact, crop, part, rgba) {
  if (!exact) return;
  const from = new Uint32Array(exact.buffer);
  const to = new Uint32Array(rgba.buffer);
  for (let row = 0, at = 0; row < part.height; row++) {
    const line = (part.y - crop.y + row) * crop.width + part.x - crop.x;
    for (let column = 0; column < part.width; column++, at++) if (from[line + column]) to[at] = from[line + column];
  }
}

/** The bytes of a chunk, or of the stream. */
export function dataOf(file, { start, length }) {
  return file.subarray(start, start + length);
}
