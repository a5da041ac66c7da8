"""What the live panel says of a run, as one sentence."""

from labs import settings, words


def sentence(what, task, config, point, facts):
    """The sentence "live.<what>" of the table of words.

    `config`: the setting that trains, or None. `point`: the latest that was measured, or None.
    `facts`: what else the sentence names; they win over the point's.
    """
    if point is not None:
        facts = point._asdict() | {"score": _score(task, point)} | facts
    if config is not None:
        facts = facts | {"steps": config.steps, "setting": setting_text(config)}
    return words.text(f"live.{what}", **{name: _number(fact) for name, fact in facts.items()})


def setting_text(config):
    """The setting in words: what is on a list or a logarithmic scale, and what else is not at its
    default.
    """
    told = []
    for name, setting in settings.SETTINGS.items():
        value = getattr(config, name)
        always = setting.choices or setting.scale == settings.LOG
        if setting.axis and (always or value != setting.default):
            told.append(f"{words.label(f'axis.{name}')} {_number(value)}")
    return ", ".join(told)


def _score(task, point):
    """What the task's metric says, where it has one."""
    if point.val_metric is None:
        return ""
    value = _number(point.val_metric)
    return words.text("live.score", metric=words.label(task.metric_label), val_metric=value)


def _number(value):
    return f"{value:.3g}" if isinstance(value, float) else value
