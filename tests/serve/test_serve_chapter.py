"""The commands of the chapter on deployment do what it says."""

import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request

import nbformat
import pytest
from serving import ROOT, server

CHAPTER = ROOT / "book" / "code" / "deployment.ipynb"
BIN = pathlib.Path(sys.executable).parent
SMALL = (
    "--text text.txt --vocabulary 300 --context 128 --layers 1 --width 16 --heads 2 "
    "--batch-size 2 --evaluate-every 500 --save-every 500 --device cpu"
)


@pytest.fixture(scope="module")
def commands():
    """The lines of the whole path: to read, to train, to serve, to ask."""
    book = nbformat.read(CHAPTER, as_version=4)
    said = "\n".join(cell.source for cell in book.cells)
    block = said.partition("## The whole path")[2].split("```")[1]
    lines = block.removeprefix("sh\n").strip().splitlines()
    return dict(zip(("lab", "train", "serve", "ask"), lines, strict=True))


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder with a Makefile and chapters of its own, where commands may write."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "book").mkdir()
    shutil.copy(CHAPTER, folder / "book")
    shutil.copy(ROOT / "Makefile", folder)
    return folder


def made(command, *more, bin=BIN):
    """A command of the chapter, in the environment of the tests, not one that make installs."""
    program, *rest = shlex.split(command)
    assert program == "make"
    made = ["make", "--no-print-directory", "-o", ".venv/.installed", f"BIN={bin}"]
    return [*made, *rest, *more]


def test_make_lab_opens_the_chapters(commands, clone, tmp_path):
    said = {"ServerApp": {"allow_root": True, "open_browser": False, "port": 0}}
    (tmp_path / "jupyter_server_config.json").write_text(json.dumps(said), encoding="utf-8")
    env = {"JUPYTER_CONFIG_DIR": tmp_path, "JUPYTER_RUNTIME_DIR": tmp_path / "run"}
    (clone / "bin").symlink_to(BIN)  # make looks from inside of book
    process = subprocess.Popen(
        made(commands["lab"], bin="bin"),
        cwd=clone,
        env=os.environ | {name: str(path) for name, path in env.items()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not (there := list((tmp_path / "run").glob("jpserver-*.json"))):
            assert process.poll() is None
            time.sleep(0.1)
        about = json.loads(there[0].read_text(encoding="utf-8"))
        asked = f"{about['url']}api/contents?token={about['token']}"
        with urllib.request.urlopen(asked, timeout=60) as answer:
            found = [each["name"] for each in json.load(answer)["content"]]
        assert found == [CHAPTER.name]
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_make_train_make_serve_and_curl_give_the_text_of_a_model_of_ones_own(commands, clone):
    text = "".join(f"def f{n}(path):\n    return open(path).read({n})\n" for n in range(400))
    (clone / "text.txt").write_text(text, encoding="utf-8")
    train = made(commands["train"], f"TRAIN={SMALL}")
    subprocess.run(train, cwd=clone, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)
    make, target, which = shlex.split(commands["serve"])
    folder = clone / which.removeprefix("SERVE=")
    serve = made(f"{make} {target}", f"{which} --port 0")
    with server(folder, command=serve, cwd=clone) as served:
        ask = commands["ask"].replace("http://127.0.0.1:8000/v1", served.url)
        done = subprocess.run(shlex.split(ask), capture_output=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["usage"]["completion_tokens"] > 0 and answer["choices"][0]["text"]
