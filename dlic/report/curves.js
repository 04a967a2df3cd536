// Rate–distortion curves, drawn by Plotly; the legend beside them is our own, so that a keyboard and a phone can use it.

const COLOURS = 7; // in page.css, beside that of the text, which the first codec has
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "star", "hexagon"];
const MARKS = ["●", "■", "◆", "▲", "▼", "✚", "★", "⬢"];
const DASHES = ["solid", "dash", "dot"];
const TICKS = [0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 7, 10];
const FEW_TICKS = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
const NARROW = 520; // pixels of a plot with room for no more

/** How the curve of a codec looks: told apart by colour, by marker, and beyond eight codecs by dashes. */
function look(place) {
  const colour = place === 0 ? "--text" : `--codec-${((place - 1) % COLOURS) + 1}`;
  return { colour, place: place % SYMBOLS.length, dash: DASHES[Math.floor(place / SYMBOLS.length) % DASHES.length] };
}

function showCurves() {
  const state = { metric: report.metrics[0].name, logarithmic: true, hidden: new Set(), published: true };
  const plot = element("div", { class: "plot" });
  const metric = chooser("Metric", metricChoices(report.metrics), (name) => {
    state.metric = name;
    draw();
  });
  const logarithmic = toggle("logarithmic rate", state.logarithmic, (on) => {
    state.logarithmic = on;
    draw();
  });
  const legend = curveLegend(state, draw);
  const hint = element("p", { class: "hint" });
  section("curves").append(
    element("div", { class: "choices" }, metric.box, logarithmic),
    element("div", { class: "curves" }, plot, legend),
    hint,
  );

  function draw() {
    const published = report.published[state.metric];
    const withPublished = published.length > 0;
    legend.querySelector(".published")?.toggleAttribute("hidden", !withPublished);
    const chosen = report.metrics.find((one) => one.name === state.metric);
    hint.textContent = `${chosen.higher_is_better ? "Higher" : "Lower"} and further left is better. ${hintOf(withPublished)}`;
    const lines = [...(withPublished && state.published ? published.map(publishedLine) : []), ...codecLines(state)];
    Plotly.react(plot, lines, layout(state, chosen, plot.clientWidth), { responsive: true, displaylogo: false, displayModeBar: false });
  }

  draw();
  inTheDark.addEventListener("change", draw);
  matchMedia(`(max-width: ${NARROW}px)`).addEventListener("change", draw);
}

const metricChoices = (metrics) => metrics.map((metric) => ({ value: metric.name, label: metric.label }));

const hintOf = (withPublished) =>
  withPublished ? "Thin grey lines were published by others; touch one for its name." : "Each point is a mean over all images.";

function toggle(label, on, changed) {
  const box = element("input", { type: "checkbox", change: () => changed(box.checked) });
  box.checked = on;
  return element("label", { class: "toggle" }, box, label);
}

function curveLegend(state, draw) {
  const entries = report.codecs.map((codec, place) => {
    const changed = (on) => {
      state.hidden[on ? "delete" : "add"](codec.name);
      draw();
    };
    const { colour, place: mark } = look(place);
    const entry = toggle("", true, changed);
    entry.append(element("span", { class: "mark", style: `color: var(${colour})`, "aria-hidden": "true" }, MARKS[mark]));
    entry.append(element("span", {}, codec.label, codec.note ? element("small", {}, codec.note) : ""));
    return element("li", {}, entry);
  });
  if (Object.values(report.published).some((curves) => curves.length > 0)) {
    const changed = (on) => {
      state.published = on;
      draw();
    };
    entries.push(element("li", { class: "published" }, toggle("published curves", true, changed)));
  }
  return element("ul", { class: "legend", "aria-label": "Curves that are shown" }, ...entries);
}

function codecLines(state) {
  const lines = report.codecs.map((codec, place) => {
    const { colour, place: symbol, dash } = look(place);
    const points = report.curves[state.metric][codec.name];
    return {
      ...line(codec.label, points),
      mode: "lines+markers",
      visible: !state.hidden.has(codec.name),
      line: { color: style(colour), width: place === 0 ? 3 : 1.8, dash },
      marker: { color: style(colour), size: place === 0 || symbol >= 3 ? 9 : 7, symbol: SYMBOLS[symbol] },
    };
  });
  return lines.reverse(); // the first codec in front
}

function publishedLine(published) {
  return { ...line(published.label, published.points), mode: "lines", line: { color: style("--published"), width: 1 } };
}

function line(label, points) {
  const text = plain(label);
  return {
    type: "scatter",
    x: points.map((point) => point.bpp),
    y: points.map((point) => point.score),
    customdata: points.map((point) => (point.quality == null ? text : `${text}, quality ${point.quality}`)),
    hovertemplate: "%{customdata}<br>%{x:.3f} bpp, %{y:.4~g}<extra></extra>",
  };
}

/** Plotly reads a few tags in text. */
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function layout(state, metric, width) {
  const ticks = width < NARROW ? FEW_TICKS : TICKS;
  const axis = { gridcolor: style("--rule"), zeroline: false, linecolor: style("--rule"), ticks: "outside", tickcolor: style("--rule") };
  const rate = state.logarithmic ? { type: "log", tickvals: ticks, ticktext: ticks.map(String), tickangle: 0 } : { type: "linear", rangemode: "tozero" };
  return {
    uirevision: `${state.metric} ${state.logarithmic}`, // a zoom outlives a change of the legend
    showlegend: false,
    dragmode: matchMedia("(pointer: coarse)").matches ? false : "zoom",
    hovermode: "closest",
    margin: { l: 60, r: 14, t: 10, b: 52 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: style("--font"), size: 13, color: style("--text") },
    hoverlabel: { bgcolor: style("--surface"), bordercolor: style("--rule"), font: { color: style("--text") } },
    xaxis: { ...axis, ...rate, range: rateRange(state), title: { text: "rate (bits per pixel)" } },
    yaxis: { ...axis, range: scoreRange(state), title: { text: metric.axis || metricHead(metric) } },
  };
}

/** The rates of the codecs that are shown, with a little air; as Plotly counts, which is in powers of ten on a logarithmic axis. */
function rateRange(state) {
  const rates = shownPoints(state).map((point) => point.bpp);
  if (rates.length === 0) return undefined;
  const [low, high] = [Math.min(...rates), Math.max(...rates)];
  return state.logarithmic ? [Math.log10(low / 1.1), Math.log10(high * 1.1)] : [0, high * 1.03];
}

function scoreRange(state) {
  const scores = shownPoints(state).map((point) => point.score);
  if (scores.length === 0) return undefined;
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const air = 0.04 * (high - low || 1);
  return [low - air, high + air];
}

function shownPoints(state) {
  const shown = report.codecs.filter((codec) => !state.hidden.has(codec.name));
  return shown.flatMap((codec) => report.curves[state.metric][codec.name]);
}

if (report.curves) showCurves();
