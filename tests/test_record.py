"""The record: what is saved is what is loaded.

Bad files are refused in words, and any dataset has axes.
"""

import json
import random

import numpy as np
import pytest
import xarray as xr

import labs
from labs.record import Axis


@pytest.fixture
def runs():
    axes = (
        Axis("optimizer", "axis.optimizer", ("sgd", "adam"), "category", "list"),
        Axis("learning_rate", "axis.learning_rate", (0.1, 0.3, 1.0), "log"),
        Axis("seed", "axis.seed", (0, 1), "category", "list", repeats=True),
    )
    rng = np.random.default_rng(0)
    arrays = {
        "val_loss": (["step"], rng.random((2, 3, 2, 4), np.float32)),
        "diverged_at": ([], np.full((2, 3, 2), -1, np.int32)),
        "trained": ([], np.ones((2, 3, 2), bool)),
    }
    return labs.record.make(
        axes, arrays, {"steps": 3, "task": {"name": "x"}}, {"step": [0, 1, 2, 3]}
    )


def test_a_saved_record_loads_as_it_was(runs, tmp_path):
    labs.save(runs, tmp_path / "record.npz")
    again = labs.load(tmp_path / "record.npz")
    assert again.identical(runs)
    assert labs.record.axes(again) == labs.record.axes(runs)
    assert [p.name for p in tmp_path.iterdir()] == ["record.npz"]


@pytest.mark.parametrize(
    "change",
    [
        lambda runs: runs.sel(optimizer="adam", learning_rate=0.3),
        lambda runs: runs.mean("seed"),
        lambda runs: xr.concat(
            [runs.isel(learning_rate=[0, 2]), runs.isel(learning_rate=[1])], "learning_rate"
        ),
        lambda runs: runs.assign(memory=(("optimizer",), [1.5, 2.5])),
        lambda runs: runs.rename({"seed": "draw"}),
    ],
)
def test_what_xarray_makes_of_a_record_is_a_record(runs, tmp_path, change):
    changed = change(runs)
    labs.save(changed, tmp_path / "record.npz")
    assert labs.load(tmp_path / "record.npz").identical(changed)
    assert labs.record.axes(changed)


def test_axes_have_their_marks_and_selecting_makes_an_axis_of_one_value(runs):
    by_name = {axis.name: axis for axis in labs.record.axes(runs.sel(optimizer="adam"))}
    assert by_name["optimizer"].values == ("adam",)
    assert by_name["learning_rate"] == Axis(
        "learning_rate", "axis.learning_rate", (0.1, 0.3, 1.0), "log", "slider", False
    )
    assert by_name["seed"].repeats and not by_name["optimizer"].repeats
    whole = labs.record.whole(runs.sel(optimizer="adam"))
    assert whole.val_loss.dims == ("learning_rate", "seed", "optimizer", "step")


def test_any_axis_can_be_marked_as_repeats(runs):
    runs.learning_rate.attrs["repeats"] = True
    marked = [axis.name for axis in labs.record.axes(runs) if axis.repeats]
    assert marked == ["learning_rate", "seed"]


def test_a_dataset_of_another_program_has_axes_too():
    plain = xr.Dataset({"price": (("chip", "count"), np.ones((2, 3)))}, {"chip": ["a", "b"]})
    chip, count = labs.record.axes(plain)
    assert (chip.scale, chip.control, chip.label) == ("category", "list", "axis.chip")
    assert (count.values, count.scale) == ((0, 1, 2), "linear")


def test_an_unknown_scale_is_refused_in_words(runs):
    runs.learning_rate.attrs["scale"] = "curved"
    with pytest.raises(
        ValueError, match=r"scale of axis 'learning_rate' must be one of .*got 'curved'; set"
    ):
        labs.record.axes(runs)


def test_a_value_that_was_not_recorded_is_refused(runs):
    axis = labs.record.axes(runs)[1]
    assert labs.record.position(axis, 0.3 + 1e-12) == 1
    with pytest.raises(
        ValueError, match=r"learning_rate must be one of \[0.1, 0.3, 1\], got 0.2; choose"
    ):
        labs.record.position(axis, 0.2)


@pytest.mark.parametrize(
    "content",
    [
        lambda b: b[:-40],
        lambda b: b[:100],
        lambda b: b"",
        lambda b: b"PK\x03\x04 nonsense",
        lambda b: b"text",
    ],
)
def test_a_truncated_or_foreign_file_is_refused_in_words(runs, tmp_path, content):
    file = tmp_path / "record.npz"
    labs.save(runs, file)
    file.write_bytes(content(file.read_bytes()))
    with pytest.raises(
        ValueError, match="should be a record written by labs .* delete the file and run"
    ):
        labs.load(file)


def test_a_file_damaged_anywhere_is_refused_in_words_or_loads_as_it_was(runs, tmp_path):
    file, rng = tmp_path / "record.npz", random.Random(0)
    labs.save(runs, file)
    whole, refused = file.read_bytes(), 0
    for _ in range(1000):
        at = rng.randrange(len(whole))
        file.write_bytes(
            whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :]
        )
        try:
            loaded = labs.load(file)
        except ValueError as error:
            assert "delete the file" in str(error)
            refused += 1
        else:
            assert loaded.identical(runs)
    assert refused > 500


def test_another_programs_npz_is_refused_in_words(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="should be a record written by labs"):
        labs.load(tmp_path / "other.npz")
    np.savez(tmp_path / "old.npz", meta=np.array(json.dumps({"format": "labs.runs/1"})))
    with pytest.raises(ValueError, match="should hold labs.record/1, got labs.runs/1"):
        labs.load(tmp_path / "old.npz")


def test_a_pickle_inside_is_never_loaded(tmp_path):
    np.savez(tmp_path / "evil.npz", meta=np.array(["{}", {"an": "object"}], dtype=object))
    with pytest.raises(ValueError, match="should be a record written by labs"):
        labs.load(tmp_path / "evil.npz")


def test_what_cannot_be_saved_is_refused_in_words_and_leaves_the_old_file(runs, tmp_path):
    file = tmp_path / "record.npz"
    labs.save(runs, file)
    before = file.read_bytes()
    with pytest.raises(
        ValueError, match="things must hold numbers, truth values or texts, got object"
    ):
        labs.save(runs.assign(things=("optimizer", np.array([{}, []], object))), file)
    with pytest.raises(
        ValueError, match="attributes of a record must be JSON, but .*; change runs.attrs"
    ):
        labs.save(runs.assign_attrs(where=object()), file)
    assert file.read_bytes() == before


def test_a_failed_save_leaves_the_old_record_whole(runs, tmp_path, monkeypatch):
    labs.save(runs, tmp_path / "record.npz")
    before = (tmp_path / "record.npz").read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        labs.save(runs, tmp_path / "record.npz")
    assert (tmp_path / "record.npz").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["record.npz"]


def test_an_array_of_another_shape_is_refused(runs):
    with pytest.raises(ValueError):
        labs.record.make(labs.record.axes(runs), {"val_loss": ([], np.ones((3, 2)))}, {})
