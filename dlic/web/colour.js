// ICC profiles: sRGB and Display P3 are shown as they are; other profiles of matrices, and of gray, are converted to one of these.
import { inflate } from "./resources.js";

const MOST = 1 << 24; // bytes of a profile
const SRGB = [0.4361, 0.2225, 0.0139, 0.3851, 0.7169, 0.0971, 0.1431, 0.0606, 0.7141]; // XYZ of red, green and blue at D50
const P3 = [0.5151, 0.2412, -0.0011, 0.292, 0.6922, 0.0419, 0.1571, 0.0666, 0.7841];
const NEAR = 0.002; // between values that different programs write for the same primaries
const CURVE_NEAR = 0.5 / 255; // between codes for the same light: less is lost by rounding
const MOST_LIGHT = (1 << 14) - 1; // steps of light in a table: a code is at least five of them, also in the dark

/** The profile in a chunk of a file: packed, one byte of method in front. */
export async function unpacked(data) {
  return data[0] === 0 ? data.subarray(1) : data[0] === 1 ? inflate(data.subarray(1), MOST) : null;
}

/** Whether this browser's ImageData can be in Display P3; that of others (Firefox 153) is always in sRGB. */
export function showsDisplayP3() {
  return typeof ImageData === "function" && new ImageData(new Uint8ClampedArray(4), 1, 1, { colorSpace: "display-p3" }).colorSpace === "display-p3";
}

/**
 * What to do with pixels of a profile: { space: "srgb" | "display-p3", convert }. `convert` (RGBA in place) is null where nothing
 * is to be done. With `srgb` the space is always that. A profile that this cannot read counts as sRGB.
 */
export function conversion(profile, srgb) {
  const as = { space: "srgb", convert: null };
  try {
    const read = profile && readProfile(profile);
    if (!read) return as;
    const [space, primaries] = srgb || isNear(read.primaries, SRGB) ? ["srgb", SRGB] : ["display-p3", P3];
    const isSpace = isNear(read.primaries, primaries) && read.curves.every((curve) => isSrgbCurve(curve));
    return { space, convert: isSpace ? null : converter(read, primaries) };
  } catch {
    return as; // a damaged profile is no reason to show nothing
  }
}

/** Primaries (nine numbers) and curves (three functions 0 … 1 → 0 … 1) of a profile of RGB by a matrix, or of gray; null for others. */
function readProfile(profile) {
  const view = new DataView(profile.buffer, profile.byteOffset, profile.byteLength);
  const text = (at) => String.fromCharCode(...profile.subarray(at, at + 4));
  if (text(36) !== "acsp") return null;
  const tags = {};
  for (let i = 0; i < Math.min(view.getUint32(128), 100); i++) tags[text(132 + 12 * i)] = view.getUint32(136 + 12 * i);
  const fixed = (at) => view.getInt32(at) / 65536;
  if (text(16) === "GRAY" && "kTRC" in tags) return { primaries: SRGB, curves: Array(3).fill(readCurve(view, text, tags.kTRC, fixed)) };
  if (text(16) !== "RGB " || ["rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC"].some((name) => !(name in tags))) return null;
  const primaries = ["rXYZ", "gXYZ", "bXYZ"].flatMap((name) => [8, 12, 16].map((offset) => fixed(tags[name] + offset)));
  const curves = ["rTRC", "gTRC", "bTRC"].map((name) => readCurve(view, text, tags[name], fixed));
  return { primaries, curves };
}

function readCurve(view, text, at, fixed) {
  if (text(at) === "para") {
    const kind = view.getUint16(at + 8);
    const [g, a = 1, b = 0, c = 0, d = kind === 1 || kind === 2 ? -b / a : 0, e = 0, f = 0] = parameters(kind, at, fixed);
    return (x) => (x >= d ? Math.max(0, a * x + b) ** g + e : c * x + f);
  }
  if (text(at) !== "curv") throw new Error("no curve");
  const count = view.getUint32(at + 8);
  if (count === 0) return (x) => x;
  if (count === 1) return (x) => x ** (view.getUint16(at + 12) / 256);
  const values = Float64Array.from({ length: count }, (_, i) => view.getUint16(at + 12 + 2 * i) / 65535);
  return (x) => {
    const place = Math.min(x * (count - 1), count - 1);
    const before = Math.min(Math.floor(place), count - 2);
    return values[before] + (place - before) * (values[before + 1] - values[before]);
  };
}

/** g, a, b, c, d, e, f of a parametric curve, as far as its kind has them. */
function parameters(kind, at, fixed) {
  const numbers = Array.from({ length: [1, 3, 4, 5, 7][kind] }, (_, i) => fixed(at + 12 + 4 * i));
  if (kind === 2) return [...numbers.slice(0, 3), 0, -numbers[2] / numbers[1], numbers[3], numbers[3]];
  return numbers;
}

function srgbInverse(y) {
  return y <= 0.0031308 ? 12.92 * y : 1.055 * y ** (1 / 2.4) - 0.055;
}

function isSrgbCurve(curve) {
  return [0.02, 0.1, 0.25, 0.5, 0.75, 0.95].every((x) => Math.abs(srgbInverse(curve(x)) - x) < CURVE_NEAR);
}

function isNear(primaries, known) {
  return primaries.every((value, i) => Math.abs(value - known[i]) < NEAR);
}

/** RGBA of the profile → RGBA with primaries `to` and the curve of sRGB, in place. */
function converter({ primaries, curves }, to) {
  const matrix = product(inverse(to), primaries);
  const linear = curves.map((curve) => Float32Array.from({ length: 256 }, (_, i) => curve(i / 255)));
  const coded = Uint8ClampedArray.from({ length: MOST_LIGHT + 1 }, (_, i) => 255 * srgbInverse(i / MOST_LIGHT));
  return (rgba) => {
    for (let at = 0; at < rgba.length; at += 4) {
      const [r, g, b] = [linear[0][rgba[at]], linear[1][rgba[at + 1]], linear[2][rgba[at + 2]]];
      for (let i = 0; i < 3; i++) {
        const value = matrix[i] * r + matrix[3 + i] * g + matrix[6 + i] * b;
        rgba[at + i] = coded[Math.min(MOST_LIGHT, Math.max(0, Math.round(MOST_LIGHT * value)))];
      }
    }
  };
}

/** Of 3×3 matrices, column by column. */
function product(a, b) {
  return Array.from({ length: 9 }, (_, n) => [0, 1, 2].reduce((sum, k) => sum + a[3 * k + (n % 3)] * b[3 * Math.floor(n / 3) + k], 0));
}

function inverse(m) {
  const minor = (i, j) => {
    const at = (row, column) => m[3 * ((column + j) % 3) + ((row + i) % 3)];
    return at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1);
  };
  const determinant = [0, 1, 2].reduce((sum, j) => sum + m[3 * j] * minor(0, j), 0);
  return Array.from({ length: 9 }, (_, n) => minor(Math.floor(n / 3), n % 3) / determinant);
}
