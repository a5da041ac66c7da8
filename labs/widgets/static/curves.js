/** The loss chart: the run shown, the one before as a ghost, the band over seeds, and a live run where there is one. */
import { h, put, s, say } from "./dom.js";
import { formatCount, formatLoss, formatValue } from "./format.js";
import { lastFinite, spread } from "./labels.js";
import { envelope, runsAlong, seriesOf } from "./record.js";
import { lossDomain, makeScale } from "./scales.js";

const MARGIN = { top: 26, right: 94, bottom: 34, left: 48 };
const SERIES = ["band_val_loss", "ghost_train_loss", "ghost_val_loss", "train_loss", "val_loss", "live_train_loss", "live_val_loss"];

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 */
export function lossChart(runs, t) {
  const parts = skeleton(runs, t);
  const frame = { width: 0, height: 0, key: "" };
  let last = null;
  const draw = (state) => {
    last = state;
    const scales = makeScales(runs, state, frame);
    drawAxes(parts, scales, frame, runs, t);
    const lines = linesOf(runs, state);
    for (const name of SERIES) drawLine(parts.paths[name], name, lines[name], scales);
    drawEnds(parts, lines, scales, t);
    drawStop(parts, runs, state, scales, t);
    drawMoment(parts, state, scales);
  };
  const resize = (width) => {
    Object.assign(frame, { width, height: Math.round(Math.min(400, Math.max(250, width * 0.64))) });
    if (last) draw(last);
  };
  followPointer(parts, runs, () => last, () => makeScales(runs, last, frame), t);
  resize(560);
  return { element: parts.element, box: parts.box, draw, resize };
}

function skeleton(runs, t) {
  const paths = Object.fromEntries(SERIES.map((name) => [name, s("path", { "data-series": name, d: "" })]));
  const clip = `clip-${Math.random().toString(36).slice(2)}`;
  const parts = {
    paths, clip: s("rect"), grid: s("g", { class: "grid" }), axes: s("g", { class: "axes" }), stop: s("g", { class: "stop" }), news: s("g", { class: "stop" }),
    moment: s("line", { class: "moment" }), rule: s("line", { class: "rule", visibility: "hidden" }), ends: s("g", { class: "ends" }),
    readout: s("text", { class: "readout" }),
  };
  parts.svg = s("svg", { class: "curves", role: "img", "aria-label": t("curves.picture") },
    s("clipPath", { id: clip }, parts.clip), parts.grid, parts.stop, parts.moment,
    s("g", { "clip-path": `url(#${clip})` }, ...Object.values(paths)), parts.axes, parts.rule, parts.news, parts.ends, parts.readout);
  parts.box = h("div", { class: "curves-box" }, parts.svg);
  parts.element = h("section", { class: "panel panel-curves", "aria-label": t("curves.title") }, parts.box, ...bandNote(runs, t));
  return parts;
}

function bandNote(runs, t) {
  const n = runs.axes.find((axis) => axis.name === "seed")?.values.length ?? 1;
  return n > 1 ? [h("p", { class: "note" }, h("i", { class: "swatch swatch-band", "aria-hidden": "true" }), t("curves.band", { n }))] : [];
}

/** Both scales depend on the record and the size, never on which of its runs is shown: moves can be compared. */
function makeScales(runs, { logX, logY, live }, { width, height }) {
  const [kindX, kindY] = [logX ? "log" : "linear", logY ? "log" : "linear"];
  const first = logX ? runs.times.find((step) => step > 0) : 0;
  const last = Math.max(runs.meta.steps, live.steps?.at(-1) ?? 0);      // a live run may be longer
  return {
    x: makeScale(kindX, [first, last], [MARGIN.left, width - MARGIN.right], Math.max(3, width / 80)),
    y: makeScale(kindY, lossDomain(kindY, runs.meta.loss_range), [height - MARGIN.bottom, MARGIN.top], 5),
  };
}

function drawAxes(parts, { x, y }, frame, runs, t) {
  const key = [x.kind, x.domain, y.kind, frame.width, frame.height].join();
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
  parts.grid.replaceChildren(...y.ticks.map((tick) => s("line", { x1: left, x2: right, y1: y.place(tick), y2: y.place(tick) })));
  parts.axes.replaceChildren(
    s("line", { x1: left, x2: right, y1: bottom, y2: bottom }),
    ...y.ticks.map((tick) => s("text", { x: left - 8, y: y.place(tick) + 4, "text-anchor": "end" }, formatValue(tick))),
    ...x.ticks.map((tick) => s("line", { x1: x.place(tick), x2: x.place(tick), y1: bottom, y2: bottom + 4 })),
    ...x.ticks.map((tick) => s("text", { x: x.place(tick), y: bottom + 18, "text-anchor": "middle" }, formatCount(tick))),
    s("text", { x: right + 24, y: bottom + 18, class: "name" }, t("curves.step")),
    s("text", { x: 2, y: 12, class: "name" }, t("curves.loss", { loss: runs.meta.task.loss })),
  );
}

/** What each path draws: {steps, values} for a line, {steps, low, high} for a band, null for nothing. */
function linesOf(runs, { index, previous, choice, live }) {
  const line = (name, run) => ({ steps: runs.times, values: seriesOf(runs, name, run) });
  const seeds = runsAlong(runs.axes, choice, "seed");
  const living = (values) => (live.steps?.length ? { steps: live.steps, values: values.map((v) => v ?? NaN) } : null);
  return {
    band_val_loss: seeds.length > 1 ? bandOf(runs, seeds, index) : null,
    ghost_train_loss: previous === null ? null : line("train_loss", previous),
    ghost_val_loss: previous === null ? null : line("val_loss", previous),
    train_loss: line("train_loss", index),
    val_loss: line("val_loss", index),
    live_train_loss: living(live.train_loss),
    live_val_loss: living(live.val_loss),
  };
}

/** The band over seeds ends where the run shown diverges: beyond, there is nothing for it to surround. */
function bandOf(runs, seeds, index) {
  const length = lastFinite(seriesOf(runs, "val_loss", index)) + 1;
  const { low, high } = envelope(runs, "val_loss", seeds);
  return { steps: runs.times.slice(0, length), low: low.subarray(0, length), high: high.subarray(0, length) };
}

function drawLine(path, name, line, { x, y }) {
  if (!line) put(path, { d: "" });
  else if (line.low) put(path, { d: bandPath(line, x, y) });
  else put(path, { d: linePath(line.steps, line.values, x, y) });
}

/** A path through the finite values whose step lies on the axis (a logarithmic one has no place for step 0). */
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

/** A dot where each curve ends, if it ends inside the frame, and its name and value beside it. */
function drawEnds(parts, lines, { x, y }, t) {
  const named = [["val_loss", t("curves.validation")], ["train_loss", t("curves.training")], ["ghost_val_loss", t("curves.before")], ["live_val_loss", t("curves.live")]];
  const ends = named.flatMap(([name, label]) => {
    const k = lines[name] ? lastFinite(lines[name].values) : -1;
    if (k < 0) return [];
    const { steps, values } = lines[name];
    const stopped = k < values.length - 1 && !name.startsWith("live");
    const height = Math.min(Math.max(y.place(values[k]), y.range[1]), y.range[0]);
    const outside = Math.sign(y.place(values[k]) - height);
    return [{ name, label, stopped, outside, value: values[k], x: x.place(steps[k]), y: height }];
  });
  const heights = spread(ends.map((end) => end.y), 30, y.range[1] + 4, y.range[0] - 18);
  parts.ends.replaceChildren(...ends.flatMap((end, i) => endOf(end, heights[i], x, t)));
}

function endOf(end, height, x, t) {
  const left = x.range[1] + 12;
  const arrow = { "-1": "↑ ", 0: "", 1: "↓ " }[end.outside];
  let mark = [];
  if (end.stopped) mark = [s("path", { class: `cross of-${end.name}`, d: `M${end.x - 4},${end.y - 4}l8,8m0,-8l-8,8` })];
  else if (!end.outside) mark = [s("circle", { class: `dot of-${end.name}`, cx: end.x, cy: end.y, r: 3 })];
  return [...mark,
    s("text", { class: `label of-${end.name}`, x: left, y: height + 3 }, end.label),
    s("text", { class: `label value of-${end.name}`, x: left, y: height + 17 }, end.stopped ? t("curves.none") : arrow + formatLoss(end.value))];
}

/** Hatching from the step at which a run diverged: there is no loss to draw. An untrained run is hatched whole. */
function drawStop(parts, runs, { index }, { x, y }, t) {
  const step = runs.diverged_at[index];
  const trained = runs.trained[index];
  parts.stop.replaceChildren();
  parts.news.replaceChildren();
  if (trained && step < 0) return;
  const left = trained ? x.place(Math.max(step, x.domain[0])) : x.range[0];
  const [right, middle] = [x.range[1], (x.range[0] + x.range[1]) / 2];
  const [bottom, top] = y.range;
  const words = trained ? [t("curves.diverged", { step: formatCount(step) }), t("curves.no_loss")] : [t("curves.untrained")];
  const onRight = left < middle;
  const place = onRight ? { x: Math.max(left + 14, x.range[0] + 14), "text-anchor": "start" } : { x: left - 14, "text-anchor": "end" };
  parts.stop.append(hatch(left, right, top, bottom), s("line", { class: "edge", x1: left, x2: left, y1: top, y2: bottom }));
  parts.news.append(...words.map((text, i) => s("text", { class: i ? "detail" : "headline", ...place, y: (top + bottom) / 2 + 20 * i }, text)));
}

function hatch(left, right, top, bottom) {
  let d = "";
  for (let c = left - (bottom - top); c < right; c += 9) {
    const [from, to] = [Math.max(c, left), Math.min(c + bottom - top, right)];
    if (to > from) d += `M${from.toFixed(1)},${(bottom - (from - c)).toFixed(1)}L${to.toFixed(1)},${(bottom - (to - c)).toFixed(1)}`;
  }
  return s("path", { class: "hatch", d });
}

/** Where in training the model view stands. */
function drawMoment(parts, { moment }, { x, y }) {
  const shown = moment !== null && moment >= x.domain[0] && moment < x.domain[1];
  put(parts.moment, { visibility: shown ? "visible" : "hidden" });
  if (shown) put(parts.moment, { x1: x.place(moment), x2: x.place(moment), y1: y.range[0], y2: y.range[1] });
}

/** Under the pointer: the nearest recorded step and what was measured there. */
function followPointer({ svg, rule, readout }, runs, state, scales, t) {
  const hide = () => [rule, readout].forEach((part) => put(part, { visibility: "hidden" }));
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const { x, y } = scales();
    const pixel = event.clientX - svg.getBoundingClientRect().left;
    if (pixel < x.range[0] - 6 || pixel > x.range[1] + 6) return hide();
    const distance = (k) => Math.abs(x.place(Math.max(runs.times[k], x.domain[0])) - pixel);
    const k = runs.times.map((_, i) => i).reduce((best, i) => (distance(i) < distance(best) ? i : best));
    const place = x.place(Math.max(runs.times[k], x.domain[0]));
    put(rule, { visibility: "visible", x1: place, x2: place, y1: y.range[0], y2: y.range[1] });
    const [train, val] = ["train_loss", "val_loss"].map((name) => formatLoss(seriesOf(runs, name, state().index)[k]));
    put(readout, { visibility: "visible", x: x.range[1] + MARGIN.right - 4, y: 12, "text-anchor": "end" });
    say(readout, t("curves.readout", { step: formatCount(runs.times[k]), train, val }));
  });
}
