"""Problems whose answer is the next character."""

from functools import partial

import torch.nn.functional as F

from labs import data, models
from labs.tasks.task import Task, accuracy, call_of, label_entropy

SYMBOLS = 27  # a space and 26 letters


def characters(width=16, heads=2, blocks=1, **options):
    """Predict the next character of a text, at every place, with a small transformer.

    `width`, `heads`, `blocks`: see `labs.models.Transformer`. `options` go to
    `labs.data.characters`. The loss is in nats per character.
    """
    samples = data.characters(**options)
    context = samples.train_x.shape[1]
    network = dict(width=width, heads=heads, blocks=blocks)
    return Task(
        name="characters",
        title="task.characters",
        call=call_of(characters, **network, **options),
        data=samples,
        make_model=models.tried(partial(models.Transformer, SYMBOLS, context, **network)),
        loss=_cross_entropy,
        loss_label="loss.cross_entropy",
        metric=accuracy,
        metric_label="metric.accuracy",
        constant_loss=label_entropy(samples.val_y.flatten()),
    )


def _cross_entropy(outputs, targets, label_smoothing=0.0):
    """Mean cross-entropy in nats of logits (B, T, symbols) for targets (B, T)."""
    flat = outputs.flatten(0, 1), targets.flatten()
    return F.cross_entropy(*flat, label_smoothing=label_smoothing)
