"""The widgets in a real JupyterLab, with a kernel: in the book's environment, and in one with
Colab's versions.

JupyterLab 3 with ipywidgets 7.7.1 is the nearest there is to Colab's own front end, which cannot be
run elsewhere.
"""

import json
import re
import sys

import numpy as np
import pytest
from explorers import Shown, until
from jupyter import COLAB, JupyterLab
from panel import Panel, colour, expect_move, label, record_of

from labs import words

PREPARE = """import json, threading, labs
task = labs.tasks.spirals()
grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.001, 0.01, 1000.0],
                 batch_size=[32, 128], seed=[0, 1])
runs = labs.sweep(task, grid, steps=60)
labs.save(runs, "trial.npz")
explorer = labs.Explorer(runs, name="trial", start={"optimizer": "adam", "learning_rate": 0.01})"""
CELLS = [
    PREPARE,
    "explorer",
    "panel = labs.live(task, explorer); panel",
    "print(json.dumps(explorer.choice))",
    "print(6 * 7)",
    "print(threading.active_count(), panel.running)",
    """other = "sgd" if explorer.values["optimizer"] == "adam" else "adam"
explorer.show(optimizer=other, batch_size=128)""",
    "print(panel.chart.log_x, panel.chart.log_y)",
    'print(len(explorer._trait_notifiers["choice"]["change"]))',
]
PANEL, CHOICE, ANSWER, THREADS, SHOW, AXES, OBSERVERS = range(2, 9)
TWICE = [
    PREPARE,
    "explorer",
    "first = labs.live(task, explorer); first",
    "labs.live(task, explorer)",
]


@pytest.fixture(scope="module", params=[sys.executable, COLAB], ids=["own", "colab"])
def notebook(request, chromium, tmp_path_factory):
    """A small notebook, run from top to bottom; its record and its explorer are on it."""
    with JupyterLab(tmp_path_factory.mktemp("lab") / "lab", request.param) as lab:
        lab.write("trial.ipynb", *CELLS)
        lab.write("twice.ipynb", *TWICE)
        context = chromium.new_context(viewport={"width": 1280, "height": 1400})
        opened = lab.open(context.new_page(), "trial.ipynb")
        opened.run_all()
        opened.shown = Shown(opened.page, "trial", record_of(lab.notebooks / "trial.npz", "trial"))
        opened.panel, opened.lab = Panel(opened.page), lab
        yield opened
        context.close()


def test_every_control_moves_the_explorer_to_the_records_values_and_the_kernel_follows(notebook):
    shown = notebook.shown
    for axis in shown.moving_axes():
        for index in reversed(range(len(shown.record.axes[axis]))):
            before = shown.run
            shown.move_by_pointer(axis, index)
            expect_move(shown, before, axis, index)
        for by in (1, -1, 1):
            before = shown.run
            shown.move_by_keyboard(axis, by)
            expect_move(shown, before, axis, shown.record.choice(before)[axis] + by)
        assert json.loads(notebook.run(CHOICE)) == shown.choice


def test_the_kernel_moves_the_page_and_the_explorer_moves_the_panel(notebook):
    shown, before = notebook.shown, notebook.shown.run
    notebook.run(SHOW)
    until(notebook.page, lambda: shown.run != before)
    optimizers, sizes = shown.record.axes["optimizer"], shown.record.axes["batch_size"]
    other = 1 - shown.record.choice(before)["optimizer"]
    there = {**shown.record.choice(before), "optimizer": other, "batch_size": sizes.index(128)}
    shown.expect_run(shown.record.run(there), before)
    shown.move_by_pointer("learning_rate", 0)
    until(notebook.page, lambda: float(notebook.panel.field("learning rate").inner_text()) == 0.001)
    assert notebook.panel.field("optimizer").input_value() == optimizers[other]
    assert notebook.panel.field("batch size").inner_text() == "128"


def test_a_change_of_theme_recolours_the_explorer_and_its_canvas(notebook):
    page, root = notebook.page, notebook.shown.root
    background = lambda: root.evaluate("e => getComputedStyle(e).backgroundColor")
    picture = lambda: root.locator("canvas").evaluate("e => e.toDataURL()")
    seen = [(background(), picture())]
    for theme in ("JupyterLab Dark", "JupyterLab Light"):
        change = "theme => jupyterapp.commands.execute('apputils:change-theme', { theme })"
        page.evaluate(change, theme)
        until(page, lambda: background() != seen[-1][0] and picture() != seen[-1][1])
        seen.append((background(), picture()))
        # JupyterLab's own splash: a second one, begun before the first is gone, is removed twice.
        page.locator("#jupyterlab-splash").wait_for(state="detached")
    assert seen[0] == seen[2]


def test_training_streams_its_curve_while_the_kernel_answers_and_a_second_click_starts_nothing(
    notebook,
):
    panel, shown = notebook.panel, notebook.shown
    panel.enter("steps", "60000")
    panel.press("Train")
    until(notebook.page, lambda: panel.points() > 5)
    early = panel.points()
    assert notebook.run(ANSWER).strip() == "42"
    threads = notebook.run(THREADS).split()
    train = panel.root.get_by_role("button", name="Train")
    assert train.is_disabled() and threads[1] == "True"
    train.click(force=True)
    assert notebook.run(THREADS).split() == threads
    until(notebook.page, lambda: panel.points() > early)
    assert len(shown.drawn("live_train_loss")[0]) >= early
    panel.press("Stop")
    assert "Stopped" in panel.said("stopped", timeout=5)
    assert notebook.run(THREADS).split()[1] == "False" and notebook.run(ANSWER).strip() == "42"


def test_a_finished_live_run_lies_on_the_recorded_one(notebook):
    panel, shown = notebook.panel, notebook.shown
    shown.move_by_pointer("learning_rate", 1)
    panel.enter("steps", "60")
    panel.press("Train")
    assert re.search(r"Done in .* after 60 steps", panel.said("done"))
    until(
        notebook.page,
        lambda: len(shown.drawn("live_val_loss")[0]) == len(shown.record.meta["record_steps"]),
    )
    for name in ("train_loss", "val_loss"):
        steps, losses = shown.drawn(f"live_{name}")
        assert np.allclose(steps, shown.record.meta["record_steps"], atol=0.1)
        assert np.allclose(losses, shown.record.of(name, shown.run), rtol=5e-3)


def test_the_panels_chart_shows_that_run_in_the_explorers_colours_and_numbers(notebook):
    shown, chart = notebook.shown, notebook.panel.chart
    for name in ("train_loss", "val_loss"):
        steps, losses = chart.drawn(name)
        assert np.allclose(steps, shown.record.meta["record_steps"], atol=0.1)
        assert np.allclose(losses, shown.record.of(name, shown.run), rtol=5e-3)
        assert colour(chart, name) == colour(shown, name)
    assert label(chart, "val_loss") == label(shown, "live_val_loss")
    ends = [label(chart, "train_loss"), label(chart, "val_loss")]
    assert "up to step 60 of 60" in chart.name and all(f"to {end}" in chart.name for end in ends)
    status = notebook.panel.said("done")
    assert f"training loss {ends[0]}, validation loss {ends[1]}," in status


def test_the_panels_chart_tells_the_numbers_under_the_pointer(notebook):
    chart = notebook.panel.chart
    svg = chart.root.locator("svg.curves")
    left = float(svg.get_attribute("data-x-range").split(",")[0])
    svg.hover(position={"x": left, "y": 60})
    readout = chart.root.locator(".readout")
    train, val = (
        re.search(rf"{name} from (\S+) to", chart.name)[1] for name in ("training", "validation")
    )
    expected = words.text("curves.readout", step=0, train=train, val=val)
    assert readout.text_content() == expected


def test_the_panels_switches_bend_its_own_axes_and_the_kernel_knows(notebook):
    chart, shown = notebook.panel.chart, notebook.shown
    before = shown.scale("y")[0]
    for name, side in (("log loss", "y"), ("log steps", "x")):
        chart.root.get_by_label(name).check()
        until(notebook.page, lambda side=side: chart.scale(side)[0] == "log")
    steps, losses = chart.drawn("val_loss")
    assert np.allclose(steps, shown.record.meta["record_steps"][1:], rtol=5e-3)
    assert np.allclose(losses, shown.record.of("val_loss", shown.run)[1:], rtol=5e-3)
    assert shown.scale("y")[0] == before
    assert notebook.run(AXES).strip() == "True True"
    for name in ("log loss", "log steps"):
        chart.root.get_by_label(name).uncheck()


def test_a_diverged_live_run_says_at_which_step(notebook):
    panel, shown = notebook.panel, notebook.shown
    shown.move_by_pointer("optimizer", 0)
    shown.move_by_pointer("learning_rate", 2)
    panel.press("Train")
    assert re.search(r"Diverged at step \d+ of 60", panel.said("diverged"))
    assert 1 <= panel.points() < len(shown.record.meta["record_steps"])
    assert "which diverged at step" in panel.chart.name
    assert label(panel.chart, "val_loss") == "diverged"
    assert panel.chart.root.locator(".stop .hatch").count() == 1


def test_the_panels_cell_run_again_while_it_trains_leaves_one_run_and_one_observer(notebook):
    panel, page = notebook.panel, notebook.page
    notebook.shown.move_by_pointer("learning_rate", 1)
    threads, *_ = notebook.run(THREADS).split()
    for _ in range(3):
        panel.enter("steps", "60000")
        panel.press("Train")
        until(page, lambda: panel.points() > 3)
        notebook.run(PANEL)
        until(page, lambda: panel.root.locator('[data-status="ready"]').count() == 1)
        assert notebook.run(THREADS).split() == [threads, "False"]
        assert notebook.run(OBSERVERS).strip() == "1"
        assert panel.root.count() == 1 and not panel.chart.root.is_visible()
    notebook.shown.move_by_pointer("learning_rate", 0)
    until(page, lambda: float(panel.field("learning rate").inner_text()) == 0.001)


def test_a_newer_panel_in_another_cell_takes_over_and_the_older_one_says_so(notebook):
    other = notebook.lab.open(notebook.page.context.new_page(), "twice.ipynb")
    older, newer = (other.page.locator(".labs-live").nth(i) for i in (0, 1))
    for cell in range(len(TWICE)):
        other.run(cell)
        if cell == PANEL:
            older.locator(".labs-chart").wait_for(state="attached")
    said = older.locator('[data-status="taken"]').inner_text()
    assert "A newer panel has taken over the explorer “trial”" in said
    assert older.get_by_role("button").count() == 0
    newer.get_by_role("button", name="Train").click()
    newer.locator('[data-status="done"]').wait_for()
    live = other.page.locator('.labs-explorer[data-name="trial"] path[data-series="live_val_loss"]')
    until(other.page, lambda: live.get_attribute("d"))
    assert other.errors == []
    other.page.close()


@pytest.mark.parametrize(
    "label, value, sentence",
    [
        ("weight decay", "-1", "weight_decay must be zero or positive, got -1.0"),
        ("steps", "0", "steps must be a whole number of at least 1, got 0"),
    ],
)
def test_an_impossible_setting_is_refused_with_a_sentence_and_no_traceback(
    notebook, label, value, sentence
):
    panel, usual = notebook.panel, notebook.panel.field(label).input_value()
    panel.enter(label, value)
    panel.press("Train")
    assert sentence in panel.said("refused")
    panel.enter(label, usual)
    panel.press("Train")
    until(notebook.page, lambda: panel.root.locator('[data-status="refused"]').count() == 0)
    assert notebook.page.locator("[data-mime-type*=stderr], [data-mime-type*=error]").count() == 0


def test_the_page_had_no_console_error(notebook):
    assert notebook.errors == []
