/** Marching squares: where a sampled surface crosses a level. */

/** The corners of a cell in order, and its edges as pairs of corners. */
const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1]];
const EDGES = [[0, 1], [1, 2], [2, 3], [3, 0]];

/**
 * @param {ArrayLike<number>} values height rows of width
 * @returns {[number, number, number, number][]} segments x0, y0, x1, y1 in units of samples
 */
export function contour(values, width, height, level) {
  const segments = [];
  for (let y = 0; y < height - 1; y++) {
    for (let x = 0; x < width - 1; x++) {
      const at = CORNERS.map(([dx, dy]) => values[(y + dy) * width + x + dx]);
      const crossings = EDGES.filter(([a, b]) => at[a] < level !== at[b] < level).map(([a, b]) => {
        const share = (level - at[a]) / (at[b] - at[a]);
        const [from, to] = [CORNERS[a], CORNERS[b]];
        return [0, 1].map((i) => [x, y][i] + from[i] + share * (to[i] - from[i]));
      });
      for (let i = 0; i + 1 < crossings.length; i += 2) {
        segments.push([...crossings[i], ...crossings[i + 1]]);
      }
    }
  }
  return segments;
}
