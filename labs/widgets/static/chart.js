/**
 * The live panel's chart: one run while it trains, painted by the explorer's own painter. The run
 * is brought into the form of a record of one run, which the painter reads anew at every draw.
 */
import { actionsOn } from "./actions.js";
import { lossChart } from "./curves.js";
import { h, put } from "./dom.js";
import { chartHead, keepKeys, onWidthChange } from "./explorer.js";
import { formatCount, formatLoss } from "./format.js";
import { lastFinite } from "./labels.js";
import { makeText } from "./strings.js";

const TRAITS = ["run", "log_x", "log_y"];
const SERIES = ["train_loss", "val_loss"];
const HIGHEST = 1.25;     // times the first loss: a peak on the way is not worth the room

/**
 * @typedef {object} Run the trait `run`, see labs/widgets/chart.py
 * @property {number[]} steps
 * @property {(number | null)[]} train_loss
 * @property {(number | null)[]} val_loss
 * @property {number} last_step
 * @property {number} diverged_at
 */

/** Called by anywidget, once for every view. */
export function renderChart({ model, el }) {
  const t = makeText(document.documentElement.lang || "en");
  const record = emptyRecord(model.get("loss_label"));
  const chart = lossChart(record, t);
  const head = chartHead(chart, actionsOn(model), t);
  const root = h("div", { class: "labs-explorer labs-chart", focusin: keepKeys }, chart.element);
  el.append(root);
  const draw = () => {
    /** @type {Run | {}} */
    const run = model.get("run");
    put(root, { hidden: run.steps?.length ? null : "" });
    if (!run.steps?.length) return;
    fillRecord(record, run);
    const state = stateOf(record, model);
    chart.draw(state);
    head.draw({ logX: model.get("log_x"), logY: model.get("log_y") });
    put(chart.box.querySelector("svg"), { "aria-label": sentence(run, t) });
  };
  TRAITS.forEach((name) => model.on(`change:${name}`, draw));
  draw();
  const stop = onWidthChange([chart], root, draw);
  return () => {
    TRAITS.forEach((name) => model.off(`change:${name}`, draw));
    stop();
  };
}

/** A record of one run of which nothing is measured yet. @returns {import("./record.js").Runs} */
function emptyRecord(loss) {
  const value = { name: "val_loss", label: "val_loss", better: "lower", array: [NaN] };
  return {
    meta: { steps: 1, task: { loss }, loss_range: [0.1, 1] }, axes: [], count: 1, times: [],
    curves: {}, values: [value], loss: value, diverged_at: Int32Array.of(-1),
    trained: Uint8Array.of(1), frames: [], samples: null,
  };
}

/** @param {import("./record.js").Runs} record @param {Run} run */
function fillRecord(record, run) {
  const { steps, last_step: last, diverged_at: stop } = run;
  const rest = stop < 0 ? [] : [...new Set([stop, last])];      // no loss from where it diverged
  record.times = [...steps, ...rest];
  for (const name of SERIES) {
    const values = run[name].map((value) => value ?? NaN);
    record.curves[name] = Float64Array.from([...values, ...rest.map(() => NaN)]);
  }
  record.diverged_at[0] = stop;
  record.loss.array = [record.curves.val_loss.at(-1)];
  Object.assign(record.meta, { steps: last, loss_range: lossRange(record.curves) });
}

/**
 * Lowest and highest loss worth drawing, as labs/widgets/meta.py has it for a whole record; where
 * the curves of the run end is always among it, unless it diverged.
 * @param {Record<string, Float64Array>} curves
 * @returns {[number, number]}
 */
function lossRange(curves) {
  const losses = SERIES.flatMap((name) => Array.from(curves[name]).filter((loss) => loss > 0));
  if (!losses.length) return [0.1, 1];
  const median = losses.sort((a, b) => a - b)[losses.length >> 1];
  const first = curves.train_loss[0] > 0 ? curves.train_loss[0] : median;
  const ends = SERIES.map((name) => curves[name].at(-1)).filter(Number.isFinite);
  return [losses[0], Math.max(median, ...ends, Math.min(losses.at(-1), HIGHEST * first))];
}

/**
 * What the painter draws. A logarithmic axis of steps needs two different ones on it.
 * @returns {Partial<import("./explorer.js").State>}
 */
function stateOf({ times, meta }, model) {
  const logX = model.get("log_x") && times.find((step) => step > 0) < meta.steps;
  return {
    choice: {}, index: 0, previous: null, live: {}, moment: null, logX, logY: model.get("log_y"),
  };
}

/** The picture in words, with its numbers. */
function sentence(run, t) {
  const ends = SERIES.flatMap((name) => {
    const values = run[name].map((value) => value ?? NaN);
    return [[`${name}_first`, values[0]], [`${name}_last`, values[lastFinite(values)]]];
  });
  const facts = Object.fromEntries(ends.map(([name, value]) => [name, formatLoss(value)]));
  const counts = { step: run.steps.at(-1), steps: run.last_step, diverged: run.diverged_at };
  for (const name in counts) facts[name] = formatCount(counts[name]);
  return t(run.diverged_at < 0 ? "live.curve" : "live.curve_diverged", facts);
}
