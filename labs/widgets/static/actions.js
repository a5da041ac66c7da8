/** What a reader can do: each writes traits once; the change of the trait draws. */

/** @param {any} model with `get`, `set` and `save_changes`, as anywidget gives it */
export function actionsOn(model) {
  const write = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  return {
    /** @param {import("./record.js").Choice} changes */
    choose: (changes) => write("choice", { ...model.get("choice"), ...changes }),
    setMapAxes: (names) => write("map_axes", names),
    setMapValue: (name) => write("map_value", name),
    setLogX: (on) => write("log_x", on),
    setLogY: (on) => write("log_y", on),
    /** @param {string} option its key, or "" for shown without a prediction */
    answer: (position, option) =>
      write("answers", { ...model.get("answers"), [position]: option }),
    setFrame: (frame) => write("frame", frame),
  };
}
