"""Which optimizer a sweep speaks for, and which it cannot tell from the best."""

import dataclasses

import numpy as np
from scipy import stats

from labs import record, words
from labs.labels import axis_labels

FEWEST = 6  # repeats: three to choose a setting, three to compare
LEVEL = 0.95  # of the intervals


@dataclasses.dataclass(frozen=True)
class Row:
    """One optimizer at its best setting.

    `setting`: {axis: value} of the axes that vary. `losses`: those of the repeats that were not
    used to choose it, NaN where one diverged. `behind`: the mean of their differences from the
    best's, and the ends of its interval: (value, low, high). `verdict`: "best", "tie", "behind" or
    "diverged". `edges`: axes of numbers at whose end the setting lies.
    """

    name: str
    setting: dict
    losses: np.ndarray
    behind: tuple
    verdict: str
    edges: tuple


@dataclasses.dataclass(frozen=True)
class Choice:
    """What `choose_optimizer` found: the best, those that are tied with it, and all rows."""

    best: str
    tied: tuple
    rows: tuple

    def __str__(self):
        lines = [_line(row) for row in self.rows]
        names = [self.best, *self.tied]
        key = "checkup.tied" if self.tied else "checkup.best"
        lines.append(words.text(key, best=self.best, names=words.listed(names)))
        edges = [row.name for row in self.rows if row.edges and row.verdict != "diverged"]
        if edges:
            lines.append(words.text("checkup.edges", names=words.listed(edges)))
        return "\n".join(lines)


def choose_optimizer(runs, series="val_loss", axis="optimizer"):
    """Compare the optimizers of a sweep, each at its own best setting, and say which ones tie.

    `runs`: a record with an axis of optimizers and one of repeats, such as seeds. Every second
    repeat chooses the settings, by the lowest final mean of `series`, and the others compare: so
    no optimizer gains by luck of its choice. A setting of which a run diverged is not chosen, while
    there are others. Differences are taken repeat by repeat; an optimizer is behind where their
    95 % interval (Student's t) lies above zero, else it ties. `axis` may be any axis of kinds.

    Returns a `Choice`, best first. Raises ValueError where the record has fewer than two
    optimizers or than six repeats, lacks `series` or says that more of it is better, or where every
    setting has a diverged run.
    """
    names, settings, table = _table(runs, series, axis)
    whole = np.isfinite(table).all(-1)
    chosen = np.where(whole, np.where(whole[..., None], table, 0)[..., 0::2].mean(-1), np.nan)
    at = [int(np.nanargmin(row)) if np.isfinite(row).any() else 0 for row in chosen]
    lowest = np.array([row[i] for row, i in zip(chosen, at)])
    if not np.isfinite(lowest).any():
        raise ValueError(
            f"expected a setting of which every run has a number, got none of {table[0].shape[0]}; "
            "all diverged: sweep smaller learning rates"
        )
    best = int(np.nanargmin(lowest))
    judged = table[np.arange(len(names)), at][:, 1::2]
    rows = [
        _row(names[i], settings[at[i]], judged[i], judged[best], i == best, runs, lowest[i])
        for i in np.argsort(lowest)
    ]
    tied = tuple(row.name for row in rows if row.verdict == "tie")
    return Choice(names[best], tied, tuple(rows))


def _table(runs, series, axis):
    """Names, settings (S dicts) and final values (names, S, repeats)."""
    if series not in runs:
        raise ValueError(
            f"series: expected a variable of the record, one of {list(runs.data_vars)}, got "
            f"{series!r}; check the spelling"
        )
    usual = "higher" if series == "val_metric" else "lower"
    if runs[series].attrs.get("better", usual) == "higher":
        raise ValueError(
            f"series: expected a loss, of which less is better, got {series!r}; give 'val_loss', "
            "or what it lacks, such as 1 - accuracy"
        )
    runs = record.whole(runs)
    axes = {a.name: a for a in record.axes(runs)}
    kinds = axes[axis].values if axis in axes else ()
    if len(kinds) < 2:
        raise ValueError(
            f"expected at least two values on the axis {axis!r}, got {list(kinds)}; sweep with "
            'labs.Grid(optimizer=["sgd", "adam"], …)'
        )
    repeats = [name for name, a in axes.items() if a.repeats]
    count = int(np.prod([len(axes[name].values) for name in repeats]))
    if count < FEWEST:
        raise ValueError(
            f"expected at least {FEWEST} repeats, half of them to choose and half to compare, got "
            f"{count}; sweep with seed=range(8)"
        )
    others = [name for name in axes if name not in (axis, *repeats)]
    final = runs[series].isel(step=-1, missing_dims="ignore").transpose(axis, *others, *repeats)
    grids = np.meshgrid(*(range(len(axes[n].values)) for n in others), indexing="ij")
    places = zip(*(grid.ravel() for grid in grids)) if others else [()]
    settings = [{n: axes[n].values[i] for n, i in zip(others, place)} for place in places]
    return kinds, settings, final.values.reshape(len(kinds), len(settings), count)


def _row(name, setting, losses, of_best, is_best, runs, lowest):
    axes = {a.name: a for a in record.axes(runs) if a.name in setting and len(a.values) > 1}
    shown = {n: setting[n] for n in axes}
    edges = tuple(
        n for n, a in axes.items() if a.scale != "category" and setting[n] in _ends(a.values)
    )
    apart = losses - of_best
    mean, by = float(apart.mean()), 0.0
    if np.isfinite(apart).all():
        by = stats.t.ppf((1 + LEVEL) / 2, len(apart) - 1) * apart.std(ddof=1) / len(apart) ** 0.5
    behind = (mean, mean - float(by), mean + float(by))
    if not np.isfinite([lowest, mean]).all():
        verdict = "diverged"
    elif is_best:
        verdict = "best"
    else:
        verdict = "behind" if behind[1] > 0 else "tie"
    return Row(name, shown, losses, behind, verdict, edges)


def _ends(values):
    return min(values), max(values)


def _line(row):
    told = [f"{words.label(f'axis.{n}')} {axis_labels([v])[0]}" for n, v in row.setting.items()]
    said = {"name": row.name, "setting": words.listed(told)}
    if not told:
        said["setting"] = "–"
    if row.verdict == "diverged":
        return words.text("checkup.row_diverged", **said)
    said |= {"loss": f"{np.mean(row.losses):.3g}"}
    if row.verdict == "best":
        return words.text("checkup.row_best", **said)
    value, low, high = (f"{number:.2g}" for number in row.behind)
    return words.text(f"checkup.row_{row.verdict}", **said, value=value, low=low, high=high)
