"""What nbval forgives where it compares notebooks: a number after ≈, and nothing else."""

import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

ROOT = Path(__file__).resolve().parents[1]
RECORD = 'claims.record("A5", "{}", {{"rate": ({}, "{}")}})'


def printed(text, stored):
    """A cell that prints `text`, and its output when it printed `stored`."""
    return f"print({text!r})", f"print({stored!r})"


def recorded(now, then, expectations=("0 to 1", "0 to 1"), verdicts=("holds", "holds")):
    """A cell that records a claim, and the cell that it was when its output was stored."""
    values = zip(verdicts, (now, then), expectations)
    return tuple("from labs import claims\n" + RECORD.format(*value) for value in values)


CELLS = {
    "another number": (*printed("loss ≈ 0.47, rate 0.1", "loss ≈ 0.5123, rate 0.1"), True),
    "another deviation": (*printed("≈ 0.473 ± 0.004.", "≈ 0.48 ± 0.02."), True),
    "other powers and signs": (*printed("≈ 7e-18 and ≈ -3", "≈ -2.1e+3 and ≈ .5"), True),
    "another thousand": (*printed("≈ 1,234 tokens", "≈ 987 tokens"), True),
    "a column filled up": (*printed("≈ 0.473   ≈ 2", "≈ 0.5 ± 0.1 ≈ 2"), True),
    "a column filled up before": (*printed("bytes   ≈ 0.47", "bytes ≈ 0.4712"), True),
    "another plain number": (*printed("loss ≈ 0.47, rate 0.1", "loss ≈ 0.47, rate 0.3"), False),
    "no sign": (*printed("loss 0.47", "loss 0.48"), False),
    "another end of a range": (*printed("≈ 0.1 to 0.3", "≈ 0.1 to 0.4"), False),
    "another word": (*printed("loss ≈ 0.47", "score ≈ 0.47"), False),
    "another word after it": (*printed("≈ 0.47 seconds", "≈ 0.47 minutes"), False),
    "no number": (*printed("≈ 0.47", "≈ nan"), False),
    "a card with another value": (*recorded("0.42", "0.0000037"), True),
    "a card with other repeats": (*recorded("[0.42, 0.5]", "[0.41, 0.3]"), True),
    "a card with another count of repeats": (*recorded("0.42", "[0.41, 0.3]"), False),
    "a card with another expectation": (*recorded("0.42", "0.42", ("0 to 1", "0 to 2")), False),
    "a card with another exact number": (*recorded("430", "431", ("= 430", "= 431")), False),
    "another verdict": (*recorded("0.4", "0.4", verdicts=("holds", "does not hold")), False),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """{name of a cell: whether nbval passes it}, all of CELLS compared in one notebook."""
    folder = tmp_path_factory.mktemp("nbval")
    notebook = new_notebook(cells=[new_code_cell(then) for _, then, _ in CELLS.values()])
    NotebookClient(notebook, kernel_name="python3").execute()
    for cell, (now, _, _) in zip(notebook.cells, CELLS.values()):
        cell.source = now
    nbformat.write(notebook, folder / "cells.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q"]
    command += ["--nbval-sanitize-with", ROOT / "tests" / "nbval_sanitize.cfg"]
    command += ["--rootdir", folder, "-p", "no:cacheprovider", "--junitxml", folder / "report.xml"]
    told = subprocess.run(
        command + [folder], cwd=folder, capture_output=True, text=True, encoding="utf-8"
    )
    assert told.returncode in (0, 1), told.stdout + told.stderr
    cases = xml.etree.ElementTree.parse(folder / "report.xml").iter("testcase")
    passed = [case.find("failure") is None and case.find("error") is None for case in cases]
    return dict(zip(CELLS, passed, strict=True))


@pytest.mark.parametrize("name", CELLS)
def test_a_number_after_about_may_differ_and_nothing_else_may(outcomes, name):
    assert outcomes[name] == CELLS[name][2]


def test_make_test_compares_notebooks_so():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "--nbval-sanitize-with tests/nbval_sanitize.cfg tests book" in makefile
