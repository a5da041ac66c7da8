/**
 * Shows the page's widgets without a kernel.
 *
 * The page carries each widget's state, and the place where it is shown, as JSON in script elements. A widget that
 * brings its own front end (an anywidget: `_esm`, a module, and `_css`) is given a small model and drawn; it then works
 * as it does beside a kernel, except that nobody answers. ipywidgets' own containers and texts are drawn by
 * widget-containers.js. Any other widget needs a kernel, and a note says so in its place.
 *
 * What widgets share, and what is large, stands in files beside the page: a state then names them (`shared`, and `file`
 * of a buffer), see book/_ext/widget_states.py. They are classic scripts, as this one is, because neither modules nor
 * fetch can read from disk.
 */
(() => {
  "use strict";

  const STATE = 'script[type="application/vnd.jupyter.widget-state+json"]';
  const VIEW = 'script[type="application/vnd.jupyter.widget-view+json"]';
  const FILES = document.currentScript?.src && new URL("widgets/", document.currentScript.src);

  /** What the build says to this page: `words` in its language, and scripts that can wait. */
  function settings() {
    return JSON.parse(document.querySelector("#host-settings")?.textContent || '{"words": {}, "late": []}');
  }

  /** @param {string} base64 @returns {DataView} what a kernel would have sent */
  function decode(base64) {
    const text = atob(base64), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);      // a model's weights are 5 MB of text
    return new DataView(bytes.buffer);
  }

  /** Equal by value, so that setting what is already there changes nothing. */
  const same = (a, b) =>
    a === b ||
    (typeof a === "object" &&
      !ArrayBuffer.isView(a) &&
      !ArrayBuffer.isView(b) &&
      JSON.stringify(a) === JSON.stringify(b));

  /** The state of one widget, with the interface that anywidget promises to a front end. */
  class Model {
    constructor(id, state, get_model) {
      this.model_id = id;
      this.state = state;
      this.widget_manager = { get_model };
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

    // Nobody is listening: state stays in the page, and messages end here.
    save_changes() {}
    send() {}
  }

  /** A function of one argument, called once for each: promises of what is loaded or made once. */
  function once(make) {
    const made = new Map();
    return (key) => made.get(key) ?? made.set(key, make(key)).get(key);
  }

  /** The text of a file beside the page. @param {string} name @returns {Promise<string>} */
  const fileText = once(async (name) => {
    const there = () => window.widgetFiles?.[name];
    if (there() !== undefined) return there();
    const asked = document.querySelector(`script[data-file="${name}"]`);
    const script = asked ?? Object.assign(document.createElement("script"), { src: new URL(`${name}.js`, FILES) });
    await new Promise((resolve, reject) => {
      script.addEventListener("load", resolve);
      script.addEventListener("error", () => reject(new Error(`${name}.js: ${settings().words.missing}`)));
      if (!asked) document.head.append(script);
    });
    return there();
  });

  /** The module with this text, imported once however many widgets share it. */
  const moduleOf = once(async (text) => {
    const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    const module = await import(url);
    URL.revokeObjectURL(url);
    return typeof module.default === "function" ? module.default() : module.default || module;
  });

  const addStyle = once((textContent) => {
    if (textContent) document.head.append(Object.assign(document.createElement("style"), { textContent }));
    return true;
  });

  const states = {};

  /** The model of a widget; one for all of its views. @type {(id: string) => Promise<Model>} */
  const modelOf = once(async (id) => {
    if (!states[id]) throw new Error(`get_model: expected the id of a widget on this page, got ${id}`);
    const { state, shared = {}, buffers = [] } = states[id];
    const whole = structuredClone(state);
    const shares = Object.entries(shared).map(async ([key, file]) => { whole[key] = await fileText(file); });
    const arrays = buffers.map(async ({ path, data, file }) => {
      const holder = path.slice(0, -1).reduce((value, key) => value[key], whole);
      holder[path.at(-1)] = decode(file ? await fileText(file) : data);
    });
    await Promise.all([...shares, ...arrays]);
    return new Model(id, whole, modelOf);
  });

  const initialized = once(async (id) => {
    const model = await modelOf(id);
    const widget = await moduleOf(model.get("_esm"));
    await widget.initialize?.({ model });
    return widget;
  });

  /** Whether a widget has a front end of its own, which has something to show without a kernel. */
  const bringsFrontEnd = (id) => {
    const { state = {}, shared } = states[id] ?? {};
    return Boolean(state._esm || shared?._esm) && !state.needs_kernel;
  };

  /** Draws one widget into `el`, whatever it is. */
  async function draw(id, el) {
    const stock = window.stockWidgets;
    if (!bringsFrontEnd(id)) return stock?.draws(id, tools) ? stock.draw(id, el, tools) : note(el);
    const [widget, model] = [await initialized(id), await modelOf(id)];
    addStyle(model.get("_css"));
    await widget.render({ model, el });
  }

  /** Why there is no panel here, and where there is one. */
  function note(el) {
    const { words } = settings();
    const launch = document.querySelector(".dropdown-launch-buttons a[href]");
    const place = el.appendChild(document.createElement("div"));
    place.className = "widget-note admonition";
    place.setAttribute("role", "note");
    const parts = (launch ? words.kernel_or_colab : words.kernel)?.split(/(\{\w+\})/) ?? [];
    place.append(...parts.map((part) => {
      if (part === "{colab}") {
        return Object.assign(document.createElement("a"), { href: launch.href, textContent: words.launch });
      }
      return part === "{command}" ? Object.assign(document.createElement("code"), { textContent: "make lab" }) : part;
    }));
  }

  /** Whether a widget is one that its kernel had put out of sight, such as a progress bar that is done. */
  function hidden(id) {
    const layout = states[states[id]?.state.layout?.replace("IPY_MODEL_", "")]?.state;
    return layout?.visibility === "hidden" || layout?.display === "none";
  }

  const tools = { states, draw, note, hidden, bringsFrontEnd };

  /**
   * Draws the widget of one view. Until that is done its picture, which the page holds, stays in sight and the widget
   * is built behind it at its full width.
   */
  async function show({ id, script }) {
    const still = script.previousElementSibling?.matches(".widget-place") ? script.previousElementSibling : null;
    if (hidden(id)) return still?.remove();
    const el = script.parentNode.insertBefore(document.createElement("div"), still ?? script);
    el.className = still ? "widget-host in-the-making" : "widget-host";
    try {
      await draw(id, el);
    } catch (error) {
      const textContent = `${settings().words.failed ?? ""} ${error.message}`;
      el.append(Object.assign(document.createElement("p"), { className: "widget-note", textContent }));
      console.error(error);
    } finally {
      el.classList.remove("in-the-making");
      still?.remove();
    }
  }

  const atRest = () => new Promise((resolve) => {
    if (window.requestIdleCallback) requestIdleCallback(resolve, { timeout: 1000 });
    else setTimeout(resolve, 100);
  });

  /** A widget that never ends its drawing may not keep the rest of the page waiting. */
  const patiently = (work) => Promise.race([work, new Promise((resolve) => setTimeout(resolve, 5000))]);

  /** Scripts of the page that are larger than its first widget, and not needed before it. */
  function loadLate() {
    for (const src of settings().late) document.head.append(Object.assign(document.createElement("script"), { src }));
  }

  /** What the page is opened for comes first: what the address names, what is in sight, and the first that moves. */
  async function start() {
    for (const script of document.querySelectorAll(STATE)) Object.assign(states, JSON.parse(script.textContent).state);
    const views = [...document.querySelectorAll(VIEW)].map((script) => {
      const { model_id: id } = JSON.parse(script.textContent);
      return { id, script, place: script.previousElementSibling ?? script.parentNode };
    });
    const shown = once(show);
    const moves = (id) => bringsFrontEnd(id) || window.stockWidgets?.draws(id, tools);
    const named = ({ id }) => location.hash.startsWith(`#${states[id]?.state.meta?.name}:`);
    const near = new IntersectionObserver((entries) => {
      const seen = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
      views.filter(({ place }) => seen.includes(place)).forEach((view) => shown(view).catch(() => {}));
    }, { rootMargin: "100%" });
    const first = views.find(({ id }) => moves(id));
    await patiently(Promise.allSettled(views.filter((v) => v === first || named(v) || !moves(v.id)).map(shown)));
    views.forEach(({ place }) => near.observe(place));
    loadLate();
    document.documentElement.dataset.firstWidget = "drawn";
    document.dispatchEvent(new Event("first-widget"));
    for (const view of views) {
      await atRest();
      await patiently(shown(view)).catch(() => {});     // told in its place, and by the browser
    }
    near.disconnect();
    document.dispatchEvent(new Event("page-drawn"));
  }

  // As soon as the document is read: DOMContentLoaded would wait for every deferred script, MathJax among them.
  if (document.readyState === "loading") document.addEventListener("readystatechange", start, { once: true });
  else start();
})();
