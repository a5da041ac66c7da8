"""Small data sets that need no download, as tensors.

Shapes: `N` samples, `D` features. Every set is split once into training and validation samples, by
its seed.
"""

import dataclasses

import sklearn.datasets
import sklearn.model_selection
import torch


@dataclasses.dataclass(frozen=True)
class Data:
    """Training and validation samples.

    `train_x` and `val_x` are (N, D) float32, `train_y` and `val_y` are (N,).
    """

    train_x: torch.Tensor
    train_y: torch.Tensor
    val_x: torch.Tensor
    val_y: torch.Tensor

    def to(self, device):
        """The same data on `device`."""
        return Data(
            *(tensor.to(device) for tensor in (self.train_x, self.train_y, self.val_x, self.val_y))
        )


def spirals(train=512, val=512, turns=1.25, noise=0.12, flipped=0.1, seed=0):
    """Two interleaved spirals in the plane, with labels 0 and 1 (float32).

    Every split has as many of each label. `turns`: revolutions of each arm. `noise`: standard
    deviation added to a point, in units of the outer radius. `flipped`: the share of labels that
    are wrong, in both splits: no model can do without errors, and one that learns the wrong labels
    by heart does worse on the validation samples.
    """
    generator = torch.Generator().manual_seed(seed)
    splits = []
    for count in (train, val):
        label = torch.arange(count) % 2
        radius = torch.rand(count, generator=generator).sqrt()
        angle = 2 * torch.pi * turns * radius + torch.pi * label
        x = radius[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
        x += noise * torch.randn(x.shape, generator=generator)
        wrong = torch.randperm(count, generator=generator)[: round(flipped * count)]
        label[wrong] = 1 - label[wrong]
        splits += [2 * x, label.float()]
    return Data(*splits)


def digits(val=0.25, seed=0):
    """scikit-learn's 1,797 handwritten digits: 64 pixels in 0..1, labels 0..9 (int64).

    `val`: the share held out.
    """
    x, y = sklearn.datasets.load_digits(return_X_y=True)
    train_x, val_x, train_y, val_y = sklearn.model_selection.train_test_split(
        x / 16, y, test_size=val, random_state=seed, stratify=y
    )
    return Data(
        torch.tensor(train_x, dtype=torch.float32),
        torch.tensor(train_y),
        torch.tensor(val_x, dtype=torch.float32),
        torch.tensor(val_y),
    )


def batches(count, batch_size, steps, seed):
    """The samples of each mini-batch: indices (steps, batch_size), int64, on the CPU.

    The samples are shuffled once an epoch and read in order; a batch may reach into the next epoch.
    The order depends on `seed` alone and is the same on every device. Raises ValueError where a
    batch is larger than the data set.
    """
    if batch_size > count:
        raise ValueError(
            f"batch_size must be at most the number of training samples, {count}, got "
            f"{batch_size}; choose a smaller batch"
        )
    generator = torch.Generator().manual_seed(seed)
    epochs = -(-steps * batch_size // count)
    order = torch.cat([torch.randperm(count, generator=generator) for _ in range(epochs)])
    return order[: steps * batch_size].view(steps, batch_size)
