"""Checkpoints: a run goes on as if it had never stopped, or says why it cannot."""

import dataclasses
import json
import os
import re
import shutil

import pytest
import safetensors.torch
import torch
from tiny import SHAPE, config, lively, prose, same, texts, tokens, trained, words

from labs.gpt import checkpoint, corpus, folder, tokenizer
from labs.gpt.model import GPT, Shape
from labs.gpt.pretrain import OPTIMIZERS, optimizers_of, pretrain
from labs.gpt.team import Alone

FILES = {
    "model.safetensors",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "training.safetensors",
    "training.json",
}
ONE_TOKEN = Shape(300, 1, layers=1, width=16, heads=2)


def begun(path, until=8, gpt=None, **changes):
    """A run that stopped at the Progress of step `until`."""
    run = pretrain(gpt or GPT(SHAPE), tokens(), config(**changes), path, words(), "cpu")
    for now in run:
        if now.step == until:
            run.close()


def refused(path, gpt=None, text=None, **changes):
    """The refusal to go on, in words; the model is as it was."""
    gpt = gpt or lively(GPT(SHAPE))
    before = {name: tensor.clone() for name, tensor in gpt.state_dict().items()}
    with pytest.raises(ValueError) as caught:
        next(pretrain(gpt, text or tokens(), config(**changes), path, words(), "cpu"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in gpt.state_dict().items())
    return str(caught.value)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("until", [4, 8, 12])
def test_a_run_that_goes_on_is_the_one_that_never_stopped(tmp_path, until, optimizer):
    how = config(optimizer=optimizer)
    whole, losses = trained(optimizer=optimizer)
    begun(tmp_path, until, optimizer=optimizer)
    gpt = lively(GPT(SHAPE))  # whatever it was before
    told = list(pretrain(gpt, tokens(), how, tmp_path, words(), "cpu"))
    assert same(gpt, whole)
    assert [now.step for now in told] == ([step for step in (8, 12) if step > until] or [12])
    assert torch.equal(torch.cat([now.loss for now in told]), losses)
    assert [step for step, _ in told[-1].evaluations] == [4, 8, 12]
    assert told[-1].tokens_per_second > 0
    state = gpt, optimizers_of(gpt, how), Alone()
    assert torch.equal(checkpoint.load(tmp_path, 12, *state), losses)


def test_steps_between_two_checkpoints_are_done_again(tmp_path):
    begun(tmp_path, 8, save_every=3)
    assert checkpoint.steps(tmp_path) == [3, 6]
    gpt, losses = trained(tmp_path, save_every=3)
    assert same(gpt, trained()[0]) and torch.equal(losses, trained()[1])


def test_a_checkpoint_stands_before_its_progress_is_told(tmp_path):
    for now in pretrain(GPT(SHAPE), tokens(), config(), tmp_path, words(), "cpu"):
        assert checkpoint.steps(tmp_path)[-1] == now.step


def test_float16_with_steps_left_out_goes_on_as_well(tmp_path):
    how = dict(precision="fp16", batch_size=1, warmup=0, steps=12, learning_rate=0.01)
    whole, losses = trained(gpt=GPT(ONE_TOKEN), **how)
    begun(tmp_path, 4, GPT(ONE_TOKEN), **how)
    state = safetensors.torch.load_file(tmp_path / "step-000004" / checkpoint.STATE)
    assert state["updates"] < 4  # the first gradient overflows
    gpt, again = trained(tmp_path, GPT(ONE_TOKEN), **how)
    assert same(gpt, whole) and torch.equal(again, losses)


def test_the_newest_two_are_kept_and_each_is_a_model_and_its_run(tmp_path):
    gpt, losses = trained(tmp_path, save_every=2)
    assert checkpoint.steps(tmp_path) == [10, 12]
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "step-000010", "step-000012"}
    for step in (10, 12):
        assert {path.name for path in checkpoint.path_of(tmp_path, step).iterdir()} == FILES
    there, reader = folder.load(tmp_path / "step-000012")
    assert same(there, gpt) and reader.to_str() == words().to_str()
    said = checkpoint.read_run(tmp_path, 12)
    assert said["shape"] == dataclasses.asdict(SHAPE) and said["step"] == 12
    assert said["corpus"][:2] == ["prose", texts().hash]
    assert [step for step, _ in said["evaluations"]] == [4, 8, 12]
    assert said["seconds"] > 0 and said["device"].startswith("CPU")


def test_without_a_folder_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained()
    assert list(tmp_path.iterdir()) == []


def test_other_names_are_no_checkpoints(tmp_path):
    for name in ("step-000004.partial-1a2b3c4d", "step-12", "step-000005.old", "other"):
        (tmp_path / name).mkdir()
    assert checkpoint.steps(tmp_path) == []
    trained(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left >= {"step-12", "step-000005.old", "other"}  # what is the reader's stays
    assert "step-000004.partial-1a2b3c4d" not in left


@pytest.mark.parametrize(
    "name, value",
    [("save_every", 5), ("evaluate_every", 2), ("compile", False), ("recompute", True)],
)
def test_how_often_and_how_it_is_computed_may_change(tmp_path, name, value):
    begun(tmp_path, 4)
    assert same(trained(tmp_path, **{name: value})[0], trained()[0])


def test_the_parts_of_a_batch_may_change(tmp_path):
    begun(tmp_path, 4)
    losses = trained(tmp_path, accumulate=2)[1]
    torch.testing.assert_close(losses, trained()[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name, value", [("learning_rate", 0.1), ("steps", 20), ("seed", 3), ("precision", "bf16")]
)
def test_another_config_is_refused(tmp_path, name, value):
    begun(tmp_path, 8)
    said = refused(tmp_path, **{name: value})
    mine, theirs = {name: value}, {name: getattr(config(), name)}
    assert f"step-000008 has another config: expected {mine}, got {theirs}; remove " in said
    assert said.endswith("step-000008 to go on from step 4, or give another folder")


def test_another_model_is_refused(tmp_path):
    begun(tmp_path, 4)
    said = refused(tmp_path, GPT(Shape(300, 16, layers=1, width=32, heads=2)))
    assert (
        "has another shape: expected {'layers': 1, 'width': 32}, got {'layers': 2, 'width'" in said
    )
    assert said.endswith("step-000004 to begin anew, or give another folder")


def test_another_corpus_is_refused(tmp_path):
    begun(tmp_path, 4)
    other = corpus.Corpus("prose", texts().train, {"three.txt": prose(200, 4)})
    assert "has another corpus: expected ['prose'," in refused(
        tmp_path, text=corpus.encode(other, words())
    )


def test_the_same_corpus_in_the_tokens_of_another_tokenizer_is_refused(tmp_path):
    begun(tmp_path, 4)
    other = tokenizer.train([prose(900, 9)], 300)
    assert "has another corpus" in refused(tmp_path, text=corpus.encode(texts(), other))


@pytest.mark.parametrize("share", [0, 0.5, 0.98])
@pytest.mark.parametrize("name", sorted(FILES))
def test_a_truncated_checkpoint_is_refused_and_the_one_before_goes_on(tmp_path, name, share):
    begun(tmp_path, 8)
    path = tmp_path / "step-000008" / name
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    said = refused(tmp_path)
    assert re.search(f"^{re.escape(str(path))} is damaged", said)
    assert said.endswith(f"; remove {path.parent} to go on from step 4, or give another folder")
    shutil.rmtree(path.parent)
    assert same(trained(tmp_path)[0], trained()[0])


@pytest.mark.parametrize("name", sorted(FILES - {"tokenizer.json", "tokenizer_config.json"}))
def test_a_checkpoint_without_one_of_its_files_is_refused(tmp_path, name):
    begun(tmp_path, 8)
    (tmp_path / "step-000008" / name).unlink()
    said = refused(tmp_path)
    assert "expected" in said and name in said
    assert said.endswith("step-000008 to go on from step 4, or give another folder")


def rewritten(path, name, change):
    data = json.loads((path / name).read_text(encoding="utf-8"))
    change(data)
    (path / name).write_text(json.dumps(data), encoding="utf-8")


def restated(path, change):
    state = safetensors.torch.load_file(path / checkpoint.STATE)
    change(state)
    safetensors.torch.save_file(state, path / checkpoint.STATE)


@pytest.mark.parametrize("what", ["scaler", "corpus", "evaluations", "step"])
def test_a_run_that_does_not_say_all_is_refused(tmp_path, what):
    begun(tmp_path, 4)
    rewritten(tmp_path / "step-000004", checkpoint.RUN, lambda data: data.pop(what))
    assert "training.json is damaged: expected ['config', 'corpus'," in refused(tmp_path)


def test_a_checkpoint_under_another_name_is_refused(tmp_path):
    begun(tmp_path, 4)
    (tmp_path / "step-000004").rename(tmp_path / "step-000005")
    assert re.search("damaged: expected .* of step 5, got .* of step 4;", refused(tmp_path))


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda state: state.pop("losses"), r"expected {'losses': \(4,\)}, got {}"),
        (lambda state: state.pop("updates"), r"expected {'updates': \(\)}, got {}"),
        (lambda state: state.pop("norm.bias.exp_avg"), "expected {'norm.bias.exp_avg'"),
        (
            lambda state: state.update(losses=torch.zeros(3)),
            r"expected {'losses': \(4,\)}, got {'losses': \(3,\)}",
        ),
    ],
)
def test_a_state_of_another_run_is_refused(tmp_path, change, said):
    begun(tmp_path, 4)
    restated(tmp_path / "step-000004", change)
    assert re.search(said, refused(tmp_path))


def test_two_runs_cannot_have_one_folder_until_the_first_is_closed(tmp_path):
    first = pretrain(GPT(SHAPE), tokens(), config(), tmp_path, words(), "cpu")
    next(first)
    said = "expected no other run here, got one that still trains; wait until it ends, close it, or"
    with pytest.raises(OSError, match=said):
        next(pretrain(GPT(SHAPE), tokens(), config(), tmp_path, words(), "cpu"))
    first.close()
    assert same(trained(tmp_path)[0], trained()[0])


def test_a_run_that_fails_lets_go_of_its_folder(tmp_path):
    begun(tmp_path, 4)
    refused(tmp_path, seed=9)
    assert same(trained(tmp_path)[0], trained()[0])


def test_a_folder_that_cannot_be_made_is_refused_before_the_first_step(tmp_path):
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    for path in (tmp_path / "file", tmp_path / "file/deeper"):
        with pytest.raises(OSError, match="expected a folder for checkpoints, or a name where one"):
            next(pretrain(GPT(SHAPE), tokens(), config(), path, words(), "cpu"))
    assert (tmp_path / "file").read_text(encoding="utf-8") == "mine"


def test_a_checkpoint_that_is_there_is_not_overwritten(tmp_path):
    run = pretrain(GPT(SHAPE), tokens(), config(), tmp_path, words(), "cpu")
    next(run)
    there = checkpoint.path_of(tmp_path, 8)
    there.mkdir()
    (there / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="step-000008 exists; expected a new folder"):
        next(run)
    assert os.listdir(there) == ["mine.txt"]


def test_a_finished_run_is_told_to_any_number_at_once(tmp_path):
    trained(tmp_path)
    first = pretrain(GPT(SHAPE), tokens(), config(), tmp_path, words(), "cpu")
    other = pretrain(GPT(SHAPE), tokens(), config(), tmp_path, words(), "cpu")
    assert next(first).evaluations == next(other).evaluations


def test_what_changes_a_run_changes_the_folder_that_is_kept_for_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LABS_CACHE", str(tmp_path))
    place = lambda seed=0, text=None, **changes: checkpoint.kept(
        GPT(SHAPE, seed=seed), text or tokens(), config(**changes)
    )
    other = dataclasses.replace(tokens(), train=tokens().train.flip(0))
    places = [place(), place(seed=1), place(text=other), place(steps=13), place(optimizer="muon")]
    assert len(set(places)) == len(places) and place() == places[0]
    assert places[0].parent == tmp_path / "gpt" and not places[0].exists()
    monkeypatch.setattr(checkpoint.torch, "__version__", "another")
    assert place() not in places
    monkeypatch.setenv("LABS_CACHE", "off")
    assert place() is None
