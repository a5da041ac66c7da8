"""Runs the book's notebooks again and stores their outputs, or says which are out of date.

    python tools/notebooks.py [--check] [notebook ...]

A stored notebook has the outputs of its present code and nothing that changes by itself: no widget
state, no times, one kernel name. It is written whole or, when a cell fails, not at all. A hash of
the code cells is kept in its metadata, so that `--check` can tell without running anything. It also
says which cells break a rule of `cell_rules.py`.
"""

import argparse
import base64
import hashlib
import io
import os
import sys
import tempfile
from pathlib import Path

import cell_rules
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from PIL import Image, ImageChops, ImageStat

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "book"
MAX_BYTES = 500_000
CELL_SECONDS = 600
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
KEPT_CELL_METADATA = ("tags", "mystnb", "editable")
FOLDED = {"jupyter": {"source_hidden": True}, "cellView": "form"}  # in JupyterLab, and in Colab
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def chapters():
    """Every notebook of the book."""
    return sorted(path for path in BOOK.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)


def code_cells(notebook):
    """The cells that a kernel runs."""
    return [cell for cell in notebook.cells if cell.cell_type == "code" and cell.source.strip()]


def code_hash(notebook):
    """A hash of everything a kernel is given, in order."""
    digest = hashlib.sha256()
    for cell in code_cells(notebook):
        digest.update(cell.source.encode() + b"\0")
    return digest.hexdigest()[:16]


def execute(notebook, folder):
    """Run every cell in a fresh kernel. Raises CellExecutionError where one fails."""
    os.environ["LABS_PROGRESS"] = "off"  # a progress bar is no result
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute()


def normalise(notebook):
    """Keep what the chapter says and shows; drop what would differ after the next run."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": KERNEL,
            "language_info": {"name": "python"},
            "code_hash": code_hash(notebook),
        }
    )
    count = 0
    for position, cell in enumerate(notebook.cells):
        cell.metadata = nbformat.from_dict(
            {key: cell.metadata[key] for key in KEPT_CELL_METADATA if key in cell.metadata}
        )
        if cell.cell_type == "code" and cell_rules.FOLD in cell.metadata.get("tags", ()):
            cell.metadata.update(FOLDED)
        cell.setdefault("id", f"cell-{position}")
        if cell.cell_type != "code":
            continue
        executed = bool(cell.source.strip())
        count += executed
        cell.execution_count = count if executed else None
        cell.outputs = [
            _without_live_parts(output, cell.execution_count) for output in cell.outputs
        ]


def _without_live_parts(output, count):
    """One output without the view of a widget whose state is not stored; all else stays."""
    output = output.copy()
    if output.output_type == "execute_result":
        output.execution_count = count
    if "data" in output:
        output.data = nbformat.from_dict(
            {
                mime: compact(data) if mime == "image/png" else data
                for mime, data in output.data.items()
                if mime != WIDGET_VIEW
            }
        )
        output.metadata = nbformat.from_dict(
            {mime: data for mime, data in output.metadata.items() if mime in output.data}
        )
    return output


def compact(png):
    """A base64-coded picture with a palette of 256 colours, where no eye would see the difference.

    It has a third of the bytes. A photograph is returned as it is.
    """
    picture = Image.open(io.BytesIO(base64.b64decode(png)))
    if (
        picture.mode == "P"
        or picture.mode == "RGBA"
        and picture.getchannel("A").getextrema()[0] < 255
    ):
        return png
    picture = picture.convert("RGB")
    few = picture.quantize(256, dither=Image.Dither.NONE)
    difference = ImageStat.Stat(ImageChops.difference(picture, few.convert("RGB")))
    if max(difference.mean) > 1:  # of 255: a photograph
        return png
    file = io.BytesIO()
    few.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode() + "\n"


def problems(notebook, size):
    """What is wrong with a stored notebook, as sentences; an empty list when nothing is."""
    found = []
    cells = code_cells(notebook)
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        found.append("was never run from top to bottom")
    elif notebook.metadata.get("code_hash") != code_hash(notebook):
        found.append("has code that is newer than its outputs")
    if any(output.output_type == "error" for cell in cells for output in cell.outputs):
        found.append("holds an error")
    if "widgets" in notebook.metadata or any(
        WIDGET_VIEW in output.get("data", {}) for cell in cells for output in cell.outputs
    ):
        found.append("holds widget state")
    if notebook.metadata.get("kernelspec", {}).get("name") != "python3":
        found.append("asks for another kernel than python3")
    if size > MAX_BYTES:
        found.append(f"has {size:,} bytes, more than {MAX_BYTES:,}")
    return found + broken_rules(notebook)


def broken_rules(notebook, rules=cell_rules.RULES):
    """Which code cells, counted from 1, break which rule, as sentences."""
    cells = enumerate(code_cells(notebook), 1)
    wrongs = ((number, rule(cell)) for number, cell in cells for rule in rules)
    return [f"code cell {number} {wrong}" for number, wrong in wrongs if wrong]


def check(path):
    """`problems` of a file."""
    return problems(nbformat.read(path, as_version=4), path.stat().st_size)


def write(notebook, path):
    """Replace the file at once, so that nobody ever reads half of it."""
    with tempfile.NamedTemporaryFile(
        "w", dir=path.parent, suffix=".part", encoding="utf-8", delete=False
    ) as part:
        nbformat.write(notebook, part)
    os.chmod(part.name, 0o644)
    os.replace(part.name, path)


def refresh(path):
    """Run one notebook and store it; say what is wrong with it now.

    Where a cell fails that is the error's text, and the file stays as it was.
    """
    notebook = nbformat.read(path, as_version=4)
    try:
        execute(notebook, path.parent)
    except CellExecutionError as error:
        return [f"failed and was left as it was\n{error}"]
    normalise(notebook)
    write(notebook, path)
    return check(path)


def main():
    """Refresh or check, one line a notebook; status 1 where something is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="run nothing, change nothing; say what is out of date"
    )
    parser.add_argument("notebooks", nargs="*", type=Path)
    args = parser.parse_args()
    wrong = 0
    for path in args.notebooks or chapters():
        found = (check if args.check else refresh)(path)
        wrong += bool(found)
        print(path, "; ".join(found) or "is up to date", flush=True)
    if wrong and args.check:
        print("run: make notebooks")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
