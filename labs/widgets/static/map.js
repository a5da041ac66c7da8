/** The map: final validation loss over two axes, the present position on it. Click a cell, or move with the arrow keys. */
import { select } from "./controls.js";
import { h, put, say } from "./dom.js";
import { formatLoss, formatValue } from "./format.js";
import { finalLoss, runAt } from "./record.js";

const SHORT = 5;                // characters: longer losses do not fit a cell, and then no cell shows its own
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 * @param {{choose: (changes: import("./record.js").Choice) => void, setMapAxes: (names: string[]) => void}} actions
 */
export function lossMap(runs, t, actions) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  if (!long.length) return null;
  const shade = shading(runs);
  const grid = h("div", { class: "map-grid", role: "grid" });
  const readout = h("p", { class: "note map-readout" });
  const pickers = ["x", "y"].map((side, i) => select(t(`map.${side}`), long.map((axis) => axis.label), { "data-map-axis": side }, (k) => actions.setMapAxes(swapped(state.mapAxes, i, long[k].name))));
  const element = h("section", { class: "panel panel-map" },
    h("p", { class: "title" }, t("map.title")), ...(long.length > 1 ? [h("div", { class: "map-pickers" }, ...pickers)] : []), grid, legend(runs, shade, t), readout);
  let state = null, built = "", cells = [];

  const tell = (cell) => say(readout, describe(runs, cell, state, t));
  const draw = (next) => {
    state = next;
    const [across, up] = state.mapAxes.map((name) => runs.axes.find((axis) => axis.name === name));
    if (built !== state.mapAxes.join()) {
      built = state.mapAxes.join();
      cells = build(grid, across, up, t);
      pickers.forEach((picker, i) => { picker.value = long.findIndex((axis) => axis.name === state.mapAxes[i]); });
    }
    const best = paint(cells, runs, state, shade, t);
    cells.forEach((cell) => put(cell.element, { "data-best": cell === best ? "" : null }));
    tell(cells.find((cell) => cell.run === state.index));
  };

  const cellOf = (target) => cells.find((cell) => cell.element === target.closest("[role=gridcell]"));
  const move = (x, y) => {
    actions.choose({ [state.mapAxes[0]]: x, [state.mapAxes[1]]: y });
    cells.find((cell) => cell.x === x && cell.y === y).element.focus({ preventScroll: true });
  };
  grid.addEventListener("click", (event) => {
    const cell = cellOf(event.target);
    if (cell) move(cell.x, cell.y);
  });
  grid.addEventListener("keydown", (event) => {
    const [cell, step] = [cellOf(event.target), MOVES[event.key]];
    if (!cell || !step) return;
    event.preventDefault();
    const [x, y] = [cell.x + step[0], cell.y + step[1]];
    if (cells.some((other) => other.x === x && other.y === y)) move(x, y);
  });
  grid.addEventListener("pointerover", (event) => { if (cellOf(event.target)) tell(cellOf(event.target)); });
  grid.addEventListener("pointerleave", () => tell(cells.find((cell) => cell.run === state.index)));
  return { element, draw };
}

/** Choosing for one side what the other side shows makes them change places. */
function swapped(names, side, name) {
  return names[1 - side] === name ? [names[1], names[0]] : names.map((old, i) => (i === side ? name : old));
}

/** The share of the way from the lowest to the highest final loss, by logarithm: the same for every setting. */
function shading(runs) {
  const finals = Array.from({ length: runs.count }, (_, run) => finalLoss(runs, run)).filter((loss) => loss > 0).sort((a, b) => a - b);
  const low = finals[0] ?? 0.1;
  const high = Math.max(low * 1.01, Math.min(finals[Math.floor(finals.length * 0.98)] ?? 1, runs.meta.loss_range[1] * 1.2));
  const share = (loss) => Math.min(1, Math.max(0, Math.log(loss / low) / Math.log(high / low)));
  return { low, high, middle: Math.sqrt(low * high), share };
}

function build(grid, across, up, t) {
  const cells = [];
  const rows = up.values.map((_, y) => {
    const row = across.values.map((__, x) => {
      const element = h("div", { role: "gridcell", class: "map-cell" });
      cells.push({ element, x, y, across, up });
      return element;
    });
    return h("div", { role: "row", class: "map-row" }, h("span", { class: "map-tick map-tick-y", role: "rowheader" }, formatValue(up.values[y])), ...row);
  });
  const every = Math.ceil(across.values.length / 5);
  const ticks = across.values.map((value, x) => h("span", { class: "map-tick map-tick-x", role: "columnheader" }, x % every === 0 ? formatValue(value) : ""));
  put(grid, { "aria-label": t("map.label", { x: across.label, y: up.label }) });
  grid.style.setProperty("--columns", String(across.values.length));
  grid.style.setProperty("--ticks", `${Math.max(...up.values.map((value) => formatValue(value).length)) + 1.5}ch`);
  grid.replaceChildren(...rows.reverse(),
    h("div", { role: "row", class: "map-row map-foot" }, h("span", { class: "map-tick map-tick-y", role: "columnheader" }, ""), ...ticks));
  return cells;
}

/** Colours every cell for the present setting; returns the lowest. */
function paint(cells, runs, { choice, index }, shade, t) {
  let best = null;
  for (const cell of cells) {
    cell.run = runAt(runs.axes, { ...choice, [cell.across.name]: cell.x, [cell.up.name]: cell.y });
    cell.loss = finalLoss(runs, cell.run);
    if (cell.loss < (best?.loss ?? Infinity)) best = cell;
  }
  const short = cells.every((cell) => !Number.isFinite(cell.loss) || formatLoss(cell.loss).length <= SHORT);
  for (const cell of cells) {
    const here = cell.run === index;
    const known = Number.isFinite(cell.loss);
    put(cell.element, {
      "data-cell": cell.run,
      "data-state": known ? "known" : runs.trained[cell.run] ? "diverged" : "untrained",
      "data-loss": known && short ? formatLoss(cell.loss) : null,
      "aria-label": cellText(runs, cell, t),
      "aria-selected": here,
      tabindex: here ? 0 : -1,
      style: known ? `--share:${shade.share(cell.loss).toFixed(3)}` : null,
    });
  }
  return best;
}

function cellText(runs, cell, t) {
  const named = ({ label, values }, i) => `${label} ${formatValue(values[i])}`;
  const result = Number.isFinite(cell.loss) ? formatLoss(cell.loss) : t(runs.trained[cell.run] ? "map.diverged" : "map.untrained");
  return t("map.cell", { x: named(cell.across, cell.x), y: named(cell.up, cell.y), result });
}

function describe(runs, cell, { choice }, t) {
  const held = runs.axes.filter((axis) => axis.values.length > 1 && axis !== cell.across && axis !== cell.up);
  const setting = held.map((axis) => `${axis.label} ${formatValue(axis.values[choice[axis.name]])}`).join(", ");
  return cellText(runs, cell, t) + (setting ? ` (${t("map.held", { setting })})` : "");
}

function legend(runs, { low, middle, high }, t) {
  const key = (kind, text) => h("span", { class: "key" }, h("i", { class: `swatch swatch-${kind}`, "aria-hidden": "true" }), text);
  const marks = [["here", "map.shown"], ["best", "map.best"]];
  if (runs.diverged_at.some((step) => step >= 0)) marks.push(["diverged", "map.diverged"]);
  if (runs.trained.includes(0)) marks.push(["untrained", "map.untrained"]);
  return h("div", { class: "legend" },
    h("div", { class: "ramp" }, h("i", { class: "ramp-bar", "aria-hidden": "true" }), ...[low, middle, high].map((loss) => h("span", {}, formatLoss(loss)))),
    ...marks.map(([kind, text]) => key(kind, t(text))));
}
