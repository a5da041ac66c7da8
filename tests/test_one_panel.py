"""An explorer has one live panel, the newest, and neither keeps the other alive."""

import gc
import re
import weakref

import ipywidgets
import pytest

import labs

TASK = labs.tasks.spirals()
LONG = 50_000  # steps: half a minute, if nobody stops it
AGAIN = 15  # times that a cell is run


@pytest.fixture(scope="module")
def runs():
    """A small record; its seeds are repetitions."""
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.01, 0.1], seed=[1, 2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABS_CACHE", "off")
        return labs.sweep(TASK, grid, steps=5)


@pytest.fixture
def explorer(runs):
    return labs.Explorer(runs)


def observers(explorer):
    """How many observe what the explorer shows."""
    return len(explorer._trait_notifiers.get("choice", {}).get("change", ()))


def open_widgets():
    """How many widgets the kernel keeps."""
    gc.collect()
    return len(ipywidgets.Widget.widgets)


def told(panel):
    """What a panel that lost its explorer shows: the kind and the text of its only line."""
    (line,) = panel.children
    return re.search(r'data-status="(\w+)">(.*)</p>', line.value).groups()


def test_a_cell_run_fifteen_times_leaves_one_observer_and_one_panel(explorer):
    before = observers(explorer)
    panels = [labs.live(TASK, explorer) for _ in range(AGAIN)]
    assert observers(explorer) == before + 1
    explorer.show(optimizer="adam")
    assert [told(panel)[0] for panel in panels[:-1]] == ["taken"] * (AGAIN - 1)
    assert panels[-1].controls["optimizer"].value == "adam"


def test_only_the_newest_panel_writes_to_the_explorer(explorer):
    first = labs.live(TASK, explorer, steps=LONG)
    first.train_button.click()
    second = labs.live(TASK, explorer, steps=7)
    assert not first.running and explorer.live == {}
    written = []
    explorer.observe(lambda change: written.append(change["new"]), "live")
    first.train_button.click()
    assert not first.running
    second.train_button.click()
    assert second.wait(60) and written
    assert explorer.live["steps"][-1] == 7 and explorer.live["running"] is False
    assert all(not curve or max(curve["steps"]) <= 7 for curve in written)


def test_fifteen_panels_started_in_turn_leave_one_run(explorer):
    panels = []
    for _ in range(AGAIN):
        panels.append(labs.live(TASK, explorer, steps=LONG))
        panels[-1].train_button.click()
    assert [panel.running for panel in panels] == [False] * (AGAIN - 1) + [True]
    panels[-1].close()
    assert not panels[-1].running and explorer.live == {}


def test_a_panel_that_lost_its_explorer_says_so_and_keeps_no_control(explorer):
    first = labs.live(TASK, explorer)
    parts = [*first.controls.values(), first.train_button, first.chart, first.progress]
    labs.live(TASK, explorer)
    kind, sentence = told(first)
    assert kind == "taken" and "“explorer”" in sentence and "run this cell again" in sentence
    assert all(part.comm is None for part in parts)


def test_the_kernel_keeps_few_widgets_of_panels_that_were_replaced(explorer):
    labs.live(TASK, explorer)
    one = open_widgets()
    for _ in range(AGAIN):
        labs.live(TASK, explorer)
    left = open_widgets() - one
    assert left <= 5 * AGAIN  # box, line, and their looks


def test_an_explorer_made_again_under_its_name_ends_the_panel_of_the_one_before(runs):
    before = labs.Explorer(runs, name="rates")
    first = labs.live(TASK, before, steps=LONG)
    first.train_button.click()
    after = labs.Explorer(runs, name="rates")
    second = labs.live(TASK, after)
    assert told(first)[0] == "taken" and not first.running
    assert before.live == {}
    after.show(learning_rate=0.1)
    assert second.controls["learning_rate"].value == pytest.approx(0.1)


def test_panels_of_explorers_with_two_names_leave_each_other_alone(runs):
    one, other = labs.Explorer(runs, name="one"), labs.Explorer(runs, name="other")
    panels = [labs.live(TASK, one), labs.live(TASK, other)]
    for explorer, panel in zip((one, other), panels):
        explorer.show(optimizer="adam")
        assert panel.controls["optimizer"].value == "adam"


def test_panels_without_an_explorer_leave_each_other_alone():
    first, second = labs.live(TASK, steps=LONG), labs.live(TASK, steps=5)
    first.train_button.click()
    second.train_button.click()
    assert second.wait(60) and first.running
    first.close()
    assert not first.running


def test_a_closed_panel_takes_its_observer_its_curve_and_its_widgets_along(explorer):
    before, kept = observers(explorer), open_widgets()
    panel = labs.live(TASK, explorer, steps=5)
    panel.train_button.click()
    assert panel.wait(60) and explorer.live
    panel.close()
    assert observers(explorer) == before and explorer.live == {}
    assert open_widgets() - kept <= 1  # the looks of the box itself
    assert all(control.comm is None for control in panel.controls.values())
    panel.close()


def test_after_a_panel_was_closed_a_new_one_has_the_explorer(explorer):
    labs.live(TASK, explorer).close()
    panel = labs.live(TASK, explorer, steps=5)
    panel.train_button.click()
    assert panel.wait(60) and explorer.live["steps"][-1] == 5


def test_an_explorer_keeps_no_panel_alive(explorer):
    panel = labs.live(TASK, explorer)
    panel.close()
    gone = weakref.ref(panel)
    del panel
    gc.collect()
    assert gone() is None


def test_a_panel_keeps_no_explorer_alive_and_trains_on_without_it(runs):
    explorer = labs.Explorer(runs)
    panel = labs.live(TASK, explorer, steps=5)
    explorer.close()
    gone = weakref.ref(explorer)
    del explorer
    gc.collect()
    assert gone() is None
    panel.train_button.click()
    assert panel.wait(60) and panel.points[-1].step == 5
    panel.close()


def test_whoever_watches_the_explorer_may_close_the_panel_while_it_trains(explorer):
    panel = labs.live(TASK, explorer, steps=LONG)
    explorer.observe(lambda change: panel.close(), "live")
    panel.train_button.click()
    assert panel.wait(20) and panel.children[0].comm is None


def test_a_panel_keeps_its_own_seed_where_the_explorer_shows_the_mean_of_seeds(explorer):
    assert explorer.values["seed"] == "mean"
    panel = labs.live(TASK, explorer, seed=7)
    explorer.show(optimizer="adam")
    assert panel.controls["seed"].value == 7 and panel.controls["optimizer"].value == "adam"
    assert labs.live(TASK, explorer).controls["seed"].value == labs.TrainConfig().seed


def test_the_panels_chart_starts_with_the_axes_of_its_explorer(runs):
    panel = labs.live(TASK, labs.Explorer(runs, log_x=True, log_y=True))
    assert panel.chart.log_x and panel.chart.log_y
    assert not labs.live(TASK).chart.log_y
