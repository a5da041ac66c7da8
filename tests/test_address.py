"""The repository's address stands once.

Everything that repeats it agrees, and one command moves it.
"""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import set_address

ROOT = Path(__file__).resolve().parents[1]
NEW = "https://github.com/Somebody-Else/another.book"
README = "[code](https://{}) [Colab](https://{}/blob/main/book/x.ipynb) [read](https://{}/) "
COLAB = re.compile(
    r"https://colab\.research\.google\.com/github/([\w.-]+/[\w.-]+)/blob/([\w.-]+)/([\w./-]+)"
)
INSTALL = re.compile(r"git\+(https://[^\s\"'@]+?)(?:\.git)?(?:@[\w.-]+)?(?=[\s\"'#]|$)")


def all_texts():
    own = [
        (path, text)
        for path, text in set_address.texts(ROOT)
        if not path.is_relative_to(ROOT / "tests")
    ]
    return {path.relative_to(ROOT).as_posix(): text for path, text in own}


def test_every_colab_link_opens_a_file_of_this_repository():
    owner_name = set_address.read().removeprefix("https://github.com/")
    for name, text in all_texts().items():
        for repository, branch, path in COLAB.findall(text):
            assert (repository, branch) == (owner_name, "main"), name
            assert (ROOT / path).is_file(), f"{name} links to {path}"


def test_every_setup_cell_installs_from_this_repository():
    for path in (ROOT / "book").rglob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
        for address in INSTALL.findall(code):
            assert address == set_address.read(), path.name


@pytest.fixture
def copy(tmp_path):
    """A small book that uses the address in every way there is."""
    shutil.copy(ROOT / "_config.yml", tmp_path)
    old = set_address.forms(set_address.read(ROOT))
    (tmp_path / "README.md").write_text(
        README.format(*old) + f"https://{old[0]}-club\n", encoding="utf-8"
    )
    (tmp_path / "x.ipynb").write_text(
        json.dumps({"cells": [{"source": [f'!pip install "labs @ git+https://{old[0]}.git"']}]}),
        encoding="utf-8",
    )
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe" + old[0].encode())
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    return tmp_path


def test_one_command_changes_the_address_everywhere(copy):
    changed = set_address.move(NEW, copy)
    assert {path.name for path in changed} == {"_config.yml", "README.md", "x.ipynb"}
    assert set_address.read(copy) == NEW
    assert (
        (copy / "README.md")
        .read_text(encoding="utf-8")
        .startswith(
            README.format(
                "github.com/Somebody-Else/another.book",
                "colab.research.google.com/github/Somebody-Else/another.book",
                "somebody-else.github.io/another.book",
            )
        )
    )
    assert "git+https://github.com/Somebody-Else/another.book.git" in (copy / "x.ipynb").read_text(
        encoding="utf-8"
    )


def test_a_longer_name_that_begins_alike_is_left_alone(copy):
    old = set_address.read(copy)
    set_address.move(NEW, copy)
    assert f"{old}-club" in (copy / "README.md").read_text(encoding="utf-8")


def test_moving_there_and_back_changes_nothing(copy):
    before = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
    old = set_address.read(copy)
    set_address.move(NEW, copy)
    set_address.move(old, copy)
    assert {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()} == before


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "book",
        "https://example.org/a/b",
        "https://github.com/only-owner",
        "https://github.com/a/b/tree/main",
    ],
)
def test_an_address_that_is_no_repository_is_refused_and_nothing_is_written(copy, bad):
    before = (copy / "_config.yml").read_bytes()
    with pytest.raises(SystemExit, match="must read https://github.com/OWNER/REPOSITORY, got"):
        set_address.move(bad, copy)
    assert (copy / "_config.yml").read_bytes() == before
