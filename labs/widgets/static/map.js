/**
 * The map: one value over two axes, the present position on it. Click a cell, or move with the
 * arrow keys.
 */
import { select } from "./controls.js";
import { h, put, say } from "./dom.js";
import { formatOf, formatValue } from "./format.js";
import { mapLegend } from "./legend.js";
import { isLoss, runAt } from "./record.js";
import { shading } from "./shade.js";
import { capital } from "./strings.js";

const SHORT = 5;                // characters: longer values are shown in wide cells only
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const NO_AXIS = { name: null, label: "", values: [""] };       // stands for the second of a record with one axis

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 * @param {ReturnType<import("./actions.js").actionsOn>} actions
 */
export function valueMap(runs, t, actions) {
  if (runs.count < 2) return null;
  const grid = h("div", { class: "map-grid", role: "grid" });
  const title = h("p", { class: "title" });
  const readout = h("p", { class: "note map-readout" });
  const legend = mapLegend(runs, t);
  const pickers = mapPickers(runs, t, actions, () => state);
  const element = h("section", { class: "panel panel-map" }, title, pickers.element, grid, legend.element, readout);
  let state = null, built = "", cells = [], value = null, shade = null;

  const tell = (cell) => say(readout, describe(runs, cell, value, state, t));
  const rebuild = () => {
    const [across, up = NO_AXIS] = state.mapAxes.map((name) => runs.axes.find((axis) => axis.name === name));
    value = runs.values.find(({ name }) => name === state.mapValue);
    const most = isLoss(value) && runs.loss ? runs.meta.loss_range[1] * 1.2 : null;
    shade = shading(value, most);
    cells = build(grid, across, up, value, t);
    say(title, capital(value.label));
    pickers.draw(state);
    legend.draw(value, shade);
  };
  const draw = (next) => {
    state = next;
    const wanted = [...state.mapAxes, state.mapValue].join();
    if (built !== wanted) rebuild();
    built = wanted;
    paint(cells, runs, value, state, shade, t);
    tell(cells.find((cell) => cell.run === state.index));
  };
  followReader(grid, () => cells, () => state, tell, (cell) => {
    actions.choose(onAxes(cell));
    cell.element.focus({ preventScroll: true });
  });
  return { element, draw };
}

/** The choice that a cell stands for, on the axes that there are. */
function onAxes({ across, up, x, y }) {
  return { [across.name]: x, ...(up.name === null ? {} : { [up.name]: y }) };
}

/**
 * Lists of what lies across, what lies up, and which value is shown; none that has but one entry.
 */
function mapPickers(runs, t, actions, state) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  const labels = long.map((axis) => axis.label);
  const sides = long.length < 2 ? [] : ["x", "y"].map((side, i) => select(t(`map.${side}`), labels,
    { "data-map-axis": side }, (k) => actions.setMapAxes(swapped(state().mapAxes, i, long[k].name))));
  const values = runs.values.length < 2 ? [] : [select(t("map.value"), runs.values.map(({ label }) => label),
    { "data-map-value": "" }, (k) => actions.setMapValue(runs.values[k].name))];
  const draw = ({ mapAxes, mapValue }) => {
    sides.forEach((side, i) => { side.value = long.findIndex((axis) => axis.name === mapAxes[i]); });
    values.forEach((list) => { list.value = runs.values.findIndex(({ name }) => name === mapValue); });
  };
  return { element: h("div", { class: "map-pickers" }, ...values, ...sides), draw };
}

/** Choosing for one side what the other side shows makes them change places. */
function swapped(names, side, name) {
  if (names[1 - side] === name) return [names[1], names[0]];
  return names.map((old, i) => (i === side ? name : old));
}

function followReader(grid, cells, state, tell, choose) {
  const cellOf = (target) => cells().find((cell) => cell.element === target.closest("[role=gridcell]"));
  grid.addEventListener("click", (event) => {
    const cell = cellOf(event.target);
    if (cell) choose(cell);
  });
  grid.addEventListener("keydown", (event) => {
    const [cell, step] = [cellOf(event.target), MOVES[event.key]];
    if (!cell || !step) return;
    event.preventDefault();
    const next = cells().find(({ x, y }) => x === cell.x + step[0] && y === cell.y + step[1]);
    if (next) choose(next);
  });
  grid.addEventListener("pointerover", (event) => {
    const cell = cellOf(event.target);
    if (cell) tell(cell);
  });
  grid.addEventListener("pointerleave", () => tell(cells().find((cell) => cell.run === state().index)));
}

function build(grid, across, up, value, t) {
  const cells = [];
  const tick = (side, role, text) => h("span", { class: `map-tick map-tick-${side}`, role }, text);
  const rows = up.values.map((_, y) => {
    const row = across.values.map((__, x) => {
      const element = h("div", { role: "gridcell", class: "map-cell" });
      cells.push({ element, x, y, across, up });
      return element;
    });
    return h("div", { role: "row", class: "map-row" }, tick("y", "rowheader", formatValue(up.values[y])), ...row);
  });
  const every = Math.ceil(across.values.length / 5);
  const ticks = across.values.map((at, x) => tick("x", "columnheader", x % every === 0 ? formatValue(at) : ""));
  const key = up.name === null ? "map.label_row" : "map.label";
  put(grid, { "aria-label": t(key, { value: value.label, x: across.label, y: up.label }) });
  const widest = Math.max(...up.values.map((at) => formatValue(at).length));
  grid.style.setProperty("--columns", String(across.values.length));
  grid.style.setProperty("--ticks", `${widest + 1.5}ch`);
  const foot = h("div", { role: "row", class: "map-row map-foot" }, tick("y", "columnheader", ""), ...ticks);
  grid.replaceChildren(...rows.reverse(), foot);
  return cells;
}

/** Colours every cell for the present setting, and marks the best. */
function paint(cells, runs, value, { choice, index }, shade, t) {
  const format = formatOf(value);
  const sign = { lower: 1, higher: -1 }[value.better];
  let best = null;
  for (const cell of cells) {
    cell.run = runAt(runs.axes, { ...choice, ...onAxes(cell) });
    cell.number = value.array[cell.run];
    cell.known = Number.isFinite(cell.number);
    if (sign && cell.known && !(sign * cell.number >= (best ? sign * best.number : Infinity))) best = cell;
  }
  const long = cells.some(({ known, number }) => known && format(number).length > SHORT);
  for (const cell of cells) {
    const here = cell.run === index;
    put(cell.element, {
      "data-cell": cell.run,
      "data-state": cell.known ? "known" : whyMissing(runs, cell.run),
      "data-number": cell.known ? format(cell.number) : null,
      "data-long": long ? "" : null,
      "data-best": cell === best ? "" : null,
      "aria-label": cellText(runs, cell, value, t),
      "aria-selected": here,
      tabindex: here ? 0 : -1,
      style: cell.known ? `--share:${shade.share(cell.number).toFixed(3)}` : null,
    });
  }
}

function whyMissing(runs, run) {
  if (!runs.trained[run]) return "untrained";
  return runs.diverged_at[run] >= 0 ? "diverged" : "missing";
}

function cellText(runs, cell, value, t) {
  const named = ({ label, values }, i) => `${label} ${formatValue(values[i])}`;
  const result = cell.known ? formatOf(value)(cell.number) : t(`map.${whyMissing(runs, cell.run)}`);
  const key = cell.up.name === null ? "map.cell_row" : "map.cell";
  return t(key, { x: named(cell.across, cell.x), y: named(cell.up, cell.y), result });
}

function describe(runs, cell, value, { choice }, t) {
  const held = runs.axes.filter((axis) => axis.values.length > 1 && axis !== cell.across && axis !== cell.up);
  const setting = held.map((axis) => `${axis.label} ${formatValue(axis.values[choice[axis.name]])}`).join(", ");
  return cellText(runs, cell, value, t) + (setting ? ` (${t("map.held", { setting })})` : "");
}
