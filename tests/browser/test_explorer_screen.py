"""The explorer's first screen, on a desk and on a phone; other colours, directions and paper."""

import numpy as np
import pytest
import xarray as xr
from explorers import AXE, open_all, open_one, write_page
from playwright.sync_api import expect
from test_payload import axis as axis_of
from test_payload import record

import labs

PHONE = {"viewport": {"width": 390, "height": 740}}


@pytest.fixture
def opened(chromium, tmp_path):
    """Open an explorer alone on a page; whatever troubles it had fail the test."""
    pages = []

    def open_it(explorer, attributes="", **options):
        path = write_page(tmp_path / f"{len(pages)}.html", explorer)
        text = path.read_text(encoding="utf-8").replace(
            'data-theme="light"', attributes or 'data-theme="light"'
        )
        path.write_text(
            text.replace("<body>", "<body style='background: Canvas'>"), encoding="utf-8"
        )
        page = chromium.new_context(
            **{"viewport": {"width": 1280, "height": 900}, **options}
        ).new_page()
        page.troubles = []
        page.on("pageerror", lambda error: page.troubles.append(str(error)))
        page.goto(path.as_uri())
        pages.append(page)
        return shown_on(page, path)

    yield open_it
    for page in pages:
        assert page.troubles == []
        page.context.close()


def shown_on(page, path):
    from explorers import Shown, records

    ((name, found),) = records(path.read_text(encoding="utf-8")).items()
    return Shown(page, name, found)


def box(shown, selector):
    return shown.root.locator(selector).first.bounding_box()


def test_on_a_desk_the_picture_stands_beside_the_sliders_and_the_curve_low_and_wide_below(opened):
    shown = opened(labs.Explorer(record(), name="desk"))
    control, view = box(shown, ".panel-controls"), box(shown, "canvas")
    curves, words, cells = (box(shown, f".panel-{name}") for name in ("curves", "words", "map"))
    assert view["x"] > control["x"] + control["width"] and abs(view["y"] - control["y"]) < 30
    assert curves["y"] > view["y"] + view["height"] and curves["width"] > 1.6 * view["width"]
    svg = box(shown, "svg.curves")
    assert svg["width"] > 3 * svg["height"]
    assert words["y"] < curves["y"] < cells["y"]
    assert view["y"] + view["height"] < 700 and view["width"] > 300


def test_on_a_phone_slider_and_picture_are_visible_together_wherever_the_reader_is(opened):
    shown = opened(labs.Explorer(record(), name="phone"), **PHONE)
    for selector in ("[data-axis=weight_decay]", "[role=gridcell]", ".panel-words"):
        shown.root.locator(selector).first.scroll_into_view_if_needed()
        shown.page.mouse.wheel(0, 60)
        picture = box(shown, "canvas")
        assert 0 <= picture["y"] and picture["y"] + picture["height"] <= 740
    shown.root.locator("[data-axis=learning_rate]").scroll_into_view_if_needed()
    slider = box(shown, "[data-axis=learning_rate]")
    assert 0 <= slider["y"] < 740


@pytest.mark.parametrize("axes", [("learning_rate", "batch_size"), ("batch_size", "learning_rate")])
def test_on_a_phone_the_cells_of_the_map_are_big_enough_for_a_finger(opened, axes):
    shown = opened(labs.Explorer(record(rates=11), name="cells", map_axes=axes), **PHONE)
    cells = shown.root.locator("[role=gridcell]")
    assert cells.count() == 22
    for cell in cells.all():
        size = cell.bounding_box()
        assert size["width"] >= 40 and size["height"] >= 40
    run = shown.run
    cells.first.click()
    assert shown.run != run


def test_the_button_plays_training_from_its_first_moment_to_its_last(opened):
    shown = opened(labs.Explorer(record(), name="film"))
    steps = shown.record.meta["view"]["steps"]
    canvas, play = shown.root.locator("canvas"), shown.root.locator("[data-play]")
    assert canvas.get_attribute("data-step") == str(steps[-1])
    shown.page.evaluate("""() => {
        const canvas = document.querySelector("canvas");
        window.seen = [];
        new MutationObserver(() => seen.push(Number(canvas.dataset.step)))
            .observe(canvas, { attributeFilter: ["data-step"] });
    }""")
    play.click()
    shown.page.wait_for_function(f"window.seen.at(-1) === {steps[-1]} && seen.length > 1")
    assert shown.page.evaluate("window.seen") == steps
    shown.root.locator("[data-play]:not([data-playing])").wait_for()
    assert play.get_attribute("aria-label") == "Play training"


def test_an_explorer_may_begin_to_play_by_itself_unless_the_reader_wants_no_motion(opened):
    moving = opened(labs.Explorer(record(), name="moving", play=True))
    moving.root.locator("[data-playing]").wait_for()
    still = opened(labs.Explorer(record(), name="still", play=True), reduced_motion="reduce")
    last = str(still.record.meta["view"]["steps"][-1])
    assert still.root.locator("[data-playing]").count() == 0
    assert still.root.locator("canvas").get_attribute("data-step") == last


def test_an_explorer_below_the_fold_waits_for_its_reader(chromium, tmp_path):
    path = write_page(tmp_path / "below.html", labs.Explorer(record(), name="below", play=True))
    path.write_text(
        path.read_text(encoding="utf-8").replace("<main>", "<main style='padding-top: 3000px'>"),
        encoding="utf-8",
    )
    (shown,) = open_all(chromium, path)
    last = str(shown.record.meta["view"]["steps"][-1])
    canvas = shown.root.locator("canvas")
    canvas.wait_for(state="attached")
    # Two frames of the page are enough for an observer to have seen it, were it in sight.
    shown.page.evaluate(
        "() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))"
    )
    assert shown.root.locator("[data-playing]").count() == 0
    assert canvas.get_attribute("data-step") == last
    canvas.scroll_into_view_if_needed()
    shown.root.locator("[data-playing]").wait_for()
    assert shown.page.troubles == []
    shown.page.context.close()


def test_without_a_view_the_chart_is_the_picture_and_training_is_played_on_it(opened):
    shown = opened(labs.Explorer(record(view=False), name="chart"))
    control, curves = box(shown, ".panel-controls"), box(shown, "svg.curves")
    assert curves["x"] > control["x"] + control["width"] and curves["height"] > 250
    shown.root.locator("[data-scrub]").focus()
    shown.page.keyboard.press("Home")
    step = shown.record.meta["record_steps"][0]
    line = shown.root.locator(".moment")
    assert shown.scale("x")[2](float(line.get_attribute("x1"))) == pytest.approx(step, abs=0.1)
    assert shown.root.locator(".future").get_attribute("visibility") == "visible"


def test_repetitions_begin_with_their_mean_and_the_picker_names_it_first(opened):
    shown = opened(labs.Explorer(record(), name="mean", start={"learning_rate": 0.0158}))
    picker = shown.control("seed")
    assert picker.locator("option").all_inner_texts() == ["mean of seeds", "0", "1", "2"]
    assert shown.choice["seed"] == "mean" and picker.input_value() == "mean of seeds"
    members = [shown.record.run({**shown.choice, "seed": i}) for i in range(3)]
    mean = np.mean([shown.record.of("val_loss", run) for run in members], axis=0)
    assert np.allclose(shown.drawn("val_loss")[1], mean, rtol=0.01)
    cell = shown.root.locator("[role=gridcell][aria-selected=true]")
    said = float(cell.get_attribute("aria-label").split(": ")[1])
    assert said == pytest.approx(mean[-1], rel=0.06)
    assert "mean of seeds" in shown.words
    assert "seed=[0, 1, 2]" in shown.root.locator("pre").inner_text()


def test_a_mean_of_which_a_run_diverged_ends_there_and_says_so(opened):
    shown = opened(labs.Explorer(record(), name="lost", start={"learning_rate": 1.0}))
    found = [shown.record.of("diverged_at", run) for run in shown.run]
    lost = [int(step) for step in found if step >= 0]
    assert lost
    assert f"{len(lost)} of 3 runs diverged, the first at step {min(lost)} of 500" in shown.words
    assert shown.drawn("val_loss")[0].max() < min(lost)
    cell = shown.root.locator("[role=gridcell][aria-selected=true]")
    assert cell.get_attribute("data-state") == "diverged"


def valley(rates=(0.06, 0.2)):
    grid = labs.Grid(learning_rate=list(rates), batch_size=1)
    return labs.sweep(labs.tasks.valley(), grid, steps=60)


def test_the_valley_shows_the_way_over_its_surface(opened):
    runs = valley()
    assert runs.sizes["step"] == runs.sizes["moment"] == 61
    shown = opened(labs.Explorer(runs, name="valley", start={"learning_rate": 0.06}))
    canvas = shown.root.locator("canvas")
    place = runs.view.squeeze().sel(learning_rate=0.06).values
    shown.root.locator("[data-scrub]").focus()
    shown.page.keyboard.press("Home")
    for frame in range(3):
        assert canvas.get_attribute("data-step") == str(frame)
        x, y = (place[frame] + 1.3) / 2.6
        dark = canvas.evaluate(
            "(c, [x, y]) => [...c.getContext('2d').getImageData("
            "x * c.width, (1 - y) * c.height, 1, 1).data].slice(0, 3)",
            [float(x), float(y)],
        )
        assert max(dark) < 60  # the dot of the moment stands where the record says
        shown.page.keyboard.press("ArrowRight")


def test_a_diverged_run_shows_its_blow_up(opened):
    shown = opened(labs.Explorer(valley(), name="blow", start={"learning_rate": 0.2}))
    steps, losses = shown.drawn("train_loss")
    recorded = shown.record.of("train_loss", shown.run)
    assert losses.max() == pytest.approx(np.nanmax(recorded), rel=0.02)
    assert np.nanmax(recorded) > 1000 * recorded[0]


def test_a_fitted_function_is_drawn_where_the_record_says(opened):
    task = labs.tasks.wave(width=16, train=20)
    runs = labs.sweep(task, labs.Grid(learning_rate=[0.03, 0.1], batch_size=4), steps=200)
    shown = opened(labs.Explorer(runs, name="wave", start={"learning_rate": 0.1}))
    canvas = shown.root.locator("canvas")
    assert "The model's output against its input at step 200" in canvas.get_attribute("aria-label")
    curve = runs.view.sel(learning_rate=0.1).isel(moment=-1).squeeze()
    x0, x1, y0, y1 = task.view.extent
    for place in range(2, 39, 4):  # away from the edges
        x = (float(curve.x[place]) - x0) / (x1 - x0)
        y = (float(curve[place]) - y0) / (y1 - y0)
        red, _, blue = canvas.evaluate(
            "(c, [x, y]) => [...c.getContext('2d').getImageData("
            "x * c.width, (1 - y) * c.height, 1, 1).data].slice(0, 3)",
            [x, y],
        )
        assert red > blue + 40  # the colour of the validation loss


def test_a_fitted_function_of_a_diverged_run_is_covered(opened):
    grid = labs.Grid(learning_rate=[0.1, 100.0], batch_size=4)
    runs = labs.sweep(labs.tasks.wave(width=16), grid, steps=60)
    assert runs.diverged_at.sel(learning_rate=100).item() > 0
    shown = opened(labs.Explorer(runs, name="lost-wave", start={"learning_rate": 100.0}))
    assert "diverged at step" in shown.root.locator(".veil").inner_text()


def test_a_dead_model_is_not_praised(opened):
    rates = labs.Grid(learning_rate=[1e-6, 0.3, 10.0], seed=[0, 1])
    runs = labs.sweep(labs.tasks.spirals(), rates, steps=120)
    shown = opened(labs.Explorer(runs, name="dead", start={"learning_rate": 1e-6}))
    why = shown.root.locator(".why")
    assert float(runs.train_loss.isel(learning_rate=0, step=-1).mean()) > 0.68
    assert why.inner_text().startswith("Too small a rate")
    assert "hardly moved, and 0.3 ends at" in why.inner_text()
    shown.move_by_pointer("learning_rate", 2)
    assert why.inner_text().startswith("Too large a rate") and "0.3 ends at" in why.inner_text()


def test_a_model_that_learned_nothing_where_nothing_helps_is_said_to_be_dead(opened):
    grid = labs.Grid(learning_rate=[1e-7], seed=[0, 1])
    runs = labs.sweep(labs.tasks.spirals(), grid, steps=60)
    shown = opened(labs.Explorer(runs, name="dead"))
    why = shown.root.locator(".why").inner_text()
    assert why.startswith("Nothing was learned") and "one answer everywhere has 0.69" in why


def test_the_call_says_that_a_run_is_chaotic_where_its_twin_went_elsewhere(opened):
    distances = [1e-7, 1e-4, 0.005, 0.02, 0.3, np.inf]
    runs = record().assign(twin_distance=("learning_rate", distances))
    shown = opened(labs.Explorer(runs, name="twins", start={"learning_rate": 0.001, "seed": 0}))
    note = shown.root.locator("[data-repeat]")
    said = []
    for position in range(6):
        shown.move_by_pointer("learning_rate", position)
        chaotic = note.get_attribute("data-chaotic") is not None
        assert chaotic == ("chaotic" in note.inner_text()) == (position >= 3)
        said.append(note.inner_text())
    assert "0.010 %" in said[0] and "0.50 %" in said[2] and "30.0 %" in said[4]
    assert "one diverged" in said[5] and all("of this run" in text for text in said[:3])
    for position in (1, "mean"):  # only the first of the repetitions has a twin
        shown.move_by_pointer("seed", position)
        assert "first repetition" in note.inner_text()
    unknown = opened(labs.Explorer(record(), name="unknown"))
    assert "rounding is enough" in unknown.root.locator("[data-repeat]").inner_text()


def test_values_that_read_alike_get_more_digits_everywhere(opened):
    seeds = axis_of("draw", (20240101, 20240102), "category", "list", repeats=True)
    rates = np.array([0.1, 0.10004])
    runs = record(rates=2, before=(seeds,)).assign_coords(learning_rate=rates)
    shown = opened(labs.Explorer(runs, name="close", start={"draw": 20240102, "seed": 0}))
    options = shown.control("draw").locator("option").all_inner_texts()
    assert options == ["mean of draws", "20240101", "20240102"]
    texts = set()
    for position in range(2):
        by = position - shown.choice["learning_rate"]
        if by:
            shown.move_by_keyboard("learning_rate", by)
        texts.add(shown.control("learning_rate").get_attribute("aria-valuetext"))
    assert texts == {"learning rate 0.1", "learning rate 0.10004"}
    shown.root.locator("[data-copy=link]").click()
    assert "draw=20240102" in shown.page.url and "learning_rate=0.10004" in shown.page.url


def test_on_a_page_from_right_to_left_plots_keep_their_direction(opened):
    shown = opened(labs.Explorer(record(), name="rtl", start={"seed": 0}), 'dir="rtl"')
    for selector in ("svg.curves", ".map-grid", ".ramp", "[data-axis=learning_rate]"):
        style = shown.root.locator(selector).first.evaluate("e => getComputedStyle(e).direction")
        assert style == "ltr", selector
    before = shown.choice["learning_rate"]
    shown.root.locator("[role=gridcell][tabindex='0']").focus()
    shown.page.keyboard.press("ArrowRight")
    assert shown.choice["learning_rate"] == before + 1
    low, high = (shown.root.locator(".ramp span").nth(i) for i in (0, 2))
    assert low.bounding_box()["x"] < high.bounding_box()["x"]
    edge = float(shown.root.locator("svg.curves").get_attribute("data-x-range").split(",")[1])
    left = shown.root.locator("svg.curves").bounding_box()["x"]
    for label in shown.root.locator("svg .ends text").all():
        assert label.bounding_box()["x"] - left >= edge
    off = shown.control("learning_rate").evaluate("""control => {
        const words = document.createRange();
        words.selectNodeContents(control.labels[0]);
        return control.getBoundingClientRect().right - words.getBoundingClientRect().right;
    }""")
    bar = shown.root.locator(".what").evaluate("e => getComputedStyle(e).borderRightWidth")
    assert abs(off) <= 1 and bar == "3px", "text starts at the right"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("setting", ["root", "ancestor"])
def test_the_colour_scheme_is_inherited_whatever_the_system_prefers(opened, scheme, setting):
    explorer = labs.Explorer(record(), name="scheme")
    other = {"light": "dark", "dark": "light"}[scheme]
    style = f'style="color-scheme: {scheme}"' if setting == "root" else 'lang="en"'
    shown = opened(explorer, style, color_scheme=other)
    if setting == "ancestor":
        shown.root.evaluate(f"e => {{ e.parentElement.style.colorScheme = '{scheme}'; }}")
    dark = "getComputedStyle(e).backgroundColor.match(/\\d+/g).every((c) => c < 60)"
    assert shown.root.evaluate(f"e => {dark}") == (scheme == "dark")


def test_a_change_of_scheme_repaints_the_canvas(opened):
    shown = opened(labs.Explorer(record(), name="repaint", start={"seed": 0}))
    shown.page.evaluate("window.first = document.querySelector('canvas').toDataURL()")
    shown.page.evaluate("document.documentElement.style.colorScheme = 'dark'")
    shown.page.wait_for_function("document.querySelector('canvas').toDataURL() !== window.first")


HIDES = {
    "while hidden": """async () => {
        const main = document.querySelector("main");
        const frame = () => new Promise(requestAnimationFrame);
        main.style.display = "none";
        await frame(); await frame();
        document.documentElement.style.colorScheme = "dark";
        await frame(); await frame();
        main.style.display = "";
    }""",
    "then hidden for less than a frame": """() => {
        const main = document.querySelector("main");
        document.documentElement.style.colorScheme = "dark";
        main.offsetWidth;
        main.style.display = "none";
        main.offsetWidth;
        requestAnimationFrame(() => { main.style.display = ""; });
    }""",
}


@pytest.mark.parametrize("change", HIDES.values(), ids=HIDES)
def test_a_change_of_scheme_repaints_the_canvas_of_a_page_that_hides_itself(opened, change):
    shown = opened(labs.Explorer(record(), name="hidden", start={"seed": 0}))
    shown.page.evaluate("window.first = document.querySelector('canvas').toDataURL()")
    shown.page.evaluate(change)
    shown.page.wait_for_function("document.querySelector('canvas').toDataURL() !== window.first")
    painted = shown.page.evaluate("document.querySelector('canvas').toDataURL()")
    moved = shown.run
    shown.move_by_keyboard("learning_rate", 1)
    shown.move_by_keyboard("learning_rate", -1)
    assert shown.run == moved
    assert shown.page.evaluate("document.querySelector('canvas').toDataURL()") == painted


def test_a_dark_page_is_printed_with_a_light_canvas_no_larger_than_on_screen(opened):
    dark = 'style="color-scheme: dark"'
    shown = opened(labs.Explorer(record(), name="paper", start={"seed": 0}), dark)
    page = shown.page
    page.evaluate("""() => {
        window.pictures = [];
        const take = () => window.pictures.push(document.querySelector("canvas").toDataURL());
        for (const name of ["beforeprint", "afterprint"]) addEventListener(name, take);
        take();
    }""")
    page.pdf()
    page.wait_for_function("document.querySelector('canvas').toDataURL() === window.pictures[0]")
    on_screen, on_paper = page.evaluate("window.pictures.slice(0, 2)")
    assert on_paper != on_screen
    page.emulate_media(media="print")
    assert shown.root.locator("canvas").bounding_box()["width"] <= 330
    numbers = shown.root.locator(".map-cell[data-state=known]").evaluate_all(
        "cells => cells.map((e) => getComputedStyle(e, '::before').display)"
    )
    assert set(numbers) == {"block"}


def test_in_both_schemes_the_darker_cell_is_the_better_one(opened):
    shown = opened(labs.Explorer(record(), name="darker", start={"seed": 0}))
    assert "lower is better" in shown.root.locator(".panel-map .legend").inner_text()
    for scheme in ("light", "dark"):
        shown.page.evaluate(f"document.documentElement.style.colorScheme = '{scheme}'")
        found = []
        for cell in shown.root.locator("[role=gridcell][data-state=known]").all():
            colour = cell.evaluate(
                "e => { const c = new OffscreenCanvas(1, 1).getContext('2d'); "
                "c.fillStyle = getComputedStyle(e).backgroundColor; c.fillRect(0, 0, 1, 1); "
                "return [...c.getImageData(0, 0, 1, 1).data].slice(0, 3); }"
            )
            found.append((float(cell.get_attribute("aria-label").split(": ")[1]), sum(colour)))
        found.sort()
        assert all(one[1] <= two[1] + 3 for one, two in zip(found, found[1:]))


def test_forced_colours_leave_numbers_borders_and_the_focus_ring(opened):
    shown = opened(labs.Explorer(record(), name="forced"), forced_colors="active")
    cell = shown.root.locator("[role=gridcell][data-state=known]").first
    number = cell.evaluate(
        "e => { const s = getComputedStyle(e, '::before'); return [s.content, s.display]; }"
    )
    assert number[0].strip('"') == cell.get_attribute("data-number") and number[1] == "block"
    width = "e => parseFloat(getComputedStyle(e).borderTopWidth)"
    assert cell.evaluate(width) >= 1
    chosen = shown.root.locator("[role=gridcell][aria-selected=true]")
    assert chosen.evaluate(width) >= 2
    slider = shown.control("learning_rate")
    slider.focus()
    shown.page.keyboard.press("ArrowRight")
    assert slider.evaluate("e => parseFloat(getComputedStyle(e).outlineWidth)") >= 2
    colours = shown.root.locator("canvas").evaluate(
        "c => { const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; "
        "const seen = new Set(); for (let i = 0; i < d.length; i += 4004) "
        "seen.add(`${d[i]},${d[i + 1]},${d[i + 2]}`); return seen.size; }"
    )
    assert colours > 10


def test_on_paper_everything_is_whole_and_what_stands_for_data_keeps_its_colour(opened):
    question = labs.Question("Up?", {"yes": "yes", "no": "no"}, "yes", "So it is.")
    shown = opened(labs.Explorer(record(), name="paper", ask=question))
    shown.page.emulate_media(media="print")
    shown.page.set_viewport_size({"width": 700, "height": 1000})
    for selector in (".map-cell", "canvas", ".ramp-bar", "[data-axis=learning_rate]"):
        expect(shown.root.locator(selector).first).to_have_css("print-color-adjust", "exact")
    for panel in ("map", "words", "curves", "view"):
        element = shown.root.locator(f".panel-{panel}").first
        assert element.evaluate("e => getComputedStyle(e).breakInside") == "avoid", panel
        assert element.evaluate("e => getComputedStyle(e).visibility") == "visible", panel
    right = shown.root.evaluate("e => e.getBoundingClientRect().right")
    for label in shown.root.locator("svg .ends text").all():
        here = label.bounding_box()
        assert here["x"] + here["width"] <= right


def test_two_explorers_on_a_page_have_names_of_their_own(chromium, tmp_path):
    names = set()
    for name in ("one-sweep", "another-sweep"):
        shown = open_one(chromium, tmp_path / f"{name}.html", labs.Explorer(record(), name=name))
        names.add(shown.root.get_attribute("aria-label"))
        shown.page.context.close()
    assert len(names) == 2


def test_labels_of_any_script_and_sign_are_shown_as_they_are(opened):
    names = ["价格", "price $x_$ y", "<b>bold</b>", "سعر"]
    data = {name: ("尺寸", [1.0, 2.0, 3.0]) for name in names}
    table = xr.Dataset(data, {"尺寸": ["小", "中", "大"]})
    shown = opened(labs.Explorer(table, name="script"))
    options = shown.root.locator("[data-map-value] option").all_inner_texts()
    assert options == [name.replace("_", " ") for name in names]
    shown.page.add_script_tag(path=str(AXE))
    found = shown.page.evaluate("axe.run('.labs-explorer', {resultTypes: ['violations']})")
    assert [v["id"] for v in found["violations"] if v["impact"] in ("serious", "critical")] == []
