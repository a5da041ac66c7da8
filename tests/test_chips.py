"""Chips are known by what they call themselves, or not at all."""

import pytest

from labs import chips


@pytest.mark.parametrize(
    "name, chip",
    [
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A100-SXM4-40GB", "A100 40GB"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA H200", "H200"),
        ("NVIDIA B200", "B200"),
        ("NVIDIA L4", "L4"),
        ("Tesla T4", "T4"),
        ("AMD Instinct MI300X", "MI300X"),
        ("TPU v5e", "TPU v5e"),
        ("TPU v5p", "TPU v5p"),
    ],
)
def test_a_chip_is_known_by_what_it_calls_itself(name, chip):
    assert chips.chip_called(name) == chip and chip in chips.CHIPS


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA L40S",
        "NVIDIA H100 PCIe",
        "NVIDIA H100 NVL",
        "NVIDIA A100-PCIE-40GB",
        "NVIDIA A100-SXM4-80GB MIG 1g.10gb",
        "NVIDIA GH200 480GB",
        "NVIDIA GeForce RTX 4090",
        "NVIDIA T400",
        "Tesla V100-SXM2-16GB",
        "TPU",
        "CPU (x86_64), 2 threads",
        "Apple GPU (MPS)",
        "",
    ],
)
def test_an_unknown_chip_has_no_figures_rather_than_wrong_ones(name):
    assert chips.chip_called(name) is None


def test_figures_of_chips_are_possible_and_have_a_source():
    for chip in chips.CHIPS.values():
        assert 1e13 < chip.flops < 1e16 and 1e11 < chip.bandwidth < 1e14
        assert 1e10 < chip.memory < 1e12 and chip.source
