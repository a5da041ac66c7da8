/**
 * One sentence of why: each rule looks at what is shown and at its measured neighbours in the grid,
 * and speaks or passes. The first that speaks is shown, so the order is: what went wrong, then what
 * would be better, then how good it is.
 */
import { formatCount, formatLoss } from "./format.js";
import { MEAN, repeated, runsAt, seriesOf, valueOf } from "./record.js";

const CLEARLY = 0.9;            // a neighbour ends clearly lower when it ends below nine tenths of this run
const FALLING = 0.95;           // still falling: the last quarter of training took off a twentieth or more
const BOUNCING = 1 / 3;         // of the recorded intervals
const RISEN = 1.1;              // over-fitting: a tenth above its lowest point
const LEARNED = 0.98;           // of the loss of a constant answer: a model above it has learned nothing
const PENALTIES = ["weight_decay", "l2"];

const RULES = [untrained, diverged, slow, dead, bounces, overfits, regularized, betterNeighbour, standing];

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./explorer.js").State} state
 * @param {import("./strings.js").Text} t
 */
export function whyItEndsThere(runs, { shown }, t) {
  const { choice, members } = shown;
  const context = {
    runs, shown, choice, members, t,
    val: valueOf(runs.loss, members),
    train: seriesOf(runs, "train_loss", members),
    curve: seriesOf(runs, "val_loss", members),
  };
  for (const rule of RULES) {
    const sentence = rule(context);
    if (sentence) return sentence;
  }
  return "";
}

function untrained({ shown, t }) {
  return shown.trained ? null : t("why.untrained");
}

function diverged({ runs, shown, choice, t }) {
  if (shown.diverged_at < 0) return null;
  const rate = runs.axes.find((axis) => axis.name === "learning_rate");
  if (!rate || rate.values.length < 2) return t("why.diverged");
  for (let i = choice.learning_rate - 1; i >= 0; i--) {
    const loss = valueOf(runs.loss, runsAt(runs.axes, { ...choice, learning_rate: i }));
    if (!Number.isFinite(loss)) continue;
    const key = i === choice.learning_rate - 1 ? "why.diverged_smaller" : "why.diverged_far";
    return t(key, { value: rate.texts[i], val: formatLoss(loss) });
  }
  return t("why.diverged_all");
}

function slow({ runs, choice, t, val, train }) {
  if (!train) return null;
  const threeQuarters = runs.times.findIndex((step) => step >= 0.75 * runs.meta.steps);
  const larger = neighbour(runs, choice, "learning_rate", 1);
  const falling = train.at(-1) < FALLING * train[threeQuarters];
  if (!falling || !(larger?.loss < CLEARLY * val)) return null;
  return t("why.slow", { value: larger.value, other: formatLoss(larger.loss), val: formatLoss(val) });
}

/** A model that does no better than one that ignores its input, on the samples it was trained on. */
function dead({ runs, choice, t, val, train }) {
  const constant = runs.meta.task.constant_loss;
  if (typeof constant !== "number" || !train || train.at(-1) < LEARNED * constant) return null;
  const facts = { constant: formatLoss(constant), train: formatLoss(train.at(-1)) };
  const better = bestNeighbour(runs, choice, val);
  if (!better) return t("why.dead", facts);
  return t("why.dead_helped", { ...facts, name: nameOf(better, t), other: formatLoss(better.loss) });
}

function bounces({ runs, choice, t, val, train }) {
  if (!train) return null;
  const intervals = train.length - 1;
  const rises = train.filter((loss, k) => k && loss > train[k - 1]).length;
  const smaller = neighbour(runs, choice, "learning_rate", -1);
  if (rises < BOUNCING * intervals || !(smaller?.loss < CLEARLY * val)) return null;
  const facts = { value: smaller.value, other: formatLoss(smaller.loss), val: formatLoss(val) };
  return t("why.bounces", { rises, intervals, ...facts });
}

function overfits({ runs, choice, t, val, train, curve }) {
  if (!train || !curve) return null;
  const lowest = curve.indexOf(Math.min(...curve));
  const learned = train.at(-1) < FALLING * train[lowest];
  if (lowest < 1 || !(val > RISEN * curve[lowest]) || !learned) return null;
  const step = formatCount(runs.times[lowest]);
  const facts = { low: formatLoss(curve[lowest]), step, val: formatLoss(val) };
  const helped = lowerAmong(PENALTIES.map((name) => neighbour(runs, choice, name, 1)), val);
  if (!helped) return t("why.overfits", facts);
  return t("why.overfits_helped", { ...facts, name: nameOf(helped, t), other: formatLoss(helped.loss) });
}

function regularized({ runs, choice, t, val }) {
  const weaker = lowerAmong(PENALTIES.map((name) => neighbour(runs, choice, name, -1)), val);
  return weaker && t("why.regularized", compared(weaker, val, t));
}

function betterNeighbour({ runs, choice, t, val }) {
  const best = bestNeighbour(runs, choice, val);
  return best && t("why.neighbour", compared(best, val, t));
}

/** Where what is shown stands among all runs, or a mean among all means. */
function standing({ runs, members, t, val }) {
  const losses = members.length > 1 ? settingMeans(runs) : Array.from(runs.loss.array);
  const better = losses.filter((loss) => loss < val).length;
  const facts = { better: formatCount(better), count: formatCount(losses.length), name: runs.loss.label };
  const rank = better === 0 ? "best" : better < losses.length / 20 ? "among_best" : "level";
  return t(members.length > 1 ? `why.${rank}_mean` : `why.${rank}`, facts);
}

const means = new WeakMap();

/** The mean loss of every setting. */
function settingMeans(runs) {
  if (!means.has(runs)) {
    const settings = runs.axes.filter((axis) => !axis.repeats);
    const choices = settings.reduce(
      (some, { name, values }) => some.flatMap((one) => Array.from(values, (_, i) => ({ ...one, [name]: i }))),
      [{}]);
    means.set(runs, choices.map((choice) => valueOf(runs.loss, repeated(runs.axes, choice))));
  }
  return means.get(runs);
}

/**
 * What stands `by` positions along an axis: {axis, value, loss}, or null at its end or where there is
 * no loss.
 */
function neighbour(runs, choice, name, by) {
  const axis = runs.axes.find((a) => a.name === name);
  const i = (choice[name] ?? 0) + by;
  if (!axis || i < 0 || i >= axis.values.length) return null;
  const loss = valueOf(runs.loss, runsAt(runs.axes, { ...choice, [name]: i }));
  return Number.isFinite(loss) ? { axis, value: axis.texts[i], loss } : null;
}

/**
 * The best single step in the grid, where it ends clearly lower; a list has no order, so each of its
 * values is one step away.
 */
function bestNeighbour(runs, choice, val) {
  const steps = runs.axes.filter((axis) => !axis.repeats && choice[axis.name] !== MEAN).flatMap((axis) => {
    const others = axis.values.map((_, i) => i - choice[axis.name]).filter(Boolean);
    const moves = axis.control === "list" ? others : [-1, 1];
    return moves.map((by) => neighbour(runs, choice, axis.name, by));
  });
  return lowerAmong(steps, val);
}

function lowerAmong(candidates, val) {
  const lower = candidates.filter((found) => found && found.loss < CLEARLY * val);
  return lower.sort((a, b) => a.loss - b.loss)[0] ?? null;
}

function compared(found, val, t) {
  return { name: nameOf(found, t), other: formatLoss(found.loss), val: formatLoss(val) };
}

function nameOf({ axis, value }, t) {
  return t("what.name", { label: axis.label, value });
}
