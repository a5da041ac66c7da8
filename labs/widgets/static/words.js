/** One sentence on what the picture shows, for everyone and for those who hear it. */
import { formatCount, formatLoss, formatNumber, formatOf, formatValue } from "./format.js";
import { lastFinite } from "./labels.js";
import { choiceAt, finalLoss, repeated, repetitions, seriesOf } from "./record.js";

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./explorer.js").State} state
 * @param {import("./strings.js").Text} t
 */
export function whatIsShown(runs, state, t) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  const setting = settingText(long.length ? long : runs.axes, state.choice, t);
  const sentences = runs.loss
    ? [outcome(runs, state.index, setting, t), others(runs, state.index, t), spread(runs, state, t),
      before(runs, state, t), living(state.live, t)]
    : [values(runs, state.index, setting, t), spread(runs, state, t)];
  return sentences.join("");
}

/** "adam, learning rate 0.01, batch size 32". */
export function settingText(axes, choice, t) {
  return axes.map(({ name, label, values }) => {
    const value = formatValue(values[choice[name]]);
    return typeof values[0] === "string" ? value : t("what.name", { label, value });
  }).join(", ");
}

function outcome(runs, index, setting, t) {
  const { steps, task } = runs.meta;
  const step = runs.diverged_at[index];
  if (!runs.trained[index]) return t("what.untrained", { setting });
  if (step >= 0) return t("what.diverged", { setting, step: formatCount(step), steps: formatCount(steps) });
  const train = runs.loss.name === "val_loss" ? seriesOf(runs, "train_loss", index) : null;
  const facts = { setting, steps: formatCount(steps), val: formatLoss(finalLoss(runs, index)) };
  const ends = train
    ? t("what.ends", { ...facts, train: formatLoss(train.at(-1)) })
    : t("what.ends_one", { ...facts, series: t(`series.${runs.loss.name}`) });
  const metric = runs.values.find(({ name }) => name === "val_metric")?.array[index];
  if (!task.metric || !Number.isFinite(metric)) return ends + t("what.stop");
  return ends + t("what.metric", { metric: task.metric, value: formatNumber(metric) });
}

/** What a record has besides losses and metric. */
function others(runs, index, t) {
  const said = ({ name }) => name in runs.curves || (name === "val_metric" && runs.meta.task.metric);
  const rest = runs.values.filter((value) => !said(value));
  const found = rest.map((value) => valueText(value, index, t));
  return found.length ? t("what.also", { values: found.join(", ") }) : "";
}

function values(runs, index, setting, t) {
  const found = runs.values.map((value) => valueText(value, index, t)).join(", ");
  return t("what.values", { setting, values: found });
}

function valueText(value, index, t) {
  const { label, array } = value;
  if (!Number.isFinite(array[index])) return t("what.no_value", { label });
  return t("what.name", { label, value: formatOf(value)(array[index]) });
}

/**
 * How far the repetitions of the setting are apart: in the loss, or without one in the value on the
 * map.
 */
function spread(runs, { choice, mapValue }, t) {
  const members = repeated(runs.axes, choice);
  if (members.length < 2) return "";
  const label = repetitions(runs.axes).map((axis) => axis.label).join(", ");
  const value = runs.loss ?? runs.values.find(({ name }) => name === mapValue);
  const numbers = members.map((run) => value.array[run]).filter(Number.isFinite);
  const diverged = members.filter((run) => runs.diverged_at[run] >= 0).length;
  if (diverged) return t("what.repeats_diverged", { diverged, n: members.length, label });
  if (numbers.length < members.length) return "";
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)].map(formatOf(value));
  const key = runs.loss ? "what.repeats" : "what.repeats_value";
  return t(key, { n: members.length, label, name: value.label, low, high });
}

function before(runs, { index, previous }, t) {
  if (previous === null || previous === index) return "";
  const [now, then] = [choiceAt(runs.axes, index), choiceAt(runs.axes, previous)];
  const changed = settingText(runs.axes.filter((axis) => now[axis.name] !== then[axis.name]), then, t);
  return t("what.before", { changed, ended: endOf(runs, previous, t) });
}

function endOf(runs, run, t) {
  const step = runs.diverged_at[run];
  if (step >= 0) return t("what.before_diverged", { step: formatCount(step) });
  if (!runs.trained[run]) return t("what.before_untrained");
  return t("what.before_ended", { val: formatLoss(finalLoss(runs, run)) });
}

function living({ label, steps, train_loss: train, val_loss: val }, t) {
  if (!label) return "";
  const numbers = (values) => (values ?? []).map((value) => value ?? NaN);
  const k = lastFinite(numbers(train));
  if (k < 0) return t("what.live_start", { label });
  const last = numbers(val)[lastFinite(numbers(val))];
  const facts = { label, step: formatCount(steps[k]), train: formatLoss(train[k]), val: formatLoss(last) };
  return t("what.live", facts);
}
