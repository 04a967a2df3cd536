// A page that is one file: picture, decoder and weights lie in it as text (`dlic/web/share.py`).
import { configure } from "../dlic.js";
import "../element.js";
import { start } from "./stage.js";

const WINDOWS_1252 = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"; // bytes 128 to 159
const ESCAPE = 61;

const { name, kind, size } = JSON.parse(document.getElementById("picture").textContent);
const stage = start();

/** Bytes that share.py has written as text: 42 is added, and five values stand behind an escape. */
function unescaped(coded) {
  const bytes = new Uint8Array(coded.length);
  let count = 0;
  for (let i = 0; i < coded.length; i++) bytes[count++] = coded[i] === ESCAPE ? coded[++i] - 106 : coded[i] - 42;
  return bytes.subarray(0, count);
}

/** The bytes that a text was decoded from as windows-1252. */
function bytesOf(text) {
  const table = Uint8Array.from({ length: 0x10000 }, (_, code) => code);
  [...WINDOWS_1252].forEach((letter, i) => (table[letter.charCodeAt(0)] = 128 + i));
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = table[text.charCodeAt(i)];
  return bytes;
}

/** The bytes of a data block. A server may have said another encoding than the page; then they are read from the page's address. */
async function block(id) {
  if (document.characterSet.toLowerCase() === "windows-1252") {
    return unescaped(bytesOf(document.getElementById(id).textContent));
  }
  const page = new Uint8Array(await (await fetch(location.href)).arrayBuffer());
  const mark = [...`id="${id}">`].map((letter) => letter.charCodeAt(0));
  const begin = page.findIndex((_, i) => mark.every((byte, k) => page[i + k] === byte)) + mark.length;
  return unescaped(page.subarray(begin, page.indexOf(60, begin)));
}

async function showPicture() {
  const bytes = await block("data");
  if (kind !== "dlic") return stage.showImage(URL.createObjectURL(new Blob([bytes], { type: "image/png" })), name, size);
  const worker = URL.createObjectURL(new Blob([document.getElementById("worker").textContent], { type: "text/javascript" }));
  configure({ weights: (model) => block(`weights-${model}`), wasm: () => wasm, worker: () => new Worker(worker) });
  const wasm = await block("wasm");
  return stage.show(bytes, name);
}

showPicture();
