/** What the reader writes and presses, and the sentence that says what goes on. */
import { freshId, h, put, say } from "../dom.js";

/**
 * @param {import("../strings.js").Text} t
 * @param {(text: string) => void} onInput
 * @param {Record<"generate" | "stop" | "next" | "on", () => void>} acts
 */
export function promptPanel(t, onInput, acts) {
  const status = h("p", { class: "talk-status", role: "status", id: freshId() });
  const area = h("textarea", {
    id: freshId(), rows: 3, "data-prompt": "", "aria-describedby": status.id,
    spellcheck: "false", autocapitalize: "off", autocomplete: "off",
    input: () => onInput(area.value), keydown: (event) => pressed(event, acts),
  });
  const button = (name) =>
    h("button", { type: "button", [`data-${name}`]: "", click: acts[name] }, t(`talk.${name}`));
  const generate = button("generate"), stop = button("stop");
  const next = button("next"), on = button("on");
  stop.addEventListener("click", () => generate.focus());
  return {
    element: h("section", { class: "panel talk-write" },
      h("label", { for: area.id }, t("talk.prompt")), area,
      h("div", { class: "talk-buttons" }, generate, stop, next, on), status),
    show: (text) => { if (area.value !== text) area.value = text; },
    /** @param {import("./session.js").Session} session */
    phase({ phase, sentence, wrong }) {
      put(generate, { disabled: phase === "loading" ? "" : null });
      put(stop, { disabled: phase === "running" ? null : "" });
      const can = phase === "ready" || phase === "running";
      for (const other of [next, on]) put(other, { disabled: can ? null : "" });
      put(area, { "aria-invalid": wrong === "prompt" ? "true" : null });
      put(status, { "data-wrong": wrong || null });
      say(status, sentence);
    },
  };
}

/** Ctrl+Enter, or ⌘+Enter, is Generate. */
function pressed(event, acts) {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  event.preventDefault();
  event.stopPropagation();
  acts.generate();
}
