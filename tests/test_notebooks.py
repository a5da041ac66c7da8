"""The stored notebooks are fresh, and the tool that keeps them so notices when they are not."""

import base64
import copy
import io
from pathlib import Path

import cell_rules
import nbformat
import notebooks
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]


def test_every_stored_notebook_is_fresh_small_and_whole():
    found = {
        path.relative_to(ROOT).as_posix(): notebooks.check(path) for path in notebooks.chapters()
    }
    assert found and not {name: problems for name, problems in found.items() if problems}, (
        "run: make notebooks"
    )


@pytest.mark.parametrize("rule", cell_rules.RULES, ids=lambda rule: rule.__name__)
def test_every_cell_of_every_chapter_keeps_to_the_rules(rule):
    read = {path.name: nbformat.read(path, as_version=4) for path in notebooks.chapters()}
    found = {name: notebooks.broken_rules(notebook, [rule]) for name, notebook in read.items()}
    assert not {name: broken for name, broken in found.items() if broken}


@pytest.fixture
def stored():
    """A notebook as the tool leaves it."""
    two = new_output("execute_result", data={"text/plain": "2"}, execution_count=7)
    view = new_output(
        "display_data", data={"text/plain": "Slider()", notebooks.WIDGET_VIEW: {"model_id": "a1"}}
    )
    notebook = new_notebook(
        metadata={
            "widgets": {"state": {}},
            "kernelspec": {"name": "my-env", "display_name": "Mine"},
            "signature": "x",
        },
        cells=[
            new_markdown_cell("# One"),
            new_code_cell("1 + 1", execution_count=7, outputs=[two]),
            new_code_cell(""),
            new_code_cell(
                "show()",
                execution_count=3,
                outputs=[view],
                metadata={"execution": {"busy": "now"}, "tags": ["hide-input"]},
            ),
        ],
    )
    notebooks.normalise(notebook)
    return notebook


def test_normalising_leaves_nothing_that_changes_by_itself(stored):
    assert notebooks.problems(stored, 1000) == []
    assert set(stored.metadata) == {"kernelspec", "language_info", "code_hash"}
    assert [cell.get("execution_count") for cell in stored.cells] == [None, 1, None, 2]
    folded = {"jupyter": {"source_hidden": True}, "cellView": "form"}
    assert stored.cells[3].metadata == {"tags": ["hide-input"], **folded}
    assert stored.cells[1].metadata == {}
    assert stored.cells[3].outputs[0].data == {"text/plain": "Slider()"}
    again = copy.deepcopy(stored)
    notebooks.normalise(again)
    assert again == stored


@pytest.mark.parametrize(
    "damage, sentence",
    [
        (lambda n: n.cells[1].update(source="1 + 2"), "has code that is newer than its outputs"),
        (lambda n: n.cells.append(new_code_cell("2")), "was never run from top to bottom"),
        (lambda n: n.cells[1].update(execution_count=5), "was never run from top to bottom"),
        (
            lambda n: n.cells[1].outputs.append(
                new_output("error", ename="E", evalue="", traceback=[])
            ),
            "holds an error",
        ),
        (lambda n: n.metadata.update(widgets={}), "holds widget state"),
        (
            lambda n: n.metadata.kernelspec.update(name="other"),
            "asks for another kernel than python3",
        ),
    ],
)
def test_a_stale_notebook_is_named_with_its_reason(stored, damage, sentence):
    damage(stored)
    assert notebooks.problems(stored, 1000) == [sentence]


def test_prose_may_change_without_running_anything(stored):
    stored.cells[0].source = "# Another title"
    assert notebooks.problems(stored, 1000) == []


def png(picture):
    file = io.BytesIO()
    picture.save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_a_plot_is_stored_smaller_and_looks_the_same():
    rng = np.random.default_rng(0)
    plot = np.full((200, 300, 3), 255, np.uint8)
    colours = rng.integers(256, size=(80, 3))
    plot[rng.integers(200, size=4000), rng.integers(300, size=4000)] = colours[
        rng.integers(80, size=4000)
    ]
    before = png(Image.fromarray(plot))
    after = notebooks.compact(before)
    assert len(after) < len(before) * 0.7
    assert (
        np.abs(
            np.asarray(Image.open(io.BytesIO(base64.b64decode(after))).convert("RGB")).astype(int)
            - plot
        ).max()
        <= 8
    )
    assert notebooks.compact(after) == after


def test_a_photograph_is_stored_as_it_is():
    noise = np.random.default_rng(0).integers(256, size=(200, 300, 3)).astype(np.uint8)
    assert notebooks.compact(png(Image.fromarray(noise))) == png(Image.fromarray(noise))


def test_a_notebook_of_half_a_megabyte_is_too_big(stored):
    assert notebooks.problems(stored, 500_001) == ["has 500,001 bytes, more than 500,000"]


def test_a_failing_notebook_is_left_as_it_was(tmp_path):
    path = tmp_path / "broken.ipynb"
    nbformat.write(
        new_notebook(cells=[new_code_cell("print('first')"), new_code_cell("1 / 0")]), path
    )
    before = path.read_bytes()
    [problem] = notebooks.refresh(path)
    assert "ZeroDivisionError" in problem
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_refreshing_stores_what_the_code_prints_today(tmp_path):
    path = tmp_path / "chapter.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell("print(6 * 7)")]), path)
    assert notebooks.check(path) and notebooks.refresh(path) == [] and notebooks.check(path) == []
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].text == "42\n"


def cell(source="", printed="", **shown):
    """A code cell that stored what it printed, and what it showed by MIME type."""
    outputs = [new_output("stream", text=printed)] if printed else []
    outputs += [new_output("display_data", data=shown["data"])] if shown else []
    return new_code_cell(source, outputs=outputs)


ABOUT = "loss ≈ 0.47\n"


@pytest.mark.parametrize(
    "silent",
    [
        cell("print(loss)", ABOUT),
        cell("# assert loss < 1\nprint('assert loss < 1')", ABOUT),
        cell("runs.record(loss)", ABOUT),
        cell("this is no code", ABOUT),
        cell("show()", data={"text/html": "<p>≈ 0.47</p>", "text/plain": "figure"}),
        cell("show()", data={"application/vnd.labs.claim": '{"value": "≈ 0.47"}'}),
    ],
)
def test_a_number_after_about_that_nothing_asserts_is_noticed(silent):
    assert "asserts nothing" in cell_rules.about_numbers_are_asserted(silent)


@pytest.mark.parametrize(
    "fine",
    [
        cell("print(loss)\nassert loss < 1", ABOUT),
        cell("for loss in losses:\n    print(loss)\n    assert loss < 1", ABOUT),
        cell("%matplotlib inline\nassert loss < 1, 'too high'", ABOUT),
        cell('labs.claims.record("A5", "holds", {"loss": (loss, "< 1")})', ABOUT),
        cell('claims.record("A5", "holds", {"loss": (loss, "< 1")})', ABOUT),
        cell("print(loss)", "loss 0.47\n"),
        cell("# ≈ 0.47"),
    ],
)
def test_a_cell_may_show_about_numbers_that_it_asserts(fine):
    assert cell_rules.about_numbers_are_asserted(fine) == ""


@pytest.mark.parametrize(
    "told",
    [
        cell("", "falls: True\n"),
        cell("", "falls: False \nand more\n"),
        cell("", "It is True.\n"),
        cell("", data={"text/plain": "np.True"}),
        cell("", data={"text/html": "falls:\nTrue\n"}),
    ],
)
def test_true_for_a_result_is_noticed(told):
    assert "show the values" in cell_rules.values_are_shown(told)


def test_true_within_a_line_or_a_word_is_no_result():
    assert cell_rules.values_are_shown(cell("x = True", "nesterov=True, rate 0.1\nUntrue\n")) == ""


def test_a_line_of_85_characters_is_too_long_and_one_of_84_is_not():
    assert cell_rules.lines_fit_a_page(cell("a\n" + "é" * 84)) == ""
    assert "85 characters" in cell_rules.lines_fit_a_page(cell("a\n" + "é" * 85))


def test_a_broken_rule_is_a_problem_named_with_its_cell(stored):
    stored.cells[3].outputs[0].data["text/plain"] = "loss ≈ 0.47"
    [problem] = notebooks.problems(stored, 1000)
    assert problem.startswith("code cell 2 shows a number after ≈")


def test_a_claim_is_kept_as_it_was_recorded(stored):
    contents = '{"id": "A5", "value": "≈ 0.47"}'
    stored.cells[3].outputs[0].data["application/vnd.labs.claim"] = contents
    notebooks.normalise(stored)
    assert stored.cells[3].outputs[0].data["application/vnd.labs.claim"] == contents


@pytest.mark.parametrize(
    "source",
    [
        "figure, axes = plt.subplots()\nplt.show()",
        "axes[0].plot(x)\naxes[0].set(x=1)\naxes[1].plot(x)\naxes[1].legend()",
        "%pip install labs",
        "import labs\n!pip install labs",
    ],
)
def test_a_cell_that_draws_or_installs_and_is_not_folded_breaks_a_rule(source):
    rule = cell_rules.drawing_and_installing_are_folded
    assert "is not folded; give it the tag hide-input" in rule(new_code_cell(source))
    for tag in ("hide-input", "remove-input"):
        assert rule(new_code_cell(source, metadata={"tags": [tag]})) == ""


@pytest.mark.parametrize(
    "source", ["x = 1", "axes.axhline(1)", "labs.Explorer(runs, name='a')", "model(x).plot"]
)
def test_a_cell_that_hardly_draws_may_be_open(source):
    assert cell_rules.drawing_and_installing_are_folded(new_code_cell(source)) == ""
