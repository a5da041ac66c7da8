/**
 * Numbers as the field writes them: 0.003, 1e-4, 4,096. Values of an axis have texts of their own.
 */
import { isLoss } from "./record.js";

/** A number beside an axis: three digits at most, powers of ten below a thousandth. */
export function formatTick(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return power(value, 3);
  return String(size < 1000 ? Number(value.toPrecision(3)) : Math.round(value));
}

/** A loss: two digits, three from one upwards. */
export function formatLoss(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 999.5) return power(value, 2);
  return value.toPrecision(size >= 1 ? 3 : 2);
}

/**
 * Any other number: whole ones below 1e6 in full, others to three digits. A score of 0.9 reads
 * 0.900.
 */
export function formatNumber(value) {
  if (Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size >= 1e6 || (size > 0 && size < 1e-3)) return power(value, 3);
  if (Number.isInteger(value) || size >= 999.5) return formatCount(Math.round(value));
  return value.toPrecision(3);
}

/** A number of the kind that `value` holds. */
export function formatOf(value) {
  return isLoss(value) ? formatLoss : formatNumber;
}

/** A count: 7,680. */
export function formatCount(value) {
  return value.toLocaleString("en-US");
}

function power(value, digits) {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}
