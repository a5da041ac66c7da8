"""Each chapter in a real JupyterLab with Colab's versions: it runs, all in it responds, and it
shows what the book shows. One runs in the book's environment, too, where nbval runs them all.
"""

import base64
import json
import os
import re
import sys
from importlib.metadata import version
from typing import NamedTuple

import nbformat
import numpy as np
import pytest
from jupyter import COLAB, ROOT, JupyterLab, Notebook
from panel import record_of, respond

from labs.widgets import payload

CHAPTERS = sorted(ROOT.glob("book/**/*.ipynb"))
TRAINED = "gradient_descent"  # on an empty cache; the others find the runs of the book
TWICE = "learning_rate"  # in both environments
TIMED = {"afford", "load", "pruning"}  # explorers of seconds, which are measured anew each time
USUAL = os.environ.get("LABS_CACHE")  # before a test gets a cache of its own
STATE = "application/vnd.jupyter.widget-state+json"
STOCK = {
    f"{kind}Model"
    for kind in ("FloatLogSlider", "SelectionSlider", "Dropdown", "Button", "IntProgress", "HTML")
}
TELL = """import gc, json, ipywidgets, labs, torch
for explorer in [thing for thing in gc.get_objects() if isinstance(thing, labs.Explorer)]:
    labs.save(explorer.runs, f"{explorer.meta['name']}.npz")
with open("told.json", "w", encoding="utf-8") as file:
    json.dump({"torch": torch.__version__, **ipywidgets.Widget.get_manager_state()}, file)"""


class Chapter(NamedTuple):
    """A chapter that ran from top to bottom: what is open, what its kernel told, its records."""

    path: object
    controls: str
    notebook: Notebook
    told: dict
    records: dict

    @property
    def code(self):
        """Its code cells as they are now, but for the last, which is the test's."""
        model = "jupyterapp.shell.currentWidget.content.model.toJSON().cells"
        cells = self.notebook.page.evaluate(model)
        return [cell for cell in cells if cell["cell_type"] == "code"][:-1]


@pytest.fixture(
    scope="module",
    params=[pytest.param((path, COLAB, "1.5.0"), id=f"colab-{path.stem}") for path in CHAPTERS]
    + [
        pytest.param((path, sys.executable, "2.0.0"), id=f"own-{path.stem}")
        for path in CHAPTERS
        if path.stem == TWICE
    ],
)
def chapter(request, chromium, tmp_path_factory):
    path, python, controls = request.param
    folder = tmp_path_factory.mktemp("chapter")
    book = nbformat.read(path, 4)
    book.cells.append(nbformat.v4.new_code_cell(TELL))
    with pytest.MonkeyPatch.context() as patch:
        cache = str(folder / "cache") if path.stem == TRAINED else USUAL
        patch.setenv("LABS_CACHE", cache) if cache else patch.delenv("LABS_CACHE", raising=False)
        with JupyterLab(folder / "lab", python) as lab:
            nbformat.write(book, lab.notebooks / path.name)
            context = chromium.new_context(viewport={"width": 1280, "height": 1400})
            notebook = lab.open(context.new_page(), path.name)
            notebook.run_all(timeout=1200)
            told = json.loads((lab.notebooks / "told.json").read_text(encoding="utf-8"))
            records = {
                file.stem: record_of(file, file.stem) for file in lab.notebooks.glob("*.npz")
            }
            yield Chapter(path, controls, notebook, told, records)
            context.close()


def test_every_cell_runs_and_none_complains(chapter):
    outputs = [output for cell in chapter.code for output in cell["outputs"]]
    assert all(cell["execution_count"] for cell in chapter.code)
    assert not [
        output
        for output in outputs
        if output["output_type"] == "error" or output.get("name") == "stderr"
    ]


def test_every_explorer_and_panel_responds(chapter):
    respond(chapter.notebook, chapter.records)
    assert chapter.notebook.page.evaluate("Object.keys(labsFrontEnds).length") == 1  # for all
    assert chapter.notebook.errors == []


def explorers(states):
    """{name: (meta, arrays)} of the explorers among saved states."""
    found = {}
    for saved in states.values():
        if saved["state"].get("_anywidget_id", "").endswith("Explorer"):
            meta = saved["state"]["meta"]
            buffer = next(b for b in saved["buffers"] if b["path"] == ["payload"])
            data = buffer.get("data") or in_file(buffer["file"])
            found[meta["name"]] = meta, payload.decode(meta, base64.b64decode(data))
    return found


def in_file(name):
    """The text that a file of the built book hands to its pages, see book/_ext/widget_states.py."""
    path = ROOT / "_build" / "html" / "_static" / "widgets" / f"{name}.js"
    return json.loads(path.read_text(encoding="utf-8").partition(" = ")[2].removesuffix(";"))


def page_widgets(path):
    """The saved state of every widget on the built page of a chapter."""
    page = (ROOT / "_build" / "html" / path.relative_to(ROOT / "book")).with_suffix(".html")
    assert page.is_file(), "the book is not built: make book"
    texts = re.findall(
        rf'<script type="{re.escape(STATE)}">(.*?)</script>',
        page.read_text(encoding="utf-8"),
        re.DOTALL,
    )
    return {id: saved for text in texts for id, saved in json.loads(text)["state"].items()}


def test_every_explorer_holds_the_numbers_that_the_built_book_shows(chapter):
    """The same torch does the same arithmetic: what may differ is one step of the coding, 0.0018.

    Another torch rounds otherwise, and a run on the edge of stability turns the last digit into
    another curve; the rest of the record, its median, stays within two percent.
    """
    there, here = explorers(chapter.told["state"]), explorers(page_widgets(chapter.path))
    assert sorted(there) == sorted(here) and here
    for name, (_, arrays) in here.items():
        assert {key: array.shape for key, array in there[name][1].items()} == {
            key: array.shape for key, array in arrays.items()
        }
        if name in TIMED:
            continue
        curves = [series for series in ("train_loss", "val_loss") if series in arrays]
        numbers = curves or sorted(arrays.keys() - {"diverged_at", "trained", "view"})
        apart = np.concatenate(
            [difference(there[name][1][series], arrays[series]) for series in numbers]
        )
        assert np.median(apart) < 0.02
        if chapter.told["torch"].partition("+")[0] == version("torch").partition("+")[0]:
            assert apart.max() < 0.002
            assert (
                np.array_equal(there[name][1]["diverged_at"], arrays["diverged_at"])
                and there[name][1]["trained"].all()
            )


def difference(these, those):
    """How far apart two arrays are where both have a number, relative to the second.

    What has no number is the same in both, but for a few: a run at the edge may diverge in one.
    """
    here, there = np.isfinite(these), np.isfinite(those)
    both = here & there
    assert both.sum() > 0.5 * max(here.sum(), there.sum()) > 0
    least = np.finfo(np.float32).tiny  # no difference from zero is none
    return np.abs(these[both] - those[both]) / np.maximum(np.abs(those[both]), least)


def test_explorers_and_panels_are_widgets_of_the_version_that_is_there(chapter):
    states = chapter.told["state"]
    source = "\n".join(cell["source"] for cell in chapter.code)
    modules = [saved for saved in states.values() if saved["state"].get("part")]
    makers = ("labs.Explorer(", "labs.live(", "labs.Predictions(", "labs.Talk(")
    assert len(modules) == sum(source.count(maker) for maker in makers)
    assert all(
        "export default" in saved["state"]["_esm"] and saved["state"]["_css"] for saved in modules
    )
    panels = [
        saved["state"]
        for saved in states.values()
        if "labs-live" in saved["state"].get("_dom_classes", ())
    ]
    assert len(panels) == source.count("labs.live(")
    for panel in panels:
        controls = [
            part
            for part in below(panel, states)
            if part["_model_module"] == "@jupyter-widgets/controls"
        ]
        assert {part["_model_name"] for part in controls} >= STOCK
        assert {part["_model_module_version"] for part in controls} == {chapter.controls}


def below(state, states):
    """The states of the widgets inside a box, at any depth."""
    for child in state.get("children", ()):
        inside = states[child.removeprefix("IPY_MODEL_")]["state"]
        yield inside
        yield from below(inside, states)
