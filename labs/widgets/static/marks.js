/** Marks on the map: points that a record brings along, such as published runs beside a formula. */
import { formatOf } from "./format.js";

/** The mark at a choice: it agrees on every axis that it names. Undefined where there is none. */
export function markAt({ meta }, choice) {
  const agrees = ({ at }) => Object.entries(at).every(([name, i]) => choice[name] === i);
  return meta.marks?.points.find(agrees);
}

/** What is said of a cell, and after it the name of the mark on it, with its own number. */
export function withMark(cell, mark, value, { meta }, t) {
  if (!mark) return cell;
  const label = t.label(mark.label ?? meta.marks.label);
  const number = mark.values[value.name];
  if (number === undefined) return t("map.marked", { cell, label });
  return t("map.marked_value", { cell, label, value: formatOf(value)(number) });
}
