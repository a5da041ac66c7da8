"""What a code cell of a chapter has to keep to. Each rule says what is wrong with a cell, or ""."""

import ast
import re

from IPython.core.inputtransformer2 import TransformerManager

LONGEST = 84
"""Characters of a line of code that a page shows without a scroll bar."""
VERDICTS = ("labs.claims.record", "claims.record")
TRUTH = re.compile(r"\b(True|False)$")


def outputs(cell):
    """Every text that the cell has stored: what it printed, and each format of what it showed."""
    for output in cell.outputs:
        texts = [output.get("text"), *output.get("data", {}).values()]
        yield from (text for text in texts if isinstance(text, str))


def about_numbers_are_asserted(cell):
    """Nothing else holds a number after `≈`: comparisons of notebooks leave it out."""
    if not any("≈" in text for text in outputs(cell)) or asserts(cell.source):
        return ""
    return "shows a number after ≈ and asserts nothing; assert it, or record a claim"


def values_are_shown(cell):
    """A reader who sees "True" has to believe it; one who sees the values can judge."""
    lines = [line.rstrip(" .") for text in outputs(cell) for line in text.splitlines()]
    found = next((line for line in lines if TRUTH.search(line)), None)
    return f"shows {found.strip()[-40:]!r}; show the values that were compared" if found else ""


def lines_fit_a_page(cell):
    """The longest line of code fits the column of text."""
    longest = max(cell.source.splitlines(), key=len, default="")
    if len(longest) <= LONGEST:
        return ""
    start = longest.strip()[:30]
    return f"has a line of {len(longest)} characters, more than {LONGEST}: {start!r}…"


RULES = (about_numbers_are_asserted, values_are_shown, lines_fit_a_page)


def asserts(source):
    """Whether code of a notebook has an assert statement or records a claim."""
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return False
    return any(
        isinstance(node, ast.Assert)
        or isinstance(node, ast.Call)
        and ast.unparse(node.func) in VERDICTS
        for node in ast.walk(tree)
    )
