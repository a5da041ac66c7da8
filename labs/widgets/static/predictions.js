/** How many answers the reader predicted, over several explorers of the page. */
import { find, h, say } from "./dom.js";
import { firstOpen, outcomeOf } from "./question.js";
import { makeText } from "./strings.js";

/** Called by anywidget, or by the static page's host, once for every view. */
export async function renderPredictions({ model, el }) {
  const t = makeText(document.documentElement.lang || "en");
  const label = t("predictions.label");
  const place = { class: "labs-explorer labs-predictions", role: "group", "aria-label": label };
  const root = el.appendChild(h("div", place));
  try {
    return follow(await explorersOf(model), root, t);
  } catch (error) {
    const text = t("predictions.broken", { reason: error.message });
    console.error(error);
    root.replaceChildren(h("p", { class: "fault", role: "alert" }, text));
  }
}

/** The models that the trait `explorers` names, as "IPY_MODEL_<id>". */
function explorersOf(model) {
  const ids = model.get("explorers").map((name) => name.replace("IPY_MODEL_", ""));
  return Promise.all(ids.map((id) => model.widget_manager.get_model(id)));
}

function follow(explorers, root, t) {
  const score = h("p", { class: "score" });
  const rest = h("p", { class: "rest" });
  const news = h("p", { class: "note news", role: "status" });
  const links = explorers.map((explorer) => linkTo(explorer, news, t));
  const list = h("ul", { class: "open" }, ...links.map(({ element }) => element));
  root.replaceChildren(score, rest, list, news);
  const draw = () => {
    const counts = count(explorers);
    say(score, scoreText(counts, t));
    say(rest, restText(counts, t));
    rest.hidden = !rest.textContent;
    list.hidden = !counts.open;
    links.forEach((link) => link.draw());
    say(news, "");
  };
  explorers.forEach((explorer) => explorer.on("change:answers", draw));
  draw();
  return () => explorers.forEach((explorer) => explorer.off("change:answers", draw));
}

/** @returns {Record<import("./question.js").Outcome, number>} */
function count(explorers) {
  const counts = { open: 0, shown: 0, right: 0, wrong: 0 };
  for (const explorer of explorers) {
    const answers = explorer.get("answers");
    explorer.get("questions").forEach((question, position) => {
      counts[outcomeOf(question, answers[position])] += 1;
    });
  }
  return counts;
}

function scoreText({ right, wrong }, t) {
  const predicted = right + wrong;
  return predicted ? t("predictions.score", { right, predicted }) : t("predictions.none");
}

function restText({ open, shown }, t) {
  const said = (key, count) => (count ? t(key, { count }) : "");
  const sentences = [said("predictions.open", open), said("predictions.shown", shown)];
  return sentences.filter(Boolean).join(" ");
}

/**
 * The way to an explorer's open question, named by it. A button, because a link would change the
 * address, and that moves explorers.
 */
function linkTo(explorer, news, t) {
  const go = () => {
    const position = firstOpen(explorer.get("questions"), explorer.get("answers"));
    const name = CSS.escape(explorer.get("meta").name);
    const place = `.labs-explorer[data-name="${name}"] [data-question="${position}"] input`;
    const input = find(place);
    if (input) input.focus();
    else say(news, t("predictions.away"));
  };
  // JupyterLab would take Enter for itself.
  const keys = { "data-lm-suppress-shortcuts": "true" };
  const button = h("button", { type: "button", "data-go": "", ...keys, click: go });
  const element = h("li", {}, button);
  const draw = () => {
    const asked = explorer.get("questions");
    const next = firstOpen(asked, explorer.get("answers"));
    element.hidden = next < 0;
    say(button, next < 0 ? "" : asked[next].text);
  };
  return { element, draw };
}
