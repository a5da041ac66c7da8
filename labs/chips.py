"""Chips that train and serve large models, and what they can do at most.

FLOP/s are dense ones: vendors also print figures twice as high, which hold for sparse matrices.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Chip:
    """What a chip can do at most. `flops`: dense FLOP/s, in bf16 or, where there is none, fp16.
    `bandwidth`: bytes/s of its memory. `memory`: bytes. `source`: who says so.
    """

    flops: float
    bandwidth: float
    memory: float
    source: str


CHIPS_AS_OF = "2026-11"
CHIPS = {
    "A100": Chip(312e12, 2.04e12, 80e9, "NVIDIA A100 80GB SXM data sheet"),
    "A100 40GB": Chip(312e12, 1.555e12, 40e9, "NVIDIA A100 40GB SXM data sheet"),
    "H100": Chip(989e12, 3.35e12, 80e9, "NVIDIA H100 SXM data sheet"),
    "H200": Chip(989e12, 4.8e12, 141e9, "NVIDIA H200 data sheet"),
    "B200": Chip(2250e12, 8.0e12, 192e9, "NVIDIA DGX B200 data sheet"),
    "L4": Chip(121e12, 0.30e12, 24e9, "NVIDIA L4 data sheet"),
    "T4": Chip(65e12, 0.32e12, 16e9, "NVIDIA T4 data sheet; fp16 only"),
    "MI300X": Chip(1307e12, 5.3e12, 192e9, "AMD MI300X data sheet"),
    "TPU v5e": Chip(197e12, 0.82e12, 16e9, "Google Cloud TPU v5e documentation"),
    "TPU v5p": Chip(459e12, 2.76e12, 95e9, "Google Cloud TPU v5p documentation"),
}
"""Chips by name, as of `CHIPS_AS_OF`."""


def chip_called(name):
    """The key in `CHIPS` of a device that calls itself `name`, such as "NVIDIA H100 80GB HBM3", or
    None: an unknown chip has no figures, rather than wrong ones. A slice of a chip (MIG) is
    unknown, and so are the slower ones that share a name (PCIe, NVL).
    """
    words = name.replace("-", " ").lower().split()
    if {"mig", "pcie", "nvl"} & set(words):
        return None
    fitting = [key for key in CHIPS if set(key.lower().split()) <= set(words)]
    return max(fitting, key=len, default=None)
