"""book/cloud/train.slurm in a real Slurm: told to end, it saves, queues again and goes on."""

import pathlib
import subprocess
import sys

import pytest
from one_node import ask, slurm, wait_for
from tiny_run import TINY, left, text

JOB = pathlib.Path(__file__).parents[2] / "book/cloud/train.slurm"


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    """A Slurm for the tests of this file."""
    with slurm(tmp_path_factory.mktemp("slurm")):
        yield


@pytest.fixture
def job(tmp_path, monkeypatch):
    """A function that submits the job file, and gives its number and its log."""
    monkeypatch.setenv("PATH", pathlib.Path(sys.executable).parent.as_posix(), prepend=":")
    monkeypatch.chdir(tmp_path)  # where the log goes

    def submit(*options, steps):
        asked = [str(tmp_path / "run"), "--text", str(text(tmp_path)), *TINY, *options]
        asked += ["--steps", str(steps)]
        number = ask("sbatch", "--parsable", str(JOB), *asked)
        return number, tmp_path / f"gpt-{number}.log"

    yield submit
    for log in tmp_path.glob("*.log"):
        print(log.read_text(encoding="utf-8"))


def says(log, words):
    """Wait until a log has the words."""
    wait_for(
        lambda: log.exists() and words in log.read_text(encoding="utf-8"), f"{words!r} in {log}"
    )


def about(number):
    """{field: value} of what Slurm knows of a job."""
    fields = ask("scontrol", "show", "job", number).split()
    return dict(field.split("=", 1) for field in fields if "=" in field)


def trains(number, folder):
    """Wait until a job trains, or is over."""
    over = lambda: about(number)["JobState"] in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT")
    wait_for(lambda: (folder / "run/.lock").exists() or over(), f"training in {folder}")


def is_now(number, **wanted):
    """Wait until a job is in a state."""
    here = lambda: {name: about(number)[name] for name in wanted}
    try:
        wait_for(lambda: here() == wanted, f"{wanted} of job {number}")
    finally:
        print(here())


def test_told_to_end_the_job_saves_queues_again_and_ends_as_if_it_had_not_been(job, tmp_path):
    number, log = job("--save-every", "100000", steps=300)
    trains(number, tmp_path)
    ask("scancel", "--signal=TERM", "--batch", number)  # what --signal=B:TERM@60 does
    is_now(number, JobState="PENDING", Restarts="1")
    assert "stopped early" in log.read_text(encoding="utf-8")
    # Slurm waits two minutes, as clocks differ between machines; in the same second it refuses.
    ask("scontrol", "update", f"JobId={number}", "StartTime=now+3")
    is_now(number, JobState="COMPLETED", ExitCode="0:0")
    assert "going on from step" in log.read_text(encoding="utf-8")
    alone = tmp_path / "alone"
    command = [sys.executable, "-m", "labs.gpt", alone, "--text", tmp_path / "text.txt", *TINY]
    subprocess.run([*command, "--steps", "300"], check=True)
    assert left(tmp_path / "run") == left(alone)


def test_a_job_that_somebody_cancels_does_not_come_back(job, tmp_path):
    number, log = job(steps=1_000_000)
    trains(number, tmp_path)
    ask("scancel", number)
    says(log, "stopped early")
    is_now(number, JobState="CANCELLED")
    assert ask("squeue", "--noheader") == ""


def test_a_minute_before_its_time_is_over_the_job_is_told(job, tmp_path):
    number, log = job("--save-every", "100000", steps=1_000_000)
    trains(number, tmp_path)
    ask("scontrol", "update", f"JobId={number}", "TimeLimit=1")  # it looks every half a minute
    is_now(number, JobState="PENDING", Restarts="1")
    says(log, "stopped early")


def test_what_only_a_person_can_mend_fails_the_job(job):
    number, log = job("--heads", "3", steps=10)
    is_now(number, JobState="FAILED", ExitCode="2:0")
    assert "heads must divide width" in log.read_text(encoding="utf-8")
