"""A small book, built as the real one is, of one notebook whose outputs a test made.

The cells are not run: outputs and widget states are put into the notebook as a kernel would have
sent them.
"""

import pathlib

import nbformat
import yaml
from ipywidgets.embed import dependency_state
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from small_ledger import build

ROOT = pathlib.Path(__file__).resolve().parents[2]
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
PLOTLY = "application/vnd.plotly.v1+json"
LENT = ("_static", "_templates", "_ext", "references.bib")


def text(source):
    """A markdown cell."""
    return new_markdown_cell(source)


def cell(*bundles, source="shown", printed=None, tags=()):
    """A code cell that shows outputs, each {mime type: data}."""
    outputs = [new_output("display_data", data=data) for data in bundles]
    if printed is not None:
        outputs.append(new_output("stream", name="stdout", text=printed))
    metadata = {"tags": list(tags)}
    return new_code_cell(source, outputs=outputs, execution_count=1, metadata=metadata)


def view(widget):
    """What a kernel sends to show a widget."""
    data = widget._repr_mimebundle_()
    return data[0] if isinstance(data, tuple) else data


def plotly(figure, **also):
    """What a kernel sends to show a plotly figure."""
    import json

    return {PLOTLY: json.loads(figure.to_json()), **also}


def write(folder, cells, widgets=(), change=None, toc=("page",)):
    """The sources of a book. `change`: {group of _config.yml: what to set in it}."""
    states = dependency_state(list(widgets), drop_defaults=False) if widgets else {}
    whole = {"version_major": 2, "version_minor": 0, "state": states}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    if widgets:
        metadata["widgets"] = {STATE: whole}
    for i, one in enumerate(cells):
        one["id"] = f"cell-{i}"
    book = folder / "book"
    book.mkdir(parents=True)
    nbformat.write(new_notebook(cells=list(cells), metadata=metadata), book / "page.ipynb")
    for name in LENT:
        (book / name).symlink_to(ROOT / "book" / name)
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    config["execute"]["execute_notebooks"] = "off"
    config["sphinx"]["local_extensions"] = {"offline_pages": str(ROOT / "book" / "_ext")}
    for group, values in (change or {}).items():
        config[group].update(values)
    (folder / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "_toc.yml").write_text("format: jb-book\nroot: " + toc[0] + "\n", encoding="utf-8")
    return book


def built(book):
    """The page of a book, built without a warning."""
    status, said = build(book)
    assert status == 0, said[-3000:]
    return book.parent / "_build" / "html" / "page.html"
