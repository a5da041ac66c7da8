/**
 * The record: decoding what labs/widgets/payload.py coded, and arithmetic on run numbers.
 *
 * R runs, K recorded steps. A run's number is its flat index in C order over the axes (the last axis runs fastest).
 */

/**
 * @typedef {{name: string, label: string, scale: string, values: (number | string)[], code: string[]}} Axis
 * @typedef {Record<string, number>} Choice axis name to position on the axis
 * @typedef {object} Runs
 * @property {any} meta
 * @property {Axis[]} axes
 * @property {number} count R
 * @property {number[]} times K steps
 * @property {Float64Array} train_loss R × K, NaN where missing
 * @property {Float64Array} val_loss R × K, NaN where missing
 * @property {Float64Array} final_metric R
 * @property {Int32Array} diverged_at R, -1 where a run did not diverge
 * @property {Uint8Array} trained R
 * @property {{shape: number[], rest: Int8Array}[]} frames the model view, one entry for each moment
 */

/**
 * @param {any} meta
 * @param {DataView | Uint8Array | ArrayBuffer} payload
 * @returns {Promise<Runs>}
 */
export async function readRecord(meta, payload) {
  const bytes = payload instanceof ArrayBuffer ? new Uint8Array(payload) : new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength);
  const raws = await Promise.all(meta.parts.map((part) => inflate(bytes.subarray(part.at, part.at + part.length))));
  const runs = { meta, axes: meta.axes, times: meta.record_steps, count: meta.axes.reduce((n, axis) => n * axis.values.length, 1), frames: [] };
  meta.parts.forEach((part, i) => {
    if (raws[i].length !== size(part.shape) * WIDTH[part.kind]) throw new Error(`${part.name}: ${raws[i].length} bytes`);
    if (part.kind === "frame") runs.frames.push({ shape: part.shape, rest: new Int8Array(raws[i].buffer) });
    else runs[part.name] = READERS[part.kind](raws[i], part, meta);
  });
  return runs;
}

const WIDTH = { log16: 2, linear16: 2, int32: 4, uint8: 1, frame: 1 };
const READERS = { log16: readLog16, linear16: readLinear16, int32: readInt32, uint8: (raw) => raw };

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Time-major folded differences of logarithms to run-major losses. */
function readLog16(raw, part, meta) {
  const steps = part.shape.at(-1);
  const runs = size(part.shape) / steps;
  const losses = new Float64Array(runs * steps);
  for (let run = 0; run < runs; run++) {
    let code = 0;
    for (let k = 0; k < steps; k++) {
      const i = k * runs + run;
      const folded = (raw[i] << 8) | raw[runs * steps + i];
      code = (code + (folded & 1 ? -(folded >> 1) - 1 : folded >> 1)) & 0xffff;
      losses[run * steps + k] = code > 0 ? Math.exp(meta.log_floor + (code - 1) * meta.log_step) : NaN;
    }
  }
  return losses;
}

function readLinear16(raw, part) {
  const count = size(part.shape);
  return Float64Array.from({ length: count }, (_, i) => {
    const code = (raw[i] << 8) | raw[count + i];
    return code > 0 ? part.low + ((code - 1) / 65534) * (part.high - part.low) : NaN;
  });
}

function readInt32(raw, part) {
  const count = size(part.shape);
  return Int32Array.from({ length: count }, (_, i) =>
    (raw[i] << 24) | (raw[count + i] << 16) | (raw[2 * count + i] << 8) | raw[3 * count + i]);
}

/**
 * One image of the model view: probabilities in 0…1, row 0 lowest. `setting` counts settings (runs without the seed axis).
 * @returns {{width: number, height: number, values: Float32Array}}
 */
export function readFrame({ shape, rest }, setting, levels) {
  const [height, width] = shape.slice(-2);
  const at = (x, y) => (x < 0 || y < 0 ? 0 : values[y * width + x]);
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [left, upper, corner] = [at(x - 1, y), at(x, y - 1), at(x - 1, y - 1)];
      const foretold = Math.min(Math.max(left + upper - corner, Math.min(left, upper)), Math.max(left, upper));
      values[y * width + x] = foretold + rest[setting * width * height + y * width + x];
    }
  }
  return { width, height, values: values.map((grey) => grey / levels) };
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

/** The runs that differ from `choice` in the named axis only, in its order. */
export function runsAlong(axes, choice, name) {
  const axis = axes.find((a) => a.name === name);
  return axis ? axis.values.map((_, i) => runAt(axes, { ...choice, [name]: i })) : [runAt(axes, choice)];
}

/** The number of the setting at `choice`: the run number without the seed axis. */
export function settingAt(axes, choice) {
  return runAt(axes.filter((axis) => axis.name !== "seed"), choice);
}

/** The values of one run's series. */
export function seriesOf(runs, name, run) {
  const steps = runs.times.length;
  return runs[name].subarray(run * steps, (run + 1) * steps);
}

/** The last recorded validation loss, NaN where the run diverged or was not trained. */
export function finalLoss(runs, run) {
  const steps = runs.times.length;
  return runs.val_loss[run * steps + steps - 1];
}

/** Lowest and highest of a series over several runs at every step, NaN where none has a value. */
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

function size(shape) {
  return shape.reduce((n, length) => n * length, 1);
}
