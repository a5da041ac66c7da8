"""Devices: LABS_DEVICE is obeyed, or refused in words."""

import pytest
import torch

import labs


def test_labs_device_overrides(monkeypatch):
    monkeypatch.setenv("LABS_DEVICE", "cpu")
    assert labs.device.best_device() == torch.device("cpu")


@pytest.mark.parametrize("wish", ["abacus", "cuda:99"])
def test_a_device_that_is_not_there_is_refused_in_words(monkeypatch, wish):
    monkeypatch.setenv("LABS_DEVICE", wish)
    with pytest.raises(
        ValueError, match=f"LABS_DEVICE must name a device that torch finds here, .* got '{wish}'"
    ):
        labs.device.best_device()


def test_a_device_is_described_in_words():
    assert labs.device.describe(torch.device("cpu")).startswith("CPU (")


TASK, GRID = labs.tasks.wave(width=4), labs.Grid(batch_size=8)


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu"), "cpu:0", None])
def test_a_device_is_given_by_its_name_or_as_itself(device, monkeypatch):
    monkeypatch.setenv("LABS_DEVICE", "cpu")
    runs = labs.sweep(TASK, GRID, 3, device=device)
    *_, last = labs.train(TASK, labs.TrainConfig(batch_size=8, steps=3), device=device)
    assert runs.attrs["device"] == "cpu"
    assert float(runs.val_loss[..., -1].squeeze()) == pytest.approx(last.val_loss, rel=1e-4)


@pytest.mark.parametrize("device", ["abacus", "cuda:99", torch.device("cuda:99"), "meta", 1.5, ""])
def test_what_is_no_device_here_is_refused_by_sweep_and_train_alike(device):
    said = (
        r"device must name a device that torch finds here, one of \['cpu'.*\], got .*; leave it out"
    )
    with pytest.raises(ValueError, match=said):
        labs.sweep(TASK, GRID, 3, device=device)
    with pytest.raises(ValueError, match=said):
        next(labs.train(TASK, labs.TrainConfig(batch_size=8, steps=3), device=device))
