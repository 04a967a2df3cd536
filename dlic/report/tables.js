// Tables that are sorted by their headers: BD-rates, means, and every file.

/**
 * A table whose headers sort it. `columns` are {head, value, text, left, title}: `value` is what a row is sorted by,
 * `text` what its cell shows. Rows without a value stay last, either way.
 */
function sortable(caption, columns, sorted = null) {
  const state = { rows: [], column: sorted, descending: false };
  const body = element("tbody");
  const heads = columns.map((column, place) => {
    const sort = button(column.head, () => sortBy(place), { title: column.title });
    return element("th", { scope: "col", class: column.left ? "left" : "", "aria-sort": "none" }, sort);
  });
  const table = element("table", {}, element("caption", {}, caption), element("thead", {}, element("tr", {}, ...heads)), body);

  function sortBy(place) {
    state.descending = state.column === place && !state.descending;
    state.column = place;
    draw();
  }

  function draw() {
    heads.forEach((head, place) => head.setAttribute("aria-sort", direction(state, place)));
    const rows = state.column === null ? state.rows : inOrder(state.rows, columns[state.column].value, state.descending);
    body.replaceChildren(...rows.map((row) => tableRow(columns, row)));
  }

  function update(rows) {
    state.rows = rows;
    draw();
  }

  const box = element("div", { class: "table", tabindex: "0", role: "region", "aria-label": caption }, table);
  return { box, update };
}

function direction(state, place) {
  if (state.column !== place) return "none";
  return state.descending ? "descending" : "ascending";
}

function inOrder(rows, value, descending) {
  const known = rows.filter((row) => value(row) != null);
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  known.sort((a, b) => (descending ? -1 : 1) * compare(value(a), value(b)));
  return [...known, ...rows.filter((row) => value(row) == null)];
}

function tableRow(columns, row) {
  const cells = columns.map((column) => element("td", { class: column.left ? "left" : "" }, column.text(row)));
  return element("tr", {}, ...cells);
}

// --- columns ------------------------------------------------------------------------------------------------------------

const column = (head, value, text, more = {}) => ({ head, value, text, ...more });
const words = (head, value, more = {}) => column(head, value, value, { left: true, ...more });
const numbers = (head, value, digits, more = {}) => column(head, value, (row) => number(value(row), digits), more);

const codecColumn = words("codec", (row) => codecLabel(row.codec));
const qualityColumn = column("quality", (row) => row.quality, (row) => qualityText(row.quality));
const metricColumns = (metrics) =>
  metrics.map((metric) => numbers(metricHead(metric), (row) => row.metrics[metric.name], metric.digits));

/** A column only where some row has a value. */
const known = (rows, made) => (rows.some((row) => made.value(row) != null) ? [made] : []);

const timeColumns = [numbers("encode (ms)", (row) => row.encode_ms, 1), numbers("decode (ms)", (row) => row.decode_ms, 1)];
const gapColumn = column("files over tables", (row) => row.gap, (row) => percent(row.gap, 2), {
  title: "How much larger files are than a learned codec's tables say of their symbols",
});

// --- BD-rates -----------------------------------------------------------------------------------------------------------

function showCompared() {
  const metrics = report.metrics.filter((metric) => report.compared[metric.name]);
  const state = { anchor: report.first_anchor, metric: metrics[0].name };
  const told = metrics.filter((metric) => report.told.includes(metric.name));
  const together = sortable("BD-rates of every codec against the chosen one, by each metric", togetherColumns(told), 1);
  const table = sortable("The same by one metric, with the ranges that its figures hold over", comparedColumns(state), 1);
  const note = element("p", { class: "hint" });
  const anchor = chooser("Against", [], (key) => {
    state.anchor = key;
    draw();
  });
  const metric = chooser("By", metricChoices(metrics), (name) => {
    state.metric = name;
    draw();
  });
  const [low, high] = report.rates;
  const [from, to] = report.between.values;
  const explained = `BD-rate: bits at equal quality, mean over the overlap of both curves between ${low} and ${high} bpp; negative is fewer. “All”: over everything that both curves reach. “${from}–${to}”: between these values of SSIMULACRA 2. BD gain: score at equal rate.`;
  section("compared").append(
    element("div", { class: "choices" }, anchor.box),
    together.box,
    note,
    element("div", { class: "choices" }, metric.box),
    table.box,
    element("p", { class: "hint" }, explained),
  );

  function draw() {
    fill(anchor.select, report.anchors.map((one) => ({ value: one.key, label: one.label, group: one.group })), state.anchor);
    const codecs = report.codecs.map((codec) => codec.name).filter((name) => name !== state.anchor);
    const against = (name) => report.compared[name][state.anchor] ?? {};
    together.update(codecs.map((codec) => ({ codec, by: Object.fromEntries(told.map((one) => [one.name, against(one.name)[codec]])) })));
    table.update(Object.entries(against(state.metric)).map(([codec, compared]) => ({ codec, ...compared })));
    const about = report.anchors.find((one) => one.key === state.anchor).note;
    note.textContent = about ? `The anchor: ${about}.` : "";
  }

  draw();
}

/** For each metric the BD-rate between the rates, the one over all that is shared, and for SSIMULACRA 2 the one between values. */
function togetherColumns(metrics) {
  const [from, to] = report.between.values;
  const rate = (metric, field) => (row) => row.by[metric.name]?.[field];
  const one = (metric, head, field, strong = false) =>
    column(head, rate(metric, field), (row) => (strong ? rateCell(rate(metric, field)(row)) : percent(rate(metric, field)(row))), {
      title: `${metric.label}: ${field === "between" ? `between ${from} and ${to}` : field === "whole" ? "over all that is shared" : "between the rates"}`,
    });
  const columns = metrics.map((metric) => [
    one(metric, unbroken(metric.label), "bd_rate", true),
    one(metric, "all", "whole"),
    ...(metric.name === report.between.metric ? [one(metric, unbroken(`${from}–${to}`), "between")] : []),
  ]);
  return [codecColumn, ...columns.flat()];
}

function comparedColumns(state) {
  const digits = () => report.metrics.find((metric) => metric.name === state.metric).score_digits;
  return [
    codecColumn,
    column(unbroken("BD-rate"), (row) => row.bd_rate, (row) => rateCell(row.bd_rate)),
    column("BD gain", (row) => row.bd_score, (row) => signed(row.bd_score, digits())),
    column("overlap", (row) => row.scores?.[0], (row) => range(row.scores, digits())),
    column("its rates there (bpp)", (row) => row.bpp?.[0], (row) => range(row.bpp, 2)),
    column("all", (row) => row.whole, (row) => percent(row.whole), { title: "BD-rate over everything both curves reach" }),
    column("overlap of all", (row) => row.whole_scores?.[0], (row) => range(row.whole_scores, digits())),
    ...(somethingToSay() ? [words("notes", (row) => [row.problem, noteOf(row.codec)].filter(Boolean).join("; "))] : []),
  ];
}

const noteOf = (name) => report.codecs.find((codec) => codec.name === name).note;

function somethingToSay() {
  const compared = Object.values(report.compared).flatMap((anchors) => Object.values(anchors)).flatMap((codecs) => Object.values(codecs));
  return compared.some((one) => one.problem) || report.codecs.some((codec) => codec.note);
}

const rateCell = (rate) => element("strong", { class: rate < 0 ? "fewer" : "" }, rate == null ? "none" : percent(rate));

// --- means and files ----------------------------------------------------------------------------------------------------

function showMeans() {
  const memory = (row) => report.codecs.find((codec) => codec.name === row.codec).memory;
  const table = sortable("Means over the images; medians of the times", [
    codecColumn,
    qualityColumn,
    numbers("bpp", (row) => row.bpp, 4),
    ...metricColumns(report.metrics),
    ...known(report.means, numbers("PSNR of mean MSE", (row) => row.psnr_of_mean_mse, 2, { title: "dB of the mean squared error over all images" })),
    ...timeColumns,
    ...known(report.means, numbers("peak memory (MB)", memory, 0)),
    ...known(report.means, gapColumn),
  ]);
  const choices = codecFilter((codec) => table.update(report.means.filter((row) => !codec || row.codec === codec)));
  section("means").append(element("div", { class: "choices" }, choices.box), table.box);
  table.update(report.means);
}

function showRows() {
  const state = { codec: report.codecs[0].name, quality: "" };
  const count = element("output", { class: "count" });
  const table = sortable("One row for each file", [
    words("image", (row) => row.image),
    codecColumn,
    qualityColumn,
    column("bytes", (row) => row.bytes, (row) => whole(row.bytes)),
    numbers("bpp", (row) => row.bpp, 4),
    ...metricColumns(report.metrics),
    ...timeColumns,
    ...known(report.rows, gapColumn),
  ]);
  const quality = chooser("Quality", [], (value) => {
    state.quality = value;
    draw();
  });
  const codec = codecFilter((name) => {
    state.codec = name;
    state.quality = "";
    draw();
  }, state.codec);
  section("rows").append(element("div", { class: "choices" }, codec.box, quality.box, count), table.box);

  function draw() {
    const ofCodec = report.rows.filter((row) => !state.codec || row.codec === state.codec);
    const qualities = [...new Set(ofCodec.map((row) => row.quality))].filter((one) => one != null).sort((a, b) => a - b);
    fill(quality.select, [{ value: "", label: "all" }, ...qualities.map((one) => ({ value: one, label: String(one) }))], state.quality);
    const rows = ofCodec.filter((row) => state.quality === "" || String(row.quality) === state.quality);
    table.update(rows);
    count.textContent = `${whole(rows.length)} files`;
  }

  draw();
}

function codecFilter(chosen, value = "") {
  const codecs = report.codecs.map((codec) => ({ value: codec.name, label: codec.label }));
  return chooser("Codec", [{ value: "", label: "all" }, ...codecs], chosen, value);
}

/** The files of the pictures above, where no run is reported. */
function showFiles() {
  const rows = report.pictures.flatMap((picture) => picture.shown.map((shown) => ({ image: picture.name, ...shown })));
  const table = sortable("Each codec's file", [
    ...(report.pictures.length > 1 ? [words("image", (row) => row.image)] : []),
    words("codec", (row) => row.label),
    qualityColumn,
    column("bytes", (row) => row.bytes, (row) => whole(row.bytes) + (row.fits ? "" : " (its smallest)")),
    numbers("bpp", (row) => row.bpp, 3),
    numbers("PSNR (dB)", (row) => row.psnr, 2),
    ...known(rows, numbers("MS-SSIM", (row) => row.ms_ssim, 4)),
    ...known(rows, numbers("SSIMULACRA 2", (row) => row.ssimulacra2, 2)),
    ...timeColumns,
  ]);
  section("files").append(table.box);
  table.update(rows);
}

if (report.compared && Object.keys(report.compared).length > 0) showCompared();
if (report.means) showMeans();
if (report.rows) showRows();
else if (report.pictures.length > 0) showFiles();
