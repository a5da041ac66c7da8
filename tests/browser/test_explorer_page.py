"""The Explorer in a chromium, from disk: every number it draws is the record's, decoded here from
the page itself.
"""

import re
import urllib.parse

import numpy as np
import pytest
from explorers import AXE, CURVES, MEAN, Shown, open_all, records, write_page

import labs


@pytest.fixture(scope="module")
def pages(site):
    """The built pages that hold an explorer."""
    found = [
        path
        for path in sorted(site.rglob("*.html"))
        if "_anywidget_id" in path.read_text(encoding="utf-8")
        and records(path.read_text(encoding="utf-8"))
    ]
    assert found, "no page of the built book holds an explorer"
    return found


def every_explorer(chromium, pages):
    for path in pages:
        explorers = open_all(chromium, path)
        yield from (shown.to_front() for shown in explorers)
        assert explorers[0].page.troubles == []
        explorers[0].page.context.close()


def test_on_every_built_page_every_control_moves_every_explorer_to_the_records_values_by_keyboard(
    chromium, pages
):
    for shown in every_explorer(chromium, pages):
        shown.expect_run(shown.record.run(shown.record.start), None)
        for axis in shown.moving_axes():
            positions = shown.record.positions(axis)
            start = positions.index(shown.choice[axis])
            for by in [1] * (len(positions) - 1 - start) + [-1] * (len(positions) - 1):
                before = shown.run
                shown.move_by_keyboard(axis, by)
                shown.expect_run(shown.after(before, axis, by), before)


def some_positions(shown, axis):
    """The last, the middle and the first position of an axis; by keyboard all are visited."""
    positions = shown.record.positions(axis)
    return dict.fromkeys((positions[-1], positions[len(positions) // 2], positions[0]))


def test_on_every_built_page_every_control_moves_every_explorer_to_the_records_values_by_pointer(
    chromium, pages
):
    for shown in every_explorer(chromium, pages):
        for axis in shown.moving_axes():
            for index in some_positions(shown, axis):
                before, curves = shown.run, shown.record.curves
                domain = curves and shown.seen()["scales"]["y"][1]
                if shown.record.choice(before)[axis] == index:
                    continue
                shown.move_by_pointer(axis, index)
                run = shown.record.run({**shown.record.choice(before), axis: index})
                shown.expect_run(run, before)
                if curves:
                    expect_fit(shown, run, domain)


def expect_fit(shown, run, before):
    """The loss axis fits what is shown, and says when it moved from the range `before`."""
    svg, domain = shown.root.locator("svg.curves"), shown.seen()["scales"]["y"][1]
    low, high = map(float, domain.split(","))
    highest = np.nanmax([shown.record.of(name, run) for name in CURVES])
    assert low < highest <= high * 1.0001
    moved = svg.get_attribute("data-axis-moved") is not None
    assert moved == (domain != before)
    assert bool(svg.locator(".moved").text_content()) == moved


def test_on_every_built_page_logarithmic_axes_show_the_same_record(chromium, pages):
    for shown in every_explorer(chromium, pages):
        if not shown.record.curves:
            continue
        for side in ("x", "y"):
            shown.root.locator(f'[data-log="{side}"]').set_checked(True)
        assert shown.scale("x")[0] == shown.scale("y")[0] == "log"
        shown.expect_run(shown.run, None)
        shown.move_by_keyboard(
            shown.moving_axes()[0], 1 if shown.choice[shown.moving_axes()[0]] == 0 else -1
        )
        shown.expect_run(shown.run, shown.record.run(shown.record.start))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_every_built_page_axe_finds_no_serious_violation_in_an_explorer(
    chromium, pages, small, theme
):
    for path in [*pages, small]:
        page = open_all(chromium, path, color_scheme=theme)[0].page
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        page.add_script_tag(path=str(AXE))
        found = page.evaluate("axe.run('.labs-explorer', {resultTypes: ['violations']})")[
            "violations"
        ]
        assert [
            v["id"] + ": " + v["nodes"][0]["html"]
            for v in found
            if v["impact"] in ("serious", "critical")
        ] == []
        page.context.close()


def test_on_every_built_page_an_explorer_fits_360_pixels(chromium, pages, small):
    for path in [*pages, small]:
        for shown in open_all(chromium, path, viewport={"width": 360, "height": 740}):
            shown.to_front()
            box = shown.root.bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= 360
            assert (
                shown.root.evaluate(
                    "root => [...root.querySelectorAll('*')].filter(e => !e.closest('svg, pre') && "
                    "e.getBoundingClientRect().right > "
                    "root.getBoundingClientRect().right + 0.5).length"
                )
                == 0
            )
        shown.page.context.close()


def test_the_copied_call_is_the_run_shown(chromium, pages):
    for shown in every_explorer(chromium, pages):
        if not shown.record.meta["call"]:  # put together from several sweeps
            assert shown.root.locator('[data-copy="call"]').is_hidden()
            continue
        chosen = {
            name: values if index == MEAN else [values[index]]
            for (name, values), index in zip(shown.record.axes.items(), shown.choice.values())
        }
        places = {name: ", ".join(map(repr, some)) for name, some in chosen.items()}
        call = shown.record.meta["call"].format(**places)
        shown.root.locator('[data-copy="call"]').click()
        shown.root.get_by_text("Call copied.").wait_for()
        shown.page.evaluate(
            "document.body.prepend("
            "Object.assign(document.createElement('textarea'), {id: 'paste'}))"
        )
        shown.page.locator("#paste").focus()
        shown.page.keyboard.press("Control+V")
        pasted = shown.page.locator("#paste").input_value()
        floats = lambda text: re.sub(r"\d+\.?\d*(e-?\d+)?", lambda m: repr(float(m.group())), text)
        assert floats(pasted) == floats(call)
        compile(pasted, "call", "eval")
        shown.page.locator("#paste").evaluate("e => e.remove()")


def test_the_call_of_a_recorded_run_trains_that_run_again(chromium, tmp_path):
    grid = labs.Grid(
        optimizer=["sgd", "adam"], learning_rate=[0.01, 0.03], batch_size=[16, 64], seed=[0, 1]
    )
    explorer = labs.Explorer(labs.sweep(labs.tasks.spirals(), grid, steps=40), name="again")
    (shown,) = open_all(chromium, write_page(tmp_path / "again.html", explorer))
    shown.move_by_pointer("optimizer", 1)
    shown.move_by_pointer("batch_size", 1)
    for seed, count in (("mean", 2), (1, 1)):
        if seed != shown.choice["seed"]:
            shown.move_by_pointer("seed", seed)
        alone = eval(shown.root.locator("pre").inner_text(), {"labs": labs})
        assert alone.trained.size == count
        ends = alone.val_loss.mean("seed").squeeze()
        assert np.allclose(ends, shown.record.of("val_loss", shown.run), rtol=2e-3)
    shown.page.context.close()


def test_a_permalink_leads_back_to_the_setting_it_was_taken_from(chromium, pages):
    for path in pages:
        explorers = open_all(chromium, path)
        for shown in {id(each): each for each in (explorers[0], explorers[-1])}.values():
            shown.to_front()
            for axis in shown.moving_axes():
                shown.move_by_pointer(axis, len(shown.record.axes[axis]) - 1)
            shown.root.locator('[data-copy="link"]').click()
            link, run = shown.page.url, shown.run
            assert urllib.parse.urlsplit(link).fragment.startswith(shown.record.meta["name"] + ":")
            page = chromium.new_page()
            troubles = []
            page.on("pageerror", lambda error, troubles=troubles: troubles.append(str(error)))
            page.goto(link)
            there = Shown(page, shown.record.meta["name"], shown.record)
            there.root.and_(page.locator(f'[data-run="{run}"]')).wait_for()
            there.expect_run(run, None)
            assert there.run == run and troubles == []
            page.close()
        shown.page.context.close()


def test_a_permalink_with_values_outside_the_grid_says_what_it_expected_and_leaves_the_page_usable(
    chromium, small
):
    page = chromium.new_page()
    page.goto(small.as_uri() + "#first:optimizer=sgd&learning_rate=7&width=3&batch_size=%E0")
    shown = Shown(page, "first", records(small.read_text(encoding="utf-8"))["first"])
    notice = shown.root.locator('[role="alert"]').inner_text()
    assert "learning rate 7, which is not in this record; expected one of 0.001, 0.00398" in notice
    assert (
        "“width”, which is no axis of this explorer; expected one of optimizer, learning_rate"
        in notice
    )
    assert "batch size %E0" in notice
    assert shown.choice == {**shown.record.start, "optimizer": 0}
    shown.move_by_keyboard("learning_rate", 1)
    assert shown.choice["learning_rate"] == shown.record.start["learning_rate"] + 1
    shown.root.get_by_role("button", name="Dismiss").click()
    assert notice and shown.root.locator('[role="alert"]').inner_text() == ""
    page.close()


def test_a_permalink_of_another_explorer_moves_only_that_one(chromium, small):
    page = chromium.new_page()
    page.goto(small.as_uri() + "#second:learning_rate=1")
    first, second, _ = (
        Shown(page, name, record)
        for name, record in records(small.read_text(encoding="utf-8")).items()
    )
    assert first.choice == first.record.start
    assert second.choice == {**second.record.start, "learning_rate": 5}
    page.close()
