"""What stands in for an explorer neither warns nor raises, whatever a record is called."""

import base64
import io
import re

import matplotlib
import matplotlib.image
import numpy as np
import pytest
import xarray as xr
from test_payload import record

import labs
from labs import Explorer, words
from labs.widgets import glyphs, still
from labs.widgets.frontend import STATIC

NAMES = {
    "Chinese": "学习率",
    "formula": "price $x_$ y",
    "broken formula": r"$\frac{1}{",
    "LaTeX": r"\textbf{a}_b^c & % # ~",
    "emoji": "speed 🚀👩‍💻",
    "Arabic": "معدل التعلم",
    "Hindi": "सीखने की दर",
    "lines": "two\nlines\tand a tab",
    "long": "a very long name " * 20,
    "wide": "很长的名字" * 30,
    "percent": "100 % of {x} and {} and %s",
    "underscores": "__a__b_",
    "empty": "",
    "blank": " \n ",
    "control signs": "a\x00b\x1b[0m\u200f\ufeff",
    "unassigned": "\U0010ffff\ue000",
    "half a pair": "\ud83d",
}


def fallbacks(explorer):
    """The picture as an array (H, W, 4), and the text."""
    shown = explorer.found, explorer.choice
    picture = still.picture(*shown, explorer.map_axes, explorer.map_value)
    return matplotlib.image.imread(io.BytesIO(picture)), still.summary(*shown)


def table(**sizes):
    values = np.random.default_rng(0).random(tuple(sizes.values()))
    return xr.Dataset({"speed": (tuple(sizes), values)})


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_any_name_is_drawn_without_a_warning_and_told_whole(name):
    runs = record(view=False)
    runs = runs.assign_coords(optimizer=[name, "b"])
    runs.learning_rate.attrs["label"] = name
    runs.attrs["task"] = {"title": name, "loss": name, "metric": name}
    runs = runs.assign(extra=("batch_size", [1.0, 2.0], {"label": name}))
    for value, sides in (("extra", None), ("val_metric", ("optimizer", "learning_rate"))):
        picture, text = fallbacks(Explorer(runs, map_value=value, map_axes=sides))
        assert picture.shape[1] == 640 and 0.01 < (picture[..., :3] < 0.9).any(-1).mean() < 0.9
        assert words.label(name) in text


def test_a_text_is_drawn_as_it_stands_on_one_line_and_its_end_is_cut():
    assert glyphs.drawable("a $x_$ {b} %") == "a $x_$ {b} %"
    assert glyphs.drawable("two\n lines\u200f") == "two lines"
    assert glyphs.drawable("\U0010ffffa") == "□a"
    assert glyphs.drawable("learning rate", 9) == "learning…"
    assert glyphs.drawable("") == "" and glyphs.drawable("abc", 3) == "abc"


def test_fonts_that_are_here_draw_the_scripts_they_are_for():
    names, points = glyphs.fonts()
    assert names[0] == "DejaVu Sans" and set(map(ord, "aßЖ□…×")) <= points
    chinese = {"Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei"} & set(names)
    assert glyphs.drawable("学习率") == ("学习率" if chinese else "□□□")


def test_a_font_that_cannot_be_read_is_left_out(monkeypatch, tmp_path):
    damaged = tmp_path / "simhei.ttf"
    damaged.write_bytes(b"no font")
    entry = matplotlib.font_manager.FontEntry(fname=str(damaged), name="SimHei")
    monkeypatch.setattr(
        matplotlib.font_manager.fontManager,
        "ttflist",
        [*matplotlib.font_manager.fontManager.ttflist, entry],
    )
    glyphs.fonts.cache_clear()
    try:
        assert "SimHei" not in glyphs.fonts()[0] and "DejaVu Sans" in glyphs.fonts()[0]
    finally:
        glyphs.fonts.cache_clear()


@pytest.mark.parametrize(
    "runs",
    [
        table(a=1),
        table(a=5000),
        table(a=3000, b=1000),
        table(a=2, b=2) * np.nan,
        table(a=2, b=2) * 0,
        table(a=2, b=2) * 1e-310,
        (table(a=3, b=2) - 0.5) * 3e308,
        table(a=2).assign_coords(a=np.array(["2024-01-01", "2024-01-02"], "M8[ns]")),
        table(a=3).assign_coords(a=[-np.inf, 0.5, np.nan]),
        table(a=2).assign_coords(a=[True, False]),
        record(view=False).isel(step=[0]),
        record(view=False) * np.nan,
        record(view=False)[["train_loss"]],
    ],
    ids=lambda runs: "-".join(map(str, runs.sizes.values())),
)
def test_any_numbers_are_drawn_without_a_warning(runs):
    picture, text = fallbacks(Explorer(runs))
    assert picture.shape[1] == 640 and text.startswith("Explorer of")


def test_the_picture_is_the_same_whatever_look_a_reader_gave_matplotlib():
    explorer = Explorer(record(view=False))
    plain, _ = fallbacks(explorer)
    with matplotlib.rc_context({"text.usetex": True, "font.size": 40, "figure.dpi": 10}):
        styled, _ = fallbacks(explorer)
        assert matplotlib.rcParams["font.size"] == 40
    assert np.array_equal(plain, styled)


def test_values_that_differ_are_told_apart_in_the_text():
    runs = table(seed=2, rate=2).assign_coords(seed=[20240101, 20240102], rate=[0.1, 0.10004])
    explorer = Explorer(runs, start={"seed": 20240102, "rate": 0.10004})
    assert "Shown: seed 20240102, rate 0.10004: speed" in fallbacks(explorer)[1]
    assert [axis["texts"] for axis in explorer.meta["axes"]] == [
        ["20240101", "20240102"],
        ["0.1", "0.10004"],
    ]


def test_a_run_that_diverged_or_was_not_trained_says_so_in_both():
    runs = record(view=False)
    explorer = Explorer(runs)
    drawn = []
    for place in (
        np.argwhere(runs.diverged_at.values >= 0)[0],
        np.argwhere(~runs.trained.values)[0],
    ):
        explorer.choice = dict(zip(runs.trained.dims, place.tolist()))
        drawn.append(fallbacks(explorer))
    assert ": diverged at step " in drawn[0][1] and ": not trained, the sweep" in drawn[1][1]
    assert not np.array_equal(drawn[0][0], drawn[1][0])


def test_the_text_follows_the_language_of_python(monkeypatch):
    tables = {
        **words.tables(),
        "zh": {"axis": {"seed": "种子"}, "list": {"pair": "{first}、{second}"}},
    }
    monkeypatch.setattr(words, "tables", lambda: tables)
    monkeypatch.setenv("LABS_LANGUAGE", "zh-CN")
    assert "、3 × 种子)" in fallbacks(Explorer(record(view=False)))[1]


def test_the_picture_has_the_palette_of_the_page():
    sheet = (STATIC / "explorer.css").read_text(encoding="utf-8")
    light = lambda name: re.search(rf"--{name}: (?:light-dark\()?(#\w{{6}})", sheet)[1]
    train, val = (still.CURVES[name][0] for name in ("train_loss", "val_loss"))
    assert (train, val) == (light("training"), light("validation"))
    assert (still.DARK, still.PALE) == (light("low"), light("high"))


def test_the_picture_does_not_give_the_answer_of_a_question_away():
    question = labs.Question("Up?", {"yes": "yes", "no": "no"}, "yes", "So it is.")
    open_one, asking = Explorer(record(), name="a"), Explorer(record(), name="b", ask=question)
    heights = []
    for explorer in (open_one, asking):
        png = base64.b64decode(explorer._repr_mimebundle_()[0]["image/png"])
        heights.append(matplotlib.image.imread(io.BytesIO(png)).shape[0])
    assert heights[1] < 0.5 * heights[0]  # the curves without the map


def test_numbers_that_differ_each_time_are_written_after_the_sign_for_about():
    """Notebooks are compared without them, and with the others."""
    runs = table(size=2).assign(seconds=("size", [0.25, 0.5], {"varies": True}))
    text = fallbacks(Explorer(runs, map_value="speed"))[1]
    assert "seconds ≈ 0.250" in text and "speed 0" in text and "speed ≈" not in text
