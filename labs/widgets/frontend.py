"""The front end as one text: anywidget takes a single module, the sources in `static` are many small ones.

Every source is kept once, in the order of its imports. When the page loads the text, each becomes a module with an
address of its own and the relative imports are pointed there, so a module that several others import is the same
module for all of them. (Putting `data:` addresses into sources here would copy a module into each of its importers.)
"""
import functools
import json
import pathlib
import re

HERE = pathlib.Path(__file__).parent
STATIC = HERE / "static"
IMPORT = re.compile(r'^import [^;]*?from "(\.{1,2}/[\w./-]+)";', re.MULTILINE)

LOADER = """const sources = %s;
const urls = {};
for (const [name, source] of sources) {
  const linked = source.replace(/^(import [^;]*?from )"([^"]+)";/gm,
    (_, head, path) => `${head}"${urls[path.split("/").pop()]}";`);
  urls[name] = URL.createObjectURL(new Blob([linked, `\\n//# sourceURL=labs/widgets/${name}`], { type: "text/javascript" }));
}
const { default: widget } = await import(urls["%s"]);
Object.values(urls).forEach((url) => URL.revokeObjectURL(url));
export default widget;
"""


@functools.cache
def module(entry="explorer.js"):
    """The text of one module that holds `static/<entry>` and everything it imports."""
    sources = {}
    _collect(STATIC / entry, sources)
    # "<\\/": a page carries this text inside a script element.
    return LOADER % (json.dumps(list(sources.items()), ensure_ascii=False).replace("</", "<\\/"), entry)


def _collect(path, sources):
    if path.name in sources:
        return
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        sources[path.name] = "export default " + json.dumps(json.loads(text), ensure_ascii=False)
        return
    for relative in IMPORT.findall(text):
        _collect((path.parent / relative).resolve(), sources)
    sources[path.name] = text


@functools.cache
def style(name="explorer.css"):
    """The text of `static/<name>`."""
    return (STATIC / name).read_text(encoding="utf-8")
