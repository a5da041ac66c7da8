/**
 * The record, and arithmetic on run numbers.
 *
 * R runs, K recorded steps. A run's number is its flat index in C order over the axes (the last
 * axis runs fastest).
 */
import { inflate, readPart } from "./coding.js";

/**
 * @typedef {object} Axis
 * @property {string} name
 * @property {string} label in the reader's words
 * @property {"linear" | "log" | "category"} scale
 * @property {"slider" | "list"} control
 * @property {boolean} repeats its values repeat one setting
 * @property {(number | string | boolean)[]} values
 * @property {string[]} code the values in Python
 *
 * @typedef {Record<string, number>} Choice axis name to position on the axis
 *
 * @typedef {object} Value a number of every run
 * @property {string} name
 * @property {string} label in the reader's words
 * @property {"lower" | "higher" | null} better
 * @property {ArrayLike<number>} array R, NaN where missing
 *
 * @typedef {object} Runs
 * @property {any} meta
 * @property {Axis[]} axes
 * @property {number} count R
 * @property {number[]} times K steps
 * @property {Record<string, Float64Array>} curves the losses by name, R × K, NaN where missing
 * @property {Value[]} values
 * @property {Value | null} loss the final value of the loss that runs are judged by, null without curves
 * @property {Int32Array} diverged_at R, -1 where a run did not diverge
 * @property {Uint8Array} trained R
 * @property {{shape: number[], rest: Int8Array}[]} frames the view, one entry for each moment
 * @property {Float32Array | null} samples the points to draw with it
 */

/**
 * @param {any} meta
 * @param {DataView | Uint8Array | ArrayBuffer} payload
 * @param {import("./strings.js").Text} t
 * @returns {Promise<Runs>}
 */
export async function readRecord(meta, payload, t) {
  const bytes = payload instanceof ArrayBuffer
    ? new Uint8Array(payload)
    : new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  const pieces = meta.parts.map((part) => bytes.subarray(part.at, part.at + part.length));
  const raws = await Promise.all(pieces.map(inflate));
  const curves = {}, arrays = {}, frames = [];
  meta.parts.forEach((part, i) => {
    const array = readPart(part, raws[i], meta);
    if (part.kind === "frame") frames.push(array);
    else (part.kind === "log16" ? curves : arrays)[part.name] = array;
  });
  const times = meta.record_steps;
  const metric = meta.task.metric || t("value.metric");
  const values = meta.values.map((value) => ({
    ...value,
    label: t.label(value.label, { metric }),
    array: arrays[value.name] ?? lastOf(curves[value.name], times.length),
  }));
  return {
    meta, times, curves, values, frames,
    axes: meta.axes.map((axis) => ({ ...axis, label: t.label(axis.label) })),
    count: meta.axes.reduce((n, axis) => n * axis.values.length, 1),
    loss: values.find(({ name }) => name in curves) ?? null,
    diverged_at: arrays.diverged_at,
    trained: arrays.trained,
    samples: arrays.samples ?? null,
  };
}

/** The last column of a curve. */
function lastOf(curve, steps) {
  return Float64Array.from({ length: curve.length / steps }, (_, i) => curve[(i + 1) * steps - 1]);
}

/** The number of the run at `choice`. */
export function runAt(axes, choice) {
  return axes.reduce((run, axis) => run * axis.values.length + (choice[axis.name] ?? 0), 0);
}

/** The position on each axis of run number `run`. */
export function choiceAt(axes, run) {
  const choice = {};
  for (const axis of [...axes].reverse()) {
    choice[axis.name] = run % axis.values.length;
    run = Math.floor(run / axis.values.length);
  }
  return choice;
}

/** The axes that repeat one setting and have more than one value. */
export function repetitions(axes) {
  return axes.filter((axis) => axis.repeats && axis.values.length > 1);
}

/** The runs that differ from `choice` in repetitions only. */
export function repeated(axes, choice) {
  const choices = repetitions(axes).reduce(
    (some, axis) => some.flatMap((one) => axis.values.map((_, i) => ({ ...one, [axis.name]: i }))),
    [choice]);
  return choices.map((one) => runAt(axes, one));
}

/** The number of the setting at `choice`: the run number without the repetitions. */
export function settingAt(axes, choice) {
  return runAt(axes.filter((axis) => !axis.repeats), choice);
}

/** The values of one run's curve; null where the record has none of this name. */
export function seriesOf(runs, name, run) {
  const steps = runs.times.length;
  return runs.curves[name]?.subarray(run * steps, (run + 1) * steps) ?? null;
}

/** Whether a value is a loss: never negative, and the lower the better. */
export function isLoss({ name }) {
  return name === "val_loss" || name === "train_loss";
}

/** The last recorded loss, NaN where the run diverged or was not trained. */
export function finalLoss(runs, run) {
  return runs.loss.array[run];
}

/** Lowest and highest of a curve over several runs at every step, NaN where none has a value. */
export function envelope(runs, name, members) {
  const low = new Float64Array(runs.times.length).fill(NaN);
  const high = low.slice();
  for (const run of members) {
    seriesOf(runs, name, run).forEach((value, k) => {
      if (Number.isNaN(value)) return;
      if (!(low[k] <= value)) low[k] = value;
      if (!(high[k] >= value)) high[k] = value;
    });
  }
  return { low, high };
}
