"""The parts of an Explorer in a chromium: map, view, chart and sentences of one sweep."""

import base64
import re

import numpy as np
import pytest
from explorers import expect_field, move_to, open_all, write_page
from test_payload import record

import labs


def test_every_cell_of_the_map_names_its_loss_and_a_click_shows_its_run(shown):
    cells = shown.root.locator("[role=gridcell]")
    assert cells.count() == len(shown.record.axes["learning_rate"]) * len(
        shown.record.axes["batch_size"]
    )
    for i in range(cells.count()):
        run, before = int(cells.nth(i).get_attribute("data-cell")), shown.run
        final = shown.record.of("val_loss", run)[-1]
        said = cells.nth(i).get_attribute("aria-label").split(": ")[1]
        assert (
            said == "diverged" if np.isnan(final) else float(said) == pytest.approx(final, rel=0.06)
        )
        cells.nth(i).click()
        if run != before:
            shown.expect_run(run, before)
        assert shown.root.locator("[role=gridcell][aria-selected=true]").get_attribute(
            "data-cell"
        ) == str(run)


def test_arrow_keys_on_the_map_move_the_setting_along_its_two_axes(shown):
    shown.root.locator("[role=gridcell][tabindex='0']").focus()
    for key, axis, by in (
        ("ArrowRight", "learning_rate", 1),
        ("ArrowUp", "batch_size", 1),
        ("ArrowLeft", "learning_rate", -1),
        ("ArrowDown", "batch_size", -1),
    ):
        before = shown.run
        shown.page.keyboard.press(key)
        shown.expect_run(shown.after(before, axis, by), before)
        assert shown.root.locator("[role=gridcell]:focus").get_attribute("data-cell") == str(
            shown.run
        )


def test_the_axes_of_the_map_can_be_chosen_and_change_places(shown):
    x, y = (shown.root.locator(f'[data-map-axis="{side}"]') for side in "xy")
    x.select_option(label="weight decay")
    axes = shown.record.axes
    assert shown.root.locator("[role=gridcell]").count() == len(axes["weight_decay"]) * len(
        axes["batch_size"]
    )
    x.select_option(label="batch size")
    assert [e.evaluate("e => e.selectedOptions[0].label") for e in (x, y)] == [
        "batch size",
        "weight decay",
    ]
    row = (
        shown.root.locator("[role=row]")
        .last.locator("xpath=preceding-sibling::*[1]")
        .locator("[role=gridcell]")
    )
    expected = [
        shown.record.run({**shown.choice, "weight_decay": 0, "batch_size": i}) for i in range(2)
    ]
    assert [int(row.nth(i).get_attribute("data-cell")) for i in range(2)] == expected


def test_the_scrubber_shows_the_recorded_model_of_each_moment(shown):
    view, canvas = shown.record.meta["view"], shown.root.locator("canvas")
    shown.root.locator("[data-scrub]").focus()
    shown.page.keyboard.press("Home")
    for frame, step in enumerate(view["steps"]):
        assert canvas.get_attribute("data-step") == str(step)
        assert shown.root.locator("[data-scrub]").get_attribute("aria-valuetext") == f"step {step}"
        expect_field(shown, canvas, frame)
        shown.page.keyboard.press("ArrowRight")


def test_a_diverged_run_is_hatched_from_its_step_and_shows_no_loss_and_no_model(shown):
    record = shown.record
    run = next(r for r in range(int(np.prod(record.shape))) if record.of("diverged_at", r) > 20)
    move_to(shown, run)
    diverged = int(record.of("diverged_at", run))
    edge = shown.root.locator(".stop .edge")
    assert shown.scale("x")[2](float(edge.get_attribute("x1"))) == pytest.approx(diverged, abs=0.1)
    assert shown.root.locator(".stop .headline").text_content() == f"diverged at step {diverged}"
    assert (
        shown.drawn("val_loss")[0].max() < diverged
        and shown.drawn("band_val_loss")[0].max() < diverged
    )
    assert "no model to show" in shown.root.locator(".veil").inner_text()


def test_an_untrained_run_is_said_in_words_and_has_no_curve(shown):
    run = int(np.flatnonzero(~shown.record.arrays["trained"])[0])
    move_to(shown, run)
    shown.expect_run(run, None)
    assert shown.drawn("val_loss")[0].size == 0
    assert shown.root.locator(".stop .headline").text_content() == "not trained"


QUOTES = [  # a rate, and where it ends
    r"still falling, and (?P<rate>[\d.e-]+) ends at (?P<loss>[\d.e-]+) instead",
    r"next smaller rate, (?P<rate>[\d.e-]+), ends lower, (?P<loss>[\d.e-]+) instead",
    r"(?P<rate>[\d.e-]+) is the largest smaller one that ends below its start, at (?P<loss>.+)\.$",
    r"unchanged, (?P<rate>[\d.e-]+) ends at (?P<loss>[\d.e-]+) instead",
]


def test_the_sentence_of_why_quotes_measured_neighbours(shown):
    """Each rule that names another rate must quote what the record holds there."""
    record, spoken = shown.record, set()
    rates = axis_called(record, "learning_rate")
    for optimizer in range(2):
        for index in range(len(rates["values"])):
            for axis, position in (("optimizer", optimizer), ("learning_rate", index)):
                if shown.choice[axis] != position:
                    shown.move_by_pointer(axis, position)
            why = shown.root.locator(".why").inner_text()
            assert why
            for quote in QUOTES:
                for found in re.finditer(quote, why):
                    other = {**shown.choice, "learning_rate": rates["texts"].index(found["rate"])}
                    end = record.of("val_loss", record.run(other))[-1]
                    assert float(found["loss"]) == pytest.approx(end, rel=0.06)
                    spoken.add(quote)
    assert len(spoken) >= 2


def axis_called(record, name):
    return next(axis for axis in record.meta["axes"] if axis["name"] == name)


def test_a_live_curve_lies_over_the_recorded_one_with_its_gaps(chromium, tmp_path):
    explorer = labs.Explorer(record(), name="live")
    explorer.live = {
        "label": "Live",
        "running": True,
        "steps": [0, 100, 200, 300],
        "train_loss": [0.7, 0.5, 0.4, 0.3],
        "val_loss": [0.7, None, 0.5, None],
    }
    (shown,) = open_all(chromium, write_page(tmp_path / "live.html", explorer))
    steps, losses = shown.drawn("live_train_loss")
    assert np.allclose(steps, [0, 100, 200, 300], atol=0.01) and np.allclose(
        losses, [0.7, 0.5, 0.4, 0.3], atol=1e-4
    )
    steps, losses = shown.drawn("live_val_loss")
    assert np.allclose(steps, [0, 200], atol=0.01) and np.allclose(losses, [0.7, 0.5], atol=1e-4)
    assert (
        "Live: step 300, training loss 0.30, validation loss 0.50."
        in shown.root.locator("[aria-live]").inner_text()
    )
    shown.page.context.close()


def test_a_damaged_payload_is_said_in_words(chromium, tmp_path):
    path = write_page(tmp_path / "damaged.html", labs.Explorer(record(), name="damaged"))
    text = path.read_text(encoding="utf-8")
    data = re.search(r'"data": "([A-Za-z0-9+/=]{1000,})"', text).group(1)
    path.write_text(
        text.replace(data, base64.b64encode(base64.b64decode(data)[:2000]).decode()),
        encoding="utf-8",
    )
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.locator(".labs-explorer [role=alert]").wait_for()
    assert "record cannot be read" in page.locator(".labs-explorer").inner_text()
    assert "Reload the page" in page.locator(".labs-explorer").inner_text()
    page.close()


def test_a_redraw_of_5000_runs_takes_hardly_longer_than_one_of_200(chromium, tmp_path):
    """Milliseconds are measured by benchmarks/pages.py: a test may share its machine."""
    rules, decays = ("sgd", "momentum", "rmsprop", "adam", "adamw"), (0.0, 1e-4, 1e-3, 1e-2, 1e-1)
    few = record(("sgd",), rates=10, batch_sizes=(8, 32, 128, 512), decays=(0.0,), seeds=5)
    many = record(rules, rates=10, batch_sizes=(8, 32, 128, 512), decays=decays, seeds=5)
    assert (few.trained.size, many.trained.size) == (200, 5000)
    explorers = [labs.Explorer(few, name="few"), labs.Explorer(many, name="many")]
    pair = open_all(chromium, write_page(tmp_path / "large.html", *explorers))
    rounds = [[redraw_time(shown) for shown in pair] for _ in range(5)]
    few_time, many_time = np.median(rounds, axis=0)
    assert many_time < 2.5 * few_time
    pair[0].page.context.close()


def redraw_time(shown):
    """The median of 40 slider events, in milliseconds."""
    times = shown.control("learning_rate").evaluate("""slider => {
        const times = [];
        for (let i = 0; i < 40; i++) {
            slider.value = String((i * 7) % 10);
            const start = performance.now();
            slider.dispatchEvent(new Event("input", { bubbles: true }));
            slider.closest(".labs-explorer").getBoundingClientRect();
            times.push(performance.now() - start);
        }
        return times;
    }""")
    return np.median(times)
