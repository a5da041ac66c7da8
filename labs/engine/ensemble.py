"""Many copies of one network as the rows of a matrix: what the batched trainer runs on.

Shapes: `R` runs, `P` parameters of one run, `B` batch, `N` samples, `D` features, `M` points of a
view. A row of `theta_RP` holds all parameters of one run, in the order of `model.parameters()`.
"""

import contextlib

import torch
from torch.func import functional_call, grad_and_value, vmap

from labs import chance, partition
from labs.tasks import smoothed


class Ensemble:
    """The functions of a task's network, with the parameters as an argument.

    There is each for one run and for many. The idiom is PyTorch's own for model
    ensembles (torch.func). One thing differs: the parameters travel as one matrix and are cut into
    weights and biases inside, so that an update rule is a few operations however many layers there
    are. What a network holds beside its parameters is part of its functions where all `seeds` have
    the same; else each run's own comes last among the arguments, `held_R`, a tensor (R, …) each.
    """

    def __init__(self, task, device, seeds=(0,)):
        self.task, self.view, self.device = task, task.view, device
        self.model = task.model(seeds[0]).to(device).train()
        self.judged = task.model(seeds[0]).to(device).eval()  # without dropout, to measure
        fresh = task.model(seeds[0]).to(device)
        self.random = chance.draws(fresh, task.data.train_x[:2].to(device))
        trained = partition.trained(self.model)
        self.names, self.shapes = list(trained), [tensor.shape for tensor in trained.values()]
        self.sizes = [tensor.numel() for tensor in trained.values()]
        self.held, own = partition.held(self.model), set()
        for seed in seeds[1:] if self.held else ():
            other = partition.held(task.model(seed).to(device))
            own |= {n for n in self.held if n in other and not other[n].equal(self.held[n])}
        self.own = sorted(own)  # what differs between seeds

    def start(self, seeds):
        """The initial parameters (R, P) of runs of these seeds, and what they hold of their own."""
        found = {}
        for seed in set(seeds):
            model = self.task.model(seed).to(self.device)
            held = partition.held(model)
            theta_P = partition.vector(partition.trained(model).values())
            if theta_P.numel() != sum(self.sizes) or set(held) != set(self.held):
                raise ValueError(
                    "a task must make networks with the same parameters for every seed, got "
                    f"{sum(self.sizes)} numbers that train, and {theta_P.numel()} for seed {seed}; "
                    "put what differs on an axis of labs.vary"
                )
            found[seed] = theta_P, *(held[name] for name in self.own)
        theta_RP, *held_R = (torch.stack(each) for each in zip(*(found[seed] for seed in seeds)))
        return theta_RP, tuple(held_R)

    def forward(self, model, theta_P, held, x_BD):
        """The outputs of one run's network; `model`: whether it is training or judged."""
        pieces = theta_P.split(self.sizes)
        tensors = {n: p.view(shape) for n, p, shape in zip(self.names, pieces, self.shapes)}
        return functional_call(model, tensors | dict(zip(self.own, held)), (x_BD,))

    def loss(self, theta_P, x_BD, y_B, held, key=None, smoothing_1=None):
        """The loss of one run on one batch; the network draws the random numbers of `key`."""
        with contextlib.nullcontext() if key is None else chance.Stream(key):
            outputs = self.forward(self.model, theta_P, held, x_BD)
            return smoothed(self.task.loss, outputs, y_B, smoothing_1)

    def gradients(self, theta_RP, x_RBD, y_RB, seed_R, t_1, held_R=(), smoothing_R1=None):
        """The gradient (R, P) and the loss (R,) of every run on its own batch, at step t."""
        key_R = chance.key(seed_R, t_1) if self.random else None
        own = theta_RP, x_RBD, y_RB, held_R, key_R, smoothing_R1
        dims = tuple(None if tensor is None else 0 for tensor in own)
        return vmap(grad_and_value(self.loss), dims)(*own)

    def scores(self, theta_RP, train_x, train_y, val_x, val_y, *held_R):
        """Training loss, validation loss and, where there is one, validation metric of every run,
        over these samples: (3, R), or (2, R)."""

        def score(theta_P, *held):
            """The scores of one run."""
            train, val = (self.forward(self.judged, theta_P, held, x) for x in (train_x, val_x))
            found = self.task.loss(train, train_y), self.task.loss(val, val_y)
            return (*found, self.task.metric(val, val_y)) if self.task.metric else found

        with torch.no_grad():
            return torch.stack(vmap(score)(theta_RP, *held_R))

    def pictures(self, theta_RP, x_MD, *held_R):
        """What the task's view shows of every run (R, V); pictures as whole 255ths."""

        def see(theta_P, *held):
            """What it shows of one run."""
            model = lambda inputs: self.forward(self.judged, theta_P, held, inputs)
            return self.view.see(model, theta_P, x_MD)

        with torch.no_grad():
            values = vmap(see)(theta_RP, *held_R)
        if self.view.dtype == "f4":
            return values.float()
        return (values.nan_to_num() * 255).round().to(torch.uint8)

    def bytes_per_run(self, x_BD, y_B, slots):
        """What one run needs, in bytes.

        Parameters, gradient, state and temporaries, and what backpropagation keeps of one batch.
        """
        # sizes alone: a hook that hands back the tensor would close a circle, and nothing would
        # free it
        kept = []
        key = torch.zeros((), dtype=torch.int32, device=x_BD.device)
        note = lambda tensor: kept.append(tensor.nbytes)
        with torch.autograd.graph.saved_tensors_hooks(note, kept.count), chance.Stream(key):
            self.task.loss(self.model(x_BD), y_B)
        return 4 * sum(self.sizes) * (4 + slots) + 2 * sum(kept)
