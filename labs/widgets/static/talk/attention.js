/** Which attention is shown, of one head or the mean of several, and a sentence on it. */
import { select } from "../controls.js";
import { h, say } from "../dom.js";
import { listed } from "../strings.js";
import { percent, visible } from "./texts.js";

const NAMED = 3;                        // how many tokens the sentence names

/**
 * @param {{layers: number, heads: number}} meta
 * @param {HTMLElement} hint what to do, where there is nothing to say
 * @param {import("../strings.js").Text} t
 * @param {() => void} onChange
 */
export function attentionPanel({ layers, heads }, hint, t, onChange) {
  const chosen = { layer: 0, head: 0 };         // 0 is the mean, 1 the first
  const picker = (name, count) => {
    const numbers = Array.from({ length: count }, (_, i) => String(i + 1));
    const texts = [t(`talk.mean_${name}s`), ...numbers];
    const pick = select(t(`talk.${name}`), texts, { "data-attention": name }, (i) => {
      chosen[name] = i;
      onChange();
    });
    pick.value = 0;
    return pick;
  };
  const words = h("p", { class: "talk-words", "aria-live": "polite" });
  const ramp = h("span", { class: "talk-ramp", "aria-hidden": "true" },
    h("span", {}, "0"), h("i"), h("span", {}, "100 %"));
  const group = { class: "panel talk-attention", role: "group" };
  return {
    element: h("div", { ...group, "aria-label": t("talk.attention") },
      h("div", { class: "talk-pickers" },
        h("p", { class: "title" }, t("talk.attention")),
        picker("layer", layers), picker("head", heads), ramp),
      h("div", { class: "talk-said" }, words, hint)),
    /** The shares of the heads chosen, averaged. @param {Float32Array} all layer by layer */
    sharesOf: (all) => mean(all, layers, heads, chosen),
    say(text) {
      say(words, text);
      hint.hidden = Boolean(text);
    },
  };
}

function mean(all, layers, heads, { layer, head }) {
  const places = all.length / (layers * heads);
  const found = new Float64Array(places);
  let count = 0;
  for (let row = 0; row < layers * heads; row++) {
    if (layer && Math.floor(row / heads) !== layer - 1) continue;
    if (head && row % heads !== head - 1) continue;
    for (let i = 0; i < places; i++) found[i] += all[row * places + i];
    count++;
  }
  return found.map((sum) => sum / count);
}

/**
 * What a token attends to, in words.
 * @param {number} place
 * @param {Float64Array} shares
 * @param {string[]} pieces
 * @param {import("./worker.js").Bars | null} bars
 */
export function attentionText(place, shares, pieces, bars, t) {
  const most = Array.from(shares.keys()).sort((a, b) => shares[b] - shares[a]).slice(0, NAMED);
  const named = most.map((i) => t("talk.attended", {
    token: visible(pieces[i]), n: i + 1, share: percent(shares[i]),
  }));
  const own = bars?.bars.find(({ id }) => id === bars.chosen);
  const facts = { token: visible(pieces[place]), n: place + 1, most: listed(named, t) };
  if (!own) return t("talk.attends_first", facts);
  if (own.drawn === 0) return t("talk.attends_cut", { ...facts, share: percent(own.share) });
  return t("talk.attends", { ...facts, share: percent(own.drawn) });
}
