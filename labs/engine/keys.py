"""What determines a run, as a short text.

Two runs have one key where the same is computed, however it is written. A key is made of the
operations themselves, of the numbers and tensors that they hold, and of all that goes into them. So
an edit that changes the computation changes the key, wherever it stands; a new comment, name or
line break does not.
"""

import hashlib
import json
import operator

import torch
from torch._ops import HigherOrderOperator
from torch.utils import _pytree as pytree

from labs import data, settings
from labs.engine import inputs, trainer
from labs.engine.chunks import Chunk
from labs.engine.traced import first_line, operations

FORMAT = "labs.run/2"
"""Of the record of one run, and of what is done around the operations: raise it with either."""


class NotDetermined(Exception):
    """Raised where nothing says what a function will compute.

    It draws random numbers, calls an operation that is not PyTorch's own, or cannot be written
    down.
    """


def digest_of(*facts):
    """A digest of texts, numbers, lists of these, and tensors with their shape and type."""
    digest = hashlib.blake2b(digest_size=20)
    for fact in facts:
        if isinstance(fact, torch.Tensor):
            values = fact.detach().cpu().contiguous()
            digest.update(f"{values.dtype}{tuple(values.shape)}".encode())
            digest.update(values.flatten().view(torch.uint8).numpy().tobytes())
        else:
            digest.update(json.dumps(fact).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def graph_digest(function, *tensors):
    """A digest of the operations that `function` runs on such tensors.

    The numbers and tensors that they hold are part of it. Raises NotDetermined.
    """
    try:
        graph = operations(function, *tensors)
    except Exception as error:  # whatever a reader's own function raises when it is given proxies
        raise NotDetermined(f"{type(error).__name__}: {first_line(error)}") from error
    return digest_of(*_facts(graph))


def _facts(module):
    module.graph.eliminate_dead_code()
    number = {node: f"%{i}" for i, node in enumerate(module.graph.nodes)}
    facts = []
    for node in module.graph.nodes:
        if node.op == "get_attr":
            facts += _held(getattr(module, node.target))
            continue
        if node.op == "call_function":
            _check(node)
        target = "" if node.op in ("placeholder", "output") else str(node.target)
        arguments = torch.fx.map_arg((node.args, node.kwargs), number.get)
        facts.append([node.op, target, repr(arguments)])
    return facts


def _check(node):
    """Refuse an operation whose name does not say what it does."""
    target = node.target
    if target is operator.getitem or isinstance(target, HigherOrderOperator):
        return
    if getattr(target, "namespace", None) not in ("aten", "prims"):
        raise NotDetermined(f"{target} is no operation of PyTorch's own")
    if torch.Tag.nondeterministic_seeded in target.tags and _chance(node) != 0:
        raise NotDetermined(f"{target} draws random numbers")


def _chance(node):
    """The share that a dropout drops; None for what is no dropout."""
    given = dict(zip((a.name for a in node.target._schema.arguments), node.args)) | node.kwargs
    defaults = {a.name: a.default_value for a in node.target._schema.arguments}
    return (defaults | given).get("dropout_p")


def _held(thing):
    if isinstance(thing, torch.fx.GraphModule):  # the body of a loop or a condition
        return _facts(thing)
    if isinstance(thing, torch.Tensor):
        return [thing]
    raise NotDetermined(f"they hold a {type(thing).__name__}")


class Keys:
    """The keys of a task's runs.

    `steps`, `moments`: when runs are measured and pictured. `wish`: the engine that was asked for,
    or None; which one the sweep chooses by itself, and how it cuts the grid, does not matter.
    Raises NotDetermined.
    """

    def __init__(self, task, ensemble, samples, points, steps, moments, wish):
        self.task, self.ensemble, self.samples, self.steps = task, ensemble, samples, steps
        self.theta_RP, self.held_R = ensemble.start((0, 0))
        everything = samples.train_x, samples.train_y, samples.val_x, samples.val_y
        self.found = {}
        graphs = [graph_digest(ensemble.scores, self.theta_RP, *samples.judged(), *self.held_R)]
        if points is not None:
            pictures = graph_digest(ensemble.pictures, self.theta_RP, points, *self.held_R)
            graphs += [pictures, digest_of(points)]
        self.graphs = digest_of(*graphs)
        facts = FORMAT, moments, wish, samples.train_x.device.type, str(torch.__version__)
        facts += (torch.get_float32_matmul_precision(),)
        self.common = digest_of(self.graphs, *facts, *everything)

    def program(self, batch_size, optimizers, smoothed):
        """What programs for one batch size and these update rules compute, whatever the data."""
        batch = self._once(self._batch, batch_size, smoothed)
        rules = [self._once(self._rule, optimizer) for optimizer in optimizers]
        return digest_of(self.graphs, batch, *rules)

    def run(self, setting):
        """The key of the run with these settings."""
        batch_size, seed = setting["batch_size"], setting["seed"]
        return digest_of(
            self.common,
            self._once(self._batch, batch_size, setting["label_smoothing"] > 0),
            self._once(self._rule, setting["optimizer"]),
            self._once(self._order, batch_size, seed),
            self._once(self._tables, setting["schedule"], setting["warmup_share"]),
            self._once(self._seed, seed),
            seed if self.ensemble.random else None,
            list(settings.read_by_rule(setting).items()),
        )

    def _once(self, fact, *arguments):
        key = fact.__name__, *arguments
        if key not in self.found:
            self.found[key] = fact(*arguments)
        return self.found[key]

    def _seed(self, seed):
        """All that a fresh network holds, trained or not."""
        model = self.task.model(seed)
        held = [*model.named_parameters(), *model.named_buffers()]
        return digest_of([name for name, _ in held], *(tensor for _, tensor in held))

    def _batch(self, size, smoothed):
        """The operations of a loss with its gradient, for two runs of this batch size."""
        x_RBD, y_RB = (
            tensor[:size].expand(2, *tensor[:size].shape)
            for tensor in (self.samples.train_x, self.samples.train_y)
        )
        place = torch.arange(2, device=x_RBD.device), torch.zeros(1, device=x_RBD.device)
        more = (torch.full((2, 1), 0.5, device=x_RBD.device),) * smoothed
        held = len(self.held_R)
        flat = lambda *tensors: self.ensemble.gradients(
            *tensors[:5], tensors[5 : 5 + held], *tensors[5 + held :]
        )
        tensors = self.theta_RP, x_RBD, y_RB, *place, *self.held_R, *more
        return graph_digest(flat, *tensors)

    def _order(self, batch_size, seed):
        return digest_of(data.batches(len(self.samples.train_x), batch_size, self.steps, seed))

    def _tables(self, schedule, share):
        factors = inputs.factors(schedule, share, self.steps)
        return digest_of(factors, inputs.bias_corrections(self.steps))

    def _rule(self, optimizer):
        """The operations of a step around the gradient.

        They are the update rule, the settings it reads, and what counts as diverged: with the
        rule's own numbers, by its kernel and without, and with a column of every setting.
        """
        ways = ((), trainer.KERNELS), ((), {}), (settings.COLUMNS, {})
        return digest_of(*(self._columns(optimizer, *way) for way in ways))

    def _columns(self, optimizer, names, kernels):
        setting = {name: settings.SETTINGS[name].default for name in settings.AXES}
        setting |= {name: 0.5 for name in names} | {"optimizer": optimizer, "batch_size": 1}
        chunk = Chunk([0], [setting], part=1)
        nothing = data.Data(*(torch.zeros(2, 1) for _ in range(4)))
        read, state, _ = inputs.start(torch.ones(1, 3), (), chunk, nothing, steps=2)
        slope = lambda theta_RP, *_: (theta_RP * 0.5, theta_RP.sum(1))
        tensors, shape = pytree.tree_flatten((read, state))
        flat = lambda *tensors: pytree.tree_leaves(
            trainer.step(slope, chunk.slices(), kernels, *pytree.tree_unflatten(tensors, shape))
        )
        return digest_of(graph_digest(flat, *tensors), *tensors)
