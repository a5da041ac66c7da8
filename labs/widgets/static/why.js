/**
 * One sentence of why: each rule looks at what is shown and at its measured neighbours in the grid,
 * and speaks or passes. The first that speaks is shown, so the order is: what went wrong, then what
 * would be better, then how good it is.
 */
import { formatCount, formatLoss } from "./format.js";
import { MEAN, combinations, runsAt, seriesOf, valueOf } from "./record.js";

const CLEARLY = 0.9;            // ends clearly lower: below nine tenths
const FALLING = 0.995;          // still falling: half a percent or more in the last quarter
const ARRIVED = 1e-6;           // of the first loss: below, what is left is of no account
const BOUNCING = 1 / 3;         // of the recorded intervals
const RISEN = 1.1;              // over-fitting: a tenth above its lowest point
const LEARNED = 0.98;           // of a constant answer's loss: a model above has learned nothing
const PENALTIES = ["weight_decay", "l2"];

const RULES = [
  untrained, diverged, arrived, penalized, slow, tooLarge, dead, bounces, overfits,
  betterNeighbour, standing,
];

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
    first: seriesOf(runs, runs.loss.name, members)[0],
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

function diverged({ runs, shown, choice, first, t }) {
  if (shown.diverged_at < 0) return null;
  if (!hasRates(runs)) return t("why.diverged");
  const works = smallerRates(runs, choice).find(({ loss }) => loss < first);
  if (!works) return t("why.diverged_all");
  return t("why.diverged_smaller", { value: works.value, val: formatLoss(works.loss) });
}

/** So low that neighbours differ by chance alone, such as where a swing was when training ended. */
function arrived({ runs, t, val, first }) {
  if (!(val < ARRIVED * first)) return null;
  const facts = { val: formatLoss(val), first: formatLoss(first) };
  return t("why.arrived", { ...facts, steps: formatCount(runs.meta.steps) });
}

/** A penalty, where a weaker one ends clearly lower. */
function penalized({ runs, choice, t, val }) {
  for (const name of PENALTIES) {
    const count = choice[name] ?? 0;
    const weaker = Array.from({ length: count }, (_, i) => neighbour(runs, choice, name, -1 - i));
    const best = lowerAmong(weaker, val);
    if (!best) continue;
    const now = nameOf({ axis: best.axis, value: best.axis.texts[choice[name]] }, t);
    return t("why.regularized", { now, ...compared(best, val, t) });
  }
  return null;
}

/** Still falling, or hardly begun, and a larger rate gets clearly lower in as many steps. */
function slow(context) {
  const { runs, choice, t, val, train } = context;
  if (!train || !hasRates(runs)) return null;
  const threeQuarters = runs.times.findIndex((step) => step >= 0.75 * runs.meta.steps);
  const falling = train.at(-1) < FALLING * train[threeQuarters];
  const begun = !learnedNothing(context);
  if (!falling && (begun || train.at(-1) > train[0])) return null;
  const next = neighbour(runs, choice, "learning_rate", 1);
  const best = next?.loss < val ? lowerAmong(largerRates(runs, choice), val) : null;
  return best && t(begun && falling ? "why.slow" : "why.slow_start", atRate(best, val));
}

/** Of no use, or worse on its own samples than at a smaller rate, which ends clearly lower. */
function tooLarge(context) {
  const { runs, choice, t, val, train, first } = context;
  if (!train || !hasRates(runs)) return null;
  const useless = learnedNothing(context) || train.at(-1) > train[0] || val > first;
  const most = Math.min(CLEARLY * val, first);
  const better = smallerRates(runs, choice).filter(({ loss }) => loss < most);
  const works = better.find((other) => useless || other.train < CLEARLY * train.at(-1));
  return works ? t("why.too_large", atRate(works, val)) : null;
}

/**
 * A model that does no better than one that ignores its input, on the samples it was trained on.
 */
function dead(context) {
  const { runs, choice, t, val, train } = context;
  if (!learnedNothing(context)) return null;
  const constant = formatLoss(runs.meta.task.constant_loss);
  const facts = { constant, train: formatLoss(train.at(-1)) };
  const better = bestNeighbour(runs, choice, val);
  if (!better) return t("why.dead", facts);
  const help = { name: nameOf(better, t), other: formatLoss(better.loss) };
  return t("why.dead_helped", { ...facts, ...help });
}

function learnedNothing({ runs, train }) {
  const constant = runs.meta.task.constant_loss;
  return typeof constant === "number" && train?.at(-1) >= LEARNED * constant;
}

function bounces({ runs, choice, t, val, train }) {
  if (!train) return null;
  const intervals = train.length - 1;
  const rises = train.filter((loss, k) => k && loss > train[k - 1]).length;
  const smaller = neighbour(runs, choice, "learning_rate", -1);
  if (rises < BOUNCING * intervals || !(smaller?.loss < CLEARLY * val)) return null;
  return t("why.bounces", { rises, intervals, ...atRate(smaller, val) });
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
  const help = { name: nameOf(helped, t), other: formatLoss(helped.loss) };
  return t("why.overfits_helped", { ...facts, ...help });
}

function betterNeighbour({ runs, choice, t, val }) {
  const best = bestNeighbour(runs, choice, val);
  return best && t("why.neighbour", compared(best, val, t));
}

/** Where what is shown stands among all runs, or a mean among all means. */
function standing({ runs, choice, members, t, val }) {
  const losses = members.length > 1 ? meansAt(runs, choice) : Array.from(runs.loss.array);
  const better = losses.filter((loss) => loss < val).length;
  const counts = { better: formatCount(better), count: formatCount(losses.length) };
  const rank = better === 0 ? "best" : better < losses.length / 20 ? "among_best" : "level";
  const key = members.length > 1 ? `why.${rank}_mean` : `why.${rank}`;
  return t(key, { ...counts, name: runs.loss.label });
}

const known = new WeakMap();

/** The mean loss of every setting, over the repetitions that `choice` averages. */
function meansAt(runs, choice) {
  const fixed = runs.axes.filter((axis) => axis.repeats).map(({ name }) => [name, choice[name]]);
  const means = known.get(runs) ?? known.set(runs, {}).get(runs);
  return (means[fixed.join()] ??= combinations(runs.axes.filter((axis) => !axis.repeats),
    Object.fromEntries(fixed)).map((one) => valueOf(runs.loss, runsAt(runs.axes, one))));
}

/**
 * What stands `by` positions along an axis: {axis, value, loss, train}, or null at its end or where
 * there is no loss.
 */
function neighbour(runs, choice, name, by) {
  const axis = runs.axes.find((a) => a.name === name);
  const i = (choice[name] ?? 0) + by;
  if (!axis || i < 0 || i >= axis.values.length) return null;
  const members = runsAt(runs.axes, { ...choice, [name]: i });
  const loss = valueOf(runs.loss, members);
  if (!Number.isFinite(loss)) return null;
  return { axis, value: axis.texts[i], loss, train: seriesOf(runs, "train_loss", members)?.at(-1) };
}

/**
 * The best single step in the grid, where it ends clearly lower; a list has no order, so each of
 * its values is one step away.
 */
function bestNeighbour(runs, choice, val) {
  const free = runs.axes.filter((axis) => !axis.repeats && choice[axis.name] !== MEAN);
  const steps = free.flatMap((axis) => {
    const others = axis.values.map((_, i) => i - choice[axis.name]).filter(Boolean);
    const moves = axis.control === "list" ? others : [-1, 1];
    return moves.map((by) => neighbour(runs, choice, axis.name, by));
  });
  return lowerAmong(steps, val);
}

function hasRates(runs) {
  return runs.axes.some(({ name, values }) => name === "learning_rate" && values.length > 1);
}

/** The settings with another rate and all else alike, the nearest first. */
function smallerRates(runs, choice) {
  return otherRates(runs, choice, choice.learning_rate, -1);
}

function largerRates(runs, choice) {
  const rates = runs.axes.find(({ name }) => name === "learning_rate").values;
  return otherRates(runs, choice, rates.length - 1 - choice.learning_rate, 1);
}

function otherRates(runs, choice, count, sign) {
  const at = (_, i) => neighbour(runs, choice, "learning_rate", sign * (1 + i));
  return Array.from({ length: count }, at).filter(Boolean);
}

function lowerAmong(candidates, val) {
  const lower = candidates.filter((found) => found && found.loss < CLEARLY * val);
  return lower.sort((a, b) => a.loss - b.loss)[0] ?? null;
}

function atRate({ value, loss }, val) {
  return { value, other: formatLoss(loss), val: formatLoss(val) };
}

function compared(found, val, t) {
  return { name: nameOf(found, t), other: formatLoss(found.loss), val: formatLoss(val) };
}

function nameOf({ axis, value }, t) {
  return t("what.name", { label: axis.label, value });
}
