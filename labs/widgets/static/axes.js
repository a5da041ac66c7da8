/** The axes of the loss chart: drawn again only where they change, and then it is said. */
import { put, s, say } from "./dom.js";
import { formatCount, formatTick } from "./format.js";

/**
 * @param {any} parts of the chart: svg, clip, grid, axes, moved
 * @param {Record<"x" | "y", import("./scales.js").Scale>} scales
 * @param {[number, number] | null} before the vertical domain of the setting before
 * @param {{width: number, height: number, key: string}} frame
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 */
export function drawAxes(parts, { x, y }, before, frame, runs, t) {
  sayMoved(parts, y, before, t);
  const key = [x.kind, x.domain, y.kind, y.domain, frame.width, frame.height].join();
  if (key === frame.key) return;
  frame.key = key;
  const [left, right] = x.range;
  const [bottom, top] = y.range;
  put(parts.svg, {
    viewBox: `0 0 ${frame.width} ${frame.height}`, width: frame.width, height: frame.height,
    "data-x-scale": x.kind, "data-x-domain": x.domain.join(), "data-x-range": x.range.join(),
    "data-y-scale": y.kind, "data-y-domain": y.domain.join(), "data-y-range": y.range.join(),
  });
  put(parts.clip, { x: left, y: top - 2, width: right - left, height: bottom - top + 4 });
  put(parts.moved, { x: right, y: 12, "text-anchor": "end" });
  const line = (x1, x2, y1, y2) => s("line", { x1, x2, y1, y2 });
  const text = (x, y, anchor, words) => s("text", { x, y, "text-anchor": anchor }, words);
  const ticks = x.ticks.filter((tick) => right - x.place(tick) > 14 || tick === x.domain[1]);
  const level = (height) => line(left, right, height, height);
  parts.grid.replaceChildren(...y.ticks.map((tick) => level(y.place(tick))));
  parts.axes.replaceChildren(
    line(left, right, bottom, bottom),
    ...y.ticks.map((tick) => text(left - 8, y.place(tick) + 4, "end", formatTick(tick))),
    ...ticks.map((tick) => line(x.place(tick), x.place(tick), bottom, bottom + 4)),
    ...ticks.map((tick) => text(x.place(tick), bottom + 18, "middle", formatCount(tick))),
    s("text", { x: right + 24, y: bottom + 18, class: "name" }, t("curves.step")),
    s("text", { x: 2, y: 12, class: "name" }, lossName(runs, t)),
  );
}

function lossName(runs, t) {
  const { loss } = runs.meta.task;
  return loss ? t("curves.loss", { loss: t.label(loss) }) : t("curves.loss_unnamed");
}

/** Whoever compares two settings must know that their curves stand on another axis. */
function sayMoved({ svg, moved }, { domain }, before, t) {
  const differs = before !== null && before.join() !== domain.join();
  put(svg, { "data-axis-moved": differs ? "" : null });
  const [[, was], [, is]] = [before ?? domain, domain];
  const ends = { was: formatTick(was), is: formatTick(is) };
  say(moved, !differs ? "" : was === is ? t("curves.moved_low") : t("curves.moved", ends));
}
