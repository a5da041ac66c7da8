/**
 * The one module of all of the book's own widgets: a page carries it once. Each widget says with
 * its trait `part` which of these draws it.
 */
import { renderChart } from "./chart.js";
import { renderExplorer } from "./explorer.js";
import { renderPredictions } from "./predictions.js";
import { renderTalk } from "./talk.js";

const PARTS = {
  chart: renderChart, explorer: renderExplorer, predictions: renderPredictions, talk: renderTalk,
};

export default { render: (context) => PARTS[context.model.get("part")](context) };
