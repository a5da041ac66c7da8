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
