"""Pages that need nothing but themselves: the book's Sphinx extension.

A built page opens from disk, with no network and no server, and its widgets, figures and formulas
work. Most of that is configuration; this file is the rest:

- plotly figures: MyST-NB knows no `application/vnd.plotly.v1+json`. `PlotlyFigure` renders it
  (MyST-NB finds it through the entry point in `offline_pages.dist-info`), and plotly.js comes from
  the plotly wheel; pages with a figure fetch it.
- words for every picture: `captions.py`.
- places of widgets and figures, with a picture for readers without JavaScript: `places.py`.
- what widgets share, and their records, in files beside the pages: `widget_states.py`.
- the glossary: `glossary_links.py` makes links to its terms work here and in notebooks.
- claims: the page of all verdicts is made from the cards that the notebooks show: `ledger.py`.
- launch buttons: only on pages that are notebooks in the repository, because Colab opens nothing
  else.
- bibliographies: Sphinx calls them lists of items that they do not have, which confuses screen
  readers.
- the notebook cache: kept apart for each state of `labs`, so that a change there runs the chapters
  again.

Widgets are shown by `_static/widget-host.js`, figures by `_static/plotly-figures.js`, which Jupyter
Book adds by itself.
"""

import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import plotly.offline
from captions import PLOTLY, WIDGET, Captions
from docutils import nodes
from glossary_links import mark_chinese, name_terms
from myst_nb.core.render import MimeRenderPlugin, sanitize_script_content
from places import Places
from widget_states import Addresses, OneName, drop_unused, mend_scripts

ROOT = Path(__file__).resolve().parents[2]


class PlotlyFigure(MimeRenderPlugin):
    """Writes a plotly figure into the page as JSON; `places.py` makes its place."""

    mime_priority_overrides = [
        ("html", PLOTLY, 5),
        ("dirhtml", PLOTLY, 5),
        ("singlehtml", PLOTLY, 5),
    ]

    @staticmethod
    def handle_mime(renderer, data, inline):
        """The figure as one HTML node, or None for any other kind of output."""
        if data.mime_type != PLOTLY or inline:
            return None
        figure = data.content if isinstance(data.content, dict) else json.loads(data.string)
        body = sanitize_script_content(json.dumps(figure))
        node = nodes.raw("", f'<script type="{PLOTLY}">{body}</script>', format="html")
        node["title"] = " ".join(_title(figure).split())
        node["height"] = figure.get("layout", {}).get("height", 450)
        return [node]


class WidgetView(MimeRenderPlugin):
    """Writes a widget's view as MyST-NB does, and notes for `places.py` which widget it is."""

    @staticmethod
    def handle_mime(renderer, data, inline):
        """The view as one HTML node, or None for any other kind of output."""
        if data.mime_type != WIDGET:
            return None
        node = nodes.raw("", "", format="html", model=data.content["model_id"])
        body = sanitize_script_content(json.dumps(data.content))
        node += nodes.Text(f'<script type="{WIDGET}">{body}</script>')
        return [node]


def _title(figure):
    """The figure's title in plain text."""
    title = figure.get("layout", {}).get("title", "")
    return re.sub("<[^>]*>", " ", (title.get("text") or "") if isinstance(title, dict) else title)


def copy_plotly(app, error):
    """Put plotly.js beside the pages, when it is not there yet."""
    if error is None and app.builder.format == "html":
        target = Path(app.outdir, "_static", "plotly.min.js")
        text = plotly.offline.get_plotlyjs()
        if not target.exists() or target.stat().st_size != len(text.encode()):
            target.write_text(text, encoding="utf-8")


def hash_of(*places):
    """A hash of files and of all files in folders, by name and content."""
    digest = hashlib.sha256(sys.version.encode())
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(
                    path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes()
                )
    return digest.hexdigest()[:16]


def choose_cache(app, config):
    """Point MyST-NB at the cache of this state of the code, and drop those of earlier states."""
    caches = ROOT / "_build" / ".jupyter_cache"
    book = ROOT / "book"
    cache = caches / hash_of(ROOT / "labs", book / "claims.yml", ROOT / "requirements.txt")
    config.page_assets = hash_of(
        *(book / name for name in ("_static", "_templates")), ROOT / "labs"
    )
    config.page_code = hash_of(book / "_ext")
    config.nb_execution_cache_path = str(cache)
    for other in caches.glob("*"):
        if other != cache and other.is_dir():
            shutil.rmtree(other)
    # A progress bar is no result; it would differ in every build.
    os.environ["LABS_PROGRESS"] = "off"
    # What Python writes for readers, in the cells and here, is in the book's language.
    os.environ["LABS_LANGUAGE"] = config.language or "en"


def mend_page(app, pagename, templatename, context, doctree):
    """Mend what the theme and Sphinx write into a page: see the top of this file."""
    if not str(context.get("page_source_suffix", "")).endswith(".ipynb"):
        buttons = context.get("header_buttons", [])
        context["header_buttons"] = [
            button for button in buttons if button.get("label") != "launch-buttons"
        ]
    body = context.get("body", "").replace(
        '<div role="list" class="citation-list">', '<div class="citation-list">'
    )
    context["body"] = mark_chinese(body)


def setup(app):
    """Connect the above to Sphinx."""
    app.setup_extension("ledger")
    app.add_config_value(
        "page_assets", "", "html"
    )  # Sphinx copies style sheets and scripts only when it writes pages
    app.add_config_value("page_code", "", "env")  # documents are read again by changed transforms
    app.add_transform(Captions)
    app.add_transform(OneName)
    app.add_transform(Addresses)
    app.add_post_transform(Places)
    app.connect("config-inited", choose_cache)
    app.connect("doctree-read", name_terms)
    app.connect("html-page-context", mend_page, priority=900)
    app.connect("html-page-context", mend_scripts, priority=950)
    app.connect("build-finished", copy_plotly)
    app.connect("build-finished", drop_unused)
    return {"version": "1.0", "parallel_read_safe": True, "parallel_write_safe": True}
