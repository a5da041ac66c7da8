/** Under the pointer: the nearest recorded step and what was measured there. */
import { put, say } from "./dom.js";
import { formatCount, formatLoss } from "./format.js";
import { seriesOf } from "./record.js";

/**
 * @param {any} parts of the chart: svg, rule, readout
 * @param {import("./record.js").Runs} runs
 * @param {() => import("./explorer.js").State} state
 * @param {() => Record<"x" | "y", import("./scales.js").Scale>} scales
 * @param {import("./strings.js").Text} t
 */
export function readout(parts, runs, state, scales, t) {
  const { svg, rule } = parts;
  const hide = () => {
    [rule, parts.readout].forEach((part) => put(part, { visibility: "hidden" }));
    put(svg, { "data-reading": null });
  };
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("pointermove", (event) => {
    const { x, y } = scales();
    const pixel = event.clientX - svg.getBoundingClientRect().left;
    if (pixel < x.range[0] - 6 || pixel > x.range[1] + 6) return hide();
    const k = nearest(runs.times.map((step) => x.place(Math.max(step, x.domain[0]))), pixel);
    const place = x.place(Math.max(runs.times[k], x.domain[0]));
    put(svg, { "data-reading": "" });
    put(rule, { visibility: "visible", x1: place, x2: place, y1: y.range[0], y2: y.range[1] });
    put(parts.readout, { visibility: "visible", x: x.range[1], y: 12, "text-anchor": "end" });
    say(parts.readout, textAt(runs, state().shown, k, t));
  });
}

function nearest(places, pixel) {
  const distance = (k) => Math.abs(places[k] - pixel);
  return places.map((_, i) => i).reduce((best, i) => (distance(i) < distance(best) ? i : best), 0);
}

function textAt(runs, { members }, k, t) {
  const step = formatCount(runs.times[k]);
  const [train, val] = ["train_loss", "val_loss"].map((name) => {
    const values = seriesOf(runs, name, members);
    return values && formatLoss(values[k]);
  });
  if (train && val) return t("curves.readout", { step, train, val });
  return t("curves.readout_one", { step, loss: train ?? val });
}
