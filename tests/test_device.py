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


@pytest.mark.parametrize(
    "capability, dtype",
    [((7, 5), torch.float16), ((8, 0), torch.bfloat16), ((9, 0), torch.bfloat16)],
)
def test_the_precision_is_the_best_that_a_chip_has(monkeypatch, capability, dtype):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert labs.device.precision_of(torch.device("cuda")) == dtype
    for kind in ("cpu", "mps"):
        assert labs.device.precision_of(torch.device(kind)) == torch.float32


def test_the_peak_of_a_known_chip_is_its_data_sheets(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H100 80GB HBM3")
    found = labs.device.peak(torch.device("cuda"), torch.bfloat16)
    assert found == (989e12, True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_peak_of_another_chip_is_measured(dtype):
    flops, sheet = labs.device.peak(torch.device("cpu"), dtype)
    assert not sheet and 1e7 < flops < 1e15


@pytest.mark.gpu
def test_the_peak_of_a_gpu_is_measured_in_float32():
    device = torch.device("cuda")
    flops, sheet = labs.device.peak(device, torch.float32)
    assert not sheet and 1e12 < flops < 1e15
    assert labs.device.precision_of(device) in (torch.bfloat16, torch.float16)
