"""The loop that trains a GPT, in the open. It goes on from its newest checkpoint.

Shapes: `B` sequences of a step, `T` tokens of each. What a step reads depends on the seed and the
number of the step alone, and nothing else is random: so a run that was killed and goes on is the
run that was not.
"""

import dataclasses
import math
import os

import torch
from tqdm.auto import tqdm

from labs import device as devices
from labs import scaling
from labs.gpt.batches import Batches
from labs.gpt.measure import bits_per_byte, next_token_loss
from labs.gpt.run import Run

PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclasses.dataclass(frozen=True)
class Pretraining:
    """How to train. Raises ValueError for an impossible value.

    `batch_size`: sequences a step; they pass through the model in `accumulate` equal parts, whose
    gradients are added. `learning_rate`: the largest; it rises for `warmup` steps and falls along
    half a cosine to `last_rate` times that. `clip`: the largest norm of the gradient (Pascanu et
    al. 2013). `precision`: "fp32", "bf16", "fp16", or "auto" for what the chip does best.
    `compile`: whether torch.compile makes the model faster, for a minute at the start; None does so
    on CUDA. `recompute`: see `GPT.forward`. `evaluate_every`, `save_every`: steps.
    """

    steps: int = 1000
    batch_size: int = 16
    accumulate: int = 1
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
        for name in ("steps", "batch_size", "accumulate", "evaluate_every", "save_every"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)!r}")
        if self.batch_size % self.accumulate:
            raise ValueError(
                "accumulate must divide batch_size, got "
                f"{self.accumulate} and {self.batch_size}; the parts of a batch are equal"
            )
        if self.precision not in ("auto", *PRECISIONS):
            raise ValueError(
                f"precision must be one of {['auto', *PRECISIONS]}, got {self.precision!r}"
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
    `bits_per_byte`: of the held-out documents. `tokens_per_second`: of training alone. `mfu`: the
    share of the device's peak FLOP/s that 6 FLOPs per parameter and token come to; of the data
    sheet's peak where it is known, else of one that is measured (`labs.device.peak`).
    """

    step: int
    loss: torch.Tensor
    bits_per_byte: float
    tokens_per_second: float
    mfu: float


def optimizer_of(model, config):
    """AdamW in one fused pass; weight decay for matrices only, not for biases and norms (as Brown
    et al. 2020 do).
    """
    matrices = [p for p in model.parameters() if p.ndim == 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}]
    groups += [{"params": others, "weight_decay": 0.0}]
    betas = config.beta1, config.beta2
    return torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)


def pretrain(model, tokens, config, folder=None, tokenizer=None, device=None):
    """Train `model` on `tokens.train`; yield a `Progress` once in a while. To stop, stop asking.

    `folder`: where checkpoints are kept, with `tokenizer`. If there are any, training goes on from
    the newest, and the first Progress has all losses until then. Raises ValueError where that one
    is damaged, or of another model, corpus or config; OSError where a new one cannot be written,
    when the one before still stands.
    """
    device = devices.device_of(device)
    dtype = _dtype(config, device)
    model = model.to(device).train()
    optimizer = optimizer_of(model, config)
    scaler = torch.amp.GradScaler(device.type, enabled=dtype == torch.float16)
    run = Run(model, tokens, config, optimizer, scaler, folder, tokenizer)
    batches = Batches(tokens.train, model.shape.context, config.batch_size, config.seed)
    fast = device.type == "cuda" if config.compile is None else config.compile
    forward = torch.compile(model) if fast else model
    cast = torch.autocast(device.type, dtype, enabled=dtype != torch.float32)
    peak, _ = devices.peak(device, dtype)
    bar = _bar(run.step, config)
    run.go()
    while run.step < config.steps:
        for group in optimizer.param_groups:
            group["lr"] = config.rate(run.step)
        loss = 0.0
        for x_BT, y_BT in zip(*(part.chunk(config.accumulate) for part in batches[run.step])):
            with cast:
                logits_BTV = forward(x_BT.to(device), recompute=config.recompute)
                part = next_token_loss(logits_BTV, y_BT.to(device)) / config.accumulate
            scaler.scale(part).backward()
            loss += part.detach()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad()
        run.count(loss)
        bar.update()
        if run.is_due(config.evaluate_every):  # once in a while: evaluate, and tell
            speed = run.pause() * config.batch_size * model.shape.context
            with cast:
                bits = bits_per_byte(model, tokens)
            share = scaling.training_flops(model.count(), speed) / peak
            yield Progress(run.step, run.evaluated(bits), bits, speed, share)
            run.go()
        if folder and run.is_due(config.save_every):  # and save
            run.pause()
            run.save()
            run.go()
    bar.close()


def _dtype(config, device):
    """The type to multiply in, by name or by chip."""
    if config.precision == "auto":
        return devices.precision_of(device)
    return PRECISIONS[config.precision]


def _bar(step, config):
    off = os.environ.get("LABS_PROGRESS") == "off"
    return tqdm(total=config.steps, initial=step, unit="step", disable=off)
