/** What the model holds for likely at a place: a bar for each token, the ones cut away marked. */
import { h, put, say } from "../dom.js";
import { formatCount } from "../format.js";
import { percent, short, visible } from "./texts.js";

const ROWS = 10;

/**
 * @param {import("../strings.js").Text} t
 * @param {(id: number) => void} take a token is wanted in the place that is shown
 */
export function barsPanel(t, take) {
  const title = h("p", { class: "title" });
  const rows = Array.from({ length: ROWS }, () => row(t, take));
  const list = h("ol", { class: "talk-bars", "aria-label": t("talk.bars") }, ...rows.map(element));
  const note = h("p", { class: "note" });
  rows.forEach((one) => one.draw(undefined, null, 0));
  say(title, t("talk.title_next"));
  return {
    element: h("section", { class: "panel talk-next" }, title, list, note),
    /**
     * @param {import("./worker.js").Bars | null} found
     * @param {any} settings those that it follows
     * @param {"next" | "here" | "drawn"} kind of place: after the end, within the text, or of the
     *   token that was drawn last
     */
    draw(found, settings, kind) {
      say(title, t(`talk.title_${kind}`));
      const amounts = (found?.bars ?? []).map(({ share, drawn }) => Math.max(share, drawn));
      const most = Math.max(...amounts);
      rows.forEach((one, i) => one.draw(found?.bars[i], found?.chosen ?? null, most));
      say(note, found ? noteText(found, settings, t) : t("talk.no_bars"));
    },
  };
}

const element = (part) => part.element;

function row(t, take) {
  const label = h("span", { class: "talk-token" }), amount = h("span", { class: "talk-share" });
  const fill = h("i"), track = h("span", { class: "talk-track", "aria-hidden": "true" }, fill);
  const keys = { "data-lm-suppress-shortcuts": "true" };
  let id = null;
  const press = { type: "button", ...keys, click: () => id !== null && take(id) };
  const button = h("button", press, label, track, amount);
  const cutHere = h("span", { class: "talk-cut", "aria-hidden": "true" }, t("talk.cut"));
  return {
    element: h("li", {}, cutHere, button),
    draw(bar, chosen, most) {
      id = bar?.id ?? null;
      const cut = bar && bar.drawn === 0, own = bar && bar.id === chosen;
      put(button, {
        "data-take": id, "data-cut": cut ? "" : null, "data-chosen": own ? "" : null,
        "data-far": bar && bar.rank >= ROWS ? "" : null,
        "aria-label": bar ? spoken(bar, cut, own, t) : null,
        disabled: bar ? null : "", "data-empty": bar ? null : "",
      });
      say(label, bar ? visible(bar.text) : "");
      say(amount, bar ? percent(cut ? bar.share : bar.drawn) : "");
      fill.style.width = bar ? `${(100 * (cut ? bar.share : bar.drawn)) / most}%` : "0";
    },
  };
}

function spoken({ text, share, drawn }, cut, own, t) {
  const key = cut ? "talk.bar_cut" : own ? "talk.bar_chosen" : "talk.bar";
  return t(key, { token: visible(text), share: percent(cut ? share : drawn) });
}

/** How many tokens are left after temperature, top-k and top-p. */
function noteText({ kept, count }, settings, t) {
  if (settings.temperature === 0) return t("talk.greedy");
  const facts = {
    kept: formatCount(kept), count: formatCount(count), temperature: short(settings.temperature),
    top_k: settings.top_k, top_p: short(settings.top_p),
  };
  return t(settings.top_k ? "talk.kept" : "talk.kept_no_k", facts);
}
