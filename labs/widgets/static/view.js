/**
 * The view of the models: a frame for the picture, training played below it, and notes on what the
 * page holds.
 */
import { readFrame } from "./coding.js";
import { h, put, say } from "./dom.js";
import { formatCount } from "./format.js";
import { player } from "./player.js";
import { MEAN, repetitions, runAt, settingAt } from "./record.js";
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
  const film = player(about.steps, t, actions);
  const pointsAt = pointsOf(runs);
  const box = h("div", { class: "view-box" }, picture.element, veil);
  const stage = h("div", { class: "stage" }, box, ...(film ? [film.element] : []));
  const place = { class: "panel panel-view", "aria-label": t(`view.title_${about.kind}`) };
  const element = h("section", place, stage, picture.key, note);

  const draw = (state) => {
    const step = about.steps[state.frame];
    const run = viewedRun(runs, state.shown.choice);
    const missing = whyMissing(runs, run, step, picture.follows, t);
    say(veil, missing);
    veil.hidden = !missing;
    const seen = missing || picture.describe(step);
    put(picture.element, { "aria-label": seen, "data-step": step ?? null });
    film?.draw(state);
    say(note, notes(runs, state.shown.choice, picture.follows, t));
    picture.draw(missing ? null : lookAt(runs, state), pointsAt(state.shown.choice));
  };
  return { element, draw, film, recolour: picture.recolour };
}

/** The run whose model is shown: of repetitions the page holds the first. */
function viewedRun(runs, choice) {
  return runAt(runs.axes, { ...choice, ...firstOf(runs.axes.filter((axis) => axis.repeats)) });
}

function firstOf(axes) {
  return Object.fromEntries(axes.map(({ name }) => [name, 0]));
}

function whyMissing(runs, run, step, follows, t) {
  const diverged = runs.diverged_at[run];
  if (!runs.trained[run]) return t("view.untrained");
  if (!runs.frames.length && !runs.track) return t("view.none");
  if (follows || diverged < 0 || step < diverged) return "";
  const over = repetitions(runs.axes);
  const facts = { setting: settingText(over, firstOf(over), t), step: formatCount(diverged) };
  return t(over.length ? "view.diverged_of" : "view.diverged", facts);
}

/** What was recorded of the model: an image of the moment, or the numbers of all moments. */
function lookAt(runs, { shown, frame }) {
  const setting = settingAt(runs.axes, shown.choice);
  if (!runs.track) return readFrame(runs.frames[frame], setting, runs.meta.view.levels);
  const [count, width] = runs.track.shape.slice(-2);
  const diverged = runs.diverged_at[viewedRun(runs, shown.choice)];
  const stop = runs.meta.view.steps.findIndex((step) => diverged >= 0 && step > diverged);
  const moments = stop < 0 ? count : stop;
  const start = setting * count * width;
  return { values: runs.track.values.subarray(start, start + moments * width), width, frame };
}

/**
 * A function of the choice that gives the samples which belong to it, as objects by column; the
 * same array for the same samples.
 */
function pointsOf(runs) {
  if (!runs.samples) return () => [];
  const axisOf = (name) => runs.axes.find((axis) => axis.name === name);
  const axes = runs.meta.view.sample_axes.map(axisOf);
  const known = [];
  return (choice) => (known[runAt(axes, choice)] ??= readPoints(runs, runAt(axes, choice)));
}

/** Set number `set` of the samples; rows that fill up a shorter set are left out. */
function readPoints(runs, set) {
  const { columns, samples: count } = runs.meta.view;
  const start = set * count * columns.length;
  const points = [];
  for (let i = 0; i < count; i++) {
    const row = runs.samples.subarray(start + i * columns.length, start + (i + 1) * columns.length);
    const named = columns.map((name, k) => [name, row[k]]);
    if (!row.some(Number.isNaN)) points.push(Object.fromEntries(named));
  }
  return points;
}

/** What the page leaves out of the record, and whose model this is. */
function notes(runs, choice, follows, t) {
  const { steps, recorded, pixels, recorded_pixels: all } = runs.meta.view;
  const { samples, recorded_samples: known } = runs.meta.view;
  const thinned = steps.length && steps.length < recorded;
  const over = repetitions(runs.axes);
  const first = firstOf(over);
  const diverged = follows ? runs.diverged_at[viewedRun(runs, choice)] : -1;
  const other = over.some(({ name }) => choice[name] === MEAN || choice[name]);
  return [
    diverged >= 0 ? t("view.path_diverged", { step: formatCount(diverged) }) : "",
    other ? t("view.repeats", { setting: settingText(over, first, t) }) : "",
    thinned ? t("view.thinned", { kept: steps.length, all: recorded }) : "",
    pixels < all ? t("view.pixels", { pixels, all }) : "",
    samples < known
      ? t("view.samples", { kept: formatCount(samples), all: formatCount(known) }) : "",
  ].filter(Boolean).join(" ");
}
