/**
 * Talk: a prompt goes in, and a GPT that runs in a thread of the page's own writes on from it.
 *
 * Its elements are a contract: the root `.labs-talk[data-state]` (loading, ready, running, failed),
 * `textarea[data-prompt]`, `button[data-generate]`, `button[data-stop]`, `[data-output]`, and
 * `input[data-control]` for temperature, top_k, top_p, bits and seed, whose values are the numbers
 * themselves. The root says in `data-tokens` and `data-seconds` what the last run wrote. For
 * whoever asks in the page's console, its property `talk` answers with promises: `encode(text)`,
 * `decode(ids)`, and `logits(text, bits)` of the token after a text.
 */
import { makeText } from "./strings.js";
import { View } from "./talk/view.js";
import program from "./talk/worker.text";

const REDRAWN = ["temperature", "top_k", "top_p", "seed"];
const PAUSE = 120;                      // milliseconds without a key before a prompt is read

/** Called by anywidget, or by the static page's host, once for every view. */
export function renderTalk({ model, el }) {
  const view = new View(model, program, makeText(document.documentElement.lang || "en"));
  view.root.talk = answersOf(view.session);
  el.append(view.root);
  const changes = changesOf(model, view);
  for (const [name, change] of Object.entries(changes)) model.on(`change:${name}`, change);
  view.settings.draw(view.session.settings);
  view.prompt.show(model.get("prompt"));
  const forget = whenNear(view.root, () => view.session.open());
  return () => {
    for (const [name, change] of Object.entries(changes)) model.off(`change:${name}`, change);
    forget();
    view.session.close();
  };
}

/** What follows from a change of a trait, whoever made it. To what is being written, nothing. */
function changesOf(model, view) {
  const { session, settings, prompt } = view;
  let timer = null;
  const redraw = () => {
    settings.draw(session.settings);
    if (!session.running) view.look();
  };
  return {
    ...Object.fromEntries(REDRAWN.map((name) => [name, redraw])),
    bits: () => {
      settings.draw(session.settings);
      session.readAgain();
    },
    prompt: () => {
      prompt.show(model.get("prompt"));
      clearTimeout(timer);
      timer = setTimeout(() => session.showPrompt(), PAUSE);
    },
  };
}

/** The parts of the model. @param {import("./talk/session.js").Session} session */
function answersOf(session) {
  const ask = async (what, asked) => {
    if (!session.thread) throw new Error("expected a model that is ready; wait for data-state");
    return session.thread.ask(what, asked);
  };
  return {
    encode: (text) => ask("encode", { text }).then(({ ids }) => ids),
    decode: (ids) => ask("decode", { ids }).then(({ text }) => text),
    logits: (text, bits = 16) => ask("logits", { text, bits }).then(({ logits }) => logits),
  };
}

/** Call `act` once, when an element comes near to what is in sight. Returns what forgets it. */
function whenNear(element, act) {
  const observer = new IntersectionObserver((entries) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    act();
  }, { rootMargin: "100%" });
  observer.observe(element);
  return () => observer.disconnect();
}
