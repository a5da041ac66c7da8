"""The loop that trains a GPT, in the open. It goes on from its newest checkpoint.

Shapes: `B` sequences of a step, `T` tokens of each. What a step reads depends on the seed and the
number of the step alone, and nothing else is random: so a run that was killed and goes on is the
run that was not. With several processes it is the same loop: what differs then is in a team, see
`labs.gpt.parallel`.
"""

import dataclasses
import math

import torch

from labs import device as devices
from labs import scaling
from labs.engine.memory import keeps_memory
from labs.gpt.batches import Batches
from labs.gpt.measure import bits_per_byte, next_token_loss
from labs.gpt.run import Run
from labs.gpt.team import Alone

OPTIMIZERS = ("adamw", "muon")
PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
LEAST = dict(steps=1, batch_size=1, accumulate=1, evaluate_every=1, save_every=1, warmup=0, seed=0)
RANGES = {
    "learning_rate": ("positive, and finite", lambda value: 0 < value < math.inf),
    "last_rate": ("from 0 to 1", lambda value: 0 <= value <= 1),
    "weight_decay": ("0 or positive, and finite", lambda value: 0 <= value < math.inf),
    "beta1": ("at least 0 and below 1", lambda value: 0 <= value < 1),
    "beta2": ("at least 0 and below 1", lambda value: 0 <= value < 1),
    "clip": ("positive; infinity clips nothing", lambda value: value > 0),
}


@dataclasses.dataclass(frozen=True)
class Pretraining:
    """How to train. Raises ValueError for an impossible value.

    `batch_size`: sequences a step; they pass through the model in `accumulate` equal parts, whose
    gradients are added. `optimizer`: see `optimizers_of`. `learning_rate`: the largest; it rises
    for `warmup` steps and falls along half a cosine to `last_rate` times that. `clip`: the largest
    norm of the gradient (Pascanu et al. 2013). `precision`: "fp32", "bf16", "fp16", or "auto" for
    what the chip does best. `compile`: whether torch.compile makes the model faster, for a minute
    at the start; None does so on CUDA. `recompute`: see `GPT.forward`. `evaluate_every`,
    `save_every`: steps.
    """

    steps: int = 1000
    batch_size: int = 16
    accumulate: int = 1
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    warmup: int = 50
    last_rate: float = 0.1
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    clip: float = 1.0
    precision: str = "auto"
    compile: bool | None = None
    recompute: bool = False
    evaluate_every: int = 250
    save_every: int = 250
    seed: int = 0

    def __post_init__(self):
        for name, least in LEAST.items():
            value = getattr(self, name)
            if type(value) is not int or value < least:
                raise ValueError(
                    f"{name} must be a whole number of at least {least}, got {value!r}"
                )
        for name, (words, fits) in RANGES.items():
            if not fits(getattr(self, name)):
                raise ValueError(f"{name} must be {words}, got {getattr(self, name)!r}")
        if self.batch_size % self.accumulate:
            raise ValueError(
                "accumulate must divide batch_size, got "
                f"{self.accumulate} and {self.batch_size}; the parts of a batch are equal"
            )
        for name, known in (("precision", ("auto", *PRECISIONS)), ("optimizer", OPTIMIZERS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name} must be one of {list(known)}, got {getattr(self, name)!r}"
                )

    def rate(self, step):
        """The learning rate of `step`, which counts from 0."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        share = self.last_rate + (1 - self.last_rate) * (1 + math.cos(math.pi * done)) / 2
        return self.learning_rate * share


@dataclasses.dataclass(frozen=True)
class Progress:
    """What is known after `step` steps.

    `loss`: the training loss of each step since the last Progress, nats per token, a tensor.
    `evaluations`: [step, bits per byte of the held-out documents], of all until now.
    `bits_per_byte`: the last of them. `tokens_per_second`: of training alone. `mfu`: the
    share of the device's peak FLOP/s that 6 FLOPs per parameter and token come to; of the data
    sheet's peak where it is known, else of one that is measured (`labs.device.peak`).
    """

    step: int
    loss: torch.Tensor
    evaluations: list
    tokens_per_second: float
    mfu: float

    @property
    def bits_per_byte(self):
        """Of the held-out documents."""
        return self.evaluations[-1][1]


def optimizers_of(model, config):
    """The optimizers, each for its part of the parameters.

    "adamw": AdamW in one fused pass; weight decay for matrices only, not for biases and norms (as
    Brown et al. 2020 do). "muon": Muon (Jordan et al. 2024) for the matrices of the blocks, AdamW
    for all else. Its steps are made as large as AdamW's (Liu et al. 2025), so one rate does for
    both.
    """
    how = {"lr": config.learning_rate, "weight_decay": config.weight_decay}
    optimizers, matrices = [], [p for p in model.parameters() if p.ndim == 2]
    if config.optimizer == "muon":
        inner = [p for p in model.blocks.parameters() if p.ndim == 2]
        optimizers.append(torch.optim.Muon(inner, **how, adjust_lr_fn="match_rms_adamw"))
        matrices = [model.tokens.weight, model.positions.weight]
    others = {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0}
    betas = config.beta1, config.beta2
    groups = [{"params": matrices}, others]
    return [*optimizers, torch.optim.AdamW(groups, **how, betas=betas, fused=True)]


@keeps_memory
def pretrain(model, tokens, config, folder=None, tokenizer=None, device=None, stop=None, team=None):
    """Train `model` on `tokens.train`; yield a `Progress` once in a while. To stop, stop asking.

    `folder`: where checkpoints are kept, with `tokenizer`. If there are any, training goes on from
    the newest, and the first Progress has all losses until then; where that one is of the last
    step, there is nothing to do but to tell of it. `stop`: asked after each step; where it says
    True, that step is saved, and training ends there. `team`: the processes that train together,
    see `labs.gpt.parallel.joined`; by default this one. Raises, when the first Progress is asked
    for, ValueError for a text that is too short or not of the model's tokens, for what the team
    cannot train, and where the newest checkpoint is damaged, or of another model, corpus or config;
    OSError where another run uses the folder, and later where a checkpoint cannot be written, when
    the one before still stands.
    """
    team = team or Alone()
    with team.together():
        device = team.device_of(device)
        dtype = _dtype(config, device)
        team.refuse(model.shape, config, dtype)
        batches = Batches(tokens.train, model.shape.context, config.batch_size, config.seed)
    cast = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
    flops_of_token = scaling.training_flops(model.count(), 1)
    model = team.lay_out(model, device)
    fast = device.type == "cuda" if config.compile is None else config.compile
    loss_of = torch.compile(_loss_of) if fast else _loss_of
    optimizers = optimizers_of(model, config)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    peak, _ = devices.peak(device, dtype)
    tokens_of_step = config.batch_size * model.shape.context
    with Run(model, tokens, config, optimizers, scaler, folder, tokenizer, team) as run:

        def news(steps_per_second):
            speed = steps_per_second * tokens_of_step
            share = flops_of_token * speed / (peak * team.world)
            return Progress(run.step, run.untold(), list(run.evaluations), speed, share)

        if run.step == config.steps:
            yield news(run.step / run.seconds)
        while run.step < config.steps:
            for group in (group for optimizer in optimizers for group in optimizer.param_groups):
                group["lr"] = config.rate(run.step)
            model.zero_grad()
            loss = 0.0
            rows = (team.rows(part).chunk(config.accumulate) for part in batches[run.step])
            for x_BT, y_BT in zip(*rows):
                with cast:
                    part = loss_of(model, x_BT.to(device), y_BT.to(device), config.recompute)
                    part = part / config.accumulate
                scaler.scale(part).backward()
                loss += part.detach()
            loss = team.average(model, loss)
            for optimizer in optimizers:
                scaler.unscale_(optimizer)
            team.clip(model, config.clip)
            for optimizer in optimizers:
                scaler.step(optimizer)
            scaler.update()
            run.count(loss)
            told = None
            if run.is_due(config.evaluate_every):  # once in a while: evaluate
                with run.paused() as speed, cast:
                    run.evaluations.append([run.step, bits_per_byte(model, tokens)])
                    told = news(speed)
            ends = team.any(stop is not None and stop())
            if folder and (ends or run.is_due(config.save_every)):  # save
                with run.paused():
                    run.save()
            if told:  # and tell
                with run.paused():
                    yield told
            if ends:
                return


def _loss_of(model, x_BT, y_BT, recompute):
    """The loss of a part of a batch: one function, so that it is compiled as a whole."""
    return next_token_loss(model(x_BT, recompute=recompute), y_BT)


def _dtype(config, device):
    """The type to multiply in, by name or by chip."""
    if config.precision == "auto":
        return devices.precision_of(device)
    return PRECISIONS[config.precision]
