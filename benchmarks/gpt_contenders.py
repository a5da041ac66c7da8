"""Ways to train a GPT, and to let one write.

Each is a function of a workload's `Job` and `turn`. It works without end, a part at a time: when a
part is done it calls `turn(parts)` with what it found, which stops the clock, waits until it is its
turn again, and starts the clock.

Shapes: `B` sequences, `T` tokens.
"""

import functools
import time

import torch
import transformers

from labs.gpt import batches, corpus, folder, model, pretrain
from labs.gpt.generate import generate

DRAWN = {"greedy": {"temperature": 0}, "sampled": {"temperature": 0.8, "top_k": 50}}
"""How the next token is chosen."""


class Job:
    """What all contenders of a workload share: the first weights, in Hugging Face's format in
    `path`, the text, and the settings.
    """

    def __init__(self, workload, path, turns):
        self.work, self.path, self.turns = workload, path, turns
        self.steps = workload.part * turns

    @functools.cached_property
    def tokens(self):
        """The bytes of the standard library's source, as token ids."""
        text = "".join(corpus.standard_library().train.values())[:2_000_000]
        ids = torch.frombuffer(bytearray(text.encode()), dtype=torch.uint8).int()
        val = ids[: self.work.shape.context + 1]  # labs.gpt.pretrain looks at it after each part
        return corpus.Tokens(ids, val, len(val), ("bytes of the standard library", "none"))

    def batches(self):
        """What each step reads, (B, T) and the tokens after each: drawn before the clock runs."""
        found = batches.Batches(self.tokens.train, self.work.shape.context, self.work.batch_size, 0)
        return [[part.contiguous() for part in found[step]] for step in range(self.steps)]

    def ours(self):
        """The model of labs."""
        return folder.load(self.path)[0]

    def theirs(self):
        """The model of transformers, with the attention that is fastest here."""
        transformers.logging.set_verbosity_error()
        transformers.logging.disable_progress_bar()
        load = transformers.GPT2LMHeadModel.from_pretrained
        return load(self.path, attn_implementation="sdpa")

    def config(self, compile):
        """Of the training, for labs."""
        return pretrain.Pretraining(
            steps=self.steps,
            batch_size=self.work.batch_size,
            learning_rate=1e-3,
            warmup=0,
            last_rate=1.0,
            precision=self.work.precision,
            compile=compile,
            evaluate_every=self.work.part,
        )

    @property
    def part_tokens(self):
        """How many tokens are trained on between two turns."""
        return self.work.part * self.work.batch_size * self.work.shape.context


def train_plain(job, turn, compile=False):
    """The loop of the tutorials over transformers' model, with its own loss and a fused AdamW."""
    net = job.theirs().train()
    config, data = job.config(compile), job.batches()
    forward = torch.compile(net) if compile else net
    named = list(net.named_parameters())
    groups = [  # no decay for biases and norms, as Hugging Face's examples have it
        {"params": [p for _, p in named if p.ndim == 2], "weight_decay": config.weight_decay},
        {"params": [p for _, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = (config.beta1, config.beta2)
    optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=betas, fused=True)
    cast = torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16")
    total = 0.0
    for step, (x_BT, y_BT) in enumerate(data, 1):
        with cast:
            loss = forward(input_ids=x_BT, labels=y_BT, shift_labels=y_BT, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), config.clip)
        optimizer.step()
        optimizer.zero_grad()
        total += loss.item()
        if step % job.work.part == 0:
            turn({"train": [job.part_tokens, total / job.work.part]})
            total = 0.0


class Rows(torch.utils.data.Dataset):
    """The rows of all batches, one after another, as a Trainer reads them."""

    def __init__(self, data):
        self.rows = [row for x_BT, y_BT in data for row in zip(x_BT, y_BT)]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i):
        x_T, y_T = self.rows[i]
        return {"input_ids": x_T, "labels": y_T, "shift_labels": y_T}


class Turns(transformers.TrainerCallback):
    """Gives other contenders their turn when a part is done, from inside of a Trainer."""

    def __init__(self, job, turn):
        self.job, self.turn = job, turn

    def on_log(self, args, state, control, logs, **_):
        if "loss" in logs:
            self.turn({"train": [self.job.part_tokens, logs["loss"]]})


def train_trainer(job, turn):
    """Hugging Face's Trainer with its usual settings; it reports nothing and evaluates nothing."""
    net, config = job.theirs(), job.config(False)
    arguments = transformers.TrainingArguments(
        output_dir=job.path,
        max_steps=job.steps,
        per_device_train_batch_size=job.work.batch_size,
        learning_rate=config.learning_rate,
        lr_scheduler_type="constant",
        optim="adamw_torch_fused",
        adam_beta1=config.beta1,
        adam_beta2=config.beta2,
        weight_decay=config.weight_decay,
        max_grad_norm=config.clip,
        bf16=config.precision == "bf16",
        train_sampling_strategy="sequential",
        logging_steps=job.work.part,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        use_cpu=True,
    )
    trainer = transformers.Trainer(net, arguments, train_dataset=Rows(job.batches()))
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.add_callback(Turns(job, turn))
    trainer.train()


def train_ours(job, turn, compile=False):
    """`labs.gpt.pretrain.pretrain` as it is; its look at a held-out window counts."""
    for now in pretrain.pretrain(job.ours(), job.tokens, job.config(compile), device="cpu"):
        turn({"train": [job.part_tokens, now.loss.mean().item()]})


def prompt(job):
    """Sixteen token ids to go on from."""
    generator = torch.Generator().manual_seed(0)
    return torch.randint(job.work.shape.vocabulary, (16,), generator=generator).tolist()


def write_with(job, turn, write):
    """`write(drawn)`, the ids that follow the prompt, for each way of `DRAWN`, again and again.

    Each begins with the same random state, so that all draw the same tokens.
    """
    while True:
        parts = {}
        for name, drawn in DRAWN.items():
            torch.manual_seed(0)
            start = time.perf_counter()
            found = write(drawn)
            parts[name] = [len(found), found, time.perf_counter() - start]
        turn(parts)


def write_theirs(job, turn, cache=None, compile=False):
    """transformers' generate."""
    net, start = job.theirs().eval(), torch.tensor([prompt(job)])
    options = {"cache_implementation": cache} if cache else {}
    if compile:  # by itself it compiles on GPUs alone
        options["compile_config"] = transformers.CompileConfig(mode="default")
        options["compile_config"]._compile_all_devices = True

    @torch.inference_mode()
    def write(drawn):
        random = {"do_sample": True, "top_p": 1.0, **drawn}
        drawn = random if drawn["temperature"] else {"do_sample": False}
        ids = net.generate(
            start,
            attention_mask=torch.ones_like(start),
            max_new_tokens=job.work.part,
            eos_token_id=None,
            pad_token_id=0,
            **drawn,
            **options,
        )
        return ids[0, start.shape[1] :].tolist()

    write_with(job, turn, write)


def write_ours(job, turn):
    """`labs.gpt.generate.generate`."""
    net, start = job.ours(), prompt(job)
    write_with(job, turn, lambda drawn: list(generate(net, start, job.work.part, **drawn)))


TRAIN = {
    "HfEager": ("GPT2LMHeadModel, plain loop", train_plain),
    "HfCompiled": ("the same, compiled", functools.partial(train_plain, compile=True)),
    "HfTrainer": ("Trainer", train_trainer),
    "Eager": ("`labs.gpt`, eager", train_ours),
    "Compiled": ("`labs.gpt`, compiled", functools.partial(train_ours, compile=True)),
}
WRITE = {
    "HfDynamic": ("`generate`, dynamic cache", write_theirs),
    "HfStatic": ("static cache", functools.partial(write_theirs, cache="static")),
    "HfCompiled": (
        "static cache, compiled",
        functools.partial(write_theirs, cache="static", compile=True),
    ),
    "Ours": ("`labs.gpt`", write_ours),
}
SHAPES = {
    "recorded": model.Shape(2048, 256, layers=4, width=192, heads=6),
    "small": model.Shape(1024, 256, layers=4, width=128, heads=4),
    "gpt2": model.GPT2["gpt2"],
}
