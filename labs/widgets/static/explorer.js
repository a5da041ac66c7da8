/**
 * The Explorer: builds its parts, tells them when a trait changes, and leaves no trace when it is
 * closed.
 */
import { actionsOn } from "./actions.js";
import { picker, slider, toggle } from "./controls.js";
import { lossChart } from "./curves.js";
import { h, put, say } from "./dom.js";
import { formatCount } from "./format.js";
import { valueMap } from "./map.js";
import { player } from "./player.js";
import { covered, questions } from "./question.js";
import { MEAN, readRecord, runAt, shownAt } from "./record.js";
import { followAddress, sharing } from "./share.js";
import { listed, makeText } from "./strings.js";
import { onThemeChange } from "./theme.js";
import { modelView } from "./view.js";
import { meanText, whatIsShown } from "./words.js";
import { whyItEndsThere } from "./why.js";

const TRAITS = ["choice", "map_axes", "map_value", "log_x", "log_y", "frame", "live", "answers"];

/**
 * @typedef {object} State what is shown; every part draws from it and from nothing else
 * @property {import("./record.js").Shown} shown
 * @property {import("./record.js").Shown | null} before what was shown before
 * @property {string[]} mapAxes
 * @property {string} mapValue
 * @property {boolean} logX
 * @property {boolean} logY
 * @property {number} frame which of the moments is looked at
 * @property {number | null} moment its step
 * @property {any} live
 * @property {import("./question.js").Answers} answers
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
    console.error(error);
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
  const parts = buildParts(runs, root, actions, model.get("questions"), t);
  let state = readState(runs, model, null);
  const draw = () => parts.forEach((part) => part.draw(state));
  const update = () => {
    state = readState(runs, model, state);
    draw();
  };
  TRAITS.forEach((name) => model.on(`change:${name}`, update));
  draw();
  const film = parts.find((part) => part.film)?.film;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const moves = model.get("play") && film && !still;
  const recolour = () => parts.forEach((part) => part.recolour?.());
  const stops = [
    () => TRAITS.forEach((name) => model.off(`change:${name}`, update)),
    () => film?.stop(),
    moves ? whenSeen(film.element, film.play) : () => {},
    onThemeChange(root, () => { recolour(); draw(); }),
    onWidthChange(parts, root, () => state),
    followAddress(runs, root.querySelector(".notice"), actions.choose, t),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Call `act` once, when an element comes into sight. Returns a function that stops waiting. */
function whenSeen(element, act) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    act();
  });
  observer.observe(element);
  return () => observer.disconnect();
}

/** @returns {State} */
function readState(runs, model, last) {
  const choice = model.get("choice");
  const moved = !last || runs.axes.some(({ name }) => last.shown.choice[name] !== choice[name]);
  const frame = Math.min(model.get("frame"), Math.max(0, runs.moments.length - 1));
  return {
    frame,
    shown: moved ? shownAt(runs, choice) : last.shown,
    before: (moved ? last?.shown : last.before) ?? null,
    mapAxes: model.get("map_axes"), mapValue: model.get("map_value"),
    logX: model.get("log_x"), logY: model.get("log_y"),
    moment: runs.moments.length > 1 ? runs.moments[frame] : null,
    live: model.get("live") ?? {},
    answers: model.get("answers"),
  };
}

/** A part for everything that the record has, in the order in which they are read. */
function buildParts(runs, root, actions, asked, t) {
  const asking = questions(asked, actions, t);
  const view = modelView(runs, t, actions);
  const chart = lossChart(runs, t, { tall: !view });
  const parts = [
    marks(runs, root), controls(runs, actions, t), view,
    chart, chart && chartHead(chart, actions, t),
    view || !chart ? null : chartFilm(chart, runs, actions, t),
    sentences(runs, asked, t), covered(valueMap(runs, t, actions), asked, t), sharing(runs, t),
  ].filter(Boolean);
  put(root, { role: "group", "aria-label": rootLabel(runs, t) });
  put(root, { "data-name": runs.meta.name, "data-runs": runs.count });
  root.replaceChildren(
    h("p", { class: "about" }, aboutText(runs, t)),
    h("div", { class: "notice", role: "alert" }),
    ...(asking ? [asking.element] : []),
    h("div", { class: "layout" }, ...parts.map((part) => part.element).filter(Boolean)));
  return asking ? [asking, ...parts] : parts;
}

/** What the explorer is called: its name makes two of them on a page differ. */
function rootLabel(runs, t) {
  const title = t.label(runs.meta.task.title) || listed(runs.values.map(({ label }) => label), t);
  const name = runs.meta.name.replaceAll("-", " ");
  return t(runs.loss ? "explorer.label" : "explorer.label_values", { title, name });
}

function aboutText(runs, t) {
  const facts = {
    count: formatCount(runs.count), steps: formatCount(runs.meta.steps ?? 0),
    title: t.label(runs.meta.task.title),
  };
  const kind = runs.loss ? "runs" : "settings";
  return t(facts.title ? `explorer.about_${kind}_on` : `explorer.about_${kind}`, facts);
}

/** What tests and assistive tools read on the root. */
function marks(runs, root) {
  const draw = ({ shown }) => {
    const names = runs.axes.map(({ name }) => name);
    const averaged = names.filter((name) => shown.choice[name] === MEAN);
    put(root, {
      "data-run": runAt(runs.axes, shown.choice),
      "data-mean": averaged.length ? averaged.join(" ") : null,
      "data-diverged": shown.diverged_at >= 0 ? shown.diverged_at : null,
    });
  };
  return { draw };
}

/** A control for every axis with more than one value; the others are folded away, as text. */
function controls(runs, actions, t) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  const inputs = long.map((axis) => {
    const choose = (i) => actions.choose({ [axis.name]: i });
    const listed = axis.control === "list" || axis.repeats;
    return listed ? picker(axis, choose, meanText(axis, t)) : slider(axis, choose);
  });
  const fixed = runs.axes.filter((axis) => axis.values.length === 1);
  const place = { class: "panel panel-controls", "aria-label": t("explorer.settings") };
  return {
    element: h("section", place, ...inputs, ...(fixed.length ? [alsoFixed(fixed, t)] : [])),
    draw: ({ shown }) => {
      inputs.forEach((input, i) => { input.value = shown.choice[long[i].name]; });
    },
  };
}

function alsoFixed(axes, t) {
  const rows = axes.map(({ label, texts }) =>
    h("p", { class: "fixed" }, h("span", {}, label), h("span", {}, texts[0])));
  return h("details", { class: "also" }, h("summary", {}, t("explorer.fixed")), ...rows);
}

/** The chart's title and its two switches, put above the chart. */
export function chartHead(chart, actions, t) {
  const x = toggle(t("curves.log_x"), { "data-log": "x" }, actions.setLogX);
  const y = toggle(t("curves.log_y"), { "data-log": "y" }, actions.setLogY);
  const title = h("p", { class: "title" }, t("curves.title"));
  chart.element.prepend(h("div", { class: "chart-head" }, title, x, y));
  return { draw: ({ logX, logY }) => { x.value = logX; y.value = logY; } };
}

/** Where the chart is the picture, training is played below it. */
function chartFilm(chart, runs, actions, t) {
  const film = player(runs.moments, t, actions);
  if (!film) return null;
  chart.box.after(film.element);
  return { draw: film.draw, film };
}

/** What is shown, and for runs why they end there. */
function sentences(runs, asked, t) {
  const what = h("p", { class: "what", "aria-live": "polite" });
  const why = runs.loss ? covered(reason(runs, t), asked, t) : null;
  return {
    element: h("section", { class: "panel panel-words" }, what, ...(why ? [why.element] : [])),
    draw: (state) => {
      say(what, whatIsShown(runs, state, t));
      why?.draw(state);
    },
  };
}

function reason(runs, t) {
  const why = h("p", { class: "why" });
  return {
    element: h("div", { class: "reason" }, why),
    draw: (state) => say(why, whyItEndsThere(runs, state, t)),
  };
}

/** Pictures are drawn to the pixel, so they are drawn again when the explorer's width changes. */
export function onWidthChange(parts, root, state = () => null) {
  const chart = parts.find((part) => part.box);
  const measure = () => {
    const style = getComputedStyle(root);
    const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    if (root.clientWidth <= padding) return;            // in a closed fold or tab
    const widthOf = (part) => Math.floor((part.box ?? root).clientWidth);
    for (const part of parts) part.resize?.(Math.max(240, widthOf(part)));
    parts.forEach((part) => part.draw(state()));
  };
  const observer = new ResizeObserver(measure);
  observer.observe(chart?.box ?? root);
  return () => observer.disconnect();
}
