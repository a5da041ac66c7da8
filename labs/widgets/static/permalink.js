/** A setting as the end of an address, `#<name>:optimizer=adam&learning_rate=0.01`, and back. */
import { MEAN } from "./record.js";

/**
 * @param {string} name the explorer's
 * @param {import("./record.js").Axis[]} axes
 * @param {import("./record.js").Choice} choice
 */
export function writeHash(name, axes, choice) {
  const textOf = ({ name, texts }) => (choice[name] === MEAN ? MEAN : texts[choice[name]]);
  const pairs = axes.map((axis) => `${axis.name}=${encodeURIComponent(textOf(axis))}`);
  return `#${name}:${pairs.join("&")}`;
}

/**
 * What a hash asks of the explorer `name`: null where it is meant for something else; otherwise the
 * positions it gives, and what it asks for in vain.
 * @typedef {{axis: import("./record.js").Axis | null, name: string, value: string}} Miss
 * @returns {{choice: import("./record.js").Choice, unknown: Miss[]} | null}
 */
export function readHash(hash, name, axes) {
  if (!hash.startsWith(`#${name}:`)) return null;
  const choice = {};
  const unknown = [];
  for (const pair of hash.slice(name.length + 2).split("&").filter(Boolean)) {
    const [key, value] = [pair.split("=")[0], decode(pair.split("=").slice(1).join("="))];
    const axis = axes.find((a) => a.name === key) ?? null;
    const index = axis ? positionOf(axis, value) : -1;
    if (index !== -1) choice[key] = index;
    else unknown.push({ axis, name: decode(key), value });
  }
  return { choice, unknown };
}

function positionOf(axis, text) {
  if (axis.repeats && text === MEAN) return MEAN;
  const exact = axis.texts.indexOf(text);
  if (exact >= 0 || text.trim() === "") return exact;
  const near = (value) => Math.abs(Number(text) - value) <= 1e-6 * Math.abs(value);
  return axis.values.findIndex((value) => typeof value === "number" && near(value));
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;                // a stray percent sign: shown as it stands
  }
}
