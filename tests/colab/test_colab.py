"""The second environment has Colab's versions, and installing the package there replaces none."""

import json
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLAB = os.environ.get("COLAB_PYTHON", str(ROOT / ".venv-colab" / "bin" / "python"))
PINS = dict(
    re.findall(
        r"^([\w-]+)==(\S+)$",
        (ROOT / "tests" / "colab" / "requirements.txt").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)


def asked(program):
    """What a program prints in the second environment."""
    return subprocess.run(
        [COLAB, "-c", program], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout


def test_the_second_environment_has_the_pinned_versions_after_labs_was_installed_into_it():
    program = (
        "import importlib.metadata, json; "
        f"print(json.dumps({{n: importlib.metadata.version(n) for n in {list(PINS)}}}))"
    )
    found = {name: version.split("+")[0] for name, version in json.loads(asked(program)).items()}
    assert found == PINS


def test_both_environments_have_the_same_torch():
    assert (
        f"torch=={PINS['torch']}"
        in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    )


def test_installing_labs_there_would_replace_no_package():
    options = ["--dry-run", "--no-index", "--no-build-isolation", "--quiet", "--report", "-"]
    command = [COLAB, "-m", "pip", "install", *options, "--editable", str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    report = json.loads(done.stdout)
    assert [part["metadata"]["name"] for part in report["install"]] == ["labs"]
