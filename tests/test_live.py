"""The live panel trains what it says, one run at a time, and says in words what went wrong."""

import dataclasses
import itertools
import pathlib
import re
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import labs
from labs import settings
from labs.widgets import controls, numbers
from labs.widgets.chart import Chart

ROOT = pathlib.Path(__file__).parent.parent
TASK = labs.tasks.spirals()
LONG = 100_000  # steps: a minute, if nobody stops it


def train(panel):
    """Press Train and wait for the end."""
    panel.train_button.click()
    assert panel.wait(60)


def said(panel):
    """What the status line says, and what kind of thing that is."""
    kind, text = re.search(r'data-status="(\w+)">(.*)</p>', panel.status.value).groups()
    return kind, text


def until(condition, seconds=20):
    """Wait until `condition()` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


@pytest.fixture
def explorer():
    grid = labs.Grid(
        optimizer=["sgd", "adamw"],
        learning_rate=[0.00316, 20.0],
        batch_size=[24],
        weight_decay=[0.01],
        schedule=["constant", "cosine"],
    )
    return labs.Explorer(labs.sweep(TASK, grid, steps=20))


def test_the_live_run_measures_what_the_same_run_measures_alone():
    setting = dict(
        optimizer="rmsprop",
        learning_rate=0.003,
        batch_size=64,
        weight_decay=0.01,
        l2=1e-3,
        schedule="cosine",
        seed=3,
        steps=60,
    )
    panel = labs.live(TASK, **setting)
    train(panel)
    alone = [point[:4] for point in labs.train(TASK, labs.TrainConfig(**setting))]
    assert [point[:4] for point in panel.points] == alone
    assert (
        said(panel)[0] == "done"
        and "60 steps" in said(panel)[1]
        and labs.device.describe(panel.device) in said(panel)[1]
    )


def test_the_chart_holds_the_curve_that_was_measured():
    panel = labs.live(TASK, steps=200)
    train(panel)
    for name in ("train_loss", "val_loss"):
        assert panel.chart.run[name] == [getattr(p, name) for p in panel.points]
    assert panel.chart.run["steps"] == [p.step for p in panel.points]
    assert (panel.chart.run["last_step"], panel.chart.run["diverged_at"]) == (200, -1)


def test_a_second_click_while_training_starts_no_second_run():
    panel = labs.live(TASK, steps=LONG)
    panel.train_button.click()
    thread, threads = panel._thread, threading.active_count()
    panel.train_button.click()
    assert panel._thread is thread and threading.active_count() == threads and panel.running
    assert panel.train_button.disabled and not panel.stop_button.disabled
    panel.stop()
    assert panel.wait(20)


def test_stop_ends_a_run_at_once_however_rarely_it_is_measured():
    panel = labs.live(TASK, steps=LONG)
    panel.train_button.click()
    until(lambda: len(panel.points) > 3)
    panel.stop_button.click()
    assert panel.wait(5) and said(panel)[0] == "stopped"
    assert (
        panel.points[-1].step < LONG
        and panel.stop_button.disabled
        and not panel.train_button.disabled
    )


def test_after_a_stop_another_run_trains_to_its_end():
    panel = labs.live(TASK, steps=LONG)
    panel.train_button.click()
    panel.stop_button.click()
    assert panel.wait(20)
    panel.controls["steps"].value = 30
    train(panel)
    assert (
        said(panel)[0] == "done"
        and panel.points[-1].step == 30
        and panel.progress.value == panel.progress.max == 30
    )


def test_the_curve_grows_while_the_run_trains():
    panel = labs.live(TASK, steps=LONG)
    lengths = []
    panel.chart.observe(lambda change: lengths.append(len(change["new"].get("steps", ()))), "run")
    panel.train_button.click()
    until(lambda: len(lengths) > 5)
    panel.stop()
    assert panel.wait(20) and lengths == sorted(lengths) and lengths[0] < lengths[-1]
    assert panel.chart.run["last_step"] == LONG


@pytest.mark.parametrize(
    "name, value, expected",
    [
        ("weight_decay", -0.1, "weight_decay must be zero or positive, got -0.1"),
        (
            "batch_size",
            1024,
            "batch_size must be at most the number of training samples, 512, got 1024",
        ),
        ("steps", 0, "steps must be a whole number of at least 1, got 0"),
        ("steps", 10**9, "steps must be at most 100,000 in this panel, got 1,000,000,000"),
        ("seed", -1, "seed must be a whole number of at least 0, got -1"),
        ("l2", float("inf"), "l2 must be zero or positive, got inf"),
    ],
)
def test_an_impossible_setting_is_refused_in_the_panel_with_a_sentence(
    name, value, expected, capsys
):
    panel = labs.live(TASK, steps=20)
    panel.controls[name].value = value
    train(panel)
    assert said(panel)[0] == "refused" and expected in said(panel)[1]
    assert capsys.readouterr() == ("", "") and not panel.points
    panel.controls[name].value = getattr(labs.TrainConfig(), name) if name != "steps" else 20
    train(panel)
    assert said(panel)[0] == "done"


def test_the_learning_rate_control_cannot_reach_zero():
    panel = labs.live(TASK)
    panel.controls["learning_rate"].value = 0
    assert panel.controls["learning_rate"].value == pytest.approx(1e-5)


def failing(after):
    """The task, with a loss that fails once it was asked for `after` times."""
    count = itertools.count()

    def loss(outputs, targets):
        if next(count) >= after:
            raise RuntimeError("the <disk> is on fire")
        return TASK.loss(outputs, targets)

    return dataclasses.replace(TASK, loss=loss)


@pytest.mark.parametrize("after", [0, 12])
def test_an_error_in_training_is_shown_in_words_and_the_panel_stays_usable(after, capfd):
    panel = labs.live(failing(after), steps=50)
    train(panel)
    assert (
        said(panel)[0] == "failed" and "RuntimeError: the &lt;disk&gt; is on fire" in said(panel)[1]
    )
    assert not panel.running and not panel.train_button.disabled and capfd.readouterr() == ("", "")


def test_a_loss_that_is_not_finite_at_the_start_is_refused():
    panel = labs.live(
        dataclasses.replace(
            TASK, loss=lambda outputs, targets: TASK.loss(outputs, targets) * float("nan")
        )
    )
    train(panel)
    assert said(panel) == (
        "refused",
        "This cannot be trained: the loss must be finite before the first step, got nan; "
        "check the task&#x27;s data, initial parameters and loss.",
    )


def test_a_diverged_run_names_the_step_and_is_drawn_only_up_to_there(explorer):
    panel = labs.live(
        TASK,
        explorer,
        optimizer="sgd",
        learning_rate=20.0,
        batch_size=8,
        schedule="constant",
        steps=200,
    )
    train(panel)
    kind, sentence = said(panel)
    step = int(re.search(r"at step (\d+) of 200", sentence)[1])
    assert kind == "diverged" and panel.points[-1].step < step <= 200
    run = panel.chart.run
    assert run["diverged_at"] == step and max(run["steps"]) < step
    assert np.isfinite(run["train_loss"]).all()
    assert explorer.live["running"] is False and max(explorer.live["steps"]) < step


def test_an_explorer_of_several_tasks_is_refused_in_words():
    varied = labs.vary(labs.tasks.spirals, width=[4, 8])
    explorer = labs.Explorer(labs.sweep(varied, labs.Grid(), 2))
    with pytest.raises(
        ValueError, match=r"runs of one task, got several, with the axes \['width'\]"
    ):
        labs.live(labs.tasks.spirals(width=4), explorer)


def test_moving_the_explorer_moves_the_panel(explorer):
    panel = labs.live(TASK, explorer)
    for setting in [
        dict(optimizer="adamw", learning_rate=0.00316, schedule="cosine"),
        dict(optimizer="sgd", learning_rate=20.0),
    ]:
        explorer.show(**setting)
        shown = {name: control.value for name, control in panel.controls.items()}
        assert shown == {
            **{name: explorer.values[name] for name in shown if name != "steps"},
            "steps": 20,
        }


def test_the_live_curve_is_laid_over_the_recorded_one_and_agrees_with_it(explorer):
    explorer.show(optimizer="adamw", learning_rate=0.00316, schedule="cosine")
    overlays = []
    explorer.observe(lambda change: overlays.append(change["new"]), "live")
    panel = labs.live(TASK, explorer)
    train(panel)
    recorded = explorer.runs.sel(explorer.values)
    assert explorer.live["steps"] == explorer.runs.step.values.tolist()
    for name in ("train_loss", "val_loss"):
        assert np.allclose(explorer.live[name], recorded[name], rtol=1e-4)
    assert [bool(o) and o["running"] for o in overlays][:3] == [True] * 3 and not explorer.live[
        "running"
    ]


def test_a_closed_panel_stops_and_no_longer_follows(explorer):
    panel = labs.live(TASK, explorer, steps=LONG)
    panel.train_button.click()
    panel.close()
    assert panel.wait(20)
    before = panel.controls["optimizer"].value
    explorer.show(optimizer="sgd" if before == "adamw" else "adamw")
    assert panel.controls["optimizer"].value == before


@pytest.mark.parametrize(
    "start, expected",
    [
        (dict(rate=0.1), "start: expected one of .*learning_rate.*, got 'rate'"),
        (dict(learning_rate=-1), "learning_rate must be positive"),
        (dict(optimizer="sophia"), "optimizer must be one of .*, got 'sophia'"),
    ],
)
def test_an_impossible_start_is_refused_when_the_panel_is_made(start, expected):
    with pytest.raises(ValueError, match=expected):
        labs.live(TASK, **start)


def test_an_explorer_of_another_task_is_refused(explorer):
    with pytest.raises(ValueError, match="expected runs on the task 'digits', got 'spirals'"):
        labs.live(labs.tasks.digits(), explorer)


def test_a_start_that_no_control_has_by_itself_is_shown_exactly():
    panel = labs.live(TASK, batch_size=100, learning_rate=123.0)
    assert (panel.controls["batch_size"].value, panel.controls["learning_rate"].value) == (
        100,
        123.0,
    )


def test_the_panel_reads_as_one_short_line_where_no_widget_can_be_shown():
    assert repr(labs.live(TASK)) == "Live panel: trains two spirals. It needs a kernel."


def test_leaving_python_while_a_run_trains_is_no_crash():
    program = f"import labs; labs.live(labs.tasks.spirals(), steps={LONG}).train_button.click()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=60,
        encoding="utf-8",
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_run_of_another_form_is_refused_by_the_chart_in_words():
    run = {"steps": [0, 1], "train_loss": [1.0], "val_loss": [1.0, 0.5], "last_step": 1}
    with pytest.raises(
        ValueError, match=r"three lists of one length, got keys .* lengths \[1, 2\]"
    ):
        Chart(run=run | {"diverged_at": -1})
    with pytest.raises(ValueError, match="expected .* diverged_at with three lists"):
        Chart(run=run | {"train_loss": [1.0, 0.5]})


def test_a_loss_that_is_no_number_reaches_the_page_as_none():
    losses = {"train_loss": [np.float32(0.5), 0.25], "val_loss": [float("inf"), float("nan")]}
    chart = Chart(run={"steps": [0, 1], "last_step": 1, "diverged_at": -1, **losses})
    assert (chart.run["train_loss"], chart.run["val_loss"]) == ([0.5, 0.25], [None, None])
    assert type(chart.run["train_loss"][0]) is float


def test_the_status_writes_losses_as_the_explorer_does():
    panel = labs.live(TASK, steps=1000)
    train(panel)
    last = panel.points[-1]
    losses = [numbers.loss(last.train_loss), numbers.loss(last.val_loss)]
    expected = "after 1,000 steps training loss {}, validation loss {}, ".format(*losses)
    assert expected in said(panel)[1]


def test_a_task_without_a_metric_trains_and_no_metric_is_said():
    panel = labs.live(labs.tasks.valley(), batch_size=1, learning_rate=0.05, steps=20)
    train(panel)
    assert said(panel)[0] == "done" and re.search(r"validation loss [\d.e-]+\.$", said(panel)[1])


def test_the_status_names_the_setting():
    panel = labs.live(TASK, optimizer="adam", l2=0.01, seed=3, steps=2)
    train(panel)
    setting = "(optimizer adam, learning rate 0.1, batch size 32, L2 penalty 0.01, "
    assert setting + "schedule constant, seed 3)" in said(panel)[1]


@pytest.mark.parametrize(
    "setting, kind",
    [
        (settings.Setting("rule", "b", None, choices=("a", "b")), "Dropdown"),
        (settings.Setting("rate", 0.5, None, scale="log"), "FloatLogSlider"),
        (settings.Setting("size", 8, None, scale="log"), "SelectionSlider"),
        (settings.Setting("decay", 0.5, None), "FloatText"),
        (settings.Setting("count", 3, None), "IntText"),
        (settings.Setting("nesterov", True, None), "Checkbox"),
    ],
)
def test_a_new_setting_gets_a_control_from_its_line_in_the_table(setting, kind):
    made = controls.control(setting, setting.default, (), 512)
    assert type(made).__name__ == kind and made.value == setting.default
    assert made.description == setting.name


def test_every_setting_has_a_control_that_can_show_its_default():
    shown = {name: control.value for name, control in labs.live(TASK).controls.items()}
    usual = {name: setting for name, setting in settings.SETTINGS.items() if not setting.extra}
    assert shown == {name: setting.default for name, setting in usual.items()}


def test_an_extra_setting_has_a_control_where_it_is_given_or_recorded():
    told = dict(momentum=0.5, beta2=0.99, eps=1e-6, label_smoothing=0.1, warmup_share=0.5)
    panel = labs.live(TASK, optimizer="adam", steps=20, clip_norm=0.25, **told)
    assert {name: panel.controls[name].value for name in told} == pytest.approx(told)
    assert panel.controls["clip_norm"].value == 0.25 and "beta1" not in panel.controls
    train(panel)
    config = labs.TrainConfig(optimizer="adam", steps=20, clip_norm=0.25, **told)
    assert [p[:4] for p in panel.points] == [p[:4] for p in labs.train(TASK, config)]
    assert (
        "label smoothing 0.1" in said(panel)[1] and "largest gradient norm 0.25" in said(panel)[1]
    )


def test_the_panel_follows_an_explorer_to_no_bound_of_the_gradient():
    grid = labs.Grid(clip_norm=[0.3, None], beta1=[0.5, 0.9])
    explorer = labs.Explorer(labs.sweep(TASK, grid, steps=5))
    panel = labs.live(TASK, explorer)
    for clip_norm, beta1 in ((float("inf"), 0.5), (0.3, 0.9)):
        explorer.show(clip_norm=clip_norm, beta1=beta1)
        assert panel.controls["clip_norm"].value == clip_norm
        assert panel.controls["beta1"].value == beta1
