/** From numbers to pixels and back. */

/**
 * @typedef {object} Scale
 * @property {"linear" | "log"} kind
 * @property {[number, number]} domain numbers
 * @property {[number, number]} range pixels
 * @property {(value: number) => number} place number to pixel
 * @property {(pixel: number) => number} invert pixel to number
 * @property {number[]} ticks
 */

/** @returns {Scale} */
export function makeScale(kind, domain, range, count) {
  const [forth, back] = kind === "log" ? [Math.log, Math.exp] : [Number, Number];
  const [from, to] = domain.map(forth);
  const slope = (range[1] - range[0]) / (to - from);
  return {
    kind, domain, range,
    place: (value) => range[0] + (forth(value) - from) * slope,
    invert: (pixel) => back(from + (pixel - range[0]) / slope),
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
export function logTicks([low, high], count) {
  const ticks = [];
  for (let e = Math.floor(Math.log10(low)); e <= Math.ceil(Math.log10(high)); e++) {
    for (const m of [1, 2, 5]) ticks.push(Number((m * 10 ** e).toPrecision(12)));
  }
  const inside = ticks.filter((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9));
  const tens = inside.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-9);
  if (inside.length < 3) return linearTicks([low, high], count);
  return inside.length <= count * 1.5 || tens.length < 2 ? inside : tens;
}

/** The smallest of 1, 2, 5 × 10ⁿ that is at least `step`. */
export function roundStep(step) {
  const ten = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].map((m) => m * ten).find((round) => round >= step * (1 - 1e-9));
}

/**
 * The domain of the loss axis: from the whole record, so that it stays while the setting moves.
 * @param {[number, number]} range lowest and highest loss worth drawing
 */
export function lossDomain(kind, [low, high]) {
  if (kind === "linear") return [0, Math.ceil(high / roundStep(high / 20)) * roundStep(high / 20)];
  return [Math.max(low, high * 1e-6) * 0.93, high * 1.1];
}
