"""Every built page, from disk and over HTTP: complete without any other host, without an error, readable by everyone."""
from pathlib import Path

import axe_playwright_python
import pytest

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
PAGES = ["index.html", "algorithms/learning_rate.html"]
THEMES = {"light": False, "dark": True}
WIDTHS = {"desktop": 1280, "tablet": 820, "phone": 360}


@pytest.fixture(params=["disk", "http"])
def address(request, site, served):
    """Where a page is: address(name)."""
    return lambda name: f"{served}/{name}" if request.param == "http" else (site / name).as_uri()


def test_the_list_of_pages_here_is_the_list_of_pages_there(site):
    aside = {"genindex.html", "search.html"}
    built = {path.relative_to(site).as_posix() for path in site.rglob("*.html") if "_static" not in path.parts}
    assert built - aside == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_asks_no_other_host_and_raises_nothing(visit, address, name):
    seen = visit(address(name))
    seen.page.wait_for_timeout(1500)
    assert seen.elsewhere == []
    assert seen.errors == []


@pytest.mark.parametrize("name", PAGES)
def test_every_formula_is_typeset(visit, address, name):
    page = visit(address(name)).page
    page.wait_for_function("document.querySelectorAll('.math').length === document.querySelectorAll('.math mjx-container').length")
    assert page.locator("mjx-merror").count() == 0


def test_the_chapter_has_formulas_and_widgets_to_test(visit, site):
    page = visit((site / "algorithms/learning_rate.html").as_uri()).page
    assert page.locator("mjx-container").count() > 10
    assert page.locator(".widget-host").count() > 0


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_is_drawn(visit, address, name):
    page = visit(address(name)).page
    page.wait_for_function("[...document.querySelectorAll('.plotly-figure')].every(f => f.querySelector('.main-svg .plot, .main-svg .gl-container, canvas'))")
    assert page.evaluate("[...document.images].filter(i => i.loading !== 'lazy' && !i.naturalWidth).map(i => i.src)") == []


@pytest.mark.parametrize("name", PAGES)
def test_every_widget_is_drawn_or_says_that_it_needs_a_kernel(visit, address, name):
    page = visit(address(name)).page
    views = page.locator('script[type="application/vnd.jupyter.widget-view+json"]').count()
    page.wait_for_function("[...document.querySelectorAll('.widget-host, .widget-note')].every(e => e.textContent.trim())")
    assert page.locator(".widget-host, div.widget-note").count() == views
    assert page.locator("p.widget-note").count() == 0       # a widget that failed


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_of_the_page(visit, site, name, theme, width):
    page = visit((site / name).as_uri(), width=WIDTHS[width], dark=THEMES[theme]).page
    page.wait_for_timeout(800)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    assert page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[width]
    assert page.evaluate("document.querySelector('.bd-article').scrollWidth - document.querySelector('.bd-article').clientWidth") <= 1


@pytest.mark.parametrize("theme", THEMES)
def test_a_figure_takes_the_colours_of_the_page(visit, site, theme):
    page = visit((site / "algorithms/learning_rate.html").as_uri(), dark=THEMES[theme]).page
    for figure in page.locator(".plotly-figure").all():
        label = figure.locator(".main-svg text").first
        label.wait_for(state="attached")
        assert label.evaluate("e => getComputedStyle(e).fill") == page.evaluate("getComputedStyle(document.body).color")


def violations(page):
    """axe's serious and critical findings: (rule, element, whether we wrote it), ours being what the article holds."""
    page.evaluate(AXE)
    found = page.evaluate("async () => (await axe.run(document, {resultTypes: ['violations']})).violations")
    return [(v["id"], node["target"][-1], node["html"][:160]) for v in found if v["impact"] in ("serious", "critical") for node in v["nodes"]]


@pytest.mark.parametrize("width", ["desktop", "phone"])
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(visit, site, name, theme, width):
    page = visit((site / name).as_uri(), width=WIDTHS[width], dark=THEMES[theme]).page
    page.wait_for_timeout(1200)
    assert violations(page) == []
