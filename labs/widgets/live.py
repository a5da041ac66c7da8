"""The live panel: choose a setting, train it here and now, and watch its loss. Stock ipywidgets
only.

Training runs in a thread, so the kernel stays usable. The thread writes to the status, the picture,
the progress bar, the buttons and the explorer's `live`; the reader writes to the controls of the
setting: no widget has two writers.
"""

import atexit
import dataclasses
import html
import itertools
import math
import threading
import time

import ipywidgets as widgets

from labs import settings, words
from labs.device import best_device, describe
from labs.training import DIVERGED, TrainConfig, train
from labs.widgets import curve, status
from labs.widgets.controls import check_start, control

# The order of all mini-batches is drawn before the first step, and kept in memory.
MOST_STEPS = 100_000
COLUMNS = "repeat(auto-fit, minmax(min(100%, 19em), 1fr))"


class _Stopped(Exception):
    """Raised inside a run when its reader pressed Stop."""


def live(task, explorer=None, **start):
    """A panel that trains one setting of `task` at a time, in the background, on the best device.

    `explorer`: an Explorer of the same task; its setting becomes the panel's whenever it moves, and
    the live curve is laid over the recorded one. `start`: values of `TrainConfig` shown first.
    Returns a `Live`. Raises ValueError for a name or value of `start` that is impossible, or an
    explorer of another task.

    >>> labs.live(labs.tasks.spirals(), learning_rate=0.01, steps=2000)
    """
    check_start(task, explorer, start)
    return Live(task, explorer, **start)


class Live(widgets.VBox):
    """The panel that `live` returns.

    `controls`: {setting: widget}. `train_button`, `stop_button`, `progress`, `status`, `picture`:
    its other widgets. `points`: the (step, train_loss, val_loss, val_metric) measured so far in the
    latest run. `running`: whether one trains.
    """

    def __init__(self, task, explorer=None, **start):
        self.task, self.explorer, self.device = task, explorer, best_device()
        self.running, self.points, self._thread = False, [], None
        self._one_at_a_time, self._stop_wish = threading.Lock(), threading.Event()
        shown = dataclasses.asdict(TrainConfig()) | _shown(explorer) | start
        self.controls = _controls(task, explorer, shown)
        self._make_buttons()
        self.status, self.picture = widgets.HTML(), widgets.HTML()
        setting = widgets.GridBox(
            list(self.controls.values()),
            layout=widgets.Layout(grid_template_columns=COLUMNS, grid_gap="2px 20px"),
        )
        buttons = widgets.HBox(
            [self.train_button, self.stop_button, self.progress],
            layout=widgets.Layout(flex_flow="row wrap", align_items="center", margin="8px 0 0"),
        )
        whole = widgets.Layout(max_width="46em")
        super().__init__([setting, buttons, self.status, self.picture], layout=whole)
        self.add_class("labs-live")
        self._say("ready")
        if explorer is not None:
            explorer.observe(self._follow, "choice")

    def _make_buttons(self):
        train_text, stop_text = words.text("live.train"), words.text("live.stop")
        self.train_button = widgets.Button(
            description=train_text, button_style="primary", icon="play"
        )
        self.stop_button = widgets.Button(description=stop_text, icon="stop", disabled=True)
        wide = widgets.Layout(width="auto", flex="1 1 8em")
        self.progress = widgets.IntProgress(min=0, max=1, layout=wide)
        self.train_button.on_click(self._start)
        self.stop_button.on_click(self.stop)

    def __repr__(self):
        return words.text("live.about", title=words.label(self.task.title))

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
        """Let the thread end before Python does: torch aborts the process where it is cut off in a
        step.
        """
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
            config = self._config()
            measured = train(self._stoppable_task(), config, self.device)
            # Here, not in the thread: a refusal is immediate, and torch's seed is set undisturbed.
            first = next(measured)
            if not math.isfinite(first.train_loss):
                raise ValueError(words.text("live.not_finite", loss=first.train_loss))
        except ValueError as error:
            self._end("refused", reason=error)
        except (
            Exception
        ) as error:  # a task of the reader's own may raise anything: into the panel, in words
            self._end("failed", step=0, kind=type(error).__name__, reason=error)
        else:
            self.train_button.disabled, self.stop_button.disabled = True, False
            self.progress.max, self.progress.bar_style = config.steps, ""
            points = itertools.chain([first], measured)
            self._thread = threading.Thread(target=self._run, args=(config, points), daemon=True)
            atexit.register(self._leave)
            self._thread.start()

    def _config(self):
        config = TrainConfig(**{name: shown.value for name, shown in self.controls.items()})
        if config.steps > MOST_STEPS:
            most, steps = f"{MOST_STEPS:,}", f"{config.steps:,}"
            raise ValueError(words.text("live.too_long", most=most, steps=steps))
        return config

    def _stoppable_task(self):
        """The task with a loss that looks at the Stop button: a run then ends at once, however
        rarely it is measured.
        """

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
        except Exception as error:  # nobody would see it in a thread: it goes to the panel
            self._end("failed", config, step=step, kind=type(error).__name__, reason=error)

    def _end(self, what, config=None, **facts):
        try:
            self.progress.bar_style = {"done": "success", "stopped": "info"}.get(what, "danger")
            self._draw(config, running=False)
            self._say(what, config, **facts)
        finally:
            atexit.unregister(self._leave)
            # Before the button: a click on it must find the panel free.
            self.running = False
            self.train_button.disabled, self.stop_button.disabled = False, True

    def _say(self, what, config=None, **facts):
        point = self.points[-1] if self.points else None
        facts |= {"device": describe(self.device)}
        said = html.escape(status.sentence(what, self.task, config, point, facts))
        style = "margin: 4px 0; line-height: 1.4"
        self.status.value = f'<p style="{style}" data-status="{what}">{said}</p>'

    def _draw(self, config, running):
        picture, overlay = "", {}
        if self.points:
            steps, train_loss, val_loss, _, _ = map(list, zip(*self.points))
            losses = {"train_loss": train_loss, "val_loss": val_loss}
            picture = curve.svg(steps, losses, config.steps, self.task.loss_label)
            label = words.text("live.label")
            overlay = {"label": label, "steps": steps, **losses, "running": running}
        self.picture.value = picture
        if self.explorer is not None:
            self.explorer.live = overlay


def _shown(explorer):
    """The setting that an explorer shows, as values of TrainConfig."""
    if explorer is None:
        return {}
    shown = {name: v for name, v in explorer.values.items() if name in settings.SETTINGS}
    return shown | {"steps": explorer.meta["steps"]}


def _controls(task, explorer, shown):
    """A control for each setting: {name: widget}."""
    axes = explorer.meta["axes"] if explorer is not None else []
    recorded = {axis["name"]: axis["values"] for axis in axes}
    samples = len(task.data.train_x)
    return {
        name: control(setting, shown[name], recorded.get(name, ()), samples)
        for name, setting in settings.SETTINGS.items()
    }
