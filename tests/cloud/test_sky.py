"""book/cloud/sky: SkyPilot reads the files, and a shell runs what they run, with less to do."""

import json
import os
import shlex
import signal
import socket
import time
import urllib.request

import pytest
from tiny_run import CLOUD, ROOT, TINY, checker, left, ran, start, text

import labs
from labs.gpt import __main__ as command
from labs.gpt import checkpoint
from labs.gpt.folder import RECORDED

READ = """
import json, sys, sky
tasks = [sky.Task.from_yaml(file) for file in sys.argv[1:]]
print(json.dumps([
    dict(
        run=task.run, setup=task.setup, envs=task.envs, nodes=task.num_nodes,
        mounts=list(task.storage_mounts), service=task.service and task.service.readiness_path,
        spot=[r.use_spot for r in task.resources], ports=[r.ports for r in task.resources],
        again=[r.job_recovery for r in task.resources],
    )
    for task in tasks
]))
"""
NAMES = "train", "sweep", "serve"


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """{name: what SkyPilot makes of the file}."""
    home = tmp_path_factory.mktemp("home")  # SkyPilot keeps things there
    files = [CLOUD / f"sky/{name}.yaml" for name in NAMES]
    env = {"HOME": str(home), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
    code, said = ran([checker("python"), "-c", READ, *files], cwd=ROOT, env=env)
    assert code == 0, said
    return dict(zip(NAMES, json.loads(said.splitlines()[-1])))


def test_skypilot_reads_all_files_and_a_folder_outlives_each_machine(tasks):
    for task in tasks.values():
        assert any(task["envs"]["FOLDER"].startswith(mount) for mount in task["mounts"])
        assert task["setup"] == "pip install --requirement book/cloud/requirements.txt"
    assert all(tasks["train"]["spot"]) and all(tasks["sweep"]["spot"])
    assert tasks["sweep"]["nodes"] == 2
    assert tasks["serve"]["service"] == "/health" and tasks["serve"]["ports"] == [["8000"]]
    for again in tasks["train"]["again"]:
        assert again["recover_on_exit_codes"] == [command.STOPPED]
        assert again["max_restarts_on_errors"] == 3


def free_port():
    """A port of this machine that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def shell(task, **changes):
    """The command that runs a task's `run` in the root of the repository, and how."""
    return ["bash", "-c", task["run"]], dict(cwd=ROOT, env={**task["envs"], **changes})


def test_what_train_runs_goes_on_after_its_machine_is_gone(tasks, tmp_path):
    options = shlex.join(["--text", str(text(tmp_path)), *TINY, "--save-every", "20"])
    whole, folder = tmp_path / "whole", tmp_path / "run"
    few = dict(STEPS="300", OPTIONS=options)
    asked, how = shell(tasks["train"], FOLDER=str(folder), **few)
    with start(asked, **how) as process:
        while process.poll() is None and not checkpoint.steps(folder):
            time.sleep(0.001)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL and checkpoint.steps(folder)[-1] < 300
    code, said = ran(asked, **how)
    assert code == 0 and "going on from step" in said, said
    asked, how = shell(tasks["train"], FOLDER=str(whole), **few)
    assert ran(asked, **how)[0] == 0
    assert left(folder) == left(whole)


def test_what_sweep_runs_shares_a_grid_and_keeps_it(tasks, tmp_path):
    """Two processes on this machine, with the variables that SkyPilot sets on each."""
    skys = dict(NUM_NODES="1", NODE_RANK="0", NUM_GPUS_PER_NODE="2", NODE_IPS="127.0.0.1")
    env = {f"SKYPILOT_{name}": value for name, value in skys.items()}
    env |= {
        "PORT": free_port(),
        "OMP_NUM_THREADS": "1",
        "LABS_DEVICE": "cpu",
        "STEPS": "20",
        "FOLDER": str(tmp_path),
    }
    asked, how = shell(tasks["sweep"], **env)
    code, said = ran(asked, **how)
    assert code == 0, said
    runs = labs.load(tmp_path / "sweep.npz")
    assert dict(runs.sizes)["learning_rate"] == 7 and bool(runs.trained.all())
    assert len(list((tmp_path / "runs").rglob("*.*"))) >= 42  # 2 optimizers, 7 rates, 3 seeds


def test_what_serve_runs_serves_until_it_is_told_to_end(tasks):
    changes = dict(FOLDER=str(RECORDED), HOST="127.0.0.1", PORT=free_port(), LABS_SERVE_KEY="mine")
    asked, how = shell(tasks["serve"], **changes)
    server, key = f"http://127.0.0.1:{changes['PORT']}", {"Authorization": "Bearer mine"}
    with start(asked, **how) as process:
        while process.poll() is None and not answers(f"{server}/health"):
            time.sleep(0.05)
        body = json.dumps({"model": "recorded", "prompt": "import ", "max_tokens": 3}).encode()
        headers = {"Content-Type": "application/json", **key}
        request = urllib.request.Request(f"{server}/v1/completions", body, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            assert json.load(answer)["choices"][0]["text"]
        process.terminate()
        assert process.wait() == 0


def answers(address):
    """Whether a server says yes."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status == 200
    except OSError:
        return False
