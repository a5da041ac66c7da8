/** What the canvases of all views share. */

/** Makes a square canvas as wide as it stands on the page, in the screen's own pixels: its side. */
export function fitted(canvas) {
  const side = Math.round(Math.max(160, canvas.clientWidth) * Math.max(1, devicePixelRatio));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  return side;
}

/** A colour of theme.js as a style. */
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

/**
 * A function that takes numbers in the units of `extent` to pixels. What leaves the picture is
 * followed far enough to see where it goes.
 */
export function placeIn([x0, x1, y0, y1], side) {
  const far = (pixel) => Math.min(Math.max(pixel, -20 * side), 20 * side);
  return (x, y) => [far(((x - x0) / (x1 - x0)) * side), far((1 - (y - y0) / (y1 - y0)) * side)];
}

/** A line through pixels. */
export function paintLine(pen, spots, style, alpha) {
  pen.beginPath();
  spots.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  pen.strokeStyle = style;
  pen.globalAlpha = alpha;
  pen.stroke();
  pen.globalAlpha = 1;
}

/** A filled disc. */
export function dot(pen, x, y, radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}
