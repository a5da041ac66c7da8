"""The book as it was built, for what is made of it to take along: its pages in order, its address.

What is made lies in `_build/take`, and is published in the folder `take` of the book's pages.
"""

import contextlib
import functools
import json
import mimetypes
import subprocess
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path

import set_address
import yaml
from bs4 import BeautifulSoup

from labs.record import write_whole

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "_build" / "html"
TAKE = ROOT / "_build" / "take"
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
TITLE = CONFIG["title"]
LIVE = "https://" + set_address.forms(set_address.read())[2]  # where the pages are published
LANGUAGE = CONFIG["sphinx"]["config"].get("language", "en")
CODE_STYLE = CONFIG["sphinx"]["config"]["html_theme_options"]["pygments_light_style"]
NAME = TITLE.lower().replace(" ", "-")
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"
PREDICTIONS = "explorers"  # what only labs.Predictions has: the explorers whose answers it counts
# What the drawn page has: every widget and figure, its formulas and its letters.
DRAWN = """() => !document.querySelector('.widget-place, .in-the-making')
  && [...document.querySelectorAll('.plotly-figure')].every((f) => f.querySelector('.main-svg'))
  && [...document.querySelectorAll('.math')].every((m) => m.querySelector('mjx-container'))"""


@dataclass(frozen=True)
class Page:
    """A page of the book: its name without suffix, and the caption of its part, "" for none."""

    name: str
    part: str

    @functools.cached_property
    def soup(self):
        """The page as it was built, before any script has run."""
        text = (SITE / f"{self.name}.html").read_text(encoding="utf-8")
        return BeautifulSoup(text, "html.parser")

    @functools.cached_property
    def states(self):
        """{id: state} of the page's widgets."""
        saved = self.soup.find("script", type=STATE)
        states = json.loads(saved.string)["state"] if saved else {}
        return {model: saved["state"] for model, saved in states.items()}

    def state(self, place):
        """The state of the widget that stands in a place."""
        return self.states[json.loads(place.find_next("script", type=VIEW).string)["model_id"]]

    @functools.cached_property
    def article(self):
        """The page's own text, less the section of what a reader predicted: only the web has it."""
        article = self.soup.select_one("article.bd-article")
        for place in article.select(".widget-place"):
            if PREDICTIONS in self.state(place):
                place.find_parent("section").decompose()
        return article

    @functools.cached_property
    def title(self):
        """What the page is called."""
        heading = self.article.find("h1")
        return "".join(heading.find_all(string=True)).removesuffix("#").strip()

    @functools.cached_property
    def ids(self):
        """What a link into the page can name."""
        return {element["id"] for element in self.article.select("[id]")}

    @property
    def address(self):
        """Where the page is published."""
        return f"{LIVE}/{self.name}.html"


def pages():
    """The pages in the book's order. SystemExit where one is not built."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    parts = [(part["caption"], chapter) for part in toc["parts"] for chapter in part["chapters"]]
    found = [Page(toc["root"], ""), *(Page(chapter["file"], caption) for caption, chapter in parts)]
    missing = [page.name for page in found if not (SITE / f"{page.name}.html").is_file()]
    if missing:
        raise SystemExit(f"expected {missing[0]}.html in {SITE}, found none; run make book first")
    return found


def changed():
    """When the book was last changed, in seconds: its last commit; without git, its last build."""
    command = ["git", "log", "-1", "--format=%ct"]
    asked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8")
    known = asked.returncode == 0 and asked.stdout.strip()
    return int(known) if known else int((SITE / "index.html").stat().st_mtime)


def day():
    """The day of the last change, such as 2026-11-28."""
    return time.strftime("%Y-%m-%d", time.gmtime(changed()))


@contextlib.contextmanager
def tab(chromium, width=680, height=1000):
    """A page of a running Chromium to which the built book is at its published address.

    So relative links lead to the book's pages on the web. What a page misses, and errors in it, end
    the program with a sentence.
    """
    troubles = []

    def serve(route):
        url = route.request.url.partition("#")[0].partition("?")[0]
        file = SITE / url.removeprefix(f"{LIVE}/")
        if not url.startswith(f"{LIVE}/") or not file.is_file():
            troubles.append(f"misses {url}")
            return route.abort()
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        route.fulfill(body=file.read_bytes(), content_type=kind)

    context = chromium.new_context(viewport={"width": width, "height": height})
    context.route(lambda url: url.startswith("http"), serve)
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    try:
        yield page
    finally:
        context.close()
    if troubles:
        raise SystemExit("a page of the book is not whole: " + "; ".join(sorted(set(troubles))))


def pack(path, files):
    """Write a zip of (name, bytes) in their order, the same for the same contents, or none.

    A file named "mimetype" is stored as it is, which EPUB demands.
    """

    def write(file):
        with zipfile.ZipFile(file, "w") as target:
            for name, data in files:
                entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
                entry.external_attr = 0o644 << 16
                stored = name == "mimetype"
                entry.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
                target.writestr(entry, data)

    write_whole(path, write)


def said(path):
    """A line on what was made."""
    return f"{path.relative_to(ROOT)}, {path.stat().st_size / 1e6:.1f} MB"
