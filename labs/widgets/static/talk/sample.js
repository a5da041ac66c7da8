/**
 * From logits to a token, in the order of `transformers`: temperature, then top-k, then top-p. What
 * is left is drawn from with a number that depends on the seed and the place alone.
 */

const GOLDEN = -0x61c88647, FIRST = 0x7feb352d, SECOND = -0x7b935975;

/**
 * @typedef {object} Settings
 * @property {number} temperature 0 takes the largest logit
 * @property {number} top_k 0 for no limit
 * @property {number} top_p
 * @property {number} seed
 *
 * @typedef {object} Choice
 * @property {Uint32Array} order the tokens, likeliest first
 * @property {Float64Array} shares their probabilities after temperature, in that order
 * @property {number} kept how many of them are left
 * @property {number} within the sum of the shares that are left
 */

/** @param {Float32Array} logits @param {Settings} settings @returns {Choice} */
export function choices(logits, { temperature, top_k: k, top_p: p }) {
  const order = Uint32Array.from(logits, (_, id) => id);
  order.sort((a, b) => logits[b] - logits[a] || a - b);
  const shares = softmax(order, logits, temperature || 1);
  if (temperature === 0) return { order, shares, kept: 1, within: shares[0] };
  let kept = order.length;
  if (k > 0 && k < kept) {
    kept = k;
    while (kept < order.length && logits[order[kept]] === logits[order[k - 1]]) kept++;
  }
  const total = sum(shares, kept);
  let within = 0, left = 0;
  while (left < kept && (left === 0 || within < p * total)) within += shares[left++];
  return { order, shares, kept: left, within };
}

/** The token drawn at a place. @param {Choice} choice */
export function draw({ order, shares, kept, within }, seed, place) {
  let left = uniform(seed, place) * within;
  for (let rank = 0; rank < kept; rank++) {
    left -= shares[rank];
    if (left < 0) return order[rank];
  }
  return order[kept - 1];               // rounding
}

/**
 * A number from [0, 1): a hash of the seed and the place, as in labs/chance.py (multiply and shift,
 * with the constants of Wellons' "lowbias32").
 */
export function uniform(seed, place) {
  return (mixed(mixed(seed) + Math.imul(GOLDEN, place + 1)) >>> 8) / 2 ** 24;
}

function mixed(number) {
  let bits = Math.imul(number ^ (number >>> 16), FIRST);
  bits = Math.imul(bits ^ (bits >>> 15), SECOND);
  return bits ^ (bits >>> 16);
}

function softmax(order, logits, temperature) {
  const most = logits[order[0]];
  const shares = Float64Array.from(order, (id) => Math.exp((logits[id] - most) / temperature));
  const total = sum(shares, shares.length);
  return shares.map((share) => share / total);
}

function sum(numbers, count) {
  let total = 0;
  for (let i = 0; i < count; i++) total += numbers[i];
  return total;
}
