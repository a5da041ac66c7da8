"""Small data sets that need no download, as tensors.

Shapes: `N` samples, `D` features. Every set is split once into training and validation samples, by
its seed.
"""

import dataclasses
import math

import torch

from labs import letters


@dataclasses.dataclass(frozen=True)
class Data:
    """Training and validation samples.

    `train_x` and `val_x` are (N, D) float32, `train_y` and `val_y` are (N,); where samples are
    text, all are (N, tokens) int64. `measured`: of how many training samples, the first, the loss
    is measured; by default of all. Raises ValueError where there are not so many.
    """

    train_x: torch.Tensor
    train_y: torch.Tensor
    val_x: torch.Tensor
    val_y: torch.Tensor
    measured: int | None = None

    def __post_init__(self):
        _at_most(len(self.train_x), self.measured, "measured")

    def __len__(self):
        """The number of samples that are measured, of both kinds."""
        return len(self.judged()[0]) + len(self.val_x)

    def judged(self):
        """What a run is measured on: train_x, train_y, val_x, val_y."""
        return self.train_x[: self.measured], self.train_y[: self.measured], self.val_x, self.val_y

    def to(self, device):
        """The same data on `device`."""
        *tensors, measured = vars(self).values()
        return Data(*(tensor.to(device) for tensor in tensors), measured)


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


def digits(train=None, val=0.25, random_labels=0.0, seed=0):
    """scikit-learn's 1,797 handwritten digits: 64 pixels in 0..1, labels 0..9 (int64).

    `val`: the share held out. `train`: how many of the other samples are used for training; by
    default all. `random_labels`: the share of training labels that are drawn anew from the ten
    digits, as in Zhang et al. 2017; the validation labels stay right. Raises ValueError for more
    training samples than there are, and for a share outside of 0..1.
    """
    from sklearn import datasets, model_selection  # here: where rich is, importing draws numbers

    x, y = datasets.load_digits(return_X_y=True)
    train_x, val_x, train_y, val_y = model_selection.train_test_split(
        x / 16, y, test_size=val, random_state=seed, stratify=y
    )
    count = _at_most(len(train_x), train)
    labels = _partly_random(torch.tensor(train_y[:count]), random_labels, seed)
    return Data(
        torch.tensor(train_x[:count], dtype=torch.float32),
        labels,
        torch.tensor(val_x, dtype=torch.float32),
        torch.tensor(val_y),
    )


def _at_most(there, wanted, name="train"):
    if wanted is None:
        return there
    if not isinstance(wanted, int) or not 1 <= wanted <= there:
        raise ValueError(
            f"{name} must be a whole number from 1 to {there}, the training samples there are, got "
            f"{wanted!r}; ask for fewer, or hold out a smaller share"
        )
    return wanted


def _partly_random(labels, share, seed):
    if not 0 <= share <= 1:
        raise ValueError(f"random_labels must be a share from 0 to 1, got {share!r}; give one")
    generator = torch.Generator().manual_seed(seed)
    some = torch.randperm(len(labels), generator=generator)[: round(share * len(labels))]
    labels[some] = torch.randint(10, (len(some),), generator=generator)
    return labels


def wave(train=32, val=256, noise=0.3, seed=0):
    """Points of `wave_without_noise` on [-1, 1]: x (N, 1), y (N,), both float32.

    `noise`: standard deviation added to y, in both splits, so that no model has a lower mean
    squared error than noise² on new points. Raises ValueError for fewer than 1 sample or a negative
    noise.
    """
    if min(train, val) < 1 or noise < 0:
        raise ValueError(
            "train and val must be at least 1 and noise at least 0, got "
            f"{train!r}, {val!r} and {noise!r}; give numbers such as 32, 256 and 0.3"
        )
    splits = []
    for part, count in enumerate((train, val)):  # one stream a split: more of one moves no other
        generator = torch.Generator().manual_seed(2 * seed + part)
        pairs = torch.rand(count, 2, generator=generator)  # row by row: 64 begin with the 32
        x = 2 * pairs[:, 0] - 1
        normal = torch.special.ndtri(pairs[:, 1].double().clamp(1e-7, 1 - 1e-7)).float()
        splits += [x[:, None], wave_without_noise(x) + noise * normal]
    return Data(*splits)


def wave_without_noise(x):
    """One and a half waves, the faster the further right: sin(4x + 2x²)."""
    return torch.sin(4 * x + 2 * x**2)


def diabetes(val=0.25, split=0):
    """scikit-learn's 442 diabetes patients: x (N, 10) and y (N,), float32.

    Ten measurements, and how far the disease had progressed a year later (Efron et al. 2004). All
    are in standard deviations from the mean of the training patients: what the others are like
    stays unknown. So the answer 0 has a mean squared error of 1 on the training patients. `val`:
    the share held out. `split`: which patients those are. Raises ValueError for a share outside of
    0..1, or one that leaves fewer than two training patients.
    """
    from sklearn import datasets, model_selection, preprocessing

    x, y = datasets.load_diabetes(return_X_y=True, scaled=False)
    if not (isinstance(val, float) and 0 < val < 1) or math.ceil(val * len(y)) > len(y) - 2:
        raise ValueError(
            f"val must be a share between 0 and 1 that leaves two patients to train on, got {val!r}"
            "; give 0.25, say"
        )
    train_x, val_x, train_y, val_y = model_selection.train_test_split(
        x, y[:, None], test_size=val, random_state=split
    )
    x_scale, y_scale = (preprocessing.StandardScaler().fit(part) for part in (train_x, train_y))
    splits = []
    for x, y in ((train_x, train_y), (val_x, val_y)):
        splits += [torch.tensor(x_scale.transform(x)), torch.tensor(y_scale.transform(y))[:, 0]]
    return Data(*(part.float() for part in splits))


def regression(condition=10.0, features=2, train=32, noise=0.5, seed=0):
    """A linear regression whose curvatures are known: x (N, features), y (N,), float32.

    The mean of x xᵀ over the training samples has the eigenvalues 1 to 1 / `condition`, equal
    ratios apart, along the axes: it is the Hessian of half the mean squared error. The weights that
    made y are 0; `noise` is the standard deviation added. As many validation samples have the same
    distribution. Raises ValueError for a condition number below 1, no feature, or fewer samples
    than features.
    """
    if not condition >= 1:
        raise ValueError(
            "condition must be at least 1, the largest curvature over the smallest, got "
            f"{condition!r}; give 1 or more"
        )
    if features < 1 or train < features:
        raise ValueError(
            f"features must be at least 1 and train at least features, got {features!r} and "
            f"{train!r}; give more samples"
        )
    generator = torch.Generator().manual_seed(seed)
    roots = torch.logspace(0, -0.5, features, base=float(condition), dtype=torch.float64)
    splits = []
    for _ in range(2):
        loose = torch.randn(train, features, generator=generator, dtype=torch.float64)
        x = torch.linalg.qr(loose).Q * train**0.5 * roots
        y = noise * torch.randn(train, generator=generator, dtype=torch.float64)
        y -= x @ torch.linalg.lstsq(x, y[:, None]).solution[:, 0]  # the best weights stay 0
        splits += [x.float(), y.float()]
    return Data(*splits)


def characters(context=16, val=0.15, text="datasets", train=None):
    """Windows of text for next-character prediction: x and y (N, context), int64 below 27.

    0 is a space, 1 to 26 the letters; y is x one character later. `text`: see `labs.letters.read`.
    `val`: the share at the end that is held out. `train`: how many of the other windows are used
    for training; by default all. Raises ValueError for a context below 1, a share outside of 0..1,
    an unknown text, and more training windows than there are.
    """
    if context < 1 or not 0 < val < 1:
        raise ValueError(
            "context must be at least 1 and val between 0 and 1, got "
            f"{context!r} and {val!r}; give numbers such as 16 and 0.15"
        )
    symbols = {symbol: i for i, symbol in enumerate(" abcdefghijklmnopqrstuvwxyz")}
    tokens = torch.tensor([symbols[letter] for letter in letters.read(text)])
    cut = round((1 - val) * len(tokens))
    splits = []
    for part, wanted in ((tokens[:cut], train), (tokens[cut:], None)):
        count = _at_most((len(part) - 1) // context, wanted)
        splits += [part[: count * context].view(count, -1)]
        splits += [part[1 : count * context + 1].view(count, -1)]
    return Data(*splits)


def batches(count, batch_size, steps, seed):
    """The samples of each mini-batch: indices (steps, batch_size), int64, on the CPU.

    The samples are shuffled once an epoch and read in order; a batch may reach into the next epoch.
    The order depends on `seed` alone and is the same on every device. Raises ValueError where a
    batch is larger than the data set.
    """
    return next(segments(count, batch_size, steps, seed))


def segments(count, batch_size, steps, seed):
    """The same without end, drawn when it is asked for: indices of so many steps at a time."""
    if batch_size > count:
        raise ValueError(
            f"batch_size must be at most the number of training samples, {count}, got "
            f"{batch_size}; choose a smaller batch"
        )
    return _drawn(count, batch_size, steps, torch.Generator().manual_seed(seed))


def _drawn(count, batch_size, steps, generator):
    order = torch.empty(0, dtype=torch.int64)
    while True:
        epochs = -((len(order) - steps * batch_size) // count)
        new = [torch.randperm(count, generator=generator) for _ in range(epochs)]
        order = torch.cat([order, *new])
        yield order[: steps * batch_size].view(steps, batch_size)
        order = order[steps * batch_size :].clone()
