/** Labels at the ends of curves: beside what they name, and never on top of each other. */

/**
 * Heights near the wanted ones, at least `gap` apart, within [top, bottom].
 * @param {number[]} wanted
 * @returns {number[]} in the order given
 */
export function spread(wanted, gap, top, bottom) {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a] - wanted[b]);
  const placed = [];
  let floor = top;
  for (const i of order) {
    placed[i] = Math.max(wanted[i], floor);
    floor = placed[i] + gap;
  }
  let ceiling = bottom;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i], ceiling);
    ceiling = placed[i] - gap;
  }
  return placed;
}

/** Position of the last number in a series that has one, or -1. */
export function lastFinite(values) {
  for (let k = values.length - 1; k >= 0; k--) if (Number.isFinite(values[k])) return k;
  return -1;
}
