"""The Explorer's Python half: it checks and normalises what is shown, and stands in where no script runs."""

import base64
import json
import pathlib
import re
import subprocess
import sys

import numpy as np
import pytest
from test_payload import record

from labs import Explorer
from labs.widgets import frontend

STATIC = pathlib.Path(frontend.__file__).parent / "static"


@pytest.fixture(scope="module")
def runs():
    return record()


@pytest.fixture
def explorer(runs):
    return Explorer(runs, name="test", start={"optimizer": "adam", "learning_rate": 0.0158})


def test_start_values_become_positions_and_the_rest_is_filled_in(explorer):
    assert explorer.choice == {"optimizer": 1, "learning_rate": 2, "batch_size": 0, "weight_decay": 0, "l2": 0, "seed": 0}
    assert explorer.values["learning_rate"] == 0.0158


def test_a_partial_choice_keeps_the_other_positions_and_plain_ints_travel(explorer):
    explorer.choice = {"batch_size": np.int64(1), "seed": 2.0}
    assert explorer.choice == {"optimizer": 1, "learning_rate": 2, "batch_size": 1, "weight_decay": 0, "l2": 0, "seed": 2}
    assert all(type(index) is int for index in explorer.choice.values())


def test_show_moves_by_value(explorer):
    explorer.show(optimizer="sgd", batch_size=32)
    assert explorer.values | {"optimizer": "sgd", "batch_size": 32, "learning_rate": 0.0158} == explorer.values


@pytest.mark.parametrize("arguments, expected", [
    (dict(start={"lr": 0.1}), r"start: expected one of the axes \['optimizer'.*got 'lr'; check the spelling"),
    (dict(start={"learning_rate": 7}), r"start: expected learning_rate to be one of \[0.001.*got 7; choose a recorded value"),
    (dict(start={"optimizer": "adma"}), "start: expected optimizer to be one of .*got 'adma'"),
    (dict(map_axes=("learning_rate", "width")), "map_axes: expected one of the axes .*got 'width'"),
    (dict(map_axes=("seed", "seed")), "map_axes: expected two different axis names, got"),
    (dict(name="Two words"), "name: expected small letters.*got 'Two words'; try"),
])
def test_an_impossible_explorer_is_refused_with_expected_received_and_what_to_do(runs, arguments, expected):
    with pytest.raises(ValueError, match=expected):
        Explorer(runs, **arguments)


@pytest.mark.parametrize("choice, expected", [
    ({"learning_rate": 6}, r"choice\['learning_rate'\]: expected a whole number from 0 to 5 .*got 6; to choose by value use"),
    ({"learning_rate": -1}, "expected a whole number from 0 to 5"),
    ({"learning_rate": "0.1"}, "expected a whole number from 0 to 5 .*got '0.1'"),
    ({"momentum": 0}, "choice: expected one of the axes"),
])
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
    explorer.live = {"label": "live", "running": True, "steps": [0, 1], "train_loss": [0.7, float("nan")],
                     "val_loss": [np.float32(0.5), None]}
    assert explorer.live["train_loss"] == [0.7, None]
    json.dumps(explorer.live, allow_nan=False)


def test_a_live_curve_of_unequal_lists_is_refused(explorer):
    with pytest.raises(ValueError, match="live: expected {} or a dict of label.*three lists of one length"):
        explorer.live = {"label": "live", "steps": [0], "train_loss": [], "val_loss": [0.1], "running": True}
    assert explorer.live == {}


def test_an_axis_of_one_value_gives_its_place_on_the_map_to_a_longer_one():
    assert Explorer(record(batch_sizes=(32,))).map_axes == ["learning_rate", "optimizer"]


def test_the_mime_bundle_holds_the_view_and_both_fallbacks(explorer):
    data, metadata = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG")
    assert len(data["image/png"]) < 100_000
    assert isinstance(metadata, dict)


def test_the_text_fallback_is_the_same_for_every_widget_and_says_what_is_shown(runs, explorer):
    text = explorer._repr_mimebundle_()[0]["text/plain"]
    again = Explorer(runs, name="test", start={"optimizer": "adam", "learning_rate": 0.0158})._repr_mimebundle_()[0]["text/plain"]
    assert text == again and explorer.model_id not in text
    assert "144 runs on two spirals" in text and "learning rate 0.0158" in text and "validation loss" in text


def test_the_text_fallback_says_diverged_and_not_trained_instead_of_a_loss(runs, explorer):
    diverged = np.argwhere(runs.arrays["diverged_at"] >= 0)[0]
    explorer.choice = dict(zip((axis.name for axis in runs.axes), diverged.tolist()))
    assert f"diverged at step {runs.arrays['diverged_at'][tuple(diverged)]}" in explorer._repr_mimebundle_()[0]["text/plain"]
    explorer.choice = dict(zip((axis.name for axis in runs.axes), np.argwhere(~runs.arrays["trained"])[0].tolist()))
    assert "not trained" in explorer._repr_mimebundle_()[0]["text/plain"]


def test_meta_is_json_and_the_call_is_python(explorer):
    json.dumps(explorer.meta, allow_nan=False)
    call = ", ".join(f"{a['name']}=[{a['code'][0]}]" for a in explorer.meta["axes"]).join(explorer.meta["call"])
    compile(call, "call", "eval")


def test_the_loss_axis_leaves_out_what_a_run_reaches_on_its_way_to_diverging(runs):
    arrays = {**runs.arrays, "train_loss": runs.arrays["train_loss"].copy()}
    arrays["train_loss"][0, -1, ..., 1] = 1e7
    low, high = Explorer(type(runs)(runs.axes, arrays, runs.provenance)).meta["loss_range"]
    assert 0 < low < high < 2


def test_every_source_is_in_the_module_once_and_before_what_imports_it():
    sources = json.loads(re.match(r"const sources = (.*);\n", frontend.module()).group(1))
    names = [name for name, _ in sources]
    assert sorted(names) == sorted([*(path.name for path in STATIC.glob("*.js")), "strings.json"])
    for i, (_, source) in enumerate(sources):
        assert all(path.split("/")[-1] in names[:i] for path in frontend.IMPORT.findall(source))


def test_sources_stay_small_enough_to_read():
    assert all(path.stat().st_size < 16_000 for path in STATIC.iterdir())


def test_every_key_that_the_sources_ask_for_is_in_the_table_of_strings():
    table = json.loads((STATIC.parent / "strings.json").read_text())["en"]
    key_of = re.compile(rf'"((?:{"|".join(table)})\.\w+)"')
    asked = {key for path in STATIC.glob("*.js") for key in key_of.findall(path.read_text())}
    assert asked and not [key for key in asked if key.split(".")[1] not in table[key.split(".")[0]]]


def test_the_explorer_itself_needs_no_torch():
    program = ("import sys, types; labs = types.ModuleType('labs'); labs.__path__ = ['labs']; sys.modules['labs'] = labs; "
               "w = types.ModuleType('labs.widgets'); w.__path__ = ['labs/widgets']; sys.modules['labs.widgets'] = w; "
               "import labs.runs, labs.widgets.explorer; print('torch' in sys.modules)")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=STATIC.parents[2], check=True)
    assert done.stdout.strip() == "False"
