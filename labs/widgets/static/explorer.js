/**
 * The Explorer: builds its parts, tells them when a trait changes, and leaves no trace when it is
 * closed.
 */
import { actionsOn } from "./actions.js";
import { picker, slider, toggle } from "./controls.js";
import { lossChart } from "./curves.js";
import { h, put, say } from "./dom.js";
import { formatCount, formatValue } from "./format.js";
import { valueMap } from "./map.js";
import { readRecord, runAt } from "./record.js";
import { followAddress, sharing } from "./share.js";
import { makeText } from "./strings.js";
import { onThemeChange } from "./theme.js";
import { modelView } from "./view.js";
import { whatIsShown } from "./words.js";
import { whyItEndsThere } from "./why.js";

const TRAITS = ["choice", "map_axes", "map_value", "log_x", "log_y", "frame", "live"];

/**
 * @typedef {object} State what is shown; every part draws from it and from nothing else
 * @property {import("./record.js").Choice} choice
 * @property {number} index the run shown
 * @property {number | null} previous the run shown before
 * @property {string[]} mapAxes
 * @property {string} mapValue
 * @property {boolean} logX
 * @property {boolean} logY
 * @property {number} frame
 * @property {number | null} moment the step of the view
 * @property {any} live
 */

/** Called by anywidget, or by the static page's host, once for every view. */
export async function renderExplorer({ model, el }) {
  const t = makeText(document.documentElement.lang || "en");
  const loading = h("p", { class: "note" }, t("explorer.loading"));
  const root = el.appendChild(h("div", { class: "labs-explorer", focusin: keepKeys }, loading));
  try {
    if (!globalThis.DecompressionStream) throw new Error(t("explorer.no_stream"));
    const reading = readRecord(model.get("meta"), model.get("payload"), t);
    const runs = await reading.catch((error) => {
      throw new Error(t("explorer.broken", { reason: error.message }));
    });
    return show(runs, model, root, t);
  } catch (error) {
    root.replaceChildren(h("p", { class: "fault", role: "alert" }, error.message));
  }
}

/**
 * JupyterLab takes arrow keys for itself, unless the very element that has the focus says
 * otherwise.
 */
export function keepKeys({ target }) {
  target.setAttribute("data-lm-suppress-shortcuts", "true");
}

function show(runs, model, root, t) {
  const actions = actionsOn(model);
  const parts = buildParts(runs, root, actions, t);
  let state = readState(runs, model, null);
  const draw = () => parts.forEach((part) => part.draw(state));
  const update = () => {
    state = readState(runs, model, state);
    draw();
  };
  TRAITS.forEach((name) => model.on(`change:${name}`, update));
  draw();
  const recolour = () => parts.forEach((part) => part.recolour?.());
  const stops = [
    () => TRAITS.forEach((name) => model.off(`change:${name}`, update)),
    onThemeChange(() => { recolour(); draw(); }),
    onWidthChange(parts, root, draw),
    followAddress(runs, root.querySelector(".notice"), actions.choose, t),
  ];
  return () => stops.forEach((stop) => stop());
}

/** @returns {State} */
function readState(runs, model, before) {
  const choice = model.get("choice");
  const index = runAt(runs.axes, choice);
  const moments = runs.meta.view?.steps ?? [];
  const frame = Math.min(model.get("frame"), Math.max(0, moments.length - 1));
  return {
    choice, index, frame,
    previous: before && before.index !== index ? before.index : before?.previous ?? null,
    mapAxes: model.get("map_axes"), mapValue: model.get("map_value"),
    logX: model.get("log_x"), logY: model.get("log_y"),
    moment: moments.length > 1 ? moments[frame] : null,
    live: model.get("live") ?? {},
  };
}

/** A part for everything that the record has. */
function buildParts(runs, root, actions, t) {
  const chart = lossChart(runs, t);
  const parts = [
    marks(runs, root), controls(runs, actions, t), chart, chart && chartHead(chart, actions, t),
    sentences(runs, t), valueMap(runs, t, actions), modelView(runs, t, actions), sharing(runs, t),
  ].filter(Boolean);
  const title = runs.meta.task.title || runs.values.map(({ label }) => label).join(", ");
  const label = t(runs.loss ? "explorer.label" : "explorer.label_values", { title });
  put(root, { role: "group", "aria-label": label, "data-name": runs.meta.name, "data-runs": runs.count });
  root.replaceChildren(
    h("p", { class: "about" }, aboutText(runs, t)),
    h("div", { class: "notice", role: "alert" }),
    h("div", { class: "layout" }, ...parts.map((part) => part.element).filter(Boolean)));
  return parts;
}

function aboutText(runs, t) {
  const count = t(`explorer.about_${runs.loss ? "runs" : "settings"}`, { count: formatCount(runs.count) });
  const steps = runs.loss ? t("explorer.about_steps", { steps: formatCount(runs.meta.steps) }) : "";
  return [count, runs.meta.task.title, steps].filter(Boolean).join(" · ");
}

/** What tests and assistive tools read on the root. */
function marks(runs, root) {
  const draw = ({ index }) => {
    const step = runs.diverged_at[index];
    put(root, { "data-run": index, "data-diverged": step >= 0 ? step : null });
  };
  return { draw };
}

/** A control for every axis with more than one value; the others are shown as text. */
function controls(runs, actions, t) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  const inputs = long.map((axis) => {
    const control = axis.control === "list" ? picker : slider;
    return control(axis, (i) => actions.choose({ [axis.name]: i }));
  });
  const fixed = runs.axes.filter((axis) => axis.values.length === 1).map(({ label, values }) =>
    h("p", { class: "fixed" }, h("span", {}, label), h("span", {}, formatValue(values[0]))));
  const place = { class: "panel panel-controls", "aria-label": t("explorer.settings") };
  return {
    element: h("section", place, ...inputs, ...fixed),
    draw: ({ choice }) => inputs.forEach((input, i) => { input.value = choice[long[i].name]; }),
  };
}

/** The chart's title and its two switches, put above the chart. */
export function chartHead(chart, actions, t) {
  const x = toggle(t("curves.log_x"), { "data-log": "x" }, actions.setLogX);
  const y = toggle(t("curves.log_y"), { "data-log": "y" }, actions.setLogY);
  const title = h("p", { class: "title" }, t("curves.title"));
  chart.element.prepend(h("div", { class: "chart-head" }, title, x, y));
  return { draw: ({ logX, logY }) => { x.value = logX; y.value = logY; } };
}

/** What is shown, and for runs why they end there. */
function sentences(runs, t) {
  const what = h("p", { class: "what", "aria-live": "polite" });
  const why = runs.loss ? h("p", { class: "why" }) : null;
  return {
    element: h("section", { class: "panel panel-words" }, what, ...(why ? [why] : [])),
    draw: (state) => {
      say(what, whatIsShown(runs, state, t));
      if (why) say(why, whyItEndsThere(runs, state, t));
    },
  };
}

/** Pictures are drawn to the pixel, so they are drawn again when the explorer's width changes. */
export function onWidthChange(parts, root, draw) {
  const chart = parts.find((part) => part.resize);
  const observer = new ResizeObserver(([entry]) => {
    chart?.resize(Math.max(240, Math.floor(entry.contentRect.width)));
    draw();
  });
  observer.observe(chart?.box ?? root);
  return () => observer.disconnect();
}
