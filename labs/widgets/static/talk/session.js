/** What goes on: the model's thread, the text that is shown, and whether it grows. */
import { formatCount } from "../format.js";
import { startThread } from "./thread.js";
import { visible } from "./texts.js";

/**
 * @typedef {"loading" | "ready" | "running" | "failed"} Phase
 *
 * @typedef {object} Drawing what a session tells of
 * @property {(session: Session) => void} phase its phase or sentence changed
 * @property {(session: Session) => void} shown another text is shown
 * @property {(token: {id: number, piece: string, bars: any}) => void} grown it has one more token
 * @property {() => void} look what is likely may have changed
 * @property {(tail: string, written: {count: number, seconds: number}) => void} done
 *   no more tokens come; `tail` ends a character that was begun
 */
export class Session {
  /**
   * @param {any} model with `get`, as anywidget gives it
   * @param {string} program of the thread
   * @param {import("../strings.js").Text} t
   * @param {Drawing} drawing
   */
  constructor(model, program, t, drawing) {
    Object.assign(this, { model, program, t, drawing, closed: false });
    Object.assign(this, { started: null, thread: null });
    Object.assign(this, { ids: [], pieces: [], prompted: 0, running: null, last: null });
  }

  /**
   * @param {Phase} phase
   * @param {string} sentence
   * @param {"" | "prompt" | "seed" | "thread"} [wrong] what a reader should look at
   */
  enter(phase, sentence, wrong = "") {
    Object.assign(this, { phase, sentence, wrong });
    this.drawing.phase(this);
  }

  get settings() {
    const names = ["temperature", "top_k", "top_p", "bits", "seed"];
    return Object.fromEntries(names.map((name) => [name, this.model.get(name)]));
  }

  /** The settings that what is shown follows: as long as a run goes on, those it began with. */
  get valid() {
    return this.running ?? this.settings;
  }

  /** Fetch the weights, start the thread, and read the prompt. */
  async open() {
    const size = (this.model.get("meta").bytes / 1e6).toFixed(1);
    this.enter("loading", this.t("talk.loading", { size }));
    try {
      const id = this.model.get("weights").replace("IPY_MODEL_", "");
      const weights = await this.model.widget_manager.get_model(id);
      if (this.closed) return;
      this.started = startThread(this.program, (message) => this.fail(message));
      await this.started.ask("load", { packed: bytesOf(weights.get("packed")) });
      this.thread = this.started;               // it has a model: it may be asked
      await this.showPrompt();
    } catch (error) {
      this.fail(error.message);
    }
  }

  close() {
    this.closed = true;
    this.started?.end();
    this.thread = null;
  }

  fail(reason) {
    if (this.closed) return;
    this.started?.end();
    Object.assign(this, { thread: null, running: null });
    this.enter("failed", this.t("talk.failed", { reason }), "thread");
  }

  /** Do something with the thread; what a reader can mend is said, all else is a failure. */
  async attempt(work) {
    try {
      return await work(this.thread);
    } catch (error) {
      this.running = null;
      if (!error.key) this.fail(error.message);
      else this.enter("ready", this.t(error.key, countsOf(error.values)), "prompt");
      return null;
    }
  }

  /** The prompt becomes the text that is shown. */
  showPrompt() {
    return this.show({ text: this.model.get("prompt") });
  }

  /** The text shown is read again, with the bits that are wanted now. */
  async readAgain() {
    if (this.running || !this.ids.length) return;
    const found = await this.attempt((thread) =>
      thread.ask("show", { ids: this.ids, bits: this.settings.bits }));
    if (found?.ids) this.drawing.look();
  }

  /** A token is put in a place of the text; what stood there and after it goes. */
  put(place, id) {
    if (place >= this.model.get("meta").context) {
      return this.enter("ready", this.t("talk.ended_context", { context: this.context }));
    }
    return this.show({ ids: [...this.ids.slice(0, place), id] }, Math.min(place, this.prompted));
  }

  async show(asked, prompted) {
    if (this.running || !this.thread) return;
    const found = await this.attempt((thread) =>
      thread.ask("show", { ...asked, bits: this.settings.bits }));
    if (!found?.ids) return;
    this.take(found, prompted);
    const count = formatCount(this.ids.length);
    this.enter("ready", this.t("talk.ready", { count, context: this.context }));
    this.drawing.shown(this);
  }

  take({ ids, pieces }, prompted = ids.length) {
    Object.assign(this, { ids, pieces, prompted });
  }

  get context() {
    return formatCount(this.model.get("meta").context);
  }

  /**
   * Write on from the prompt, or from other tokens.
   * @param {{text: string} | {ids: number[]}} from
   * @param {number} [most] new tokens
   */
  async generate(from, most) {
    if (!this.thread) return;
    const prompted = from.text === undefined ? this.prompted : undefined;
    const settings = this.settings;
    const mine = this.last = {};
    this.running = settings;
    this.enter("running", most === 1 ? this.sentence : this.t("talk.running"));
    const asked = { ...from, bits: settings.bits, settings, most };
    let start = 0;
    const tell = ({ start: shown, token }) => {
      if (this.last !== mine) return;
      if (token) return this.grow(token);
      start = performance.now();
      this.take(shown, prompted);
      this.drawing.shown(this);
    };
    const done = await this.attempt((thread) => thread.ask("generate", asked, tell));
    if (!done || this.last !== mine) return;
    this.finish(done, start ? (performance.now() - start) / 1000 : 0);
    if (this.settings.bits !== settings.bits) this.readAgain();
  }

  grow(token) {
    this.ids.push(token.id);
    this.pieces.push(token.piece);
    this.drawing.grown(token);
  }

  finish({ ended, count = 0, tail = "" }, seconds) {
    this.running = null;
    if (tail && this.pieces.length) this.pieces[this.pieces.length - 1] += tail;
    this.drawing.done(tail, { count, seconds });
    this.enter("ready", this.doneText(ended, count, seconds));
  }

  doneText(ended, count, seconds) {
    if (ended === "count" && count) {
      return this.t("talk.added", { token: visible(this.pieces.at(-1)) });
    }
    const facts = {
      count: formatCount(count), seconds: seconds.toFixed(1), context: this.context,
      rate: formatCount(Math.round(count / Math.max(seconds, 1e-3))),
    };
    const wrote = count ? [this.t("talk.wrote", facts)] : [];
    return [...wrote, this.t(`talk.ended_${ended}`, facts)].join(" ");
  }

  stop() {
    if (this.running) this.thread?.ask("stop");
  }

  /** What was likely at a place, and what it attends to. Null where it is not there any more. */
  async look(place) {
    if (!this.thread || this.phase === "failed") return null;
    return this.attempt((thread) => thread.ask("look", { place, settings: this.valid }));
  }
}

/** A view of a kernel's bytes as bytes of their own: a message may be larger than what it holds. */
function bytesOf(data) {
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
}

function countsOf(values) {
  const written = (value) => (typeof value === "number" ? formatCount(value) : value);
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, written(value)]));
}
