"""The labs of Large Models in Practice: train many runs at once, and look at them.

What is named below is imported when it is first used: reading a record imports no torch.
"""

import importlib

_HOMES = {
    "Explorer": "labs.widgets.explorer",
    "Grid": "labs.grid",
    "Predictions": "labs.widgets.predictions",
    "Question": "labs.widgets.question",
    "Talk": "labs.widgets.talk",
    "TrainConfig": "labs.training",
    "live": "labs.widgets.live",
    "load": "labs.record",
    "logspace": "labs.grid",
    "save": "labs.record",
    "spread": "labs.claims",
    "sweep": "labs.engine.sweep",
    "train": "labs.training",
    "vary": "labs.grid",
}
_MODULES = (
    "checkup",
    "chips",
    "claims",
    "compress",
    "data",
    "device",
    "evaluate",
    "figures",
    "gpt",
    "interruptions",
    "landmarks",
    "letters",
    "models",
    "optimizers",
    "prices",
    "record",
    "scaling",
    "settings",
    "tasks",
    "views",
)
__all__ = sorted([*_HOMES, *_MODULES])


def __getattr__(name):
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _MODULES:
        return importlib.import_module(f"labs.{name}")
    raise AttributeError(f"labs has no {name!r}; expected one of {', '.join(__all__)}")


def __dir__():
    return __all__
