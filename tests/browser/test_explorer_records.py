"""An Explorer shows whatever a record has: repetitions, tasks, other numbers, no curves at all."""

import re

import numpy as np
import pytest
import xarray as xr
from explorers import expect_field, open_one
from test_payload import axis as axis_of
from test_payload import record

import labs


def test_the_band_spans_the_repetitions(shown):
    members = [shown.record.run({**shown.choice, "seed": s}) for s in range(3)]
    expect_band(shown, members)
    assert "3 repetitions (seed)" in shown.root.inner_text()


def expect_band(shown, members):
    """The band and the sentence reach from the lowest to the highest of these runs."""
    edge = shown.drawn("band_val_loss")[1]
    curves = np.array([shown.record.of("val_loss", run) for run in members])
    half = len(curves[0])
    assert np.allclose(edge[:half], curves.max(0), atol=1e-3)
    assert np.allclose(edge[half:][::-1], curves.min(0), atol=1e-3)
    said = re.search(r"is between ([\d.e-]+) and ([\d.e-]+)\.", shown.words)
    assert [float(v) for v in said.groups()] == pytest.approx(
        [curves[:, -1].min(), curves[:, -1].max()], rel=0.06
    )


def test_two_axes_of_repetitions_make_one_band_and_one_view(chromium, tmp_path):
    draws = axis_of("draw", (10, 11), "linear", repeats=True)
    runs = record(rates=3, decays=(0.0,), before=(draws,))
    explorer = labs.Explorer(runs, name="two", start={"optimizer": "adam"})
    shown = open_one(chromium, tmp_path / "two.html", explorer)
    for draw in (0, 1):
        if draw:
            shown.move_by_pointer("draw", 1)
        members = [{**shown.choice, "draw": d, "seed": s} for d in (0, 1) for s in range(3)]
        expect_band(shown, [shown.record.run(choice) for choice in members])
        assert "Over 6 repetitions (draw, seed)" in shown.words
        shown.expect_run(shown.run, shown.record.run(shown.record.start) if draw else None)
        expect_field(
            shown, shown.root.locator("canvas"), len(shown.record.meta["view"]["steps"]) - 1
        )
    note = shown.root.locator(".panel-view .note").inner_text()
    assert note.startswith("Shown for draw 10, seed 0; the page holds no view of the other")
    assert shown.page.troubles == []
    shown.page.context.close()


def test_each_position_on_a_tasks_axis_has_its_own_view_and_its_own_samples(chromium, tmp_path):
    noisy = record(rates=3, seeds=2, before=(axis_of("noise", (0.0, 0.5), "linear"),))
    points = np.array([[[-1.5, 1.5, 1], [1.5, 1.5, 0]], [[-1.5, -1.5, 1], [np.nan] * 3]], "f4")
    noisy = noisy.drop_vars("samples").assign(samples=(("noise", "sample", "column"), points))
    shown = open_one(chromium, tmp_path / "noise.html", labs.Explorer(noisy, name="noise"))
    canvas = shown.root.locator("canvas")
    last = len(shown.record.meta["view"]["steps"]) - 1
    for position, red in ((0, [True, False, None]), (1, [None, None, True])):
        if position:
            shown.move_by_keyboard("noise", 1)
        expect_field(shown, canvas, last, points[position])
        assert [
            is_point(canvas, *place) for place in ((-1.5, 1.5), (1.5, 1.5), (-1.5, -1.5))
        ] == red
    assert shown.page.troubles == []
    shown.page.context.close()


def is_point(canvas, x, y):
    """Whether a point of class 1 (True) or 0 (False) is drawn there, or none (None)."""
    red, green, blue = canvas.evaluate(
        "(c, [x, y]) => [...c.getContext('2d').getImageData("
        "x * c.width, (1 - y) * c.height, 1, 1).data].slice(0, 3)",
        [(x + 2) / 4, (y + 2) / 4],
    )
    full = {(138, 47, 124): True, (18, 117, 126): False}
    return full.get((red, green, blue))


def test_a_record_without_curves_shows_controls_a_map_and_its_values_and_nothing_else(
    chromium, tmp_path
):
    memory = np.geomspace(1e9, 8e11, 24).reshape(3, 4, 2)
    memory[2, 0] = np.nan
    table = xr.Dataset(
        {
            "memory": (("size", "devices", "stage"), memory),
            "price": ("devices", [-2.0, 0.0, 4.5, 9.0]),
        },
        {"size": ["1B", "7B", "70B"], "devices": [1, 2, 4, 8], "stage": [0, 1]},
    )
    shown = open_one(chromium, tmp_path / "table.html", labs.Explorer(table, name="table"))
    for panel in ("curves", "view"):
        assert shown.root.locator(f".panel-{panel}").count() == 0
    assert shown.root.locator(".why, pre, [data-copy=call], [data-log]").count() == 0
    assert shown.root.locator("[data-copy=link]").count() == 1
    assert shown.words == "1B, devices 2, stage 0: memory 1.79e9, price 0."
    expect_map(shown, "memory")
    shown.move_by_pointer("size", 2)
    shown.move_by_pointer("devices", 0)
    assert shown.words == "70B, devices 1, stage 0: no memory, price -2."
    expect_map(shown, "memory", missing=2)
    assert "no value" in shown.root.locator(".legend").inner_text()
    shown.root.locator("[data-map-value]").select_option(label="price")
    expect_map(shown, "price")
    assert "better" not in shown.root.locator(".legend").inner_text()
    assert shown.page.troubles == []
    shown.page.context.close()


def expect_map(shown, name, missing=0):
    """Every cell names the record's number, and the shades have the order of the numbers."""
    cells = shown.root.locator("[role=gridcell]")
    numbers, shares = [], []
    for i in range(cells.count()):
        number = shown.record.of(name, int(cells.nth(i).get_attribute("data-cell")))
        said = cells.nth(i).get_attribute("aria-label").split(": ")[1]
        if np.isnan(number):
            assert said == "no value" and cells.nth(i).get_attribute("data-state") == "missing"
            continue
        assert float(said.replace(",", "")) == pytest.approx(number, rel=6e-3)
        numbers.append(number)
        shares.append(float(cells.nth(i).get_attribute("style").split(":")[1]))
    assert cells.count() - len(numbers) == missing
    assert np.all(np.diff(np.array(shares)[np.argsort(numbers)]) <= 0)


def test_the_map_can_show_any_number_of_a_record_and_says_which_end_is_better(chromium, tmp_path):
    speeds = np.random.default_rng(0).uniform(1e5, 9e6, (6, 2))
    runs = record().assign(speed=(("learning_rate", "batch_size"), speeds, {"label": "samples/s"}))
    shown = open_one(chromium, tmp_path / "values.html", labs.Explorer(runs, name="values"))
    lists = shown.root.locator("[data-map-value]")
    names = ["final validation loss", "final training loss"]
    names += ["final accuracy on the validation samples", "samples/s"]
    assert lists.locator("option").all_inner_texts() == names
    legend, title = (
        shown.root.locator(".panel-map .legend"),
        shown.root.locator(".panel-map .title"),
    )
    for label, better in zip(names, ("lower is better", "lower is better", "higher is better", "")):
        lists.select_option(label=label)
        assert title.inner_text().lower() == label
        assert ("better" in legend.inner_text()) == bool(better) and better in legend.inner_text()
        assert shown.root.locator("[data-best]").count() == bool(better)
    expect_map(shown, "speed")
    lists.select_option(label=names[2])
    cells = shown.root.locator("[role=gridcell]")
    runs_there = [int(cell.get_attribute("data-cell")) for cell in cells.all()]
    scores = [shown.record.of("val_metric", run) for run in runs_there]
    best = int(shown.root.locator("[data-best]").get_attribute("data-cell"))
    assert best == runs_there[int(np.nanargmax(scores))]
    assert "samples/s" in shown.words
    assert shown.page.troubles == []
    shown.page.context.close()


def test_one_axis_makes_a_map_of_one_row(chromium, tmp_path):
    speed = xr.Dataset({"speed": ("batch", [1.0, 2.0, 4.0])}, {"batch": [8, 16, 32]})
    shown = open_one(chromium, tmp_path / "row.html", labs.Explorer(speed, name="row"))
    shown.root.locator("[role=gridcell]").last.click()
    assert shown.words == "batch 32: speed 4." and shown.run == 2
    shown.page.keyboard.press("ArrowLeft")
    shown.page.keyboard.press("ArrowUp")
    assert shown.run == 1 and shown.root.locator("select").count() == 0
    assert shown.page.troubles == []
    shown.page.context.close()


def test_a_selected_record_shows_its_runs_and_names_what_was_selected(chromium, tmp_path):
    runs = record().sel(optimizer="adam", seed=1)
    shown = open_one(chromium, tmp_path / "some.html", labs.Explorer(runs, name="some"))
    before = shown.run
    shown.expect_run(before, None)
    shown.move_by_keyboard("learning_rate", 1)
    shown.expect_run(shown.after(before, "learning_rate", 1), before)
    assert "adam" in shown.root.locator(".fixed").all_text_contents()[0]
    assert "Repeated" not in shown.words and shown.drawn("band_val_loss")[0].size == 0
    assert "optimizer=['adam']" in shown.root.locator("pre").inner_text()
    assert "seed=[1]" in shown.root.locator("pre").inner_text()
    assert shown.page.troubles == []
    shown.page.context.close()


def test_a_record_of_one_loss_has_one_curve(chromium, tmp_path):
    runs = record(view=False).drop_vars(["val_loss", "val_metric", "trained", "diverged_at"])
    shown = open_one(chromium, tmp_path / "one.html", labs.Explorer(runs, name="one"))
    shown.move_by_pointer("learning_rate", 0)
    shown.expect_curve("train_loss", "train_loss", shown.run)
    assert re.search(
        r"after 500 steps the training loss is [\d.]+\. Over 3 repetitions", shown.words
    )
    assert shown.drawn("band_train_loss")[0].size and shown.drawn("val_loss")[0].size == 0
    assert shown.page.troubles == []
    shown.page.context.close()


def test_the_mean_over_an_axis_of_the_map_has_no_cell_and_a_click_leaves_it(chromium, tmp_path):
    loss = xr.Dataset(
        {"loss": (("rate", "seed"), np.arange(1.0, 7.0).reshape(3, 2))},
        {"rate": [0.1, 0.2, 0.3], "seed": ("seed", [0, 1], {"repeats": True})},
    )
    explorer = labs.Explorer(loss, name="both", map_axes=("rate", "seed"))
    shown = open_one(chromium, tmp_path / "both.html", explorer)
    cells = shown.root.locator("[role=gridcell]")
    assert cells.count() == 6 and shown.choice["seed"] == "mean"
    assert shown.root.locator("[role=gridcell][aria-selected=true]").count() == 0
    assert shown.root.locator("[role=gridcell][tabindex='0']").count() == 1
    cells.first.click()
    assert shown.root.locator("[role=gridcell][aria-selected=true]").count() == 1
    shown.move_by_pointer("seed", "mean")
    assert shown.root.locator("[role=gridcell][aria-selected=true]").count() == 0
    assert shown.page.troubles == []
    shown.page.context.close()


@pytest.mark.parametrize("moment", [0, -1])
def test_a_view_of_one_moment_is_shown_without_a_film(chromium, tmp_path, moment):
    runs = record().isel(moment=moment)
    start = {"learning_rate": 0.0158, "seed": 0}
    shown = open_one(
        chromium, tmp_path / "moment.html", labs.Explorer(runs, name="moment", start=start)
    )
    step = shown.record.meta["view"]["steps"][0]
    assert shown.root.locator("canvas").get_attribute("data-step") == str(step)
    assert shown.root.locator("[data-play]").count() == 0
    expect_field(shown, shown.root.locator("canvas"), 0)
    assert shown.page.troubles == []
    shown.page.context.close()


def test_a_plane_that_a_mask_made_floats_of_is_still_a_picture(chromium, tmp_path):
    runs = record()
    runs = runs.assign(view=runs.view.astype("f8"))
    explorer = labs.Explorer(runs, name="mask", start={"learning_rate": 0.0158, "seed": 0})
    shown = open_one(chromium, tmp_path / "mask.html", explorer)
    last = len(shown.record.meta["view"]["steps"]) - 1
    expect_field(shown, shown.root.locator("canvas"), last)
    assert shown.page.troubles == []
    shown.page.context.close()


@pytest.mark.parametrize("step", [0, -1])
@pytest.mark.parametrize("log", [True, False])
def test_curves_of_one_moment_draw_axes_and_no_nonsense(chromium, tmp_path, step, log):
    runs = record(view=False).isel(step=[step])
    explorer = labs.Explorer(runs, name="one-step", log_x=log, log_y=log)
    shown = open_one(chromium, tmp_path / "one-step.html", explorer)
    shown.move_by_pointer("optimizer", 1)
    drawn = shown.root.locator("svg.curves").evaluate("svg => svg.outerHTML")
    assert "NaN" not in drawn and "Infinity" not in drawn
    assert shown.page.troubles == []
    shown.page.context.close()


def test_a_mark_lies_on_its_cell_and_its_own_number_is_said_after_the_records(chromium, tmp_path):
    days = np.geomspace(1, 100, 24).reshape(3, 4, 2)
    table = xr.Dataset(
        {"days": (("model", "devices", "chip"), days), "price": ("devices", [1.0, 2, 3, 4])},
        {"model": ["1B", "7B", "70B"], "devices": [1, 2, 4, 8], "chip": ["old", "new"]},
    )
    at = {"model": "70B", "devices": 4, "chip": "new"}
    points = [{"at": at, "values": {"days": 21}}, {"at": {"model": "1B"}, "label": "mine"}]
    table.attrs["marks"] = {"label": "published", "points": points}
    shown = open_one(chromium, tmp_path / "marks.html", labs.Explorer(table, name="marks"))
    mine = shown.root.locator("[data-mark][aria-label$='(mine)']")
    marked = shown.root.locator("[role=gridcell][data-mark][aria-label*=published]")
    legend = shown.root.locator(".panel-map .legend")
    assert mine.count() == 4 and marked.count() == 0 and "published" in legend.inner_text()
    shown.move_by_pointer("chip", 1)
    assert marked.count() == 1
    number = shown.record.of("days", shown.record.run({"model": 2, "devices": 2, "chip": 1}))
    said = marked.get_attribute("aria-label")
    assert said == f"devices 4, model 70B: {number:#.3g} (published: 21)"
    assert "radial-gradient" in marked.evaluate("cell => getComputedStyle(cell).backgroundImage")
    marked.click()
    assert said in shown.root.locator(".panel-map .note").inner_text()
    shown.root.locator("[data-map-value]").select_option(label="price")
    assert marked.get_attribute("aria-label") == "devices 4, model 70B: 3 (published)"
    assert shown.page.troubles == []
    shown.page.context.close()
