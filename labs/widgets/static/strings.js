/** The words of the widget, in the language of the page. */
import tables from "./words.json";

/**
 * @typedef {Record<string, string | number>} Values
 * @typedef {((key: string, values?: Values) => string)
 *   & {label: (key: string, values?: Values) => string, has: (key: string) => boolean}} Text
 * Looks up "group.key" and puts the values in its {places}. `label` does so for the name of an axis
 * or a value, which may be in no table: then it is its own words.
 */

/**
 * @param {string} language a tag such as "en" or "en-GB"; English where there is no table of it
 * @returns {Text}
 */
export function makeText(language) {
  const own = tables[language] ?? tables[language.split("-")[0]] ?? tables.en;
  const find = (key) => {
    const [group, name] = [key.split(".")[0], key.split(".").slice(1).join(".")];
    return own[group]?.[name] ?? tables.en[group]?.[name];
  };
  const filled = (template, values) =>
    template.replace(/\{(\w+)\}/g, (_, place) => String(values[place]));
  const text = (key, values = {}) => filled(find(key), values);
  const label = (key, values = {}) => {
    const template = find(key);
    return template === undefined ? ownWords(key) : filled(template, values);
  };
  const has = (key) => find(key) !== undefined;
  return Object.assign(text, { label, has });
}

/** A key without its group, if it has one that the tables know; words as they are. */
function ownWords(key) {
  const [group, ...name] = key.split(".");
  return (name.length && group in tables.en ? name.join(".") : key).replaceAll("_", " ");
}

/** Several things in a row: "adam, learning rate 0.01". */
export function listed(items, t) {
  return items.length ? items.reduce((first, second) => t("list.pair", { first, second })) : "";
}

/** The words with a capital in front, for a title. */
export function capital(words) {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
