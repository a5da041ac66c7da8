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

/** Call `redraw` when the page or the system changes between light and dark. Returns a function that stops it. */
export function onThemeChange(redraw) {
  const observer = new MutationObserver(redraw);
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: ["data-theme", "data-mode", "data-jp-theme-light", "data-jp-theme-name", "theme", "class"] });
  }
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", redraw);
  return () => {
    observer.disconnect();
    system.removeEventListener("change", redraw);
  };
}
