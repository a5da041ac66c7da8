"""Several real processes under torchrun: they train what one process trains, and go on from it.

A launch takes seconds, so each makes many checks: they stand in ways.py.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import psutil
import pytest
import torch
import torch.distributed.checkpoint
import transformers
import ways
from tiny import prose

from labs.gpt import checkpoint, files, folder
from labs.widgets import saved

WAYS = "data", "sharded", "tensor"
CHECKS = "trains", "bf16", "muon", "fp16", "refuses", "stops", "changes"
TWO = [f"{check}:{way}" for check in CHECKS for way in WAYS] + ["together:data", "finishes:tensor"]
TINY = "--vocabulary 300 --context 16 --layers 1 --width 16 --heads 2 --batch-size 4 --warmup 3"
PLAN = "--device cpu --precision fp32 --steps 400 --evaluate-every 200"


def start(*command):
    """A process of Python at work, with one thread for arithmetic."""
    return subprocess.Popen(
        [sys.executable, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def torchrun(processes, *command):
    """`torchrun --nproc-per-node PROCESSES COMMAND`, at work."""
    how = "--standalone", "--nproc-per-node", processes
    return start("-m", "torch.distributed.run", *how, *command)


def alone(*command):
    """How one process ends, and what it says."""
    process = start(*command)
    out, err = process.communicate()
    return process.returncode, out, err


def checked(processes, path, names):
    """{check: what each process found wrong}, after all have made the checks `names`."""
    process = torchrun(processes, pathlib.Path(ways.__file__), path, *names)
    out, err = process.communicate()
    assert process.returncode == 0, out + err
    print(out)
    found = [json.loads((path / f"{i}.json").read_text("utf-8")) for i in range(processes)]
    return {name: [of[name] for of in found if of[name]] for name in names}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What two processes found; `changes` is a folder that one process began, and they went on."""
    path = tmp_path_factory.mktemp("two")
    for name in ("changes", "finishes"):
        ways.run(folder=path / name, until=1)
    return path, checked(2, path, TWO)


@pytest.mark.parametrize("name", TWO)
def test_two_processes(two, name):
    assert two[1][name] == []


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")  # as it is meant to be
def test_a_checkpoint_of_two_processes_is_one_for_transformers_and_for_pytorch_too(two):
    path = checkpoint.path_of(two[0] / "changes", 10)
    there = {part.name for part in path.iterdir()}
    parts = {
        f"{stem}-0000{i}-of-00002.safetensors" for stem in ("model", "training") for i in (1, 2)
    }
    about = {"config.json", "tokenizer.json", "tokenizer_config.json", checkpoint.RUN}
    assert there == parts | about | {"model.safetensors.index.json"}
    gpt, _ = folder.load(path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(path)
    ids = torch.arange(12)[None]
    torch.testing.assert_close(gpt(ids), theirs(ids).logits, rtol=1e-4, atol=1e-4)
    assert saved.read(path).tensors["wte"].shape == (300, 24)
    wanted = files.read_parts(path / "model.safetensors") | files.read_parts(
        path / checkpoint.STATE
    )
    found = {name: torch.zeros_like(tensor) for name, tensor in wanted.items()}
    reader = torch.distributed.checkpoint.HuggingFaceStorageReader(str(path))
    torch.distributed.checkpoint.load(found, storage_reader=reader, no_dist=True)
    torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    sizes = [(path / f"model-0000{i}-of-00002.safetensors").stat().st_size for i in (1, 2)]
    assert max(sizes) < 1.3 * min(sizes)  # shared out evenly


def test_what_two_began_one_and_three_finish(two, tmp_path):
    shutil.copytree(two[0] / "changes", tmp_path / "finishes")
    torch.testing.assert_close(ways.run(folder=two[0] / "changes")[0], ways.run()[0], **ways.CLOSE)
    assert checked(3, tmp_path, ["finishes:sharded"]) == {"finishes:sharded": []}
    last = checkpoint.path_of(tmp_path / "finishes", 12)
    (last / "training-00002-of-00003.safetensors").unlink()
    said = r"tensors are not those of the shape .* got {}; is a part of it missing, or another"
    with pytest.raises(ValueError, match=said):
        ways.run(folder=tmp_path / "finishes")


def command(path, *options):
    """The arguments of `python`, or of torchrun, that train in the folder `path`."""
    text = path.parent / "text.txt"
    text.write_text(prose(2000, 1), encoding="utf-8")
    return ["-m", "labs.gpt", path, "--text", text, *TINY.split(), *PLAN.split(), *options]


def losses(path):
    """Of each step, as the newest checkpoint tells of it."""
    last = checkpoint.path_of(path, checkpoint.steps(path)[-1])
    return files.read_parts(last / checkpoint.STATE)["losses"]


def wait_for(process, happened):
    """Return when `happened()`, or when the process is over."""
    while process.poll() is None and not happened():
        time.sleep(0.001)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The losses of one process that nobody disturbs."""
    path = tmp_path_factory.mktemp("whole") / "run"
    assert alone(*command(path))[0] == 0
    return losses(path)


def test_asked_to_end_all_save_the_same_step_and_another_number_goes_on(tmp_path, whole):
    path = tmp_path / "run"
    process = torchrun(2, *command(path, "--parallel", "tensor", "--save-every", 100000))
    wait_for(process, (path / ".lock").exists)
    workers = psutil.Process(process.pid).children()
    process.terminate()  # torchrun tells its processes
    out, err = process.communicate()
    print(out, err)
    (step,) = checkpoint.steps(path)
    assert 0 < step < 400 and len(workers) == 2
    assert out.count(f"step {step} of 400 stands in {path}") == 1  # one speaks for all
    assert out.count("stopped early, as asked; the same command goes on from here") == 1
    code, out, err = alone(*command(path))
    assert (code, err) == (0, "") and f"going on from step {step} in {path}" in out
    print(f"differs by {(losses(path) - whole).abs().max():.1e}")
    torch.testing.assert_close(losses(path), whole, **ways.CLOSE)


def test_when_one_process_is_killed_all_end_and_go_on_from_the_checkpoint_before(tmp_path, whole):
    path = tmp_path / "run"
    process = torchrun(2, *command(path, "--parallel", "sharded", "--save-every", 20))
    wait_for(process, lambda: checkpoint.steps(path) and list(path.glob("*.partial-*")))
    workers = psutil.Process(process.pid).children()
    next(worker for worker in workers if worker.environ()["RANK"] == "0").kill()
    out, err = process.communicate()
    assert process.returncode == 1 and "stopped early" not in out
    before = checkpoint.steps(path)[-1]
    print(f"killed after step {before}, left: {sorted(part.name for part in path.iterdir())}")
    assert before < 400
    process = torchrun(2, *command(path, "--save-every", 20))
    out, err = process.communicate()
    assert process.returncode == 0 and out.count(f"going on from step {before} in {path}") == 1
    left = {part.name for part in path.iterdir()}
    assert left == {".lock", "step-000380", "step-000400"}
    print(f"differs by {(losses(path) - whole).abs().max():.1e}")
    torch.testing.assert_close(losses(path), whole, **ways.CLOSE)


def test_what_several_processes_cannot_do_is_refused_once_and_ends_them_all(tmp_path):
    path = tmp_path / "run"
    process = torchrun(2, *command(path, "--batch-size", 5))
    out, err = process.communicate()
    said = (
        "python -m labs.gpt: batch_size: expected a multiple of 2, 2 processes times accumulate 1"
    )
    assert process.returncode == 1 and err.count(said) == 1 and not path.exists()
    assert len(re.findall(r"exitcode *: 2 ", err)) >= 1
    code, out, err = alone(*command(path, "--parallel", "tensor"))
    said = "parallel: expected several processes for 'tensor', got 1; start them with torchrun"
    assert code == 2 and said in err and not path.exists()
