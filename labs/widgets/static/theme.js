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
 * event. What is hidden has none, and is looked at when it comes back; JupyterLab hides itself for
 * less than a frame, which only cancels the transition. Paper is light, and a canvas is printed as
 * it was painted before. Returns a function that stops it.
 */
export function onThemeChange(root, redraw) {
  const probe = root.appendChild(document.createElement("i"));
  probe.className = "theme-probe";
  const colour = () => getComputedStyle(probe).color;
  let last = colour();
  const look = () => {
    const now = colour();
    if (!root.clientWidth || now === last) return;
    last = now;
    redraw();
  };
  const observer = new ResizeObserver(look);
  observer.observe(root);
  probe.addEventListener("transitionend", look);
  probe.addEventListener("transitioncancel", () => requestAnimationFrame(look));
  const onPaper = (scheme) => () => {
    root.style.colorScheme = scheme;
    last = "";
    if (root.clientWidth) redraw();
    // Firefox tells of the end before the styles are the screen's.
    requestAnimationFrame(look);
  };
  const prints = { beforeprint: onPaper("light"), afterprint: onPaper("") };
  for (const [name, repaint] of Object.entries(prints)) addEventListener(name, repaint);
  return () => {
    for (const [name, repaint] of Object.entries(prints)) removeEventListener(name, repaint);
    observer.disconnect();
    probe.remove();
  };
}
