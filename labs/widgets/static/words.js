/** What the picture shows, in whole sentences, for everyone and for those who hear it. */
import { formatCount, formatLoss, formatNumber, formatOf } from "./format.js";
import { lastFinite } from "./labels.js";
import { MEAN, repeated, repetitions, seriesOf, valueOf } from "./record.js";
import { listed } from "./strings.js";

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./explorer.js").State} state
 * @param {import("./strings.js").Text} t
 */
export function whatIsShown(runs, state, t) {
  const sentences = runs.loss
    ? [outcome(runs, state.shown, t), metric(runs, state.shown, t), others(runs, state.shown, t),
      spread(runs, state, t), before(runs, state, t), living(state.live, t)]
    : [values(runs, state.shown, t), spread(runs, state, t)];
  return sentences.filter(Boolean).join(" ");
}

/** "adam, learning rate 0.01, batch size 32". */
export function settingText(axes, choice, t) {
  return listed(axes.map((axis) => axisText(axis, choice[axis.name], t)), t);
}

/** Such as "draw, noise". */
export function labelsOf(axes, t) {
  return listed(axes.map((axis) => axis.label), t);
}

/** One value with the name of its axis; names and lists of words speak for themselves. */
function axisText({ name, label, values, texts }, index, t) {
  if (index === MEAN) return meanText({ name, label }, t);
  const value = texts[index];
  return typeof values[0] === "string" ? value : t("what.name", { label, value });
}

/** What the mean over an axis of repetitions is called: the table may have a name for it. */
export function meanText({ name, label }, t) {
  return t.has(`mean.${name}`) ? t(`mean.${name}`) : t("mean.any", { label });
}

/** The setting that is shown, on the axes that one can move along. */
export function shownText(runs, choice, t) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  return settingText(long.length ? long : runs.axes, choice, t);
}

function outcome(runs, shown, t) {
  const { members, lost, trained, diverged_at: step } = shown;
  const steps = formatCount(runs.meta.steps);
  const setting = shownText(runs, shown.choice, t);
  if (!trained) return t("what.untrained", { setting });
  if (step >= 0) {
    const facts = { setting, step: formatCount(step), steps, diverged: lost, n: members.length };
    return t(members.length > 1 ? "what.mean_diverged" : "what.diverged", facts);
  }
  const train = runs.loss.name === "val_loss" ? seriesOf(runs, "train_loss", members) : null;
  const loss = formatLoss(valueOf(runs.loss, members));
  if (train) return t("what.ends", { setting, steps, val: loss, train: formatLoss(train.at(-1)) });
  return t(`what.ends_${runs.loss.name}`, { setting, steps, loss });
}

function metric(runs, { members }, t) {
  const score = runs.values.find(({ name }) => name === "val_metric");
  const value = score ? valueOf(score, members) : NaN;
  if (!runs.meta.task.metric || !Number.isFinite(value)) return "";
  return t("what.metric", { metric: t.label(runs.meta.task.metric), value: formatNumber(value) });
}

/** What a record has besides losses and metric. */
function others(runs, { members }, t) {
  const isMetric = (name) => name === "val_metric" && runs.meta.task.metric;
  const said = (name) => name in runs.curves || name === "twin_distance" || isMetric(name);
  const left = runs.values.filter(({ name }) => !said(name));
  const found = left.map((value) => valueText(value, members, t));
  return found.length ? t("what.also", { values: listed(found, t) }) : "";
}

function values(runs, { choice, members }, t) {
  const found = runs.values.map((value) => valueText(value, members, t));
  return t("what.values", { setting: shownText(runs, choice, t), values: listed(found, t) });
}

function valueText(value, members, t) {
  const number = valueOf(value, members);
  if (!Number.isFinite(number)) return t("what.no_value", { label: value.label });
  return t("what.name", { label: value.label, value: formatOf(value)(number) });
}

/**
 * How far the repetitions of the setting are apart: in the loss, or without one in the value on the
 * map.
 */
function spread(runs, { shown, mapValue }, t) {
  const members = repeated(runs.axes, shown.choice);
  if (members.length < 2) return "";
  const facts = { n: members.length, label: labelsOf(repetitions(runs.axes), t) };
  const diverged = members.filter((run) => runs.diverged_at[run] >= 0).length;
  if (diverged && shown.members.length > 1) return "";
  if (diverged) return t("what.repeats_diverged", { ...facts, diverged });
  const value = runs.loss ?? runs.values.find(({ name }) => name === mapValue);
  const numbers = members.map((run) => value.array[run]).filter(Number.isFinite);
  if (numbers.length < members.length) return "";
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)].map(formatOf(value));
  const key = low === high ? "what.repeats_same" : "what.repeats";
  return t(key, { ...facts, name: value.label, low, high });
}

function before(runs, { shown, before: then }, t) {
  if (!then) return "";
  const moved = runs.axes.filter(({ name }) => shown.choice[name] !== then.choice[name]);
  const facts = { changed: settingText(moved, then.choice, t) };
  if (!then.trained) return t("what.before_untrained", facts);
  if (then.diverged_at >= 0) {
    return t("what.before_diverged", { ...facts, step: formatCount(then.diverged_at) });
  }
  return t("what.before", { ...facts, val: formatLoss(valueOf(runs.loss, then.members)) });
}

function living({ label, steps, train_loss: train, val_loss: val }, t) {
  if (!label) return "";
  const numbers = (values) => (values ?? []).map((value) => value ?? NaN);
  const k = lastFinite(numbers(train));
  if (k < 0) return t("what.live_start", { label });
  const last = numbers(val)[lastFinite(numbers(val))];
  const losses = { train: formatLoss(train[k]), val: formatLoss(last) };
  return t("what.live", { label, step: formatCount(steps[k]), ...losses });
}
