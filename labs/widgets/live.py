"""The live panel: choose a setting, train it here and now, and watch its loss.

Its controls are stock ipywidgets, its chart is painted as the explorer's. Training runs in a
thread, so the kernel stays usable. The thread writes to the status, the chart's `run`, the progress
bar, the buttons and the explorer's `live`; the reader writes to the controls of the setting and the
chart's switches: no trait has two writers.
"""

import atexit
import dataclasses
import functools
import itertools
import math
import threading
import time

import ipywidgets as widgets

from labs import words
from labs.device import best_device, describe
from labs.training import TrainConfig, limit, train
from labs.widgets import controls, status, tie
from labs.widgets.chart import Chart

# The order of all mini-batches is drawn before the first step, and kept in memory.
MOST_STEPS = 100_000
COLUMNS = "repeat(auto-fit, minmax(min(100%, 19em), 1fr))"


class _Stopped(Exception):
    """Raised inside a run when its reader pressed Stop."""


def live(task, explorer=None, **start):
    """A panel that trains one setting of `task` at a time, in the background, on the best device.

    `explorer`: an Explorer of the same task; its setting becomes the panel's whenever it moves, and
    the live curve is laid over the recorded one. An explorer has one panel: a new one, also of a
    new explorer of the same name, ends the one before. `start`: values of `TrainConfig` shown
    first. Returns a `Live`. Raises ValueError for a name or value of `start` that is impossible, or
    an explorer of another task.

    >>> labs.live(labs.tasks.spirals(), learning_rate=0.01, steps=2000)
    """
    controls.check_start(task, explorer, start)
    return Live(task, explorer, **start)


class Live(widgets.VBox):
    """The panel that `live` returns.

    `controls`: {setting: widget}. `train_button`, `stop_button`, `progress`, `status`, `chart`: its
    other widgets. `points`: the (step, train_loss, val_loss, val_metric) measured so far in the
    latest run. `running`: whether one trains.
    """

    def __init__(self, task, explorer=None, **start):
        self.task, self.device = task, best_device()
        self.running, self.points, self._thread = False, [], None
        self._one_at_a_time, self._stop_wish = threading.Lock(), threading.Event()
        self._over, self._tie = False, None
        shown = dataclasses.asdict(TrainConfig()) | tie.shown(explorer) | start
        self.controls = controls.for_task(task, explorer, shown)
        self._make_buttons()
        self.status, self.chart = widgets.HTML(), _chart(task, explorer)
        setting = widgets.GridBox(
            list(self.controls.values()),
            layout=widgets.Layout(grid_template_columns=COLUMNS, grid_gap="2px 20px"),
        )
        buttons = widgets.HBox(
            [self.train_button, self.stop_button, self.progress],
            layout=widgets.Layout(flex_flow="row wrap", align_items="center", margin="8px 0 0"),
        )
        whole = widgets.Layout(max_width="46em")
        super().__init__([setting, buttons, self.status, self.chart], layout=whole)
        self.add_class("labs-live")
        self._say("ready")
        if explorer is not None:
            self._tie = tie.Tie(explorer, self._follow, self._give_way)

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
        # Whoever observes the explorer is called in the thread, and may close the panel there.
        if self._thread not in (None, threading.current_thread()):
            self._thread.join(timeout)
        return not self.running

    def close(self):
        """Stop training and remove the panel."""
        self._finish()
        inside = self.children
        super().close()
        controls.close(inside)

    def _give_way(self):
        """A newer panel has the explorer now: this one ends, and says so where it is still seen."""
        self._finish()
        said = words.text("live.taken", name=self._tie.name)
        inside, self.children = self.children, [widgets.HTML(status.paragraph("taken", said))]
        controls.close(inside)

    def _finish(self):
        """Stop training for good, and let the explorer go."""
        self._over = True
        self._leave()
        if self._tie is not None:
            self._tie.cut()

    def _leave(self):
        """Let the thread end before Python does: torch aborts the process where it is cut off in a
        step.
        """
        self.stop()
        self.wait(10)

    def _follow(self):
        for name, value in tie.shown(self._tie.explorer).items():
            self.controls[name].value = value

    def _start(self, button):
        with self._one_at_a_time:
            if self.running or self._over:
                return
            self.running = True
        self._stop_wish.clear()
        self.points, self.progress.value = [], 0
        try:
            config = self._config()
            measured = train(self._stoppable_task(), config, self.device)
            # Here, not in the thread: a refusal is immediate, and nothing disturbs torch's chance.
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

        @functools.wraps(self.task.loss)  # so that it is known to take label smoothing
        def loss(outputs, targets, **options):
            """The task's own; raises _Stopped after the button."""
            if self._stop_wish.is_set():
                raise _Stopped
            return self.task.loss(outputs, targets, **options)

        return dataclasses.replace(self.task, loss=loss)

    def _run(self, config, measured):
        """Train to the end, in the thread."""
        began, step = time.perf_counter(), 0
        try:
            for point in measured:
                step = point.step
                if not point.train_loss < limit((self.points or [point])[0].train_loss):
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
            diverged_at = facts["step"] if what == "diverged" else -1
            self._draw(config, running=False, diverged_at=diverged_at)
            self._say(what, config, **facts)
        finally:
            atexit.unregister(self._leave)
            # Before the button: a click on it must find the panel free.
            self.running = False
            self.train_button.disabled, self.stop_button.disabled = False, True

    def _say(self, what, config=None, **facts):
        point = self.points[-1] if self.points else None
        facts |= {"device": describe(self.device)}
        said = status.sentence(what, self.task, config, point, facts)
        self.status.value = status.paragraph(what, said)

    def _draw(self, config, running, diverged_at=-1):
        run, overlay = {}, {}
        if self.points:
            steps, train_loss, val_loss, _, _ = map(list, zip(*self.points))
            measured = {"steps": steps, "train_loss": train_loss, "val_loss": val_loss}
            run = measured | {"last_step": config.steps, "diverged_at": diverged_at}
            overlay = measured | {"label": words.text("live.label"), "running": running}
        self.chart.run = run
        if self._tie is not None:
            self._tie.lay_over(overlay)


def _chart(task, explorer):
    """The chart of the panel, its axes as the explorer's are."""
    axes = {} if explorer is None else {"log_x": explorer.log_x, "log_y": explorer.log_y}
    return Chart(loss_label=task.loss_label, **axes)
