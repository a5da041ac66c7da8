"""book/cloud/job.yaml: valid, and its command trains."""

import pytest
import yaml
from tiny_run import CLOUD, TINY, checker, ran, text

from labs.gpt import __main__ as command

FILE = CLOUD / "job.yaml"
CLAIM, JOB = yaml.safe_load_all(FILE.read_text(encoding="utf-8"))
POD = JOB["spec"]["template"]["spec"]


def valid(file):
    """Whether the schemas of Kubernetes say yes to a file, and what they say."""
    return ran([checker("kubernetes-validate"), "--strict", file])


def test_the_job_and_its_volume_are_what_kubernetes_expects():
    code, said = valid(FILE)
    assert code == 0 and said.count("passed") == 2


@pytest.mark.parametrize(
    "change",
    [
        ("restartPolicy: Never", "restartPolicy: 3"),
        ("terminationGracePeriodSeconds", "terminationGraceSeconds"),
        ("backoffLimit: 10", "backoffLimit: ten"),
    ],
)
def test_a_mistake_would_be_found(change, tmp_path):
    wrong = tmp_path / "job.yaml"
    wrong.write_text(FILE.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    assert valid(wrong)[0] != 0


def test_the_checkpoints_lie_on_the_claimed_volume_and_there_is_time_to_save():
    (container,) = POD["containers"]
    (mount,) = container["volumeMounts"]
    (volume,) = POD["volumes"]
    assert mount["mountPath"] == "/checkpoints" and mount["name"] == volume["name"]
    assert volume["persistentVolumeClaim"]["claimName"] == CLAIM["metadata"]["name"]
    assert POD["terminationGracePeriodSeconds"] >= 60


def test_what_only_a_person_can_mend_ends_the_job_and_nothing_else_does():
    lost, wrong = JOB["spec"]["podFailurePolicy"]["rules"]
    assert (lost["action"], wrong["action"]) == ("Ignore", "FailJob")
    assert wrong["onExitCodes"]["values"] == [command.WRONG]


def test_the_command_of_the_job_trains(tmp_path):
    arguments = POD["containers"][0]["args"]
    arguments = [str(tmp_path / "run") if a == "/checkpoints" else a for a in arguments]
    arguments += ["--text", str(text(tmp_path)), *TINY, "--steps", "20"]
    code, said = ran(["python", "-m", *arguments])  # the entry point of the image
    assert code == 0, said
    assert (tmp_path / "run/step-000020").exists()
