"""Talk, in Python: which folders it takes, what travels to the page, and what it refuses."""

import json
import shutil
import zlib

import numpy as np
import pytest
import small_gpt
import torch
import traitlets
from ipywidgets.embed import dependency_state

import labs
from labs.widgets import bytelevel, coding, frontend, saved


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, the model, its tokenizer)."""
    folder = tmp_path_factory.mktemp("model") / "saved"
    return folder, *small_gpt.save(folder)


@pytest.fixture
def folder(made, tmp_path):
    """A copy of the folder, to spoil."""
    return shutil.copytree(made[0], tmp_path / "copy")


def rewrite(path, change):
    """Change a JSON file: `change` gets what it holds."""
    data = json.loads(path.read_text(encoding="utf-8"))
    change(data)
    path.write_text(json.dumps(data), encoding="utf-8")


def unpacked(packed):
    """(head, {name: array}) of what travels, as the page reads it."""
    raw = zlib.decompress(packed)
    start = 4 + int.from_bytes(raw[:4], "little")
    head = json.loads(raw[4:start])
    numbers = coding.unplane(raw[start:], "<f2" if head["half"] else "<f4")
    tensors, at = {}, 0
    for name, shape in head["shapes"].items():
        tensors[name] = numbers[at : at + np.prod(shape)].reshape(shape)
        at += np.prod(shape)
    assert at == len(numbers)
    return head, tensors


@pytest.mark.parametrize("half", [True, False])
def test_every_weight_travels_as_it_was_saved_outputs_first(tmp_path, half):
    model, _ = small_gpt.save(tmp_path / "saved", half=half)
    head, tensors = unpacked(labs.Talk(tmp_path / "saved").weights.packed)
    own = {name.removeprefix("transformer."): p for name, p in model.named_parameters()}
    assert len(own) == len(tensors) and head["half"] == half
    for name, array in tensors.items():
        expected = own.get(name, own.get(f"{name}.weight")).detach()
        linear = expected.ndim == 2 and name not in ("wte", "wpe")
        assert torch.equal(torch.tensor(array).float(), expected.T if linear else expected), name


def test_what_the_page_shows_first_is_counted_from_the_model(made):
    folder, model, _ = made
    talk = labs.Talk(folder, prompt="import ", name="one")
    assert talk.meta["parameters"] == sum(p.numel() for p in model.parameters())
    assert talk.meta["losses"] == small_gpt.LOSSES and talk.meta["context"] == 64
    json.dumps(talk.meta)
    data, _ = talk._repr_mimebundle_()
    assert data["text/plain"].startswith("A GPT of 88,512 parameters (2 layers, width 48, 3 heads")
    assert data["image/png"].startswith("iVBOR")


def test_two_talks_of_one_model_share_its_weights(made, tmp_path):
    folder, *_ = made
    one, two = labs.Talk(folder), labs.Talk(folder, bits=4, seed=3)
    assert one.weights is two.weights
    small_gpt.save(tmp_path / "other", seed=1)
    assert labs.Talk(tmp_path / "other").weights is not one.weights
    states = dependency_state([one, two], drop_defaults=False)
    buffers = [b for state in states.values() for b in state.get("buffers", ())]
    assert len(buffers) == 1
    one.weights.close()
    assert labs.Talk(folder).weights.comm is not None  # closed with its page: made anew


def test_no_torch_is_needed_to_show_a_model(made):
    import subprocess
    import sys

    program = (
        f"import sys, labs; labs.Talk({str(made[0])!r})._repr_mimebundle_();"
        "print([name for name in ('torch', 'transformers', 'tokenizers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"temperature": -0.1}, "temperature: expected a number of at least 0, got -0.1"),
        ({"temperature": float("nan")}, "temperature: expected a number of at least 0, got nan"),
        ({"temperature": "warm"}, "temperature: expected a number of at least 0, got 'warm'"),
        ({"top_k": -1}, "top_k: expected a whole number of at least 0, got -1; 0 is no limit"),
        ({"top_k": 2.5}, "top_k: expected a whole number of at least 0, got 2.5"),
        ({"top_p": 0}, "top_p: expected a number above 0, at most 1, got 0"),
        ({"top_p": 1.01}, "top_p: expected a number above 0, at most 1, got 1.01"),
        ({"bits": 5}, r"bits: expected one of \(16, 8, 4, 3, 2\), got 5"),
        ({"bits": True}, "bits: expected one of .*, got True"),
        ({"seed": -1}, "seed: expected a whole number from 0 to 4294967295, got -1"),
        ({"seed": 2**32}, "seed: expected a whole number from 0 to 4294967295, got 4294967296"),
        ({"prompt": None}, "prompt: expected a text, got None"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_words(made, settings, message):
    with pytest.raises(ValueError, match=message):
        labs.Talk(made[0], **settings)


def test_settings_at_their_ends_are_taken_and_wrong_ones_leave_them(made):
    talk = labs.Talk(made[0], temperature=0, top_k=0, top_p=1, bits=2, seed=2**32 - 1)
    for name, wrong in {"temperature": -1, "top_k": -3, "top_p": 0, "bits": 6, "seed": 0.5}.items():
        before = getattr(talk, name)
        with pytest.raises(ValueError, match=name):
            setattr(talk, name, wrong)
        assert getattr(talk, name) == before
    talk.top_k, talk.seed = 3.0, 7.0  # a page writes numbers of one kind
    assert (talk.top_k, talk.seed) == (3, 7)
    with pytest.raises(traitlets.TraitError):
        talk.meta = {}


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_folder_that_lacks_a_file_is_refused_in_words(folder, name):
    (folder / name).unlink()
    with pytest.raises(ValueError, match=f"expected {name} in it, found none in .*; (give|save)"):
        labs.Talk(folder)


def test_without_a_card_no_loss_is_shown(folder):
    (folder / "card.json").unlink()
    talk = labs.Talk(folder)
    assert talk.meta["losses"] == {} and "image/png" not in talk._repr_mimebundle_()[0]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"model_type": "llama"}, "expected a GPT-2 with model_type 'gpt2', got 'llama'"),
        ({"activation_function": "relu"}, "activation_function 'gelu_new', got 'relu'"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx False"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings True, got False"),
        ({"n_head": 5}, "expected n_head to divide n_embd, got 5 and 48"),
        ({"n_layer": 0}, "expected n_layer to be a whole number of at least 1, got 0"),
        ({"n_layer": 3}, "got no tensor h.2.ln_1.weight"),
        ({"n_embd": 96}, r"got wte of \(600, 48\) where \(600, 96\) belongs"),
        ({"n_positions": 128}, r"got wpe of \(64, 48\) where \(128, 48\) belongs"),
        ({"vocab_size": 300}, "expected ids below the model's 300, got 599"),
    ],
)
def test_another_model_is_refused_in_words(folder, change, message):
    rewrite(folder / "config.json", lambda config: config.update(change))
    with pytest.raises(ValueError, match=message):
        labs.Talk(folder)


def test_weights_that_are_cut_off_or_no_numbers_are_refused_in_words(folder):
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1000])
    with pytest.raises(ValueError, match="cut off; save the model again, whole"):
        labs.Talk(folder)
    path.write_bytes(whole[:-2] + np.float16(np.inf).tobytes())
    with pytest.raises(ValueError, match="with numbers that are not finite"):
        labs.Talk(folder)
    for spoilt in (b"", b"\xff" * 100, b"\2\0\0\0\0\0\0\0[]"):
        path.write_bytes(spoilt)
        with pytest.raises(ValueError, match="expected a GPT-2's float16 or float32 weights"):
            labs.Talk(folder)


def test_weights_of_another_precision_are_refused_in_words(made, folder):
    with open(folder / "model.safetensors", "r+b") as file:
        head = file.read(8 + int.from_bytes(file.read(8), "little"))
        file.seek(8)
        file.write(head.replace(b'"F16"', b'"I16"'))
    with pytest.raises(ValueError, match="in I16; save the model again"):
        labs.Talk(folder)


def test_too_many_weights_are_refused_before_they_are_read(folder, monkeypatch):
    with open(folder / "model.safetensors", "r+b") as file:
        file.truncate(saved.LIMIT + 1)
    with pytest.raises(ValueError, match="expected at most 64 MB of weights, got 64 MB; take a"):
        labs.Talk(folder)


def lack_a_byte(tokenizer):
    del tokenizer["model"]["vocab"]["z"]


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda t: t["model"].update(type="WordPiece"), "a byte-level BPE .*, got WordPiece"),
        (lambda t: t["pre_tokenizer"].update(add_prefix_space=True), "without add_prefix_space"),
        (lambda t: t["pre_tokenizer"].update(use_regex=False), "expected a byte-level BPE"),
        (lambda t: t.update(normalizer={"type": "NFC"}), "without a normalizer"),
        (lambda t: t["model"].update(dropout=0.1), "expected a byte-level BPE"),
        (lambda t: t["added_tokens"][0].update(lstrip=True), "which takes spaces along"),
        (lambda t: t.pop("model"), "got one without 'model'"),
        (lack_a_byte, "a token for each of the 256 bytes.*got none for 1 of them, such as b'z'"),
    ],
)
def test_another_tokenizer_is_refused_in_words(folder, change, message):
    rewrite(folder / "tokenizer.json", change)
    with pytest.raises(ValueError, match=message):
        labs.Talk(folder)


def test_a_damaged_file_is_named(folder):
    for name in ("config.json", "tokenizer.json", "card.json"):
        whole = (folder / name).read_text(encoding="utf-8")
        for spoilt in (whole[:20], "[]"):
            (folder / name).write_text(spoilt, encoding="utf-8")
            with pytest.raises(ValueError, match=f"{name}: expected"):
                labs.Talk(folder)
        (folder / name).write_text(whole, encoding="utf-8")
    rewrite(folder / "card.json", lambda card: card.update(bits_per_byte={"16": "low"}))
    with pytest.raises(ValueError, match="expected bits_per_byte to be {bits: number}"):
        labs.Talk(folder)


def test_the_signs_of_bytes_are_those_of_hugging_face():
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    assert bytelevel.signs() == bytes_to_unicode()


def test_the_threads_program_is_one_script_whose_names_all_differ(tmp_path, monkeypatch):
    text = frontend.script("talk/worker.js")
    assert "\nimport " not in text and "\nexport " not in text
    (tmp_path / "one.js").write_text(
        'import { a } from "./two.js";\nconst b = a;\n', encoding="utf-8"
    )
    for other in ("export const a = 1;\nconst b = 2;\n", "export const c = 1;\n"):
        (tmp_path / "two.js").write_text(other, encoding="utf-8")
        monkeypatch.setattr(frontend, "STATIC", tmp_path)
        frontend.script.cache_clear()
        if "const b" in other:
            with pytest.raises(ValueError, match=r"names at the top level that differ.*\['b'\]"):
                frontend.script("one.js")
    frontend.script.cache_clear()
