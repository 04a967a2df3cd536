// What all parts of the page use: the figures, elements, and how numbers are written.

const report = JSON.parse(document.getElementById("report").textContent);

/** A new element; attributes that are functions are listeners, children are elements or text, which is never read as HTML. */
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name, value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A section of the page, shown now that it has something to show. */
function section(name) {
  const found = document.getElementById(name);
  found.hidden = false;
  return found;
}

let choosers = 0;

/** A labelled drop-down. `choices` are {value, label, group}; `chosen` is told the value. */
function chooser(label, choices, chosen, value = choices[0]?.value) {
  const id = `chooser${(choosers += 1)}`;
  const select = element("select", { id, change: () => chosen(select.value) });
  fill(select, choices, value);
  return { box: element("div", { class: "chooser" }, element("label", { for: id }, label), select), select };
}

function fill(select, choices, value) {
  const groups = new Map();
  for (const choice of choices) {
    const option = element("option", { value: choice.value }, choice.label);
    option.selected = String(choice.value) === String(value);
    if (!choice.group) groups.set(option, option);
    else if (groups.has(choice.group)) groups.get(choice.group).append(option);
    else groups.set(choice.group, element("optgroup", { label: choice.group }, option));
  }
  select.replaceChildren(...groups.values());
}

function button(label, clicked, attributes = {}) {
  return element("button", { type: "button", click: clicked, ...attributes }, label);
}

const unbrokenWords = (text) => text.replaceAll("-", "\u2011"); // broken only between words
const unbroken = (text) => unbrokenWords(text).replaceAll(" ", "\u00a0"); // on one line
const minus = (text) => text.replace("-", "−");
const number = (value, digits) => (value == null ? "–" : minus(value.toFixed(digits)));
const percent = (value, digits = 1) => (value == null ? "–" : minus(`${value > 0 ? "+" : ""}${(100 * value).toFixed(digits)} %`));
const signed = (value, digits) => (value == null ? "–" : minus(`${value > 0 ? "+" : ""}${value.toFixed(digits)}`));
const whole = (value) => value.toLocaleString("en");
const range = (pair, digits) => (pair ? `${number(pair[0], digits)} to ${number(pair[1], digits)}` : "–");
const qualityText = (quality) => (quality == null ? "–" : String(quality));

const codecLabel = (name) => report.codecs.find((codec) => codec.name === name)?.label ?? name;
const metricHead = (metric) => unbrokenWords(metric.unit ? `${metric.label} (${metric.unit})` : metric.label);

/** A value of the page's style, which differs in the dark. */
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const inTheDark = matchMedia("(prefers-color-scheme: dark)");
