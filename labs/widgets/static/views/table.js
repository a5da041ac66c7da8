/**
 * The kinds of view that can be drawn, by the name that labs/views.py gives them. Each is a
 * function
 *
 *     (about, t) => { element, key, describe(step), draw(look, points), recolour(), follows }
 *
 * `about` is what the record says of the view. `element` is the picture, `key` its legend;
 * `describe` says in words what the picture of a step shows. `draw` is given what was recorded of
 * the model, or null: of pictures the image {width, height, values in 0…1} of the moment, of
 * numbers those of all moments and which is now, {values, width, frame}; and the samples to draw
 * with it, objects with the record's columns. `follows`: whether a run that diverged is shown as
 * far as it went. `recolour` is called when the page changes between light and dark.
 */
import { fitView } from "./fit.js";
import { pathView } from "./path.js";
import { planeView } from "./plane.js";

export const VIEWS = { plane: planeView, path: pathView, fit: fitView };
