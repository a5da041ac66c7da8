"""The Explorer's Python half: it checks and normalises what is shown, and stands in where no script
runs.
"""

import base64
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from test_payload import axis, record

import labs
from labs import Explorer, words
from labs.widgets import frontend

STATIC = frontend.STATIC
ROOT = pathlib.Path(__file__).resolve().parents[1]
SOURCES = sorted(STATIC.rglob("*.js"))


@pytest.fixture(scope="module")
def runs():
    return record()


@pytest.fixture
def explorer(runs):
    start = {"optimizer": "adam", "learning_rate": 0.0158, "seed": 0}
    return Explorer(runs, name="test", start=start)


def test_start_values_become_positions_and_the_rest_is_filled_in(explorer):
    assert explorer.choice == {
        "optimizer": 1,
        "learning_rate": 2,
        "batch_size": 0,
        "weight_decay": 0,
        "l2": 0,
        "seed": 0,
    }
    assert explorer.values["learning_rate"] == 0.0158


def test_a_partial_choice_keeps_the_other_positions_and_plain_ints_travel(explorer):
    explorer.choice = {"batch_size": np.int64(1), "seed": 2.0}
    assert explorer.choice == {
        "optimizer": 1,
        "learning_rate": 2,
        "batch_size": 1,
        "weight_decay": 0,
        "l2": 0,
        "seed": 2,
    }
    assert all(type(index) is int for index in explorer.choice.values())


def test_show_moves_by_value(explorer):
    explorer.show(optimizer="sgd", batch_size=32)
    assert (
        explorer.values | {"optimizer": "sgd", "batch_size": 32, "learning_rate": 0.0158}
        == explorer.values
    )


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (
            dict(start={"lr": 0.1}),
            r"start: expected one of the axes \['optimizer'.*got 'lr'; check the spelling",
        ),
        (
            dict(start={"learning_rate": 7}),
            r"start: expected learning_rate to be one of \[0.001.*got 7; choose a recorded value",
        ),
        (dict(start={"optimizer": "adma"}), "start: expected optimizer to be one of .*got 'adma'"),
        (
            dict(map_axes=("learning_rate", "width")),
            "map_axes: expected one of the axes .*got 'width'",
        ),
        (dict(map_axes=("seed", "seed")), "map_axes: expected two different axis names, got"),
        (
            dict(map_value="loss"),
            r"map_value: expected one of the record's values \['val_loss', .*got 'loss'; check",
        ),
        (dict(name="Two words"), "name: expected small letters.*got 'Two words'; try"),
    ],
)
def test_an_impossible_explorer_is_refused_with_expected_received_and_what_to_do(
    runs, arguments, expected
):
    with pytest.raises(ValueError, match=expected):
        Explorer(runs, **arguments)


@pytest.mark.parametrize(
    "choice, expected",
    [
        (
            {"learning_rate": 6},
            r"choice\['learning_rate'\]: expected a whole number from 0 to 5 .*got 6; "
            "to choose by value use",
        ),
        ({"learning_rate": -1}, "expected a whole number from 0 to 5"),
        ({"learning_rate": "0.1"}, "expected a whole number from 0 to 5 .*got '0.1'"),
        ({"momentum": 0}, "choice: expected one of the axes"),
        ({"learning_rate": "mean"}, "expected a whole number from 0 to 5 .*got 'mean'"),
    ],
)
def test_an_impossible_choice_is_refused_and_the_old_one_stays(explorer, choice, expected):
    before = explorer.choice
    with pytest.raises(ValueError, match=expected):
        explorer.choice = choice
    assert explorer.choice == before


def test_the_frame_stays_within_the_moments_that_ship(explorer):
    assert explorer.frame == len(explorer.meta["view"]["steps"]) - 1
    explorer.frame = 99
    assert explorer.frame == len(explorer.meta["view"]["steps"]) - 1
    explorer.frame = -4
    assert explorer.frame == 0


def test_a_live_curve_travels_as_json_with_null_for_what_is_missing(explorer):
    explorer.live = {
        "label": "live",
        "running": True,
        "steps": [0, 1],
        "train_loss": [0.7, float("nan")],
        "val_loss": [np.float32(0.5), None],
    }
    assert explorer.live["train_loss"] == [0.7, None]
    json.dumps(explorer.live, allow_nan=False)


def test_a_live_curve_of_unequal_lists_is_refused(explorer):
    with pytest.raises(
        ValueError, match="live: expected {} or a dict of label.*three lists of one length"
    ):
        explorer.live = {
            "label": "live",
            "steps": [0],
            "train_loss": [],
            "val_loss": [0.1],
            "running": True,
        }
    assert explorer.live == {}


def test_the_map_has_the_first_two_numbers_that_vary_unless_told_otherwise(runs):
    assert Explorer(runs).map_axes == ["learning_rate", "batch_size"]
    assert Explorer(runs, map_axes=("learning_rate", "optimizer")).map_axes[1] == "optimizer"


def test_an_axis_of_one_value_gives_its_place_on_the_map_to_a_longer_one():
    given = Explorer(record(batch_sizes=(32,)), map_axes=("learning_rate", "batch_size"))
    assert given.map_axes == ["learning_rate", "weight_decay"]


def test_the_map_shows_the_validation_loss_and_any_other_number_of_the_record(runs):
    explorer = Explorer(runs.assign(speed=("batch_size", [1.0, 2.0])))
    names = [value["name"] for value in explorer.meta["values"]]
    assert names == ["val_loss", "train_loss", "val_metric", "speed"]
    assert explorer.map_value == "val_loss"
    for name in names:
        explorer.map_value = name
    with pytest.raises(ValueError, match="expected one of the record's values"):
        explorer.map_value = "trained"
    assert explorer.map_value == "speed"


def test_the_mime_bundle_holds_the_view_and_both_fallbacks(explorer):
    data, metadata = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert len(data["image/png"]) < 100_000
    assert isinstance(metadata, dict)


def test_the_text_fallback_is_the_same_for_every_widget_and_says_what_is_shown(runs, explorer):
    text = explorer._repr_mimebundle_()[0]["text/plain"]
    again = Explorer(
        runs, name="test", start={"optimizer": "adam", "learning_rate": 0.0158, "seed": 0}
    )._repr_mimebundle_()[0]["text/plain"]
    assert text == again and explorer.model_id not in text
    assert (
        "144 runs on two spirals" in text
        and "learning rate 0.0158" in text
        and "validation loss" in text
    )


def test_the_text_fallback_says_diverged_and_not_trained_instead_of_a_loss(runs, explorer):
    text = lambda: explorer._repr_mimebundle_()[0]["text/plain"]
    names = runs.diverged_at.dims
    diverged = np.argwhere(runs.diverged_at.values >= 0)[0]
    explorer.choice = dict(zip(names, diverged.tolist()))
    assert f"diverged at step {runs.diverged_at.values[tuple(diverged)]}" in text()
    explorer.choice = dict(zip(names, np.argwhere(~runs.trained.values)[0].tolist()))
    assert "not trained" in text()


def test_meta_is_json_and_the_call_is_python(explorer):
    json.dumps(explorer.meta, allow_nan=False)
    call = explorer.meta["call"].format(**{a["name"]: a["code"][0] for a in explorer.meta["axes"]})
    compile(call, "call", "eval")


def test_a_call_that_names_an_axis_which_is_gone_is_left_out(runs):
    assert Explorer(runs.isel(l2=0, drop=True)).meta["call"] is None
    assert Explorer(runs.isel(l2=0)).meta["call"] is not None


def test_the_loss_axis_leaves_out_what_a_run_reaches_on_its_way_to_diverging(runs):
    losses = runs.train_loss.copy(deep=True)
    losses[0, -1, ..., 1] = 1e7
    low, high = Explorer(runs.assign(train_loss=losses)).meta["loss_range"]
    assert 0 < low < high < 2


TABLE = xr.Dataset(
    {
        "memory": (("size", "devices", "stage"), np.geomspace(1e9, 8e11, 24).reshape(3, 4, 2)),
        "price": (("size", "devices"), np.arange(12.0).reshape(3, 4), {"better": "lower"}),
        "note": (("size",), np.array(["a", "b", "c"])),
    },
    {"size": ["1B", "7B", "70B"], "devices": [1, 2, 4, 8], "stage": [0, 1]},
)


def test_any_dataset_of_numbers_over_axes_is_a_record():
    explorer = Explorer(TABLE)
    assert explorer.map_value == "memory" and explorer.map_axes == ["devices", "stage"]
    assert [axis["control"] for axis in explorer.meta["axes"]] == ["list", "slider", "slider"]
    assert [value["better"] for value in explorer.meta["values"]] == [None, "lower"]
    meta = explorer.meta
    assert meta["record_steps"] == [] and meta["view"] is meta["call"] is meta["steps"] is None
    text = explorer._repr_mimebundle_()[0]["text/plain"]
    assert text == (
        "Explorer of 24 settings (3 × size, 4 × devices, 2 × stage).\n"
        "Shown: size 1B, devices 2, stage 0: memory 1.79e9, price 1."
    )


def test_a_value_is_called_by_its_label_or_its_long_name_or_its_own(runs):
    labels = {"a": {"label": "price in dollars"}, "b": {"long_name": "time"}, "peak_memory": {}}
    named = runs.assign({name: ("batch_size", [1, 2], marks) for name, marks in labels.items()})
    found = {value["name"]: value["label"] for value in Explorer(named).meta["values"]}
    assert [words.label(found[name]) for name in labels] == [
        "price in dollars",
        "time",
        "peak memory",
    ]
    assert words.label(found["val_loss"]) == "final validation loss"


@pytest.mark.parametrize(
    "given, expected",
    [
        (
            TABLE.memory,
            "expected an xarray.Dataset, .*got DataArray; to show one array give array.to_dataset",
        ),
        (
            xr.Dataset({"a": 3.0}),
            r"expected numbers over at least one axis, got the axes \[\] and the variables \['a'\]",
        ),
        (TABLE[["note"]], r"expected numbers over at least one axis, got the axes \['size'\]"),
    ],
)
def test_what_has_no_numbers_over_axes_is_refused_in_words(given, expected):
    with pytest.raises(ValueError, match=expected):
        Explorer(given)


def test_an_unknown_word_for_what_is_better_is_refused(runs):
    marked = runs.assign(speed=("batch_size", [1.0, 2.0], {"better": "more"}))
    with pytest.raises(ValueError, match="better: expected 'lower' or 'higher', got 'more'; set"):
        Explorer(marked)


def test_one_axis_makes_a_map_of_one_row():
    explorer = Explorer(xr.Dataset({"speed": ("batch", [1.0, 2.0, 4.0])}))
    assert explorer.map_axes == ["batch"] and explorer.choice == {"batch": 1}
    assert len(explorer._repr_mimebundle_()[0]["image/png"]) > 1000


def test_an_axis_that_was_selected_stays_as_an_axis_of_one_value(runs):
    explorer = Explorer(runs.sel(optimizer="adam", seed=1))
    assert explorer.values["optimizer"] == "adam" and explorer.values["seed"] == 1
    whole = Explorer(runs, start=explorer.values)
    text = lambda e: e._repr_mimebundle_()[0]["text/plain"].split(": after")[1]
    assert explorer.values == whole.values and text(explorer) == text(whole)


def test_repetitions_start_with_their_mean_lists_at_their_first_value_numbers_in_their_middle():
    draws = axis("draw", range(5), "linear", repeats=True)
    explorer = Explorer(record(rates=5, batch_sizes=(8, 16, 32), seeds=3, before=(draws,)))
    assert explorer.choice == {
        "draw": "mean",
        "optimizer": 0,
        "learning_rate": 2,
        "batch_size": 1,
        "weight_decay": 0,
        "l2": 0,
        "seed": "mean",
    }
    explorer.show(draw=3)
    assert explorer.values["draw"] == 3 and explorer.values["seed"] == "mean"
    explorer.show(draw="mean")
    assert explorer.choice["draw"] == "mean"


def sources():
    return dict(json.loads(re.match(r"const sources = (.*);\n", frontend.module()).group(1)))


@pytest.mark.parametrize("entry", ["main.js", "talk/worker.js"])
def test_each_source_stands_before_what_imports_it(entry):
    imported = re.compile(r'^import [^;]*?from "([^"]+)";', re.MULTILINE)
    seen = set()
    for name, source in frontend.sources(entry).items():
        assert set(imported.findall(source)) <= seen
        seen.add(name)
    assert entry in seen


def test_every_source_is_in_the_module_or_in_the_thread_that_it_starts():
    module, thread = sources(), frontend.sources("talk/worker.js")
    made = {"words.json", "talk/worker.text"}
    files = {path.relative_to(STATIC).as_posix() for path in SOURCES}
    assert made <= set(module) and {*module, *thread} - made == files


def test_the_words_of_every_language_are_in_the_module():
    assert json.loads(sources()["words.json"].removeprefix("export default ")) == words.tables()


def test_sources_stay_small_enough_to_read():
    for path in [*SOURCES, *(ROOT / "labs").rglob("*.py")]:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) < 250, path
        assert [line for line in lines if len(line) > 100] == [], path


def test_every_key_that_the_sources_ask_for_is_in_the_table_of_words():
    table = words.tables()["en"]
    key_of = re.compile(rf'"((?:{"|".join(table)})\.\w+)"')
    asked = {key for path in SOURCES for key in key_of.findall(path.read_text(encoding="utf-8"))}
    missing = [key for key in asked if key.split(".")[1] not in table[key.split(".")[0]]]
    assert asked and not missing


def test_no_source_of_the_widgets_knows_a_repetition_by_its_name():
    for path in [*SOURCES, *STATIC.parent.glob("*.py")]:
        text = path.read_text(encoding="utf-8")
        if "talk" not in path.relative_to(STATIC.parent).as_posix():  # there it is a setting
            assert not re.search(r"\bseeds?\b", text), path.name


def test_an_explorer_of_a_saved_record_needs_no_torch(runs, tmp_path):
    labs.save(runs, tmp_path / "runs.npz")
    program = (
        "import sys, labs; runs = labs.load(sys.argv[1]); shown = labs.Explorer(runs); "
        "shown._repr_mimebundle_(); print(len(shown.payload), 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "runs.npz"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        encoding="utf-8",
    )
    assert done.stdout.split() == [str(len(Explorer(runs).payload)), "False"]
