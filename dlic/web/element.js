// <dlic-img src="photo.dlic" alt="…" width="…" height="…">: a picture on a canvas, its preview at once.
//
// Events, as those of <img> they do not bubble: "preview", "load", "error" (detail: the DlicError). Once this module is loaded,
// upgradeImages() also shows <img src="*.dlic">.
import { decode, DlicError, peek } from "./dlic.js";

const STYLE = `
:host { display: inline-block; max-width: 100%; vertical-align: bottom; line-height: 0 }
:host([hidden]) { display: none }
canvas { display: block; width: 100%; height: var(--dlic-height, auto); object-fit: inherit }
`;

export class DlicImage extends HTMLElement {
  static observedAttributes = ["src", "alt", "width", "height"];

  #canvas = document.createElement("canvas");
  #work = new AbortController();
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
    this.#canvas.width = this.#canvas.height = 1;
    this.#canvas.part = "canvas";
    this.#canvas.setAttribute("aria-hidden", "true"); // the element itself is the image
  }

  connectedCallback() {
    this.#describe();
  }

  disconnectedCallback() {
    if (!this.complete) this.#work.abort();
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
    return this.#show(bytes, this.#restart());
  }

  /** The picture as a PNG file. */
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
      await this.#show(new Uint8Array(await response.arrayBuffer()), { signal });
    } catch (error) {
      if (!signal.aborted && !error.isReported) this.#report(error);
    }
  }

  async #show(bytes, { signal }) {
    try {
      const { width, height, preview } = peek(bytes);
      this.#size(width, height);
      if (preview) await this.#paintPreview(preview, signal);
      const bitmap = await decode(bytes, { signal });
      if (signal.aborted) return;
      this.#paint(bitmap);
      bitmap.close();
      this.complete = true;
      this.dispatchEvent(new Event("load"));
    } catch (error) {
      if (!signal.aborted) this.#report(error);
      throw error;
    }
  }

  async #paintPreview(webp, signal) {
    const bitmap = await createImageBitmap(new Blob([webp], { type: "image/webp" })).catch(() => null);
    if (!bitmap || signal.aborted) return;
    this.#paint(bitmap);
    this.dispatchEvent(new Event("preview"));
  }

  #paint(bitmap) {
    const context = this.#canvas.getContext("2d", { colorSpace: matchMedia("(color-gamut: p3)").matches ? "display-p3" : "srgb" });
    context.imageSmoothingQuality = "high";
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
    context.drawImage(bitmap, 0, 0, this.#canvas.width, this.#canvas.height);
  }

  #size(width, height) {
    this.naturalWidth = this.#canvas.width = width;
    this.naturalHeight = this.#canvas.height = height;
    this.#describe();
  }

  #restart() {
    this.#work.abort();
    this.#work = new AbortController();
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
    this.setAttribute("role", decorative ? "presentation" : "img");
    if (decorative) this.removeAttribute("aria-label");
    else this.setAttribute("aria-label", this.alt || "picture");
    const [width, height] = ["width", "height"].map((name) => parseInt(this.getAttribute(name), 10));
    const rules = new CSSStyleSheet();
    const ratio = width && height ? `aspect-ratio: ${width} / ${height};` : "";
    rules.replaceSync(`:host { ${width ? `width: ${width}px;` : ""} ${height && !width ? `height: ${height}px;` : ""} ${ratio} ${width && height ? "--dlic-height: 100%" : ""} }
      ${height && !width ? "canvas { width: auto; height: 100% }" : ""}`);
    this.shadowRoot.adoptedStyleSheets = [this.shadowRoot.adoptedStyleSheets[0], rules];
  }
}

/** Defines <dlic-img>; importing this module does so. */
export function define(name = "dlic-img") {
  if (!customElements.get(name)) customElements.define(name, DlicImage);
}

define();
