/**
 * The one module of all of the book's own widgets: a page carries it once. Each widget says with its
 * trait `part` which of these draws it.
 */
import { renderExplorer } from "./explorer.js";
import { renderPredictions } from "./predictions.js";

const PARTS = { explorer: renderExplorer, predictions: renderPredictions };

export default { render: (context) => PARTS[context.model.get("part")](context) };
