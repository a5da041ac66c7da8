"""What is compared in benchmarks/serve.py does the same work."""

import json
import subprocess
import sys

from serving import ROOT


def test_both_servers_write_the_same_texts_and_the_figures_are_written_down(tmp_path):
    out = tmp_path / "serve.json"
    command = [
        "benchmarks/serve.py",
        "--rounds",
        "1",
        "--only",
        "recorded",
        "--clients",
        "2",
        "--tokens",
        "6",
    ]
    done = subprocess.run(
        [sys.executable, *command, "--out", out], capture_output=True, encoding="utf-8", cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    plain, ours = json.loads(out.read_text(encoding="utf-8"))["rows"]
    assert (plain["server"], ours["server"]) == ("Plain", "Ours")
    assert plain["requests"] == ours["requests"] == 4 and plain["rate"] > 0 < ours["rate"]
    assert 0 < ours["first_median"] <= ours["first_95"]
    assert "`labs.serve`" in done.stdout and "x plain" in done.stdout
