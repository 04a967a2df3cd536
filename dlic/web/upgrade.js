// Shows <img src="photo.dlic">, those of the page and those that are added later: the image stays, its source becomes a PNG of the
// picture, so that styles, scripts and "Save image as" work as ever. A script without "defer" in the page's head does it without a
// flash of a broken image:
//
//   <style>img[src$=".dlic"] { visibility: hidden }</style>
//   <script type="module">import { upgradeImages } from "./dlic/upgrade.js"; upgradeImages();</script>
import { decodeImageData, DlicError, peek } from "./dlic.js";

const EMPTY = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'/%3E";
const upgraded = new WeakMap(); // image → the URL that it shows

/** Begins; returns a function that ends it. `matches` says which URLs are .dlic files. */
export function upgradeImages(root = document, matches = (url) => /\.dlic($|[?#])/i.test(url)) {
  const look = (node) => {
    if (node.localName === "img") upgrade(node, matches);
    for (const image of node.querySelectorAll?.("img[src]") ?? []) upgrade(image, matches);
  };
  const observer = new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "attributes") look(target);
      else addedNodes.forEach(look);
    }
  });
  observer.observe(root, { subtree: true, childList: true, attributeFilter: ["src"] });
  look(root);
  return () => observer.disconnect();
}

async function upgrade(image, matches) {
  const source = image.getAttribute("src");
  if (!source || !matches(source)) return;
  const url = new URL(source, image.baseURI).href;
  image.dataset.dlicSrc = source;
  upgraded.set(image, url);
  image.src = EMPTY;
  const isCurrent = () => upgraded.get(image) === url;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new DlicError(`${url} cannot be loaded: ${response.status} ${response.statusText}`, "network");
    const bytes = new Uint8Array(await response.arrayBuffer());
    const { width, height, preview } = peek(bytes);
    if (isCurrent()) keepSpace(image, width, height);
    if (preview && isCurrent()) await show(image, new Blob([preview], { type: "image/webp" }));
    const png = await asPng(await decodeImageData(bytes));
    if (isCurrent()) await show(image, png);
    if (isCurrent()) image.dispatchEvent(new CustomEvent("dlic-load"));
  } catch (error) {
    if (isCurrent()) image.dispatchEvent(new CustomEvent("dlic-error", { detail: error }));
  }
}

function keepSpace(image, width, height) {
  if (!image.hasAttribute("width") && !image.hasAttribute("height")) Object.assign(image, { width, height });
  if (!image.style.aspectRatio) image.style.aspectRatio = `${width} / ${height}`;
}

async function asPng(pixels) {
  const canvas = new OffscreenCanvas(pixels.width, pixels.height);
  canvas.getContext("2d", { colorSpace: pixels.colorSpace ?? "srgb" }).putImageData(pixels, 0, 0);
  return canvas.convertToBlob({ type: "image/png" });
}

async function show(image, blob) {
  const before = image.src;
  image.src = URL.createObjectURL(blob);
  await image.decode().catch(() => {});
  if (before.startsWith("blob:")) URL.revokeObjectURL(before);
}
