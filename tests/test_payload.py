"""The coded record: what goes into a page comes out of it."""

import base64
import json

import numpy as np
import pytest

from labs import Axis, Explorer, Runs
from labs.widgets import payload

STEPS = sorted({0, *np.geomspace(1, 500, 33).round().astype(int).tolist()})
SIZE, FRAMES = 24, 6


def record(optimizers=("sgd", "adam"), rates=6, batch_sizes=(8, 32), decays=(0.0, 1e-3), seeds=3, view=True):
    """Curves shaped like those of a sweep: they fall, bounce, over-fit or diverge; one run was not trained."""
    rng = np.random.default_rng(0)
    axes = (Axis("optimizer", "optimizer", tuple(optimizers), "category"),
            Axis("learning_rate", "learning rate", tuple(float(f"{v:.3g}") for v in np.geomspace(1e-3, 1, rates)), "log"),
            Axis("batch_size", "batch size", tuple(batch_sizes), "log"),
            Axis("weight_decay", "weight decay", tuple(decays), "category"), Axis("l2", "L2 penalty", (0.0,), "category"),
            Axis("seed", "seed", tuple(range(seeds)), "category"))
    shape = tuple(len(axis.values) for axis in axes)
    rate = np.log10(np.array(axes[1].values)).reshape(1, -1, 1, 1, 1, 1, 1) + rng.normal(size=shape)[..., None] * 0.1
    steps = np.array(STEPS, float)
    progress = 1 - np.exp(-steps * 10.0 ** rate / 3)
    bounce = np.exp(rng.normal(size=(*shape, len(STEPS))) * (0.02 + 0.1 * np.maximum(0, rate + 1.5)))
    train = 0.7 * np.exp(-3 * progress) * bounce
    val = train * (1.05 + 0.5 * progress * steps / 500) * np.exp(rng.normal(size=train.shape) * 0.02)
    diverged = np.where(rate[..., 0] > -0.3, rng.integers(2, 400, shape), -1).astype(np.int32)
    gone = (diverged[..., None] >= 0) & (steps >= diverged[..., None])
    trained = np.ones(shape, bool)
    trained[-1, 0, 0, 0, 0, -1] = False
    lost = gone | ~trained[..., None]
    arrays = {"train_loss": np.where(lost, np.nan, train).astype("f4"), "val_loss": np.where(lost, np.nan, val).astype("f4"),
              "val_metric": np.where(lost, np.nan, np.exp(-val / 2)).astype("f4"), "diverged_at": diverged, "trained": trained}
    moments = [STEPS[round(i * (len(STEPS) - 1) / (FRAMES - 1))] for i in range(FRAMES)]
    about = {"kind": "plane", "steps": moments, "extent": [-2.0, 2.0, -2.0, 2.0], "x_label": "x", "y_label": "y",
             "points": {"x": [0.5, -0.5], "y": [0.25, -1.0], "label": [1, 0]}}
    if view:
        arrays["view"] = views(shape, progress[..., [STEPS.index(m) for m in moments]], rng)
    task = {"name": "spirals", "title": "two spirals", "call": "labs.tasks.spirals()", "loss": "cross-entropy",
            "metric": "accuracy", "view": about if view else None}
    return Runs(axes, arrays, {"steps": 500, "record_steps": STEPS, "task": task, "call": "labs.sweep(…)", "device": "cpu",
                               "device_name": "CPU", "torch": "2", "engine": "eager", "seconds": 1.0, "chunks": 1})


def views(shape, progress, rng):
    """Boundaries that start as a plane and wind into a spiral of their own, (*shape, frames, SIZE, SIZE)."""
    y, x = np.meshgrid(*[np.linspace(-2, 2, SIZE)] * 2, indexing="ij")
    turn = rng.normal(size=(*shape, 1, 1, 1)) * 0.4
    spiral = np.sin(np.arctan2(y, x) - 2.5 * np.hypot(x, y) + turn)
    share = progress[..., None, None]
    return np.round(255 / (1 + np.exp(-(6 * share * spiral + (1 - share) * (x + turn * y))))).astype(np.uint8)


@pytest.fixture(scope="module")
def runs():
    return record()


@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
def test_a_loss_survives_coding_within_a_thousandth(runs, name):
    decoded = payload.decode(*payload.encode(runs, 1_000_000))[name]
    assert decoded.shape == runs.arrays[name].shape
    assert np.nanmax(np.abs(decoded / runs.arrays[name] - 1)) < 1e-3


def test_losses_of_forty_orders_of_magnitude_survive_within_a_thousandth_whatever_the_jumps(runs):
    losses = np.exp(np.random.default_rng(1).uniform(np.log(1e-36), np.log(1e5), runs.arrays["val_loss"].shape)).astype("f4")
    wild = Runs(runs.axes, {**runs.arrays, "val_loss": losses, "train_loss": losses}, runs.provenance)
    decoded = payload.decode(*payload.encode(wild, 1_000_000))["val_loss"]
    assert np.abs(decoded / losses - 1).max() < 1e-3


def test_missing_losses_are_missing_in_exactly_the_same_places(runs):
    decoded = payload.decode(*payload.encode(runs, 1_000_000))
    for name in ("train_loss", "val_loss"):
        assert np.array_equal(np.isnan(decoded[name]), np.isnan(runs.arrays[name]))
    assert np.array_equal(decoded["diverged_at"], runs.arrays["diverged_at"]) and (decoded["diverged_at"] >= 0).any()
    assert np.array_equal(decoded["trained"], runs.arrays["trained"]) and not decoded["trained"].all()


def test_the_final_metric_survives_coding(runs):
    decoded = payload.decode(*payload.encode(runs, 1_000_000))["final_metric"]
    assert np.allclose(decoded, runs.arrays["val_metric"][..., -1], atol=1e-4, equal_nan=True)


def test_views_of_the_first_seed_survive_to_half_a_grey_level(runs):
    meta, data = payload.encode(runs, 1_000_000)
    decoded = payload.decode(meta, data)["view"]
    assert meta["view"]["levels"] == 64 and meta["view"]["pixels"] == SIZE
    assert np.abs(decoded - runs.arrays["view"][..., 0, :, :, :] / 255).max() <= 0.5 / 64 + 1e-9


def test_thinned_views_fit_the_limit_keep_first_and_last_and_are_said_in_meta(runs):
    whole = len(payload.encode(runs, 1_000_000)[1])
    bare = len(payload.encode(record(view=False), 1_000_000)[1])
    meta, data = payload.encode(runs, bare + (whole - bare) // 4)
    view = meta["view"]
    assert len(data) <= bare + (whole - bare) // 4
    assert 2 <= len(view["steps"]) < view["recorded"] == FRAMES or view["pixels"] < view["recorded_pixels"]
    assert view["steps"][0] == 0 and view["steps"][-1] == 500
    assert payload.decode(meta, data)["view"].shape[-3:] == (len(view["steps"]), view["pixels"], view["pixels"])


def test_where_no_view_fits_the_losses_ship_whole_and_meta_says_so(runs):
    meta, data = payload.encode(runs, 10)
    assert meta["view"]["steps"] == [] and meta["view"]["recorded"] == FRAMES
    decoded = payload.decode(meta, data)
    assert "view" not in decoded and decoded["val_loss"].shape == runs.arrays["val_loss"].shape


def test_shrinking_a_plane_keeps_it_a_plane():
    y, x = np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 24), indexing="ij")
    small_y, small_x = np.meshgrid(np.linspace(0, 1, 16), np.linspace(0, 1, 16), indexing="ij")
    assert np.allclose(payload.shrink(3 * x + 5 * y, 16), 3 * small_x + 5 * small_y)


def test_a_negative_loss_is_refused_with_what_to_do(runs):
    arrays = {**runs.arrays, "val_loss": runs.arrays["val_loss"] - 5}
    with pytest.raises(ValueError, match="at least 0.*add a constant"):
        payload.encode(Runs(runs.axes, arrays, runs.provenance), 1_000_000)


def test_a_grid_of_6000_runs_with_views_puts_less_than_1_5_MB_into_the_page():
    runs = record(("sgd", "momentum", "rmsprop", "adam", "adamw"), rates=10, batch_sizes=(8, 32, 128, 512),
                  decays=tuple(np.linspace(0, 1e-2, 10).tolist()), seeds=3)
    explorer = Explorer(runs)
    state = {**explorer.get_state(), "payload": base64.b64encode(explorer.payload).decode()}
    assert runs.count == 6000 and len(explorer.meta["view"]["steps"]) >= 2
    assert len(json.dumps(state)) < 1_500_000
