/** Taking a setting elsewhere: the call that repeats the run, and a link that shows it. */
import { find, h, put, say } from "./dom.js";
import { formatLoss } from "./format.js";
import { readHash, writeHash } from "./permalink.js";
import { MEAN, repetitions } from "./record.js";

const CHAOTIC = 0.01;           // a run is chaotic whose relative difference to its twin is larger

/**
 * The panel with the link and, where the record knows it, the call.
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 */
export function sharing(runs, t) {
  const code = runs.meta.call === null ? null : h("code");
  const repeat = h("p", { class: "note", "data-repeat": "" });
  const news = h("p", { class: "note news", role: "status" });
  let state = null;
  const tell = async (text, done, failed) => say(news, t((await copied(text)) ? done : failed));
  const copyCall = () => tell(code.textContent, "share.copied_call", "share.not_copied");
  const copyLink = () => {
    const hash = writeHash(runs.meta.name, runs.axes, state.shown.choice);
    history.replaceState(history.state, "", hash);
    return tell(location.href, "share.copied_link", "share.not_copied_link");
  };
  const button = (what, click) =>
    h("button", { type: "button", "data-copy": what, click }, t(`share.copy_${what}`));
  const head = code
    ? [h("p", { class: "title" }, t("share.call")), button("call", copyCall)]
    : [];
  const call = code
    ? [h("pre", { tabindex: 0, "aria-label": t("share.call") }, code), repeat]
    : [];
  const element = h("section", { class: "panel panel-share" },
    h("div", { class: "share-head" }, ...head, button("link", copyLink)), ...call, news);
  const draw = (next) => {
    if (state && state.shown !== next.shown) say(news, "");
    state = next;
    if (!code) return;
    say(code, callText(runs, next.shown.choice));
    const share = twinDistance(runs, next.shown.members);
    put(repeat, { "data-chaotic": share > CHAOTIC ? "" : null });
    say(repeat, repeatText(share, next.shown, isFirstRepetition(runs, next.shown.choice), t));
  };
  return { element, draw };
}

/** The `labs.sweep` call of the run at `choice`, or of the runs whose mean is shown. */
function callText(runs, choice) {
  const codeOf = (name) => {
    const axis = runs.axes.find((a) => a.name === name);
    return axis && (choice[name] === MEAN ? axis.code.join(", ") : axis.code[choice[name]]);
  };
  return runs.meta.call.replace(/\{(\w+)\}/g, (place, name) => codeOf(name) ?? place);
}

/** How far the twin of what is shown went, see labs/engine/twins.py; NaN where none was trained. */
function twinDistance(runs, [run]) {
  return runs.values.find(({ name }) => name === "twin_distance")?.array[run] ?? NaN;
}

/** Only the first of repetitions has a twin of its own. */
function isFirstRepetition({ axes }, choice) {
  return repetitions(axes).every(({ name }) => choice[name] === 0);
}

/** What becomes of the call: what rounding can do, a millionth at the start has done. */
function repeatText(share, { diverged_at: step }, own, t) {
  if (Number.isNaN(share)) return t("share.unknown");
  if (step >= 0 && share < Infinity) return t("share.diverged_too");
  const kind = share === Infinity ? "chaotic_diverged" : share > CHAOTIC ? "chaotic" : "steady";
  const percent = formatLoss(Math.max(0.01, 100 * share));
  return t(own ? `share.${kind}` : `share.${kind}_first`, { percent });
}

/**
 * Follow the address: show the setting it names, and say what of it is not in the record.
 * @param {import("./record.js").Runs} runs
 * @param {HTMLElement} notice
 * @param {(changes: import("./record.js").Choice) => void} choose
 * @returns {() => void} stops following
 */
export function followAddress(runs, notice, choose, t) {
  const follow = () => {
    const asked = readHash(location.hash, runs.meta.name, runs.axes);
    if (!asked) return;
    if (Object.keys(asked.choice).length) choose(asked.choice);
    const misses = asked.unknown.map((miss) => missText(runs.axes, miss, t));
    notice.replaceChildren(...misses.map((text) => h("p", {}, text)));
    const dismiss = { type: "button", click: () => notice.replaceChildren() };
    if (asked.unknown.length) notice.append(h("button", dismiss, t("share.dismiss")));
    if (isFirst(notice.parentElement)) notice.parentElement.scrollIntoView({ block: "start" });
  };
  follow();
  addEventListener("hashchange", follow);
  return () => removeEventListener("hashchange", follow);
}

/** Whether no other view of the same explorer stands above this one. */
function isFirst(root) {
  return find(`.labs-explorer[data-name="${root.dataset.name}"]`) === root;
}

function missText(axes, { axis, name, value }, t) {
  if (!axis) return t("share.bad_axis", { name, expected: axes.map((a) => a.name).join(", ") });
  const expected = axis.texts.join(", ");
  return t("share.bad_value", { label: axis.label, value: value || "“”", expected });
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedBySelection(text);       // no permission, or a page opened from disk
  }
}

function copiedBySelection(text) {
  const area = document.body.appendChild(h("textarea", { style: "position:fixed;opacity:0" }));
  area.value = text;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
