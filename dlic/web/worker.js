// A worker of the pool: does one task after the other, in a browser or in Node.
import { Desk } from "./tasks.js";

const desk = new Desk();

function answer({ id, ...task }, post) {
  try {
    const { result, transfer } = desk.perform(task);
    post({ id, result }, transfer);
  } catch (error) {
    post({ id, error: { message: error.message, code: error.code ?? "corrupt" } }, []);
  }
}

if (typeof globalThis.postMessage === "function") {
  globalThis.onmessage = ({ data }) => answer(data, (message, transfer) => globalThis.postMessage(message, transfer));
} else {
  const threads = "node:worker_threads"; // no await here: bundlers write workers as scripts
  import(/* @vite-ignore */ /* webpackIgnore: true */ threads).then(({ parentPort }) => {
    parentPort.on("message", (data) => answer(data, (message, transfer) => parentPort.postMessage(message, transfer)));
  });
}
