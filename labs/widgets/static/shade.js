/**
 * From a value to a shade: the strong end is the better one, or the high one where neither is
 * better.
 */

const SPREAD = 8;               // from this ratio on, values are shaded by their logarithm
const KEPT = 0.98;              // of the losses: of runs that are about to diverge share one shade

/**
 * @typedef {object} Shade
 * @property {number} low
 * @property {number} middle the value of the middle shade
 * @property {number} high
 * @property {boolean} open whether there are higher values, which share the last shade
 * @property {"low" | "high"} strong
 * @property {(value: number) => number} share 0 for the strong end, 1 for the pale one
 */

/**
 * The shades of a value: the same for every setting.
 * @param {import("./record.js").Value} value
 * @param {number | null} most no loss above this needs a shade of its own; null for what is no loss
 * @returns {Shade}
 */
export function shading(value, most) {
  const sorted = Float64Array.from(value.array).filter(Number.isFinite).sort();
  const low = sorted[0] ?? 0;
  const last = sorted[sorted.length - 1] ?? 1;
  const kept = sorted[Math.floor(sorted.length * KEPT)] ?? last;
  const high = most === null ? last : Math.max(low, Math.min(kept, most));
  const log = low > 0 && high > SPREAD * low;
  const [forth, back] = log ? [Math.log, Math.exp] : [Number, Number];
  const reach = forth(high) - forth(low);
  const along = (number) => (high > low ? (forth(number) - forth(low)) / reach : 0);
  const strong = value.better === "lower" ? "low" : "high";
  return {
    low, high, strong, open: last > high,
    middle: back((forth(low) + forth(high)) / 2),
    share: (number) => {
      const place = Math.min(1, Math.max(0, along(number)));
      return strong === "low" ? place : 1 - place;
    },
  };
}
