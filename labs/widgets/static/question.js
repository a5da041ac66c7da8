/**
 * Predict first: questions, one at a time, and the cover on what would give their answers away.
 */
import { freshId, h, put, say } from "./dom.js";

/**
 * @typedef {object} Question
 * @property {string} text
 * @property {[string, string][]} options key and label, in the author's order
 * @property {string} answer the key of the right one
 * @property {string} because
 * @property {import("./record.js").Choice[]} [show] where the record answers it
 *
 * @typedef {Record<string, string>} Answers
 * position → the option committed, or "" where the reader asked to be shown
 *
 * @typedef {"open" | "shown" | "right" | "wrong"} Outcome
 */

const MARKS = { open: "", shown: "", right: "✓", wrong: "✗" };

/** The position of the first question that is not settled; -1 where all are. */
export function firstOpen(asked, answers) {
  return asked.findIndex((_, position) => answers[position] === undefined);
}

/**
 * @param {Question} question
 * @param {string | undefined} given
 * @returns {Outcome}
 */
export function outcomeOf(question, given) {
  if (given === undefined) return "open";
  if (given === "") return "shown";
  return given === question.answer ? "right" : "wrong";
}

/**
 * The questions of an explorer; draws from `answers` of its state.
 * @param {Question[]} asked
 * @param {ReturnType<import("./actions.js").actionsOn>} actions
 * @param {import("./strings.js").Text} t
 * @returns null where nothing is asked
 */
export function questions(asked, actions, t) {
  if (!asked.length) return null;
  const parts = asked.map((question, position) => {
    const facts = { n: position + 1, count: asked.length };
    const place = asked.length > 1 ? t("question.place", facts) : "";
    return onePart(question, position, place, actions, t);
  });
  const draw = ({ answers }) => {
    const next = firstOpen(asked, answers);
    parts.forEach((part, position) => {
      part.element.hidden = answers[position] === undefined && position !== next;
      part.draw(answers[position]);
    });
  };
  const element = h("div", { class: "questions" }, ...parts.map((part) => part.element));
  return { element, draw };
}

/**
 * A part of the explorer, covered until every question is settled. `visibility`, in question.css,
 * takes it from eye, keyboard and screen reader at once, and keeps its place.
 */
export function covered(part, asked, t) {
  if (!part || !asked.length) return part;
  const note = part.element.appendChild(h("p", { class: "cover-note" }));
  const draw = (state) => {
    say(note, coverText(asked, state.answers, t));
    put(part.element, { "data-covered": firstOpen(asked, state.answers) < 0 ? null : "" });
    part.draw(state);
  };
  return { ...part, draw };
}

function coverText(asked, answers, t) {
  if (asked.length === 1) return t("question.covered");
  const done = asked.filter((_, position) => answers[position] !== undefined).length;
  return t("question.covered_some", { count: asked.length, done });
}

function onePart(question, position, place, actions, t) {
  const options = optionRow(question, () => { commit.disabled = false; }, t);
  const verdict = verdictLine(question, t);
  const settle = (option) => {
    actions.answer(position, option);
    question.show?.forEach((place) => actions.choose(place));
    verdict.element.focus();
  };
  const press = (mark, text, click) => h("button", { type: "button", [mark]: "", click }, text);
  const commit = press("data-commit", t("question.commit"), () => settle(options.chosen()));
  const reveal = press("data-reveal", t("question.reveal"), () => settle(""));
  const buttons = h("div", { class: "ask" }, commit, reveal);
  const legend = h("legend", {}, question.text);
  if (place) legend.append(" ", h("span", { class: "place" }, place));
  const element = h("fieldset", { "data-question": position },
    legend, options.element, buttons, verdict.element);
  const draw = (given) => {
    const outcome = outcomeOf(question, given);
    put(element, { "data-outcome": outcome });
    options.draw(given);
    commit.disabled = options.chosen() === undefined;
    buttons.hidden = outcome !== "open";
    verdict.draw(outcome, given);
  };
  return { element, draw };
}

/** The options; a choice is no answer, and in no trait, until it is committed. */
function optionRow(question, onChoice, t) {
  const name = freshId();
  const rows = question.options.map(([key, label]) => {
    const marks = { type: "radio", name, value: key, "data-option": key };
    const input = h("input", { ...marks, input: onChoice });
    const [mark, tag] = [tick(), h("span", { class: "tag" })];
    // The tag stands outside of the label: it is no part of the option's name.
    const element = h("span", { class: "option" }, h("label", {}, input, label), mark, tag);
    return { key, input, mark, tag, element };
  });
  const draw = (given) => rows.forEach(({ key, input, mark, tag, element }) => {
    const settled = given !== undefined;
    const outcome = outcomeOf(question, key);
    const told = settled && (key === given || outcome === "right");
    if (settled || input.disabled) input.checked = key === given;
    input.disabled = settled;
    put(element, { "data-outcome": told ? outcome : null });
    say(mark, told ? MARKS[outcome] : "");
    say(tag, told ? tagText(outcome, key === given, t) : "");
  });
  const element = h("div", { class: "options" }, ...rows.map((row) => row.element));
  return { element, draw, chosen: () => rows.find(({ input }) => input.checked)?.key };
}

function tagText(outcome, chosen, t) {
  if (!chosen) return t("question.tag_right");
  return t(outcome === "right" ? "question.tag_both" : "question.tag_chosen");
}

function verdictLine(question, t) {
  const label = (key) => question.options.find(([name]) => name === key)?.[1];
  const mark = tick();
  const [said, because] = [h("strong"), h("span")];
  const attributes = { class: "verdict", role: "status", tabindex: -1, "data-verdict": "" };
  const element = h("p", attributes, mark, said, because);
  const draw = (outcome, given) => {
    const facts = { answer: label(question.answer), chosen: label(given) ?? "" };
    say(mark, MARKS[outcome]);
    say(said, outcome === "open" ? "" : t(`question.${outcome}`, facts));
    say(because, outcome === "open" ? "" : ` ${question.because}`);
  };
  return { element, draw };
}

function tick() {
  return h("span", { class: "tick", "aria-hidden": "true" });
}
