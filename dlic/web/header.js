// The beginning of a .dlic file and its preview, before any WebAssembly is there. The decoder checks everything else.
import { DlicError } from "./errors.js";

const MAGIC = [0xd2, 0x69, 0x63, 0x0d, 0x0a, 0x1a];

/** Whether bytes begin as a .dlic file of version 2 does. */
export function isDlic(bytes) {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * Size, fingerprint and preview of a file: { width, height, kind, model, preview }. `preview` is a WebP file whose checksum holds,
 * or null. The picture itself is not checked.
 */
export function peek(bytes) {
  if (!isDlic(bytes)) throw new DlicError("not a .dlic file of version 2");
  const from = { bytes, at: 6 };
  const kind = take(from, 1)[0];
  take(from, 1); // coder
  const width = varint(from);
  const height = varint(from);
  take(from, 1); // level
  const model = [...take(from, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  take(from, 4); // of the symbols
  if (!width || !height) throw new DlicError("the header is damaged: no picture has this size");
  return { width, height, kind, model, preview: findPreview(from) };
}

function findPreview(from) {
  try {
    take(from, varint(from) + 4); // the stream and its checksum
    while (from.at < from.bytes.length) {
      const start = from.at;
      const name = String.fromCharCode(...take(from, 4));
      const data = take(from, varint(from));
      const end = from.at;
      const stored = take(from, 4);
      if (name === "thum") return crc32(from.bytes.subarray(start, end)) === new DataView(stored.buffer, stored.byteOffset).getUint32(0) && isWebP(data) ? data : null;
    }
  } catch {
    // A truncated file has no preview; the decoder says so.
  }
  return null;
}

function isWebP(data) {
  return String.fromCharCode(...data.subarray(0, 4), ...data.subarray(8, 12)) === "RIFFWEBP";
}

export function take(from, count) {
  if (!(count <= from.bytes.length - from.at)) throw new DlicError("the file is truncated");
  from.at += count;
  return from.bytes.subarray(from.at - count, from.at);
}

export function varint(from) {
  for (let value = 0, place = 1; place <= 2 ** 28; place *= 128) {
    const byte = take(from, 1)[0];
    value += (byte & 127) * place;
    if (byte < 128) return value;
  }
  throw new DlicError("the header is damaged: a number is too long");
}

export function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
