// A pool of workers, each with its own memory: no SharedArrayBuffer, so that pages need no special headers.
import { DlicError } from "./errors.js";
import { isNode, loadModule, loadWeights } from "./resources.js";
import { Desk } from "./tasks.js";

const MOST = 8; // workers: each takes 50 to 150 MB while it works

/** Where the worker's code lies; a page that is one file puts another function here. */
export const places = {
  worker: () => new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
};

const workers = [];
const queue = [];
let next = 0;
let NodeWorker = null;
let forbidden = false; // workers, by the page's policy

/** How many tasks run at once. */
export function poolSize() {
  return Math.max(1, Math.min(MOST, globalThis.navigator?.hardwareConcurrency ?? 4));
}

/** Runs a task of tasks.js with the weights of `model`, "" for none. Throws a DlicError. */
export async function run(model, task, transfer = [], signal = undefined) {
  const [module, body] = await Promise.all([loadModule(), model ? loadWeights(model) : null]);
  if (isNode && !NodeWorker) ({ Worker: NodeWorker } = await import(/* @vite-ignore */ /* webpackIgnore: true */ "node:" + "worker_threads"));
  throwIfAborted(signal);
  return new Promise((resolve, reject) => {
    queue.push({ model, module, body, task, transfer, signal, resolve, reject });
    assign();
  });
}

export function throwIfAborted(signal) {
  if (signal?.aborted) throw new DlicError("decoding was given up", "aborted");
}

/** Ends all workers that have nothing to do; the next picture starts new ones. */
export function endWorkers() {
  for (const worker of workers.filter((each) => !each.job)) end(worker);
}

function assign() {
  while (queue.length) {
    const idle = workers.filter((worker) => !worker.job);
    let worker = idle.find((each) => each.models.has(queue[0].model)) ?? idle[0];
    if (!worker && workers.length < poolSize()) workers.push((worker = start()));
    if (!worker) return;
    const job = queue.shift();
    if (job.signal?.aborted) job.reject(new DlicError("decoding was given up", "aborted"));
    else give(worker, job);
  }
}

function give(worker, job) {
  const first = worker.models.has(job.model) ? {} : { module: job.module, body: job.body };
  worker.models.add(job.model);
  worker.job = job;
  worker.hold(true);
  worker.post({ id: next++, model: job.model, ...first, ...job.task }, job.transfer);
}

function finish(worker, { result, error }) {
  const { model, resolve, reject } = worker.job;
  worker.answered = true;
  worker.job = null;
  worker.hold(false);
  if (error) {
    worker.models.delete(model);
    reject(new DlicError(error.message, error.code));
  } else resolve(result);
  assign();
}

function start() {
  const worker = { job: null, models: new Set(), answered: false, hold() {} };
  try {
    if (forbidden) work(worker);
    else if (isNode) startNode(worker);
    else startWorker(worker);
  } catch {
    work(worker);
  }
  return worker;
}

function startWorker(worker) {
  const own = places.worker();
  own.onmessage = ({ data }) => finish(worker, data);
  own.onerror = (event) => lost(worker, event.message);
  worker.post = (message, transfer) => own.postMessage(message, transfer);
  worker.end = () => own.terminate();
}

function startNode(worker) {
  const own = new NodeWorker(new URL("./worker.js", import.meta.url));
  own.on("message", (data) => finish(worker, data));
  own.on("error", (error) => lost(worker, error.message));
  own.unref();
  worker.post = (message, transfer) => own.postMessage(message, transfer);
  worker.hold = (busy) => (busy ? own.ref() : own.unref());
  worker.end = () => own.terminate();
}

/** Without a worker: the page itself does the task. */
function work(worker) {
  const desk = new Desk();
  worker.end = () => {};
  worker.post = ({ id, ...task }) =>
    setTimeout(() => {
      try {
        finish(worker, desk.perform(task));
      } catch (error) {
        finish(worker, { error });
      }
    });
}

function lost(worker, reason) {
  const job = worker.job;
  worker.job = null;
  end(worker);
  if (job && !worker.answered && !forbidden) {
    forbidden = true; // it never began: the page itself does the work
    queue.unshift(job);
  } else job?.reject(new DlicError(`the decoder stopped: ${reason ?? "no reason is known"}`, "limit"));
  assign();
}

function end(worker) {
  workers.splice(workers.indexOf(worker), 1);
  worker.end();
}
