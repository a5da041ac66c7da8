"""The labs of Large Models in Practice: train many runs at once, and look at them."""
from labs import data, device, figures, models, optimizers, tasks
from labs.grid import Grid, logspace
from labs.runs import Axis, Runs
from labs.sweep import sweep
from labs.train import TrainConfig, train
from labs.widgets import Explorer, live

__all__ = ["Axis", "Explorer", "Grid", "Runs", "TrainConfig", "data", "device", "figures", "live", "logspace", "models",
           "optimizers", "sweep", "tasks", "train"]
