/** The output of a model over the plane, its boundary at one half, and the training points. */
import { css, fitted } from "../canvas.js";
import { contour } from "../contour.js";
import { h } from "../dom.js";
import { formatCount } from "../format.js";
import { key } from "../legend.js";
import { colours } from "../theme.js";

const COLOURS = ["class0", "class1", "even", "surface", "ink"];

/**
 * @param {{extent: [number, number, number, number]}} about
 * @param {import("../strings.js").Text} t
 */
export function planeView(about, t) {
  const canvas = h("canvas", { class: "plane", role: "img" });
  const entry = (kind) => key(kind, t(`plane.${kind}`));
  const layer = { canvas: new OffscreenCanvas(1, 1), points: null };
  let colour = null;
  return {
    element: canvas,
    key: h("div", { class: "legend" }, ...["class0", "class1", "boundary"].map(entry)),
    describe: (step) => t("plane.picture", { step: formatCount(step) }),
    recolour: () => { colour = layer.points = null; },
    draw: (image, points) => {
      colour ??= colours(canvas.parentElement, COLOURS);
      paint(canvas, image, points, layer, about.extent, colour);
    },
  };
}

function paint(canvas, image, points, layer, extent, colour) {
  const side = fitted(canvas);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, side, side);
  if (image) {
    paintField(pen, image, colour, side);
    paintBoundary(pen, image, colour, side);
  }
  if (layer.points !== points || layer.canvas.width !== side) {
    paintPoints(layer, points, extent, colour, side);
  }
  pen.drawImage(layer.canvas, 0, 0);
}

/** The samples, on a layer of their own: they stay while all else moves. */
function paintPoints(layer, points, extent, colour, side) {
  layer.canvas.width = layer.canvas.height = side;
  layer.points = points;
  const pen = layer.canvas.getContext("2d");
  points.forEach((point) => paintPoint(pen, point, extent, colour, side));
}

/**
 * Probability as a colour between those of the classes; row 0 is the lowest y, so the image is
 * turned over.
 */
function paintField(pen, { width, height, values }, { class0, class1, even }, side) {
  const pixels = new ImageData(width, height);
  values.forEach((p, i) => {
    const end = p < 0.5 ? class0 : class1;
    const strength = 0.72 * Math.abs(2 * p - 1);
    const at = ((height - 1 - Math.floor(i / width)) * width + (i % width)) * 4;
    for (let c = 0; c < 3; c++) pixels.data[at + c] = even[c] + (end[c] - even[c]) * strength;
    pixels.data[at + 3] = 255;
  });
  const small = new OffscreenCanvas(width, height);
  small.getContext("2d").putImageData(pixels, 0, 0);
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = "high";
  // Grid points at the corners lie on the edges.
  pen.drawImage(small, 0.5, 0.5, width - 1, height - 1, 0, 0, side, side);
}

function paintBoundary(pen, { width, height, values }, { ink }, side) {
  const [across, up] = [(x) => (x / (width - 1)) * side, (y) => (1 - y / (height - 1)) * side];
  pen.beginPath();
  for (const [x0, y0, x1, y1] of contour(values, width, height, 0.5)) {
    pen.moveTo(across(x0), up(y0));
    pen.lineTo(across(x1), up(y1));
  }
  pen.strokeStyle = css(ink);
  pen.lineWidth = side / 220;
  pen.stroke();
}

/** Class 0 as a disc, class 1 as a square: shape and colour say the same. */
function paintPoint(pen, point, [x0, x1, y0, y1], colour, side) {
  const radius = side / 95;
  const x = ((point.x - x0) / (x1 - x0)) * side;
  const y = (1 - (point.y - y0) / (y1 - y0)) * side;
  pen.beginPath();
  if (point.label) pen.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
  else pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fillStyle = css(point.label ? colour.class1 : colour.class0);
  pen.strokeStyle = css(colour.surface);
  pen.lineWidth = side / 300;
  pen.fill();
  pen.stroke();
}
