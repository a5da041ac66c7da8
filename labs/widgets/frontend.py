"""The front end as one text: anywidget takes one module, the sources in `static` are many.

Every source is kept once, in the order of its imports, under its path in `static`. When the page
loads the text, each becomes a module with an address of its own and the imports are pointed there,
so a module that several others import is the same module for all of them. (Putting `data:`
addresses into sources here would copy a module into each of its importers.) JupyterLab and Colab
import the text again for each widget; all find what the first of them loaded. Two kinds of sources
are made here: `words.json`, the texts of all languages, and `<name>.text`, the text of `<name>.js`
and all that it imports as one script, for a thread of its own: what a page from disk may start.
"""

import functools
import hashlib
import json
import pathlib
import re

from labs import words

STATIC = pathlib.Path(__file__).resolve().parent / "static"
IMPORT = re.compile(r'^(import [^;]*?from )"(\.{1,2}/[\w./-]+)";', re.MULTILINE)
LINKED = re.compile(r'^(import [^;]*?from )"[^"]+";\n', re.MULTILINE)
EXPORT = re.compile(r"^export (?=(?:async |const |class |function |let ))", re.MULTILINE)
TOP = re.compile(r"^(?:async )?(?:const|class|function|let) (\w+)", re.MULTILINE)

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
    # "<\\/": a page carries this text inside a script element.
    text = json.dumps(list(sources(entry).items()), ensure_ascii=False).replace("</", "<\\/")
    return LOADER % (text, entry, hashlib.sha256(text.encode()).hexdigest()[:16])


def sources(entry):
    """{name: text} of `static/<entry>` and all that it imports, each after what it imports itself.
    The imports go by these names.
    """
    found = {}
    _collect(entry, found)
    return found


def _collect(name, sources):
    if name in sources:
        return
    if name == "words.json":
        sources[name] = "export default " + json.dumps(words.tables(), ensure_ascii=False)
        return
    if name.endswith(".text"):
        text = script(name.removesuffix("text") + "js")
        sources[name] = "export default " + json.dumps(text, ensure_ascii=False)
        return
    path = STATIC / name
    text = path.read_text(encoding="utf-8")
    named = lambda relative: (path.parent / relative).resolve().relative_to(STATIC).as_posix()
    for _, relative in IMPORT.findall(text):
        _collect(named(relative), sources)
    sources[name] = IMPORT.sub(lambda found: f'{found[1]}"{named(found[2])}";', text)


@functools.cache
def script(entry):
    """`static/<entry>` and everything it imports as the text of one script without imports. All of
    it is one scope. Raises ValueError where two sources have one name at their top level, or one is
    imported under another name.
    """
    texts = sources(entry).values()
    heads = [head for text in texts for head in LINKED.findall(text)]
    text = "\n".join(EXPORT.sub("", LINKED.sub("", source)) for source in texts)
    names = TOP.findall(text)
    wrong = {name for name in names if names.count(name) > 1} | {h for h in heads if " as " in h}
    if wrong:
        raise ValueError(
            f"{entry}: expected names at the top level that differ from source to source, and "
            f"imports that keep them, got {sorted(wrong)}; rename one"
        )
    return f'"use strict";\n{{\n{text}\n}}\n//# sourceURL=labs/widgets/{entry}'


@functools.cache
def style():
    """The text of all style sheets in `static`, in the order of their names."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(STATIC.glob("*.css")))
