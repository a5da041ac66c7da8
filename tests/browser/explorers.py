"""Explorers in a page: written as the book writes them, read and moved as a reader does it."""

import base64
import functools
import itertools
import json
import pathlib
import re
import time

import axe_playwright_python
import numpy as np
import pytest
import xarray as xr
from ipywidgets.embed import dependency_state
from test_payload import POINTS, record

import labs
from labs import words
from labs.widgets import payload

CURVES = ("train_loss", "val_loss")
AXE = pathlib.Path(axe_playwright_python.__file__).with_name("axe.min.js")
STATIC = pathlib.Path(__file__).resolve().parents[2] / "book" / "_static"
HOST, CONTAINERS = STATIC / "widget-host.js", STATIC / "widget-containers.js"
STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def until(page, condition, seconds=60):
    """Wait until `condition()` holds; AssertionError where it does not."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        page.wait_for_timeout(20)


def write_page(path, *explorers):
    """A page that holds explorers as MyST-NB writes them, and the book's own host."""
    states = {
        "version_major": 2,
        "version_minor": 0,
        "state": dependency_state(explorers, drop_defaults=False),
    }
    views = "".join(
        f'<div><script type="{VIEW}">{json.dumps({"model_id": e.model_id})}</script></div>'
        for e in explorers
    )
    state = json.dumps(states).replace("</", "<\\/")
    said = json.dumps({"words": words.tables()["en"]["host"], "late": []})
    path.write_text(
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        '<title>Explorers</title><meta name="viewport" content="width=device-width"></head>'
        f"<body><main>{views}</main>"
        f'<script type="{STATE}">{state}</script>'
        f'<script type="application/json" id="host-settings">{said}</script>'
        f"<script>{CONTAINERS.read_text(encoding='utf-8')}</script>"
        f"<script>{HOST.read_text(encoding='utf-8')}</script></body></html>",
        encoding="utf-8",
    )
    return path


def write_small_page(path):
    """A page with explorers of two small sweeps, and of a table that holds no runs."""
    start = {"optimizer": "adam", "learning_rate": 0.0158}
    first = labs.Explorer(record(), name="first", start={**start, "seed": 0})
    second = labs.Explorer(record(optimizers=("lion",), seeds=2), name="second")
    memory = np.geomspace(1e9, 8e11, 12).reshape(3, 4)
    memory[2, 0] = np.nan
    table = xr.Dataset(
        {"memory": (("size", "devices"), memory), "price in dollars": ("devices", [1, 2, 4, 8])},
        {"size": ["1B", "7B", "70B"], "devices": [1, 2, 4, 8]},
    )
    return write_page(path, first, second, labs.Explorer(table, name="table"))


MEAN = "mean"


class Record:
    """What a page's embedded state says of one explorer: its axes and its arrays, as numbers.

    A run is a number; where a mean is shown, the tuple of the numbers of its runs. `files`: the
    folder of what the state does not hold itself.
    """

    def __init__(self, saved, files=None):
        self.saved, self.files = saved, files
        self.meta, self.start = saved["state"]["meta"], saved["state"]["choice"]
        self.axes = {axis["name"]: axis["values"] for axis in self.meta["axes"]}
        self.shape = tuple(len(values) for values in self.axes.values())
        self.repeats = {axis["name"] for axis in self.meta["axes"] if axis["repeats"]}

    def positions(self, axis):
        """The positions that an axis' control offers, in its order."""
        count = len(self.axes[axis])
        return [*([MEAN] if axis in self.repeats and count > 1 else []), *range(count)]

    @functools.cached_property
    def arrays(self):
        buffer = next(b for b in self.saved["buffers"] if b["path"] == ["payload"])
        data = buffer.get("data") or file_text(self.files / f"{buffer['file']}.js")
        return payload.decode(self.meta, base64.b64decode(data))

    @property
    def curves(self):
        """The names of its curves; a table of values has none."""
        return [name for name in CURVES if name in self.arrays]

    def run(self, choice):
        some = [
            range(n) if choice[a] == MEAN else [choice[a]] for a, n in zip(self.axes, self.shape)
        ]
        runs = [int(np.ravel_multi_index(one, self.shape)) for one in itertools.product(*some)]
        return runs[0] if len(runs) == 1 else tuple(runs)

    def choice(self, run):
        places = np.unravel_index(run, self.shape)
        return {
            name: MEAN if np.unique(place).size > 1 else int(np.ravel(place)[0])
            for name, place in zip(self.axes, places)
        }

    def of(self, name, run):
        rows = self.arrays[name].reshape(-1, *self.arrays[name].shape[len(self.shape) :])
        if isinstance(run, int):
            return rows[run]
        some = rows[list(run)]
        if name == "diverged_at":
            return some[some >= 0].min() if (some >= 0).any() else -1
        return some.all() if name == "trained" else some.mean(0)


def file_text(path):
    """The text that a file beside the pages hands to them, see book/_ext/widget_states.py."""
    return json.loads(path.read_text(encoding="utf-8").partition(" = ")[2].removesuffix(";"))


def records(html, folder=None):
    """The records of a page by explorer name. `folder`: where the page lies, for a page of the
    book, whose records stand in files.
    """
    found = re.findall(rf'<script type="{re.escape(STATE)}">(.*?)</script>', html, re.DOTALL)
    states = [saved for text in found for saved in json.loads(text)["state"].values()]
    host = re.search(r'src="([^"]*)widget-host\.js', html)
    files = folder and host and folder / host[1] / "widgets"
    explorers = [
        Record(saved, files)
        for saved in states
        if saved["state"].get("_anywidget_id", "").endswith("Explorer")
    ]
    return {explorer.meta["name"]: explorer for explorer in explorers}


SEEN = """async (root) => {
  await new Promise(requestAnimationFrame);
  const svg = root.querySelector("svg.curves");
  const scale = (side) =>
    svg && ["scale", "domain", "range"].map((name) => svg.getAttribute(`data-${side}-${name}`));
  const each = (selector, entry) => Object.fromEntries(
    [...root.querySelectorAll(selector)].map((node) => entry(node)));
  return {
    run: root.dataset.run,
    mean: root.dataset.mean ?? "",
    diverged: root.dataset.diverged ?? null,
    words: root.querySelector('[aria-live="polite"]')?.innerText,
    scales: { x: scale("x"), y: scale("y") },
    paths: each("path[data-series]", (node) => [node.dataset.series, node.getAttribute("d")]),
    controls: each("[data-axis]", (node) =>
      [node.dataset.axis, [node.type, node.value, node.getAttribute("aria-valuetext")]]),
  };
}"""


class Shown:
    """One explorer on an open page, read and moved as a reader does it."""

    def __init__(self, page, name, record):
        self.page, self.record = page, record
        self.root = page.locator(f'.labs-explorer[data-name="{name}"]')
        self.to_front()

    def to_front(self):
        """Choose the tab that holds it, on a page of the book or in JupyterLab."""
        self.root.wait_for(state="attached")
        tabs = self.page.locator(".widget-tab", has=self.root)  # JupyterLab's
        panel = self.root.locator("xpath=ancestor::*[@role='tabpanel'][1]")
        if tabs.count():
            before = "e => { let n = 0; while ((e = e.previousElementSibling)) n++; return n; }"
            own = tabs.locator(".widget-tab-contents > *", has=self.root)
            tabs.locator(".lm-TabBar-tab").nth(own.evaluate(before)).click()
        elif panel.count() and not self.root.is_visible():
            self.page.locator(f"#{panel.get_attribute('aria-labelledby')}").click()
        self.root.wait_for()
        return self

    @property
    def run(self):
        return self.record.run(self.choice)

    @property
    def choice(self):
        return self.chosen(self.root.evaluate("root => root.dataset"))

    def chosen(self, seen):
        """The choice that the attributes of an explorer name."""
        averaged = seen.get("mean", "").split()
        return self.record.choice(int(seen["run"])) | dict.fromkeys(averaged, MEAN)

    def seen(self):
        """All that is shown, read at once, after what is to be drawn in the next frame."""
        return self.root.evaluate(SEEN)

    @property
    def words(self):
        """The sentence on what is shown."""
        return self.root.locator('[aria-live="polite"]').inner_text()

    def after(self, run, axis, by):
        """The run `by` positions further than `run` on one axis."""
        choice, positions = self.record.choice(run), self.record.positions(axis)
        return self.record.run({**choice, axis: positions[positions.index(choice[axis]) + by]})

    def control(self, axis):
        return self.root.locator(f'[data-axis="{axis}"]')

    def moving_axes(self):
        return [name for name, values in self.record.axes.items() if len(values) > 1]

    def move_by_keyboard(self, axis, by):
        self.control(axis).focus()
        slider = self.control(axis).get_attribute("type") == "range"
        self.page.keyboard.press(
            {1: "ArrowRight", -1: "ArrowLeft"}[by]
            if slider
            else {1: "ArrowDown", -1: "ArrowUp"}[by]
        )

    def move_by_pointer(self, axis, index):
        control, count = self.control(axis), len(self.record.axes[axis])
        if control.get_attribute("type") != "range":
            return control.select_option(index=self.record.positions(axis).index(index))
        control.scroll_into_view_if_needed()
        box, thumb = control.bounding_box(), 16
        place = lambda i: box["x"] + thumb / 2 + (box["width"] - thumb) * i / (count - 1)
        start, end, y = place(self.choice[axis]), place(index), box["y"] + box["height"] / 2
        if abs(end - start) > thumb:
            return self.page.mouse.click(end, y)
        self.page.mouse.move(
            start, y
        )  # a click beside the thumb's middle would only take hold of it
        self.page.mouse.down()
        self.page.mouse.move(end, y)
        self.page.mouse.up()

    def scale(self, side, seen=None):
        """(kind, low, to numbers, slope) of the curves' axis `side`, from what the svg says."""
        kind, *ends = (seen or self.seen())["scales"][side]
        (low, high), (start, end) = (map(float, text.split(",")) for text in ends)
        forth, back = (np.log, np.exp) if kind == "log" else (np.asarray, np.asarray)
        slope = (forth(high) - forth(low)) / (end - start)
        return (
            kind,
            low,
            lambda pixel: back(forth(low) + (np.asarray(pixel) - start) * slope),
            abs(slope),
        )

    def drawn(self, series, seen=None):
        """The points (steps, losses) of a path, out of pixels."""
        seen = seen or self.seen()
        pixels = re.findall(r"[ML](-?[\d.]+),(-?[\d.]+)", seen["paths"][series])
        x, y = np.array(pixels, float).reshape(-1, 2).T
        return self.scale("x", seen)[2](x), self.scale("y", seen)[2](y)

    def expect_curve(self, series, name, run, seen=None):
        """The path holds the record's values of a run: all of them, to the hundredth of a pixel
        that it is written in.
        """
        seen = seen or self.seen()
        steps, losses = self.drawn(series, seen)
        expect_steps, expected = (
            np.array(self.record.meta["record_steps"]),
            self.record.of(name, run),
        )
        (kind_x, first, _, slope_x), (kind, _, _, slope_y) = (self.scale(s, seen) for s in "xy")
        there = np.isfinite(expected) & (expect_steps >= first)
        assert len(losses) == there.sum()
        wide = 0.006 * np.array([slope_x, slope_y])
        relative = lambda values: values if kind == "log" else 1
        assert np.all(
            np.abs(losses - expected[there]) <= wide[1] * relative(expected[there]) + 1e-12
        )
        nearest = expect_steps[there]
        assert np.all(
            np.abs(steps - nearest) <= wide[0] * (nearest if kind_x == "log" else 1) + 1e-9
        )

    def expect_run(self, run, before):
        """Everything on the page belongs to `run`, and the ghost to the run before."""
        seen = self.seen()
        assert self.record.run(self.chosen(seen)) == run
        for name in self.record.curves:
            self.expect_curve(name, name, run, seen)
            if before is not None:
                self.expect_curve(f"ghost_{name}", name, before, seen)
        diverged, trained = (
            int(self.record.of("diverged_at", run)),
            bool(self.record.of("trained", run)),
        )
        assert seen["diverged"] == (str(diverged) if diverged >= 0 else None)
        said = seen["words"]
        assert (f"at step {diverged:,} of" in said) == (diverged >= 0 and trained)
        assert ("not trained" in said.split("Grey:")[0]) == (not trained)
        if not self.record.curves:
            self.expect_values(run, said)
        elif diverged < 0 and trained:
            loss = float(re.search(r"the validation loss is ([\d.e-]+?),", said).group(1))
            assert loss == pytest.approx(self.record.of("val_loss", run)[-1], rel=0.06)
        for axis, index in self.record.choice(run).items():
            self.expect_control(axis, index, seen["controls"])

    def expect_values(self, run, said):
        """The sentence says each value of a run of a record without curves."""
        for value in self.record.meta["values"]:
            number, label = self.record.of(value["name"], run), words.label(value["label"])
            if np.isnan(number):
                assert f"no {label}" in said
            else:
                found = re.search(rf"{re.escape(label)} (-?[\d.,e-]+?)[,.] ", said + " ")
                assert float(found[1].replace(",", "")) == pytest.approx(number, rel=6e-3)

    def expect_control(self, axis, index, controls):
        """`controls`: of `seen`."""
        if axis not in self.moving_axes():
            assert axis not in controls
            return
        kind, shown, said = controls[axis]
        meta = next(a for a in self.record.meta["axes"] if a["name"] == axis)
        if kind == "range":
            assert shown == str(index)
            label, value = f"{words.label(meta['label'])} ", self.record.axes[axis][index]
            assert said.startswith(label)
            told = said.removeprefix(label)
            assert told == value or float(told) == pytest.approx(value, rel=5e-3)
        else:
            assert shown == (mean_text(meta) if index == MEAN else meta["texts"][index])


def mean_text(axis):
    """What the mean over an axis is called: its name may have a text of its own."""
    if axis["name"] in words.templates("mean"):
        return words.text(f"mean.{axis['name']}")
    return words.text("mean.any", label=words.label(axis["label"]))


def open_all(chromium, path, **options):
    """Every explorer of a page opened from disk, in a window of its own."""
    page = chromium.new_context(
        **{"viewport": {"width": 1280, "height": 900}, **options}
    ).new_page()
    page.troubles = []
    page.on("pageerror", lambda error: page.troubles.append(str(error)))
    page.on(
        "console",
        lambda message: page.troubles.append(message.text) if message.type == "error" else None,
    )
    page.goto(path.as_uri())
    found = records(path.read_text(encoding="utf-8"), path.parent)
    return [Shown(page, name, record) for name, record in found.items()]


def open_one(chromium, path, explorer):
    """The only explorer of a page, and what tells of any trouble."""
    (shown,) = open_all(chromium, write_page(path, explorer))
    return shown


def move_to(shown, run):
    for axis, index in shown.record.choice(run).items():
        if shown.choice[axis] != index:
            shown.move_by_pointer(axis, index)
    assert shown.run == run


def expect_field(shown, canvas, frame, points=POINTS):
    """Where the model is sure of a class, the canvas has that class' colour. `points`: x, y and
    label from -2 to 2.
    """
    once = [axis["name"] for axis in shown.record.meta["axes"] if not axis["repeats"]]
    field = shown.record.arrays["view"][tuple(shown.choice[name] for name in once)][frame]
    size = len(field)
    places = [((x + 2) / 4 * (size - 1), (y + 2) / 4 * (size - 1)) for x, y, _ in points if x == x]
    beside_the_points = lambda x, y: all(np.hypot(x - i, y - j) > 3 for i, j in places)
    sure = [
        (y, x)
        for y in range(1, size - 1, 3)
        for x in range(1, size - 1, 3)
        if np.abs(field[y - 1 : y + 2, x - 1 : x + 2] - 0.5).min() > 0.25
        and beside_the_points(x, y)
    ]
    places = [[x / (size - 1), 1 - y / (size - 1)] for y, x in sure]
    colours = canvas.evaluate(
        "(c, places) => places.map(([x, y]) => [...c.getContext('2d').getImageData("
        "Math.round(x * (c.width - 1)), Math.round(y * (c.height - 1)), 1, 1).data])",
        places,
    )
    assert sure or frame == 0
    for (y, x), (red, green, *_) in zip(sure, colours):
        assert (red > green) == (field[y, x] > 0.5)
