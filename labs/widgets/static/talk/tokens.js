/** The text, token by token: each can be pointed at, tapped, or reached with the arrow keys. */
import { h, put, say } from "../dom.js";

/**
 * @param {import("../strings.js").Text} t
 * @param {() => void} onChange another token is looked at
 */
export function tokenView(t, onChange) {
  const hint = h("p", { class: "note", id: `labs-${Math.random().toString(36).slice(2)}` },
    t("talk.keys"));
  const end = { role: "img", "aria-label": t("talk.end"), tabindex: 0 };
  const caret = h("span", { class: "talk-caret", ...end });
  const element = h("div", {
    class: "talk-output", "data-output": "", role: "group", "aria-label": t("talk.output"),
    "aria-describedby": hint.id,
  }, caret);
  const view = new View(element, caret, onChange);
  for (const name of ["pointerover", "pointerleave", "focusin", "click", "keydown"]) {
    element.addEventListener(name, (event) => view[name](event));
  }
  return { element, hint, view };
}

class View {
  constructor(element, caret, onChange) {
    Object.assign(this, { element, caret, onChange, spans: [], chosen: null, hovered: null });
  }

  /** The place that is looked at; null for the one after the end. */
  get place() {
    const place = this.hovered ?? this.chosen;
    return place !== null && place < this.spans.length ? place : null;
  }

  /** Show other tokens; the first `prompted` of them are the prompt. */
  set(pieces, prompted) {
    this.spans = pieces.map((piece, i) => tokenSpan(piece, i, i < prompted));
    this.element.replaceChildren(...this.spans, this.caret);
    [this.chosen, this.hovered] = [null, null];
    this.rove(this.caret);
  }

  /** One more token; the view follows where its end was in sight. */
  add(pieces) {
    const { element } = this;
    const follows = element.scrollTop + element.clientHeight > element.scrollHeight - 24;
    const more = pieces.map((piece, i) => tokenSpan(piece, this.spans.length + i, false));
    this.spans.push(...more);
    this.caret.before(...more);
    if (follows) element.scrollTop = element.scrollHeight;
  }

  /** What a character that was begun becomes at the end. */
  finish(tail) {
    if (tail) this.spans.at(-1)?.append(tail);
  }

  /** Shade every token by the root of its share of the attention; null for none. */
  shade(place, shares) {
    put(this.element, { "data-shaded": shares ? "" : null });
    this.spans.forEach((span, i) => {
      const share = shares && i <= place ? shares[i] : 0;
      span.style.setProperty("--share", share.toFixed(4));
      span.style.setProperty("--shade", Math.sqrt(share).toFixed(3));
      put(span, { "data-looked": shares && i === place ? "" : null });
    });
  }

  choose(place) {
    const before = this.place;
    this.hovered = null;                // a resting pointer gives way to keys
    this.chosen = place;
    if (this.place !== before) this.onChange();
  }

  hover(place) {
    if (place === this.hovered) return;
    this.hovered = place;
    this.onChange();
  }

  rove(target) {
    const now = this.element.querySelector('[tabindex="0"]');
    if (now && now !== target) now.tabIndex = -1;
    target.tabIndex = 0;
  }

  pointerover({ target, pointerType }) {
    if (pointerType !== "touch") this.hover(placeOf(target));
  }

  pointerleave() {
    this.hover(null);
  }

  focusin({ target }) {
    this.rove(target);
    this.choose(placeOf(target));
  }

  click({ target }) {
    const place = placeOf(target);
    const on = place !== null && place !== this.pressed;
    this.pressed = on ? place : null;
    (on ? this.spans[place] : this.caret).focus({ preventScroll: true });
    this.choose(on ? place : null);
  }

  keydown(event) {
    const all = [...this.spans, this.caret];
    const at = all.indexOf(event.target);
    const places = {
      ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1, Escape: all.length - 1,
      ArrowUp: lineAway(all, at, -1), ArrowDown: lineAway(all, at, 1),
    };
    if (at < 0 || !(event.key in places) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    all[Math.min(all.length - 1, Math.max(0, places[event.key]))].focus();
  }
}

function tokenSpan(piece, place, prompted) {
  const marks = { class: "talk-piece", "data-token": place, tabindex: -1 };
  const span = h("span", { ...marks, "data-prompted": prompted || null });
  say(span, piece);
  if (/\n/.test(piece)) span.dataset.lines = "";
  return span;
}

function placeOf(target) {
  const token = target.closest?.("[data-token]")?.dataset.token;
  return token === undefined ? null : Number(token);
}

/** The token in the next line up or down that stands nearest to straight. */
function lineAway(all, at, way) {
  const boxes = all.map((one) => one.getBoundingClientRect());
  const here = boxes[at];
  const beyond = (box) => way * (box.bottom - here.bottom) > here.height / 2;
  const off = (box) => 4 * Math.abs(box.bottom - here.bottom) + Math.abs(box.left - here.left);
  return boxes.reduce(
    (best, box, i) => (beyond(box) && (best === at || off(box) < off(boxes[best])) ? i : best), at);
}
