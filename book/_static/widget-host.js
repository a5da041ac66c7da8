/**
 * Shows the page's widgets without a kernel.
 *
 * The page carries each widget's state, and the place where it is shown, as JSON in script elements. A widget that
 * brings its own front end (an anywidget: `_esm`, a module, and `_css`) is given a small model and drawn; it then works
 * as it does beside a kernel, except that nobody answers. Any other widget needs a kernel, and a note says so in its
 * place.
 *
 * A classic script without imports, because modules cannot be loaded from disk.
 */
(() => {
  "use strict";

  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';

  const WORDS = {
    en: {
      kernel: "This panel trains on a computer of your own, so it needs a kernel.",
      launch: "Open this chapter in Colab",
      local: "or start JupyterLab in your copy of the book with",
      failed: "This figure could not be drawn:",
    },
  };
  const words = WORDS[document.documentElement.lang.slice(0, 2)] || WORDS.en;

  /** @param {string} base64 @returns {DataView} what a kernel would have sent */
  const decode = (base64) => new DataView(Uint8Array.from(atob(base64), (c) => c.charCodeAt(0)).buffer);

  /** Equal by value, so that setting what is already there changes nothing. */
  const same = (a, b) =>
    a === b ||
    (typeof a === "object" &&
      !ArrayBuffer.isView(a) &&
      !ArrayBuffer.isView(b) &&
      JSON.stringify(a) === JSON.stringify(b));

  /** The state of one widget, with the interface that anywidget promises to a front end. */
  class Model {
    constructor({ state, buffers = [] }) {
      this.state = structuredClone(state);
      for (const { path, data } of buffers) {
        const holder = path.slice(0, -1).reduce((value, key) => value[key], this.state);
        holder[path.at(-1)] = decode(data);
      }
      this.listeners = [];
    }

    get(name) {
      return this.state[name];
    }

    set(name, value) {
      const changes = Object.entries(typeof name === "object" ? name : { [name]: value });
      const changed = changes.filter(([key, next]) => !same(this.state[key], next));
      Object.assign(this.state, Object.fromEntries(changed));
      changed.forEach(([key, next]) => this.trigger(`change:${key}`, this, next));
      if (changed.length) this.trigger("change", this);
    }

    on(names, callback) {
      for (const name of names.split(/\s+/)) this.listeners.push({ name, callback });
    }

    off(names, callback) {
      const gone = names && names.split(/\s+/);
      this.listeners = this.listeners.filter(
        (l) => (gone && !gone.includes(l.name)) || (callback && l.callback !== callback),
      );
    }

    trigger(name, ...values) {
      for (const listener of [...this.listeners]) if (listener.name === name) listener.callback(...values);
    }

    get widget_manager() {
      return { get_model: modelOf };
    }

    // Nobody is listening: state stays in the page, and messages end here.
    save_changes() {}
    send() {}
  }

  const modules = new Map();
  const models = new Map();
  const styles = new Set();

  /** The module with this text, imported once however many widgets share it. */
  function load(text) {
    if (!modules.has(text)) {
      const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
      const found = import(url).then(async (module) => {
        URL.revokeObjectURL(url);
        return typeof module.default === "function" ? module.default() : module.default || module;
      });
      modules.set(text, found);
    }
    return modules.get(text);
  }

  function addStyle(text) {
    if (!text || styles.has(text)) return;
    styles.add(text);
    document.head.append(Object.assign(document.createElement("style"), { textContent: text }));
  }

  let all = {};

  /** The model with this id, made once however many widgets ask for it. */
  async function modelOf(id) {
    if (!all[id]) throw new Error(`no widget ${id} on this page`);
    const widget = await load(all[id].state._esm);
    if (!models.has(id)) {
      const model = new Model(all[id]);
      models.set(id, Promise.resolve(widget.initialize?.({ model })).then(() => model));
    }
    return models.get(id);
  }

  async function draw(id, saved, el) {
    addStyle(saved.state._css);
    const widget = await load(saved.state._esm);
    await widget.render({ model: await modelOf(id), el });
  }

  /** Why there is no panel here, and where there is one. */
  function note(el) {
    const launch = document.querySelector(".dropdown-launch-buttons a[href]");
    el.className = "widget-note admonition";
    el.setAttribute("role", "note");
    el.append(words.kernel + " ");
    if (launch) {
      el.append(Object.assign(document.createElement("a"), { href: launch.href, textContent: words.launch }), ", ");
    }
    el.append(words.local + " ", Object.assign(document.createElement("code"), { textContent: "make lab" }), ".");
  }

  /** Whether a widget is one that its kernel had put out of sight, such as a progress bar that is done. */
  function hidden(saved, states) {
    const layout = states[saved?.state.layout?.replace("IPY_MODEL_", "")]?.state;
    return layout?.visibility === "hidden" || layout?.display === "none";
  }

  async function show(script, states) {
    const { model_id: id } = JSON.parse(script.textContent);
    const saved = states[id];
    if (hidden(saved, states)) return;
    const el = script.parentNode.insertBefore(document.createElement("div"), script);
    el.className = "widget-host";
    if (!saved?.state._esm) return note(el);
    try {
      await draw(id, saved, el);
    } catch (error) {
      const textContent = `${words.failed} ${error.message}`;
      el.append(Object.assign(document.createElement("p"), { className: "widget-note", textContent }));
      throw error;
    }
  }

  function start() {
    const states = {};
    for (const script of document.querySelectorAll(STATE)) Object.assign(states, JSON.parse(script.textContent).state);
    all = states;
    for (const script of document.querySelectorAll(VIEW)) show(script, states);
  }

  // As soon as the document is read: DOMContentLoaded would wait for every deferred script, MathJax among them.
  if (document.readyState === "loading") document.addEventListener("readystatechange", start, { once: true });
  else start();
})();
