/** From numbers to pixels and back. */

/**
 * @typedef {object} Scale
 * @property {"linear" | "log"} kind
 * @property {[number, number]} domain numbers
 * @property {[number, number]} range pixels
 * @property {(value: number) => number} place number to pixel
 * @property {number[]} ticks
 */

/** @returns {Scale} */
export function makeScale(kind, domain, range, count) {
  const forth = kind === "log" ? Math.log : Number;
  const single = !(domain[1] > domain[0]);              // of a single step
  if (single) domain = [domain[0] ?? 0, (domain[0] || 1) * 2];
  const [from, to] = domain.map(forth);
  const slope = (range[1] - range[0]) / (to - from);
  return {
    kind, domain, range,
    place: (value) => range[0] + (forth(value) - from) * slope,
    ticks: kind === "log" ? logTicks(domain, count) : linearTicks(domain, count),
  };
}

/** Round numbers that span `domain`, about `count` of them. */
export function linearTicks([low, high], count) {
  const step = roundStep((high - low) / Math.max(1, count));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); i++) {
    ticks.push(Number((i * step).toPrecision(12)));
  }
  return ticks;
}

/**
 * Powers of ten, with 2 and 5 between them where there is room; round numbers where the domain
 * spans hardly one.
 */
function logTicks([low, high], count) {
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const m of [1, 2, 5]) ticks.push(Number((m * 10 ** e).toPrecision(12)));
  }
  const inside = ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const tens = inside.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9);
  if (inside.length < 3) return linearTicks([low, high], count);
  if (inside.length <= count * 1.5 || tens.length < 2) return inside;
  const every = Math.ceil(tens.length / (count * 1.5));
  return tens.filter((_, i) => i % every === 0);
}

/** The smallest of 1, 2, 5 × 10ⁿ that is at least `step`. */
function roundStep(step) {
  const ten = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].map((m) => m * ten).find((round) => round >= step * (1 - 1e-9));
}

/**
 * The domain of a loss axis that fits `values`: its ends are round, so that it stays where it is
 * while settings hardly differ.
 * @param {"linear" | "log"} kind
 * @param {Iterable<number>} values losses; what is no number, or has no place on the axis, is left
 * out
 * @returns {[number, number]}
 */
export function lossDomain(kind, values) {
  let low = Infinity, high = 0;
  for (const value of values) {
    if (!(value > 0) || value === Infinity) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (high === 0) return kind === "log" ? [0.1, 1] : [0, 1];
  if (kind === "linear") return [0, roundUp(high * 1.02)];
  const near = roundUp(low * 1.02) === roundUp(high);
  return [roundDown(near ? low / 2 : low), roundUp(high)];
}

const ROUND = [1, 1.5, 2, 3, 4, 5, 6, 8, 10];

function roundUp(value) {
  const ten = 10 ** Math.floor(Math.log10(value));
  return Number((ROUND.find((m) => m * ten >= value * (1 - 1e-9)) * ten).toPrecision(3));
}

function roundDown(value) {
  const ten = 10 ** Math.floor(Math.log10(value));
  return Number((ROUND.findLast((m) => m * ten <= value * (1 + 1e-9)) * ten).toPrecision(3));
}
