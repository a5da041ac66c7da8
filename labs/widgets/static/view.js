/**
 * The view of the models: a frame for the picture, a scrubber through training, and notes on what
 * the page holds.
 */
import { readFrame } from "./coding.js";
import { scrubber } from "./controls.js";
import { h, put, say } from "./dom.js";
import { formatCount } from "./format.js";
import { repetitions, runAt, settingAt } from "./record.js";
import { VIEWS } from "./views/table.js";
import { settingText } from "./words.js";

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 * @param {ReturnType<import("./actions.js").actionsOn>} actions
 * @returns null where the record has no view of a kind that is known here
 */
export function modelView(runs, t, actions) {
  const about = runs.meta.view;
  const picture = VIEWS[about?.kind]?.(about, t);
  if (!picture) return null;
  const veil = h("p", { class: "veil" });
  const note = h("p", { class: "note" });
  const stepText = (step) => t("view.step", { step: formatCount(step) });
  const scrub = about.steps.length > 1
    ? scrubber(t("view.scrub"), about.steps, stepText, actions.setFrame)
    : null;
  const box = h("div", { class: "view-box" }, picture.element, veil);
  const element = h("section", { class: "panel panel-view" },
    h("p", { class: "title" }, t("view.title")), box, ...(scrub ? [scrub] : []), picture.key, note);

  const draw = (state) => {
    const step = about.steps[state.frame];
    const missing = whyMissing(runs, state, step, t);
    say(veil, missing);
    veil.hidden = !missing;
    put(picture.element, { "aria-label": missing || picture.describe(step), "data-step": step ?? null });
    if (scrub) scrub.value = state.frame;
    say(note, notes(runs, state.choice, t));
    const setting = settingAt(runs.axes, state.choice);
    const image = missing ? null : readFrame(runs.frames[state.frame], setting, about.levels);
    picture.draw(image, pointsAt(runs, state.choice));
  };
  return { element, draw, recolour: picture.recolour };
}

function whyMissing(runs, { index }, step, t) {
  const diverged = runs.diverged_at[index];
  if (!runs.trained[index]) return t("view.untrained");
  if (diverged >= 0 && step >= diverged) return t("view.diverged", { step: formatCount(diverged) });
  return runs.frames.length ? "" : t("view.none");
}

/**
 * The samples that belong to the choice, as objects by column; rows that fill up a shorter set are
 * left out.
 */
function pointsAt(runs, choice) {
  if (!runs.samples) return [];
  const { columns, sample_axes: names, samples: count } = runs.meta.view;
  const axes = names.map((name) => runs.axes.find((axis) => axis.name === name));
  const start = runAt(axes, choice) * count * columns.length;
  const points = [];
  for (let i = 0; i < count; i++) {
    const row = runs.samples.subarray(start + i * columns.length, start + (i + 1) * columns.length);
    if (!row.some(Number.isNaN)) points.push(Object.fromEntries(columns.map((name, k) => [name, row[k]])));
  }
  return points;
}

/** What the page leaves out of the record, and whose model this is. */
function notes(runs, choice, t) {
  const { steps, recorded, pixels, recorded_pixels: all, samples, recorded_samples: known } = runs.meta.view;
  const over = repetitions(runs.axes);
  const first = Object.fromEntries(over.map((axis) => [axis.name, 0]));
  return [
    over.some((axis) => choice[axis.name]) ? t("view.repeats", { setting: settingText(over, first, t) }) : "",
    steps.length && steps.length < recorded ? t("view.thinned", { kept: steps.length, all: recorded }) : "",
    steps.length && pixels < all ? t("view.pixels", { pixels, all }) : "",
    samples < known ? t("view.samples", { kept: formatCount(samples), all: formatCount(known) }) : "",
  ].filter(Boolean).join(" ");
}
