"""Views of a model that a record can hold and an explorer can show.

A view is recorded at moments of training. Adding one takes a class here, a module in
`widgets/static/views` that draws it, and a line in that folder's `table.js`. A class has

- `kind`: what `table.js` calls it;
- `moments`: at how many of the recorded steps it is recorded at most; None for all of them;
- `dtype`: "u1" for pictures, whose numbers lie from 0 to 1 and are kept as 255ths, or "f4";
- `inputs()`: what the model is asked, a tensor (M, ...);
- `see(model, theta_P, inputs)`: a tensor (V,) of what to keep of the model with the parameters
  `theta_P`; `model(inputs)` are its outputs;
- `shape`, `dimensions`, `coordinates`: how the V values lie in the record;
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
    moments: int = 12
    kind = "plane"
    dtype = "u1"
    dimensions = ("y", "x")

    def inputs(self):
        """The grid's points (size², 2): the first row is the lowest y, x runs fastest."""
        x, y = (torch.from_numpy(side) for side in self._sides())
        y, x = torch.meshgrid(y, x, indexing="ij")
        return torch.stack([x.flatten(), y.flatten()], dim=1).float()

    def see(self, model, theta_P, inputs):
        """The probabilities at the grid's points (size²,)."""
        return self.value(model(inputs))

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


@dataclasses.dataclass(frozen=True)
class Path:
    """The way that the first two parameters take over the surface of a loss.

    `extent`: (x0, x1, y0, y1), the part of the surface that is shown, in units of the parameters.
    `surface` turns parameters (N, 2) into losses (N,), for lines of equal loss; it is sampled at
    `size` × `size` points.
    """

    extent: tuple
    surface: Callable
    size: int = 48
    labels: tuple = ("feature.first_parameter", "feature.second_parameter")
    kind = "path"
    moments = None
    dtype = "f4"
    dimensions = ("coordinate",)
    shape = (2,)

    def inputs(self):
        """Nothing: the parameters say it all."""
        return torch.zeros(0)

    def see(self, model, theta_P, inputs):
        """Where the model stands (2,)."""
        return theta_P[:2]

    @property
    def coordinates(self):
        """The coordinates of the dimensions."""
        return {"coordinate": np.array(["x", "y"])}

    @property
    def about(self):
        """What the drawing needs to know besides."""
        x_label, y_label = self.labels
        return {"extent": list(self.extent), "x_label": x_label, "y_label": y_label}

    def samples(self, data):
        """The surface: (size², 3) float32, x fastest, and the names of the columns."""
        x0, x1, y0, y1 = self.extent
        x, y = torch.linspace(x0, x1, self.size), torch.linspace(y0, y1, self.size)
        y, x = torch.meshgrid(y, x, indexing="ij")
        points = torch.stack([x.flatten(), y.flatten()], dim=1)
        table = torch.cat([points, self.surface(points)[:, None]], dim=1)
        return table.numpy(), ("x", "y", "loss")


@dataclasses.dataclass(frozen=True)
class Fit:
    """The output of a model with one input, as a curve through the training points.

    `extent`: (x0, x1, y0, y1) in the units of the data. `truth` turns inputs (M,) into what a model
    should answer (M,). The curve is sampled at `size` points.
    """

    extent: tuple
    truth: Callable
    size: int = 41
    labels: tuple = ("feature.input", "feature.output")
    moments: int = 12
    kind = "fit"
    dtype = "f4"
    dimensions = ("x",)

    def inputs(self):
        """The places that are asked (size, 1), from left to right."""
        return torch.linspace(*self.extent[:2], self.size)[:, None]

    def see(self, model, theta_P, inputs):
        """The outputs there (size,)."""
        return model(inputs).flatten()

    @property
    def shape(self):
        """The shape of one recorded curve."""
        return (self.size,)

    @property
    def coordinates(self):
        """The coordinates of the dimensions."""
        return {"x": self.inputs().flatten().numpy()}

    @property
    def about(self):
        """What the drawing needs to know besides."""
        truth = self.truth(self.inputs().flatten())
        x_label, y_label = self.labels
        return {
            "extent": list(self.extent),
            "x_label": x_label,
            "y_label": y_label,
            "truth": [round(y, 4) for y in truth.tolist()],
        }

    def samples(self, data):
        """The training points (N, 2) float32, and the names of the columns."""
        table = torch.cat([data.train_x, data.train_y[:, None]], dim=1)
        return table.numpy(), ("x", "y")
