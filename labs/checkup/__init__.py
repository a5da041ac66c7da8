"""Check-ups for a model of your own: a learning rate, over-fitting, an optimizer.

Each reads what you have: a network with its batches, two curves of losses, or the record of a
sweep. `print` says the result in words.
"""

from labs.checkup.choose import choose_optimizer
from labs.checkup.fit import overfitting
from labs.checkup.rate import rate_range_test

__all__ = ["choose_optimizer", "overfitting", "rate_range_test"]
