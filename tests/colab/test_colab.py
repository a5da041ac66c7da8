"""The chapters in an environment with Colab's versions: they run, and show what the book shows."""

import base64
import importlib.metadata
import json
import os
import pathlib
import re
import subprocess

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

from labs.widgets import payload

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLAB = os.environ.get("COLAB_PYTHON", str(ROOT / ".venv-colab" / "bin" / "python"))
CHAPTERS = sorted(ROOT.glob("book/**/*.ipynb"))
TIMED = {"load", "pruning"}  # explorers of seconds, which are measured anew each time
TRAINED = "gradient_descent"  # on an empty cache; the others find the runs of the book
USUAL = os.environ.get("LABS_CACHE")  # before a test gets a cache of its own
PINS = dict(
    re.findall(
        r"^([\w-]+)==(\S+)$",
        (ROOT / "tests" / "colab" / "requirements.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)
STOCK = {
    f"{kind}Model"
    for kind in ("FloatLogSlider", "SelectionSlider", "Dropdown", "Button", "IntProgress", "HTML")
}
STATE = "application/vnd.jupyter.widget-state+json"


def asked(program):
    """What a program prints in the second environment."""
    return subprocess.run(
        [COLAB, "-c", program], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout


def test_the_second_environment_has_the_pinned_versions_after_labs_was_installed_into_it():
    program = (
        "import importlib.metadata, json; "
        f"print(json.dumps({{n: importlib.metadata.version(n) for n in {list(PINS)}}}))"
    )
    found = {name: version.split("+")[0] for name, version in json.loads(asked(program)).items()}
    assert found == PINS


def test_both_environments_have_the_same_torch():
    assert (
        f"torch=={PINS['torch']}"
        in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    )


def test_installing_labs_there_would_replace_no_package():
    options = ["--dry-run", "--no-index", "--no-build-isolation", "--quiet", "--report", "-"]
    command = [COLAB, "-m", "pip", "install", *options, "--editable", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    report = json.loads(done.stdout)
    assert [part["metadata"]["name"] for part in report["install"]] == ["labs"]


@pytest.fixture(scope="module", params=CHAPTERS, ids=lambda path: path.stem)
def chapter(request, tmp_path_factory):
    """(its path, the notebook as it ran in the second environment).

    Every cell ran, and the state of its widgets is there. One chapter trains its runs. For the
    others that would be the same again: the two environments have one torch.
    """
    folder = tmp_path_factory.mktemp("colab")
    spec = {
        "argv": [COLAB, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "Colab",
        "language": "python",
        "env": {
            "LABS_PROGRESS": "off",
            "PYTHONPATH": str(ROOT),
            "IPYTHONDIR": str(folder / "ipython"),
            "MPLCONFIGDIR": str(folder / "matplotlib"),
        },
    }
    (folder / "kernels" / "colab").mkdir(parents=True)
    (folder / "kernels" / "colab" / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    book = nbformat.read(request.param, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        cache = str(folder / "cache") if request.param.stem == TRAINED else USUAL
        patch.setenv("LABS_CACHE", cache) if cache else patch.delenv("LABS_CACHE", raising=False)
        NotebookClient(
            book, kernel_name="colab", timeout=1800, resources={"metadata": {"path": str(folder)}}
        ).execute()
    return request.param, book


def widgets(book):
    """The saved state of every widget."""
    return book.metadata.get("widgets", {}).get(STATE, {}).get("state", {})


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


def test_every_cell_runs_with_colabs_versions(chapter):
    _, book = chapter
    cells = [cell for cell in book.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(cell.execution_count for cell in cells)
    assert not [
        output
        for output in outputs
        if output.output_type == "error" or output.get("name") == "stderr"
    ]


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
    path, book = chapter
    there, here = explorers(widgets(book)), explorers(page_widgets(path))
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
        if importlib.metadata.version("torch").split("+")[0] == PINS["torch"]:
            assert apart.max() < 0.002
            assert (
                np.array_equal(there[name][1]["diverged_at"], arrays["diverged_at"])
                and there[name][1]["trained"].all()
            )


def difference(these, those):
    """How far apart two arrays of losses are, relative to the second, where both have one."""
    both = np.isfinite(these) & np.isfinite(those)
    assert both.mean() > 0.5
    return np.abs(these[both] - those[both]) / np.abs(those[both])


def test_explorers_and_panels_are_saved_as_ipywidgets_7_saves_them(chapter):
    _, book = chapter
    states = widgets(book)
    source = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
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
        assert {part["_model_module_version"] for part in controls} == {"1.5.0"}


def below(state, states):
    """The states of the widgets inside a box, at any depth."""
    for child in state.get("children", ()):
        inside = states[child.removeprefix("IPY_MODEL_")]["state"]
        yield inside
        yield from below(inside, states)
