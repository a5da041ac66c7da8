/**
 * Hatching from the step at which a run diverged: there is no loss to draw. An untrained run is
 * hatched whole.
 */
import { s } from "./dom.js";
import { formatCount } from "./format.js";

/**
 * @param {{stop: SVGGElement, news: SVGGElement}} parts under the curves and above them
 * @param {import("./record.js").Shown} shown
 * @param {Record<"x" | "y", import("./scales.js").Scale>} scales
 * @param {import("./strings.js").Text} t
 */
export function drawStop(parts, { members, lost, diverged_at: step, trained }, { x, y }, t) {
  parts.stop.replaceChildren();
  parts.news.replaceChildren();
  if (trained && step < 0) return;
  const left = trained ? x.place(Math.max(step, x.domain[0])) : x.range[0];
  const [right, middle] = [x.range[1], (x.range[0] + x.range[1]) / 2];
  const [bottom, top] = y.range;
  const facts = { step: formatCount(step), n: members.length, diverged: lost };
  const words = !trained ? [t("curves.untrained")] : members.length > 1
    ? [t("curves.diverged_some", facts), t("curves.no_mean", facts)]
    : [t("curves.diverged", facts), t("curves.no_loss")];
  const place = left < middle
    ? { x: Math.max(left, x.range[0]) + 14, "text-anchor": "start" }
    : { x: left - 14, "text-anchor": "end" };
  const edge = s("line", { class: "edge", x1: left, x2: left, y1: top, y2: bottom });
  parts.stop.append(hatch(left, right, top, bottom), edge);
  parts.news.append(...words.map((text, i) => {
    const y = (top + bottom) / 2 + 20 * i;
    return s("text", { class: i ? "detail" : "headline", ...place, y }, text);
  }));
}

function hatch(left, right, top, bottom) {
  let d = "";
  for (let c = left - (bottom - top); c < right; c += 9) {
    const [from, to] = [Math.max(c, left), Math.min(c + bottom - top, right)];
    if (to <= from) continue;
    const [low, high] = [from, to].map((place) => (bottom - (place - c)).toFixed(1));
    d += `M${from.toFixed(1)},${low}L${to.toFixed(1)},${high}`;
  }
  return s("path", { class: "hatch", d });
}
