"""The batched trainer: equal to one run alone, and nothing a run does touches its neighbours."""

import concurrent.futures
import dataclasses
import functools
import math
import sys

import numpy as np
import pytest
import torch
from torch import nn

import labs
from labs import cache, plan, stack

TASK = labs.tasks.spirals()
CPU = torch.device("cpu")
ENGINE = sys.modules["labs.sweep"]  # the module; labs.sweep is the function
EVERY_RULE = list(labs.optimizers.RULES)


def alone(task, **setting):
    """Training and validation losses (K,) of the same run trained by labs.train."""
    points = [p[:4] for p in labs.train(task, labs.TrainConfig(**setting), device=CPU)]
    return np.array(points)[:, 1:].T


def compare(runs, task, steps, rtol=2e-3, atol=2e-4):
    """Every run of a record against the same run alone. float32 sums in another order, 60 steps on: the tolerance."""
    for flat, where in enumerate(np.ndindex(runs.shape)):
        setting = {axis.name: axis.values[i] for axis, i in zip(runs.axes, where)}
        expected = alone(task, **setting, steps=steps)
        for name, values in zip(("train_loss", "val_loss"), expected):
            np.testing.assert_allclose(
                runs.arrays[name][where], values, rtol=rtol, atol=atol, err_msg=f"run {flat}: {setting}, {name}"
            )


@pytest.mark.parametrize("batch_size", [1, 32, 512])
def test_each_batched_run_equals_the_run_alone(batch_size):
    grid = labs.Grid(
        optimizer=EVERY_RULE, learning_rate=[0.003, 0.01], batch_size=batch_size, weight_decay=[0, 0.1], l2=[0, 0.01], seed=[0, 7]
    )
    compare(labs.sweep(TASK, grid, steps=60 if batch_size > 1 else 20, device=CPU), TASK, steps=60 if batch_size > 1 else 20)


@pytest.mark.parametrize("schedule", list(labs.optimizers.SCHEDULES))
def test_a_scheduled_batched_run_equals_the_run_alone(schedule):
    compare(
        labs.sweep(TASK, labs.Grid(optimizer=["sgd", "adam"], learning_rate=0.02, schedule=schedule), steps=60, device=CPU),
        TASK,
        steps=60,
    )


def test_each_compiled_run_equals_the_run_alone():
    grid = labs.Grid(optimizer=EVERY_RULE, learning_rate=[0.003, 0.01], weight_decay=[0, 0.1], l2=[0, 0.01],
                     schedule=["constant", "cosine"], seed=[0, 7])
    runs = labs.sweep(TASK, grid, steps=40, device=CPU, compile=True)
    assert runs.provenance["engine"] == "compiled"
    compare(runs, TASK, steps=40)


def test_a_compiled_view_shows_what_the_traced_one_shows():
    grid = labs.Grid(learning_rate=[0.1, 0.3])
    traced, compiled = (labs.sweep(TASK, grid, 40, device=CPU, compile=flag) for flag in (False, True))
    assert np.abs(compiled.arrays["view"].astype(int) - traced.arrays["view"]).max() <= 1      # of 255


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
            nn.Unflatten(-1, (1, 8, 8)), nn.Conv2d(1, 4, 3), nn.GELU(), nn.Conv2d(4, 8, 3), nn.Flatten(-3), nn.Linear(128, 10)
        )


@pytest.mark.parametrize("engine", ["traced", "compiled"])
@pytest.mark.parametrize("model", [TinyTransformer, TinyConvolution])
def test_any_module_can_be_swept(model, engine):
    task = dataclasses.replace(labs.tasks.digits(), make_model=model)
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=[0.003, 0.03], batch_size=16, seed=[0, 1])
    compare(labs.sweep(task, grid, steps=30, device=CPU, compile=engine == "compiled"), task, steps=30)


def wild_and_tame(rates, engine="traced"):
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=rates, seed=[0, 1])
    return labs.sweep(TASK, grid, steps=80, device=CPU, compile=engine == "compiled")


@pytest.mark.parametrize("engine", ["traced", "compiled"])
def test_one_diverged_run_leaves_its_neighbours_alone(engine):
    calm, wild = wild_and_tame([0.01, 0.02, 0.03], engine), wild_and_tame([0.01, 1e30, 0.03], engine)
    gone = wild.arrays["diverged_at"] >= 0
    assert gone[:, 1].all() and not gone[:, [0, 2]].any()
    for name in ("train_loss", "val_loss", "val_metric", "view"):
        assert np.array_equal(wild.arrays[name][:, [0, 2]], calm.arrays[name][:, [0, 2]]), f"{name} is not bit-identical"


def test_a_diverged_run_is_marked_with_its_step_and_has_no_loss_from_then_on():
    runs = wild_and_tame([0.01, 1e30])
    steps = np.array(runs.provenance["record_steps"])
    for run in np.ndindex(runs.shape):
        at = runs.arrays["diverged_at"][run]
        lost = np.isnan(runs.arrays["train_loss"][run])
        assert np.array_equal(lost, steps >= at if at >= 0 else np.zeros_like(lost))
    assert set(runs.at(learning_rate=1e30)["diverged_at"].ravel()) <= {1, 2, 3}
    with np.errstate(invalid="ignore"):
        first = alone(TASK, optimizer="sgd", learning_rate=1e30, steps=80)[0]
    assert not math.isfinite(first[-1]) or first[-1] > 1e4 * first[0]


def test_a_grid_larger_than_memory_goes_in_chunks_and_gives_the_same_record(monkeypatch):
    grid = labs.Grid(optimizer=["sgd", "adam"], learning_rate=labs.logspace(1e-3, 1e-1, 9), batch_size=[16, 64], seed=[0, 1, 2])
    whole = labs.sweep(TASK, grid, steps=30, device=CPU)
    monkeypatch.setitem(plan.CACHES, "traced", (0, 7))
    parts = labs.sweep(TASK, grid, steps=30, device=CPU)
    assert whole.provenance["chunks"] == 2 * torch.get_num_threads() and parts.provenance["chunks"] == 2 * 9
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(parts.arrays[name], whole.arrays[name], rtol=1e-3, atol=1e-5)


def test_all_chunks_and_other_numbers_of_steps_share_one_compiled_program(monkeypatch):
    """Three graphs: the loop, the measurement, the view. The last chunk of three of 20 runs overlaps the one before."""
    monkeypatch.setenv("LABS_CACHE", "off")
    monkeypatch.setitem(plan.CACHES, "compiled", (0, 3))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    task = labs.tasks.spirals(noise=0.0625)  # no other test has compiled it in this process
    grid = labs.Grid(optimizer="adam", learning_rate=[0.001, 0.002, 0.003, 0.004, 0.005], seed=[0, 1, 2, 3])
    graphs = torch._dynamo.utils.counters["stats"]
    before = graphs["unique_graphs"]
    runs = labs.sweep(task, grid, 20, device=CPU, compile=True)
    assert runs.provenance["chunks"] == 7 and runs.arrays["trained"].all()
    assert graphs["unique_graphs"] == before + 3
    labs.sweep(task, grid, 30, device=CPU, compile=True)
    assert graphs["unique_graphs"] == before + 3


def test_threads_that_start_networks_side_by_side_get_the_parameters_of_their_seeds():
    first = lambda seed: torch.nn.utils.parameters_to_vector(TASK.model(seed).parameters()).detach()
    expected = [first(seed) for seed in range(4)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for seed, theta in zip(list(range(4)) * 50, pool.map(first, list(range(4)) * 50)):
            assert torch.equal(theta, expected[seed])


def test_interrupting_keeps_what_is_finished_and_a_second_call_trains_only_the_rest(monkeypatch):
    grid = labs.Grid(learning_rate=[0.01, 0.1], batch_size=[8, 16, 32])
    real, trained = ENGINE.train_chunk, []

    def interrupted(program, samples, chunk, *rest):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(chunk.values("batch_size")[0])
        return real(program, samples, chunk, *rest)

    monkeypatch.setattr(ENGINE, "train_chunk", interrupted)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    with pytest.warns(UserWarning, match="2 of 3 parts are trained"):
        part = labs.sweep(TASK, grid, steps=20, device=CPU)
    assert part.at(batch_size=8)["trained"].all() and part.at(batch_size=16)["trained"].all()
    assert not part.at(batch_size=32)["trained"].any() and np.isnan(part.at(batch_size=32)["val_loss"]).all()
    trained.clear()
    whole = labs.sweep(TASK, grid, steps=20, device=CPU)
    assert trained == [32] and whole.arrays["trained"].all()
    assert np.array_equal(whole.at(batch_size=8)["val_loss"], part.at(batch_size=8)["val_loss"])


def count_training(monkeypatch):
    calls = []
    real = ENGINE.train_chunk
    monkeypatch.setattr(ENGINE, "train_chunk", lambda *args: calls.append(1) or real(*args))
    return calls


def test_a_finished_record_is_not_trained_again_and_is_the_same(monkeypatch):
    calls, grid = count_training(monkeypatch), labs.Grid(learning_rate=[0.01, 0.1])
    first, second = (labs.sweep(TASK, grid, steps=20, device=CPU) for _ in range(2))
    assert len(calls) == 1
    assert all(np.array_equal(first.arrays[name], second.arrays[name], equal_nan=name != "trained") for name in first.arrays)


@pytest.mark.parametrize("change", ["steps", "rate", "seed", "data", "loss", "model", "engine"])
def test_whatever_determines_a_record_is_part_of_its_key(change, monkeypatch):
    calls, task, grid, steps = count_training(monkeypatch), TASK, labs.Grid(learning_rate=0.1), 20
    labs.sweep(task, grid, steps, device=CPU)
    if change == "steps":
        steps = 21
    elif change == "rate":
        grid = labs.Grid(learning_rate=0.1000001)
    elif change == "seed":
        grid = labs.Grid(learning_rate=0.1, seed=1)
    elif change == "data":
        task = labs.tasks.spirals(noise=0.1200001)
    elif change == "loss":
        task = dataclasses.replace(task, loss=lambda outputs, y: 2 * labs.tasks.binary_cross_entropy(outputs, y))
    elif change == "model":
        task = dataclasses.replace(task, make_model=functools.partial(labs.models.mlp, [2, 32, 32, 1], "tanh"))
    else:
        monkeypatch.setattr(cache, "engine_source", lambda: "another engine")
    labs.sweep(task, grid, steps, device=CPU)
    assert len(calls) == 2


SCALE, WEIGHTS = 2.0, torch.ones(5000)


def scaled_loss(outputs, y):
    """A loss that reads two globals, one of them inside a function of its own."""
    return (lambda loss: SCALE * WEIGHTS.mean() * loss)(labs.tasks.binary_cross_entropy(outputs, y))


class ScaledNetwork(nn.Sequential):
    """A network whose forward pass reads a global."""

    def __init__(self):
        super().__init__(nn.Linear(2, 1))

    def forward(self, x_BD):
        return SCALE * super().forward(x_BD)


@pytest.mark.parametrize("part", [{"loss": scaled_loss}, {"make_model": ScaledNetwork}])
@pytest.mark.parametrize("name, value", [("SCALE", 3.0), ("WEIGHTS", torch.ones(5000).index_fill(0, torch.tensor([2500]), 2.0))])
def test_a_global_that_a_task_reads_is_part_of_its_key(part, name, value, monkeypatch):
    calls, task = count_training(monkeypatch), dataclasses.replace(TASK, **part)
    for _ in range(2):
        labs.sweep(task, labs.Grid(), steps=5, device=CPU)
    assert len(calls) == 1
    monkeypatch.setattr(sys.modules[__name__], name, value)
    labs.sweep(task, labs.Grid(), steps=5, device=CPU)
    assert len(calls) == (1 if name == "WEIGHTS" and "make_model" in part else 2)       # the network does not read the weights


def test_what_no_text_determines_is_trained_each_time(monkeypatch):
    calls, network = count_training(monkeypatch), nn.Linear(2, 1)
    for _ in range(2):
        labs.sweep(dataclasses.replace(TASK, make_model=lambda: network), labs.Grid(), steps=5, device=CPU)
    assert len(calls) == 2


def test_the_cache_can_be_turned_off(monkeypatch, tmp_path):
    calls = count_training(monkeypatch)
    monkeypatch.setenv("LABS_CACHE", "off")
    for _ in range(2):
        labs.sweep(TASK, labs.Grid(), steps=5, device=CPU)
    assert len(calls) == 2 and not (tmp_path / "cache").exists()


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"not a record at all"])
def test_a_damaged_cache_file_is_retrained_with_a_warning(damage, tmp_path, monkeypatch):
    good = labs.sweep(TASK, labs.Grid(), steps=5, device=CPU)
    (file,) = (tmp_path / "cache").glob("*.npz")
    file.write_bytes(damage(file.read_bytes()))
    calls = count_training(monkeypatch)
    with pytest.warns(UserWarning, match="trained again now"):
        again = labs.sweep(TASK, labs.Grid(), steps=5, device=CPU)
    assert len(calls) == 1 and np.array_equal(good.arrays["val_loss"], again.arrays["val_loss"])


def test_cached_files_hold_nothing_half_written(tmp_path, monkeypatch):
    def full_disk(file, **arrays):
        file.write(b"half a file")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", full_disk)
    with pytest.warns(UserWarning, match="set LABS_CACHE to another folder"):
        runs = labs.sweep(TASK, labs.Grid(), steps=5, device=CPU)
    assert runs.arrays["trained"].all() and list((tmp_path / "cache").iterdir()) == []


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(
        ValueError, match=r"batch_size must be at most the number of training samples, 512, got 1024; choose a smaller"
    ):
        labs.sweep(TASK, labs.Grid(batch_size=[32, 1024]), steps=5)


def test_a_loss_that_is_not_finite_at_the_start_is_refused():
    broken = dataclasses.replace(TASK, loss=lambda outputs, y: outputs.mean() / 0.0)
    with pytest.raises(ValueError, match="the loss must be finite before the first step, got .* with seed 0; check the task"):
        labs.sweep(broken, labs.Grid(), steps=5)


@pytest.mark.parametrize(
    "bad, words",
    [
        ({"optimizer": ["sgd", "adamm"]}, r"optimizer must be one of \[.*\], got 'adamm'; choose one of these"),
        ({"learning_rate": [0.1, -0.1]}, "learning_rate must be positive, got -0.1"),
        ({"learning_rate": [0.0]}, "learning_rate must be positive, got 0.0"),
        ({"learning_rate": [math.nan]}, "learning_rate must be positive, got nan"),
        ({"weight_decay": [-1]}, "weight_decay must be zero or positive, got -1"),
        ({"batch_size": [0]}, "batch_size must be a whole number of at least 1, got 0"),
        ({"batch_size": [2.5]}, "batch_size must be a whole number of at least 1, got 2.5"),
        ({"seed": []}, "seed needs at least one value, got an empty axis"),
        ({"seed": [1, 1]}, r"seed must not repeat a value, got \[1, 1\]"),
        ({"schedule": ["sometimes"]}, "schedule must be one of"),
    ],
)
def test_an_impossible_grid_is_refused_in_words(bad, words):
    with pytest.raises(ValueError, match=words):
        labs.Grid(**bad)


def test_runs_of_one_seed_see_the_same_batches_and_epochs_are_shuffled():
    order = labs.data.batches(count=10, batch_size=4, steps=5, seed=3)
    assert order.shape == (5, 4) and torch.equal(order, labs.data.batches(10, 4, 5, seed=3))
    assert sorted(order.flatten()[:10].tolist()) == sorted(order.flatten()[10:].tolist()) == list(range(10))
    assert not torch.equal(order.flatten()[:10], order.flatten()[10:])


def test_memory_of_a_run_is_estimated_from_what_backpropagation_keeps():
    kept = stack.Stack(TASK, CPU)
    small, large = (kept.bytes_per_run(torch.zeros(b, 2), torch.zeros(b), slots=2) for b in (100, 200))
    per_sample = (large - small) / 100
    assert 2 * 4 * 64 <= per_sample <= 2 * 4 * 200  # two hidden layers of 32, kept before and after the ReLU at most


@pytest.mark.gpu
def test_a_sweep_on_the_gpu_equals_the_one_on_the_cpu():
    grid = labs.Grid(optimizer=EVERY_RULE, learning_rate=[0.003, 0.01], seed=[0, 1])
    gpu, cpu = (labs.sweep(TASK, grid, steps=40, device=torch.device(kind)) for kind in ("cuda", "cpu"))
    np.testing.assert_allclose(gpu.arrays["val_loss"], cpu.arrays["val_loss"], rtol=1e-2)
