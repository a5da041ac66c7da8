"""Texts to train on: split by document, the same everywhere, known by a hash."""

import dataclasses
import os
import re
import subprocess
import sys

import pytest
import torch
from tiny import texts, tokens, words

from labs.gpt import corpus
from labs.gpt.corpus import Corpus


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A small standard library."""
    files = {f"part{i}.py": f"# number {i}\n" for i in range(40)}
    files |= {"deep/er/module.py": "x = 1\n", "test/test_x.py": "no", "deep/tests/y.py": "no"}
    files |= {"site-packages/z.py": "no", "empty.py": " \n", "notes.txt": "no"}
    files |= {"_sysconfigdata__linux_x86_64-linux-gnu.py": "no"}
    for name, text in files.items():
        path = tmp_path / "library" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "library/latin.py").write_bytes(b"# caf\xe9\n")
    monkeypatch.setattr(corpus.sysconfig, "get_path", lambda kind: str(tmp_path / "library"))
    return tmp_path / "library"


def test_the_standard_library_is_split_by_file_and_its_tests_are_left_out(library):
    found = corpus.standard_library()
    assert not set(found.train) & set(found.val)
    assert set(found.train) | set(found.val) == {
        *(f"part{i}.py" for i in range(40)),
        "deep/er/module.py",
    }
    assert 0 < len(found.val) < 15


def test_the_split_of_a_file_does_not_depend_on_the_others(library):
    before = corpus.standard_library()
    (library / "part1.py").unlink()
    (library / "another.py").write_text("# one more\n", encoding="utf-8")
    after = corpus.standard_library()
    assert set(before.val) - {"part1.py"} == set(after.val) - {"another.py"}


def test_two_processes_see_the_same_standard_library():
    program = (
        "from labs.gpt import corpus; c = corpus.standard_library();"
        "print(c.hash, len(c.train), len(c.val), c.bytes('train'), c.bytes('val'))"
    )
    start = lambda seed: subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        env=os.environ | {"PYTHONHASHSEED": seed},
    )
    one, other = [process.communicate()[0].split() for process in (start("1"), start("2"))]
    assert one == other
    train, val, train_bytes, val_bytes = map(int, one[1:])
    assert train > 400 and 0.05 < val / (train + val) < 0.15
    assert train_bytes > 5e6 and 0.03 < val_bytes / train_bytes < 0.3


def variants():
    one = Corpus("x", {"a": "first", "b": "second"}, {"c": "third"})
    yield one
    yield dataclasses.replace(one, train={"a": "first", "b": "second "})  # a text
    yield dataclasses.replace(one, train={"a": "first", "d": "second"})  # a name
    yield dataclasses.replace(one, train={"a": "firsts", "b": "econd"})  # where one ends
    yield dataclasses.replace(one, train={"a": "first"}, val={"b": "second", "c": "third"})  # split
    yield dataclasses.replace(one, train={"a": "first"})  # one less
    yield dataclasses.replace(one, train=one.val, val=one.train)


def test_a_hash_tells_texts_names_and_splits_apart_but_not_the_order():
    hashes = [variant.hash for variant in variants()]
    assert len(set(hashes)) == len(hashes)
    turned = Corpus("x", {"b": "second", "a": "first"}, {"c": "third"})
    assert turned.hash == hashes[0]


def test_bytes_are_counted_as_utf_8():
    assert Corpus("x", {"a": "é世🙂"}, {"b": "abc"}).bytes("train") == 2 + 3 + 4


def test_a_text_file_is_split_at_its_end_and_nothing_is_lost(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("Grüße 🙂\r\n" * 100, encoding="utf-8", newline="")
    found = corpus.text_file(path, val=0.25)
    assert found.name == "mine.txt"
    assert found.train["mine.txt"] + found.val["mine.txt"] == "Grüße 🙂\r\n" * 100
    assert len(found.val["mine.txt"]) == 225
    assert found.hash != corpus.text_file(str(path), val=0.5).hash


@pytest.mark.parametrize(
    "content, said",
    [
        (b"", "got 0 characters; give a longer one"),
        (b"a", "got 1 characters; give a longer one"),
        (b" \n\t " * 50, "got 200 characters of white space; give a longer one"),
        (b"text" + b" " * 500, "got 504 characters; give a longer one"),
        (b"abc\xff\xfe", "text in UTF-8, got the byte 0xff at 3; save it as UTF-8"),
        ("Grüße".encode("latin-1"), "got the byte 0xfc at 2; save it as UTF-8"),
        ("text".encode("utf-16"), "got the byte 0xff at 0; save it as UTF-8"),
        ("cut 世".encode()[:-1], "got the byte 0xe4 at 4; save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_text_to_learn_from_is_refused(tmp_path, content, said):
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"^bad.txt: expected .*{re.escape(said)}$"):
        corpus.text_file(path)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_outside_of_0_to_1_is_refused(tmp_path, share):
    with pytest.raises(ValueError, match=f"val must be between 0 and 1, .* got {share!r}"):
        corpus.text_file(tmp_path / "any.txt", val=share)


def test_each_document_is_followed_by_the_end_token():
    there, encode = tokens(), lambda text: words().encode(text).ids
    assert there.train.tolist() == [
        i for text in texts().train.values() for i in (*encode(text), 0)
    ]
    assert there.val.tolist() == [*encode(texts().val["three.txt"]), 0]
    assert there.train.dtype == torch.int32
    assert there.val_bytes == texts().bytes("val")
    assert there.corpus == ("prose", texts().hash)
