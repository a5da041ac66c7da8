"""The coded record: what goes into a page comes out of it."""

import base64
import json

import numpy as np
import pytest

from labs import record as records
from labs.widgets import coding, contents, frames, payload
from labs.widgets.explorer import Explorer

STEPS = sorted({0, *np.geomspace(1, 500, 33).round().astype(int).tolist()})
SIZE, FRAMES = 24, 6
POINTS = [[0.5, 0.25, 1], [-0.5, -1.0, 0]]
CALL = (
    "labs.sweep(labs.tasks.spirals(), labs.Grid(optimizer=[{optimizer}], "
    "learning_rate=[{learning_rate}], batch_size=[{batch_size}], weight_decay=[{weight_decay}], "
    "l2=[{l2}], seed=[{seed}]), steps=500)"
)


def axis(name, values, scale="category", control="slider", repeats=False):
    return records.Axis(name, f"axis.{name}", tuple(values), scale, control, repeats)


def record(
    optimizers=("sgd", "adam"),
    rates=6,
    batch_sizes=(8, 32),
    decays=(0.0, 1e-3),
    seeds=3,
    view=True,
    before=(),
):
    """Curves shaped like those of a sweep: they fall, bounce, over-fit or diverge; one run was not
    trained. `before`: axes that come first, as those of a task do."""
    rng = np.random.default_rng(0)
    rate_values = tuple(float(f"{v:.3g}") for v in np.geomspace(1e-3, 1, rates))
    axes = (
        *before,
        axis("optimizer", optimizers, control="list"),
        axis("learning_rate", rate_values, "log"),
        axis("batch_size", batch_sizes, "log"),
        axis("weight_decay", decays),
        axis("l2", (0.0,)),
        axis("seed", range(seeds), control="list", repeats=True),
    )
    shape = tuple(len(axis.values) for axis in axes)
    rate = np.log10(np.array(rate_values)).reshape(-1, 1, 1, 1, 1)
    rate = (rate + rng.normal(size=shape) * 0.1)[..., None]
    steps = np.array(STEPS, float)
    progress = 1 - np.exp(-steps * 10.0**rate / 3)
    noise = rng.normal(size=(*shape, len(STEPS)))
    train = 0.7 * np.exp(-3 * progress + noise * (0.02 + 0.1 * np.maximum(0, rate + 1.5)))
    val = train * (1.05 + 0.5 * progress * steps / 500)
    val = val * np.exp(rng.normal(size=train.shape) * 0.02)
    diverged = np.where(rate[..., 0] > -0.3, rng.integers(2, 400, shape), -1).astype(np.int32)
    trained = np.ones(shape, bool)
    trained[(-1,) * len(before) + (-1, 0, 0, 0, 0, -1)] = False
    lost = (diverged[..., None] >= 0) & (steps >= diverged[..., None]) | ~trained[..., None]
    along = lambda values: (("step",), np.where(lost, np.nan, values).astype("f4"))
    arrays = {
        "train_loss": along(train),
        "val_loss": along(val),
        "val_metric": along(np.exp(-val / 2)),
        "diverged_at": ((), diverged),
        "trained": ((), trained),
    }
    task = {"name": "spirals", "title": "two spirals", "loss": "cross-entropy"}
    attrs = {"steps": 500, "task": {**task, "metric": "accuracy"}, "run_call": CALL}
    runs = records.make(axes, arrays, attrs, {"step": STEPS})
    return with_view(runs, progress, rng) if view else runs


def with_view(runs, progress, rng):
    """The record with a plane recorded at a few moments, and two points to draw."""
    moments = [STEPS[round(i * (len(STEPS) - 1) / (FRAMES - 1))] for i in range(FRAMES)]
    names = [axis.name for axis in records.axes(runs)]
    shape = tuple(runs.sizes[name] for name in names)
    images = views(shape, progress[..., [STEPS.index(m) for m in moments]], rng)
    runs = runs.assign_coords(moment=moments, column=["x", "y", "label"])
    runs["view"] = ([*names, "moment", "y", "x"], images)
    runs["samples"] = (("sample", "column"), np.array(POINTS, "f4"))
    extent = [-2.0, 2.0, -2.0, 2.0]
    runs.attrs["view"] = {"kind": "plane", "extent": extent, "x_label": "x", "y_label": "y"}
    return runs


def views(shape, progress, rng):
    """Boundaries that start as a plane and wind into a spiral of their own, (*shape, frames, SIZE,
    SIZE).
    """
    y, x = np.meshgrid(*[np.linspace(-2, 2, SIZE)] * 2, indexing="ij")
    turn = rng.normal(size=(*shape, 1, 1, 1)) * 0.4
    spiral = np.sin(np.arctan2(y, x) - 2.5 * np.hypot(x, y) + turn)
    share = progress[..., None, None]
    z = 6 * share * spiral + (1 - share) * (x + turn * y)
    return np.round(255 / (1 + np.exp(-z))).astype(np.uint8)


def encode(runs, limit=1_000_000):
    return payload.encode(contents.read(runs), limit)


def decode(runs, limit=1_000_000):
    return payload.decode(*encode(runs, limit))


@pytest.fixture(scope="module")
def runs():
    return record()


@pytest.mark.parametrize("name", ["train_loss", "val_loss"])
def test_a_loss_survives_coding_within_a_thousandth(runs, name):
    decoded = decode(runs)[name]
    assert decoded.shape == runs[name].shape
    assert np.nanmax(np.abs(decoded / runs[name].values - 1)) < 1e-3


def test_losses_of_forty_orders_of_magnitude_survive_within_a_thousandth_whatever_the_jumps(runs):
    logs = np.random.default_rng(1).uniform(np.log(1e-36), np.log(1e5), runs.val_loss.shape)
    losses = np.exp(logs).astype("f4")
    wild = runs.assign(val_loss=runs.val_loss.copy(data=losses))
    decoded = decode(wild)["val_loss"]
    assert np.abs(decoded / losses - 1).max() < 1e-3


def test_missing_losses_are_missing_in_exactly_the_same_places(runs):
    decoded = decode(runs)
    for name in ("train_loss", "val_loss"):
        assert np.array_equal(np.isnan(decoded[name]), np.isnan(runs[name]))
    assert np.array_equal(decoded["diverged_at"], runs.diverged_at)
    assert np.array_equal(decoded["trained"], runs.trained)
    assert (decoded["diverged_at"] >= 0).any() and not decoded["trained"].all()


def test_of_the_metric_the_final_value_ships(runs):
    final = runs.val_metric.isel(step=-1)
    assert np.array_equal(decode(runs)["val_metric"], final, equal_nan=True)


@pytest.mark.parametrize("size", [1.0, 1e9, 1e-30, 1e60])
def test_other_numbers_ship_to_seven_digits_whatever_their_size_and_sign(runs, size):
    values = np.random.default_rng(2).normal(size=runs.trained.shape) * size
    values[0, 0] = np.nan
    decoded = decode(runs.assign(extra=(runs.trained.dims, values)))["extra"]
    assert np.allclose(decoded, values, rtol=1e-7, atol=0, equal_nan=True)


def test_a_number_without_some_axis_is_repeated_along_it(runs):
    prices = np.arange(2.0)
    decoded = decode(runs.assign(price=("batch_size", prices)))["price"]
    expected = prices.reshape(2, 1, 1, 1)
    assert np.array_equal(decoded, np.broadcast_to(expected, runs.trained.shape))


def test_views_of_the_first_of_the_repetitions_survive_to_half_a_grey_level(runs):
    meta, data = encode(runs)
    decoded = payload.decode(meta, data)["view"]
    assert meta["view"]["levels"] == 64 and meta["view"]["pixels"] == SIZE
    first = runs.view.isel(seed=0).values
    assert np.abs(decoded - first / 255).max() <= 0.5 / 64 + 1e-9


def test_thinned_views_fit_the_limit_keep_first_and_last_and_are_said_in_meta(runs):
    whole, bare = len(encode(runs)[1]), len(encode(record(view=False))[1])
    limit = bare + (whole - bare) // 4
    meta, data = encode(runs, limit)
    view = meta["view"]
    assert len(data) <= limit
    fewer = 2 <= len(view["steps"]) < view["recorded"] == FRAMES
    assert fewer or view["pixels"] < view["recorded_pixels"]
    assert view["steps"][0] == 0 and view["steps"][-1] == 500
    shape = payload.decode(meta, data)["view"].shape[-3:]
    assert shape == (len(view["steps"]), view["pixels"], view["pixels"])


def test_where_no_view_fits_the_losses_ship_whole_and_meta_says_so(runs):
    meta, data = encode(runs, 10)
    assert meta["view"]["steps"] == [] and meta["view"]["recorded"] == FRAMES
    decoded = payload.decode(meta, data)
    assert "view" not in decoded and decoded["val_loss"].shape == runs.val_loss.shape


def test_the_samples_of_a_view_ship_for_every_task_and_say_which_axes_they_depend_on():
    noisy = record(rates=2, before=(axis("noise", (0.0, 0.5)),))
    points = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("f4")
    points[1, 3:] = np.nan
    noisy["samples"] = (("noise", "sample", "column"), points)
    meta, data = encode(noisy)
    assert meta["view"]["sample_axes"] == ["noise"]
    assert meta["view"]["columns"] == ["x", "y", "label"]
    assert np.array_equal(payload.decode(meta, data)["samples"], points, equal_nan=True)


def test_samples_that_are_the_same_along_an_axis_ship_once():
    tasks = (axis("width", (8, 16)), axis("noise", (0.0, 0.5)))
    wide = record(rates=2, before=tasks)
    points = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("f4")
    points[1, 3:] = np.nan
    wide["samples"] = (("width", "noise", "sample", "column"), np.stack([points] * 2))
    meta, data = encode(wide)
    assert meta["view"]["sample_axes"] == ["noise"]
    assert np.array_equal(payload.decode(meta, data)["samples"], points, equal_nan=True)


def test_of_very_many_samples_a_page_holds_a_draw_and_says_so(runs):
    many = np.random.default_rng(0).normal(size=(5000, 3)).astype("f4")
    meta, data = encode(runs.drop_vars("samples").assign(samples=(("sample", "column"), many)))
    kept = payload.decode(meta, data)["samples"]
    assert meta["view"]["samples"] == len(kept) == frames.MOST_SAMPLES
    assert meta["view"]["recorded_samples"] == 5000
    assert {tuple(row) for row in kept} <= {tuple(row) for row in many}


def test_a_view_of_one_dimension_ships_as_one_row(runs):
    lines = runs.drop_vars("view").assign(view=runs.view.isel(y=0))
    meta, data = encode(lines)
    decoded = payload.decode(meta, data)["view"]
    assert decoded.shape[-2:] == (1, SIZE)
    first = lines.view.isel(seed=0).values
    assert np.abs(decoded[..., 0, :] - first / 255).max() <= 0.5 / 64 + 1e-9


def test_shrinking_a_plane_keeps_it_a_plane():
    y, x = np.meshgrid(np.linspace(0, 1, 24), np.linspace(0, 1, 48), indexing="ij")
    low_y, low_x = np.meshgrid(np.linspace(0, 1, 8), np.linspace(0, 1, 16), indexing="ij")
    assert np.allclose(frames.shrink(3 * x + 5 * y, 16), 3 * low_x + 5 * low_y)


def test_a_negative_loss_is_refused_with_what_to_do(runs):
    with pytest.raises(ValueError, match="at least 0.*add a constant"):
        encode(runs.assign(val_loss=runs.val_loss - 5))


def test_losses_that_are_all_zero_stay_next_to_zero(runs):
    decoded = decode(runs.assign(val_loss=runs.val_loss * 0, train_loss=runs.train_loss * 0))
    assert np.nanmax(decoded["val_loss"]) <= 2 * coding.LEAST


def test_a_grid_of_6000_runs_with_views_puts_less_than_1_5_MB_into_the_page():
    runs = record(
        ("sgd", "momentum", "rmsprop", "adam", "adamw"),
        rates=10,
        batch_sizes=(8, 32, 128, 512),
        decays=tuple(np.linspace(0, 1e-2, 10).tolist()),
        seeds=3,
    )
    explorer = Explorer(runs)
    state = {**explorer.get_state(), "payload": base64.b64encode(explorer.payload).decode()}
    assert runs.trained.size == 6000 and len(explorer.meta["view"]["steps"]) >= 2
    assert len(json.dumps(state)) < 1_500_000
