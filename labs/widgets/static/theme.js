/** Colours for a canvas: the stylesheet owns them, a canvas needs them as numbers. */

/**
 * The colours `--<name>` as seen from `root`: red, green and blue from 0 to 255.
 * @param {Element} root
 * @param {string[]} names
 * @returns {Record<string, [number, number, number]>}
 */
export function colours(root, names) {
  const probe = root.appendChild(document.createElement("i"));
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  };
  const found = Object.fromEntries(names.map((name) => [name, read(name)]));
  probe.remove();
  return found;
}

/**
 * The attributes by which the book, JupyterLab, VS Code and Colab say which of the two they show.
 */
const MARKS = ["data-theme", "data-mode", "data-jp-theme-light", "data-jp-theme-name", "theme", "class"];

/**
 * Call `redraw` when the page or the system changes between light and dark. Returns a function that
 * stops it.
 */
export function onThemeChange(redraw) {
  const observer = new MutationObserver(redraw);
  const marks = { attributes: true, attributeFilter: MARKS };
  observer.observe(document.documentElement, marks);
  observer.observe(document.body, marks);
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", redraw);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", redraw);
  };
}
