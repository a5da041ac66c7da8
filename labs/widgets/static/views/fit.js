/** A model of one input as a curve, what it should be, and the training points. */
import { css, dot, fitted, paintLine, placeIn } from "../canvas.js";
import { h } from "../dom.js";
import { formatCount } from "../format.js";
import { key } from "../legend.js";
import { colours } from "../theme.js";

const COLOURS = ["surface", "ink", "muted", "training", "validation"];

/**
 * @param {{extent: [number, number, number, number], x_label: string, y_label: string,
 *   truth: number[]}} about
 * @param {import("../strings.js").Text} t
 */
export function fitView(about, t) {
  const canvas = h("canvas", { class: "plane", role: "img" });
  const entry = (kind) => key(kind, t(`fit.${kind}`));
  const labels = { x: t.label(about.x_label), y: t.label(about.y_label) };
  const names = h("span", {}, t("fit.axes", labels));
  let colour = null;
  return {
    element: canvas,
    key: h("div", { class: "legend" }, ...["fitted", "truth", "sample"].map(entry), names),
    describe: (step) => t("fit.picture", { step: formatCount(step) }),
    recolour: () => { colour = null; },
    draw: (look, points) => {
      colour ??= colours(canvas.parentElement, COLOURS);
      paint(canvas, look, points, about, colour);
    },
  };
}

function paint(canvas, look, points, { extent, truth }, colour) {
  const side = fitted(canvas);
  const pen = canvas.getContext("2d");
  const place = placeIn(extent, side);
  pen.clearRect(0, 0, side, side);
  pen.lineJoin = "round";
  pen.lineWidth = side / 170;
  pen.setLineDash([side / 50, side / 60]);
  paintLine(pen, curve(truth, extent, place), css(colour.muted), 1);
  pen.setLineDash([]);
  points.forEach((point) => paintPoint(pen, place(point.x, point.y), colour, side));
  pen.lineWidth = side / 110;
  if (look) paintLine(pen, curve(now(look), extent, place), css(colour.validation), 1);
}

/** The outputs at the moment that is shown. */
function now({ values, width, frame }) {
  return values.subarray(frame * width, (frame + 1) * width);
}

/** The pixels of numbers that lie evenly from the left edge to the right. */
function curve(values, [x0, x1], place) {
  return Array.from(values, (y, k) => place(x0 + ((x1 - x0) * k) / (values.length - 1), y));
}

function paintPoint(pen, [x, y], colour, side) {
  pen.fillStyle = css(colour.surface);
  dot(pen, x, y, side / 62);
  pen.fillStyle = css(colour.training);
  dot(pen, x, y, side / 80);
}
