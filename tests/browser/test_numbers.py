"""Numbers read the same whether Python or the page writes them."""

import json
import mimetypes
import random
from urllib.parse import urlsplit

import pytest

from labs.widgets import numbers
from labs.widgets.frontend import STATIC

HOME = "http://labs.test/"
SHARED = [  # ends of every rule, halves that two ways of rounding split, and counts
    *(sign * n * 10.0**e for sign in (1, -1) for n in (1, 1.25, 9.95, 9.995, 9.9996)
      for e in range(-7, 8)),
    *(0.125, 0.375, 0.625, 2.125, 2.375, 12.25, 12.75, 1.0, 7.0, 0.9, 999.4, 999.5, 999.6, 1e-3),
    *(0.5, 1234.5, 12345.5, 999_999.5, 999_999.4, 0.00099949, 0.00099951, 64, 4096, 123_456, 0),
]  # fmt: skip
RULES = {"loss": "formatLoss", "number": "formatNumber"}


@pytest.fixture(scope="module")
def page(chromium):
    """A page that imports the modules of the front end as they are."""

    def serve(route):
        path = STATIC / urlsplit(route.request.url).path.lstrip("/")
        there = path.is_file()
        kind = mimetypes.guess_type(path.name)[0] if there else "text/html"
        route.fulfill(body=path.read_bytes() if there else b"", content_type=kind)

    context = chromium.new_context()
    context.route(HOME + "**", serve)
    opened = context.new_page()
    opened.goto(HOME)
    yield opened
    context.close()


def on_the_page(page, rule, values):
    """What a function of format.js makes of the values."""
    return page.evaluate(
        """async ([rule, values]) => {
          const format = await import("/format.js");
          return JSON.parse(values).map((value) => format[rule](value));
        }""",
        [rule, json.dumps(values)],
    )


def everywhere():
    """Values of every size, drawn with a fixed seed, beside those that are hard."""
    draw = random.Random(0)
    spread = [draw.choice([1, -1]) * 10 ** draw.uniform(-9, 9) for _ in range(400)]
    return SHARED + spread


@pytest.mark.parametrize("rule", RULES)
def test_python_and_the_page_write_every_number_alike(page, rule):
    values = everywhere()
    here = [getattr(numbers, rule)(value) for value in values]
    assert dict(zip(values, here)) == dict(zip(values, on_the_page(page, RULES[rule], values)))


def test_counts_are_written_alike(page):
    counts = [0, 1, 999, 1000, 7680, 100_000, 12_345_678]
    assert [numbers.count(n) for n in counts] == on_the_page(page, "formatCount", counts)


@pytest.mark.parametrize(
    "rule, text, written",
    [
        *(("loss", text, numbers.NONE) for text in ("NaN", "Infinity", "-Infinity")),
        *(
            ("number", "NaN", numbers.NONE),
            ("number", "Infinity", "∞"),
            ("number", "-Infinity", "−∞"),
        ),
    ],
)
def test_what_is_not_finite_is_written_alike(page, rule, text, written):
    there = page.evaluate(
        f"async () => (await import('/format.js')).{RULES[rule]}({text})",
    )
    assert getattr(numbers, rule)(float(text)) == there == written
