"""Views of a model that a record can hold and an explorer can show.

A view is recorded at a few moments of training. Adding one takes a class here, a module in
`widgets/static/views` that draws it, and a line in that folder's `table.js`. A class has

- `kind`: what `table.js` calls it;
- `inputs()`: what the model is asked, a tensor (M, ...);
- `value(outputs)`: a tensor (M,) of numbers from 0 to 1 to keep of its answers;
- `shape`, `dimensions`, `coordinates`: how the M values lie in the record;
- `about`: what else the drawing needs, as JSON;
- `samples(data)`: the samples to draw, an array (N, columns), and the columns' names.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch


@dataclasses.dataclass(frozen=True)
class Plane:
    """The output of a model with two inputs over a grid of `size` × `size` points.

    `extent`: (x0, x1, y0, y1) in the units of the data. `value` turns outputs (M, ...) into
    probabilities (M,). `labels`: keys of the table of words, or words.
    """

    extent: tuple
    size: int
    value: Callable
    labels: tuple = ("feature.first", "feature.second")
    kind = "plane"
    dimensions = ("y", "x")

    def inputs(self):
        """The grid's points (size², 2): the first row is the lowest y, x runs fastest."""
        x, y = (torch.from_numpy(side) for side in self._sides())
        y, x = torch.meshgrid(y, x, indexing="ij")
        return torch.stack([x.flatten(), y.flatten()], dim=1).float()

    @property
    def shape(self):
        """The shape of one recorded picture."""
        return self.size, self.size

    @property
    def coordinates(self):
        """The coordinates of the dimensions."""
        x, y = self._sides()
        return {"x": x, "y": y}

    @property
    def about(self):
        """What the drawing needs to know besides."""
        return {
            "extent": list(self.extent),
            "x_label": self.labels[0],
            "y_label": self.labels[1],
        }

    def samples(self, data):
        """The training points and their labels: (N, 3) float32, and the names of the columns."""
        table = torch.cat([data.train_x, data.train_y[:, None].float()], dim=1)
        return table.numpy(), ("x", "y", "label")

    def _sides(self):
        x0, x1, y0, y1 = self.extent
        return np.linspace(x0, x1, self.size), np.linspace(y0, y1, self.size)
