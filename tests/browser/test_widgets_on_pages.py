"""Widgets on a built page: in ipywidgets' containers, with what they share in files, and with a
picture in their place until they are drawn.
"""

import json
import pathlib
import re

import anywidget
import ipywidgets as widgets
import pytest
import small_book
import traitlets
from explorers import records
from small_book import cell, text, view
from test_payload import record

import labs

NAMES = ("alone", "boxed", "first-tab", "second-tab", "folded", "printed", "gridded", "stacked")
NEEDS_KERNEL = "This panel computes with Python while it is used, so it needs a kernel"


class Follower(anywidget.AnyWidget):
    """Says what another widget of its page shows, as it does beside a kernel."""

    _esm = """export default { async render({ model, el }) {
      const other = await model.widget_manager.get_model(model.get("other").slice(10));
      const say = () => { el.textContent = `follows ${JSON.stringify(other.get("choice"))}`; };
      other.on("change:choice", say);
      say();
      await model.widget_manager.get_model("nowhere").catch((e) => { el.title = e.message; });
    } };"""
    other = traitlets.Any().tag(sync=True, **widgets.widget_serialization)


def output_of(explorer):
    found = widgets.Output()
    found.outputs = (
        {"output_type": "display_data", "data": view(explorer), "metadata": {}},
        {"output_type": "stream", "name": "stdout", "text": "printed beside it\n"},
        {"output_type": "display_data", "data": {"text/html": "<b>rich</b>"}, "metadata": {}},
    )
    return found


@pytest.fixture(scope="module")
def shelf():
    """{name: widget}: explorers, and a container of every kind around one."""
    one = {n: labs.Explorer(record(optimizers=("lion",), seeds=2), name=n) for n in NAMES}
    columns = widgets.Layout(grid_template_columns="1fr 1fr")
    titles = ["One", "Two"]
    return one | {
        "box": widgets.VBox(
            [widgets.HTML("<h3>Above</h3>"), one["boxed"], widgets.IntSlider(), widgets.Text()]
        ),
        "tabs": widgets.Tab([one["first-tab"], one["second-tab"]], titles=titles),
        "folds": widgets.Accordion([one["folded"], widgets.Label("a label")], titles=titles),
        "output": output_of(one["printed"]),
        "grid": widgets.GridBox([one["gridded"], widgets.HTMLMath("$x^2$")], layout=columns),
        "stack": widgets.Stack([widgets.Label("unseen"), one["stacked"]], selected_index=1),
        "slider": widgets.HBox([widgets.IntSlider()]),
        "texts": widgets.VBox([widgets.HTML("only <i>text</i>")]),
        "follower": Follower(other=one["alone"]),
    }


@pytest.fixture(scope="module")
def page(shelf, tmp_path_factory):
    """A page with all of it."""
    shown = ["alone", "box", "tabs", "folds", "output", "grid", "stack", "slider", "texts"]
    cells = [cell(view(shelf[name])) for name in [*shown, "follower", "alone"]]
    folder = tmp_path_factory.mktemp("widgets")
    return small_book.built(small_book.write(folder, [text("# Page"), *cells], shelf.values()))


@pytest.fixture(scope="module")
def seen(page, visitor):
    """The page, opened from disk, when all of it is drawn."""
    with visitor() as visit:
        found = visit(page.as_uri())
        found.page.wait_for_function(f"""() =>
            document.querySelectorAll('.labs-explorer .layout').length === {len(NAMES) + 1}
            && !document.querySelector('.widget-place')""")
        yield found


def explorer(seen, name):
    return seen.page.locator(f'.labs-explorer[data-name="{name}"]')


@pytest.mark.parametrize("name", NAMES)
def test_an_explorer_in_any_stock_container_is_drawn(seen, name):
    assert explorer(seen, name).locator("svg.curves").count() == (2 if name == "alone" else 1)


def test_nothing_fails_and_no_other_host_is_asked(seen):
    assert seen.errors == [] and seen.elsewhere == []


def test_texts_beside_them_are_shown(seen):
    words = seen.page.locator(".bd-article").inner_text()
    for said in ("Above", "only text", "printed beside it", "rich"):
        assert said in words
    assert "unseen" not in words
    seen.page.locator(".widget-child mjx-container").wait_for()


def test_what_needs_a_kernel_says_so_once_in_each_place(seen):
    notes = seen.page.locator("div.widget-note")
    assert [NEEDS_KERNEL in note for note in notes.all_inner_texts()] == [True, True]
    assert seen.page.locator(".widget-box div.widget-note").count() == 1  # two stock controls


def test_tabs_have_their_titles_and_move_by_keyboard(seen):
    tabs = seen.page.get_by_role("tab")
    assert tabs.all_inner_texts() == ["One", "Two"]
    tabs.first.focus()
    seen.page.keyboard.press("ArrowRight")
    assert tabs.nth(1).get_attribute("aria-selected") == "true"
    assert explorer(seen, "second-tab").is_visible()
    assert not explorer(seen, "first-tab").is_visible()
    seen.page.keyboard.press("Home")
    assert explorer(seen, "first-tab").is_visible()


def test_an_accordion_folds_and_unfolds_by_keyboard(seen):
    folds = seen.page.locator("details:has(.labs-explorer)")
    assert not explorer(seen, "folded").is_visible()
    folds.locator("> summary", has_text="One").focus()
    seen.page.keyboard.press("Enter")
    explorer(seen, "folded").wait_for(state="visible")
    box = explorer(seen, "folded").locator("svg.curves").bounding_box()
    assert box["width"] > 300


def test_a_widget_reaches_another_of_its_page(seen):
    follower = seen.page.locator(".widget-host", has_text="follows {")
    before = follower.inner_text()
    slider = explorer(seen, "alone").first.locator('[data-axis="learning_rate"]')
    slider.press("ArrowRight")
    seen.page.wait_for_function(
        "before => ![...document.querySelectorAll('.widget-host')].some("
        "host => host.innerText === before)",
        arg=before,
    )
    assert '"learning_rate":' in follower.inner_text()
    assert "expected the id of a widget on this page, got nowhere" in follower.get_attribute(
        "title"
    )


def test_one_front_end_and_no_record_stands_in_the_page(page, shelf):
    html = page.read_text(encoding="utf-8")
    assert "labs/widgets/${name}" not in html and "application/vnd.jupyter" in html
    assert len(html) < 400_000
    files = list((page.parent / "_static" / "widgets").glob("*.js"))
    assert len(files) == 3  # front end, style, and one record, which all these explorers share
    found = records(html, page.parent)
    assert set(found) == set(NAMES)
    assert found["alone"].arrays["val_loss"].shape == found["folded"].arrays["val_loss"].shape


def test_a_place_holds_picture_and_words_without_javascript(page, chromium):
    context = chromium.new_context(java_script_enabled=False)
    still = context.new_page()
    still.goto(page.as_uri())
    place = still.locator(".widget-place").first
    assert place.locator("img").is_visible()
    assert (
        place.locator("img").get_attribute("alt").startswith("Explorer of 48 runs on two spirals")
    )
    assert place.locator(".widget-words").is_visible()
    assert "The sliders need JavaScript" in place.locator("noscript").inner_text()
    told = still.locator("noscript").all_inner_texts()
    assert sum(NEEDS_KERNEL in said for said in told) == 1
    context.close()


def test_the_picture_stays_until_the_widget_is_drawn(page, chromium):
    browser = chromium.new_context().new_page()
    held = []
    browser.route(re.compile("_static/widgets/"), lambda route: held.append(route))
    browser.goto(page.as_uri(), wait_until="commit")
    browser.locator(".widget-place.with-picture img").first.wait_for(state="visible")
    browser.wait_for_function("document.querySelector('.in-the-making')")
    assert browser.locator(".widget-host.in-the-making").first.is_hidden()
    for route in held:
        route.continue_()
    browser.unroute(re.compile("_static/widgets/"))
    browser.locator('.labs-explorer[data-name="alone"] svg.curves').first.wait_for(state="visible")
    browser.context.close()


def test_where_no_script_runs_a_container_is_told_in_a_true_sentence(shelf, tmp_path):
    cells = [text("# Page"), *(cell(view(shelf[name])) for name in ("alone", "box", "slider"))]
    book = small_book.write(tmp_path, cells, [shelf[n] for n in ("alone", "box", "slider")])
    options = ("--builder", "custom", "--custom-builder", "singlehtml")
    status, said = small_book.build(book, *options)
    assert status == 0, said[-3000:]
    html = (
        (tmp_path / "_build" / "singlehtml" / "page.html")
        .read_text(encoding="utf-8")
        .partition("<article")[2]
    )
    assert html.count("<img alt") == 1 and "VBox(" not in html and "HBox(" not in html
    assert html.count("This panel works on the book") == html.count(NEEDS_KERNEL) == 1


def names_of(folder, *shown, widgets):
    cells = [text("# Page"), *(cell(view(one)) for one in shown)]
    return small_book.build(small_book.write(folder, cells, widgets))


def test_two_explorers_of_one_name_fail_the_build_and_both_are_named(tmp_path, shelf):
    twin = labs.Explorer(record(optimizers=("lion",), seeds=2), name="alone")
    box = widgets.HBox([twin])
    status, said = names_of(tmp_path, shelf["alone"], box, widgets=[shelf["alone"], twin, box])
    assert status != 0
    assert "page.ipynb" in said and (
        "two explorers of this page are called 'alone', in cell 2 (In [1]) and in cell 3" in said
    )


def test_a_missing_file_is_named_in_the_place_of_the_widget(page, chromium, tmp_path):
    state = json.loads(
        re.search(r'state\+json">(.*?)</script>', page.read_text(encoding="utf-8"), re.DOTALL)[1]
    )
    front_end = next(s["shared"]["_esm"] for s in state["state"].values() if "shared" in s)
    browser = chromium.new_context().new_page()
    browser.route(re.compile(front_end), lambda route: route.abort())
    browser.goto(page.as_uri())
    fault = browser.locator("p.widget-note", has_text=f"{front_end}.js: expected this file").first
    fault.wait_for()
    assert pathlib.Path(page.parent, "_static", "widgets", f"{front_end}.js").exists()
    browser.context.close()
