"""Predict first in a real JupyterLab: the kernel knows what was predicted, and the count as well.

In the book's environment, and in one with Colab's versions.
"""

import json
import sys

import pytest
from explorers import until
from jupyter import COLAB, JupyterLab

CELLS = [
    """import json, labs
grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.001, 0.01], seed=[0])
runs = labs.sweep(labs.tasks.spirals(), grid, steps=20)
lowest = lambda runs: runs.val_loss.isel(step=-1).min("learning_rate").squeeze().idxmin().item()
which = labs.Question("Which ends lower?", {"sgd": "sgd", "adam": "adam"}, answer=lowest,
                      because={"sgd": "It falls further.", "adam": "It falls faster."})
sure = labs.Question("Is it a record?", {"yes": "yes", "no": "no"}, "yes", "It was trained.")
explorer = labs.Explorer(runs, name="asking", ask=[which, sure])""",
    "explorer",
    "predictions = labs.Predictions(explorer); predictions",
    """print(json.dumps([explorer.answers, predictions.asked, predictions.still_open,
                  predictions.shown, predictions.predicted, predictions.right]))""",
    "print(lowest(runs))",
    "explorer.answers = {}",
]
COUNTS, ANSWER, RESET = 3, 4, 5


@pytest.fixture(scope="module", params=[sys.executable, COLAB], ids=["own", "colab"])
def notebook(request, chromium, tmp_path_factory):
    """A notebook that asks, run from top to bottom."""
    with JupyterLab(tmp_path_factory.mktemp("lab") / "lab", request.param) as lab:
        lab.write("asking.ipynb", *CELLS)
        context = chromium.new_context(viewport={"width": 1280, "height": 1400})
        opened = lab.open(context.new_page(), "asking.ipynb")
        opened.run_all()
        opened.page.locator(".labs-predictions .score").wait_for()
        yield opened
        context.close()


def test_predictions_reach_the_kernel_and_the_kernel_can_ask_again(notebook):
    page = notebook.page
    question = lambda position: page.locator(f'[data-name="asking"] [data-question="{position}"]')
    score = page.locator(".labs-predictions .score")
    assert page.locator("[data-covered]").count() == 2
    right = notebook.run(ANSWER).strip()
    question(0).locator(f'[data-option="{right}"]').click()
    question(0).locator("[data-commit]").click()
    assert question(0).locator("[data-verdict]").evaluate("e => e === document.activeElement")
    assert score.inner_text() == "You predicted 1 of 1 right."
    assert json.loads(notebook.run(COUNTS)) == [{"0": right}, 2, 1, 0, 1, 1]
    question(1).locator("[data-reveal]").focus()
    page.keyboard.press("Enter")
    until(page, lambda: page.locator("[data-covered]").count() == 0)
    assert json.loads(notebook.run(COUNTS)) == [{"0": right, "1": ""}, 2, 0, 1, 1, 1]
    notebook.run(RESET)
    until(page, lambda: page.locator("[data-covered]").count() == 2)
    assert not question(0).locator("[data-option]:checked").count()
    assert score.inner_text() == "You have not predicted anything yet."
    page.get_by_role("button", name="Which ends lower?").focus()
    page.keyboard.press("Enter")
    assert question(0).locator("[data-option]").first.evaluate("e => e === document.activeElement")
    assert notebook.errors == []
