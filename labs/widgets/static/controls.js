/**
 * The controls: native inputs, each a function that returns an element whose `.value` can be set.
 */
import { freshId, h, put, say } from "./dom.js";
import { formatValue } from "./format.js";

/**
 * A slider over the positions of an axis.
 * @param {import("./record.js").Axis} axis
 * @param {(index: number) => void} onInput
 */
export function slider(axis, onInput) {
  const input = rangeInput(axis.values.length, onInput);
  input.dataset.axis = axis.name;
  return labelled(axis.label, input, (index) => {
    const value = formatValue(axis.values[index]);
    put(input, { "aria-valuetext": `${axis.label} ${value}` });
    return value;
  });
}

/** A slider over the moments of the model view. */
export function scrubber(label, steps, describe, onInput) {
  const input = rangeInput(steps.length, onInput);
  input.dataset.scrub = "";
  return labelled(label, input, (index) => {
    put(input, { "aria-valuetext": describe(steps[index]) });
    return String(steps[index]);
  });
}

/** A list of an axis' values. */
export function picker(axis, onInput) {
  return select(axis.label, axis.values.map(formatValue), { "data-axis": axis.name }, onInput);
}

/** A list of options; `onInput` gets the position of the one chosen. */
export function select(label, options, attributes, onInput) {
  const id = freshId();
  const chosen = { input: () => onInput(input.selectedIndex) };
  const input = h("select", { id, ...attributes, ...chosen }, ...options.map((text) => h("option", {}, text)));
  const element = h("div", { class: "control control-select" }, h("label", { for: id }, label), input);
  return withValue(element, (index) => { input.selectedIndex = index; });
}

/** A check box. */
export function toggle(label, attributes, onInput) {
  const input = h("input", { type: "checkbox", ...attributes, input: () => onInput(input.checked) });
  return withValue(h("label", { class: "toggle" }, input, label), (on) => { input.checked = on; });
}

function rangeInput(count, onInput) {
  const places = { type: "range", id: freshId(), min: 0, max: count - 1, step: 1 };
  const input = h("input", { ...places, input: () => onInput(Number(input.value)) });
  input.style.setProperty("--gaps", String(Math.max(1, count - 1)));
  return input;
}

function labelled(label, input, describe) {
  const output = h("output", { for: input.id });
  const element = h("div", { class: "control" }, h("label", { for: input.id }, label), output, input);
  return withValue(element, (index) => {
    input.value = String(index);
    say(output, describe(index));
  });
}

function withValue(element, set) {
  let value;
  return Object.defineProperty(element, "value", { get: () => value, set: (next) => set((value = next)) });
}
