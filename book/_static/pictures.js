/**
 * A picture that is wider than its box can be scrolled by keyboard as well, and says what it is.
 */
(() => {
  "use strict";

  const settings = document.querySelector("#host-settings");
  const says = settings ? JSON.parse(settings.textContent).words.scrolls : "{words}";

  const observer = new ResizeObserver((entries) => entries.forEach(({ target }) => {
    const wide = target.scrollWidth > target.clientWidth + 1;
    const words = target.querySelector("img").alt;
    const marks = { tabindex: "0", role: "region", "aria-label": says.replace("{words}", words) };
    for (const [name, value] of Object.entries(marks)) {
      if (wide) target.setAttribute(name, value);
      else target.removeAttribute(name);
    }
  }));

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll(".picture").forEach((picture) => observer.observe(picture));
  });
})();
