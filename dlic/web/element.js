// <dlic-img src="photo.dlic" alt="…" width="…" height="…">: a picture on a canvas, its preview at once. Sequences play, unless the
// element has the attribute `paused` or people prefer reduced motion; a button plays and pauses them.
//
// Events, as those of <img> they do not bubble: "preview", "partial" (a progressive picture that is not whole; detail: { bytes }),
// "load" (the picture, or the first frame), "error" (detail: the DlicError), and of sequences "play", "pause", "ended" and "timeupdate". Once this module is loaded, upgradeImages() also shows
// <img src="*.dlic">.
import { Arrival, PROGRESSIVE, SEQUENCE } from "./arriving.js";
import { decodeImageData, DlicError, peek, Sequence } from "./dlic.js";
import { Playback } from "./playback.js";

const STYLE = `
:host { display: inline-block; max-width: 100%; vertical-align: bottom; line-height: 0 }
:host([hidden]) { display: none }
canvas { display: block; width: 100%; height: var(--dlic-height, auto); object-fit: inherit }
`;

export class DlicImage extends HTMLElement {
  static observedAttributes = ["src", "alt", "width", "height"];

  #canvas = newCanvas();
  #space = "srgb"; // of the canvas
  #work = new AbortController();
  #playback = null;
  complete = false;
  naturalWidth = 0;
  naturalHeight = 0;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    root.append(this.#canvas);
  }

  connectedCallback() {
    this.#describe();
  }

  disconnectedCallback() {
    if (!this.complete || this.#playback) this.#work.abort();
    this.#playback?.pause();
  }

  attributeChangedCallback(name, before, now) {
    if (name === "src" && now !== null) this.#fetch(now);
    else if (name === "src") this.#restart();
    else this.#describe();
  }

  get src() {
    return this.hasAttribute("src") ? new URL(this.getAttribute("src"), this.baseURI).href : "";
  }

  set src(url) {
    this.setAttribute("src", url);
  }

  get alt() {
    return this.getAttribute("alt") ?? "";
  }

  set alt(text) {
    this.setAttribute("alt", text);
  }

  /** Shows a file's bytes. Resolves when the picture is there; rejects with a DlicError, which is also an event. */
  async show(bytes) {
    return this.#receive(new Arrival(null, bytes), this.#restart().signal);
  }

  /** Plays a sequence; nothing happens with other pictures. */
  play() {
    this.#playback?.play();
  }

  pause() {
    this.#playback?.pause();
  }

  get paused() {
    return this.#playback?.paused ?? true;
  }

  get ended() {
    return this.#playback?.player.ended ?? false;
  }

  /** Seconds; 0 for pictures that do not move. */
  get duration() {
    return this.#playback?.player.duration ?? 0;
  }

  get currentTime() {
    return this.#playback?.player.currentTime ?? 0;
  }

  set currentTime(time) {
    if (this.#playback) this.#playback.player.currentTime = time;
  }

  /** What is shown as a PNG file. */
  toBlob() {
    return new Promise((resolve, reject) => {
      this.#canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new DlicError("the browser cannot write this picture as PNG", "limit"))), "image/png");
    });
  }

  async #fetch(src) {
    const { signal } = this.#restart();
    try {
      const response = await fetch(new URL(src, this.baseURI), { signal });
      if (!response.ok) throw new DlicError(`${src} cannot be loaded: ${response.status} ${response.statusText}`, "network");
      await this.#receive(new Arrival(response.body?.getReader()), signal);
    } catch (error) {
      if (!signal.aborted && !error.isReported) this.#report(error);
    }
  }

  /** Shows a file that arrives. */
  async #receive(arrival, signal) {
    try {
      const kind = await arrival.kind();
      if (signal.aborted) return;
      if (kind === SEQUENCE) await this.#play(arrival, signal);
      else await this.#arrive(arrival, kind, signal);
      if (signal.aborted) return;
      this.dispatchEvent(new Event("load"));
      if (!this.hasAttribute("paused") && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.play();
    } catch (error) {
      if (!signal.aborted) this.#report(error);
      throw error;
    }
  }

  async #arrive(arrival, kind, signal) {
    let previewed = false;
    const look = async (bytes) => {
      const { width, height, preview } = peek(bytes);
      if (width !== this.naturalWidth || height !== this.naturalHeight || !previewed) this.#size(width, height);
      if (preview && !previewed) await this.#paintPreview(preview, signal);
      previewed = true;
    };
    if (kind === PROGRESSIVE) await this.#paintLooks(arrival, look, signal);
    await arrival.until(Infinity);
    if (signal.aborted) return;
    await look(arrival.bytes());
    const pixels = await decodeImageData(arrival.bytes(), { colorSpace: screenSpace(), signal });
    if (signal.aborted) return;
    this.#put(pixels);
    this.complete = true;
  }

  /** Paints a progressive picture while it comes. What cannot be shown yet may be shown later. */
  async #paintLooks(arrival, look, signal) {
    for await (const { bytes, hasLayer } of arrival.looks()) {
      if (signal.aborted) return;
      await look(bytes);
      if (!hasLayer) continue;
      const pixels = await decodeImageData(bytes, { partial: true, colorSpace: screenSpace(), signal });
      if (signal.aborted) return;
      this.#put(pixels);
      this.dispatchEvent(new CustomEvent("partial", { detail: { bytes: bytes.length } }));
    }
  }

  /** Shows the first frame of a sequence that arrives, and plays it. */
  async #play(arrival, signal) {
    const sequence = new Sequence();
    const { width, height } = peek(arrival.bytes());
    this.#size(width, height);
    const fed = feed(sequence, arrival);
    fed.catch((error) => !signal.aborted && this.complete && this.#report(error));
    const first = await sequence.frameAt(0, { signal });
    if (arrival.ended) await fed;
    if (signal.aborted) return;
    this.#put(pixelsOf(first));
    this.complete = true;
    if (!sequence.ended || sequence.count > 1) this.#playback = new Playback(this, this.shadowRoot, sequence, (frame) => this.#put(pixelsOf(frame)));
    this.#describe();
  }

  async #paintPreview(webp, signal) {
    const bitmap = await createImageBitmap(new Blob([webp], { type: "image/webp" })).catch(() => null);
    if (!bitmap || signal.aborted) return;
    const context = this.#context("srgb");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, this.#canvas.width, this.#canvas.height);
    bitmap.close();
    this.dispatchEvent(new Event("preview"));
  }

  /** Shows pixels, an ImageData. */
  #put(pixels) {
    this.#context(pixels.colorSpace ?? "srgb").putImageData(pixels, 0, 0);
  }

  /** A context of the canvas. Another colour space takes another canvas. */
  #context(colorSpace) {
    if (colorSpace !== this.#space) {
      const canvas = newCanvas(this.#canvas);
      this.#canvas.replaceWith(canvas);
      this.#canvas = canvas;
      this.#space = colorSpace;
    }
    return this.#canvas.getContext("2d", { colorSpace });
  }

  #size(width, height) {
    this.naturalWidth = this.#canvas.width = width;
    this.naturalHeight = this.#canvas.height = height;
    this.#describe();
  }

  #restart() {
    this.#work.abort();
    this.#work = new AbortController();
    this.#playback?.end();
    this.#playback = null;
    this.complete = false;
    this.removeAttribute("data-error");
    return this.#work;
  }

  #report(error) {
    const problem = error instanceof DlicError ? error : new DlicError(error.message, "network");
    error.isReported = true;
    this.setAttribute("data-error", problem.code);
    this.dispatchEvent(new CustomEvent("error", { detail: problem }));
  }

  /** What a screen reader and the layout see. */
  #describe() {
    if (!this.isConnected) return;
    const decorative = this.getAttribute("alt") === "";
    this.setAttribute("role", this.#playback ? "group" : decorative ? "presentation" : "img");
    if (decorative) this.removeAttribute("aria-label");
    else this.setAttribute("aria-label", this.alt || "picture");
    const [width, height] = ["width", "height"].map((name) => parseInt(this.getAttribute(name), 10));
    const rules = new CSSStyleSheet();
    const ratio = width && height ? `aspect-ratio: ${width} / ${height};` : "";
    rules.replaceSync(`:host { ${width ? `width: ${width}px;` : ""} ${height && !width ? `height: ${height}px;` : ""} ${ratio} ${width && height ? "--dlic-height: 100%" : ""} }
      ${height && !width ? "canvas { width: auto; height: 100% }" : ""}`);
    const others = this.#playback ? [this.#playback.style] : [];
    this.shadowRoot.adoptedStyleSheets = [this.shadowRoot.adoptedStyleSheets[0], rules, ...others];
  }
}

function newCanvas({ width, height } = { width: 1, height: 1 }) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.part = "canvas";
  canvas.setAttribute("aria-hidden", "true"); // the element itself is the image
  return canvas;
}

/** Colours that a screen of sRGB lacks are not left to the browser: one without a GPU shows canvases of Display P3 as if they were sRGB. */
function screenSpace() {
  return matchMedia("(color-gamut: p3)").matches ? "auto" : "srgb";
}

/** The ImageData of a frame. */
function pixelsOf({ data, width, height }) {
  return new ImageData(data, width, height);
}

/** Gives a sequence its bytes as they come. */
async function feed(sequence, arrival) {
  for await (const bytes of arrival.pieces()) await sequence.append(bytes);
  await sequence.end();
}

/** Defines <dlic-img>; importing this module does so. */
export function define(name = "dlic-img") {
  if (!customElements.get(name)) customElements.define(name, DlicImage);
}

define();
