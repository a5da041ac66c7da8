/** The Explorer: builds its parts, tells them when a trait changes, and leaves no trace when it is closed. */
import { picker, slider, toggle } from "./controls.js";
import { lossChart } from "./curves.js";
import { h, put, say } from "./dom.js";
import { formatCount, formatValue } from "./format.js";
import { lossMap } from "./map.js";
import { readRecord, runAt } from "./record.js";
import { followAddress, sharing } from "./share.js";
import { makeText } from "./strings.js";
import { onThemeChange } from "./theme.js";
import { modelView } from "./view.js";
import { whatIsShown } from "./words.js";
import { whyItEndsThere } from "./why.js";

const TRAITS = ["choice", "map_axes", "log_x", "log_y", "frame", "live"];

/**
 * @typedef {object} State what is shown; every part draws from it and from nothing else
 * @property {import("./record.js").Choice} choice
 * @property {number} index the run shown
 * @property {number | null} previous the run shown before
 * @property {string[]} mapAxes
 * @property {boolean} logX
 * @property {boolean} logY
 * @property {number} frame
 * @property {number | null} moment the step of the model view
 * @property {any} live
 */

/** Called by anywidget, or by the static page's host, once for every view. */
async function render({ model, el }) {
  const t = makeText(document.documentElement.lang || "en");
  const root = el.appendChild(h("div", { class: "labs-explorer", focusin: keepKeys }, h("p", { class: "note" }, t("explorer.loading"))));
  try {
    if (!globalThis.DecompressionStream) throw new Error(t("explorer.no_stream"));
    const runs = await readRecord(model.get("meta"), model.get("payload")).catch((error) => {
      throw new Error(t("explorer.broken", { reason: error.message }));
    });
    return show(runs, model, root, t);
  } catch (error) {
    root.replaceChildren(h("p", { class: "fault", role: "alert" }, error.message));
  }
}

/** JupyterLab takes arrow keys for itself, unless the very element that has the focus says otherwise. */
function keepKeys({ target }) {
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
  const stops = [
    () => TRAITS.forEach((name) => model.off(`change:${name}`, update)),
    onThemeChange(() => { parts.forEach((part) => part.recolour?.()); draw(); }),
    onWidthChange(parts, draw),
    followAddress(runs, root.querySelector(".notice"), actions.choose, t),
  ];
  return () => stops.forEach((stop) => stop());
}

/** What a reader can do: each writes traits once; the change of the trait draws. */
function actionsOn(model) {
  const write = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  return {
    choose: (changes) => write("choice", { ...model.get("choice"), ...changes }),
    setMapAxes: (names) => write("map_axes", names),
    setLogX: (on) => write("log_x", on),
    setLogY: (on) => write("log_y", on),
    setFrame: (frame) => write("frame", frame),
  };
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
    mapAxes: model.get("map_axes"), logX: model.get("log_x"), logY: model.get("log_y"),
    moment: moments.length > 1 ? moments[frame] : null,
    live: model.get("live") ?? {},
  };
}

function buildParts(runs, root, actions, t) {
  const chart = lossChart(runs, t);
  const parts = [marks(runs, root), controls(runs, actions, t), chart, chartHead(chart, actions, t), sentences(runs, t),
    lossMap(runs, t, actions), modelView(runs, t, actions), sharing(runs, t)].filter(Boolean);
  put(root, { role: "group", "aria-label": t("explorer.label", { title: runs.meta.task.title }), "data-name": runs.meta.name, "data-runs": runs.count });
  root.replaceChildren(
    h("p", { class: "about" }, t("explorer.about", { count: formatCount(runs.count), title: runs.meta.task.title, steps: formatCount(runs.meta.steps) })),
    h("div", { class: "notice", role: "alert" }),
    h("div", { class: "layout" }, ...parts.map((part) => part.element).filter(Boolean)));
  return parts;
}

/** What tests and assistive tools read on the root. */
function marks(runs, root) {
  return { draw: ({ index }) => put(root, { "data-run": index, "data-diverged": runs.diverged_at[index] >= 0 ? runs.diverged_at[index] : null }) };
}

/** A control for every axis with more than one value; the others are shown as text. */
function controls(runs, actions, t) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  const fixed = runs.axes.filter((axis) => axis.values.length === 1);
  const inputs = long.map((axis) => controlFor(axis)(axis, (i) => actions.choose({ [axis.name]: i })));
  const facts = fixed.map((axis) => h("p", { class: "fixed" }, h("span", {}, axis.label), h("span", {}, formatValue(axis.values[0]))));
  return {
    element: h("section", { class: "panel panel-controls", "aria-label": t("explorer.settings") }, ...inputs, ...facts),
    draw: ({ choice }) => inputs.forEach((input, i) => { input.value = choice[long[i].name]; }),
  };
}

/** Numbers have an order to slide along; names and seeds have none. */
function controlFor(axis) {
  return axis.name === "seed" || axis.values.some((value) => typeof value === "string") ? picker : slider;
}

/** The chart's title and its two switches, put above the chart. */
function chartHead(chart, actions, t) {
  const x = toggle(t("curves.log_x"), { "data-log": "x" }, actions.setLogX);
  const y = toggle(t("curves.log_y"), { "data-log": "y" }, actions.setLogY);
  chart.element.prepend(h("div", { class: "chart-head" }, h("p", { class: "title" }, t("curves.title")), x, y));
  return { draw: ({ logX, logY }) => { x.value = logX; y.value = logY; } };
}

function sentences(runs, t) {
  const what = h("p", { class: "what", "aria-live": "polite" });
  const why = h("p", { class: "why" });
  return {
    element: h("section", { class: "panel panel-words" }, what, why),
    draw: (state) => {
      say(what, whatIsShown(runs, state, t));
      say(why, whyItEndsThere(runs, state, t));
    },
  };
}

function onWidthChange(parts, draw) {
  const chart = parts.find((part) => part.resize);
  const observer = new ResizeObserver(([entry]) => {
    chart.resize(Math.max(240, Math.floor(entry.contentRect.width)));
    draw();
  });
  observer.observe(chart.box);
  return () => observer.disconnect();
}

export default { render };
