/**
 * Draws the page's plotly figures in the page's own colours, light or dark, at the width there is, with the frames that
 * their buttons and sliders play.
 *
 * Only the figure's template is changed: what a figure sets for itself stays as its author chose.
 */
(() => {
  "use strict";

  const source = new URL("plotly.min.js", document.currentScript.src);
  const AXIS = /^[xy]axis\d*$/;
  const WIDGETS = 'script[type="application/vnd.jupyter.widget-view+json"]';

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    return {
      text: read("--pst-color-text-base"),
      line: read("--pst-color-border"),
      font: read("--pst-font-family-heading"),
      ground: read("--pst-color-background"),
      raised: read("--pst-color-surface"),
    };
  };

  /** The layout as the author wrote it, over a template in the page's colours. */
  function themed(layout, narrow) {
    const { text, line, font, ground, raised } = colours();
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true, exponentformat: "power" };
    const given = layout.template?.layout || {};
    const inSpace = (name) => [name, { ...given.scene?.[name], ...axis, backgroundcolor: "rgba(0,0,0,0)" }];
    const control = { bgcolor: raised, bordercolor: line, font: { color: text } };
    const template = {
      ...given,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...given.font, color: text, family: font },
      xaxis: { ...given.xaxis, ...axis },
      yaxis: { ...given.yaxis, ...axis },
      scene: Object.fromEntries(["xaxis", "yaxis", "zaxis"].map(inSpace)),
      hoverlabel: { bgcolor: ground, bordercolor: line, font: { color: text } },
      updatemenudefaults: control,
      sliderdefaults: { ...control, activebgcolor: line },
      legend: { ...given.legend, ...(narrow && { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" }) },
      margin: narrow ? { l: 48, r: 12, t: 48, b: 48 } : { l: 64, r: 24, t: 56, b: 56 },
    };
    const page = { ...layout, template: { ...layout.template, layout: template }, autosize: true };
    delete page.width;
    if (narrow) delete page.margin;
    for (const name of Object.keys(page)) if (AXIS.test(name)) page[name] = { automargin: true, ...page[name] };
    return page;
  }

  /** A function that draws the figure anew: plotly writes into what it is given, so it gets a copy. */
  function figure(el) {
    const text = el.querySelector("script").textContent;
    const canvas = document.createElement("div");
    return async () => {
      const { data, layout = {}, config = {}, frames } = JSON.parse(text);
      const options = { ...config, responsive: true, displaylogo: false, displayModeBar: false };
      delete options.plotlyServerURL;
      if (!canvas.isConnected) el.append(canvas);
      const page = themed(layout, el.clientWidth < 480);
      await Plotly.react(canvas, { data, layout: page, config: options, frames });
      el.querySelector(".figure-place")?.remove();
    };
  }

  const drawn = new Map();

  /** Draws figures that are not drawn yet, such as those in the output of a widget. */
  function drawNew() {
    for (const el of document.querySelectorAll(".plotly-figure")) {
      if (drawn.has(el)) continue;
      drawn.set(el, figure(el));
      drawn.get(el)();
    }
  }

  const atRest = () => new Promise((resolve) => (window.requestIdleCallback || setTimeout)(resolve));

  /** Plotly.js is larger than all else that a page needs, so it comes when the page has loaded and its first widget is
   * drawn. */
  let asked = false;
  async function start() {
    if (!document.querySelector(".plotly-figure")) return;
    if (window.Plotly) return drawNew();
    if (asked) return;
    asked = true;
    if (document.querySelector(WIDGETS) && !document.documentElement.dataset.firstWidget) {
      await new Promise((resolve) => document.addEventListener("first-widget", resolve, { once: true }));
    }
    await atRest();
    document.head.append(Object.assign(document.createElement("script"), { src: source, onload: drawNew }));
  }

  const redraw = () => Promise.all([...drawn.values()].map((draw) => draw()));
  const observed = { attributes: true, attributeFilter: ["data-theme"] };
  new MutationObserver(redraw).observe(document.documentElement, observed);
  // Firefox prints before an observer is told. On window, after page-print.js has chosen the light colours.
  for (const print of ["beforeprint", "afterprint"]) window.addEventListener(print, redraw);
  window.addEventListener("load", start, { once: true });
  document.addEventListener("figure-added", () => document.readyState === "complete" && start());
})();
