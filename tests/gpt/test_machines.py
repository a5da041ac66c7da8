"""The launch line for several machines, with two launchers on this one."""

import os
import shlex
import socket
import subprocess
import sys

from tiny import prose

from labs.gpt import checkpoint

LINE = (
    "--nnodes 2 --nproc-per-node 1 --rdzv-backend c10d --rdzv-endpoint localhost:{port} "
    "-m labs.gpt {folder} --parallel sharded --text {text} --vocabulary 300 --context 16 "
    "--layers 1 --width 16 --heads 2 --batch-size 4 --warmup 3 --steps 6 --device cpu"
)


def test_launchers_that_are_started_alike_train_one_model(tmp_path):
    (tmp_path / "text.txt").write_text(prose(2000, 1), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    line = LINE.format(port=port, folder=tmp_path / "run", text=tmp_path / "text.txt")
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "torch.distributed.run", *shlex.split(line)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    assert sorted("step 6: loss" in out for out, _ in said) == [False, True]
    last = checkpoint.path_of(tmp_path / "run", 6)
    assert len(list(last.glob("model-*-of-00002.safetensors"))) == 2
