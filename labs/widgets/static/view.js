/** The model view: the network's output over the plane, the data on top, and a scrubber through training. */
import { contour } from "./contour.js";
import { scrubber } from "./controls.js";
import { h, put, say } from "./dom.js";
import { formatCount } from "./format.js";
import { readFrame, settingAt } from "./record.js";
import { colours } from "./theme.js";

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 * @param {{setFrame: (frame: number) => void}} actions
 */
export function modelView(runs, t, actions) {
  const about = runs.meta.view;
  if (!about) return null;
  const canvas = h("canvas", { class: "plane", role: "img" });
  const veil = h("p", { class: "veil" });
  const note = h("p", { class: "note" });
  const scrub = about.steps.length > 1 ? scrubber(t("view.scrub"), about.steps, (step) => t("view.step", { step: formatCount(step) }), actions.setFrame) : null;
  const element = h("section", { class: "panel panel-view" }, h("p", { class: "title" }, t("view.title")),
    h("div", { class: "plane-box" }, canvas, veil), ...(scrub ? [scrub] : []), key(t), note);

  let colour = null;
  const recolour = () => { colour = null; };
  const draw = (state) => {
    colour ??= colours(element, ["class0", "class1", "even", "surface", "ink"]);
    const step = about.steps[state.frame];
    const missing = whyMissing(runs, state, step, t);
    say(veil, missing);
    veil.hidden = !missing;
    put(canvas, { "aria-label": missing || t("view.picture", { step: formatCount(step) }), "data-step": step ?? null });
    if (scrub) scrub.value = state.frame;
    say(note, notes(runs, state.choice, t));
    paint(canvas, missing ? null : readFrame(runs.frames[state.frame], settingAt(runs.axes, state.choice), about.levels), about, colour);
  };
  return { element, draw, recolour };
}

function whyMissing(runs, { index }, step, t) {
  const diverged = runs.diverged_at[index];
  if (!runs.trained[index]) return t("view.untrained");
  if (diverged >= 0 && step >= diverged) return t("view.diverged", { step: formatCount(diverged) });
  return runs.frames.length ? "" : t("view.none");
}

/** What the page leaves out of the record, and whose model this is. */
function notes(runs, choice, t) {
  const { steps, recorded, pixels, recorded_pixels: points } = runs.meta.view;
  const seed = runs.axes.find((axis) => axis.name === "seed");
  return [
    seed && choice.seed ? t("view.other_seed", { seed: seed.values[0] }) : "",
    steps.length && steps.length < recorded ? t("view.thinned", { kept: steps.length, all: recorded }) : "",
    steps.length && pixels < points ? t("view.pixels", { pixels, all: points }) : "",
  ].filter(Boolean).join(" ");
}

function key(t) {
  const entry = (kind) => h("span", { class: "key" }, h("i", { class: `swatch swatch-${kind}`, "aria-hidden": "true" }), t(`view.${kind}`));
  return h("div", { class: "legend" }, entry("class0"), entry("class1"), entry("boundary"));
}

function paint(canvas, image, about, colour) {
  const side = 2 * Math.max(160, Math.round(canvas.clientWidth));       // twice, for screens with small pixels
  if (canvas.width !== side) canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, side, side);
  if (image) {
    paintField(pen, image, colour, side);
    paintBoundary(pen, image, colour, side);
  }
  paintPoints(pen, about, colour, side);
}

/** Probability as a colour between those of the classes; row 0 is the lowest y, so the image is turned over. */
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
  pen.drawImage(small, 0.5, 0.5, width - 1, height - 1, 0, 0, side, side);   // grid points at the corners lie on the edges
}

function paintBoundary(pen, { width, height, values }, { ink }, side) {
  pen.beginPath();
  for (const [x0, y0, x1, y1] of contour(values, width, height, 0.5)) {
    pen.moveTo((x0 / (width - 1)) * side, (1 - y0 / (height - 1)) * side);
    pen.lineTo((x1 / (width - 1)) * side, (1 - y1 / (height - 1)) * side);
  }
  pen.strokeStyle = css(ink);
  pen.lineWidth = side / 220;
  pen.stroke();
}

/** Class 0 as discs, class 1 as squares: shape and colour say the same. */
function paintPoints(pen, { points, extent: [x0, x1, y0, y1] }, colour, side) {
  const radius = side / 95;
  points.label.forEach((label, i) => {
    const x = ((points.x[i] - x0) / (x1 - x0)) * side;
    const y = (1 - (points.y[i] - y0) / (y1 - y0)) * side;
    pen.beginPath();
    if (label) pen.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
    else pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fillStyle = css(label ? colour.class1 : colour.class0);
    pen.strokeStyle = css(colour.surface);
    pen.lineWidth = side / 300;
    pen.fill();
    pen.stroke();
  });
}

const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
