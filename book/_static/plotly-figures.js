/**
 * Draws the page's plotly figures in the page's own colours, light or dark, at the width there is.
 *
 * Only the figure's template is changed: what a figure sets for itself stays as its author chose.
 */
(() => {
  "use strict";

  const source = new URL("plotly.min.js", document.currentScript.src);
  const AXIS = /^[xy]axis\d*$/;

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    return {
      text: read("--pst-color-text-base"),
      line: read("--pst-color-border"),
      font: read("--pst-font-family-heading"),
    };
  };

  /** The layout as the author wrote it, over a template in the page's colours. */
  function themed(layout, narrow) {
    const { text, line, font } = colours();
    const axis = { gridcolor: line, linecolor: line, zerolinecolor: line, automargin: true, exponentformat: "power" };
    const given = layout.template?.layout || {};
    const inSpace = (name) => [name, { ...given.scene?.[name], ...axis, backgroundcolor: "rgba(0,0,0,0)" }];
    const template = {
      ...given,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...given.font, color: text, family: font },
      xaxis: { ...given.xaxis, ...axis },
      yaxis: { ...given.yaxis, ...axis },
      scene: Object.fromEntries(["xaxis", "yaxis", "zaxis"].map(inSpace)),
      legend: { ...given.legend, ...(narrow && { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" }) },
      margin: narrow ? { l: 48, r: 12, t: 48, b: 48 } : { l: 64, r: 24, t: 56, b: 56 },
    };
    const page = { ...layout, template: { ...layout.template, layout: template }, autosize: true };
    delete page.width;
    for (const name of Object.keys(page)) if (AXIS.test(name)) page[name] = { automargin: true, ...page[name] };
    return page;
  }

  function figure(el) {
    const { data, layout = {}, config = {} } = JSON.parse(el.querySelector("script").textContent);
    const canvas = el.appendChild(document.createElement("div"));
    const options = { ...config, responsive: true, displaylogo: false, displayModeBar: false };
    delete options.plotlyServerURL;
    return () => Plotly.react(canvas, data, themed(layout, el.clientWidth < 480), options);
  }

  /** Figures are drawn when the page has loaded and is at rest: plotly.js is larger than all else that a page needs. */
  function start() {
    if (!document.querySelector(".plotly-figure")) return;
    const script = document.createElement("script");
    script.src = source;
    script.onload = draw;
    (window.requestIdleCallback || setTimeout)(() => document.head.append(script));
  }

  function draw() {
    const redraws = [...document.querySelectorAll(".plotly-figure")].map(figure);
    const redraw = () => redraws.forEach((draw) => draw());
    const observed = { attributes: true, attributeFilter: ["data-theme"] };
    new MutationObserver(redraw).observe(document.documentElement, observed);
    redraw();
  }

  window.addEventListener("load", start, { once: true });
})();
