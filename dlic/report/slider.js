// Two codecs at the same size, one on each side of a divider: drag, zoom, pan, by mouse, finger and keyboard.

const ORIGINAL = ""; // the name of no codec
const REACH = 28; // pixels around the divider that take hold of it when the picture is zoomed
const STEP = 1.25; // of a zoom button
const LARGEST = 32; // screen pixels for one of the picture
const HOW = "Drag the divider, or move it with the arrow keys. Pinch, Ctrl and the wheel, or + and − zoom; 0 shows all. Dragging a zoomed picture moves it.";
const BIG_PIXELS = 2; // from here on pixels are shown as squares, not smoothed

function showPictures() {
  const state = { picture: 0, size: 0, sides: firstSides(), divider: 0.5, zoom: null };
  const viewer = stage(state, () => draw());
  const images = chooser("Picture", report.pictures.map((picture, place) => ({ value: place, label: picture.name })), (place) => show(Number(place)));
  const sizes = chooser("Size", [], (size) => {
    state.size = Number(size);
    draw();
  });
  const sides = ["Left", "Right"].map((name, side) =>
    chooser(name, [], (codec) => {
      state.sides[side] = codec;
      draw();
    }),
  );
  const captions = [element("p"), element("p")];
  const strip = thumbnails(show);
  const several = report.pictures.length > 1;
  section("pictures").append(
    element("div", { class: "choices" }, sides[0].box, sides[1].box, sizes.box, ...(several ? [images.box] : [])),
    element("figure", { class: "viewer" }, viewer.box, viewer.position, viewer.tools, element("figcaption", {}, ...captions)),
    ...(several ? [element("div", { class: "choices" }, button("‹ previous", () => turn(-1)), button("next ›", () => turn(1))), strip] : []),
    element("p", { class: "hint" }, HOW),
  );
  viewer.box.addEventListener("keydown", (event) => {
    if (event.key === "PageUp" || event.key === "PageDown") turn(event.key === "PageUp" ? -1 : 1);
    else return;
    event.preventDefault();
  });

  function turn(by) {
    show((state.picture + by + report.pictures.length) % report.pictures.length);
  }

  function show(place) {
    state.picture = place;
    state.zoom = null;
    draw();
  }

  function draw() {
    const picture = report.pictures[state.picture];
    const targets = [...new Set(picture.shown.map((shown) => shown.target))].sort((a, b) => a - b);
    state.size = Math.min(state.size, targets.length - 1);
    const shown = picture.shown.filter((one) => one.target === targets[state.size]);
    const codecs = [...shown.map((one) => ({ value: one.codec, label: one.label })), { value: ORIGINAL, label: "original" }];
    fill(images.select, report.pictures.map((one, place) => ({ value: place, label: one.name })), state.picture);
    fill(sizes.select, targets.map((target, place) => ({ value: place, label: sizeText(picture, target) })), state.size);
    sides.forEach((side, place) => fill(side.select, codecs, state.sides[place]));
    const both = state.sides.map((codec) => shown.find((one) => one.codec === codec) ?? originalOf(picture));
    captions.forEach((caption, side) => caption.replaceChildren(...captionOf(both[side], picture)));
    viewer.show(picture, both);
    [...strip.children].forEach((thumbnail, place) => thumbnail.toggleAttribute("aria-current", place === state.picture));
  }

  draw();
}

/** AVIF as shipped on the left of the codec that the report is about; where it is not there, JPEG, or the next codec. */
function firstSides() {
  const [first, ...others] = new Set(report.pictures[0].shown.map((shown) => shown.codec));
  return [["avif", "jpeg"].find((codec) => others.includes(codec)) ?? others[0] ?? ORIGINAL, first];
}

const originalOf = (picture) => ({ codec: ORIGINAL, label: "original", file: picture.original });

const sizeText = (picture, target) => `${whole(target)} bytes, ${((8 * target) / (picture.width * picture.height)).toFixed(2)} bpp`;

function captionOf(shown, picture) {
  const name = element("strong", {}, shown.label);
  if (shown.codec === ORIGINAL) return [name, element("span", {}, `${picture.width} × ${picture.height} pixels`)];
  const cost = [`${whole(shown.bytes)} bytes`, `${number(shown.bpp, 3)} bpp`, ...(shown.quality == null ? [] : [`quality ${shown.quality}`])];
  const scores = [["MS-SSIM", shown.ms_ssim, 4], ["SSIMULACRA 2", shown.ssimulacra2, 1]];
  const gives = [`PSNR ${number(shown.psnr, 2)} dB`, ...scores.filter(([, value]) => value != null).map(([name, value, digits]) => `${name} ${number(value, digits)}`)];
  const large = shown.fits ? [] : [element("em", {}, "its smallest file, and larger than asked for")];
  return [name, element("span", {}, cost.map(unbroken).join(", ")), element("span", {}, gives.map(unbroken).join(", ")), ...large];
}

function thumbnails(show) {
  const made = report.pictures.map((picture, place) => {
    const image = element("img", { src: source(picture.thumbnail), alt: "" });
    return element("button", { type: "button", class: "thumbnail", "aria-label": picture.name, title: picture.name, click: () => show(place) }, image);
  });
  return element("div", { class: "thumbnails" }, ...made);
}

/** A picture's address, from the file that the page holds. */
function source(file) {
  const held = document.getElementById(file);
  return `data:${held.dataset.type};base64,${held.textContent}`;
}

// --- the stage ----------------------------------------------------------------------------------------------------------

/** Both pictures, the divider, and everything that moves them. `state.zoom` is {scale, x, y} in CSS pixels, or null for all of it. */
function stage(state, redraw) {
  const images = [element("img", { alt: "", draggable: "false" }), element("img", { alt: "", draggable: "false" })];
  const panes = images.map((image) => element("div", { class: "pane" }, image));
  const tags = ["left", "right"].map((side) => element("span", { class: `tag ${side}` }));
  const divider = element("div", { class: "divider", "aria-hidden": "true" }, element("span", {}, "‹ ›"));
  const box = element("div", { class: "stage", tabindex: "0", role: "group", "aria-label": "Pictures" }, panes[1], panes[0], divider, ...tags);
  const position = element("input", { type: "range", class: "position", min: 0, max: 100, step: 1, "aria-label": "Divider: share of the left picture" });
  const level = element("output", { class: "level" });
  const tools = element(
    "div",
    { class: "tools" },
    button("−", () => zoomBy(1 / STEP), { "aria-label": "Zoom out", title: "−" }),
    level,
    button("+", () => zoomBy(STEP), { "aria-label": "Zoom in", title: "+" }),
    button("fit", () => zoomTo(null), { title: "0" }),
    button("1 : 1", () => zoomTo(1 / devicePixelRatio), { title: "one pixel of the picture, one of the screen: 1" }),
    button("swap", swap, { title: "exchange both sides: s" }),
    button("full screen", fullScreen, { title: "f" }),
  );
  let size = { width: 1, height: 1 };

  function show(picture, both) {
    size = picture;
    box.parentElement.style.setProperty("--ratio", picture.width / picture.height);
    both.forEach((shown, side) => {
      const wanted = shown.file;
      if (images[side].dataset.file !== wanted) images[side].src = source(wanted);
      images[side].dataset.file = wanted;
      images[side].alt = `${picture.name}: ${shown.label}`;
      images[side].width = picture.width;
      images[side].height = picture.height;
      tags[side].textContent = shown.label;
    });
    place();
  }

  /** Puts everything where `state` says. */
  function place() {
    const room = box.getBoundingClientRect();
    const fit = Math.min(room.width / size.width, room.height / size.height);
    const { scale, x, y } = state.zoom ? clamped(state.zoom, room) : { scale: fit, ...centred(fit, room) };
    for (const image of images) {
      image.style.transform = `translate(${x}px, ${y}px) scale(${scale})`;
      image.classList.toggle("squares", scale * devicePixelRatio > BIG_PIXELS);
    }
    const share = 100 * state.divider;
    panes[0].style.clipPath = `inset(0 ${100 - share}% 0 0)`;
    divider.style.left = `${share}%`;
    position.value = share;
    position.setAttribute("aria-valuetext", `${Math.round(share)} % ${tags[0].textContent}, the rest ${tags[1].textContent}`);
    tags[0].classList.toggle("gone", state.divider < 0.12);
    tags[1].classList.toggle("gone", state.divider > 0.88);
    box.classList.toggle("zoomed", state.zoom !== null);
    level.textContent = `${Math.round(100 * scale * devicePixelRatio)} %`;
  }

  const centred = (scale, room) => ({ x: (room.width - scale * size.width) / 2, y: (room.height - scale * size.height) / 2 });

  /** A zoom that leaves no more of the stage empty than it must, kept in the state. */
  function clamped({ scale, x, y }, room) {
    const middle = centred(scale, room);
    const within = (value, centre) => (centre >= 0 ? centre : Math.min(0, Math.max(2 * centre, value)));
    state.zoom = { scale, x: within(x, middle.x), y: within(y, middle.y) };
    return state.zoom;
  }

  function current() {
    const room = box.getBoundingClientRect();
    const fit = Math.min(room.width / size.width, room.height / size.height);
    return state.zoom ?? { scale: fit, ...centred(fit, room) };
  }

  /** Changes the scale around a point of the stage, its middle by default; at most as small as the whole picture. */
  function zoomTo(scale, at = null) {
    const room = box.getBoundingClientRect();
    const fit = Math.min(room.width / size.width, room.height / size.height);
    if (scale === null || scale <= fit) state.zoom = null;
    else {
      const before = current();
      const next = Math.min(scale, LARGEST / devicePixelRatio);
      const { x, y } = at ?? { x: room.width / 2, y: room.height / 2 };
      const ratio = next / before.scale;
      state.zoom = { scale: next, x: x - ratio * (x - before.x), y: y - ratio * (y - before.y) };
    }
    place();
  }

  const zoomBy = (factor, at = null) => zoomTo(current().scale * factor, at);

  function pan(x, y) {
    if (!state.zoom) return;
    state.zoom = { ...state.zoom, x: state.zoom.x + x, y: state.zoom.y + y };
    place();
  }

  function divide(share) {
    state.divider = Math.min(1, Math.max(0, share));
    place();
  }

  function swap() {
    state.sides.reverse();
    redraw();
  }

  function fullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else box.parentElement.requestFullscreen?.();
  }

  position.addEventListener("input", () => divide(position.value / 100));
  const keys = {
    "+": () => zoomBy(STEP),
    "=": () => zoomBy(STEP),
    "-": () => zoomBy(1 / STEP),
    0: () => zoomTo(null),
    1: () => zoomTo(1 / devicePixelRatio),
    s: swap,
    f: fullScreen,
  };
  const arrows = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = event.currentTarget === box && arrows[event.key];
    if (arrow && state.zoom && !event.shiftKey) pan(40 * arrow[0], 40 * arrow[1]);
    else if (arrow && arrow[0]) divide(state.divider - arrow[0] / 100);
    else if (keys[event.key]) keys[event.key]();
    else return;
    event.preventDefault();
  };
  for (const control of [box, position]) control.addEventListener("keydown", pressed);
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY / 200), pointIn(box, event));
  }, { passive: false });
  followPointers(box, { divide, pan, zoomBy, isZoomed: () => state.zoom !== null, share: () => state.divider });
  new ResizeObserver(place).observe(box);
  return { box, position, tools, show };
}

const pointIn = (box, event) => {
  const room = box.getBoundingClientRect();
  return { x: event.clientX - room.left, y: event.clientY - room.top };
};

/** One pointer moves the divider, or, once zoomed and away from it, the picture; two zoom. */
function followPointers(box, moves) {
  const pointers = new Map();
  let dividing = false;

  box.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    box.setPointerCapture(event.pointerId);
    const at = pointIn(box, event);
    pointers.set(event.pointerId, at);
    const width = box.clientWidth;
    dividing = pointers.size === 1 && (!moves.isZoomed() || Math.abs(at.x - moves.share() * width) < REACH);
    if (dividing) moves.divide(at.x / width);
  });
  box.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const at = pointIn(box, event);
    if (pointers.size === 2) pinch(event.pointerId, before, at);
    else if (dividing) moves.divide(at.x / box.clientWidth);
    else moves.pan(at.x - before.x, at.y - before.y);
    pointers.set(event.pointerId, at);
  });
  for (const end of ["pointerup", "pointercancel"]) box.addEventListener(end, (event) => pointers.delete(event.pointerId));

  function pinch(id, before, at) {
    const other = [...pointers].find(([key]) => key !== id)[1];
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    const middle = (point) => ({ x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 });
    moves.zoomBy(distance(at) / Math.max(1, distance(before)), middle(before));
    moves.pan(middle(at).x - middle(before).x, middle(at).y - middle(before).y);
  }
}

if (report.pictures.length > 0) showPictures();
