"""What an hour of a chip costs in some clouds, in US dollars, without tax; a chip's share of its
machine, with processors and memory, without disks.

Prices change by the week and differ by region: each row says when and by whom it was read. They are
for the examples of the book; before you pay, ask your cloud. A chip without a spot price here may
have one.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Price:
    """`on_demand`, `spot`: dollars for an hour of one chip; None where no source was found. `chip`:
    a key of `labs.chips.CHIPS`, or a chip that is not in there. `read`: the day. `source`: where.
    """

    cloud: str
    chip: str
    machine: str
    on_demand: float
    spot: float | None
    read: str
    source: str


GOOGLE_H100 = "Cloud Billing Catalog API, by github.com/tgarg01/silybench-data (gpu_prices.csv)"
GOOGLE_H200 = "Cloud Billing Catalog API, by huggingface.co/datasets/tanod/cloud-gpu-list-prices"
LISTS = "the clouds' price lists, by github.com/datareceipts/data-receipts (109-gpu-pricing)"
LAMBDA = "lambda.ai/pricing, by github.com/tgarg01/silybench-data (gpu_prices.csv)"
HYPERSTACK = "hyperstack.cloud/gpu-pricing, by github.com/api-evangelist/nexgen-cloud"

PRICES = [
    Price("AWS", "A100 40GB", "p4d.24xlarge, us-east-1", 2.74, None, "2026-11-09", LISTS),
    Price("AWS", "A100", "p4de.24xlarge, us-east-1", 3.43, None, "2026-11-09", LISTS),
    Price("AWS", "H100", "p5.48xlarge, us-east-1", 6.88, None, "2026-11-09", LISTS),
    Price("Azure", "A100 40GB", "ND96asr_A100_v4, eastus", 3.40, None, "2026-11-09", LISTS),
    Price("Azure", "H100", "ND96isr_H100_v5", 12.29, None, "2026-11-09", LISTS),
    Price("Google", "H100", "a3-highgpu-1g, us-central1", 10.98, 6.57, "2026-09-26", GOOGLE_H100),
    Price("Google", "H200", "a3-ultragpu-8g, us-central1", 10.44, 6.26, "2026-10-13", GOOGLE_H200),
    Price("Lambda", "A100 40GB", "1x A100 SXM 40GB", 1.99, None, "2026-09-25", LAMBDA),
    Price("Lambda", "A100", "8x A100 SXM 80GB", 2.79, None, "2026-09-25", LAMBDA),
    Price("Lambda", "H100", "8x H100 SXM", 3.99, None, "2026-09-25", LAMBDA),
    Price("Lambda", "B200", "1x B200 SXM6", 6.99, None, "2026-09-25", LAMBDA),
    Price("Hyperstack", "A100 PCIe", "A100", 1.35, 1.08, "2026-08-26", HYPERSTACK),
    Price("Hyperstack", "H100 PCIe", "H100", 2.50, 2.00, "2026-08-26", HYPERSTACK),
    Price("Hyperstack", "H100", "H100 SXM", 3.20, None, "2026-08-26", HYPERSTACK),
    Price("Hyperstack", "H200", "H200 SXM", 3.99, None, "2026-08-26", HYPERSTACK),
    Price("Hyperstack", "B200", "B200", 6.00, None, "2026-08-26", HYPERSTACK),
]


def prices_of(chip):
    """The rows of a chip, the cheapest on demand first. Raises ValueError where there are none."""
    rows = sorted((row for row in PRICES if row.chip == chip), key=lambda row: row.on_demand)
    if not rows:
        known = sorted({row.chip for row in PRICES})
        raise ValueError(f"chip must be one of {known}, got {chip!r}; add a row with its source")
    return rows
