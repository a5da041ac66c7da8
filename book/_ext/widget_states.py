"""The states of a page's widgets: what they share and what is large goes into files of its own.

A widget's state holds the text of its front end (`_esm`, `_css`), the same for all of the book's
widgets, and its record as a buffer. A page with five explorers would carry both five times before
its first line of text. They are written beside the pages as classic scripts, which open from disk
as well, named by a hash of what they hold; `_static/widget-host.js` asks for those it needs.
"""

import functools
import hashlib
import json
import re
from pathlib import Path

from captions import WIDGET, elements, part, place
from docutils import nodes
from myst_nb.core.render import sanitize_script_content
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.builders.html._assets import _JavaScript
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

from labs import words

LOGGER = logging.getLogger(__name__)
STATE = "application/vnd.jupyter.widget-state+json"
SHARED = ("_esm", "_css")
FOLDER = "widgets"
LARGE = 2000  # characters from which a text has a file
MATHJAX = "mathjax/"
WITH_FORMULAS = ("HTMLMathModel", "LabelModel")


@functools.lru_cache(maxsize=4)
def _read(body):
    return json.loads(body)["state"]


def find_states(env, docname):
    """{id: saved state} of a page's widgets."""
    _, script = NbMetadataCollector.get_js_files(env, docname).get("ipywidgets_state", (None, {}))
    return _read(script["body"]) if script else {}


def references(value):
    """The ids of all widgets that a state names, in order."""
    if isinstance(value, str) and value.startswith("IPY_MODEL_"):
        yield value.removeprefix("IPY_MODEL_")
    elif isinstance(value, dict):
        if set(value) >= {"model_id", "version_major"}:  # a view among an Output's outputs
            yield value["model_id"]
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def reachable(states, model):
    """The id of a widget and of all that it names, directly or not, each once."""
    found, todo = [], [model]
    while todo:
        one = todo.pop(0)
        if one in states and one not in found:
            found.append(one)
            todo += references(states[one]["state"])
    return found


def works(states, model):
    """Whether anything in a widget brings its own front end, or all of it can be shown as it is;
    stock controls need a kernel. The host decides the same for what it draws.
    """
    found = [states[one] for one in reachable(states, model)]
    own = [saved["state"] for saved in found if saved["state"].get("_esm")]
    if any(not state.get("needs_kernel") for state in own):
        return True
    texts = r"(HTML|HTMLMath|Label|\w*Box|Tab|Accordion|Stack|Output|Layout|\w*Style)Model$"
    return all(re.match(texts, saved["model_name"]) for saved in found)


def is_hidden(states, model):
    """Whether its kernel had put a widget out of sight, such as a progress bar that is done."""
    layout = states.get(model, {}).get("state", {}).get("layout", "")
    layout = states.get(layout.removeprefix("IPY_MODEL_"), {}).get("state", {})
    return layout.get("visibility") == "hidden" or layout.get("display") == "none"


class OneName(SphinxTransform):
    """Two explorers of one name would answer to one permalink: the build tells of both."""

    default_priority = 31

    def apply(self):
        states, first = find_states(self.env, self.env.docname), {}
        for cell in elements(self.document, "cell_code"):
            for model in (m for view in _views(cell) for m in reachable(states, view)):
                name = (states[model]["state"].get("meta") or {}).get("name")
                there, known = first.setdefault(name, (cell, model)) if name else (cell, model)
                if known != model:
                    LOGGER.warning(
                        "two explorers of this page are called %r, in %s and in %s; give one of "
                        "them another name, because links find an explorer by its name",
                        *(name, place(there), place(cell)),
                        location=cell,
                        type="labs",
                        subtype="name",
                    )


def _views(cell):
    for bundle in elements(cell, "mime_bundle"):
        view = part(bundle, WIDGET)
        if view is not None:
            yield view.children[0]["model"]


class Addresses(SphinxTransform):
    """A link can lead to a widget by its name: `#widget-talk`, and the label `talk-of-page`."""

    default_priority = 32

    def apply(self):
        states, page = find_states(self.env, self.env.docname), self.env.docname.split("/")[-1]
        for cell in list(elements(self.document, "cell_code")):
            for state in (states.get(model, {}).get("state", {}) for model in _views(cell)):
                name = (state.get("meta") or {}).get("name") or state.get("name")
                if state.get("_esm") and name and f"widget-{name}" not in self.document.ids:
                    place = nodes.target(ids=[f"widget-{name}"], names=[f"{name}-of-{page}"])
                    self.document.note_explicit_target(place)
                    cell.parent.insert(cell.parent.index(cell), place)


class Files:
    """Writes texts beside the pages, each once."""

    def __init__(self, outdir):
        self.folder = Path(outdir, "_static", FOLDER)

    def put(self, text):
        """The name of the file that hands `text` to the page."""
        name = hashlib.sha256(text.encode()).hexdigest()[:20]
        path = self.folder / f"{name}.js"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            code = (
                f"(window.widgetFiles ??= {{}})[{name!r}] = {json.dumps(text, ensure_ascii=False)};"
            )
            path.write_text(code, encoding="utf-8")
        return name


def share_out(states, files):
    """The states without what `files` holds for them now."""
    return {model: _share_one(saved, files) for model, saved in states.items()}


def _share_one(saved, files):
    state = saved["state"]
    shared = {key: files.put(state[key]) for key in SHARED if len(state.get(key) or "") > LARGE}
    slim = {**saved, "state": {k: v for k, v in state.items() if k not in shared}}
    buffers = [
        {"path": b["path"], "file": files.put(b["data"])} if len(b["data"]) > LARGE else b
        for b in saved.get("buffers", ())
    ]
    return slim | ({"shared": shared} if shared else {}) | ({"buffers": buffers} if buffers else {})


def mend_scripts(app, pagename, templatename, context, doctree):
    """Put small states into the page, the host's words, and what its first widget needs first."""
    scripts = list(context.get("script_files", []))
    settings = {"words": words.templates("host"), "late": []}
    at = next((i for i, s in enumerate(scripts) if s.attributes.get("type") == STATE), None)
    if at is not None:
        whole = json.loads(scripts[at].attributes["body"])
        states = share_out(whole["state"], Files(app.outdir))
        scripts[at] = data_script({**whole, "state": states}, type=STATE)
        late = [str(s.filename) for s in scripts if MATHJAX in str(s.filename)]
        if not late and any(s["model_name"] in WITH_FORMULAS for s in states.values()):
            late = [f"_static/{app.config.mathjax_path}"]
        settings["late"] = [context["pathto"](name, 1) for name in late]
        first = first_files(states, context.get("body", ""))
        scripts = [*map(early_script, first), *(s for s in scripts if str(s.filename) not in late)]
    tail = data_script(settings, id="host-settings", type="application/json")
    context["script_files"] = [*scripts, tail]


def early_script(name):
    """Asks for a file of `Files` before the host does; one that fails goes, so the host tells."""
    marks = {"async": "", "data-file": name, "onerror": "this.remove()"}
    return _JavaScript(f"_static/{FOLDER}/{name}.js", priority=0, **marks)


def data_script(data, **attributes):
    """JSON that rides along in a page."""
    return _JavaScript("", body=sanitize_script_content(json.dumps(data)), **attributes)


def first_files(states, body):
    """The files of the first widget of a page that works without a kernel."""
    for view in re.findall(r'"model_id": "(\w+)"', body):
        for model in reachable(states, view):
            if states[model].get("shared"):
                buffers = states[model].get("buffers", ())
                return [
                    *states[model]["shared"].values(),
                    *(b["file"] for b in buffers if "file" in b),
                ]
    return []


def drop_unused(app, error):
    """Remove the files of earlier builds that no page names any more."""
    if error is None and app.builder.format == "html":
        pages = [path.read_text(encoding="utf-8") for path in Path(app.outdir).rglob("*.html")]
        for path in Path(app.outdir, "_static", FOLDER).glob("*.js"):
            if not any(path.stem in page for page in pages):
                path.unlink()
