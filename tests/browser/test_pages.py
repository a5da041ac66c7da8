"""Every built page, from disk and over HTTP.

It is complete without any other host, without an error, and readable by everyone.
"""

import re
from pathlib import Path

import axe_playwright_python
import pytest
import yaml

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
ROOT = Path(__file__).resolve().parents[2]
TOC = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [chapter["file"] for part in TOC["parts"] for chapter in part["chapters"]]
PAGES = [f"{name}.html" for name in (TOC["root"], *CHAPTERS)]
ALL_DRAWN = "!document.querySelector('.widget-place, .in-the-making')"
THEMES = {"light": False, "dark": True}
SCREENS = {"large": (820, 1280), "phone": (360,)}  # widths


@pytest.fixture(
    scope="module", params=[(name, way) for name in PAGES for way in ("disk", "http")], ids=" ".join
)
def seen(request, site, served, visitor):
    """Every page, opened once from disk and once over HTTP, after it has had time to go wrong."""
    name, way = request.param
    with visitor() as visit:
        found = visit(f"{served}/{name}" if way == "http" else (site / name).as_uri())
        found.page.wait_for_timeout(1500)
        yield found


def test_every_page_of_the_book_and_no_other_is_built(site):
    aside = {"genindex.html", "search.html"}
    built = {
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if "_static" not in path.parts
    }
    assert built - aside == set(PAGES)


def test_a_page_asks_no_other_host(seen):
    assert seen.elsewhere == []


def test_a_page_raises_nothing_and_misses_no_file(seen):
    assert seen.errors == []


def test_every_formula_is_typeset(seen):
    seen.page.wait_for_function(
        "[...document.querySelectorAll('.math')].every(math => math.querySelector('mjx-container'))"
    )
    assert seen.page.locator("mjx-merror").count() == 0


def test_every_figure_is_drawn(seen):
    seen.page.wait_for_function(
        "[...document.querySelectorAll('.plotly-figure')]"
        ".every(f => f.querySelector('.main-svg .trace, .main-svg .hm, canvas'))"
    )
    assert (
        seen.page.evaluate(
            "[...document.images].filter(i => i.loading !== 'lazy' && !i.naturalWidth)"
            ".map(i => i.src)"
        )
        == []
    )


def test_every_widget_is_drawn_or_says_that_it_needs_a_kernel(seen):
    seen.page.wait_for_function(ALL_DRAWN)
    assert seen.page.locator("p.widget-note").count() == 0  # what stands where a widget failed
    for place in seen.page.locator(".widget-host, div.widget-note").all():
        assert place.inner_text().strip()


def test_every_picture_and_figure_has_words_that_are_no_file_name(seen):
    words = seen.page.evaluate("""() => [
        ...[...document.querySelectorAll('.bd-article img')].map(image => image.alt),
        ...[...document.querySelectorAll('.plotly-figure')].map(f => f.ariaLabel),
    ]""")
    wordless = re.compile(r"\S*\.(png|jpe?g|svg)$|\S*$|[Ff]igure")
    assert [said for said in words if wordless.fullmatch(said)] == []


def test_every_widget_is_drawn_in_the_end_without_scrolling(seen):
    seen.page.wait_for_function(ALL_DRAWN)
    assert seen.page.evaluate("scrollY") == 0


FIRST_SLIDER = """window.first = new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (!document.querySelector(".labs-explorer input[type=range]")) return;
    observer.disconnect();
    const files = performance.getEntriesByType("resource").map((e) => [e.name, e.decodedBodySize]);
    resolve([...files, ["page", new Blob([document.documentElement.outerHTML]).size]]);
  });
  observer.observe(document, { childList: true, subtree: true });
});"""


def test_the_first_slider_comes_before_plotly_and_mathjax_and_within_2_5_megabytes(
    chromium, served
):
    page = chromium.new_context().new_page()
    page.add_init_script(FIRST_SLIDER)
    page.goto(f"{served}/algorithms/learning_rate.html")
    files = page.evaluate("window.first")
    assert not [name for name, _ in files if "plotly.min" in name or "mathjax" in name]
    assert sum(size for _, size in files) < 2_500_000
    page.context.close()


def test_the_chapter_has_formulas_figures_widgets_and_a_note_to_test(visit, site):
    page = visit((site / "algorithms/learning_rate.html").as_uri()).page
    page.wait_for_selector(".labs-explorer")
    for what in (
        "mjx-container",
        ".plotly-figure",
        ".cell_output img",
        ".widget-host",
        "div.widget-note a[href*=colab]",
    ):
        page.locator(what).first.wait_for(state="attached")


@pytest.mark.parametrize("width", [1280, 390])
def test_the_claim_that_an_address_names_is_in_sight_once_all_is_drawn(visit, site, width):
    page = visit(f"{(site / 'trends.html').as_uri()}#claim-H5", width=width, height=800).page
    page.wait_for_function("!document.querySelector('.widget-place, .in-the-making')")
    top = "document.querySelector('#claim-H5').getBoundingClientRect().top"
    page.wait_for_function(f"Math.abs({top} - 64) < 8")  # below the page's header


def test_plotly_is_loaded_only_where_there_is_a_figure(seen):
    if seen.page.locator(".plotly-figure").count() > 0:
        seen.page.wait_for_function("'Plotly' in window")
    else:
        assert not seen.page.evaluate("'Plotly' in window")


def test_every_icon_has_a_glyph(seen):
    """Icons come from the theme's style sheet and fonts.

    Its script is left out (book/_templates/layout.html).
    """
    missing = seen.page.evaluate("""() => [
        ...document.querySelectorAll('i[class*="fa-"], span[class*="fa-"]')
    ].filter(icon => {
        const { content, font } = getComputedStyle(icon, '::before');
        return !/^"."$/u.test(content) || !document.fonts.check(font, content[1]);
    }).map(icon => icon.className)""")
    assert missing == [] and seen.page.locator("i.fa-magnifying-glass").count() > 0


def test_the_search_finds_the_chapter(visit, site):
    found = visit((site / "search.html").as_uri() + "?q=momentum")
    found.page.locator("#search-results a", has_text="The learning rate").wait_for()
    assert found.errors == [] and found.elsewhere == []


@pytest.mark.parametrize("theme", THEMES)
def test_a_figure_takes_the_colours_of_the_page(visit, site, theme):
    page = visit((site / "algorithms/learning_rate.html").as_uri(), dark=THEMES[theme]).page
    for figure in page.locator(".plotly-figure").all():
        label = figure.locator(".main-svg text").first
        label.wait_for(state="attached")
        assert label.evaluate("e => getComputedStyle(e).fill") == page.evaluate(
            "getComputedStyle(document.body).color"
        )


def violations(page):
    """axe's serious and critical findings on the whole page, the theme's part included.

    Each is (rule, where, what).
    """
    page.evaluate(AXE)
    found = page.evaluate(
        "async () => (await axe.run(document, {resultTypes: ['violations']})).violations"
    )
    serious = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [
        (rule["id"], node["target"][-1], node["html"][:160])
        for rule in serious
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_sticks_out_and_axe_finds_nothing_serious(visit, site, name, theme, screen):
    first, *others = SCREENS[screen]
    page = visit((site / name).as_uri(), width=first, dark=THEMES[theme]).page
    page.wait_for_function(ALL_DRAWN)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    for width in (first, *others):
        page.set_viewport_size({"width": width, "height": 900})
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        article = page.locator(".bd-article")
        assert article.evaluate("article => article.scrollWidth - article.clientWidth") <= 1
    assert violations(page) == []
