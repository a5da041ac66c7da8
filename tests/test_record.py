"""The record: what is saved is what is loaded, and bad files and wrong names are refused in words."""


import numpy as np
import pytest

import labs


@pytest.fixture
def runs():
    axes = (
        labs.Axis("optimizer", "optimizer", ("sgd", "adam"), "category"),
        labs.Axis("learning_rate", "learning rate", (0.1, 0.3, 1.0), "log"),
    )
    rng = np.random.default_rng(0)
    arrays = {"val_loss": rng.random((2, 3, 4), np.float32), "diverged_at": np.full((2, 3), -1, np.int32)}
    return labs.Runs(axes, arrays, {"steps": 3, "record_steps": [0, 1, 2, 3]})


def test_a_saved_record_loads_as_it_was(runs, tmp_path):
    runs.save(tmp_path / "record.npz")
    again = labs.Runs.load(tmp_path / "record.npz")
    assert again.axes == runs.axes and again.provenance == runs.provenance
    assert all(np.array_equal(again.arrays[name], runs.arrays[name]) for name in runs.arrays)
    assert [p.name for p in tmp_path.iterdir()] == ["record.npz"]


def test_at_selects_by_value_and_final_is_the_last_column(runs):
    assert np.array_equal(runs.at(optimizer="adam", learning_rate=0.3)["val_loss"], runs.arrays["val_loss"][1, 1])
    assert np.array_equal(runs.final(optimizer="sgd"), runs.arrays["val_loss"][0, :, -1])
    assert runs.count == 6 and runs.shape == (2, 3)


def test_a_value_that_was_not_recorded_is_refused(runs):
    with pytest.raises(ValueError, match=r"learning_rate must be one of \[0.1, 0.3, 1.0\], got 0.2; choose a recorded value"):
        runs.at(learning_rate=0.2)
    with pytest.raises(ValueError, match=r"axis must be one of \['optimizer', 'learning_rate'\], got 'rate'"):
        runs.at(rate=0.2)


@pytest.mark.parametrize(
    "content", [lambda b: b[:-40], lambda b: b[:100], lambda b: b"", lambda b: b"PK\x03\x04 nonsense", lambda b: b"plain text"]
)
def test_a_truncated_or_foreign_file_is_refused_in_words(runs, tmp_path, content):
    file = tmp_path / "record.npz"
    runs.save(file)
    file.write_bytes(content(file.read_bytes()))
    with pytest.raises(ValueError, match="should be a record written by labs .* delete the file and run the sweep again"):
        labs.Runs.load(file)


def test_another_programs_npz_is_refused_in_words(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="should be a record written by labs"):
        labs.Runs.load(tmp_path / "other.npz")


def test_a_pickle_inside_is_never_loaded(tmp_path):
    np.savez(tmp_path / "evil.npz", __meta__=np.array(["{}", {"an": "object"}], dtype=object))
    with pytest.raises(ValueError, match="should be a record written by labs"):
        labs.Runs.load(tmp_path / "evil.npz")


def test_a_failed_save_leaves_the_old_record_whole(runs, tmp_path, monkeypatch):
    runs.save(tmp_path / "record.npz")
    before = (tmp_path / "record.npz").read_bytes()

    def fail(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="disk full"):
        runs.save(tmp_path / "record.npz")
    assert (tmp_path / "record.npz").read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["record.npz"]


def test_an_array_of_another_shape_is_refused(runs):
    with pytest.raises(ValueError, match=r"array 'val_loss' must begin with the shape of the axes \(2, 3\), got \(3, 2\)"):
        labs.Runs(runs.axes, {"val_loss": np.ones((3, 2))}, {})
