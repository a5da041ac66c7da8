/** Numbers as the field writes them: 0.003, 1e-4, 4,096. */

/** A hyper-parameter: three digits at most, powers of ten below a thousandth. */
export function formatValue(value) {
  if (typeof value === "string" || value === 0) return String(value);
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e6) return String(size < 1000 ? Number(value.toPrecision(3)) : Math.round(value));
  return power(value, 3);
}

/** A loss or a score: two digits, three from one upwards. */
export function formatLoss(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e4) return power(value, 2);
  return value.toPrecision(size >= 1 ? 3 : 2);
}

/** A score between 0 and 1 keeps three places: 0.987 and 0.993 differ. */
export function formatScore(value) {
  const size = Math.abs(value);
  return size > 0 && size < 1e-3 ? power(value, 2) : value.toFixed(size < 10 ? 3 : 1);
}

/** A count: 7,680. */
export function formatCount(value) {
  return value.toLocaleString("en-US");
}

function power(value, digits) {
  const [mantissa, exponent] = value.toExponential(digits - 1).split("e");
  return `${Number(mantissa)}e${Number(exponent)}`;
}
