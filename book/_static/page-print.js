/**
 * The page on paper: light colours, answers unfolded; after it everything is as it was.
 *
 * `beforeprint` comes before a reader's own print; the media query also tells of a print without it.
 */
(() => {
  "use strict";

  const page = document.documentElement;
  const FOLDED = ".bd-article details:not([open]):not(.above-input):not(.labs-explorer *)";
  /** @type {(() => void) | null} what brings the page back */
  let back = null;

  function prepare() {
    if (back) return;
    const theme = page.dataset.theme;
    // Of details with one name only one may be open.
    const folded = [...document.querySelectorAll(FOLDED)].map((el) => ({ el, name: el.getAttribute("name") }));
    document.querySelectorAll(".bd-article details[name]").forEach((el) => {
      if (!folded.some((one) => one.el === el)) folded.push({ el, name: el.getAttribute("name"), open: true });
    });
    folded.forEach(({ el }) => el.removeAttribute("name"));
    folded.forEach(({ el }) => { el.open = true; });
    page.dataset.theme = "light";
    back = () => {
      if (theme === undefined) delete page.dataset.theme;
      else page.dataset.theme = theme;
      folded.forEach(({ el, open = false }) => { el.open = open; });
      folded.forEach(({ el, name }) => name !== null && el.setAttribute("name", name));
    };
  }

  function restore() {
    back?.();
    back = null;
  }

  window.addEventListener("beforeprint", prepare);
  window.addEventListener("afterprint", restore);
  matchMedia("print").addEventListener("change", ({ matches }) => (matches ? prepare() : restore()));
})();
