// Two codecs' frames of one clip, one on each side of a divider; play, step and seek by mouse, finger and keyboard.

const { sprites } = JSON.parse(document.getElementById("sprites").textContent);
const pictures = new Map(); // file → ImageBitmap, as soon as it is shown

async function picture(sprite) {
  if (!pictures.has(sprite.file)) {
    const text = atob(document.getElementById(sprite.file).textContent);
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    pictures.set(sprite.file, createImageBitmap(new Blob([bytes], { type: "image/jpeg" })));
  }
  return pictures.get(sprite.file);
}

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function chooser(label, choices, chosen) {
  const select = element("select", { "aria-label": label, change: () => chosen(Number(select.value)) });
  const fill = (texts, value) => {
    select.replaceChildren(...texts.map((text, place) => element("option", { value: place }, text)));
    select.value = value;
  };
  fill(choices, 0);
  return { box: element("label", {}, `${label} `, select), fill };
}

function show() {
  const clips = [...new Set(sprites.map((sprite) => sprite.clip))];
  const state = { clip: 0, sides: [0, 1], frame: 0, divider: 0.5, playing: false, shown: [] };
  const canvas = element("canvas", { tabindex: 0, role: "img", "aria-label": "Frames of two codecs" });
  const graph = element("canvas", { class: "graph", width: 480, height: 90, "aria-label": "PSNR over the frames" });
  const seek = element("input", { type: "range", min: 0, value: 0, "aria-label": "Frame", input: () => go(Number(seek.value)) });
  const play = element("button", { type: "button", click: () => toggle() }, "Play");
  const captions = ["#d9534f", "#3b82c4"].map((colour) => element("span", { style: `border-bottom: 2px solid ${colour}` }));
  const number = element("output");
  const sides = ["Left", "Right"].map((label, side) => chooser(label, [""], (place) => choose(side, place)));
  const clip = chooser("Clip", clips, (place) => open(place));
  const section = document.getElementById("player");
  section.hidden = false;
  section.append(
    element("h2", {}, "Player"),
    element("div", { class: "bar" }, clip.box, sides[0].box, sides[1].box),
    element("div", { class: "player" }, canvas, graph),
    element("div", { class: "caption" }, ...captions),
    element("div", { class: "bar" }, play, seek, number),
    element("p", { class: "hint" }, "Drag the divider, or move it with the arrow keys. Space plays; , and . step by a frame."),
  );

  const ofClip = () => sprites.filter((sprite) => sprite.clip === clips[state.clip]);

  async function open(place) {
    Object.assign(state, { clip: place, frame: 0, sides: [0, Math.min(1, ofClip().length - 1)] });
    const labels = ofClip().map((sprite) => (sprite.setting ? `${sprite.label} (${sprite.setting})` : sprite.label));
    sides.forEach((side, index) => side.fill(labels, state.sides[index]));
    await load();
  }

  async function choose(side, place) {
    state.sides[side] = place;
    await load();
  }

  async function load() {
    const chosen = state.sides.map((place) => ofClip()[place]);
    const bitmaps = await Promise.all(chosen.map(picture));
    state.shown = chosen.map((sprite, side) => ({ sprite, bitmap: bitmaps[side] }));
    Object.assign(canvas, { width: chosen[0].width, height: chosen[0].height });
    seek.max = chosen[0].frames - 1;
    draw();
  }

  function draw() {
    const context = canvas.getContext("2d");
    const { width, height } = canvas;
    const split = Math.round(state.divider * width);
    state.shown.forEach(({ bitmap }, side) => {
      const [start, end] = side === 0 ? [0, split] : [split, width];
      if (end > start) context.drawImage(bitmap, start, state.frame * height, end - start, height, start, 0, end - start, height);
    });
    context.fillStyle = "#fff";
    context.fillRect(split - 1, 0, 2, height);
    state.shown.forEach(({ sprite }, side) => {
      const psnr = sprite.psnr_of_frames[state.frame];
      const rate = sprite.bpp == null ? "" : `, ${sprite.bpp.toFixed(3)} bpp, ${sprite.psnr.toFixed(2)} dB, this frame ${psnr.toFixed(2)} dB`;
      captions[side].textContent = `${sprite.label}${rate}`;
    });
    seek.value = state.frame;
    number.textContent = `frame ${state.frame + 1} of ${Number(seek.max) + 1}`;
    drawGraph();
  }

  function drawGraph() {
    const context = graph.getContext("2d");
    const curves = state.shown.map(({ sprite }) => sprite.psnr_of_frames);
    const values = curves.flat();
    context.clearRect(0, 0, graph.width, graph.height);
    if (!values.length) return;
    const [low, high] = [Math.min(...values) - 0.5, Math.max(...values) + 0.5];
    const x = (frame) => ((frame + 0.5) * graph.width) / (Number(seek.max) + 1);
    const y = (value) => graph.height * (1 - (value - low) / (high - low));
    context.fillStyle = "rgba(128,128,128,0.35)";
    context.fillRect(x(state.frame) - 1, 0, 2, graph.height);
    curves.forEach((curve, side) => {
      context.strokeStyle = side === 0 ? "#d9534f" : "#3b82c4";
      context.lineWidth = 2;
      context.beginPath();
      curve.forEach((value, frame) => (frame ? context.lineTo(x(frame), y(value)) : context.moveTo(x(frame), y(value))));
      context.stroke();
    });
  }

  function go(frame) {
    const count = Number(seek.max) + 1;
    state.frame = (frame + count) % count;
    draw();
  }

  let due = 0;
  function toggle() {
    state.playing = !state.playing;
    play.textContent = state.playing ? "Pause" : "Play";
    due = performance.now();
    if (state.playing) requestAnimationFrame(tick);
  }

  function tick(now) {
    if (!state.playing) return;
    const step = 1000 / state.shown[0].sprite.rate;
    if (now >= due) {
      go(state.frame + 1);
      due = Math.max(due + step, now - step);
    }
    requestAnimationFrame(tick);
  }

  function drag(event) {
    if (event.buttons === 0) return;
    const box = canvas.getBoundingClientRect();
    state.divider = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    draw();
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    drag(event);
  });
  canvas.addEventListener("pointermove", drag);
  graph.addEventListener("click", (event) => go(Math.floor((event.offsetX / graph.clientWidth) * (Number(seek.max) + 1))));
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: -0.02, ArrowRight: 0.02 };
    if (event.key in moves) {
      state.divider = Math.min(1, Math.max(0, state.divider + moves[event.key]));
      draw();
    } else if (event.key === " ") toggle();
    else if (event.key === ",") go(state.frame - 1);
    else if (event.key === ".") go(state.frame + 1);
    else return;
    event.preventDefault();
  });
  open(0);
}

if (sprites.length) show();
