/** Two parameters on their way over the surface of the loss, one point a recorded step. */
import { css, dot, fitted, paintLine, placeIn } from "../canvas.js";
import { contour } from "../contour.js";
import { h } from "../dom.js";
import { formatCount } from "../format.js";
import { key } from "../legend.js";
import { colours } from "../theme.js";

const COLOURS = ["surface", "ink", "muted", "low", "validation"];
const LEVELS = 8;               // lines of equal loss, each the same factor below the next
const STEP = 2.6;               // that factor

/**
 * @param {{extent: [number, number, number, number], x_label: string, y_label: string}} about
 * @param {import("../strings.js").Text} t
 */
export function pathView(about, t) {
  const canvas = h("canvas", { class: "plane", role: "img" });
  const entry = (kind) => key(kind, t(`path.${kind}`));
  const labels = { x: t.label(about.x_label), y: t.label(about.y_label) };
  const names = h("span", {}, t("path.axes", labels));
  let colour = null;
  return {
    element: canvas,
    follows: true,
    key: h("div", { class: "legend" }, ...["track", "level"].map(entry), names),
    describe: (step) => t("path.picture", { step: formatCount(step) }),
    recolour: () => { colour = null; },
    draw: (look, points) => {
      colour ??= colours(canvas.parentElement, COLOURS);
      paint(canvas, look, points, about.extent, colour);
    },
  };
}

function paint(canvas, look, points, extent, colour) {
  const side = fitted(canvas);
  const pen = canvas.getContext("2d");
  paintSurface(pen, points, colour, side);
  paintLevels(pen, points, colour, side);
  if (look) paintTrack(pen, look, placeIn(extent, side), colour, side);
}

/** The lower the loss, the darker. */
function paintSurface(pen, points, { surface, low }, side) {
  const width = Math.round(Math.sqrt(points.length));
  const logs = points.map(({ loss }) => Math.log(Math.max(loss, Number.MIN_VALUE)));
  const high = Math.max(...logs);
  const pixels = new ImageData(width, width);
  logs.forEach((log, i) => {
    const depth = 0.4 * Math.min(1, (high - log) / (LEVELS * Math.log(STEP)));
    const at = ((width - 1 - Math.floor(i / width)) * width + (i % width)) * 4;
    for (let c = 0; c < 3; c++) pixels.data[at + c] = surface[c] + (low[c] - surface[c]) * depth;
    pixels.data[at + 3] = 255;
  });
  const small = new OffscreenCanvas(width, width);
  small.getContext("2d").putImageData(pixels, 0, 0);
  pen.imageSmoothingQuality = "high";
  pen.drawImage(small, 0.5, 0.5, width - 1, width - 1, 0, 0, side, side);
}

/** Lines of equal loss, from the losses that the record holds on a square of points. */
function paintLevels(pen, points, colour, side) {
  const width = Math.round(Math.sqrt(points.length));
  const losses = points.map(({ loss }) => loss);
  const high = Math.max(...losses);
  const at = (i) => (i / (width - 1)) * side;
  pen.strokeStyle = css(colour.muted);
  pen.lineWidth = side / 600;
  pen.beginPath();
  for (let level = 1; level <= LEVELS; level++) {
    for (const [xa, ya, xb, yb] of contour(losses, width, width, high / STEP ** level)) {
      pen.moveTo(at(xa), side - at(ya));
      pen.lineTo(at(xb), side - at(yb));
    }
  }
  pen.globalAlpha = 0.55;
  pen.stroke();
  pen.globalAlpha = 1;
}

/** The way up to the moment in full colour, a dot a step; the rest of it pale. */
function paintTrack(pen, { values, width, frame }, place, colour, side) {
  const spotAt = (_, k) => place(values[k * width], values[k * width + 1]);
  const spots = Array.from({ length: values.length / width }, spotAt)
    .filter((spot) => spot.every(Number.isFinite));
  const now = Math.min(frame, spots.length - 1);
  pen.lineJoin = "round";
  pen.lineWidth = side / 220;
  paintLine(pen, spots, css(colour.muted), 0.35);
  paintLine(pen, spots.slice(0, now + 1), css(colour.validation), 1);
  pen.fillStyle = css(colour.validation);
  spots.slice(0, now + 1).forEach(([x, y]) => dot(pen, x, y, side / 130));
  pen.fillStyle = css(colour.ink);
  if (now >= 0) dot(pen, ...spots[now], side / 62);
}
