"""Talk in a real JupyterLab: the kernel's model in the page, in the book's environment and in one
with Colab's versions.
"""

import json
import sys

import pytest
import small_gpt
from explorers import until
from jupyter import COLAB, JupyterLab
from talks import Talking

CELLS = [
    """import json, labs
first = labs.Talk("model", name="first", prompt="import ", seed=3)
second = labs.Talk("model", name="second", temperature=0)
print(first.weights is second.weights)""",
    "first",
    "second",
    "first.bits, first.prompt = 3, 'class '",
    "print(json.dumps([first.text, first.temperature, first.seed]))",
    "from IPython.display import clear_output; clear_output()",
]
MADE, FIRST, SECOND, CHANGE, TEXT = range(5)


@pytest.fixture(scope="module", params=[sys.executable, COLAB], ids=["own", "colab"])
def notebook(request, chromium, tmp_path_factory):
    """A notebook beside a saved model, run from top to bottom."""
    with JupyterLab(tmp_path_factory.mktemp("lab") / "lab", request.param) as lab:
        small_gpt.save(lab.notebooks / "model", half=False)  # as a model is that was just trained
        lab.write("talk.ipynb", *CELLS[: TEXT + 1])
        context = chromium.new_context(viewport={"width": 1280, "height": 1400})
        opened = lab.open(context.new_page(), "talk.ipynb")
        opened.page.evaluate("() => 0")
        yield opened
        context.close()


def test_the_kernels_model_talks_and_both_sides_can_move_it(notebook):
    page = notebook.page
    assert notebook.run(MADE).strip() == "True"
    for cell in (FIRST, SECOND):
        notebook.run(cell)
    first, second = (Talking(page, name).wait() for name in ("first", "second"))
    until(page, lambda: len(page.workers) == 2)
    first.wait()
    text = first.generate()
    assert text.startswith("import ") and len(text) > 10
    assert first.generate() == text and second.generate() != text
    first.set(temperature=0.5)
    until(page, lambda: json.loads(notebook.run(TEXT)) == [text, 0.5, 3])
    notebook.run(CHANGE)
    until(page, lambda: first.find('input[data-control="bits"]').input_value() == "3")
    until(page, lambda: first.text == "class ")
    other = first.generate()
    assert other.startswith("class ") and json.loads(notebook.run(TEXT))[0] == other
    first.find('[data-token="0"]').click()
    page.keyboard.press("ArrowRight")
    until(page, lambda: first.find(".talk-words").inner_text().startswith("Token 2, "))
    assert notebook.prompt(FIRST) != "[ ]:"
    page.evaluate("jupyterapp.commands.execute('editmenu:clear-all')")
    until(page, lambda: not page.workers)
    assert notebook.errors == []
