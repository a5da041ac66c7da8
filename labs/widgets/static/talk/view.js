/** What a Talk shows, and what its controls do: its parts, joined to a session. */
import { h, put } from "../dom.js";
import { keepKeys } from "../explorer.js";
import { formatCount } from "../format.js";
import { attentionPanel, attentionText } from "./attention.js";
import { barsPanel } from "./bars.js";
import { promptPanel } from "./prompt.js";
import { Session } from "./session.js";
import { settingsPanel } from "./settings.js";
import { tokenView } from "./tokens.js";

const SEEDS = 10_000;                   // of which one is taken when another is wanted

export class View {
  constructor(model, program, t) {
    Object.assign(this, { model, t, queue: [], frame: 0, looks: 0 });
    const meta = model.get("meta"), look = () => this.look();
    this.text = tokenView(t, look);
    this.bars = barsPanel(t, (id) => this.put(id));
    this.attention = attentionPanel(meta, this.text.hint, t, look);
    this.settings = settingsPanel(meta, t, (name, value) => this.write(name, value),
      () => this.another());
    this.prompt = promptPanel(t, (text) => this.write("prompt", text), {
      generate: () => this.generate(), stop: () => this.session.stop(),
      next: () => this.goOn(1), on: () => this.goOn(),
    });
    this.root = this.build(meta);
    this.session = new Session(model, program, t, this);
  }

  build(meta) {
    const { t } = this, name = this.model.get("name");
    const place = {
      class: "labs-explorer labs-talk", role: "group", "data-name": name, "data-state": "loading",
      "aria-label": t("talk.label", { name: name.replaceAll("-", " ") }), focusin: keepKeys,
    };
    return h("div", place,
      h("p", { class: "about" }, t("talk.about", factsOf(meta, t))),
      h("div", { class: "talk-layout" },
        this.prompt.element,
        h("section", { class: "panel talk-text" }, this.text.element, this.attention.element),
        h("div", { class: "talk-side" }, this.bars.element, this.settings.drawing),
        this.settings.weights));
  }

  write(name, value) {
    this.model.set(name, value);
    this.model.save_changes();
  }

  generate() {
    const { session } = this, wrong = this.settings.fault();
    if (session.phase === "failed") return session.open();
    if (wrong) return session.enter(session.phase, wrong, "seed");
    return session.generate({ text: this.model.get("prompt") });
  }

  /** Write on from the text as it stands. */
  goOn(most) {
    const { session } = this;
    if (session.running) return null;
    return session.ids.length ? session.generate({ ids: session.ids }, most) : this.generate();
  }

  another() {
    this.write("seed", Math.floor(Math.random() * SEEDS));
    this.generate();
  }

  /** The reader chooses the token of the place that is looked at. */
  put(id) {
    const { session } = this;
    if (session.phase === "ready") session.put(this.text.view.place ?? session.ids.length, id);
  }

  /** Ask what was likely at the place looked at, and draw the answer if it is still wanted. */
  async look() {
    const { session, text, t } = this;
    const mine = ++this.looks, place = text.view.place;
    if (place === null && session.running) return text.view.shade(0, null);
    const found = await session.look(place ?? session.ids.length);
    if (mine !== this.looks || !found) return;
    const shares = place !== null && found.attention
      ? this.attention.sharesOf(found.attention) : null;
    text.view.shade(place, shares);
    this.bars.draw(found.bars, session.valid, place === null ? "next" : "here");
    this.attention.say(
      shares ? attentionText(place, shares, session.pieces, found.bars, t) : "");
  }

  /** The tokens that came since the last frame. */
  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    if (!this.queue.length) return;
    this.text.view.add(this.queue.map(({ piece }) => piece));
    const { bars } = this.queue.at(-1);
    this.queue = [];
    if (this.text.view.place === null) this.bars.draw(bars, this.session.valid, "drawn");
  }

  // What a session tells of.

  phase(session) {
    put(this.root, { "data-state": session.phase });
    this.prompt.phase(session);
  }

  shown({ pieces, prompted }) {
    this.queue = [];
    this.text.view.set(pieces, prompted);
    this.look();
  }

  grown(token) {
    this.queue.push(token);
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  done(tail, { count, seconds }) {
    this.flush();
    this.text.view.finish(tail);
    put(this.root, { "data-tokens": count, "data-seconds": seconds.toFixed(3) });
    this.write("text", this.session.pieces.join(""));
    this.look();
  }
}

function factsOf({ layers, width, heads, context, parameters }, t) {
  const size = parameters < 999_500 ? formatCount(parameters)
    : t("talk.million", { count: (parameters / 1e6).toFixed(1) });
  return { size, layers, width: formatCount(width), heads, context: formatCount(context) };
}
