"""The front end as one text: anywidget takes one module, the sources in `static` are many.

Every source is kept once, in the order of its imports, under its path in `static`. When the page
loads the text, each becomes a module with an address of its own and the imports are pointed there,
so a module that several others import is the same module for all of them. (Putting `data:`
addresses into sources here would copy a module into each of its importers.) JupyterLab and Colab
import the text again for each widget; all find what the first of them loaded. One source is made
here: `words.json`, the texts of all languages.
"""

import functools
import hashlib
import json
import pathlib
import re

from labs import words

STATIC = pathlib.Path(__file__).resolve().parent / "static"
IMPORT = re.compile(r'^(import [^;]*?from )"(\.{1,2}/[\w./-]+)";', re.MULTILINE)

LOADER = """const sources = %s;
async function load() {
  const urls = {};
  for (const [name, source] of sources) {
    const linked = source.replace(/^(import [^;]*?from )"([^"]+)";/gm,
      (_, head, path) => `${head}"${urls[path]}";`);
    const named = [linked, `\\n//# sourceURL=labs/widgets/${name}`];
    urls[name] = URL.createObjectURL(new Blob(named, { type: "text/javascript" }));
  }
  const { default: widget } = await import(urls["%s"]);
  Object.values(urls).forEach((url) => URL.revokeObjectURL(url));
  return widget;
}
const loaded = (globalThis.labsFrontEnds ??= {});
export default await (loaded["%s"] ??= load());
"""


@functools.cache
def module(entry="main.js"):
    """The text of one module that holds `static/<entry>` and everything it imports."""
    sources = {}
    _collect(entry, sources)
    # "<\\/": a page carries this text inside a script element.
    text = json.dumps(list(sources.items()), ensure_ascii=False).replace("</", "<\\/")
    return LOADER % (text, entry, hashlib.sha256(text.encode()).hexdigest()[:16])


def _collect(name, sources):
    """Put the source called `name` into `sources`, after those that it imports, by their names."""
    if name in sources:
        return
    if name == "words.json":
        sources[name] = "export default " + json.dumps(words.tables(), ensure_ascii=False)
        return
    path = STATIC / name
    text = path.read_text(encoding="utf-8")
    named = lambda relative: (path.parent / relative).resolve().relative_to(STATIC).as_posix()
    for _, relative in IMPORT.findall(text):
        _collect(named(relative), sources)
    sources[name] = IMPORT.sub(lambda found: f'{found[1]}"{named(found[2])}";', text)


@functools.cache
def style():
    """The text of all style sheets in `static`, in the order of their names."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("*.css")))
