"""Pictures on a built page: each has words, plays, prints, and is readable on a phone."""

import base64
import json

import plotly.graph_objects as go
import pytest
import small_book
from small_book import PLOTLY, cell, text

from labs import painter
from labs.painter import Figure

CAPTION = r"*What to see: a line that rises. It gets steeper with $\eta$.*"
FIRST = "What to see: a line that rises."


@pytest.fixture(scope="module")
def moving():
    """A figure with frames, a button and a slider."""
    frames = [go.Frame(name=str(i), data=[go.Scatter(y=[0, 1 + i])]) for i in range(4)]
    found = Figure(go.Figure([go.Scatter(y=[0, 1])], frames=frames), says="It gets steeper.")
    at_once = {"mode": "immediate", "frame": {"duration": 0}, "transition": {"duration": 0}}
    play = {"label": "Play", "method": "animate", "args": [None, at_once]}
    steps = [{"label": str(i), "method": "animate", "args": [[str(i)], at_once]} for i in range(4)]
    return found.update_layout(
        yaxis={"range": [0, 5]},
        updatemenus=[{"type": "buttons", "buttons": [play]}],
        sliders=[{"steps": steps}],
    )


def bundle(figure):
    """What a kernel sends to show one of the book's figures."""
    fallbacks = {k: v for k, v in figure._repr_mimebundle_().items() if k != PLOTLY}
    return {PLOTLY: json.loads(figure.to_json()), **fallbacks}


def png(figure, text="<Figure size 900x300 with 1 Axes>"):
    """What matplotlib's backend sends."""
    return {"image/png": base64.b64encode(painter.paint(figure)).decode(), "text/plain": text}


@pytest.fixture(scope="module")
def cells(moving):
    wide = go.Figure(moving).update_layout(width=900, height=300)
    answer = "```{dropdown} The answer\nforty-two\n```"
    return [
        text("# Page\n\nA formula: $x^2$."),
        cell(bundle(moving)),
        cell(png(wide)),
        cell(printed="a result read against the figure: " + "1 " * 200),
        text(f"{CAPTION}\n\nMore.\n\n{answer}"),
        cell(bundle(moving)),
        text("*A second figure, below its own sentence.*"),
    ]


@pytest.fixture(scope="module")
def book(cells, tmp_path_factory):
    return small_book.write(tmp_path_factory.mktemp("pictures"), cells)


@pytest.fixture(scope="module")
def page(book):
    return small_book.built(book)


@pytest.fixture
def seen(page, visit):
    """The page on a desktop, its figures drawn."""
    found = visit(page.as_uri())
    drawn(found.page)
    return found


def drawn(page):
    page.wait_for_function(
        "[...document.querySelectorAll('.plotly-figure')].every(f => f.querySelector('.trace'))"
    )


def test_the_italic_paragraph_below_is_the_caption_also_after_another_cell(seen):
    figures = seen.page.locator("figure.output-figure")
    assert figures.count() == 2
    assert FIRST in figures.first.locator("figcaption").inner_text()
    assert figures.first.locator("figcaption mjx-container").count() == 1
    assert figures.first.locator("img").get_attribute("alt") == FIRST
    assert seen.page.locator(".bd-article p > em").count() == 0


def test_a_plotly_figure_is_named_by_its_words(seen):
    names = [f.get_attribute("aria-label") for f in seen.page.locator(".plotly-figure").all()]
    assert names == ["It gets steeper.", "A second figure, below its own sentence."]


def test_play_and_slider_move_the_figure(seen):
    figure = seen.page.locator(".plotly-figure").first
    path = figure.locator(".trace .js-line")
    before = path.get_attribute("d")
    figure.locator(".updatemenu-button").click()
    moved = "([f, before]) => f.querySelector('.trace .js-line').getAttribute('d') !== before"
    seen.page.wait_for_function(moved, arg=[figure.element_handle(), before])
    seen.page.wait_for_function(
        "f => f.querySelector('.js-plotly-plot').layout.sliders[0].active === 3",
        arg=figure.element_handle(),
    )
    assert seen.errors == []


def test_without_javascript_there_is_a_picture_with_its_words(page, chromium):
    context = chromium.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(page.as_uri())
    figure = still.locator(".plotly-figure").first
    assert figure.locator("img").is_visible()
    assert figure.locator("img").get_attribute("alt") == "It gets steeper."
    context.close()


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_prints_in_light_colours_whole_and_unfolded(page, visit, dark):
    found = visit(page.as_uri(), dark=dark).page
    drawn(found)
    before = found.evaluate("document.documentElement.dataset.theme")
    found.emulate_media(media="print")
    found.wait_for_function("document.documentElement.dataset.theme === 'light'")
    found.get_by_text("forty-two").wait_for(state="visible")
    for gone in (".bd-sidebar-primary", ".bd-header-article", ".prev-next-footer"):
        assert not found.locator(gone).first.is_visible()
    found.wait_for_function(
        "getComputedStyle(document.querySelector('.main-svg .xtick text')).fill"
        " === 'rgb(28, 39, 51)'"
    )
    assert found.locator(".trace").first.evaluate("e => getComputedStyle(e).printColorAdjust") == (
        "exact"
    )
    found.emulate_media(media="screen")
    found.wait_for_function("t => document.documentElement.dataset.theme === t", arg=before)
    found.get_by_text("forty-two").wait_for(state="hidden")


def test_on_a_phone_a_wide_picture_scrolls_in_a_box_with_a_name(page, visit):
    found = visit(page.as_uri(), width=358, height=700).page
    drawn(found)
    box = found.locator("figure .picture").first
    assert box.get_attribute("tabindex") == "0" and box.get_attribute("role") == "region"
    assert box.get_attribute("aria-label") == f"{FIRST} Scroll sideways to see all of it."
    width = box.locator("img").evaluate("e => e.clientWidth")
    assert width >= 0.8 * 900  # letters of 8 points are then 9 pixels high
    assert found.evaluate("document.documentElement.scrollWidth") <= 358
    box.focus()
    found.keyboard.press("ArrowRight")
    found.wait_for_function("e => e.scrollLeft > 0", arg=box.element_handle())
    printed = found.locator(".output.stream pre")
    assert printed.evaluate("e => e.scrollWidth - e.clientWidth") <= 1


def test_on_a_desktop_a_picture_is_no_stop_for_the_keyboard(seen):
    assert seen.page.locator(".picture[tabindex]").count() == 0


def test_code_and_plots_keep_their_direction_on_a_page_from_right_to_left(seen):
    seen.page.evaluate("document.documentElement.dir = 'rtl'")
    for part in (".cell_input pre", ".output pre", ".js-plotly-plot", ".picture"):
        assert seen.page.locator(part).first.evaluate("e => getComputedStyle(e).direction") == (
            "ltr"
        )


@pytest.mark.parametrize("builder", ["singlehtml", "latex"])
def test_other_builds_show_each_figure_once(book, page, builder):
    status, said = small_book.build(book, "--builder", "custom", "--custom-builder", builder)
    assert status == 0, said[-3000:]
    folder = book.parent / "_build" / builder
    if builder == "singlehtml":
        html = (folder / "page.html").read_text(encoding="utf-8")
        assert html.count('class="plotly-figure"') == 2 and html.count("<img alt") >= 3
    else:
        (tex,) = folder.glob("*.tex")
        assert tex.read_text(encoding="utf-8").count("\\sphinxincludegraphics{") == 3


def test_translators_see_the_caption_and_no_alternative_text(cells, tmp_path):
    book = small_book.write(tmp_path, cells)
    status, said = small_book.build(book, "--builder", "custom", "--custom-builder", "gettext")
    assert status == 0, said[-3000:]
    (catalogue,) = (book.parent / "_build" / "gettext").glob("*.pot")
    found = catalogue.read_text(encoding="utf-8").replace('"\n"', "")
    assert found.count("What to see") == 1 and 'It gets steeper."' not in found


def test_a_picture_without_words_fails_the_build_and_its_cell_is_named(tmp_path, moving):
    bare = go.Figure(moving)
    cells = [text("# Page"), cell(png(bare)), cell({PLOTLY: json.loads(bare.to_json())})]
    status, said = small_book.build(small_book.write(tmp_path, cells))
    assert status != 0
    for number in (2, 3):
        assert f"cell {number} (In [1]): expected words for its picture, got none" in said
