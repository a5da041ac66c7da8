"""Every picture that a cell shows has words.

In a chapter a paragraph wholly in italics stands below a figure and says what to see. `Captions`
makes the two a `figure` with its `caption`, so the words belong to the picture for everyone; they
stay the ordinary paragraph that translators see. A picture without such a paragraph has the
sentence that its output brings along as text, and the build tells of one that has neither.
"""

import re

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
PLOTLY = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
PICTURES = ("image/png", "image/svg+xml", "image/jpeg", PLOTLY)
# Figure(…), <Axes: …>, [<matplotlib…>], {'a': …}, plot.png: what an object prints is no sentence
NO_WORDS = re.compile(r"[\[{<(]|[\w.]+\(|\S+\.(png|jpe?g|svg)$|[Ff]ig(ure|\.)?\s*\d*$")


class Captions(SphinxTransform):
    """Gives each cell's picture the italic paragraph below it, before references are resolved and
    after texts are translated (Sphinx's Locale has priority 20).
    """

    default_priority = 30

    def apply(self):
        for cell in list(elements(self.document, "cell_code")):
            shown = [bundle for bundle in elements(cell, "mime_bundle") if _has_picture(bundle)]
            caption = _caption_below(cell) if shown else None
            if caption is not None:
                caption.parent.remove(caption)
                _join(shown[-1], caption)
                for bundle in shown[:-1]:
                    bundle["words"] = plain(caption)
            for bundle in shown:
                if not words_of(bundle):
                    LOGGER.warning(
                        "%s: expected words for its picture, got none; write a paragraph in "
                        "*italics* below it, or show it with labs.figures.show(figure, says='…')",
                        place(cell),
                        location=cell,
                        type="labs",
                        subtype="words",
                    )


def elements(tree, kind):
    """MyST-NB's containers of one kind, in order."""
    return (n for n in tree.findall(nodes.container) if n.get("nb_element") == kind)


def place(cell):
    """Where a cell stands in its notebook, in words."""
    count = f" (In [{cell['exec_count']}])" if cell.get("exec_count") else ""
    return f"cell {cell['cell_index'] + 1}{count}"


def part(bundle, *mimes):
    """The output's first format of those named, or None."""
    return next((child for child in bundle if child["mime_type"] in mimes), None)


def words_of(bundle):
    """What an output's picture shows, as plain text: its caption's first sentence, the alternative
    text of the cell, the output's own text, or a plotly figure's title; "" where there is none.
    """
    if isinstance(bundle.parent, nodes.figure):
        return first_sentence(plain(bundle.parent.next_node(nodes.caption)))
    if bundle.get("words"):
        return first_sentence(bundle["words"])
    image = next(iter(bundle.findall(nodes.image)), None)
    figure = next((raw for raw in bundle.findall(nodes.raw) if raw.get("title")), {})
    return (image and image.get("alt")) or text_of(bundle) or figure.get("title", "")


def text_of(bundle):
    """The output's text, where it is a sentence and not what Python prints of an object."""
    found = part(bundle, "text/plain")
    text = " ".join(found.astext().split()) if found else ""
    return "" if NO_WORDS.match(text) else text


def plain(node):
    """A node's text without the backslashes and braces of its formulas."""
    return " ".join(re.sub(r"[\\{}]", "", node.astext()).split())


def first_sentence(text):
    """Up to the first full stop before a space."""
    return re.split(r"(?<=[.!?。！？])\s", text, maxsplit=1)[0]


def _has_picture(bundle):
    return part(bundle, *PICTURES) is not None


def _caption_below(cell):
    """The next paragraph, when it is wholly in italics and only cells without pictures, as their
    results are read against the figure, stand between.
    """
    for node in cell.parent[cell.parent.index(cell) + 1 :]:
        if isinstance(node, nodes.paragraph):
            return node if _is_italic(node) else None
        is_cell = isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"
        if not is_cell or any(map(_has_picture, elements(node, "mime_bundle"))):
            return None
    return None


def _is_italic(paragraph):
    rest = [
        node for node in paragraph if not isinstance(node, nodes.emphasis) and node.astext().strip()
    ]
    return bool(paragraph.children) and not rest


def _join(bundle, paragraph):
    """The output and its words as one figure."""
    children = [c for n in paragraph for c in (n if isinstance(n, nodes.emphasis) else [n])]
    # rawsource: what translators were given
    caption = nodes.caption(paragraph.rawsource, "", *children)
    caption.source, caption.line = paragraph.source, paragraph.line
    figure = nodes.figure(classes=["output-figure"])
    figure.source, figure.line = bundle.source, bundle.line
    bundle.replace_self(figure)
    figure += [bundle, caption]
