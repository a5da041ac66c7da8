/** How tokens and shares are written for a reader. */

const SIGNS = { " ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍" };
const MOST = 14;                        // signs of a token that a label shows

/** A token with its white space made visible; a run of one sign as "␣×8". */
export function visible(text) {
  const signs = text.replace(/[\p{Cc}\p{White_Space}]/gu, signOf);
  const runs = signs.replace(/([␣↵⇥␍])\1{3,}/gu, (run, sign) => `${sign}×${run.length}`);
  const all = [...runs];
  return all.length > MOST ? `${all.slice(0, MOST - 1).join("")}…` : runs;
}

function signOf(sign) {
  return SIGNS[sign] ?? `\\u${sign.codePointAt(0).toString(16).padStart(4, "0")}`;
}

/** A share of one in per cent: two digits. */
export function percent(share) {
  const value = 100 * share;
  if (value > 0 && value < 0.1) return "< 0.1 %";
  const digits = value >= 9.95 || value === 0 ? 0 : 1;
  return `${value >= 99.5 && share < 1 ? "> 99" : value.toFixed(digits)} %`;
}

/** A number without needless zeros: 0.8, 1. */
export function short(value) {
  return String(Math.round(value * 1000) / 1000);
}
