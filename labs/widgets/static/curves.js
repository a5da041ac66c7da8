/**
 * The loss chart: the run shown, the one before as a ghost, the band over repetitions, and a live
 * run.
 */
import { drawEnds } from "./ends.js";
import { h, put, s, say } from "./dom.js";
import { formatCount, formatLoss, formatValue } from "./format.js";
import { lastFinite } from "./labels.js";
import { envelope, repeated, repetitions, seriesOf } from "./record.js";
import { lossDomain, makeScale } from "./scales.js";
import { drawStop } from "./stop.js";

const MARGIN = { top: 26, right: 94, bottom: 34, left: 48 };
const NAMES = ["train_loss", "val_loss"];

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 */
export function lossChart(runs, t) {
  if (!runs.loss) return null;
  const parts = skeleton(runs, t);
  const frame = { width: 0, height: 0, key: "" };
  let last = null;
  const draw = (state) => {
    last = state;
    const scales = makeScales(runs, state, frame);
    drawAxes(parts, scales, frame, runs, t);
    const lines = linesOf(runs, state);
    for (const name in parts.paths) drawLine(parts.paths[name], lines[name], scales);
    drawEnds(parts.ends, lines, scales, t);
    drawStop(parts, runs, state, scales, t);
    drawMoment(parts, state, scales);
  };
  const resize = (width) => {
    const height = Math.round(Math.min(400, Math.max(250, width * 0.64)));
    Object.assign(frame, { width, height });
    if (last) draw(last);
  };
  followPointer(parts, runs, () => last, () => makeScales(runs, last, frame), t);
  resize(560);
  return { element: parts.element, box: parts.box, draw, resize };
}

/** The paths stand in the order in which they are painted. */
function skeleton(runs, t) {
  const band = `band_${runs.loss.name}`;
  const series = [band, ...["ghost_", "", "live_"].flatMap((kind) => NAMES.map((name) => kind + name))];
  const path = (name) => s("path", { "data-series": name, d: "" });
  const paths = Object.fromEntries(series.map((name) => [name, path(name)]));
  const clip = `clip-${Math.random().toString(36).slice(2)}`;
  const group = (name) => s("g", { class: name });
  const parts = {
    paths, clip: s("rect"), grid: group("grid"), axes: group("axes"), ends: group("ends"),
    stop: group("stop"), news: group("stop"), moment: s("line", { class: "moment" }),
    rule: s("line", { class: "rule", visibility: "hidden" }), readout: s("text", { class: "readout" }),
  };
  parts.svg = s("svg", { class: "curves", role: "img", "aria-label": t("curves.picture") },
    s("clipPath", { id: clip }, parts.clip), parts.grid, parts.stop, parts.moment,
    s("g", { "clip-path": `url(#${clip})` }, ...Object.values(paths)),
    parts.axes, parts.rule, parts.news, parts.ends, parts.readout);
  parts.box = h("div", { class: "curves-box" }, parts.svg);
  parts.element = h("section", { class: "panel panel-curves", "aria-label": t("curves.title") },
    parts.box, ...bandNote(runs, t));
  return parts;
}

function bandNote(runs, t) {
  const over = repetitions(runs.axes);
  if (!over.length) return [];
  const n = over.reduce((product, axis) => product * axis.values.length, 1);
  const label = over.map((axis) => axis.label).join(", ");
  const swatch = h("i", { class: `swatch swatch-band of-${runs.loss.name}`, "aria-hidden": "true" });
  const series = t(`series.${runs.loss.name}`);
  return [h("p", { class: "note" }, swatch, t("curves.band", { series, n, label }))];
}

/**
 * Both scales depend on the record and the size, never on which of its runs is shown: moves can be
 * compared.
 */
function makeScales(runs, { logX, logY, live }, { width, height }) {
  const [kindX, kindY] = [logX ? "log" : "linear", logY ? "log" : "linear"];
  const first = logX ? runs.times.find((step) => step > 0) : 0;
  const last = Math.max(runs.meta.steps, live.steps?.at(-1) ?? 0);      // a live run may be longer
  const across = [MARGIN.left, width - MARGIN.right];
  const up = [height - MARGIN.bottom, MARGIN.top];
  return {
    x: makeScale(kindX, [first, last], across, Math.max(3, width / 80)),
    y: makeScale(kindY, lossDomain(kindY, runs.meta.loss_range), up, 5),
  };
}

function drawAxes(parts, { x, y }, frame, runs, t) {
  const key = [x.kind, x.domain, y.kind, y.domain, frame.width, frame.height].join();
  if (key === frame.key) return;
  frame.key = key;
  const [left, right] = x.range;
  const [bottom, top] = y.range;
  put(parts.svg, {
    viewBox: `0 0 ${frame.width} ${frame.height}`, width: frame.width, height: frame.height,
    "data-x-scale": x.kind, "data-x-domain": x.domain.join(), "data-x-range": x.range.join(),
    "data-y-scale": y.kind, "data-y-domain": y.domain.join(), "data-y-range": y.range.join(),
  });
  put(parts.clip, { x: left, y: top, width: right - left, height: bottom - top });
  const line = (x1, x2, y1, y2) => s("line", { x1, x2, y1, y2 });
  const text = (x, y, anchor, words) => s("text", { x, y, "text-anchor": anchor }, words);
  parts.grid.replaceChildren(...y.ticks.map((tick) => line(left, right, y.place(tick), y.place(tick))));
  parts.axes.replaceChildren(
    line(left, right, bottom, bottom),
    ...y.ticks.map((tick) => text(left - 8, y.place(tick) + 4, "end", formatValue(tick))),
    ...x.ticks.map((tick) => line(x.place(tick), x.place(tick), bottom, bottom + 4)),
    ...x.ticks.map((tick) => text(x.place(tick), bottom + 18, "middle", formatCount(tick))),
    s("text", { x: right + 24, y: bottom + 18, class: "name" }, t("curves.step")),
    s("text", { x: 2, y: 12, class: "name" }, t("curves.loss", { loss: runs.meta.task.loss }).trim()),
  );
}

/**
 * What each path draws: {steps, values} for a line, {steps, low, high} for a band, null for
 * nothing.
 */
function linesOf(runs, { index, previous, choice, live }) {
  const line = (name, run) => {
    const values = run === null ? null : seriesOf(runs, name, run);
    return values && { steps: runs.times, values };
  };
  const living = (values) =>
    (live.steps?.length ? { steps: live.steps, values: values.map((v) => v ?? NaN) } : null);
  const members = repeated(runs.axes, choice);
  const lines = { [`band_${runs.loss.name}`]: members.length > 1 ? bandOf(runs, members, index) : null };
  for (const name of NAMES) {
    lines[`ghost_${name}`] = line(name, previous);
    lines[name] = line(name, index);
    lines[`live_${name}`] = living(live[name]);
  }
  return lines;
}

/** The band ends where the run shown diverges: beyond, there is nothing for it to surround. */
function bandOf(runs, members, index) {
  const { name } = runs.loss;
  const length = lastFinite(seriesOf(runs, name, index)) + 1;
  const { low, high } = envelope(runs, name, members);
  return {
    steps: runs.times.slice(0, length), low: low.subarray(0, length), high: high.subarray(0, length),
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

/** Where in training the view stands. */
function drawMoment(parts, { moment }, { x, y }) {
  const shown = moment !== null && moment >= x.domain[0] && moment < x.domain[1];
  put(parts.moment, { visibility: shown ? "visible" : "hidden" });
  if (!shown) return;
  put(parts.moment, { x1: x.place(moment), x2: x.place(moment), y1: y.range[0], y2: y.range[1] });
}

/** Under the pointer: the nearest recorded step and what was measured there. */
function followPointer({ svg, rule, readout }, runs, state, scales, t) {
  const hide = () => [rule, readout].forEach((part) => put(part, { visibility: "hidden" }));
  const lossText = (name, k) => {
    const values = seriesOf(runs, name, state().index);
    return values ? [`${t(`curves.${name}`)} ${formatLoss(values[k])}`] : [];
  };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const { x, y } = scales();
    const pixel = event.clientX - svg.getBoundingClientRect().left;
    if (pixel < x.range[0] - 6 || pixel > x.range[1] + 6) return hide();
    const places = runs.times.map((step) => x.place(Math.max(step, x.domain[0])));
    const distance = (k) => Math.abs(places[k] - pixel);
    const k = places.map((_, i) => i).reduce((best, i) => (distance(i) < distance(best) ? i : best));
    put(rule, { visibility: "visible", x1: places[k], x2: places[k], y1: y.range[0], y2: y.range[1] });
    put(readout, { visibility: "visible", x: x.range[1] + MARGIN.right - 4, y: 12, "text-anchor": "end" });
    const losses = NAMES.flatMap((name) => lossText(name, k)).join("  ·  ");
    say(readout, t("curves.readout", { step: formatCount(runs.times[k]), losses }));
  });
}
