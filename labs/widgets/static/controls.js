/**
 * The controls: native inputs, each a function that returns an element whose `.value` can be set.
 */
import { freshId, h, put, say } from "./dom.js";
import { MEAN } from "./record.js";

/**
 * A slider over the positions of an axis.
 * @param {import("./record.js").Axis} axis
 * @param {(index: number) => void} onInput
 */
export function slider(axis, onInput) {
  const input = rangeInput(axis.values.length, onInput);
  input.dataset.axis = axis.name;
  return labelled(axis.label, input, (index) => {
    put(input, { "aria-valuetext": `${axis.label} ${axis.texts[index]}` });
    return axis.texts[index];
  });
}

/** A slider over moments of training. `onInput` gets the position of the moment. */
export function scrubber(label, steps, describe, onInput) {
  const input = rangeInput(steps.length, onInput);
  input.dataset.scrub = "";
  return labelled(label, input, (index) => {
    put(input, { "aria-valuetext": describe(steps[index]) });
    return steps[index].toLocaleString("en-US");
  });
}

/**
 * A list of an axis' values; of an axis of repetitions their mean stands first.
 * @param {import("./record.js").Axis} axis
 * @param {(index: number | "mean") => void} onInput
 * @param {string} mean what the mean is called
 */
export function picker(axis, onInput, mean) {
  const first = axis.repeats ? [mean] : [];
  const skipped = first.length;
  const list = select(axis.label, [...first, ...axis.texts], { "data-axis": axis.name },
    (i) => onInput(i < skipped ? MEAN : i - skipped));
  return withValue(list, (index) => {
    list.querySelector("select").selectedIndex = index === MEAN ? 0 : index + skipped;
  });
}

/** A list of options; `onInput` gets the position of the one chosen. */
export function select(label, options, attributes, onInput) {
  const id = freshId();
  const chosen = { input: () => onInput(input.selectedIndex) };
  const rows = options.map((text) => h("option", {}, text));
  const input = h("select", { id, ...attributes, ...chosen }, ...rows);
  const element = h("div", { class: "control" }, h("label", { for: id }, label), input);
  return withValue(element, (index) => { input.selectedIndex = index; });
}

/** A check box. */
export function toggle(label, attributes, onInput) {
  const listener = { input: () => onInput(input.checked) };
  const input = h("input", { type: "checkbox", ...attributes, ...listener });
  return withValue(h("label", { class: "toggle" }, input, label), (on) => { input.checked = on; });
}

function rangeInput(count, onInput) {
  const places = { type: "range", id: freshId(), min: 0, max: count - 1, step: 1 };
  const input = h("input", { ...places, input: () => onInput(Number(input.value)) });
  input.style.setProperty("--gaps", String(Math.max(1, count - 1)));
  if (count > 40) input.dataset.dense = "";
  return input;
}

function labelled(label, input, describe) {
  const output = h("output", { for: input.id });
  const name = h("label", { for: input.id }, label);
  const element = h("div", { class: "control" }, name, output, input);
  return withValue(element, (index) => {
    if (input.value !== String(index)) input.value = String(index);
    say(output, describe(index));
  });
}

function withValue(element, set) {
  let value;
  const descriptor = { configurable: true, get: () => value, set: (next) => set((value = next)) };
  return Object.defineProperty(element, "value", descriptor);
}
