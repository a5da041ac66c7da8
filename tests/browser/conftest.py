"""What the browser tests share: the built book, a Chromium, and a page that notes what fails."""

import contextlib
import functools
import http.server
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from explorers import open_all, write_small_page

ROOT = Path(__file__).resolve().parents[2]
# plotly.js reads its letters back for figures in three dimensions; Chromium may have advice on that
PLOTLYS = "Canvas2D: Multiple readback operations"


@pytest.fixture(scope="session")
def site():
    """The folder of the built book."""
    html = ROOT / "_build" / "html"
    assert (html / "index.html").is_file(), "the book is not built: make book"
    return html


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Keep the test's output to the tests."""


@pytest.fixture(scope="session")
def served(site):
    """The address at which the built book is served over HTTP."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=site)
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Visit:
    """A page and what a reader's browser would notice in it.

    `errors`, and `elsewhere`, requests to other hosts.
    """

    def __init__(self, page, address):
        self.page, self.errors, self.elsewhere = page, [], []
        home = urlsplit(address).netloc
        page.on(
            "console",
            lambda m: (
                self.errors.append(m.text)
                if m.type in ("error", "warning") and not m.text.startswith(PLOTLYS)
                else None
            ),
        )
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on(
            "requestfailed", lambda request: self.errors.append(f"could not load {request.url}")
        )
        page.on(
            "response",
            lambda r: self.errors.append(f"{r.status} {r.url}") if r.status >= 400 else None,
        )
        page.on(
            "request",
            lambda r: (
                self.elsewhere.append(r.url)
                if urlsplit(r.url).scheme in ("http", "https", "ws", "wss")
                and urlsplit(r.url).netloc != home
                else None
            ),
        )
        page.goto(address)
        page.wait_for_load_state("load")
        page.evaluate("() => document.fonts.ready.then(() => window.MathJax?.startup?.promise)")


@pytest.fixture(scope="session")
def visitor(chromium):
    """A context manager that gives `visit` and closes its pages."""

    @contextlib.contextmanager
    def pages():
        contexts = []

        def visit(address, width=1280, height=900, dark=False):
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if dark else "light",
            )
            contexts.append(context)
            return Visit(context.new_page(), address)

        yield visit
        for context in contexts:
            context.close()

    return pages


@pytest.fixture
def visit(visitor):
    """Open an address: visit(address, width=…, dark=…) → Visit.

    Its pages are closed when the test ends.
    """
    with visitor() as open_page:
        yield open_page


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A page with a few small explorers."""
    return write_small_page(tmp_path_factory.mktemp("pages") / "small.html")


@pytest.fixture
def shown(chromium, small):
    """The first explorer of that page; no trouble may be left when the test is over."""
    explorers = open_all(chromium, small)
    yield explorers[0]
    page = explorers[0].page
    assert page.troubles == []
    page.context.close()
