/** Elements, made and changed in as few words as possible. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. Attributes whose value is a function are event listeners; null ones are left
 * out.
 * @param {string} tag
 * @param {Record<string, string | number | boolean | null | ((event: any) => void)>} [attributes]
 * @param {...(Node | string)} children
 */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** An SVG element; otherwise like `h`. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/**
 * Set attributes where they differ; null removes one. Leaving equal ones alone spares the browser a
 * new layout.
 */
export function put(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    const text = String(value);
    if (value === null) element.removeAttribute(name);
    else if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
  return element;
}

/**
 * Set the text of an element where it differs: a live region then speaks only when there is news.
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
  return element;
}

/**
 * An id that no other view on the page has: every explorer carries its own copy of these modules.
 */
export function freshId() {
  return `labs-${Math.random().toString(36).slice(2)}`;
}

/**
 * The first element of the page that fits, in shadow roots as well: marimo puts every widget into
 * one of its own.
 * @param {string} selector
 * @param {Document | ShadowRoot} root
 * @returns {HTMLElement | null}
 */
export function find(selector, root = document) {
  const found = root.querySelector(selector);
  if (found) return found;
  for (const { shadowRoot } of root.querySelectorAll("*")) {
    const inside = shadowRoot && find(selector, shadowRoot);
    if (inside) return inside;
  }
  return null;
}
