/**
 * The loss chart: what is shown, the setting before as a ghost, the band over repetitions, and a
 * live run.
 */
import { drawAxes } from "./axes.js";
import { drawEnds } from "./ends.js";
import { h, put, s } from "./dom.js";
import { lastFinite } from "./labels.js";
import { envelope, repeated, repetitions, seriesOf } from "./record.js";
import { readout } from "./readout.js";
import { lossDomain, makeScale } from "./scales.js";
import { drawStop } from "./stop.js";
import { labelsOf } from "./words.js";

const MARGIN = { top: 26, right: 94, bottom: 34, left: 52 };
const NAMES = ["train_loss", "val_loss"];

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 * @param {{tall?: boolean}} [options] tall: where the chart is the picture beside the controls
 */
export function lossChart(runs, t, { tall = false } = {}) {
  if (!runs.loss) return null;
  const parts = skeleton(runs, t);
  const frame = { width: 0, height: 0, key: "" };
  let last = null, scales = null;
  const draw = (state) => {
    last = state;
    const lines = linesOf(runs, state);
    scales = makeScales(runs, state, lines, frame);
    const before = state.before && domainOf(runs, { ...state, shown: state.before, live: {} });
    drawAxes(parts, scales, before, frame, runs, t);
    for (const name in parts.paths) drawLine(parts.paths[name], lines[name], scales);
    const band = lines[`band_${runs.loss.name}`];
    parts.notes.forEach((note) => { note.hidden = !band?.steps.length; });
    drawEnds(parts.ends, lines, scales, t);
    drawStop(parts, state.shown, scales, t);
    drawMoment(parts, state, scales);
  };
  const resize = (width) => {
    const [least, most, share] = tall ? [230, 400, 0.6] : [190, 250, 0.3];
    const height = Math.round(Math.min(most, Math.max(least, width * share)));
    Object.assign(frame, { width, height });
    if (last) draw(last);
  };
  readout(parts, runs, () => last, () => scales, t);
  resize(560);
  return { element: parts.element, box: parts.box, draw, resize };
}

/** The paths stand in the order in which they are painted. */
function skeleton(runs, t) {
  const band = `band_${runs.loss.name}`;
  const lines = ["ghost_", "", "live_"].flatMap((kind) => NAMES.map((name) => kind + name));
  const path = (name) => s("path", { "data-series": name, d: "" });
  const paths = Object.fromEntries([band, ...lines].map((name) => [name, path(name)]));
  const clip = `clip-${Math.random().toString(36).slice(2)}`;
  const group = (name) => s("g", { class: name });
  const parts = {
    paths, clip: s("rect"), grid: group("grid"), axes: group("axes"), ends: group("ends"),
    stop: group("stop"), news: group("stop"),
    moment: s("line", { class: "moment" }), future: s("rect", { class: "future" }),
    rule: s("line", { class: "rule", visibility: "hidden" }),
    readout: s("text", { class: "readout" }), moved: s("text", { class: "moved" }),
  };
  parts.svg = s("svg", { class: "curves", role: "img", "aria-label": t("curves.picture") },
    s("clipPath", { id: clip }, parts.clip), parts.grid, parts.stop,
    s("g", { "clip-path": `url(#${clip})` }, ...Object.values(paths)),
    parts.future, parts.moment, parts.axes, parts.rule,
    parts.news, parts.ends, parts.moved, parts.readout);
  parts.notes = bandNote(runs, t);
  parts.box = h("div", { class: "curves-box" }, parts.svg);
  parts.element = h("section", { class: "panel panel-curves", "aria-label": t("curves.title") },
    parts.box, ...parts.notes);
  return parts;
}

function bandNote(runs, t) {
  const over = repetitions(runs.axes);
  if (!over.length) return [];
  const n = over.reduce((product, axis) => product * axis.values.length, 1);
  const label = labelsOf(over, t);
  const { name } = runs.loss;
  const swatch = h("i", { class: `swatch swatch-band of-${name}`, "aria-hidden": "true" });
  return [h("p", { class: "note" }, swatch, t(`curves.band_${name}`, { n, label }))];
}

/** The horizontal axis is the whole training; the vertical one fits what is shown. */
function makeScales(runs, { logX, logY, live }, lines, { width, height }) {
  const first = logX ? runs.times.find((step) => step > 0) ?? 1 : 0;
  const last = Math.max(runs.meta.steps, live.steps?.at(-1) ?? 0);      // a live run may be longer
  const across = [MARGIN.left, width - MARGIN.right];
  const up = [height - MARGIN.bottom, MARGIN.top];
  const kindY = logY ? "log" : "linear";
  return {
    x: makeScale(logX ? "log" : "linear", [first, last], across, Math.max(3, width / 80)),
    y: makeScale(kindY, lossDomain(kindY, fitted(lines)), up, Math.max(3, height / 45)),
  };
}

/** The domain that the vertical axis has for a state. */
function domainOf(runs, state) {
  return lossDomain(state.logY ? "log" : "linear", fitted(linesOf(runs, state)));
}

/** The values that must fit: all but those of the setting before, which may leave the picture. */
function* fitted(lines) {
  for (const [name, line] of Object.entries(lines)) {
    if (!line || name.startsWith("ghost")) continue;
    yield* line.values ?? [...line.low, ...line.high];
  }
}

/**
 * What each path draws: {steps, values} for a line, {steps, low, high} for a band, null for
 * nothing.
 */
function linesOf(runs, { shown, before, live }) {
  const line = (name, what) => {
    const values = what && seriesOf(runs, name, what.members);
    return values && { steps: runs.times, values };
  };
  const living = (values) =>
    (live.steps?.length ? { steps: live.steps, values: values.map((v) => v ?? NaN) } : null);
  const band = bandOf(runs, repeated(runs.axes, shown.choice), shown);
  const lines = { [`band_${runs.loss.name}`]: band };
  for (const name of NAMES) {
    lines[`ghost_${name}`] = line(name, before);
    lines[name] = line(name, shown);
    lines[`live_${name}`] = living(live[name]);
  }
  return lines;
}

/** The band ends where what is shown diverges: beyond, there is nothing for it to surround. */
function bandOf(runs, members, shown) {
  if (members.length < 2) return null;
  const { name } = runs.loss;
  const length = lastFinite(seriesOf(runs, name, shown.members)) + 1;
  const { low, high } = envelope(runs, name, members);
  return {
    steps: runs.times.slice(0, length),
    low: low.subarray(0, length), high: high.subarray(0, length),
  };
}

function drawLine(path, line, { x, y }) {
  if (!line) put(path, { d: "" });
  else if (line.low) put(path, { d: bandPath(line, x, y) });
  else put(path, { d: linePath(line.steps, line.values, x, y) });
}

/**
 * A path through the finite values whose step lies on the axis (a logarithmic one has no place for
 * step 0).
 */
export function linePath(steps, values, x, y) {
  let path = "", pen = "M";
  values.forEach((value, k) => {
    if (!(value > 0 || (value === 0 && y.kind === "linear"))) pen = "M";
    else if (steps[k] >= x.domain[0]) {
      path += `${pen}${x.place(steps[k]).toFixed(2)},${y.place(value).toFixed(2)}`;
      pen = "L";
    }
  });
  return path;
}

function bandPath({ steps, low, high }, x, y) {
  const [there, back] = [high, low].map((edge) => linePath(steps, edge, x, y));
  return there && `${there}L${back.slice(1).split("L").reverse().join("L")}Z`;
}

/** Where in training the reader looks: what comes after is pale. */
function drawMoment({ moment: line, future }, { moment }, { x, y }) {
  const shown = moment !== null && moment >= x.domain[0] && moment < x.domain[1];
  const visibility = shown ? "visible" : "hidden";
  put(line, { visibility });
  put(future, { visibility });
  if (!shown) return;
  const [place, right, [bottom, top]] = [x.place(moment), x.range[1], y.range];
  put(line, { x1: place, x2: place, y1: bottom, y2: top });
  put(future, { x: place, y: top, width: right - place + 4, height: bottom - top });
}
