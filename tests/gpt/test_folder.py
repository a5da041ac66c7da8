"""Hugging Face both ways: what is saved here opens there, what is saved there opens here."""

import json
import re

import pytest
import safetensors.torch
import torch
import transformers
from tiny import SHAPE, lively, same, some_tokens, texts, words

from labs.gpt import folder, tokenizer
from labs.gpt.generate import complete
from labs.gpt.model import GPT

THEIRS = dict(vocab_size=300, n_positions=16, n_embd=16, n_layer=2, n_head=2)
TEXTS = [
    "the model reads a token.\n",
    "Grüße an 世界 🙂👩‍👩‍👧 e\u0301\n\n\t  two  spaces , and a comma ’s",
    f"one{tokenizer.END}two",
    "",
]


def ours(path, **options):
    gpt = lively(GPT(SHAPE), seed=7)
    folder.save(path, gpt, words(), **options)
    return gpt


def their_model(seed=5, **changes):
    options = THEIRS | {"bos_token_id": 0, "eos_token_id": 0} | changes
    return lively(transformers.GPT2LMHeadModel(transformers.GPT2Config(**options)), seed).eval()


def logits(model, x_BT):
    with torch.no_grad():
        found = model(x_BT)
    return getattr(found, "logits", found)


def test_what_is_saved_here_opens_there_with_the_same_logits(tmp_path):
    gpt = ours(tmp_path / "m")
    there, about = transformers.GPT2LMHeadModel.from_pretrained(
        tmp_path / "m", output_loading_info=True
    )
    assert not any(about.values())  # nothing missing, nothing unexpected
    x_BT = some_tokens(length=16)
    torch.testing.assert_close(logits(there, x_BT), logits(gpt, x_BT), rtol=0, atol=1e-4)
    assert transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "m").num_parameters() == (
        gpt.count()
    )


def test_what_is_saved_here_writes_the_same_greedy_text_there(tmp_path):
    gpt = ours(tmp_path / "m")
    there = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "m")
    reader = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    asked = reader("the model", return_tensors="pt")
    length = asked["input_ids"].shape[1]
    found = there.generate(
        **asked, do_sample=False, max_new_tokens=16 - length, pad_token_id=0, eos_token_id=None
    )
    text = reader.decode(found[0, length:])
    assert complete(gpt, words(), "the model", temperature=0) == text != ""


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_their_tokenizer_gives_the_same_ids_and_the_text_back(tmp_path, text):
    ours(tmp_path / "m")
    reader = transformers.AutoTokenizer.from_pretrained(tmp_path / "m")
    ids = words().encode(text).ids
    assert reader(text)["input_ids"] == ids
    assert reader.decode(ids) == words().decode(ids, skip_special_tokens=False) == text
    assert (reader.eos_token, reader.eos_token_id, len(reader)) == (tokenizer.END, 0, 300)
    assert reader.model_max_length == SHAPE.context


def test_what_is_saved_here_loads_here_bit_for_bit(tmp_path):
    gpt = ours(tmp_path / "m")
    again, reader = folder.load(tmp_path / "m")
    assert same(gpt, again) and again.shape == gpt.shape
    assert reader.to_str() == words().to_str()


def test_a_model_can_be_saved_in_half_the_bytes(tmp_path):
    gpt = ours(tmp_path / "m", dtype=torch.float16)
    again, _ = folder.load(tmp_path / "m")
    assert (tmp_path / "m/model.safetensors").stat().st_size < 2.2 * gpt.count() + 4000
    for name, tensor in again.state_dict().items():
        assert torch.equal(tensor, gpt.state_dict()[name].half().float())
    there = transformers.GPT2LMHeadModel.from_pretrained(tmp_path / "m")
    assert there.dtype == torch.float16


def test_a_model_without_a_tokenizer_is_saved_and_loaded(tmp_path):
    folder.save(tmp_path / "m", GPT(SHAPE))
    assert folder.load(tmp_path / "m")[1] is None
    assert (
        json.loads((tmp_path / "m/config.json").read_text(encoding="utf-8"))["eos_token_id"] is None
    )


SAVED = {
    "as it is": lambda model, path: model.save_pretrained(path),
    "without the prefix": lambda model, path: model.transformer.save_pretrained(path),
    "in parts": lambda model, path: model.save_pretrained(path, max_shard_size="20KB"),
    "in bfloat16": lambda model, path: model.bfloat16().save_pretrained(path),
}


@pytest.mark.parametrize("how", SAVED)
def test_what_is_saved_there_opens_here_with_the_same_logits(tmp_path, how):
    there, x_BT = their_model(), some_tokens(length=16)
    SAVED[how](there, tmp_path / "m")
    parts = len(list((tmp_path / "m").glob("*.safetensors")))
    assert (parts > 1) == (how == "in parts")
    gpt, reader = folder.load(tmp_path / "m")
    assert reader is None and gpt.shape == SHAPE
    torch.testing.assert_close(logits(gpt, x_BT), logits(there.float(), x_BT), rtol=0, atol=1e-4)


def test_their_gpt_2_of_any_shape_and_with_old_masks_opens_here(tmp_path):
    there = their_model(n_head=4, n_layer=3, n_embd=24, n_inner=96, n_positions=20)
    there.save_pretrained(tmp_path / "m")
    path = tmp_path / "m/model.safetensors"
    tensors = safetensors.torch.load_file(path)
    for layer in range(3):
        tensors[f"transformer.h.{layer}.attn.bias"] = torch.ones(1, 1, 20, 20)
        tensors[f"transformer.h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    safetensors.torch.save_file(tensors, path)
    gpt, _ = folder.load(tmp_path / "m")
    x_BT = some_tokens(length=20)
    torch.testing.assert_close(logits(gpt, x_BT), logits(there, x_BT), rtol=0, atol=1e-4)


def test_a_head_that_is_stored_but_tied_is_accepted(tmp_path):
    there = their_model()
    there.save_pretrained(tmp_path / "m")
    path = tmp_path / "m/model.safetensors"
    tensors = safetensors.torch.load_file(path)
    tensors["lm_head.weight"] = tensors["transformer.wte.weight"].clone()
    safetensors.torch.save_file(tensors, path)
    assert folder.load(tmp_path / "m")[0].shape == SHAPE
    tensors["lm_head.weight"] += 1
    safetensors.torch.save_file(tensors, path)
    with pytest.raises(
        ValueError, match=r"expected an output layer that is .* \(tied\), got a lm_"
    ):
        folder.load(tmp_path / "m")


@pytest.mark.parametrize("there", ["a file", "a folder"])
def test_nothing_is_overwritten(tmp_path, there):
    path = tmp_path / "m"
    if there == "a folder":
        path.mkdir()
    kept = path / "mine.txt" if there == "a folder" else path
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(FileExistsError, match="m exists; expected a new folder, .*; give another"):
        folder.save(path, GPT(SHAPE))
    assert kept.read_text(encoding="utf-8") == "mine" and len(list(tmp_path.rglob("*"))) == len(
        {path, kept}
    )


def test_an_empty_folder_may_be_written_into_and_those_above_are_made(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    folder.save(tmp_path / "empty", GPT(SHAPE))
    folder.save(str(tmp_path / "deep/er/m"), GPT(SHAPE))
    monkeypatch.chdir(tmp_path)
    folder.save("here", GPT(SHAPE))
    for path in ("empty", "deep/er/m", "here"):
        assert same(folder.load(path)[0], GPT(SHAPE))


def config(path, **changes):
    file = path / "config.json"
    file.write_text(
        json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), encoding="utf-8"
    )


def cut(name, share):
    def damage(path):
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[: int(share * len(content))])

    return damage


def drop_a_weight(path):
    tensors = safetensors.torch.load_file(path / "model.safetensors")
    del tensors["transformer.h.1.ln_1.bias"]
    safetensors.torch.save_file(tensors, path / "model.safetensors")


def pickle_alone(path):
    (path / "model.safetensors").rename(path / "pytorch_model.bin")


def llama(path):
    transformers.LlamaConfig(hidden_size=16, num_attention_heads=2).save_pretrained(path)


ONLY = "labs.gpt reads plain GPT-2s only; open this one with transformers"
BAD = {
    "a Llama": (llama, f"expected model_type 'gpt2', got 'llama'; {ONLY}"),
    "no model type": (lambda p: config(p, model_type=None), "expected model_type 'gpt2', got None"),
    "an untied head": (
        lambda p: config(p, tie_word_embeddings=False),
        f"expected tie_word_embeddings True, got False; {ONLY}",
    ),
    "another activation": (
        lambda p: config(p, activation_function="relu"),
        f"expected activation_function 'gelu_new', got 'relu'; {ONLY}",
    ),
    "another feed-forward width": (
        lambda p: config(p, n_inner=20),
        f"expected n_inner 64, got 20; {ONLY}",
    ),
    "heads that do not fit": (
        lambda p: config(p, n_head=3),
        "heads must divide width, got 3 heads",
    ),
    "layers in words": (lambda p: config(p, n_layer="two"), "layers must be a whole number"),
    "a config cut short": (cut("config.json", 0.5), "config.json is damaged: it is no JSON ("),
    "an empty config": (cut("config.json", 0), "config.json is damaged: it is no JSON ("),
    "a list for a config": (
        lambda p: (p / "config.json").write_text("[]", encoding="utf-8"),
        "config.json is damaged: expected a JSON object, got list",
    ),
    "a config that is not UTF-8": (
        lambda p: (p / "config.json").write_bytes(b'{"a": "\xff"}'),
        "config.json is damaged: it is no JSON (",
    ),
    "weights cut short": (
        cut("model.safetensors", 0.7),
        "model.safetensors is damaged: it is no whole safetensors file (",
    ),
    "weights without an end": (cut("model.safetensors", 0.999), "model.safetensors is damaged"),
    "a header cut short": (cut("model.safetensors", 0.01), "model.safetensors is damaged"),
    "empty weights": (cut("model.safetensors", 0), "model.safetensors is damaged"),
    "a missing weight": (
        drop_a_weight,
        "1 tensors are not those of the shape that its JSON tells of; expected "
        "{'transformer.h.1.ln_1.bias': (16,)}, got {}; is a part of it missing, or another's?",
    ),
    "weights of another shape": (
        lambda p: config(p, n_positions=32),
        "expected {'transformer.wpe.weight': (32, 16)}, got {'transformer.wpe.weight': (16, 16)}",
    ),
    "weights of more layers": (lambda p: config(p, n_layer=1), "12 tensors are not those of the"),
    "a tokenizer cut short": (cut("tokenizer.json", 0.5), "tokenizer.json is damaged, or not of"),
    "a tokenizer's settings cut short": (
        cut("tokenizer_config.json", 0.5),
        "tokenizer_config.json is damaged: it is no JSON",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_another_model_and_a_damaged_one_are_refused_in_words(tmp_path, what):
    damage, said = BAD[what]
    ours(tmp_path / "m")
    damage(tmp_path / "m")
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        folder.load(tmp_path / "m")
    assert str(tmp_path / "m") in str(caught.value) or "must" in str(caught.value)


MISSING = {
    "a pickle alone": (
        pickle_alone,
        "expected model.safetensors, found none; a pytorch_model.bin is a pickle and is not opened",
    ),
    "no config": (
        lambda p: (p / "config.json").unlink(),
        "config.json: expected this file, found none; give a folder that labs.gpt or transformers",
    ),
}


@pytest.mark.parametrize("what", MISSING)
def test_missing_files_are_named(tmp_path, what):
    remove, said = MISSING[what]
    ours(tmp_path / "m")
    remove(tmp_path / "m")
    with pytest.raises(FileNotFoundError, match=re.escape(said)):
        folder.load(tmp_path / "m")


def test_a_missing_part_of_a_model_in_parts_is_noticed(tmp_path):
    their_model().save_pretrained(tmp_path / "m", max_shard_size="20KB")
    sorted((tmp_path / "m").glob("model-*"))[0].unlink()
    with pytest.raises(ValueError, match="tensors are not those .* is a part of it missing"):
        folder.load(tmp_path / "m")


def test_a_tokenizer_of_any_corpus_is_stored_with_its_merges(tmp_path):
    other = tokenizer.train([*texts().train.values(), "zebra " * 50], 310)
    folder.save(tmp_path / "m", GPT(SHAPE), other)
    assert folder.load(tmp_path / "m")[1].encode("zebra").ids == other.encode("zebra").ids
