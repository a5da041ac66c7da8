/** What the shades and the marks of the map mean. */
import { h, put, say } from "./dom.js";
import { formatOf } from "./format.js";

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 */
export function mapLegend(runs, t) {
  const bar = h("i", { class: "ramp-bar", "aria-hidden": "true" });
  const numbers = [0, 1, 2].map(() => h("span"));
  const better = h("span");
  const keys = h("span", { class: "keys" });
  const ramp = h("div", { class: "ramp" }, bar, ...numbers);
  const element = h("div", { class: "legend" }, ramp, better, keys);
  /** @param {import("./record.js").Value} value @param {import("./shade.js").Shade} shade */
  const draw = (value, shade) => {
    const format = formatOf(value);
    [shade.low, shade.middle, shade.high].forEach((number, i) => say(numbers[i], format(number)));
    if (shade.open) say(numbers[2], t("map.or_more", { value: format(shade.high) }));
    put(bar, { "data-strong": shade.strong });
    say(better, value.better ? t(`map.${value.better}`) : "");
    better.hidden = !value.better;
    const marks = marksOf(runs, value).map(([kind, name]) => key(kind, t(`map.${name}`)));
    const brought = runs.meta.marks;
    keys.replaceChildren(...marks, ...(brought ? [key("mark", t.label(brought.label))] : []));
  };
  return { element, draw };
}

/** The marks that can be met on the map of a value: [kind of swatch, word]. */
function marksOf(runs, value) {
  const blank = Array.from(value.array, (number) => !Number.isFinite(number));
  const diverged = (run) => runs.trained[run] && runs.diverged_at[run] >= 0;
  const marks = [["here", "shown"]];
  if (value.better) marks.push(["best", `best_${value.better}`]);
  if (blank.some((is, run) => is && diverged(run))) marks.push(["diverged", "diverged"]);
  if (blank.some((is, run) => is && !runs.trained[run])) marks.push(["untrained", "untrained"]);
  const unexplained = (run) => runs.trained[run] && runs.diverged_at[run] < 0;
  if (blank.some((is, run) => is && unexplained(run))) marks.push(["untrained", "missing"]);
  return marks;
}

/** A swatch and what it stands for. */
export function key(kind, text) {
  const swatch = h("i", { class: `swatch swatch-${kind}`, "aria-hidden": "true" });
  return h("span", { class: "key" }, swatch, text);
}
