"""Ways to train the runs of a workload.

Each is a class: made once, `run` trains all from the start, `losses` gives the training loss of
each run afterwards, {flat index: loss}, so that a test can hold them to be the same work.

Shapes: `R` runs of a group that shares optimizer and batch size, `T` steps, `B` batch.
"""

import contextlib
import functools
import itertools

import torch
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

import labs
from labs import data, optimizers
from labs.engine import sweep


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2: torch.optim has none."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                mean = self.state[p].setdefault("mean", torch.zeros_like(p))
                p.sub_(group["lr"] * mean.lerp(p.grad, 0.1).sign_())
                mean.lerp_(p.grad, 0.01)


TORCH = {
    "sgd": torch.optim.SGD,
    "momentum": functools.partial(torch.optim.SGD, momentum=0.9),
    "nesterov": functools.partial(torch.optim.SGD, momentum=0.9, nesterov=True),
    "adagrad": torch.optim.Adagrad,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": functools.partial(torch.optim.AdamW, weight_decay=0),
    "lion": Lion,
}
FUSED = {
    "sgd",
    "momentum",
    "nesterov",
    "adagrad",
    "adam",
    "adamw",
}  # those that torch.optim has a fused kernel for


class Plain:
    """The loop of PyTorch's tutorial: forward, backward, step, zero_grad.

    The batches are drawn beforehand, so it does not pay for a DataLoader.
    """

    title = "plain PyTorch loop"

    def __init__(self, workload):
        self.work, self.task = workload, workload.make_task()
        self.settings = dict(list(enumerate(workload.grid.settings()))[:: workload.sample])
        self.run_steps = len(self.settings) * workload.steps

    def optimizer(self, model, setting):
        """The optimizer of one run."""
        return TORCH[setting["optimizer"]](model.parameters(), lr=setting["learning_rate"])

    def train(self, model, optimizer, batches):
        """All steps of one run."""
        x, y = self.task.data.train_x, self.task.data.train_y
        for batch in batches:
            loss = self.task.loss(model(x[batch]), y[batch])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    def run(self):
        """Train the sampled runs, one after the other."""
        self.models = {}
        for index, setting in self.settings.items():
            model = self.models[index] = self.task.model(setting["seed"])
            self.train(
                model,
                self.optimizer(model, setting),
                data.batches(
                    len(self.task.data.train_x),
                    setting["batch_size"],
                    self.work.steps,
                    setting["seed"],
                ),
            )

    @torch.no_grad()
    def losses(self):
        """Of the sampled runs."""
        x, y = self.task.data.train_x, self.task.data.train_y
        return {index: self.task.loss(model(x), y).item() for index, model in self.models.items()}


class Best(Plain):
    """The best loop for one run that we could write.

    Forward and backward are compiled, the optimizer is a fused one where torch has one, and there
    is one thread, because two are slower at this size.
    """

    title = "one run, compiled, fused optimizer"

    def __init__(self, workload):
        super().__init__(workload)
        torch.set_num_threads(1)
        self.compiled = torch.compile(
            lambda model, x, y: self.task.loss(model(x), y), dynamic=False
        )

    def optimizer(self, model, setting):
        """The fused one, if there is one."""
        options = {"fused": True} if setting["optimizer"] in FUSED else {}
        return TORCH[setting["optimizer"]](
            model.parameters(), lr=setting["learning_rate"], **options
        )

    def train(self, model, optimizer, batches):
        """All steps of one run; the parameters move into a model that is compiled once."""
        x, y = self.task.data.train_x, self.task.data.train_y
        for batch in batches:
            self.compiled(model, x[batch], y[batch]).backward()
            optimizer.step()
            optimizer.zero_grad()


def groups(settings):
    """[(optimizer, batch size, [(flat index, setting), ...]), ...]."""
    key = lambda pair: (pair[1]["optimizer"], pair[1]["batch_size"])
    return [
        (*name, list(members))
        for name, members in itertools.groupby(sorted(enumerate(settings), key=key), key)
    ]


class Ensemble:
    """Model ensembling as PyTorch's tutorial has it: stack_module_state, functional_call, vmap.

    The tutorial only predicts; the gradient is torch.func's, and the update rules are those of
    labs, one stacked parameter at a time.
    """

    title = "torch.func ensembling, eager"

    def __init__(self, workload):
        self.work, self.task = workload, workload.make_task()
        self.run_steps = workload.count * workload.steps
        self.base = self.task.model(0)

    def loss(self, parameters, x, y):
        """Of one run."""
        return self.task.loss(functional_call(self.base, parameters, (x,)), y)

    def run(self):
        """Train the groups one after the other."""
        self.trained = [
            (self.train(name, batch_size, [setting for _, setting in members]), members)
            for name, batch_size, members in groups(self.work.grid.settings())
        ]

    def train(self, name, batch_size, settings):
        """The stacked parameters of one group after training."""
        d, count = self.task.data, len(settings)
        parameters, _ = stack_module_state(
            [self.task.model(setting["seed"]) for setting in settings]
        )
        parameters = {key: p.detach() for key, p in parameters.items()}
        state = {
            key: [torch.zeros_like(p).view(count, -1) for _ in range(optimizers.RULES[name].slots)]
            for key, p in parameters.items()
        }
        lr_R1, zero_R1 = (
            torch.tensor([[setting["learning_rate"]] for setting in settings]),
            torch.zeros(count, 1),
        )
        seeds = sorted({setting["seed"] for setting in settings})
        order_TSB = torch.stack(
            [data.batches(len(d.train_x), batch_size, self.work.steps, seed) for seed in seeds],
            dim=1,
        )
        seed_R = torch.tensor([seeds.index(setting["seed"]) for setting in settings])
        step = vmap(grad_and_value(self.loss))
        for t in range(1, self.work.steps + 1):
            batch_RB = order_TSB[t - 1][seed_R]
            grads, _ = step(parameters, d.train_x[batch_RB], d.train_y[batch_RB])
            bias = optimizers.bias_correction(t)
            for key, p in parameters.items():
                columns = {"learning_rate": lr_R1, "weight_decay": zero_R1, "l2": zero_R1}
                gradient = grads[key].reshape(count, -1)
                optimizers.update(name, p.view(count, -1), gradient, state[key], bias, **columns)
        return parameters

    @torch.no_grad()
    def losses(self):
        """Of all runs."""
        x, y = self.task.data.train_x, self.task.data.train_y
        each = lambda parameters: vmap(lambda p: self.loss(p, x, y), chunk_size=64)(
            parameters
        ).tolist()
        return {
            index: loss
            for parameters, members in self.trained
            for (index, _), loss in zip(members, each(parameters))
        }


class TracedSweep:
    """labs.sweep without a compiler.

    It also measures each run over all samples, as often as labs.training.record_steps says.
    """

    title, compile, record_at = "labs.sweep, traced", False, None

    def __init__(self, workload):
        self.work, self.task = workload, workload.make_task()
        self.run_steps = workload.count * workload.steps

    def run(self):
        """Train everything; the cache is off."""
        self.record = labs.sweep(
            self.task,
            self.work.grid,
            self.work.steps,
            device=torch.device("cpu"),
            compile=self.compile,
            record_at=self.record_at,
        )

    def losses(self):
        """Of all runs."""
        return dict(enumerate(self.record.train_loss.isel(step=-1).values.ravel().tolist()))


class CompiledSweep(TracedSweep):
    """labs.sweep, compiled whatever its size."""

    title, compile = "labs.sweep, compiled", True


class TracedTraining(TracedSweep):
    """Measured at the start and the end alone: exactly the work of the other contenders."""

    title, record_at = "labs.sweep, traced, no record", []


class CompiledTraining(TracedTraining):
    """The same, compiled."""

    title, compile = "labs.sweep, compiled, no record", True


class MemoryGivenBack(CompiledTraining):
    """With the C library's default: freed memory goes back to the system."""

    title = "memory given back at each step"

    def __init__(self, workload):
        super().__init__(workload)
        sweep.memory_kept = contextlib.nullcontext


class OneThread(CompiledTraining):
    """One chunk at a time, on one thread."""

    title = "one thread"

    def __init__(self, workload):
        super().__init__(workload)
        torch.set_num_threads(1)
