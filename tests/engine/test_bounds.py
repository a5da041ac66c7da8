"""What a sweep says of odd input, how much memory it takes, and what it can keep."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

import labs
from labs.engine import inputs

CPU = torch.device("cpu")
TASK = dataclasses.replace(labs.tasks.spirals(), view=None)
GRID = labs.Grid(learning_rate=[0.1, 0.3], seed=[0, 1])


def with_data(**changed):
    return dataclasses.replace(TASK, data=dataclasses.replace(TASK.data, **changed))


def test_a_missing_number_in_the_validation_samples_is_said_and_ends_no_run():
    x = TASK.data.val_x.clone()
    x[3] = torch.nan
    with pytest.warns(UserWarning, match="validation loss should be a number"):
        runs = labs.sweep(with_data(val_x=x), GRID, steps=30, device=CPU)
    assert runs.val_loss.isnull().all() and (runs.diverged_at == -1).all()
    expected = labs.sweep(TASK, GRID, steps=30, device=CPU)
    assert runs.train_loss.equals(expected.train_loss)


@pytest.mark.parametrize("shift", [-50.0, -0.6931472])
def test_a_first_loss_below_or_near_zero_ends_no_run(shift):
    task = dataclasses.replace(
        TASK, loss=lambda o, y: labs.tasks.binary_cross_entropy(o, y) + shift
    )
    runs = labs.sweep(task, GRID, steps=30, device=CPU)
    assert (runs.diverged_at == -1).all()
    expected = labs.sweep(TASK, GRID, steps=30, device=CPU).train_loss + shift
    np.testing.assert_allclose(runs.train_loss, expected, atol=1e-5)


def test_a_sweep_within_autocast_is_refused():
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(ValueError, match="outside"):
        labs.sweep(TASK, GRID, steps=2, device=CPU)


@pytest.mark.parametrize("name", ["train_x", "train_y", "val_x", "val_y"])
def test_numbers_of_another_kind_are_refused_by_both(name):
    task = with_data(**{name: getattr(TASK.data, name).double()})
    words = f"float32, got torch.float64 in data.{name}"
    with pytest.raises(ValueError, match=words):
        labs.sweep(task, GRID, steps=2, device=CPU)
    with pytest.raises(ValueError, match=words):
        next(labs.train(task, labs.TrainConfig(), device=CPU))


def test_networks_of_other_shapes_for_other_seeds_are_refused():
    sizes = iter([4] * 5 + [8] * 5)
    changing = lambda: torch.nn.Sequential(torch.nn.Linear(2, next(sizes)), torch.nn.Flatten())
    task = dataclasses.replace(TASK, make_model=changing, loss=lambda o, y: o.mean(), metric=None)
    with pytest.raises(ValueError, match="same parameters for every seed"):
        labs.sweep(task, GRID, steps=2, device=CPU)


def test_a_kept_network_has_the_losses_of_its_run_and_the_cache_keeps_it_too():
    for _ in range(2):
        runs = labs.sweep(TASK, GRID, steps=30, device=CPU, keep="parameters")
    assert runs.attrs["engine"] == "cache"
    last = runs.val_loss.isel(step=-1, drop=True)
    best = runs.isel(last.argmin(...))
    model = TASK.network(best)
    assert not model.training
    loss = TASK.loss(model(TASK.data.val_x), TASK.data.val_y).item()
    assert loss == pytest.approx(last.min().item(), rel=1e-5)
    with pytest.raises(ValueError, match="one run of a record"):
        TASK.network(runs)
    with pytest.raises(ValueError, match="keep must be"):
        labs.sweep(TASK, GRID, steps=30, device=CPU, keep="everything")


def test_batches_are_the_same_however_they_are_drawn(monkeypatch):
    whole = labs.sweep(TASK, GRID, steps=50, device=CPU)
    monkeypatch.setenv("LABS_CACHE", "off")
    monkeypatch.setattr(inputs, "ORDER", 8 * 2 * 32 * 4)  # four steps at a time
    assert labs.sweep(TASK, GRID, steps=50, device=CPU).train_loss.equals(whole.train_loss)
    segments = labs.data.segments(10, 3, 4, seed=5)
    drawn = torch.cat([next(segments) for _ in range(6)])
    assert torch.equal(drawn, labs.data.batches(10, 3, 24, seed=5))


PEAK = """
import ctypes, json, pathlib, sys, torch, labs
def resident(name):
    lines = pathlib.Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith(name)))
task, grid, steps = {what}
labs.sweep(task, grid, steps=1, device="cpu")  # what a first sweep loads stays
pathlib.Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
before = resident("VmRSS")
labs.sweep(task, grid, steps=steps, device="cpu")
print(resident("VmHWM") - before)
"""
SHAPES = {  # a sweep, which may take the 1 GiB of the plan
    "many seeds and steps": "labs.tasks.regression(features=4), labs.Grid(seed=range(200)), 5000",
    "many validation samples": "labs.tasks.spirals(val=50_000), labs.Grid(seed=range(16)), 20",
}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", SHAPES)
def test_a_sweep_takes_no_more_memory_than_planned(name):
    environment = {**os.environ, "LABS_CACHE": "off"}
    code = PEAK.format(what=SHAPES[name])
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        encoding="utf-8",
        env=environment,
        check=True,
    )
    assert int(told.stdout) < 2**30
