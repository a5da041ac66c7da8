"""What the live panel says of a run, as one sentence."""

import html
import math

from labs import settings, words
from labs.labels import axis_labels
from labs.widgets import numbers

LOSSES = ("train_loss", "val_loss", "loss")


def sentence(what, task, config, point, facts):
    """The sentence "live.<what>" of the table of words.

    `config`: the setting that trains, or None. `point`: the latest that was measured, or None.
    `facts`: what else the sentence names; they win over the point's.
    """
    if point is not None:
        facts = point._asdict() | {"metric": words.label(task.metric_label)} | facts
        scored = what == "done" and point.val_metric is not None
        what = "done_score" if scored else what
    if config is not None:
        facts = facts | {"steps": config.steps, "setting": setting_text(config)}
    return words.text(f"live.{what}", **{name: _number(name, fact) for name, fact in facts.items()})


def paragraph(kind, text):
    """A sentence for an HTML widget; `kind` says what it is of, to whoever reads the page."""
    style = "margin: 4px 0; line-height: 1.4"
    return f'<p style="{style}" data-status="{kind}">{html.escape(text)}</p>'


def setting_text(config):
    """The setting in words: the usual settings on a list or a logarithmic scale, and what else is
    not at its default.
    """
    told = []
    for name, setting in settings.SETTINGS.items():
        value = getattr(config, name)
        always = not setting.extra and (setting.choices or setting.scale == settings.LOG)
        if setting.axis and (always or value != setting.default):
            told.append(f"{words.label(f'axis.{name}')} {axis_labels([value])[0]}")
    return words.listed(told)


def _number(name, fact):
    """A fact as the explorer writes it; a loss that is not finite is named, for it is the news."""
    if isinstance(fact, int):
        return numbers.count(fact)
    if not isinstance(fact, float):
        return fact
    if name in LOSSES:
        return numbers.loss(fact) if math.isfinite(fact) else str(fact)
    return numbers.number(fact)
