/** The sliders, and the loss that each number of bits was measured to have. */
import { freshId, h, put, s, say } from "../dom.js";
import { short } from "./texts.js";

/** The numbers of bits that there are, fewest first. */
export const BITS = [2, 3, 4, 8, 16];
const SEEDS = 2 ** 32;
const DICE = "M3,1H13A2,2 0 0 1 15,3V13A2,2 0 0 1 13,15H3A2,2 0 0 1 1,13V3A2,2 0 0 1 3,1Z"
  + "M4.5,4.5h0M11.5,4.5h0M8,8h0M4.5,11.5h0M11.5,11.5h0";

/**
 * @param {any} meta
 * @param {import("../strings.js").Text} t
 * @param {(name: string, value: number) => void} write
 * @param {() => void} another asked for another seed
 */
export function settingsPanel(meta, t, write, another) {
  const range = (name, limits, textOf) => slider(name, limits, textOf, t, write);
  const none = t("talk.no_limit");
  const controls = {
    temperature: range("temperature", { min: 0, max: 2, step: 0.05 }, short),
    top_k: range("top_k", { min: 0, max: 100, step: 1 }, (k) => (k ? short(k) : none)),
    top_p: range("top_p", { min: 0.01, max: 1, step: 0.01 }, short),
    seed: seedField(t, write, another),
    bits: range("bits", { min: 2, max: 16, step: 1 }, (bits) => bitsText(bits, meta, t)),
  };
  snapToBits(controls.bits.querySelector("input"));
  const losses = lossRows(meta, t);
  const { temperature, top_k: k, top_p: p, seed, bits } = controls;
  return {
    drawing: h("div", { class: "panel talk-settings", role: "group",
      "aria-label": t("talk.settings") }, temperature, k, p, seed),
    weights: h("div", { class: "panel talk-bits", role: "group", "aria-label": t("talk.weights") },
      bits, losses.element),
    draw(settings) {
      for (const [name, control] of Object.entries(controls)) control.show(settings[name]);
      losses.draw(settings.bits);
    },
    /** What is wrong with the seed as it stands in its field, or "". */
    fault: () => seed.fault(),
  };
}

function slider(name, limits, textOf, t, write) {
  const label = t(`talk.${name}`);
  const input = h("input", {
    type: "range", id: freshId(), ...limits, "data-control": name, "data-dense": "",
    input: () => write(name, Number(input.value)),
  });
  const output = h("output", { for: input.id });
  const words = h("label", { for: input.id }, label);
  const control = h("div", { class: "control" }, words, output, input);
  const show = (value) => {
    if (value > Number(input.max)) input.max = String(value);
    if (Number(input.value) !== value) input.value = String(value);
    put(input, { "aria-valuetext": `${label} ${textOf(value)}` });
    say(output, textOf(value));
  };
  return Object.assign(control, { show });
}

/** A step goes to the next number of bits that there is, a leap to the nearest. */
function snapToBits(input) {
  let last = null;
  input.addEventListener("input", () => {
    const value = Number(input.value), step = value - last;
    const beyond = BITS.filter((bits) => (step > 0 ? bits > last : bits < last));
    const near = [...BITS].sort((a, b) => Math.abs(a - value) - Math.abs(b - value))[0];
    const next = step > 0 ? beyond[0] : beyond.at(-1);
    input.value = String(Math.abs(step) === 1 && next ? next : near);
    last = Number(input.value);
  }, { capture: true });
  const keep = () => { last = Number(input.value); };
  for (const name of ["focus", "pointerdown", "keydown"]) input.addEventListener(name, keep);
}

function bitsText(bits, { losses }, t) {
  const loss = losses[bits];
  return loss === undefined ? t("talk.bits_value", { bits })
    : t("talk.bits_loss", { bits, loss: loss.toFixed(2) });
}

function seedField(t, write, another) {
  const input = h("input", {
    type: "number", id: freshId(), min: 0, max: SEEDS - 1, step: 1, "data-control": "seed",
    input: () => {
      const wrong = fault();
      put(input, { "aria-invalid": wrong ? "true" : null });
      if (!wrong) write("seed", Number(input.value));
    },
  });
  const fault = () => {
    const value = Number(input.value);
    const right = input.value !== "" && Number.isInteger(value) && value >= 0 && value < SEEDS;
    return right ? "" : t("talk.bad_seed", { most: SEEDS - 1, seed: input.value });
  };
  const icon = s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, s("path", { d: DICE }));
  const name = t("talk.another");
  const press = { type: "button", "data-another": "", "aria-label": name, title: name };
  const button = h("button", { ...press, click: another }, icon);
  const row = h("div", { class: "talk-seed" }, input, button);
  const label = h("label", { for: input.id }, t("talk.seed"));
  const control = h("div", { class: "control" }, label, row);
  const show = (value) => {
    if (input.value !== String(value) && !(input.ariaInvalid && document.activeElement === input)) {
      input.value = String(value);
    }
    put(input, { "aria-invalid": null });
  };
  return Object.assign(control, { show, fault });
}

/** Loss and size at each number of bits. */
function lossRows({ losses, parameters }, t) {
  const measured = Object.keys(losses).length > 0;
  const most = Math.max(...Object.values(losses), 0);
  const rows = [...BITS].reverse().map((bits) => {
    const loss = losses[bits], fill = h("i");
    fill.style.width = loss === undefined ? "0" : `${(100 * loss) / most}%`;
    return h("li", { "data-bits": bits },
      h("span", {}, t("talk.bits_value", { bits })),
      h("span", { class: "talk-track", "aria-hidden": "true" }, fill),
      h("span", { class: "talk-loss" }, loss === undefined ? "–" : loss.toFixed(2)),
      h("span", { class: "talk-size" }, t("talk.megabytes", { size: sizeText(parameters, bits) })));
  });
  const note = t(measured ? "talk.losses" : "talk.no_losses");
  const list = h("ol", { "aria-label": note }, ...rows);
  return {
    element: h("div", { class: "talk-losses" }, h("p", { class: "note" }, note), list),
    draw(bits) {
      for (const row of rows) {
        put(row, { "aria-current": Number(row.dataset.bits) === bits ? "true" : null });
      }
    },
  };
}

const sizeText = (parameters, bits) => ((parameters * bits) / 8e6).toFixed(1);
