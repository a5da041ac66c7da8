"""What interruptions cost a long run, and how often to save: formulas, and a simulation to doubt
them by.

All times are in one unit, such as hours. `work`: of a run that nobody interrupts. `interval`: of
work between two checkpoints. `save`: to write one. `restart`: until a run is where its last
checkpoint was. `between`: the mean time between two interruptions, which come at any moment alike
(exponentially distributed), while the run restarts and saves as well. Each raises ValueError for
what cannot be.
"""

import itertools
import math

import numpy as np
import xarray as xr


def young_interval(save, between):
    """The interval that costs least, to first order: sqrt(2 save between) (Young 1974).

    A run takes at most 0.5 % longer with it than with the best interval while `save` is below a
    tenth of `between`, and 14 % longer where they are equal.
    """
    _positive(save=save, between=between)
    return math.sqrt(2 * save * between)


def daly_interval(save, between):
    """The interval that costs least, to a higher order (Daly 2006).

    A run takes at most 0.2 % longer with it than with the best interval, however long `save` is.
    """
    _positive(save=save, between=between)
    share = save / (2 * between)
    if share >= 1:
        return between
    return math.sqrt(2 * save * between) * (1 + math.sqrt(share) / 3 + share / 9) - save


def expected_time(work, interval, save, restart, between):
    """The mean time that a run takes in all (Daly 2006):
    between exp(restart / between) (exp((interval + save) / between) - 1) work / interval.

    Exact where `interval` divides `work`. Else the last part is shorter, and the formula leaves out
    a share of its checkpoint: from 20 intervals on, simulated runs take as long in the mean, within
    1 % (see the tests).
    """
    _positive(work=work, interval=interval, between=between)
    _positive(0, save=save, restart=restart)
    part = between * math.exp(restart / between) * math.expm1((interval + save) / between)
    return part * work / interval


def first_order_time(work, interval, save, restart, between):
    """The mean time that a run takes in all where interruptions are rare, the sum whose least
    `young_interval` is: work (1 + save / interval + (interval / 2 + restart) / between).

    Of each interval there is a checkpoint, of each interruption half an interval and a restart. It
    leaves out that a run may be interrupted while it restarts, or does what it had lost.
    """
    _positive(work=work, interval=interval, between=between)
    _positive(0, save=save, restart=restart)
    return work * (1 + save / interval + (interval / 2 + restart) / between)


def expected_time_with_notice(work, restart, notice, between):
    """The mean time that a run takes where each interruption is announced `notice` before, which is
    enough to save: work exp((restart + notice) / between).

    Then only restarts cost, and the time from the notice on; between interruptions there is nothing
    to save. It holds for runs of many interruptions: of the time until one, exponentially
    distributed, what is left after `restart + notice` is between exp(-(restart + notice) / between)
    in the mean. From 10 interruptions on, simulated runs take as long, within 0.5 % (see the
    tests).
    """
    _positive(work=work, between=between)
    _positive(0, restart=restart, notice=notice)
    return work * math.exp((restart + notice) / between)


def simulate(work, interval, save, restart, between, notice=0.0, runs=1000, seed=0):
    """The times that `runs` runs take, and how often each is interrupted: two arrays.

    `notice`: how long before an interruption it is announced. Where that is enough to save, a run
    saves then, and waits for its end; where not, it is of no use, and the run is back at its last
    checkpoint. The last checkpoint is the trained model. Times do not hold the waiting for another
    machine, which costs no money: add it for each interruption. Raises ValueError as well where
    runs would hardly ever get on.
    """
    _positive(work=work, interval=interval, between=between, runs=runs)
    _positive(0, save=save, restart=restart, notice=notice)
    rng, notice = np.random.default_rng(seed), notice if notice >= save else 0.0
    _gets_on(restart + (notice or min(interval, work) + save), between)
    left, times = np.full(runs, float(work)), np.zeros(runs)
    counts, start, open_ = np.zeros(runs, int), np.zeros(runs), np.arange(runs)
    while len(open_):
        life = rng.exponential(between, len(open_))  # until the next interruption
        ready = life - notice - start[open_]  # for work and checkpoints, until its notice
        parts = np.ceil(left[open_] / interval - 1e-9)
        needed = left[open_] + parts * save
        done = needed <= ready
        times[open_] += np.where(done, start[open_] + needed, life)
        saved, beyond = np.divmod(np.maximum(ready, 0.0), interval + save)
        saved = saved * interval + (np.minimum(beyond, interval) if notice else 0.0)
        left[open_] -= np.where(done, left[open_], np.minimum(saved, left[open_]))
        open_ = open_[~done]
        counts[open_] += 1
        start[open_] = restart
    return times, counts


def table(work, between, interval, save, restart, runs=500, seed=0, most=10.0):
    """Simulations and formulas for all combinations of some values, as an `xarray.Dataset`.

    Its axes are `between`, `interval`, `save` and `restart`, a list each. Its variables, as
    multiples of `work`: `time`, the mean of `runs` simulated runs; `low` and `high`, which a tenth
    of them are below and above; `formula`, `expected_time`; `first_order`. And `interruptions`,
    the mean of how often a run is interrupted. None has a number where `expected_time` is more than
    `most` times `work`: nobody would wait for these.
    """
    axes = dict(between=between, interval=interval, save=save, restart=restart)
    sizes = [len(values) for values in axes.values()]
    names = "time", "low", "high", "formula", "first_order", "interruptions"
    arrays = {name: np.full(sizes, np.nan) for name in names}
    for place in itertools.product(*map(range, sizes)):
        about = {name: float(values[i]) for (name, values), i in zip(axes.items(), place)}
        if about["interval"] + about["save"] + about["restart"] > 100 * about["between"]:
            continue  # `expected_time` might have no number
        formula = expected_time(work, **about) / work
        if formula > most:
            continue
        times, counts = simulate(work, **about, runs=runs, seed=seed)
        low, high = np.quantile(times / work, [0.1, 0.9])
        first = first_order_time(work, **about) / work
        found = (times / work).mean(), low, high, formula, first, counts.mean()
        for name, value in zip(names, found):
            arrays[name][place] = value
    return xr.Dataset({name: (list(axes), array) for name, array in arrays.items()}, axes)


def spot_pays_from(price, spot_price, work, save, restart, shortest=1e-3, longest=1e6):
    """The mean time between interruptions from which on a spot machine is the cheaper one.

    `price`, `spot_price`: for a unit of time. It saves at Daly's interval. Infinity where it never
    is within `longest`. Found by bisection, as `expected_time` falls with `between`.
    """
    _positive(price=price, spot_price=spot_price, work=work, save=save)

    def pays(between):
        interval = min(daly_interval(save, between), work)
        if (interval + save + restart) / between > 500:  # its exponential has no number
            return False
        time = expected_time(work, interval, save, restart, between)
        return spot_price * time < price * (work + save)

    if not pays(longest):
        return math.inf
    low, high = shortest, longest
    while high / low > 1.001:
        middle = math.sqrt(low * high)
        low, high = (low, middle) if pays(middle) else (middle, high)
    return high


def _gets_on(needed, between):
    """Raise ValueError where runs would hardly ever have the time that is `needed` to get on."""
    if needed > 7 * between:
        raise ValueError(
            "between must be more than a seventh of the time for a restart, an interval and its "
            f"checkpoint, {needed}, got {between}; save more often"
        )


def _positive(least=None, **values):
    """Raise ValueError for a value that is not positive, or is below `least`, or not finite."""
    for name, value in values.items():
        enough = value > 0 if least is None else value >= least
        if not (enough and math.isfinite(value)):
            words = "positive" if least is None else f"{least} or more"
            raise ValueError(f"{name} must be {words} and finite, got {value!r}")
