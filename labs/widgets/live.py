"""The live panel: choose a setting, train it here and now, and watch its loss. Stock ipywidgets only.

Training runs in a thread, so the kernel stays usable. The thread writes to the status, the picture, the progress bar, the
buttons and the explorer's `live`; the reader writes to the controls of the setting: no widget has two writers.
"""
import atexit
import dataclasses
import functools
import html
import itertools
import json
import math
import pathlib
import threading
import time

import ipywidgets as widgets

from labs.device import best_device, describe
from labs.grid import AXES
from labs.optimizers import RULES, SCHEDULES
from labs.sweep import DIVERGED
from labs.train import TrainConfig, check_setting, train
from labs.widgets import curve

MOST_STEPS = 100_000        # the order of all mini-batches is drawn before the first step, and kept in memory
FIELDS = tuple(field.name for field in dataclasses.fields(TrainConfig))


class _Stopped(Exception):
    """Raised inside a run when its reader pressed Stop."""


def live(task, explorer=None, **start):
    """A panel that trains one setting of `task` at a time, in the background, on the best device.

    `explorer`: an Explorer of the same task; its setting becomes the panel's whenever it moves, and the live curve is laid
    over the recorded one. `start`: values of `TrainConfig` shown first. Returns a `Live`. Raises ValueError for a name or
    value of `start` that is impossible, or an explorer of another task.

    >>> labs.live(labs.tasks.spirals(), learning_rate=0.01, steps=2000)
    """
    _check_start(task, explorer, start)
    return Live(task, explorer, **start)


class Live(widgets.VBox):
    """The panel that `live` returns.

    `controls`: {setting: widget}. `train_button`, `stop_button`, `progress`, `status`, `picture`: its other widgets.
    `points`: the (step, train_loss, val_loss, val_metric) measured so far in the latest run. `running`: whether one trains.
    """

    def __init__(self, task, explorer=None, **start):
        self.task, self.explorer, self.device = task, explorer, best_device()
        self.running, self.points, self._thread = False, [], None
        self._one_at_a_time, self._stop_wish = threading.Lock(), threading.Event()
        shown = dataclasses.asdict(TrainConfig()) | _shown(explorer) | start
        self.controls = _controls(task, explorer, shown)
        self.train_button = widgets.Button(description=words()["train"], button_style="primary", icon="play")
        self.stop_button = widgets.Button(description=words()["stop"], icon="stop", disabled=True)
        self.progress = widgets.IntProgress(min=0, max=1, layout=widgets.Layout(width="auto", flex="1 1 8em"))
        self.status, self.picture = widgets.HTML(), widgets.HTML()
        self.train_button.on_click(self._start)
        self.stop_button.on_click(self.stop)
        grid = widgets.GridBox(list(self.controls.values()), layout=widgets.Layout(
            grid_template_columns="repeat(auto-fit, minmax(min(100%, 19em), 1fr))", grid_gap="2px 20px"))
        buttons = widgets.HBox([self.train_button, self.stop_button, self.progress], layout=widgets.Layout(
            flex_flow="row wrap", align_items="center", margin="8px 0 0"))
        super().__init__([grid, buttons, self.status, self.picture], layout=widgets.Layout(max_width="46em"))
        self.add_class("labs-live")
        self._say("ready")
        if explorer is not None:
            explorer.observe(self._follow, "choice")

    def __repr__(self):
        return f"Live panel: trains {self.task.title}. It needs a kernel."

    def stop(self, button=None):
        """End the run that trains, if one does, between two of its steps."""
        self._stop_wish.set()

    def wait(self, timeout=None):
        """Wait until the run has ended, at most `timeout` seconds; True where it has."""
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def close(self):
        """Stop training and remove the panel."""
        self.stop()
        if self.explorer is not None:
            self.explorer.unobserve(self._follow, "choice")
        super().close()

    def _leave(self):
        """Let the thread end before Python does: torch aborts the process where it is cut off in a step."""
        self.stop()
        self.wait(10)

    def _follow(self, change):
        for name, value in _shown(self.explorer).items():
            self.controls[name].value = value

    def _start(self, button):
        with self._one_at_a_time:
            if self.running:
                return
            self.running = True
        self._stop_wish.clear()
        self.points, self.progress.value = [], 0
        try:
            config = TrainConfig(**{name: control.value for name, control in self.controls.items()})
            if config.steps > MOST_STEPS:
                raise ValueError(words()["too_long"].format(most=f"{MOST_STEPS:,}", steps=f"{config.steps:,}"))
            measured = train(self._stoppable_task(), config, self.device)
            first = next(measured)      # here, not in the thread: a refusal is immediate, and torch's seed is set undisturbed
            if not math.isfinite(first.train_loss):
                raise ValueError(words()["not_finite"].format(loss=first.train_loss))
        except ValueError as error:
            self._end("refused", reason=error)
        except Exception as error:      # whatever a task of the reader's own raises belongs in the panel, in words
            self._end("failed", step=0, kind=type(error).__name__, reason=error)
        else:
            self.train_button.disabled, self.stop_button.disabled = True, False
            self.progress.max, self.progress.bar_style = config.steps, ""
            self._thread = threading.Thread(target=self._run, args=(config, itertools.chain([first], measured)), daemon=True)
            atexit.register(self._leave)
            self._thread.start()

    def _stoppable_task(self):
        """The task with a loss that looks at the Stop button: a run then ends at once, however rarely it is measured."""
        def loss(outputs, targets):
            """The task's own; raises _Stopped after the button."""
            if self._stop_wish.is_set():
                raise _Stopped
            return self.task.loss(outputs, targets)
        return dataclasses.replace(self.task, loss=loss)

    def _run(self, config, measured):
        """Train to the end, in the thread."""
        began, step = time.perf_counter(), 0
        try:
            for point in measured:
                step = point.step
                if not point.train_loss < DIVERGED * (self.points or [point])[0].train_loss:
                    return self._end("diverged", config, step=step, loss=point.train_loss)
                self.points = [*self.points, point._replace(model=None)]
                self.progress.value = step
                self._draw(config, running=step < config.steps)
                self._say("training", config)
            self._end("done", config, seconds=time.perf_counter() - began)
        except _Stopped:
            self._end("stopped", config)
        except Exception as error:      # nobody would see it in a thread: it goes to the panel
            self._end("failed", config, step=step, kind=type(error).__name__, reason=error)

    def _end(self, what, config=None, **facts):
        try:
            self.progress.bar_style = {"done": "success", "stopped": "info"}.get(what, "danger")
            self._draw(config, running=False)
            self._say(what, config, **facts)
        finally:
            atexit.unregister(self._leave)
            self.running = False        # before the button: a click on it must find the panel free
            self.train_button.disabled, self.stop_button.disabled = False, True

    def _say(self, what, config=None, **facts):
        if self.points:
            facts = self.points[-1]._asdict() | {"metric": self.task.metric_label} | facts
        if config:
            setting = {name: _number(value) for name, value in dataclasses.asdict(config).items()}
            facts |= {"steps": config.steps, "setting": words()["setting"].format(**setting)}
        facts |= {"device": describe(self.device)}
        sentence = words()[what].format(**{name: _number(fact) for name, fact in facts.items()})
        self.status.value = f'<p style="margin: 4px 0; line-height: 1.4" data-status="{what}">{html.escape(sentence)}</p>'

    def _draw(self, config, running):
        if not self.points:
            self.picture.value = ""
            if self.explorer is not None:
                self.explorer.live = {}
            return
        steps, train_loss, val_loss, _, _ = zip(*self.points)
        self.picture.value = curve.svg(steps, {"train_loss": train_loss, "val_loss": val_loss}, config.steps,
                                       self.task.loss_label, words())
        if self.explorer is not None:
            self.explorer.live = {"label": words()["label"], "steps": list(steps), "train_loss": list(train_loss),
                                  "val_loss": list(val_loss), "running": running}


@functools.cache
def words(language="en"):
    """The panel's texts."""
    table = pathlib.Path(__file__).with_name("strings.json").read_text(encoding="utf-8")
    return json.loads(table)[language]["live"]


def _number(value):
    return f"{value:.3g}" if isinstance(value, float) else value


def _check_start(task, explorer, start):
    for name, value in start.items():
        if name not in FIELDS:
            raise ValueError(f"start: expected one of {list(FIELDS)}, got {name!r}; check the spelling")
        check_setting(name, value)
    if explorer is not None and explorer.meta["task"]["name"] != task.name:
        raise ValueError(f"explorer: expected runs on the task {task.name!r}, got {explorer.meta['task']['name']!r}; "
                         "give the panel the task that was swept")


def _shown(explorer):
    """The setting that an explorer shows, as values of TrainConfig."""
    if explorer is None:
        return {}
    axes = {axis["name"]: axis["values"][explorer.choice[axis["name"]]] for axis in explorer.meta["axes"]}
    return {name: value for name, value in axes.items() if name in FIELDS} | {"steps": explorer.meta["steps"]}


def _controls(task, explorer, shown):
    """A control for each setting: {name: widget}."""
    recorded = {axis["name"]: axis["values"] for axis in explorer.meta["axes"]} if explorer is not None else {}
    samples = len(task.data.train_x)
    sizes = {2**i for i in range(samples.bit_length() + 1)} | {samples, shown["batch_size"], *recorded.get("batch_size", ())}
    rates = [1e-5, 10, shown["learning_rate"], *recorded.get("learning_rate", ())]
    kinds = {
        "optimizer": functools.partial(widgets.Dropdown, options=list(RULES)),
        "learning_rate": functools.partial(widgets.FloatLogSlider, min=math.floor(math.log10(min(rates))), step=0.05,
                                           max=math.ceil(math.log10(max(rates))), readout_format=".3g"),
        "batch_size": functools.partial(widgets.SelectionSlider, options=sorted(sizes)),
        "weight_decay": widgets.FloatText, "l2": widgets.FloatText,
        "schedule": functools.partial(widgets.Dropdown, options=list(SCHEDULES)),
        "seed": widgets.IntText, "steps": widgets.IntText}
    labels = {name: label for name, (label, _) in AXES.items()} | {"steps": words()["steps"]}
    return {name: kind(value=shown[name], description=labels[name], style={"description_width": "7em"},
                       layout=widgets.Layout(width="auto")) for name, kind in kinds.items()}
