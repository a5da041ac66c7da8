/** The words of the widget, in the language of the page. */
import table from "../strings.json";

/**
 * @typedef {(key: string, values?: Record<string, string | number>) => string} Text
 * Looks up "group.key" and puts the values in its {places}.
 */

/**
 * @param {string} language a tag such as "en" or "en-GB"; English where the table lacks it
 * @returns {Text}
 */
export function makeText(language) {
  const words = table[language] ?? table[language.split("-")[0]] ?? table.en;
  return (key, values = {}) => {
    const [group, name] = key.split(".");
    const template = words[group]?.[name] ?? table.en[group][name];
    return template.replace(/\{(\w+)\}/g, (_, place) => String(values[place]));
  };
}
