"""What determines a record.

Whatever changes what is computed is trained again, and nothing else is. Each case is a task before
and after an edit, as text that is run, the way a reader edits a cell or a file.
"""

import dataclasses
import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap
import types

import numpy as np
import pytest
import torch

import labs
from labs.engine import keys, work

CPU = torch.device("cpu")
ROOT = pathlib.Path(__file__).parents[2]
HEAD = """
import dataclasses, functools, os
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
import labs

def make_model():
    return nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1))

def loss(outputs, y):
    return (outputs.squeeze(-1) - y).square().mean()

data = labs.data.spirals(train=40, val=20)
metric = lambda outputs, y: (outputs.squeeze(-1) - y).abs().mean()
view = labs.views.Plane(
    extent=(-1, 1, -1, 1), size=4, value=lambda outputs: outputs.squeeze(-1).sigmoid()
)
"""
TAIL = """
task = labs.tasks.Task(
    "case", "a case", "task()", data, make_model, loss, "loss", metric, "error", view
)
"""
MSE = "((outputs.squeeze(-1) - y) ** 2)"

VMAP = """
class Same(torch.autograd.Function):
    forward = staticmethod(lambda x: x.clone())
    setup_context = staticmethod(lambda ctx, inputs, output: None)
    backward = staticmethod(lambda ctx, g: g)
    vmap = staticmethod(lambda info, dims, x: (RULE, dims[0]))
loss = lambda outputs, y: Same.apply((outputs.squeeze(-1) - y).square().mean())
"""
CHANGES = {  # what is edited: (before, after); the record must be another one
    "a lambda whose body is on the next line": (
        f"loss = lambda outputs, y: \\\n    {MSE}.mean()",
        f"loss = lambda outputs, y: \\\n    3 * {MSE}.mean()",
    ),
    "which of two lambdas on one line": (
        f"a, b = lambda outputs, y: {MSE}.mean(), lambda outputs, y: {MSE}.sum(); loss = a",
        f"a, b = lambda outputs, y: {MSE}.mean(), lambda outputs, y: {MSE}.sum(); loss = b",
    ),
    "a helper in another file": (
        "loss = loss_in_a_file('.square().mean()')",
        "loss = loss_in_a_file('.abs().sum() * 777')",
    ),
    "forward in a base class": (
        "class Base(nn.Linear):\n    def forward(self, x): return super().forward(x)\n"
        "class Net(Base): pass\nmake_model = lambda: Net(2, 1)",
        "class Base(nn.Linear):\n    def forward(self, x): return 2 * super().forward(x)\n"
        "class Net(Base): pass\nmake_model = lambda: Net(2, 1)",
    ),
    "a method put into a class from outside": (
        "class Net(nn.Linear): pass\nmake_model = lambda: Net(2, 1)",
        "class Net(nn.Linear): pass\nNet.forward = lambda self, x: F.linear(x, self.weight)\n"
        "make_model = lambda: Net(2, 1)",
    ),
    "targets reshaped": (
        "def loss(outputs, y): return (outputs - y).square().mean()",
        "def loss(outputs, y): return (outputs - y).square().mean()\n"
        "data = dataclasses.replace("
        "data, train_y=data.train_y[:, None], val_y=data.val_y[:, None])\n"
        "metric, view = None, None",
    ),
    "the ninth of nine chained helpers": (
        "f0 = lambda d: d.square().mean()\n"
        + "\n".join(f"f{i} = lambda d: f{i - 1}(d)" for i in range(1, 10))
        + "\nloss = lambda outputs, y: f9(outputs.squeeze(-1) - y)",
        "f0 = lambda d: d.abs().mean()\n"
        + "\n".join(f"f{i} = lambda d: f{i - 1}(d)" for i in range(1, 10))
        + "\nloss = lambda outputs, y: f9(outputs.squeeze(-1) - y)",
    ),
    "a global number": (
        f"SCALE = 1.0\nloss = lambda outputs, y: SCALE * {MSE}.mean()",
        f"SCALE = 1.0000001\nloss = lambda outputs, y: SCALE * {MSE}.mean()",
    ),
    "one number of a global tensor": (
        f"W = torch.ones(40)\nloss = lambda outputs, y: (W[:len(y)] * {MSE}).mean()",
        f"W = torch.ones(40); W[7] = 2\nloss = lambda outputs, y: (W[:len(y)] * {MSE}).mean()",
    ),
    "one number of a numpy array": (
        "W = np.ones(40, 'f4')\n"
        f"loss = lambda outputs, y: (torch.from_numpy(W)[:len(y)] * {MSE}).mean()",
        "W = np.ones(40, 'f4'); W[3] = 2\n"
        f"loss = lambda outputs, y: (torch.from_numpy(W)[:len(y)] * {MSE}).mean()",
    ),
    "a value in a dictionary": (
        "OPTIONS = dict(power=2)\n"
        f"loss = lambda outputs, y: {MSE}.pow(OPTIONS['power'] / 2).mean()",
        "OPTIONS = dict(power=4)\n"
        f"loss = lambda outputs, y: {MSE}.pow(OPTIONS['power'] / 2).mean()",
    ),
    "a closure's variable": (
        f"def make(k):\n    return lambda outputs, y: k * {MSE}.mean()\nloss = make(1)",
        f"def make(k):\n    return lambda outputs, y: k * {MSE}.mean()\nloss = make(2)",
    ),
    "a default argument": (
        f"def loss(outputs, y, k=1): return k * {MSE}.mean()",
        f"def loss(outputs, y, k=2): return k * {MSE}.mean()",
    ),
    "a keyword of a partial": (
        f"def f(outputs, y, k): return k * {MSE}.mean()\nloss = functools.partial(f, k=1)",
        f"def f(outputs, y, k): return k * {MSE}.mean()\nloss = functools.partial(f, k=2)",
    ),
    "an attribute of a callable object": (
        f"class L:\n    k = 1\n    def __call__(self, outputs, y): return self.k * {MSE}.mean()\n"
        "loss = L()",
        f"class L:\n    k = 1\n    def __call__(self, outputs, y): return self.k * {MSE}.mean()\n"
        "loss = L(); loss.k = 2",
    ),
    "an environment variable": (
        f"loss = lambda outputs, y: float(os.environ.get('K', 1)) * {MSE}.mean()",
        "os.environ['K'] = '2'\n"
        f"loss = lambda outputs, y: float(os.environ.get('K', 1)) * {MSE}.mean()",
    ),
    "an option of a loss module": ("L = nn.HuberLoss(delta=1.0)", "L = nn.HuberLoss(delta=0.1)"),
    "a backward pass of one's own": (
        "class Id(torch.autograd.Function):\n    generate_vmap_rule = True\n"
        "    forward = staticmethod(lambda x: x.clone())\n"
        "    setup_context = staticmethod(lambda ctx, inputs, output: None)\n"
        "    backward = staticmethod(lambda ctx, g: g)\n"
        f"loss = lambda outputs, y: Id.apply({MSE}.mean())",
        "class Id(torch.autograd.Function):\n    generate_vmap_rule = True\n"
        "    forward = staticmethod(lambda x: x.clone())\n"
        "    setup_context = staticmethod(lambda ctx, inputs, output: None)\n"
        "    backward = staticmethod(lambda ctx, g: -g)\n"
        f"loss = lambda outputs, y: Id.apply({MSE}.mean())",
    ),
    "a rule for vmap of one's own": (
        VMAP.replace("RULE", "x"),
        VMAP.replace("RULE", "x * (1 + 1e-6)"),
    ),
    "a forward hook": (
        "def make_model(): return nn.Linear(2, 1)",
        "def make_model():\n    net = nn.Linear(2, 1)\n"
        "    net.register_forward_hook(lambda m, x, out: out + 1)\n    return net",
    ),
    "an activation chosen by a table": (
        "ACT = {'a': torch.tanh, 'b': torch.relu}; WHICH = 'a'\nclass Net(nn.Linear):\n"
        "    def forward(self, x): return ACT[WHICH](super().forward(x))\n"
        "make_model = lambda: Net(2, 1)",
        "ACT = {'a': torch.tanh, 'b': torch.relu}; WHICH = 'b'\nclass Net(nn.Linear):\n"
        "    def forward(self, x): return ACT[WHICH](super().forward(x))\n"
        "make_model = lambda: Net(2, 1)",
    ),
    "a buffer": (
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(2, 1)\n"
        "        self.register_buffer('b', torch.ones(1))\n"
        "    def forward(self, x): return self.b * super().forward(x)\nmake_model = Net",
        "class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(2, 1)\n"
        "        self.register_buffer('b', torch.full((1,), 2.0))\n"
        "    def forward(self, x): return self.b * super().forward(x)\nmake_model = Net",
    ),
    "the initial parameters": (
        "make_model = lambda: nn.Linear(2, 1)",
        "def make_model():\n    net = nn.Linear(2, 1)\n    nn.init.zeros_(net.bias)\n"
        "    return net",
    ),
    "one training sample": ("", "data.train_x[3, 1] += 1e-4"),
    "one validation target": ("", "data.val_y[3] = 1 - data.val_y[3]"),
    "the type of the targets": (
        "loss = lambda outputs, y: (outputs.squeeze(-1) - y).square().mean()",
        "loss = lambda outputs, y: "
        "(outputs.squeeze(-1) - y.to(outputs.dtype) / 2).square().mean()\n"
        "data = dataclasses.replace(data, train_y=data.train_y.int(), val_y=data.val_y.int())",
    ),
    "the number of validation samples": (
        "",
        "data = dataclasses.replace(data, val_x=data.val_x[:10], val_y=data.val_y[:10])",
    ),
    "the metric": ("", "metric = lambda outputs, y: (outputs.squeeze(-1) > 0).float().mean()"),
    "what a view keeps": (
        "",
        "view = dataclasses.replace(view, value=lambda outputs: 1 - outputs.squeeze(-1).sigmoid())",
    ),
    "where a view looks": ("", "view = dataclasses.replace(view, extent=(-2, 2, -2, 2))"),
}
SAME = {  # edits after which the same is computed: nothing is trained
    "a new name": (
        "def loss(outputs, y):\n    error = outputs.squeeze(-1) - y\n"
        "    return error.square().mean()",
        "def cost(a, b):\n    difference = a.squeeze(-1) - b\n"
        "    return difference.square().mean()\nloss = cost",
    ),
    "a comment, a docstring and line breaks": (
        "def loss(outputs, y): return (outputs.squeeze(-1) - y).square().mean()",
        'def loss(outputs, y):\n    """Mean squared error."""\n    # the usual\n'
        "    return (\n        outputs.squeeze(-1) - y\n    ).square().mean()",
    ),
    "a function in place of a lambda, with a helper": (
        "loss = lambda outputs, y: (outputs.squeeze(-1) - y).square().mean()",
        "def mean_square(d): return d.square().mean()\n"
        "def loss(outputs, y): return mean_square(outputs.squeeze(-1) - y)",
    ),
    "a result that nobody uses": (
        "def loss(outputs, y): return (outputs.squeeze(-1) - y).square().mean()",
        "def loss(outputs, y):\n    unused = outputs.exp().sum()\n"
        "    return (outputs.squeeze(-1) - y).square().mean()",
    ),
    "a global that nobody reads": ("SCALE = 1", "SCALE = 2"),
    "a number written in another way": (
        f"loss = lambda outputs, y: 0.5 * {MSE}.mean()",
        f"loss = lambda outputs, y: (1 / 2) * {MSE}.mean()",
    ),
}


def loaded(path):
    """The module in a file, as it is now."""
    spec = importlib.util.spec_from_file_location("helper", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loss_in_a_file(end):
    """The loss of a module in a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "helper.py")
        path.write_text(
            f"def loss(outputs, y): return (outputs.squeeze(-1) - y){end}", encoding="utf-8"
        )
        return loaded(path).loss


def task_of(text):
    """The task that a text makes, in a module of its own."""
    module = types.ModuleType("case")
    module.loss_in_a_file = loss_in_a_file
    body = textwrap.dedent(text)
    if "L = nn." in body:
        body += "\nloss = lambda outputs, y: L(outputs.squeeze(-1), y)"
    exec(HEAD + body + TAIL, module.__dict__)
    return module.task


def swept(task, **values):
    """The record of two runs."""
    grid = labs.Grid(**{"learning_rate": 0.1, "batch_size": 8, "seed": [0, 1]} | values)
    return labs.sweep(task, grid, steps=6, device=CPU)


@pytest.fixture
def trained(monkeypatch):
    """The seeds of the runs that are trained, in a list."""
    seen, real = [], work.Work.train

    def train(self, chunk, *arguments):
        seen.extend(chunk.values("seed"))
        return real(self, chunk, *arguments)

    monkeypatch.setattr(work.Work, "train", train)
    return seen


def without_cache(monkeypatch, task, **values):
    """The record trained anew, and by programs that no other sweep has used."""
    with monkeypatch.context() as patch:
        patch.setenv("LABS_CACHE", "off")
        patch.setattr(work.trainer, "_kept", type(work.trainer._kept)())
        return swept(task, **values)


MEMORY = list(CHANGES)[:4] + [
    "a global number",
    "a backward pass of one's own",
    "a buffer",
    "what a view keeps",
]


@pytest.mark.parametrize(
    "edit, cache", [(edit, "disk") for edit in CHANGES] + [(edit, "memory") for edit in MEMORY]
)
def test_an_edit_that_changes_what_is_computed_gives_the_new_record(
    edit, cache, trained, monkeypatch
):
    monkeypatch.delenv("K", raising=False)
    if cache == "memory":
        monkeypatch.setenv("LABS_CACHE", "off")
    before, after = CHANGES[edit]
    first = swept(task_of(before))
    after = task_of(after)
    trained.clear()
    second = swept(after)
    assert trained == [0, 1]
    anew = without_cache(monkeypatch, after)
    for name in anew.data_vars:
        np.testing.assert_array_equal(second[name], anew[name], err_msg=name)
    assert not second.drop_attrs().equals(first.drop_attrs())


@pytest.mark.parametrize("edit", SAME)
def test_an_edit_after_which_the_same_is_computed_trains_nothing(edit, trained):
    before, after = SAME[edit]
    first = swept(task_of(before))
    trained.clear()
    second = swept(task_of(after))
    assert trained == [] and first.drop_attrs().equals(second.drop_attrs())


def test_a_file_that_is_edited_but_not_reloaded_keeps_its_old_record(trained, tmp_path):
    path = tmp_path / "helper.py"
    task = lambda module: dataclasses.replace(task_of(""), loss=module.loss)
    path.write_text(
        "loss = lambda outputs, y: (outputs.squeeze(-1) - y).abs().mean()", encoding="utf-8"
    )
    module = loaded(path)
    old = swept(task(module))
    path.write_text(
        "loss = lambda outputs, y: 9 * (outputs.squeeze(-1) - y).abs().mean()", encoding="utf-8"
    )
    trained.clear()
    assert swept(task(module)).equals(old) and trained == []
    assert not swept(task(loaded(path))).equals(old) and trained == [0, 1]


def changed_rule(monkeypatch):
    monkeypatch.setitem(labs.optimizers.RULES["adam"].own, "eps", 1e-3)


def changed_schedule(monkeypatch):
    monkeypatch.setitem(labs.optimizers.SCHEDULES, "constant", lambda progress, share: 0.5)


def changed_order(monkeypatch):
    real = labs.data.batches
    reversed_order = lambda *arguments, **named: real(*arguments, **named).flip(0)
    monkeypatch.setattr(labs.data, "batches", reversed_order)


def changed_penalty(monkeypatch):
    real = labs.optimizers.update
    more = lambda l2: l2 + torch.full((1, 1), 0.1)
    monkeypatch.setattr(
        labs.optimizers, "update", lambda *a, l2=0, **named: real(*a, l2=more(l2), **named)
    )


def changed_limit(monkeypatch):
    monkeypatch.setattr(work, "limit", lambda first: 10 * torch.as_tensor(first).abs())


def changed_torch(monkeypatch):
    monkeypatch.setattr(torch, "__version__", "9.9")


ENGINE = [v for name, v in list(globals().items()) if name.startswith("changed_")]


@pytest.mark.parametrize("change", ENGINE, ids=lambda change: change.__name__)
def test_an_edit_of_what_trains_the_runs_trains_them_again(change, trained, monkeypatch):
    swept(task_of("view = None"), optimizer="adam")
    trained.clear()
    change(monkeypatch)
    second = swept(task_of("view = None"), optimizer="adam")
    assert trained == [0, 1]
    anew = without_cache(monkeypatch, task_of("view = None"), optimizer="adam")
    np.testing.assert_array_equal(second.train_loss, anew.train_loss)


def test_the_steps_that_are_recorded_are_part_of_the_key(trained):
    runs = labs.sweep(task_of(""), labs.Grid(), 6, CPU, record_at=[3])
    assert runs.step.values.tolist() == [0, 3, 6] and trained == [0]
    labs.sweep(task_of(""), labs.Grid(), 6, CPU, record_at=[4])
    assert trained == [0, 0]


@pytest.mark.parametrize("record_at", [[7], [-1], [0.5]])
def test_a_step_that_is_not_in_the_run_is_refused_in_words(record_at):
    with pytest.raises(
        ValueError, match="record_at must hold whole numbers from 0 to 6, the number"
    ):
        labs.sweep(task_of(""), labs.Grid(), 6, CPU, record_at=record_at)


SMOOTH = """
def loss(outputs, y, label_smoothing=0):
    return (outputs.squeeze(-1) - (y if not label_smoothing else TARGET)).square().mean()
"""


@pytest.mark.parametrize(
    "values",
    [
        *({"learning_rate": 0.1000001}, {"l2": 1e-9}, {"weight_decay": 1e-9}),
        *({"schedule": "cosine"}, {"warmup_share": 0.2}, {"clip_norm": 1e6}, {"momentum": 0.91}),
        *({"optimizer": "adam", name: 0.5} for name in ("beta1", "beta2", "eps")),
        {"label_smoothing": 0.1},
    ],
)
def test_each_setting_is_part_of_the_key(values, trained):
    task = task_of(SMOOTH.replace("TARGET", "0.5"))
    usual = {"optimizer": "momentum", "schedule": "warm-up"}
    swept(task, **usual | {n: v for n, v in values.items() if n == "optimizer"})
    trained.clear()
    swept(task, **usual | values)
    assert trained == [0, 1]


@pytest.mark.parametrize(
    "first, second",
    [
        ({"optimizer": "adam"}, {"optimizer": "adam", "beta2": 0.999, "eps": 1e-8}),
        ({"optimizer": "sgd"}, {"optimizer": "sgd", "momentum": 0.5, "beta1": 0.5}),
        ({"schedule": "cosine"}, {"schedule": "cosine", "warmup_share": 0.5}),
        ({}, {"clip_norm": None}),
    ],
)
def test_settings_that_change_nothing_train_nothing(first, second, trained):
    one = swept(task_of(""), **first)
    trained.clear()
    two = swept(task_of(""), **second)
    assert trained == []
    np.testing.assert_array_equal(one.val_loss.values.ravel(), two.val_loss.values.ravel())


@pytest.mark.parametrize("cache", ["disk", "memory"])
def test_an_edit_of_what_smoothing_computes_trains_smoothed_runs_again(cache, trained, monkeypatch):
    if cache == "memory":
        monkeypatch.setenv("LABS_CACHE", "off")
    before, after = (task_of(SMOOTH.replace("TARGET", target)) for target in ("0.5", "0.25"))
    swept(before, label_smoothing=0.2)
    swept(before)
    trained.clear()
    second = swept(after, label_smoothing=0.2)
    assert trained == [0, 1]
    anew = without_cache(monkeypatch, after, label_smoothing=0.2)
    np.testing.assert_array_equal(second.train_loss, anew.train_loss)
    if cache == "disk":
        swept(after)
        assert trained == [0, 1, 0, 1]  # the second two without a cache


def test_a_grid_that_grows_by_one_rate_trains_only_that_rate(trained):
    small = swept(task_of(""), learning_rate=[0.01, 0.1], optimizer=["sgd", "adam"])
    trained.clear()
    large = swept(task_of(""), learning_rate=[0.01, 0.03, 0.1], optimizer=["sgd", "adam"])
    assert sorted(trained) == [0, 0, 1, 1]  # two seeds, two optimizers
    assert large.sel(learning_rate=[0.01, 0.1]).drop_attrs().equals(small.drop_attrs())


def test_two_grids_share_the_runs_that_both_have(trained):
    swept(task_of(""), optimizer=["sgd", "adam"], batch_size=[4, 8])
    trained.clear()
    swept(task_of(""), optimizer=["adam", "lion"], batch_size=[8, 16], seed=[1, 2])
    assert len(trained) == 7  # of 8 runs, adam with batch 8 and seed 1 was there


def test_neither_threads_nor_the_way_a_grid_is_cut_are_part_of_the_key(trained, monkeypatch):
    grid = {"learning_rate": labs.logspace(1e-3, 1e-1, 9)}
    swept(task_of(""), **grid)
    trained.clear()
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)  # 7 would outlive the test
    monkeypatch.setitem(work.chunks.CACHES, "traced", (0, 3))
    swept(task_of(""), **grid)
    assert trained == []


def test_variants_of_a_task_share_runs_with_the_task_alone(trained):
    varied = labs.vary(labs.tasks.spirals, noise=[0.0, 0.1])
    labs.sweep(varied, labs.Grid(), steps=4, device=CPU)
    trained.clear()
    labs.sweep(labs.tasks.spirals(noise=0.1), labs.Grid(), steps=4, device=CPU)
    assert trained == []


@torch.library.custom_op("tests::twice", mutates_args=())
def twice(x: torch.Tensor) -> torch.Tensor:
    """An operation whose graph says its name alone."""
    return 2 * x


twice.register_fake(lambda x: torch.empty_like(x))


@pytest.mark.parametrize(
    "function, reason",
    [
        (lambda x: x * torch.rand(()), "draws random numbers"),
        (lambda x: x * 2 if x.sum() > 0 else x, "data-dependent"),
        (lambda x: exec("assert False"), "AssertionError"),
    ],
)
def test_what_nothing_determines_has_no_key_and_the_reason_is_said(function, reason):
    with pytest.raises(keys.NotDetermined, match=reason):
        keys.graph_digest(torch.func.vmap(function, randomness="same"), torch.ones(2, 3))


def test_an_operation_whose_graph_says_its_name_alone_has_no_key():
    with pytest.raises(keys.NotDetermined, match="tests.twice.* is no operation of PyTorch's own"):
        keys.graph_digest(lambda x: torch.ops.tests.twice(x), torch.ones(2))


def test_attention_without_dropout_has_a_key_and_with_it_has_none():
    x = torch.randn(1, 2, 4, 8)
    attend = torch.nn.functional.scaled_dot_product_attention
    assert keys.graph_digest(lambda x: attend(x, x, x), x)
    with pytest.raises(keys.NotDetermined, match="draws random numbers"):
        keys.graph_digest(lambda x: attend(x, x, x, dropout_p=0.5), x)


def test_runs_that_are_not_kept_are_trained_each_time_and_a_sentence_says_so(trained, monkeypatch):
    def refuse(*arguments):
        raise keys.NotDetermined("it draws random numbers")

    monkeypatch.setattr(keys, "graph_digest", refuse)
    for _ in range(2):
        with pytest.warns(
            UserWarning, match=r"nothing says beforehand what task\(\) computes .*not kept"
        ):
            swept(task_of(""))
    assert trained == [0, 1, 0, 1]


def test_a_key_is_the_same_in_every_process():
    program = (
        "import labs, torch; from labs.engine.work import Work;"
        "how = labs.Grid(optimizer='adam'), 5, torch.device('cpu'), None, [0, 5];"
        "w = Work(labs.tasks.spirals(), *how);"
        "print(*w.run_keys, w.keys.program(32, ['adam'], False))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            encoding="utf-8",
        ).stdout
        for seed in "12"
    }
    assert len(told) == 1 and len(told.pop()) > 40


def test_a_rule_that_is_replaced_is_the_one_that_trains(monkeypatch):
    """Its program, too: the one in memory has the old rule."""
    rules = labs.optimizers.RULES
    slower = dataclasses.replace(
        rules["sgd"], update=lambda theta, grad, state, lr, bias: theta.sub_(grad * lr / 7)
    )
    first = swept(task_of(""))
    monkeypatch.setitem(rules, "sgd", slower)
    second = swept(task_of(""))
    assert second.equals(without_cache(monkeypatch, task_of("")).assign_attrs(second.attrs))
    assert not first.train_loss.equals(second.train_loss)


@pytest.mark.parametrize("compile", [False, True])
def test_a_tensor_that_is_changed_in_place_does_not_reach_a_kept_program(compile, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", "off")
    text = "W = torch.ones(3)\nloss = lambda o, y: W.mean() * (o.squeeze(-1) - y).square().mean()"
    run = lambda task: labs.sweep(task, labs.Grid(seed=[0, 1]), 6, CPU, compile=compile)
    task = task_of(text)
    first = run(task)
    task.loss.__globals__["W"][1] = 50
    again = run(task_of(text))
    np.testing.assert_array_equal(again.train_loss, first.train_loss)
    assert not run(task).train_loss.equals(first.train_loss)
