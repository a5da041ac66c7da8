"""Runs on disk: whatever is damaged counts as missing, and no file is ever half written."""

import os
import random

import numpy as np
import pytest
import torch

import labs
from labs.engine import cache, work

CPU = torch.device("cpu")
GRID = labs.Grid(learning_rate=[0.01, 0.1], seed=[0, 1])


def swept():
    return labs.sweep(labs.tasks.spirals(), GRID, steps=5, device=CPU)


@pytest.fixture
def trained(monkeypatch):
    """The runs that are trained, counted."""
    seen, real = [], work.Work.train
    monkeypatch.setattr(
        work.Work, "train", lambda self, c, *a: seen.extend(c.index) or real(self, c, *a)
    )
    return seen


def files(tmp_path):
    return sorted(path for path in (tmp_path / "cache").rglob("*") if path.is_file())


def test_a_finished_record_is_not_trained_again_and_is_the_same(trained, tmp_path):
    first = swept()
    assert len(trained) == 4 and len(files(tmp_path)) == 4
    trained.clear()
    assert swept().drop_attrs().identical(first.drop_attrs()) and trained == []


def test_the_cache_can_be_turned_off(trained, tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", "off")
    swept(), swept()
    assert len(trained) == 8 and files(tmp_path) == []


def cut(content, rng):
    return content[: rng.randrange(len(content))]


def flipped(content, rng):
    at = rng.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]


def longer(content, rng):
    return content + rng.randbytes(rng.randrange(1, 99))


def scrambled(content, rng):
    return rng.randbytes(len(content))


def test_a_thousand_damaged_files_are_all_noticed():
    """The reader alone, on files of a real sweep's size.

    Each damage must be found, whatever byte it hits.
    """
    rng, row = (
        random.Random(0),
        [("loss", "f4", (24,)), ("diverged_at", "i4"), ("view", "u1", (6, 24, 24))],
    )
    kept, noticed = cache.Cache(), 0
    rows = np.zeros(1, row)
    rows["loss"], rows["view"] = 0.5, 7
    for i in range(1000):
        key = f"{i:040x}"
        kept.write([key], rows)
        path = cache._path(kept.place, key)
        damage = (flipped, cut, longer, scrambled)[i % 4]
        path.write_bytes(damage(path.read_bytes(), rng))
        found, _ = kept.read([key], row)
        noticed += found == []
    assert noticed == 1000 and kept.damaged == 1000


@pytest.mark.parametrize("damage", [flipped, cut, longer, scrambled, lambda content, rng: b""])
def test_damaged_runs_are_trained_again_with_one_warning_and_the_record_is_whole(
    damage, trained, tmp_path
):
    good, rng = swept(), random.Random(1)
    for path in files(tmp_path)[:3]:
        path.write_bytes(damage(path.read_bytes(), rng))
    trained.clear()
    with pytest.warns(
        UserWarning,
        match="3 of the runs kept in .* are damaged or cannot be read; they are trained again",
    ) as w:
        again = swept()
    assert len(w) == 1 and len(set(trained)) == 3
    np.testing.assert_allclose(again.val_loss, good.val_loss, rtol=1e-5)
    trained.clear()
    assert again.drop_attrs().equals(swept().drop_attrs()) and trained == []


def test_a_run_under_another_runs_key_is_not_believed(trained, tmp_path):
    swept()
    one, other, *_ = files(tmp_path)
    one.write_bytes(other.read_bytes())
    trained.clear()
    with pytest.warns(UserWarning, match="1 of the runs"):
        swept()
    assert len(trained) == 1


def test_a_folder_in_a_runs_place_counts_as_damage(trained, tmp_path):
    swept()
    one = files(tmp_path)[0]
    one.unlink()
    one.mkdir()
    trained.clear()
    with pytest.warns(UserWarning) as warned:
        assert swept().trained.all() and len(trained) == 1
    assert "1 of the runs kept in" in str(warned[0].message)
    assert "set LABS_CACHE to another folder" in str(warned[1].message)


def test_on_a_full_disk_the_sweep_goes_on_and_nothing_half_written_stays(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    varied = labs.vary(labs.tasks.spirals, width=[4, 5])
    with pytest.warns(UserWarning, match="set LABS_CACHE to another folder or to off") as warned:
        assert labs.sweep(varied, GRID, steps=5, device=CPU).trained.all()
    assert len(warned) == 1 and files(tmp_path) == []


def without_a_home(folder, monkeypatch):
    monkeypatch.setenv("HOME", "~")  # what Python reads where nobody is at home


def home_is_a_file(folder, monkeypatch):
    monkeypatch.setenv("HOME", os.devnull)


def cache_is_a_file(folder, monkeypatch):
    (folder / "file").touch()
    monkeypatch.setenv("LABS_CACHE", str(folder / "file"))


def folder_of_the_system(folder, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", "/proc")  # where not even root writes


@pytest.mark.parametrize(
    "lack", [without_a_home, home_is_a_file, cache_is_a_file, folder_of_the_system]
)
def test_a_folder_that_cannot_be_had_is_said_once_and_the_sweep_goes_on(
    lack, tmp_path, monkeypatch
):
    monkeypatch.delenv("LABS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    lack(tmp_path, monkeypatch)
    varied = labs.vary(labs.tasks.spirals, width=[4, 5])
    with pytest.warns(UserWarning) as warned:
        assert labs.sweep(varied, GRID, steps=5, device=CPU, twins=True).trained.all()
    (said,) = warned
    assert "the folder of the cache should be there and writable" in str(said.message)


def test_a_home_is_not_asked_for_where_the_cache_has_a_folder(tmp_path, monkeypatch):
    without_a_home(tmp_path, monkeypatch)
    assert swept().trained.all() and len(files(tmp_path)) == 4
