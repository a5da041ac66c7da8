/**
 * The record, and arithmetic on run numbers.
 *
 * R runs, K recorded steps. A run's number is its flat index in C order over the axes (the last
 * axis runs fastest).
 */
import { inflate, readPart } from "./coding.js";

/** Stands for a position on an axis of repetitions: all of them, averaged. */
export const MEAN = "mean";

/**
 * @typedef {object} Axis
 * @property {string} name
 * @property {string} label in the reader's words
 * @property {"linear" | "log" | "category"} scale
 * @property {"slider" | "list"} control
 * @property {boolean} repeats its values repeat one setting
 * @property {(number | string | boolean)[]} values
 * @property {string[]} texts the values as a reader sees them, all different
 * @property {string[]} code the values in Python
 *
 * @typedef {Record<string, number | "mean">} Choice axis name to position on the axis; "mean" where
 *   all values of an axis of repetitions are averaged
 *
 * @typedef {object} Shown what is shown: one run, or the mean of several
 * @property {Choice} choice
 * @property {number[]} members their numbers
 * @property {boolean} trained whether all of them were
 * @property {number} lost how many of them diverged
 * @property {number} diverged_at the step at which the first of them diverged, -1 if none did
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
 * @property {Value | null} loss the final value of the loss that runs are judged by, null without
 * curves
 * @property {Int32Array} diverged_at R, -1 where a run did not diverge
 * @property {Uint8Array} trained R
 * @property {number[]} moments the steps that training can be stopped at to look
 * @property {{shape: number[], rest: Int8Array}[]} frames a view of pictures, one entry a moment
 * @property {{shape: number[], values: Float32Array} | null} track a view of numbers, all moments
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
  let track = null;
  meta.parts.forEach((part, i) => {
    const array = readPart(part, raws[i], meta);
    if (part.kind === "frame") frames.push(array);
    else if (part.name === "view") track = { shape: part.shape, values: array };
    else (part.kind === "log16" ? curves : arrays)[part.name] = array;
  });
  const times = meta.record_steps;
  const metric = meta.task.metric ? t.label(meta.task.metric) : t("value.metric");
  const viewed = meta.view?.steps ?? [];
  const values = meta.values.map((value) => ({
    ...value,
    label: t.label(value.label, { metric }),
    array: arrays[value.name] ?? lastOf(curves[value.name], times.length),
  }));
  return {
    meta, times, curves, values, frames, track,
    moments: viewed.length ? viewed : times,
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

/** The number of the run at `choice`; of a mean, the first. */
export function runAt(axes, choice) {
  return axes.reduce((run, { name, values }) => run * values.length + positionIn(choice, name), 0);
}

function positionIn(choice, name) {
  return choice[name] === MEAN ? 0 : choice[name] ?? 0;
}

/** The runs at `choice`: one, or those whose mean is shown. */
export function runsAt(axes, choice) {
  const averaged = axes.filter(({ name }) => choice[name] === MEAN);
  return combinations(averaged, choice).map((one) => runAt(axes, one));
}

/** @returns {Shown} what is shown at `choice` */
export function shownAt(runs, choice) {
  const members = runsAt(runs.axes, choice);
  const steps = members.map((run) => runs.diverged_at[run]).filter((step) => step >= 0);
  return {
    choice, members,
    trained: members.every((run) => runs.trained[run]),
    lost: steps.length,
    diverged_at: steps.length ? Math.min(...steps) : -1,
  };
}

/** The axes that repeat one setting and have more than one value. */
export function repetitions(axes) {
  return axes.filter((axis) => axis.repeats && axis.values.length > 1);
}

/** The runs that differ from `choice` in repetitions only. */
export function repeated(axes, choice) {
  return combinations(repetitions(axes), choice).map((one) => runAt(axes, one));
}

/** The choices with every combination of values on some axes. */
export function combinations(some, choice) {
  return some.reduce(
    (choices, { name, values }) =>
      choices.flatMap((one) => Array.from(values, (_, i) => ({ ...one, [name]: i }))),
    [choice]);
}

/** The number of the setting at `choice`: the run number without the repetitions. */
export function settingAt(axes, choice) {
  return runAt(axes.filter((axis) => !axis.repeats), choice);
}

/**
 * The values of a curve, of one run or the mean of several; null where the record has none of this
 * name. A mean ends where one of the runs does: the others alone would be another mean.
 */
export function seriesOf(runs, name, members) {
  const steps = runs.times.length;
  const curve = runs.curves[name];
  if (!curve) return null;
  const [first, ...others] = members.map((run) => curve.subarray(run * steps, (run + 1) * steps));
  if (!others.length) return first;
  const mean = first.slice();
  for (const other of others) for (let k = 0; k < steps; k++) mean[k] += other[k];
  return mean.map((sum) => sum / members.length);
}

/** A value of one run, or the mean of several; NaN where one of them has none. */
export function valueOf({ array }, members) {
  return members.reduce((sum, run) => sum + array[run], 0) / members.length;
}

/** Whether a value is a loss: never negative, and the lower the better. */
export function isLoss({ name }) {
  return name === "val_loss" || name === "train_loss";
}

/** Lowest and highest of a curve over several runs at every step, NaN where none has a value. */
export function envelope(runs, name, members) {
  const low = new Float64Array(runs.times.length).fill(NaN);
  const high = low.slice();
  for (const run of members) {
    seriesOf(runs, name, [run]).forEach((value, k) => {
      if (Number.isNaN(value)) return;
      if (!(low[k] <= value)) low[k] = value;
      if (!(high[k] >= value)) high[k] = value;
    });
  }
  return { low, high };
}
