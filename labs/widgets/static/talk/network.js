/**
 * GPT-2's forward pass, one token at a time, on typed arrays. What earlier tokens left behind,
 * their keys and values, is kept; so a token costs the same whatever stands before it, but for
 * attention.
 *
 * T places, D width, H heads, L layers, V tokens. Matrices are (outputs, inputs), row after row.
 */

/**
 * @typedef {object} Config
 * @property {number} layers
 * @property {number} width
 * @property {number} heads
 * @property {number} context the most places
 * @property {number} vocabulary
 * @property {number} epsilon of the layer norms
 * @property {number} inner the width inside of an MLP
 *
 * @typedef {Record<string, Float32Array>} Tensors by the names of Hugging Face's GPT-2
 */

/** What the places read so far left behind. */
export class Cache {
  /** @param {Config} config */
  constructor({ layers, context, width }) {
    const rooms = () => Array.from({ length: layers }, () => new Float32Array(context * width));
    this.keys = rooms();
    this.values = rooms();
    this.queries = rooms();             // only to show attention
    this.finals = new Float32Array(context * width);
    this.ids = [];
  }

  /** Forget all places from this one on. */
  cut(place) {
    this.ids.length = Math.min(this.ids.length, place);
  }
}

/** Read one more token: its place in the cache is filled. */
export function read(id, cache, config, tensors) {
  const { layers, width, inner, epsilon } = config;
  const place = cache.ids.length;
  const x = new Float32Array(width), normed = new Float32Array(width);
  const all = new Float32Array(3 * width), mixed = new Float32Array(width);
  const wide = new Float32Array(inner), back = new Float32Array(width);
  for (let i = 0; i < width; i++) {
    x[i] = tensors.wte[id * width + i] + tensors.wpe[place * width + i];
  }
  for (let layer = 0; layer < layers; layer++) {
    const of = (name) => tensors[`h.${layer}.${name}`];
    norm(x, of("ln_1.weight"), of("ln_1.bias"), epsilon, normed);
    multiply(of("attn.c_attn.weight"), of("attn.c_attn.bias"), normed, all);
    cache.queries[layer].set(all.subarray(0, width), place * width);
    cache.keys[layer].set(all.subarray(width, 2 * width), place * width);
    cache.values[layer].set(all.subarray(2 * width), place * width);
    attend(cache, layer, place, config, mixed);
    multiply(of("attn.c_proj.weight"), of("attn.c_proj.bias"), mixed, back);
    for (let i = 0; i < width; i++) x[i] += back[i];
    norm(x, of("ln_2.weight"), of("ln_2.bias"), epsilon, normed);
    multiply(of("mlp.c_fc.weight"), of("mlp.c_fc.bias"), normed, wide);
    for (let i = 0; i < inner; i++) wide[i] = gelu(wide[i]);
    multiply(of("mlp.c_proj.weight"), of("mlp.c_proj.bias"), wide, back);
    for (let i = 0; i < width; i++) x[i] += back[i];
  }
  norm(x, tensors["ln_f.weight"], tensors["ln_f.bias"], epsilon, normed);
  cache.finals.set(normed, place * width);
  cache.ids.push(id);
}

/** The logits of the token after a place, V: the token table is the output layer as well. */
export function logitsAt(place, cache, config, tensors) {
  const { width, vocabulary } = config;
  const logits = new Float32Array(vocabulary);
  multiply(tensors.wte, null, cache.finals.subarray(place * width, (place + 1) * width), logits);
  return logits;
}

/** How much a place attends to itself and to those before it: L × H × (place + 1), sums of 1. */
export function attentionAt(place, cache, config) {
  const { layers, heads } = config;
  const found = new Float32Array(layers * heads * (place + 1));
  for (let layer = 0; layer < layers; layer++) {
    for (let head = 0; head < heads; head++) {
      const start = (layer * heads + head) * (place + 1);
      weigh(cache, layer, head, place, config, found.subarray(start, start + place + 1));
    }
  }
  return found;
}

function attend(cache, layer, place, config, out) {
  const { width, heads } = config;
  const size = width / heads, values = cache.values[layer];
  const shares = new Float32Array(place + 1);
  out.fill(0);
  for (let head = 0; head < heads; head++) {
    weigh(cache, layer, head, place, config, shares);
    const first = head * size;
    for (let j = 0; j <= place; j++) {
      const share = shares[j], at = j * width + first;
      for (let i = 0; i < size; i++) out[first + i] += share * values[at + i];
    }
  }
}

/** The softmax of a head's scaled products of the query at `place` with the keys up to it. */
function weigh(cache, layer, head, place, { width, heads }, shares) {
  const size = width / heads, scale = 1 / Math.sqrt(size);
  const keys = cache.keys[layer], queries = cache.queries[layer];
  const first = place * width + head * size;
  let most = -Infinity, sum = 0;
  for (let j = 0; j <= place; j++) {
    const at = j * width + head * size;
    let product = 0;
    for (let i = 0; i < size; i++) product += queries[first + i] * keys[at + i];
    shares[j] = product * scale;
    if (shares[j] > most) most = shares[j];
  }
  for (let j = 0; j <= place; j++) sum += shares[j] = Math.exp(shares[j] - most);
  for (let j = 0; j <= place; j++) shares[j] /= sum;
}

/** y = matrix x + bias. Four rows at a time: each number of x is then read once for four. */
function multiply(matrix, bias, x, y) {
  const n = x.length, rows = y.length, whole = rows - (rows % 4);
  for (let row = 0; row < whole; row += 4) {
    const a = row * n, b = a + n, c = b + n, d = c + n;
    let p = 0, q = 0, r = 0, s = 0;
    for (let i = 0; i < n; i++) {
      const value = x[i];
      p += matrix[a + i] * value;
      q += matrix[b + i] * value;
      r += matrix[c + i] * value;
      s += matrix[d + i] * value;
    }
    y[row] = p;
    y[row + 1] = q;
    y[row + 2] = r;
    y[row + 3] = s;
  }
  for (let row = whole; row < rows; row++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += matrix[row * n + i] * x[i];
    y[row] = sum;
  }
  if (bias) for (let row = 0; row < rows; row++) y[row] += bias[row];
}

function norm(x, weight, bias, epsilon, out) {
  const n = x.length;
  let mean = 0, variance = 0;
  for (let i = 0; i < n; i++) mean += x[i] / n;
  for (let i = 0; i < n; i++) variance += (x[i] - mean) ** 2 / n;
  const scale = 1 / Math.sqrt(variance + epsilon);
  for (let i = 0; i < n; i++) out[i] = (x[i] - mean) * scale * weight[i] + bias[i];
}

/** GPT-2's own approximation (Hendrycks and Gimpel 2016). */
function gelu(x) {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
}
