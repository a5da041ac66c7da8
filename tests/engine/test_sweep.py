"""The batched trainer: equal to one run alone, and nothing a run does touches its neighbours."""

import concurrent.futures
import dataclasses
import gc
import itertools
import json
import math
import threading
import weakref

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils import _pytree as pytree

import labs
from labs.engine import chunks, ensemble, inputs, work

TASK = labs.tasks.spirals()
CPU = torch.device("cpu")
EVERY_RULE = list(labs.optimizers.RULES)


def alone(task, **setting):
    """Losses and metric (2 or 3, K) of the same run trained by labs.train."""
    points = [p[1:4] for p in labs.train(task, labs.TrainConfig(**setting), device=CPU)]
    return np.array([p if task.metric else p[:2] for p in points]).T


def compare(runs, task, steps, rtol=2e-3, atol=2e-4):
    """Every run of a record against the same run alone.

    float32 sums in another order: the tolerance. Training makes a difference grow: after 30 steps
    no rule has used a hundredth of it, after 60 Adam without its correction has used it up.
    """
    axes = labs.record.axes(runs)
    for flat, where in enumerate(np.ndindex(runs.diverged_at.shape)):
        setting = {axis.name: axis.values[i] for axis, i in zip(axes, where)}
        expected = alone(task, **setting, steps=steps)
        for name, values in zip(("train_loss", "val_loss", "val_metric"), expected):
            np.testing.assert_allclose(
                runs[name].values[where],
                values,
                rtol=rtol,
                atol=atol,
                err_msg=f"run {flat}: {setting}, {name}",
            )


@pytest.mark.parametrize("batch_size", [1, 32, 512])
def test_each_batched_run_equals_the_run_alone(batch_size):
    grid = labs.Grid(
        optimizer=EVERY_RULE,
        learning_rate=[0.003, 0.01],
        batch_size=batch_size,
        weight_decay=[0, 0.1],
        l2=[0, 0.01],
        seed=[0, 7],
    )
    steps = 30 if batch_size > 1 else 20
    compare(labs.sweep(TASK, grid, steps=steps, device=CPU), TASK, steps, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("schedule", list(labs.optimizers.SCHEDULES))
def test_a_scheduled_batched_run_equals_the_run_alone(schedule):
    compare(
        labs.sweep(
            TASK,
            labs.Grid(optimizer=["sgd", "adam"], learning_rate=0.02, schedule=schedule),
            steps=60,
            device=CPU,
        ),
        TASK,
        steps=60,
    )


OWN = {
    "momentum": [0.5, 0.95],
    "beta1": [0.0, 0.8],
    "beta2": [0.9, 0.9999],
    "eps": [1e-6, 0.1],
    "clip_norm": [0.1, None],
    "label_smoothing": [0.0, 0.2],
}


@pytest.mark.parametrize("name", OWN)
def test_a_batched_run_with_settings_of_its_own_equals_the_run_alone(name):
    rules = list(labs.optimizers.readers(name)) or ["sgd", "adam"]
    grid = labs.Grid(optimizer=rules, learning_rate=0.01, l2=[0, 0.01], **{name: OWN[name]})
    runs = labs.sweep(TASK, grid, steps=30, device=CPU)
    compare(runs, TASK, steps=30, rtol=2e-4, atol=2e-5)
    one, other = (runs.val_loss.sel({name: value}).values for value in getattr(grid, name))
    assert (one[..., -1] != other[..., -1]).all()


def test_warm_ups_of_several_shares_equal_the_runs_alone():
    shares = [0.0, 0.25, 1.0]
    grid = labs.Grid(schedule=["warm-up", "warm-up, cosine", "cosine"], warmup_share=shares)
    runs = labs.sweep(TASK, grid, steps=20, device=CPU)
    compare(runs, TASK, steps=20)
    ends = runs.val_loss.isel(step=-1).squeeze()
    assert len(np.unique(ends.sel(schedule="warm-up"))) == 3
    assert len(np.unique(ends.sel(schedule="cosine"))) == 1


def test_a_setting_that_a_rule_does_not_read_changes_nothing():
    grid = labs.Grid(optimizer=["sgd", "momentum"], momentum=[0.0, 0.5], learning_rate=0.1)
    end = labs.sweep(TASK, grid, steps=20, device=CPU).val_loss.isel(step=-1).squeeze()
    sgd = end.sel(optimizer="sgd")
    assert sgd[0] == sgd[1] != end.sel(optimizer="momentum")[1]


def test_smoothed_losses_are_measured_without_smoothing():
    for task in (TASK, labs.tasks.digits(width=4), labs.tasks.characters(width=4)):
        grid = labs.Grid(label_smoothing=[0.0, 0.3], learning_rate=0.3)
        runs = labs.sweep(task, grid, steps=5, device=CPU)
        first = runs.train_loss.isel(step=0).squeeze()
        assert first[0] == first[1]
        compare(runs, task, steps=5)


def test_smoothing_is_refused_where_the_loss_has_none_before_anything_trains(monkeypatch):
    monkeypatch.setattr(work.Work, "train", None)
    words = r"label_smoothing must be 0 for labs.tasks.wave\(\), whose loss .*, got 0.1; leave it"
    with pytest.raises(ValueError, match=words):
        labs.sweep(labs.tasks.wave(), labs.Grid(label_smoothing=[0, 0.1]), 5, device=CPU)
    with pytest.raises(ValueError, match=words):
        next(labs.train(labs.tasks.wave(), labs.TrainConfig(label_smoothing=0.1)))


def test_a_record_of_every_setting_can_be_saved_shown_and_called_again(tmp_path):
    own = dict(momentum=0.8, beta1=[0.5, 0.9], beta2=0.99, eps=[1e-8, 1e-3], warmup_share=0.3)
    grid = labs.Grid(optimizer="adam", clip_norm=[None, 0.5], label_smoothing=[0, 0.1], **own)
    runs = labs.sweep(TASK, grid, steps=4, device=CPU)
    labs.save(runs, tmp_path / "runs.npz")
    assert labs.load(tmp_path / "runs.npz").identical(runs)
    meta = labs.Explorer(runs).meta
    json.dumps(meta, allow_nan=False)
    axes = {axis["name"]: axis for axis in meta["axes"]}
    assert axes["clip_norm"]["texts"] == ["inf", "0.5"] and set(own) < set(axes)
    call = meta["call"].format(**{name: axis["code"][0] for name, axis in axes.items()})
    again = eval(call, {"labs": labs})
    first = runs.isel({name: 0 for name in axes}).train_loss
    np.testing.assert_allclose(again.train_loss.squeeze(), first, rtol=1e-4)
    whole = eval(runs.attrs["call"], {"labs": labs})
    assert whole.drop_attrs().identical(runs.drop_attrs())


def test_chunks_have_equal_tables_where_their_steps_read_equal_shapes():
    """So each program is compiled before threads train, and none of them twice."""
    varied = [{}, {"schedule": ["constant", "warm-up"]}, {"warmup_share": [0.1, 0.2]}]
    varied += [{name: [0.25, 0.75]} for name in labs.settings.COLUMNS]
    varied += [{name: [0.5]} for name in labs.settings.COLUMNS]
    varied += [{"momentum": [0.9]}, {"beta2": [0.999]}, {"clip_norm": [None]}]
    tables, shapes = [], []
    for values in varied:
        (setting, *others) = labs.Grid(**values).settings()
        chunk = chunks.Chunk([0, 1], [setting, *(others or [setting])], part=1)
        read, *_ = inputs.start(torch.zeros(2, 3), (), chunk, TASK.data, steps=4)
        tables.append(chunk.tables())
        shapes.append([tensor.shape for tensor in pytree.tree_leaves(read)])
    for one, other in itertools.combinations(range(len(varied)), 2):
        alike = tables[one] == tables[other]
        assert alike == (shapes[one] == shapes[other]), (varied[one], varied[other])


def test_compiled_runs_with_settings_of_their_own_equal_the_runs_alone():
    grid = labs.Grid(
        optimizer=["nesterov", "rmsprop", "adam", "lion"],
        learning_rate=0.003,
        momentum=[0.5, 0.9],
        beta1=[0.0, 0.9],
        beta2=[0.9, 0.999],
        eps=1e-6,
        clip_norm=[0.5, None],
        label_smoothing=[0.0, 0.1],
        schedule="warm-up",
        warmup_share=0.5,
    )
    runs = labs.sweep(TASK, grid, steps=30, device=CPU, compile=True)
    assert runs.attrs["engine"] == "compiled"
    compare(runs, TASK, steps=30)


def test_each_compiled_run_equals_the_run_alone():
    grid = labs.Grid(
        optimizer=EVERY_RULE,
        learning_rate=[0.003, 0.01],
        weight_decay=[0, 0.1],
        l2=[0, 0.01],
        schedule=["constant", "cosine"],
        seed=[0, 7],
    )
    runs = labs.sweep(TASK, grid, steps=40, device=CPU, compile=True)
    assert runs.attrs["engine"] == "compiled"
    compare(runs, TASK, steps=40)


def test_a_compiled_view_shows_what_the_traced_one_shows():
    grid = labs.Grid(learning_rate=[0.1, 0.3])
    traced, compiled = (
        labs.sweep(TASK, grid, 40, device=CPU, compile=flag) for flag in (False, True)
    )
    assert np.abs(compiled.view.astype(int) - traced.view).max() <= 1  # of 255


class TinyTransformer(nn.Module):
    """One attention layer over the eight rows of a digit: not a stack of linear layers."""

    def __init__(self):
        super().__init__()
        self.embed, self.norm = nn.Linear(8, 16), nn.LayerNorm(16)
        self.query, self.key, self.value = nn.Linear(16, 16), nn.Linear(16, 16), nn.Linear(16, 16)
        self.head = nn.Linear(16, 10)
        self.register_buffer("position", torch.linspace(-1, 1, 8)[:, None].expand(8, 16).clone())

    def forward(self, x_BD):
        x = self.embed(x_BD.unflatten(-1, (8, 8))) + self.position
        h = self.norm(x)
        weight = torch.softmax(self.query(h) @ self.key(h).transpose(-1, -2) / 4, dim=-1)
        return self.head((x + weight @ self.value(h)).mean(-2))


class TinyConvolution(nn.Sequential):
    """Two convolutions over a digit."""

    def __init__(self):
        super().__init__(
            nn.Unflatten(-1, (1, 8, 8)),
            nn.Conv2d(1, 4, 3),
            nn.GELU(),
            nn.Conv2d(4, 8, 3),
            nn.Flatten(-3),
            nn.Linear(128, 10),
        )


@pytest.mark.parametrize("engine", ["traced", "compiled"])
@pytest.mark.parametrize("model", [TinyTransformer, TinyConvolution])
def test_any_module_can_be_swept(model, engine):
    task = dataclasses.replace(labs.tasks.digits(), make_model=model)
    grid = labs.Grid(
        optimizer=["sgd", "adam"], learning_rate=[0.003, 0.03], batch_size=16, seed=[0, 1]
    )
    compare(
        labs.sweep(task, grid, steps=30, device=CPU, compile=engine == "compiled"), task, steps=30
    )


def wild_and_tame(rates, engine="traced"):
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=rates, seed=[0, 1])
    return labs.sweep(TASK, grid, steps=80, device=CPU, compile=engine == "compiled")


@pytest.mark.parametrize("engine", ["traced", "compiled"])
def test_one_diverged_run_leaves_its_neighbours_alone(engine):
    calm, wild = (
        wild_and_tame([0.01, 0.02, 0.03], engine),
        wild_and_tame([0.01, 1e30, 0.03], engine),
    )
    gone, tame = wild.diverged_at >= 0, [0.01, 0.03]
    assert gone.sel(learning_rate=1e30).all() and not gone.sel(learning_rate=tame).any()
    for name in ("train_loss", "val_loss", "val_metric", "view"):
        here, there = (runs[name].sel(learning_rate=tame) for runs in (wild, calm))
        assert np.array_equal(here, there), f"{name} is not bit-identical"


def test_a_diverged_run_is_marked_with_its_step_and_has_no_loss_from_then_on():
    runs = wild_and_tame([0.01, 1e30])
    for run in np.ndindex(runs.diverged_at.shape):
        at = runs.diverged_at.values[run]
        lost = np.isnan(runs.train_loss.values[run])
        assert np.array_equal(lost, runs.step >= at if at >= 0 else np.zeros_like(lost))
    assert set(runs.diverged_at.sel(learning_rate=1e30).values.ravel()) <= {1, 2, 3}
    with np.errstate(invalid="ignore"):
        first = alone(TASK, optimizer="sgd", learning_rate=1e30, steps=80)[0]
    assert not math.isfinite(first[-1]) or first[-1] > 1e4 * first[0]


def test_a_grid_larger_than_memory_goes_in_chunks_and_gives_the_same_record(monkeypatch):
    monkeypatch.setenv("LABS_CACHE", "off")
    grid = labs.Grid(
        optimizer=["sgd", "adam"],
        learning_rate=labs.logspace(1e-3, 1e-1, 9),
        batch_size=[16, 64],
        seed=[0, 1, 2],
    )
    whole = labs.sweep(TASK, grid, steps=30, device=CPU)
    monkeypatch.setitem(chunks.CACHES, "traced", (0, 7))
    parts = labs.sweep(TASK, grid, steps=30, device=CPU)
    assert whole.attrs["chunks"] == 2 * torch.get_num_threads() and parts.attrs["chunks"] == 2 * 9
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(parts[name], whole[name], rtol=1e-3, atol=1e-5)


def test_all_chunks_and_other_numbers_of_steps_share_one_compiled_program(monkeypatch):
    """Three graphs: the loop, the measurement, the view.

    The last chunk of three of 20 runs overlaps the one before.
    """
    monkeypatch.setenv("LABS_CACHE", "off")
    monkeypatch.setitem(chunks.CACHES, "compiled", (0, 3))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    task = labs.tasks.spirals(width=31)  # no other test has compiled it in this process
    grid = labs.Grid(
        optimizer="adam", learning_rate=[0.001, 0.002, 0.003, 0.004, 0.005], seed=[0, 1, 2, 3]
    )
    graphs = torch._dynamo.utils.counters["stats"]
    before = graphs["unique_graphs"]
    runs = labs.sweep(task, grid, 20, device=CPU, compile=True)
    assert runs.attrs["chunks"] == 7 and runs.trained.all()
    assert graphs["unique_graphs"] == before + 3
    labs.sweep(task, grid, 30, device=CPU, compile=True)
    assert graphs["unique_graphs"] == before + 3


def test_compiled_programs_of_several_batch_sizes_run_while_others_are_made(monkeypatch):
    """PyTorch refuses a compiled program in one thread while another traces."""
    monkeypatch.setenv("LABS_CACHE", "off")
    grid = labs.Grid(learning_rate=[0.01, 0.02, 0.03, 0.04], batch_size=[8, 16], seed=[0, 1])
    for _ in range(2):
        assert labs.sweep(TASK, grid, 10, device=CPU, compile=True).trained.all()


def test_threads_that_start_networks_side_by_side_get_the_parameters_of_their_seeds():
    first = lambda seed: torch.nn.utils.parameters_to_vector(TASK.model(seed).parameters()).detach()
    expected = [first(seed) for seed in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for seed, theta in zip(list(range(4)) * 50, pool.map(first, list(range(4)) * 50)):
            assert torch.equal(theta, expected[seed])


def test_interrupting_keeps_what_is_finished_and_a_second_call_trains_only_the_rest(monkeypatch):
    grid = labs.Grid(learning_rate=[0.01, 0.1], batch_size=[8, 16, 32])
    real, trained = work.Work.train, []

    def interrupted(self, chunk, *rest):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(chunk.values("batch_size")[0])
        return real(self, chunk, *rest)

    monkeypatch.setattr(work.Work, "train", interrupted)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    with pytest.warns(UserWarning, match="2 of 3 parts are trained"):
        part = labs.sweep(TASK, grid, steps=20, device=CPU)
    assert part.trained.sel(batch_size=[8, 16]).all()
    rest = part.sel(batch_size=32)
    assert not rest.trained.any() and np.isnan(rest.val_loss).all()
    trained.clear()
    whole = labs.sweep(TASK, grid, steps=20, device=CPU)
    assert trained == [32] and whole.trained.all()
    assert np.array_equal(whole.val_loss.sel(batch_size=8), part.val_loss.sel(batch_size=8))


def test_an_interrupt_before_anything_is_finished_ends_the_call(monkeypatch):
    def interrupted(self, chunk, *rest):
        raise KeyboardInterrupt

    monkeypatch.setattr(work.Work, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        labs.sweep(TASK, labs.Grid(), steps=20, device=CPU)


def test_axes_of_the_task_come_first_and_each_run_equals_the_run_alone():
    varied = labs.vary(labs.tasks.spirals, width=[4, 16], depth=[1, 2])
    runs = labs.sweep(
        varied, labs.Grid(learning_rate=[0.01, 0.1], seed=[0, 1]), steps=20, device=CPU
    )
    assert runs.train_loss.dims[:3] == ("width", "depth", "optimizer")
    assert runs.sizes["width"] == runs.sizes["depth"] == 2
    for width in (4, 16):
        compare(
            runs.sel(width=width, depth=1, drop=True),
            labs.tasks.spirals(width=width, depth=1),
            steps=20,
        )


def test_measuring_a_part_changes_the_training_loss_alone_and_equals_the_run_alone():
    part = dataclasses.replace(
        TASK, data=dataclasses.replace(TASK.data, measured=64), name="part of the spirals"
    )
    grid = labs.Grid(learning_rate=[0.1, 0.3], seed=[0, 1])
    whole, some = (labs.sweep(task, grid, steps=30, device=CPU) for task in (TASK, part))
    assert whole.val_loss.equals(some.val_loss)
    assert not np.isclose(whole.train_loss, some.train_loss, rtol=1e-6).all()
    config = labs.TrainConfig(learning_rate=0.3, seed=1, steps=30)
    alone = [point.train_loss for point in labs.train(part, config, device=CPU)]
    found = some.train_loss.sel(learning_rate=0.3, seed=1).squeeze()
    assert np.allclose(found, alone, rtol=1e-5)


def test_variants_with_other_data_keep_their_samples():
    runs = labs.sweep(labs.vary(labs.tasks.spirals, train=[40, 60]), labs.Grid(), 3, device=CPU)
    assert runs.samples.dims == ("train", "sample", "column") and runs.samples.shape == (2, 60, 3)
    assert np.isnan(runs.samples.sel(train=40)[40:]).all()
    for train in (40, 60):
        points = labs.data.spirals(train=train).train_x
        np.testing.assert_array_equal(runs.samples.sel(train=train)[:train, :2], points)


def test_a_task_without_metric_and_view_has_none_in_its_record():
    valley = labs.tasks.valley((1.0, 2.0, 3.0))  # in three dimensions there is no way to draw
    runs = labs.sweep(valley, labs.Grid(batch_size=1), 5, device=CPU)
    assert set(runs.data_vars) == {"train_loss", "val_loss", "diverged_at", "trained"}


@pytest.mark.parametrize(
    "arguments, words",
    [
        ((labs.tasks.spirals, labs.Grid()), "first argument must be a task.*call it"),
        ((labs.tasks.spirals(), {"seed": 0}), "second argument must be a labs.Grid, got .*write"),
    ],
)
def test_what_is_no_task_or_no_grid_is_refused_in_words(arguments, words):
    with pytest.raises(TypeError, match=words):
        labs.sweep(*arguments)


def test_tasks_that_measure_other_things_cannot_share_a_record():
    def task(kind):
        return {"valley": labs.tasks.valley, "spirals": labs.tasks.spirals}[kind]()

    with pytest.raises(
        ValueError, match="must have views and metrics alike.*sweep them one by one"
    ):
        labs.sweep(
            labs.vary(task, kind=["spirals", "valley"]), labs.Grid(batch_size=1), 2, device=CPU
        )


def test_variants_of_equal_shapes_share_a_program(monkeypatch):
    kept = type(work.trainer._kept)()
    monkeypatch.setattr(work.trainer, "_kept", kept)
    labs.sweep(labs.vary(labs.tasks.spirals, noise=[0.0, 0.1, 0.2]), labs.Grid(), 3, device=CPU)
    assert len(kept) == 1


def test_programs_in_memory_hold_no_data(monkeypatch):
    kept = type(work.trainer._kept)()
    monkeypatch.setattr(work.trainer, "_kept", kept)
    task = labs.tasks.spirals(noise=0.03)
    seen = weakref.ref(task.data.train_x)
    labs.sweep(task, labs.Grid(), 3, device=CPU)
    del task
    gc.collect()
    assert len(kept) == 1 and seen() is None


def test_the_call_of_a_run_makes_that_run():
    varied = labs.vary(labs.tasks.spirals, noise=[0.0, 0.1])
    runs = labs.sweep(varied, labs.Grid(learning_rate=[0.01, 0.1], seed=[3]), 4, device=CPU)
    values = {axis.name: repr(axis.values[-1]) for axis in labs.record.axes(runs)}
    again = eval(runs.attrs["run_call"].format(**values), {"labs": labs})
    one = runs.sel(noise=0.1, learning_rate=0.1).train_loss.squeeze()
    np.testing.assert_allclose(again.train_loss.squeeze(), one, rtol=1e-5)
    whole = eval(runs.attrs["call"], {"labs": labs})
    assert whole.drop_attrs().identical(runs.drop_attrs())


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(
        ValueError,
        match=r"batch_size must be at most the number of training samples, 512, got 1024; "
        r"choose a smaller",
    ):
        labs.sweep(TASK, labs.Grid(batch_size=[32, 1024]), steps=5)


def test_a_loss_that_is_not_finite_at_the_start_is_refused():
    broken = dataclasses.replace(TASK, loss=lambda outputs, y: outputs.mean() / 0.0)
    with pytest.raises(
        ValueError,
        match="the loss must be finite before the first step, got .* with seed 0; check the task",
    ):
        labs.sweep(broken, labs.Grid(), steps=5)


def test_runs_of_one_seed_see_the_same_batches_and_epochs_are_shuffled():
    order = labs.data.batches(count=10, batch_size=4, steps=5, seed=3)
    assert order.shape == (5, 4) and torch.equal(order, labs.data.batches(10, 4, 5, seed=3))
    assert (
        sorted(order.flatten()[:10].tolist())
        == sorted(order.flatten()[10:].tolist())
        == list(range(10))
    )
    assert not torch.equal(order.flatten()[:10], order.flatten()[10:])


def test_memory_of_a_run_is_estimated_from_what_backpropagation_keeps():
    kept = ensemble.Ensemble(TASK, CPU)
    small, large = (
        kept.bytes_per_run(torch.zeros(b, 2), torch.zeros(b), slots=2) for b in (100, 200)
    )
    per_sample = (large - small) / 100
    assert (
        2 * 4 * 64 <= per_sample <= 2 * 4 * 200
    )  # two hidden layers of 32, kept before and after the ReLU at most


@pytest.mark.gpu
def test_a_sweep_on_the_gpu_equals_the_one_on_the_cpu():
    grid = labs.Grid(optimizer=EVERY_RULE, learning_rate=[0.003, 0.01], seed=[0, 1])
    gpu, cpu = (
        labs.sweep(TASK, grid, steps=40, device=torch.device(kind)) for kind in ("cuda", "cpu")
    )
    np.testing.assert_allclose(gpu.val_loss, cpu.val_loss, rtol=1e-2)


@pytest.mark.parametrize("first_out", ["first", "second"])
def test_overlapping_sweeps_leave_torchs_number_of_threads_as_it_was(first_out, monkeypatch):
    """Torch has one number for each thread that is there, and one for those to come."""
    monkeypatch.setenv("LABS_CACHE", "off")
    inside = {name: threading.Event() for name in ("first", "second")}
    may_end = {name: threading.Event() for name in ("first", "second")}
    width, real = {5: "first", 6: "second"}, work.Work.train

    def train(self, chunk, *rest):
        name = width[len(self.task.model(0)[0].weight)]
        inside[name].set()
        assert may_end[name].wait(60) and torch.get_num_threads() == 1
        real(self, chunk, *rest)

    def sweep(width):
        labs.sweep(labs.tasks.spirals(width=width), labs.Grid(), 3, device="cpu")
        return torch.get_num_threads()

    monkeypatch.setattr(work.Work, "train", train)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            sweeps = {"first": pool.submit(sweep, 5)}
            assert inside["first"].wait(60)
            sweeps["second"] = pool.submit(sweep, 6)  # in a thread that begins during a sweep
            assert inside["second"].wait(60)
            for name in sorted(sweeps, key=lambda name: name != first_out):
                may_end[name].set()
                assert sweeps[name].result() == 3
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            assert pool.submit(torch.get_num_threads).result() == torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
