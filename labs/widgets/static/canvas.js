/** What the canvases of all views share. */

/** Makes a square canvas as wide as it stands on the page, in the screen's own pixels: its side. */
export function fitted(canvas) {
  const side = Math.round(Math.max(160, canvas.clientWidth) * Math.max(1, devicePixelRatio));
  if (canvas.width !== side) canvas.width = canvas.height = side;
  return side;
}

/** A colour of theme.js as a style. */
export const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;
