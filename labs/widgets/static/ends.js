/**
 * The ends of the curves: a dot where each ends, if it ends inside the frame, and its name and
 * value beside it.
 */
import { s } from "./dom.js";
import { formatLoss } from "./format.js";
import { lastFinite, spread } from "./labels.js";

const NAMED = [
  ["val_loss", "curves.val_loss"], ["train_loss", "curves.train_loss"],
  ["ghost_val_loss", "curves.before"], ["live_val_loss", "curves.live"],
];
const ARROWS = { "-1": "↑ ", 0: "", 1: "↓ " };

/**
 * @param {SVGGElement} group what to draw into
 * @param {Record<string, {steps: number[], values: ArrayLike<number>} | null>} lines
 * @param {Record<"x" | "y", import("./scales.js").Scale>} scales
 * @param {import("./strings.js").Text} t
 */
export function drawEnds(group, lines, { x, y }, t) {
  const ends = NAMED.flatMap(([name, key]) => {
    const k = lines[name] ? lastFinite(lines[name].values) : -1;
    if (k < 0) return [];
    const { steps, values } = lines[name];
    const stopped = k < values.length - 1 && !name.startsWith("live");
    const height = Math.min(Math.max(y.place(values[k]), y.range[1]), y.range[0]);
    const outside = Math.sign(y.place(values[k]) - height);
    const arrow = ARROWS[outside];
    const text = stopped ? t("curves.none") : arrow + formatLoss(values[k]);
    const place = { x: x.place(Math.max(steps[k], x.domain[0])), y: height };
    return [{ name, label: t(key), text, stopped, outside, ...place }];
  });
  const heights = spread(ends.map((end) => end.y), 30, y.range[1] + 4, y.range[0] - 18);
  group.replaceChildren(...ends.flatMap((end, i) => endOf(end, heights[i], x.range[1] + 12)));
}

function endOf({ name, label, text, stopped, outside, x, y }, height, left) {
  const cross = `M${x - 4},${y - 4}l8,8m0,-8l-8,8`;
  let mark = [];
  if (stopped) mark = [s("path", { class: `cross of-${name}`, d: cross })];
  else if (!outside) mark = [s("circle", { class: `dot of-${name}`, cx: x, cy: y, r: 3 })];
  return [...mark,
    s("text", { class: `label of-${name}`, x: left, y: height + 3 }, label),
    s("text", { class: `label value of-${name}`, x: left, y: height + 17 }, text)];
}
