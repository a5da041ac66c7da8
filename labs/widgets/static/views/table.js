/**
 * The kinds of view that can be drawn, by the name that labs/views.py gives them. Each is a
 * function
 *
 *     (about, t) => { element, key, describe(step), draw(image, points), recolour() }
 *
 * `about` is what the record says of the view. `element` is the picture, `key` its legend;
 * `describe` says in words what the picture of a step shows. `draw` is given an image {width,
 * height, values in 0…1} or null, and the points to draw with it, objects with the record's
 * columns. `recolour` is called when the page changes between light and dark.
 */
import { planeView } from "./plane.js";

export const VIEWS = { plane: planeView };
