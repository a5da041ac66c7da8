/** Training played like a film: a button, and a slider over the moments that were recorded. */
import { scrubber } from "./controls.js";
import { h, put, s } from "./dom.js";
import { formatCount } from "./format.js";

const FILM = 4000;              // milliseconds from the first moment to the last
const FRAME = [60, 450];        // the shortest and longest time that a moment is shown
const PLAY = "M4,2L14,8L4,14Z", PAUSE = "M3,2h4v12h-4ZM9,2h4v12h-4Z";

/**
 * @param {number[]} steps the moments
 * @param {import("./strings.js").Text} t
 * @param {ReturnType<import("./actions.js").actionsOn>} actions
 * @returns null where there is but one moment
 */
export function player(steps, t, actions) {
  if (steps.length < 2) return null;
  const button = playButton(() => (timer ? stop() : play()), t);
  const textOf = (step) => t("play.step", { step: formatCount(step) });
  const scrub = scrubber(t("play.scrub"), steps, textOf, (frame) => {
    stop();
    actions.setFrame(frame);
  });
  const [shortest, longest] = FRAME;
  const pause = Math.min(Math.max(FILM / steps.length, shortest), longest);
  let timer = null, frame = 0;

  const stop = () => {
    clearInterval(timer);
    timer = null;
    button.show(false);
  };
  const advance = () => {
    if (!timer) return;
    if (!button.element.isConnected || frame >= steps.length - 1) return stop();
    actions.setFrame(frame + 1);
  };
  /** From where it stands, or from the start where it stands at the end. */
  const play = () => {
    if (frame >= steps.length - 1) actions.setFrame(0);
    timer = setInterval(advance, pause);
    setTimeout(advance, shortest);      // so that it is seen at once to move
    button.show(true);
  };
  const draw = (state) => {
    frame = state.frame;
    scrub.value = frame;
  };
  const element = h("div", { class: "player" }, button.element, scrub);
  return { element, draw, play, stop };
}

/** A button that says what a press does: play, or pause while the film plays. */
function playButton(click, t) {
  const icon = s("path");
  const picture = s("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, icon);
  const attributes = { type: "button", class: "play", "data-play": "" };
  const element = h("button", { ...attributes, click }, picture);
  const show = (playing) => {
    const label = t(playing ? "play.pause" : "play.play");
    put(element, { "data-playing": playing ? "" : null, "aria-label": label });
    put(icon, { d: playing ? PAUSE : PLAY });
  };
  show(false);
  return { element, show };
}
