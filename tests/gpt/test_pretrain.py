"""The loop: it is AdamW's, or Muon's, in each precision, in parts or whole, by its seed alone."""

import dataclasses
import re

import pytest
import torch
from tiny import SHAPE, config, lively, same, tokens, trained, words

from labs.gpt import measure
from labs.gpt.batches import Batches
from labs.gpt.generate import complete
from labs.gpt.model import GPT, Shape
from labs.gpt.pretrain import LEAST, RANGES, Pretraining, optimizers_of, pretrain


def by_hand(gpt, how):
    """A plain loop over torch.optim.AdamW; the losses."""
    decayed = [p for n, p in gpt.named_parameters() if "norm" not in n and not n.endswith("bias")]
    decayed = [p for p in decayed if p.ndim == 2]
    others = [p for p in gpt.parameters() if all(p is not q for q in decayed)]
    groups = [
        {"params": decayed, "weight_decay": how.weight_decay},
        {"params": others, "weight_decay": 0},
    ]
    optimizer = torch.optim.AdamW(groups, betas=(how.beta1, how.beta2))
    batches = Batches(tokens().train, SHAPE.context, how.batch_size, how.seed)
    losses = []
    for step in range(how.steps):
        for group in optimizer.param_groups:
            group["lr"] = how.rate(step)
        x_BT, y_BT = batches[step]
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(gpt(x_BT).flatten(0, 1), y_BT.flatten())
        loss.backward()
        norm = torch.stack([p.grad.norm() for p in gpt.parameters()]).norm()
        for parameter in gpt.parameters():
            parameter.grad *= min(1, how.clip / (float(norm) + 1e-6))
        optimizer.step()
        losses.append(loss.item())
    return torch.tensor(losses)


def close(gpt, other):
    """Assert that two models are nearly the same.

    A bias of the keys adds the same to all scores of a row, so that its gradient is 0 but for
    rounding, of which AdamW makes whole steps: it is left out.
    """
    theirs = other.state_dict()
    for name, ours in gpt.state_dict().items():
        same = slice(SHAPE.width) if name.endswith("query_key_value.bias") else slice(None)
        torch.testing.assert_close(ours[same], theirs[name][same], rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize(
    "changes", [{}, {"clip": 0.05}, {"weight_decay": 3.0, "learning_rate": 0.02}], ids=str
)
def test_training_is_a_plain_loop_over_adamw(changes):
    plain = lively(GPT(SHAPE))
    expected = by_hand(plain, config(**changes))
    gpt, losses = trained(gpt=lively(GPT(SHAPE)), **changes)
    torch.testing.assert_close(losses, expected, rtol=1e-4, atol=1e-4)
    close(gpt, plain)


def test_clipping_acts_and_an_infinite_norm_clips_nothing():
    start = lambda: lively(GPT(SHAPE))
    clipped, free = trained(gpt=start(), clip=0.01)[1], trained(gpt=start(), clip=float("inf"))[1]
    assert not torch.allclose(clipped, free)
    assert torch.equal(free, trained(gpt=start(), clip=1e9)[1])


def test_weights_decay_in_matrices_only():
    gpt = GPT(SHAPE)
    (adamw,) = optimizers_of(gpt, config(weight_decay=0.3))
    matrices, others = adamw.param_groups
    names = {id(parameter): name for name, parameter in gpt.named_parameters()}
    assert matrices["weight_decay"] == 0.3 and others["weight_decay"] == 0
    decayed = {names[id(parameter)] for parameter in matrices["params"]}
    left = {names[id(parameter)] for parameter in others["params"]}
    assert decayed | left == set(names.values()) and not decayed & left
    assert all(name.endswith("bias") or "norm" in name or "before" in name for name in left)
    assert all(name.endswith("weight") for name in decayed) and "tokens.weight" in decayed


def test_muon_takes_the_matrices_of_the_blocks_and_adamw_all_else():
    gpt = GPT(SHAPE)
    muon, adamw = optimizers_of(gpt, config(optimizer="muon", weight_decay=0.3))
    (blocks,), (matrices, others) = muon.param_groups, adamw.param_groups
    names = {id(parameter): name for name, parameter in gpt.named_parameters()}
    taken = {names[id(parameter)] for parameter in blocks["params"]}
    assert taken == {n for n in names.values() if n.startswith("blocks") and "weight" in n} - {
        n for n in names.values() if "before" in n
    }
    left = {names[id(p)] for group in (matrices, others) for p in group["params"]}
    assert taken | left == set(names.values()) and not taken & left
    assert blocks["weight_decay"] == matrices["weight_decay"] == 0.3 and others["weight_decay"] == 0


def test_muon_is_a_step_along_the_singular_directions_as_large_as_adamws():
    gpt = lively(GPT(SHAPE))
    before = {name: parameter.detach().clone() for name, parameter in gpt.named_parameters()}
    trained(gpt=gpt, optimizer="muon", steps=1, warmup=0, learning_rate=0.01, weight_decay=0.0)
    for name, parameter in gpt.blocks.named_parameters():
        if parameter.ndim == 2:
            moved = (before[f"blocks.{name}"] - parameter.detach()) / 0.01
            assert 0.1 < moved.square().mean().sqrt() < 0.25  # AdamW's: about 0.2
            values = torch.linalg.svdvals(moved) / (0.2 * max(parameter.shape) ** 0.5)
            assert values.max() < 1.3 and values.median() > 0.6


def test_the_rate_rises_in_a_line_and_falls_along_half_a_cosine():
    how = Pretraining(steps=110, warmup=10, learning_rate=0.5, last_rate=0.2)
    rates = [how.rate(step) for step in range(111)]
    assert rates[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert rates[10] == 0.5 and rates[110] == pytest.approx(0.1)
    assert rates[60] == pytest.approx(0.3)  # half-way, between the two
    assert rates[35] == pytest.approx(0.1 + 0.4 * (1 + 0.5**0.5) / 2)
    assert all(a > b for a, b in zip(rates[10:], rates[11:]))
    assert Pretraining(warmup=0, learning_rate=0.5).rate(0) == 0.5
    assert Pretraining(warmup=0, last_rate=1).rate(700) == Pretraining().learning_rate


@pytest.mark.parametrize("parts", [2, 4])
def test_a_batch_in_parts_gives_the_gradient_of_the_whole(parts):
    whole, losses = trained(gpt=lively(GPT(SHAPE)))
    split, in_parts = trained(gpt=lively(GPT(SHAPE)), accumulate=parts)
    torch.testing.assert_close(in_parts, losses, rtol=1e-4, atol=1e-4)
    close(split, whole)


def test_gradients_that_were_there_before_do_not_count():
    used = GPT(SHAPE)
    for parameter in used.parameters():
        parameter.grad = torch.ones_like(parameter)
    assert same(trained(gpt=used)[0], trained()[0])


def test_recomputation_gives_the_same_run():
    torch.testing.assert_close(trained(recompute=True)[1], trained()[1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("parts", [1, 2])
def test_half_precision_multiplies_in_it_and_learns_the_same(precision, parts):
    seen = set()
    gpt = GPT(SHAPE)
    note = lambda module, inputs, output: seen.add(output.dtype)
    gpt.blocks[0].mlp.expand.register_forward_hook(note)
    _, losses = trained(gpt=gpt, precision=precision, accumulate=parts, learning_rate=0.02)
    _, full = trained(learning_rate=0.02)
    assert seen == {torch.bfloat16 if precision == "bf16" else torch.float16}
    assert {parameter.dtype for parameter in gpt.parameters()} == {torch.float32}
    torch.testing.assert_close(losses, full, rtol=0.02, atol=0)
    assert losses[-1] < losses[0] - 0.1


def test_a_step_whose_float16_gradient_overflows_is_left_out_and_the_scale_is_halved():
    shape = Shape(300, 1, layers=1, width=16, heads=2)  # one token a step: its gradient is large
    run = pretrain(
        gpt := GPT(shape),
        tokens(),
        config(precision="fp16", batch_size=1, evaluate_every=1, steps=8, warmup=0),
        device="cpu",
    )
    next(run)
    assert same(gpt, GPT(shape))  # left out
    for _ in run:
        pass
    assert not same(gpt, GPT(shape))
    assert all(parameter.isfinite().all() for parameter in gpt.parameters())


def test_the_precision_of_the_chip_is_chosen_by_itself():
    assert torch.equal(trained(precision="auto")[1], trained()[1])


def test_a_compiled_model_has_the_same_losses(tmp_path, monkeypatch):
    # The compiler's own files may have been left half written by a process that was killed.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    shape = dataclasses.replace(SHAPE, layers=1)  # less to compile
    _, losses = trained(gpt=GPT(shape), steps=4)
    gpt, compiled = trained(gpt=GPT(shape), steps=4, compile=True)
    torch.testing.assert_close(compiled, losses, rtol=1e-4, atol=1e-4)
    assert type(gpt) is GPT and set(gpt.state_dict()) == set(GPT(shape).state_dict())


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16", "auto"])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_trains_as_the_cpu_does(precision, compiled, tmp_path):
    how = config(precision=precision, compile=compiled, learning_rate=0.02)
    run = pretrain(gpt := GPT(SHAPE), tokens(), how, tmp_path, words(), "cuda")
    losses = torch.cat([now.loss for now in run])
    _, expected = trained(learning_rate=0.02)
    torch.testing.assert_close(losses, expected, rtol=0.02, atol=0)
    assert next(gpt.parameters()).is_cuda
    again = GPT(SHAPE)
    assert list(pretrain(again, tokens(), how, tmp_path, words(), "cuda")) == []
    assert same(again, gpt)


def test_a_run_depends_on_its_seeds_alone_and_draws_from_nothing_else():
    torch.manual_seed(1)
    one = trained()
    before = torch.manual_seed(2).get_state()
    other = trained()
    assert torch.equal(torch.get_rng_state(), before)
    assert same(one[0], other[0]) and torch.equal(one[1], other[1])
    assert not torch.equal(trained(seed=1)[1], one[1])


def test_looking_at_a_model_while_it_trains_does_not_change_its_run():
    gpt = GPT(SHAPE)
    for _ in pretrain(gpt, tokens(), config(recompute=True), device="cpu"):
        complete(gpt, words(), "the model", most=3)
        measure.bits_per_byte(gpt.eval(), tokens())
    torch.testing.assert_close(list(gpt.parameters()), list(trained()[0].parameters()))


def test_progress_says_what_happened():
    gpt = GPT(SHAPE)
    told = []
    for now in pretrain(gpt, tokens(), config(steps=11), device="cpu"):
        assert now.bits_per_byte == pytest.approx(measure.bits_per_byte(gpt, tokens()))
        assert now.tokens_per_second > 0 and 0 < now.mfu < 1
        told.append((now.step, len(now.loss)))
    assert told == [(4, 4), (8, 4), (11, 3)]


def test_asked_to_stop_it_saves_that_step_and_ends(tmp_path):
    gpt, losses = trained()
    asked = iter([False] * 4 + [True])
    run = pretrain(
        GPT(SHAPE), tokens(), config(), tmp_path, words(), "cpu", stop=lambda: next(asked)
    )
    assert [now.step for now in run] == [4]
    assert sorted(path.name for path in tmp_path.glob("step-*")) == ["step-000004", "step-000005"]
    again, told = trained(tmp_path)
    assert same(again, gpt) and torch.equal(told, losses)
    asked = iter([False, True])
    assert not list(pretrain(GPT(SHAPE), tokens(), config(), stop=lambda: next(asked)))


def test_training_learns():
    gpt, losses = trained(steps=60, learning_rate=0.02)
    assert losses[0].item() == pytest.approx(torch.tensor(300.0).log().item(), abs=0.1)
    assert losses[-5:].mean() < losses[0] - 1.5
    assert measure.bits_per_byte(gpt, tokens()) < measure.bits_per_byte(GPT(SHAPE), tokens()) - 0.5


def test_a_progress_bar_counts_steps_unless_labs_progress_is_off(monkeypatch, capfd):
    trained()
    assert capfd.readouterr().err == ""
    monkeypatch.delenv("LABS_PROGRESS")
    trained()
    assert re.search(r"\| 12/12 \[.*step", capfd.readouterr().err)


@pytest.mark.parametrize("name", LEAST)
@pytest.mark.parametrize("value", [-1, 1.5, "3", None, True])
def test_counts_that_are_none_are_refused(name, value):
    said = f"{name} must be a whole number of at least {LEAST[name]}, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        Pretraining(**{name: value})


@pytest.mark.parametrize(
    "name, value",
    [
        ("learning_rate", 0),
        ("learning_rate", -1e-3),
        ("learning_rate", float("inf")),
        ("learning_rate", float("nan")),
        ("last_rate", 1.1),
        ("last_rate", -0.1),
        ("weight_decay", -0.1),
        ("beta1", 1.0),
        ("beta2", -0.5),
        ("clip", 0),
        ("clip", float("nan")),
    ],
)
def test_numbers_out_of_range_are_refused(name, value):
    said = f"{name} must be {RANGES[name][0]}, got {value!r}"
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        Pretraining(**{name: value})


def test_parts_that_do_not_divide_a_batch_and_an_unknown_precision_are_refused():
    with pytest.raises(ValueError, match="accumulate must divide batch_size, got 3 and 16; the"):
        Pretraining(accumulate=3)
    with pytest.raises(ValueError, match="precision must be one of .*'fp16'.*, got 'int8'"):
        Pretraining(precision="int8")


SHORT = [
    ({"train": tokens().train[:32]}, "tokens: expected at least 33 to train on, two windows"),
    ({"train": tokens().train[:0]}, "tokens: expected at least 33 to train on, two windows"),
    ({"val": tokens().val[:16]}, "tokens: expected more than 16 held out, the context, got 16"),
    ({"train": tokens().train + 300}, "tokens: expected ids below 300, the vocabulary of the mo"),
    ({"val": tokens().val + 300}, "tokens: expected ids below 300, the vocabulary of the mo"),
]


@pytest.mark.parametrize("changes, said", SHORT, ids=[said for _, said in SHORT])
def test_a_text_that_will_not_do_is_refused_before_the_first_step(changes, said):
    gpt = GPT(SHAPE)
    text = dataclasses.replace(tokens(), **changes)
    with pytest.raises(ValueError, match=said):
        next(pretrain(gpt, text, config(), device="cpu"))
    assert same(gpt, GPT(SHAPE))


def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="device must name a device that torch finds here"):
        next(pretrain(GPT(SHAPE), tokens(), config(), device="abacus"))
