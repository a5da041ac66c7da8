/**
 * The place that the address names stays where the reader looks, while widgets above it are drawn and get their height:
 * until the page is whole, or the reader moves it.
 */
(() => {
  "use strict";

  const MOVES = ["wheel", "touchstart", "pointerdown", "keydown"];

  const go = () => document.querySelector(":target")?.scrollIntoView({ behavior: "instant" });
  const seen = new ResizeObserver(go);
  const leave = () => seen.disconnect();
  for (const move of MOVES) addEventListener(move, leave, { once: true, passive: true });
  document.addEventListener("page-drawn", () => { go(); leave(); }, { once: true });
  document.addEventListener("DOMContentLoaded", () => {
    seen.observe(document.querySelector(".bd-article") ?? document.body);
  });
})();
