/** Taking a setting elsewhere: the call that repeats the run, and a link that shows it. */
import { h, say } from "./dom.js";
import { formatValue } from "./format.js";
import { readHash, writeHash } from "./permalink.js";

/**
 * @param {import("./record.js").Runs} runs
 * @param {import("./strings.js").Text} t
 */
export function sharing(runs, t) {
  const code = h("code");
  const news = h("p", { class: "note news", role: "status" });
  let state = null;
  const copyCall = async () => say(news, (await copied(code.textContent)) ? t("share.copied_call") : t("share.not_copied"));
  const copyLink = async () => {
    history.replaceState(history.state, "", writeHash(runs.meta.name, runs.axes, state.choice));
    say(news, (await copied(location.href)) ? t("share.copied_link") : t("share.not_copied_link"));
  };
  const element = h("section", { class: "panel panel-share" },
    h("div", { class: "share-head" }, h("p", { class: "title" }, t("share.call")),
      h("button", { type: "button", "data-copy": "call", click: copyCall }, t("share.copy_call")),
      h("button", { type: "button", "data-copy": "link", click: copyLink }, t("share.copy_link"))),
    h("pre", { tabindex: 0, "aria-label": t("share.call") }, code), news);
  const draw = (next) => {
    if (state && state.index !== next.index) say(news, "");
    state = next;
    say(code, callText(runs, next.choice));
  };
  return { element, draw };
}

/** The `labs.sweep` call of the one run at `choice`. */
export function callText(runs, choice) {
  const grid = runs.axes.map((axis) => `${axis.name}=[${axis.code[choice[axis.name]]}]`).join(", ");
  return runs.meta.call.join(grid);
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
    notice.replaceChildren(...asked.unknown.map((miss) => h("p", {}, missText(runs.axes, miss, t))));
    if (asked.unknown.length) notice.append(h("button", { type: "button", click: () => notice.replaceChildren() }, t("share.dismiss")));
    notice.parentElement.scrollIntoView({ block: "start" });
  };
  follow();
  addEventListener("hashchange", follow);
  return () => removeEventListener("hashchange", follow);
}

function missText(axes, { axis, name, value }, t) {
  if (!axis) return t("share.bad_axis", { name, expected: axes.map((a) => a.name).join(", ") });
  return t("share.bad_value", { label: axis.label, value: value || "“”", expected: axis.values.map(formatValue).join(", ") });
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
