"""What determines a run, as a short text.

Two runs have one key where the same is computed, however it is written. A key is made of the
operations themselves, of the numbers and tensors that they hold, and of all that goes into them. So
an edit that changes the computation changes the key, wherever it stands; a new comment, name or
line break does not.
"""

import hashlib
import json

import torch

from labs import data, settings
from labs.engine import trainer
from labs.engine.chunks import Chunk
from labs.engine.traced import operations

FORMAT = (
    "labs.run/1"  # of the record of one run, and of what the trainer does around the operations
)


class NotDetermined(Exception):
    """Raised where nothing says what a function will compute.

    It draws random numbers, or it cannot be traced.
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

    The numbers and tensors that they hold are part of it. Raises NotDetermined where they draw
    random numbers, or cannot be written down.
    """
    try:
        graph = operations(function, *tensors)
    except Exception as error:  # whatever a reader's own function raises when it is given proxies
        raise NotDetermined(f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
    return digest_of(*_facts(graph))


def _facts(module):
    module.graph.eliminate_dead_code()
    number = {node: f"%{i}" for i, node in enumerate(module.graph.nodes)}
    facts = []
    for node in module.graph.nodes:
        if torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
            raise NotDetermined(f"{node.target} draws random numbers")
        if node.op == "get_attr":
            facts += _held(getattr(module, node.target))
            continue
        target = "" if node.op in ("placeholder", "output") else str(node.target)
        arguments = torch.fx.map_arg((node.args, node.kwargs), number.get)
        facts.append([node.op, target, repr(arguments)])
    return facts


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
        self.theta_P, self.found = self._seed(0)[1], {}
        everything = samples.train_x, samples.train_y, samples.val_x, samples.val_y
        graphs = [graph_digest(ensemble.score, self.theta_P, *everything)]
        if points is not None:
            graphs += [graph_digest(ensemble.picture, self.theta_P, points), digest_of(points)]
        self.graphs = digest_of(*graphs)
        facts = FORMAT, moments, wish, samples.train_x.device.type, str(torch.__version__)
        facts += (torch.get_float32_matmul_precision(),)
        self.common = digest_of(self.graphs, *facts, *everything)

    def program(self, batch_size):
        """What the programs for one batch size have in common: operations, no data."""
        return digest_of(self.graphs, self._once(self._batch, batch_size))

    def run(self, setting):
        """The key of the run with these settings."""
        batch_size, seed = setting["batch_size"], setting["seed"]
        return digest_of(
            self.common,
            self._once(self._batch, batch_size),
            self._once(self._rule, setting["optimizer"]),
            self._once(self._order, batch_size, seed),
            self._once(self._tables, setting["schedule"]),
            self._once(self._seed, seed)[0],
            [[name, setting[name]] for name in settings.COLUMNS],
        )

    def _once(self, fact, *arguments):
        key = fact.__name__, *arguments
        if key not in self.found:
            self.found[key] = fact(*arguments)
        return self.found[key]

    def _seed(self, seed):
        """The digest of all that a fresh network holds, and its parameters in a row.

        What is not trained is part of the digest, too.
        """
        model = self.task.model(seed)
        held = [*model.named_parameters(), *model.named_buffers()]
        digest = digest_of([name for name, _ in held], *(tensor for _, tensor in held))
        row = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
        return digest, row.to(self.samples.train_x.device)

    def _batch(self, size):
        batch = self.samples.train_x[:size], self.samples.train_y[:size]
        return graph_digest(self.ensemble.gradient, self.theta_P, *batch)

    def _order(self, batch_size, seed):
        return digest_of(data.batches(len(self.samples.train_x), batch_size, self.steps, seed))

    def _tables(self, schedule):
        return digest_of(
            trainer.factors(schedule, self.steps), trainer.bias_corrections(self.steps)
        )

    def _rule(self, optimizer):
        """The operations of a step around the gradient.

        They are the update rule, the settings it reads, and what counts as diverged.
        """
        return _rule_digest(optimizer)


def _rule_digest(optimizer):
    setting = {name: settings.SETTINGS[name].default for name in settings.AXES}
    chunk = Chunk([0], [setting | {"optimizer": optimizer, "batch_size": 1}], part=1)
    nothing = data.Data(*(torch.zeros(2, 1) for _ in range(4)))
    inputs, state = trainer.start(torch.ones(1, 3), chunk, nothing, steps=2)
    slope = lambda theta_RP, x_RBD, y_RB: (theta_RP * 0.5, theta_RP.sum(1))
    flat = lambda *tensors: trainer.step(slope, chunk.slices(), *trainer.Inputs.of_flat(tensors))
    return graph_digest(flat, *inputs.flat(), *state)
