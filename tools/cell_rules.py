"""What a code cell of a chapter has to keep to. Each rule says what is wrong with a cell, or ""."""

import ast
import re

from IPython.core.inputtransformer2 import TransformerManager

LONGEST = 84
"""Characters of a line of code that a page shows without a scroll bar."""
VERDICTS = ("labs.claims.record", "claims.record")
TRUTH = re.compile(r"\b(True|False)$")
FOLD = "hide-input"
FOLDED = {FOLD, "hide-cell", "remove-input", "remove-cell"}
BRUSH = re.compile(r"(plt|ax|axis|axes|figure|fig)(\[[^]]*\])*\.\w+$")
MOST_STROKES = 3
"""Calls that draw in a cell whose code is shown: a glimpse, and no drawing."""


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


def drawing_and_installing_are_folded(cell):
    """The picture comes first; the code that drew it, and what installs, waits behind a button."""
    if FOLDED & set(cell.metadata.get("tags", ())):
        return ""
    if re.search(r"^\s*[!%]\s*pip\b", cell.source, re.MULTILINE):
        return f"installs and is not folded; give it the tag {FOLD}"
    calls = strokes(cell.source)
    if "plt.show" not in calls and len(calls) <= MOST_STROKES:
        return ""
    return f"draws ({', '.join(calls[:3])}, …) and is not folded; give it the tag {FOLD}"


RULES = (
    about_numbers_are_asserted,
    values_are_shown,
    lines_fit_a_page,
    drawing_and_installing_are_folded,
)


def strokes(source):
    """The calls of code that draw with matplotlib, as it names them: `axes.plot`, `plt.show`."""
    calls = [node for node in ast.walk(parsed(source)) if isinstance(node, ast.Call)]
    names = [ast.unparse(call.func) for call in calls]
    return [name for name in names if BRUSH.match(name)]


def asserts(source):
    """Whether code of a notebook has an assert statement or records a claim."""
    return any(
        isinstance(node, ast.Assert)
        or isinstance(node, ast.Call)
        and ast.unparse(node.func) in VERDICTS
        for node in ast.walk(parsed(source))
    )


def parsed(source):
    """The syntax tree of code of a notebook; an empty one where it is no Python."""
    try:
        return ast.parse(TransformerManager().transform_cell(source))
    except SyntaxError:
        return ast.Module([], [])
