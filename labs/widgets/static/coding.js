/** Bytes to arrays: what labs/widgets/coding.py coded. Its docstring tells how. */

const TYPES = {
  float32: Float32Array, float64: Float64Array, int32: Int32Array, uint8: Uint8Array,
};

/** @param {Uint8Array} bytes a zlib stream */
export async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/**
 * The array of one part of the payload.
 * @param {{name: string, kind: string, shape: number[]}} part
 * @param {Uint8Array} raw its bytes, inflated
 * @param {{log_floor: number, log_step: number}} meta
 */
export function readPart(part, raw, meta) {
  const width = { log16: 2, frame: 1 }[part.kind] ?? TYPES[part.kind].BYTES_PER_ELEMENT;
  if (raw.length !== size(part.shape) * width) throw new Error(`${part.name}: ${raw.length} bytes`);
  if (part.kind === "frame") return { shape: part.shape, rest: new Int8Array(raw.buffer) };
  return part.kind === "log16" ? readLog16(raw, part, meta) : readNumbers(raw, TYPES[part.kind]);
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
      const loss = Math.exp(meta.log_floor + (code - 1) * meta.log_step);
      losses[run * steps + k] = code > 0 ? loss : NaN;
    }
  }
  return losses;
}

/** Byte planes, the most significant first, to numbers. */
function readNumbers(raw, Type) {
  const width = Type.BYTES_PER_ELEMENT;
  const count = raw.length / width;
  const view = new DataView(new ArrayBuffer(raw.length));
  for (let plane = 0; plane < width; plane++) {
    for (let i = 0; i < count; i++) view.setUint8(i * width + plane, raw[plane * count + i]);
  }
  const read = `get${Type.name.replace("Array", "")}`;
  return Type.from({ length: count }, (_, i) => view[read](i * width));
}

/**
 * One image of a view: numbers in 0…1, row 0 first. `setting` counts settings (runs without the
 * repetitions).
 * @returns {{width: number, height: number, values: Float32Array}}
 */
export function readFrame({ shape, rest }, setting, levels) {
  const [height, width] = shape.slice(-2);
  const at = (x, y) => (x < 0 || y < 0 ? 0 : values[y * width + x]);
  const values = new Float32Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [left, upper, corner] = [at(x - 1, y), at(x, y - 1), at(x - 1, y - 1)];
      const [low, high] = [Math.min(left, upper), Math.max(left, upper)];
      const foretold = Math.min(Math.max(left + upper - corner, low), high);
      values[y * width + x] = foretold + rest[setting * width * height + y * width + x];
    }
  }
  return { width, height, values: values.map((grey) => grey / levels) };
}

function size(shape) {
  return shape.reduce((n, length) => n * length, 1);
}
