/** One sentence on what the picture shows, for everyone and for those who hear it. */
import { formatCount, formatLoss, formatScore, formatValue } from "./format.js";
import { lastFinite } from "./labels.js";
import { finalLoss, runsAlong, seriesOf, choiceAt } from "./record.js";

/**
 * @param {import("./record.js").Runs} runs
 * @param {{index: number, previous: number | null, choice: import("./record.js").Choice, live: any}} state
 * @param {import("./strings.js").Text} t
 */
export function whatIsShown(runs, { index, previous, choice, live }, t) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  const setting = settingText(long.length ? long : runs.axes, choice, t);
  return outcome(runs, index, setting, t) + seeds(runs, choice, t) + before(runs, index, previous, t) + living(live, t);
}

/** "adam, learning rate 0.01, batch size 32". */
export function settingText(axes, choice, t) {
  return axes.map((axis) => {
    const value = formatValue(axis.values[choice[axis.name]]);
    return typeof axis.values[0] === "string" ? value : t("what.name", { label: axis.label, value });
  }).join(", ");
}

function outcome(runs, index, setting, t) {
  const { steps, task } = runs.meta;
  if (!runs.trained[index]) return t("what.untrained", { setting });
  if (runs.diverged_at[index] >= 0) return t("what.diverged", { setting, step: formatCount(runs.diverged_at[index]), steps: formatCount(steps) });
  const train = formatLoss(seriesOf(runs, "train_loss", index).at(-1));
  const metric = runs.final_metric[index];
  return t("what.ends", { setting, steps: formatCount(steps), val: formatLoss(finalLoss(runs, index)), train })
    + (Number.isFinite(metric) && task.metric !== "loss" ? t("what.metric", { metric: task.metric, value: formatScore(metric) }) : t("what.stop"));
}

function seeds(runs, choice, t) {
  const members = runsAlong(runs.axes, choice, "seed");
  const ends = members.map((run) => finalLoss(runs, run)).filter(Number.isFinite);
  const diverged = members.filter((run) => runs.diverged_at[run] >= 0).length;
  if (members.length < 2) return "";
  if (diverged) return t("what.seeds_diverged", { diverged, n: members.length });
  if (ends.length < members.length) return "";
  return t("what.seeds", { n: members.length, low: formatLoss(Math.min(...ends)), high: formatLoss(Math.max(...ends)) });
}

function before(runs, index, previous, t) {
  if (previous === null || previous === index) return "";
  const [now, then] = [choiceAt(runs.axes, index), choiceAt(runs.axes, previous)];
  const changed = settingText(runs.axes.filter((axis) => now[axis.name] !== then[axis.name]), then, t);
  let ended = t("what.before_untrained");
  if (runs.diverged_at[previous] >= 0) ended = t("what.before_diverged", { step: formatCount(runs.diverged_at[previous]) });
  else if (runs.trained[previous]) ended = t("what.before_ended", { val: formatLoss(finalLoss(runs, previous)) });
  return t("what.before", { changed, ended });
}

function living({ label, steps, train_loss: train, val_loss: val }, t) {
  if (!label) return "";
  const numbers = (values) => (values ?? []).map((value) => value ?? NaN);
  const k = lastFinite(numbers(train));
  if (k < 0) return t("what.live_start", { label });
  return t("what.live", { label, step: formatCount(steps[k]), train: formatLoss(train[k]), val: formatLoss(numbers(val)[lastFinite(numbers(val))]) });
}
