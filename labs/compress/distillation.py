"""Distillation (Hinton et al. 2015): a small model learns what a larger one says.

Shapes: `B` samples, `C` classes.
"""

import dataclasses
import math

import torch
import torch.nn.functional as F

from labs.compress.layers import evaluating, place_of


def distillation_loss(logits, labels, teacher, temperature=1.0, mixing=0.5):
    """What a student is trained with: a number in nats.

    (1 - mixing) times the cross-entropy of its `logits` (B, C) with the `labels` (B,), and mixing
    times temperature² times the divergence (Kullback-Leibler) of what it says from what the
    `teacher` (B, C), its logits, says, both softened: divided by the temperature before softmax.
    The square keeps the gradient as large as at temperature 1 (Hinton et al. 2015, section 2).
    """
    told = F.cross_entropy(logits, labels)
    soft = F.log_softmax(logits / temperature, dim=-1)
    soft_teacher = F.log_softmax(teacher / temperature, dim=-1)
    apart = (soft_teacher.exp() * (soft_teacher - soft)).sum(-1).mean()
    return (1 - mixing) * told + mixing * temperature**2 * apart


def distilled(task, teacher, temperature=4.0, mixing=0.5):
    """A task for a student: that of `task`, whose network is the student, with `teacher`'s answers.

    The teacher, a trained network of the same inputs and classes, is asked once about all samples,
    in `eval` mode and on its device, and is left as it was; its logits stand beside the labels. The
    loss is `distillation_loss`, on the validation samples too; the metric compares with the labels.
    `labs.vary` puts `temperature` and `mixing` on axes.
    Raises ValueError for a temperature that is not positive, a mixing outside of 0 to 1, a task
    whose labels are no classes, and a teacher whose answers do not fit them.
    """
    if not 0 < temperature < math.inf or not 0 <= mixing <= 1:
        raise ValueError(
            "temperature must be positive and mixing from 0 to 1, got "
            f"{temperature!r} and {mixing!r}; give 4 and 0.5, say"
        )
    labels = task.data.train_y
    if labels.ndim != 1 or labels.is_floating_point():
        raise ValueError(
            f"task: expected one class a sample, whole numbers (N,), got {labels.dtype} "
            f"{tuple(labels.shape)}; distil a task such as labs.tasks.digits()"
        )
    return dataclasses.replace(
        task,
        call=f"distilled({task.call}, teacher, {temperature!r}, {mixing!r})",
        data=_answered(task, teacher),
        loss=_Loss(temperature, mixing),
        loss_label="loss.distillation",
        metric=_OnLabels(task.metric) if task.metric else None,
        constant_loss=None,
    )


@torch.no_grad()
def _answered(task, teacher):
    """The data with targets (N, 1 + C), float32: the label, and the teacher's logits."""
    targets, samples = [], task.data
    with evaluating(task.model(0)) as student:
        classes = student(samples.train_x[:1]).shape[-1]
    for x, y in ((samples.train_x, samples.train_y), (samples.val_x, samples.val_y)):
        with evaluating(teacher):
            logits = teacher(x.to(place_of(teacher))).to(y.device)
        if logits.shape != (len(y), classes):
            raise ValueError(
                f"teacher: expected a logit for each of the student's {classes} classes, "
                f"({len(y)}, {classes}), got {tuple(logits.shape)}; give a network for this task"
            )
        if not logits.isfinite().all():
            raise ValueError(
                "teacher: expected finite logits, got some that are not; it diverged: train it "
                "with a smaller learning rate"
            )
        targets.append(torch.cat([y[:, None].float(), logits.float()], dim=1))
    return dataclasses.replace(samples, train_y=targets[0], val_y=targets[1])


@dataclasses.dataclass(frozen=True)
class _Loss:
    temperature: float
    mixing: float

    def __call__(self, outputs, targets):
        labels, teacher = targets[:, 0].long(), targets[:, 1:]
        return distillation_loss(outputs, labels, teacher, self.temperature, self.mixing)


@dataclasses.dataclass(frozen=True)
class _OnLabels:
    metric: object

    def __call__(self, outputs, targets):
        return self.metric(outputs, targets[:, 0].long())
