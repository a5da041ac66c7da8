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
import { shownAt } from "./record.js";
import { makeText } from "./strings.js";

const TRAITS = ["run", "log_x", "log_y"];
const SERIES = ["train_loss", "val_loss"];

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
  const stop = onWidthChange([{ ...chart, draw }], root);
  return () => {
    TRAITS.forEach((name) => model.off(`change:${name}`, draw));
    stop();
  };
}

/** A record of one run of which nothing is measured yet. @returns {import("./record.js").Runs} */
function emptyRecord(loss) {
  const value = { name: "val_loss", label: "val_loss", better: "lower", array: [NaN] };
  return {
    meta: { steps: 1, task: { loss } }, axes: [], count: 1, times: [],
    curves: {}, values: [value], loss: value, diverged_at: Int32Array.of(-1),
    trained: Uint8Array.of(1), moments: [], frames: [], track: null, samples: null,
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
  record.meta.steps = last;
}

/**
 * What the painter draws. A logarithmic axis of steps needs two different ones on it.
 * @returns {Partial<import("./explorer.js").State>}
 */
function stateOf(record, model) {
  const { times, meta } = record;
  const logX = model.get("log_x") && times.find((step) => step > 0) < meta.steps;
  const shown = shownAt(record, {});
  return { shown, before: null, live: {}, moment: null, logX, logY: model.get("log_y") };
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
