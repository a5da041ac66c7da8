/** A model out of the bytes that labs/widgets/saved.py packed: its docstring tells how. */

/**
 * @param {Uint8Array} packed
 * @returns {Promise<{head: any, tensors: Record<string, Float32Array>}>}
 */
export async function unpack(packed) {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  const raw = new Uint8Array(await new Response(stream).arrayBuffer());
  const length = new DataView(raw.buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(raw.subarray(4, 4 + length)));
  const numbers = head.half ? halves(raw.subarray(4 + length)) : singles(raw.subarray(4 + length));
  const tensors = {};
  let at = 0;
  for (const [name, shape] of Object.entries(head.shapes)) {
    const count = shape.reduce((product, size) => product * size, 1);
    tensors[name] = numbers.subarray(at, at += count);
  }
  if (at !== numbers.length) throw new Error(`${numbers.length} of ${at} weights`);
  return { head, tensors };
}

/** Numbers of two byte planes, the most significant first: float16 to float32. */
function halves(raw) {
  const count = raw.length / 2, found = new Float32Array(count);
  const table = Float32Array.from({ length: 65536 }, (_, bits) => half(bits));
  for (let i = 0; i < count; i++) found[i] = table[(raw[i] << 8) | raw[count + i]];
  return found;
}

function half(bits) {
  const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
  if (exponent === 31) return rest ? NaN : sign * Infinity;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + rest / 1024) : sign * 2 ** -24 * rest;
}

/** Numbers of four byte planes: float32. */
function singles(raw) {
  const count = raw.length / 4, found = new Float32Array(count);
  const bits = new Uint32Array(found.buffer);
  for (let i = 0; i < count; i++) {
    bits[i] = (raw[i] << 24) | (raw[count + i] << 16) | (raw[2 * count + i] << 8)
      | raw[3 * count + i];
  }
  return found;
}
