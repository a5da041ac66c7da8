/** Fewer bits for the weights: labs/compress.py in JavaScript, to the last bit of a float32. */

const LEAST = 2 ** -126;                // no scale is smaller: a row of zeros stays one

/**
 * The tensors with every weight of the blocks and the token table at so many bits. Positions, norms
 * and biases stay as they are, and so does all of it at 16 bits.
 * @param {import("./network.js").Tensors} tensors
 * @param {Record<string, number[]>} shapes
 * @param {number} bits
 */
export function quantized(tensors, shapes, bits) {
  if (bits === 16) return tensors;
  const fewer = ([name, tensor]) => {
    const matrix = shapes[name].length === 2 && name !== "wpe";
    return [name, matrix ? rowByRow(tensor, shapes[name][0], bits) : tensor];
  };
  return Object.fromEntries(Object.entries(tensors).map(fewer));
}

/** Each row's largest magnitude is the last level; halves go upwards. */
function rowByRow(tensor, rows, bits) {
  const levels = 2 ** (bits - 1) - 1, width = tensor.length / rows;
  const found = new Float32Array(tensor.length);
  for (let start = 0; start < tensor.length; start += width) {
    let most = 0;
    for (let i = start; i < start + width; i++) most = Math.max(most, Math.abs(tensor[i]));
    const scale = Math.fround(most / levels), divisor = Math.max(scale, LEAST);
    for (let i = start; i < start + width; i++) {
      const whole = Math.floor(Math.fround(Math.fround(tensor[i] / divisor) + 0.5));
      found[i] = Math.min(levels, Math.max(-levels, whole)) * scale;
    }
  }
  return found;
}
