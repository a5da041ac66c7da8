"""Links to the glossary that work in notebooks too: `[batch](../glossary.md#term-batch)`.

Sphinx knows a glossary's terms by a role of its own, which JupyterLab and Colab show as it is
written. A link to a file is a link everywhere; here the part after # becomes the term's place.
"""

import re

from docutils import nodes
from sphinx import addnodes

BETWEEN = " · "
"""Stands between a term and its Chinese name."""


def slug(term):
    """The name by which links find a term: "term-top-k" for "top-k · top-k 采样"."""
    name = term.partition(BETWEEN)[0].lower()
    return "term-" + re.sub(r"[^a-z0-9]+", "-", name).strip("-")


def name_terms(app, doctree):
    """Tell MyST, which resolves links to files, where each term stands."""
    slugs = app.env.metadata[app.env.docname].setdefault("myst_slugs", {})
    for glossary in doctree.findall(addnodes.glossary):
        for term in glossary.findall(nodes.term):
            text = term.astext()
            slugs[slug(text)] = (term.line or 0, term["ids"][0], text.partition(BETWEEN)[0])


def mark_chinese(body):
    """HTML in which the Chinese name of a term says its language, so that it is read as such."""
    found = rf'(<dt id="term-[^"]*">[^<]*){re.escape(BETWEEN)}([^<]+)'
    return re.sub(found, r'\1 <span lang="zh">\2</span>', body)
