/** A part of a picture in pixels: `x` from the left, `y` from the top. */
export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface DecodeOptions {
  /** Only this part; of a picture in tiles, only its tiles are decoded. */
  crop?: Rectangle;
  /** Above 0 and at most 1: the size of the result, by area averages. */
  scale?: number;
  /** Larger results are refused before memory is taken; 2²⁷ by default. */
  maxPixels?: number;
  /** "srgb": wider colours are converted to sRGB. "auto", the default: Display P3 where sRGB lacks colours. */
  colorSpace?: "auto" | "srgb";
  /** The bytes may be the beginning of a progressive picture, with the first part of its first layer at least. */
  partial?: boolean;
  signal?: AbortSignal;
  /** Called for each tile at full size, in the order in which they come. */
  onTile?: (part: Rectangle, rgba: Uint8ClampedArray, colorSpace: "srgb" | "display-p3") => void;
}

export interface Pixels {
  /** RGBA with straight alpha. */
  data: Uint8ClampedArray;
  width: number;
  height: number;
  colorSpace: "srgb" | "display-p3";
}

export interface Peek {
  width: number;
  height: number;
  /** 0 learned, 1 learned in tiles, 5 a sequence, 6 exact blocks, 7 progressive; others are not shown. */
  kind: number;
  /** The first eight bytes of the checkpoint's fingerprint in hexadecimal; of a sequence the checkpoint of its key frames. */
  model: string;
  /** A WebP file. */
  preview: Uint8Array | null;
}

export type Bytes = ArrayBuffer | ArrayBufferView;

export type ErrorCode = "corrupt" | "unsupported" | "weights" | "limit" | "network" | "aborted";

export class DlicError extends Error {
  code: ErrorCode;
  constructor(message: string, code?: ErrorCode);
}

export interface Frame {
  /** From 0. */
  index: number;
  /** When it is shown, in seconds. */
  time: number;
  /** Seconds, up to the next frame. */
  duration: number;
  type: "key" | "P" | "B";
  width: number;
  height: number;
  /** RGBA with straight alpha. */
  data: Uint8ClampedArray;
}

export interface FrameOptions {
  /** Frames that are shown after this time; seconds. Decoding begins at the key frame before. */
  from?: number;
  /** Frames that begin before this time. */
  to?: number;
  /** Leaves out the highest layer: about half of the frames. */
  halfRate?: boolean;
  /** Asked before a frame is decoded: whether it may be left out. */
  isLate?: (frame: { index: number; time: number; end: number; type: string }) => boolean;
  signal?: AbortSignal;
}

/** A clip or animation. Its bytes may come piece by piece: frames of what is here can be read. Times are in seconds. */
export class Sequence {
  readonly width: number;
  readonly height: number;
  /** Frames that are here so far. */
  readonly count: number;
  /** End of the last frame that is here so far. */
  readonly duration: number;
  /** Times that it plays; Infinity for ever. */
  readonly loops: number;
  /** Whether all bytes are here. */
  readonly ended: boolean;
  append(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
  /** Frames in the order of display, at most twelve decoded ahead. */
  frames(options?: FrameOptions): AsyncGenerator<Frame, void>;
  /** The frame that is shown at a time. */
  frameAt(time: number, options?: { signal?: AbortSignal }): Promise<Frame | null>;
}

/** Opens a sequence whose bytes are all here. */
export function openSequence(bytes: Uint8Array): Promise<Sequence>;

/** A picture as an ImageBitmap, or the first frame of a sequence; browsers only. */
export function decode(bytes: Bytes, options?: DecodeOptions): Promise<ImageBitmap>;

/** A picture as ImageData, or the first frame of a sequence; browsers only. Its space is Display P3 only where the browser knows that. */
export function decodeImageData(bytes: Bytes, options?: DecodeOptions): Promise<ImageData>;

/** A picture's pixels, or those of the first frame of a sequence, anywhere. */
export function decodePixels(bytes: Bytes, options?: DecodeOptions): Promise<Pixels>;

/** Whether bytes begin as a .dlic file of version 2. */
export function isDlic(bytes: Uint8Array): boolean;

/** Size, checkpoint and preview of a file, at once and without WebAssembly; the picture is not checked. */
export function peek(bytes: Uint8Array): Peek;

/** Loads the weights that a file needs. */
export function prepare(bytes: Bytes): Promise<void>;

export interface Settings {
  /** The URL of a folder with `<fingerprint>.weights`, or a function from a fingerprint to a URL or to bytes. */
  weights?: string | URL | ((model: string) => string | URL | Uint8Array | Promise<string | URL | Uint8Array>);
  /** A function from "has relaxed SIMD" to the URL of decoder.relaxed.wasm or decoder.wasm, or to its bytes. */
  wasm?: (relaxed: boolean) => string | URL | Uint8Array;
  /** A function that makes a Worker of worker.js. */
  worker?: () => Worker;
}

export function configure(settings: Settings): void;

/** Ends all workers that have nothing to do. */
export function endWorkers(): void;
