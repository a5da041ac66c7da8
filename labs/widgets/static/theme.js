/** Colours for a canvas: the stylesheet owns them, a canvas needs them as numbers. */

/**
 * The colours `--<name>` as seen from `root`: red, green and blue from 0 to 255.
 * @param {Element} root
 * @param {string[]} names
 * @returns {Record<string, [number, number, number]>}
 */
export function colours(root, names) {
  const probe = root.appendChild(document.createElement("i"));
  probe.style.forcedColorAdjust = "none";       // a forced colour would stand for all of them
  const read = (name) => {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3).map(Number);
  };
  const found = Object.fromEntries(names.map((name) => [name, read(name)]));
  probe.remove();
  return found;
}

/**
 * Call `redraw` when the colours that `root` inherits change between light and dark, whoever
 * changes them and how: a colour that depends on the scheme has a transition, and its end is an
 * event.
 * Returns a function that stops it.
 */
export function onThemeChange(root, redraw) {
  const probe = root.appendChild(document.createElement("i"));
  probe.className = "theme-probe";
  probe.addEventListener("transitionend", redraw);
  return () => probe.remove();
}
