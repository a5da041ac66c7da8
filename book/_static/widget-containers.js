/**
 * Draws ipywidgets' own containers, texts and outputs on a page without a kernel, for widget-host.js.
 *
 * A container is drawn when something in it works without a kernel, or when there is nothing but text in it. What needs
 * a kernel among its children is told in one note.
 */
(() => {
  "use strict";

  /** @typedef {object} Tools what the host lends: states, draw, note, hidden, bringsFrontEnd */

  const BOXES = { BoxModel: "row", HBoxModel: "row", VBoxModel: "column", GridBoxModel: "grid" };
  const TEXTS = ["HTMLModel", "HTMLMathModel", "LabelModel"];
  const LISTS = { TabModel: tabs, AccordionModel: accordion, StackModel: stack };
  const OUTPUTS = ["application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json", "text/html",
    "image/svg+xml", "image/png", "image/jpeg", "text/plain"];
  let count = 0;

  const make = (tag, properties = {}, ...children) => {
    const el = Object.assign(document.createElement(tag), properties);
    el.append(...children);
    return el;
  };
  const idOf = (reference) => reference.replace("IPY_MODEL_", "");
  const childrenOf = ({ children = [] }) => children.map(idOf);
  const kindOf = (id, { states }) => states[id]?.model_name ?? states[id]?.state._model_name;
  const viewOf = (output) => output.data?.[OUTPUTS[0]]?.model_id;
  const isBox = (kind) => kind in BOXES || kind in LISTS;

  /** Whether something in a widget works without a kernel. */
  function works(id, tools) {
    if (tools.bringsFrontEnd(id)) return true;
    const kind = kindOf(id, tools);
    if (isBox(kind)) return childrenOf(tools.states[id].state).some((child) => works(child, tools));
    if (kind !== "OutputModel") return false;
    const outputs = tools.states[id].state.outputs ?? [];
    return outputs.some((output) => !viewOf(output) || works(viewOf(output), tools));
  }

  function isText(id, tools) {
    const kind = kindOf(id, tools);
    if (isBox(kind)) return childrenOf(tools.states[id].state).every((child) => isText(child, tools));
    return TEXTS.includes(kind) || kind === "OutputModel" && !tools.states[id].state.outputs?.length;
  }

  /** What its author set: sizes, gaps, columns; nothing may be wider than the page. */
  function arrange(el, { layout }, { states }) {
    const given = Object.entries(states[idOf(layout ?? "")]?.state ?? {});
    for (const [name, value] of given) {
      if (!name.startsWith("_") && typeof value === "string") el.style.setProperty(name.replaceAll("_", "-"), value);
    }
    el.style.maxWidth = "100%";
  }

  /** Children one after another; neighbours that need a kernel share a note. */
  async function all(ids, el, tools) {
    let told = false;
    for (const id of ids.filter((child) => !tools.hidden(child))) {
      const drawn = tools.bringsFrontEnd(id) || draws(id, tools);
      if (drawn || !told) await one(id, el.appendChild(make("div", { className: "widget-child" })), tools);
      told = !drawn;
    }
  }

  const one = (id, el, tools) => tools.draw(id, el);

  /** Titles as ipywidgets 8 keeps them, or 7; a child without one is called by its number. */
  const titlesOf = ({ titles, _titles = {}, children = [] }) =>
    children.map((_, i) => titles?.[i] || _titles[i] || String(i + 1));

  async function accordion(state, el, tools) {
    const name = `accordion-${++count}`;
    for (const [i, title] of titlesOf(state).entries()) {
      const body = make("div");
      const open = i === (state.selected_index ?? -1);
      el.append(make("details", { name, open }, make("summary", { textContent: title }), body));
      await all([childrenOf(state)[i]], body, tools);
    }
  }

  async function tabs(state, el, tools) {
    const name = `tabs-${++count}`;
    const titles = titlesOf(state);
    const buttons = titles.map((textContent, i) => make("button", { type: "button", id: `${name}-${i}`, textContent }));
    const panels = titles.map((_, i) => make("div", { id: `${name}-panel-${i}` }));
    const select = (chosen, focus = false) => {
      buttons.forEach((button, i) => {
        button.setAttribute("aria-selected", i === chosen);
        button.tabIndex = i === chosen ? 0 : -1;
        panels[i].hidden = i !== chosen;
      });
      if (focus) buttons[chosen].focus();
    };
    const list = make("div", { className: "widget-tabs" }, ...buttons);
    list.setAttribute("role", "tablist");
    buttons.forEach((button, i) => {
      mark(button, { role: "tab", "aria-controls": panels[i].id });
      mark(panels[i], { role: "tabpanel", "aria-labelledby": button.id });
      button.addEventListener("click", () => select(i));
      button.addEventListener("keydown", (event) => {
        const last = titles.length - 1;
        const step = getComputedStyle(list).direction === "rtl" ? -1 : 1;
        const next = { ArrowRight: i + step, ArrowLeft: i - step, Home: 0, End: last }[event.key];
        if (next === undefined) return;
        event.preventDefault();
        select((next + titles.length) % titles.length, true);
      });
    });
    el.append(list, ...panels);
    select(Math.min(state.selected_index ?? 0, titles.length - 1));
    for (const [i, id] of childrenOf(state).entries()) await all([id], panels[i], tools);
  }

  const mark = (el, attributes) => Object.entries(attributes).forEach(([name, value]) => el.setAttribute(name, value));

  /** One child is in sight; nobody can choose another here. */
  function stack(state, el, tools) {
    const at = state.selected_index ?? 0;
    return all(childrenOf(state).slice(at, at + 1), el, tools);
  }

  /** Text of a reader's own page: HTML as its author wrote it; formulas are typeset when MathJax is there. */
  function text(kind, { value = "", description = "" }, el) {
    const body = make("div", { className: kind === "HTMLModel" ? "" : "mathjax_process" });
    const typeset = (found) => found.replace(/\$\$([^$]+)\$\$/g, "\\[$1\\]").replace(/\$([^$]+)\$/g, "\\($1\\)");
    body[kind === "LabelModel" ? "textContent" : "innerHTML"] = kind === "HTMLModel" ? value : typeset(value);
    if (description) el.append(make("span", { className: "widget-description", textContent: `${description} ` }));
    el.append(body);
    if (kind !== "HTMLModel") window.MathJax?.typesetPromise?.([body]);
  }

  const joined = (value) => (Array.isArray(value) ? value.join("") : value);

  async function output({ outputs = [] }, el, tools) {
    for (const found of outputs) {
      const place = el.appendChild(make("div", { className: "output" }));
      const printed = found.text ?? found.traceback?.join("\n").replace(/\x1b\[[\d;]*m/g, "");
      if (printed !== undefined) place.append(make("pre", { textContent: joined(printed) }));
      const mime = OUTPUTS.find((name) => found.data && name in found.data);
      if (mime) await shown(mime, found.data, place, tools);
    }
  }

  /** One output in the richest format that it has. */
  async function shown(mime, data, el, tools) {
    const value = joined(data[mime]);
    if (mime === OUTPUTS[0]) return tools.hidden(value.model_id) || one(value.model_id, el, tools);
    if (mime === OUTPUTS[1]) return plotly(value, data, el);
    if (mime === "text/html") return el.insertAdjacentHTML("beforeend", value);
    if (mime === "text/plain") return el.append(make("pre", { textContent: value }));
    const bytes = mime === "image/svg+xml" ? `utf8,${encodeURIComponent(value)}` : `base64,${value.replace(/\s/g, "")}`;
    el.append(make("img", { src: `data:${mime};${bytes}`, alt: joined(data["text/plain"] ?? "") }));
  }

  function plotly(figure, data, el) {
    const script = make("script", { type: OUTPUTS[1], textContent: JSON.stringify(figure) });
    const place = make("div", { className: "plotly-figure" }, script);
    mark(place, { role: "figure", "aria-label": joined(data["text/plain"] ?? figure.layout?.title?.text ?? "") });
    el.append(place);
    document.dispatchEvent(new Event("figure-added"));
  }

  const draws = (id, tools) => works(id, tools) || isText(id, tools);

  async function draw(id, el, tools) {
    const kind = kindOf(id, tools);
    const { state } = tools.states[id];
    arrange(el, state, tools);
    if (TEXTS.includes(kind)) return text(kind, state, el);
    if (kind === "OutputModel") return output(state, el, tools);
    if (kind in LISTS) return LISTS[kind](state, el, tools);
    el.classList.add("widget-box", BOXES[kind]);
    return all(childrenOf(state), el, tools);
  }

  window.stockWidgets = { draws, draw };
})();
