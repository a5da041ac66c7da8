/**
 * The map: one value over two axes, the present position on it. Click a cell, or move with the
 * arrow keys.
 */
import { select } from "./controls.js";
import { h, put, say } from "./dom.js";
import { formatOf } from "./format.js";
import { mapLegend } from "./legend.js";
import { markAt, withMark } from "./marks.js";
import { isLoss, shownAt, valueOf } from "./record.js";
import { shading } from "./shade.js";
import { capital } from "./strings.js";
import { settingText } from "./words.js";

const TICK = 7;                 // pixels a character of a label, about
const SHORT = 5;                // characters: longer values are shown in wide cells only
const NARROW = 560;             // pixels: narrower, the longer axis lies up: fingers hit its cells
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
/** Stands for the second axis of a record that has one. */
const NO_AXIS = { name: null, label: "", values: [""], texts: [""] };

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 * @param {ReturnType<import("./actions.js").actionsOn>} actions
 */
export function valueMap(runs, t, actions) {
  if (runs.count < 2) return null;
  const parts = skeleton(runs, t, actions);
  let state = null, built = "", cells = [], value = null, shade = null, width = 800;

  /** Of no cell where the mean over an axis of the map is shown: it has no place there. */
  const tell = (cell) => say(parts.readout, cell ? describe(runs, cell, value, state, t) : "");
  const rebuild = () => {
    const sides = sidesOf(runs, state, width < NARROW);
    value = runs.values.find(({ name }) => name === state.mapValue);
    shade = shading(value, mostOf(runs, value));
    cells = build(parts.grid, ...sides, value, width, t);
    say(parts.title, capital(value.label));
    parts.pickers.draw(sides, value);
    parts.legend.draw(value, shade);
  };
  const draw = (next) => {
    state = next;
    const wanted = [...state.mapAxes, state.mapValue, width].join();
    if (built !== wanted) rebuild();
    built = wanted;
    paint(cells, runs, value, state, shade, t);
    tell(cells.find((cell) => cell.here));
  };
  const resize = (wide) => {
    width = wide;
    if (state) draw(state);
  };
  followReader(parts.grid, () => cells, tell, (cell) => {
    actions.choose(onAxes(cell));
    cell.element.focus({ preventScroll: true });
  });
  return { element: parts.element, draw, resize };
}

function skeleton(runs, t, actions) {
  const title = h("p", { class: "title" });
  const pickers = mapPickers(runs, t, actions);
  const grid = h("div", { class: "map-grid", role: "grid" });
  const legend = mapLegend(runs, t);
  const readout = h("p", { class: "note" });
  const element = h("section", { class: "panel panel-map" },
    title, pickers.element, grid, legend.element, readout);
  return { element, title, pickers, grid, legend, readout };
}

/** The loss above which all share the last shade; null for a value that is no loss. */
function mostOf(runs, value) {
  return isLoss(value) && runs.loss ? runs.meta.loss_range[1] * 1.2 : null;
}

/** What lies across and what lies up. */
function sidesOf(runs, { mapAxes }, narrow) {
  const axisOf = (name) => runs.axes.find((axis) => axis.name === name);
  const [across, up = NO_AXIS] = mapAxes.map(axisOf);
  const turned = narrow && up.name !== null && across.values.length > up.values.length;
  return turned ? [up, across] : [across, up];
}

/** The choice that a cell stands for, on the axes that there are. */
function onAxes({ across, up, x, y }) {
  return { [across.name]: x, ...(up.name === null ? {} : { [up.name]: y }) };
}

/**
 * Lists of what lies across, what lies up, and which value is shown; none that has but one entry.
 */
function mapPickers(runs, t, actions) {
  const long = runs.axes.filter((axis) => axis.values.length > 1);
  const labels = long.map((axis) => axis.label);
  let shown = [];
  const sides = long.length < 2 ? [] : ["x", "y"].map((side, i) => select(t(`map.${side}`), labels,
    { "data-map-axis": side }, (k) => actions.setMapAxes(swapped(shown, i, long[k].name))));
  const names = runs.values.map(({ label }) => label);
  const values = names.length < 2 ? [] : [select(t("map.value"), names,
    { "data-map-value": "" }, (k) => actions.setMapValue(runs.values[k].name))];
  const draw = (axes, value) => {
    shown = axes.map(({ name }) => name);
    sides.forEach((side, i) => { side.value = long.findIndex((axis) => axis.name === shown[i]); });
    values.forEach((list) => { list.value = runs.values.indexOf(value); });
  };
  return { element: h("div", { class: "map-pickers" }, ...values, ...sides), draw };
}

/** Choosing for one side what the other side shows makes them change places. */
function swapped(names, side, name) {
  if (names[1 - side] === name) return [names[1], names[0]];
  return names.map((old, i) => (i === side ? name : old));
}

function followReader(grid, cells, tell, choose) {
  const cellOf = (target) => {
    const element = target.closest("[role=gridcell]");
    return cells().find((cell) => cell.element === element);
  };
  grid.addEventListener("click", (event) => {
    const cell = cellOf(event.target);
    if (cell) choose(cell);
  });
  grid.addEventListener("keydown", (event) => {
    const cell = cellOf(event.target);
    const next = cell && target(cells(), cell, event.key);
    if (next === null || next === undefined) return;
    event.preventDefault();
    choose(next);
  });
  grid.addEventListener("pointerover", (event) => {
    const cell = cellOf(event.target);
    if (cell) tell(cell);
  });
  grid.addEventListener("pointerleave", () => tell(cells().find((cell) => cell.here)));
}

/** The cell that a key leads to: beside this one, or an end of its row; null for other keys. */
function target(cells, cell, key) {
  const row = cells.filter(({ y }) => y === cell.y);
  if (key === "Home") return row[0];
  if (key === "End") return row.at(-1);
  const step = MOVES[key];
  if (!step) return null;
  return cells.find(({ x, y }) => x === cell.x + step[0] && y === cell.y + step[1]) ?? cell;
}

function build(grid, across, up, value, width, t) {
  const cells = [];
  const tick = (side, role, text) => h("span", { class: `map-tick map-tick-${side}`, role }, text);
  const rows = up.texts.map((text, y) => {
    const row = across.texts.map((_, x) => {
      const element = h("div", { role: "gridcell", class: "map-cell" });
      cells.push({ element, x, y, across, up });
      return element;
    });
    return h("div", { role: "row", class: "map-row" }, tick("y", "rowheader", text), ...row);
  });
  const widest = Math.max(...up.texts.map((text) => text.length));
  const room = (grid.clientWidth || width) - TICK * (widest + 2);
  const every = across.control === "list" ? 1 : tickDistance(across.texts, room);
  const shown = across.texts.map((text, x) => (x % every === 0 ? text : ""));
  const ticks = shown.map((text) => tick("x", "columnheader", text));
  const key = up.name === null ? "map.label_row" : "map.label";
  put(grid, { "aria-label": t(key, { value: value.label, x: across.label, y: up.label }) });
  grid.style.setProperty("--columns", String(across.texts.length));
  grid.style.setProperty("--ticks", `${widest + 1.5}ch`);
  const corner = tick("y", "columnheader", "");
  const foot = h("div", { role: "row", class: "map-row map-foot" }, corner, ...ticks);
  grid.replaceChildren(...rows.reverse(), foot);
  return cells;
}

/** Every how many columns a label has room, where all of them are so many pixels wide. */
function tickDistance(texts, width) {
  const longest = TICK * Math.max(...texts.map((text) => text.length)) + 6;
  return Math.max(1, Math.ceil(longest * texts.length / width));
}

/** Colours every cell for the present setting, and marks the best. */
function paint(cells, runs, value, { shown }, shade, t) {
  const format = formatOf(value);
  const sign = { lower: 1, higher: -1 }[value.better];
  let best = null;
  const beats = (number) => sign * number < (best ? sign * best.number : Infinity);
  for (const cell of cells) {
    cell.shown = shownAt(runs, { ...shown.choice, ...onAxes(cell) });
    cell.number = valueOf(value, cell.shown.members);
    cell.known = !Number.isNaN(cell.number);
    cell.mark = markAt(runs, cell.shown.choice);
    cell.here = Object.entries(onAxes(cell)).every(([name, i]) => shown.choice[name] === i);
    if (sign && cell.known && beats(cell.number)) best = cell;
  }
  const long = cells.some(({ known, number }) => known && format(number).length > SHORT);
  for (const cell of cells) {
    put(cell.element, {
      "data-cell": cell.shown.members[0],
      "data-state": cell.known ? "known" : whyMissing(cell.shown),
      "data-number": cell.known ? format(cell.number) : lostText(cell.shown),
      "data-long": long ? "" : null,
      "data-best": cell === best ? "" : null,
      "data-mark": cell.mark ? "" : null,
      "aria-label": cellText(cell, value, runs, t),
      "aria-selected": cell.here,
      tabindex: cell === (cells.find(({ here }) => here) ?? cells[0]) ? 0 : -1,
      style: cell.known ? `--share:${shade.share(cell.number).toFixed(3)}` : null,
    });
  }
}

function whyMissing({ trained, diverged_at: step }) {
  if (!trained) return "untrained";
  return step >= 0 ? "diverged" : "missing";
}

/** Of a mean without a number: how many of its runs diverged. */
function lostText({ members, lost }) {
  return members.length > 1 && lost ? `${lost}/${members.length}` : null;
}

function missingText({ members, lost, ...shown }, t) {
  const facts = { diverged: lost, n: members.length };
  const some = lostText({ members, lost }) !== null;
  return some ? t("map.diverged_some", facts) : t(`map.${whyMissing(shown)}`);
}

function cellText(cell, value, runs, t) {
  const named = ({ label, texts }, i) => t("what.name", { label, value: texts[i] });
  const result = cell.known ? formatOf(value)(cell.number) : missingText(cell.shown, t);
  const key = cell.up.name === null ? "map.cell_row" : "map.cell";
  const text = t(key, { x: named(cell.across, cell.x), y: named(cell.up, cell.y), result });
  return withMark(text, cell.mark, value, runs, t);
}

/** A cell in words, with what is held fixed. */
function describe(runs, cell, value, { shown }, t) {
  const sides = [cell.across, cell.up];
  const held = runs.axes.filter((axis) => axis.values.length > 1 && !sides.includes(axis));
  const text = cellText(cell, value, runs, t);
  if (!held.length) return text;
  return t("map.held", { cell: text, setting: settingText(held, shown.choice, t) });
}
