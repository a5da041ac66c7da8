"""Makes sure that there is a Slurm for the tests of book/cloud: finds it, or installs it with apt.

Ends with a sentence and status 1 where neither works.
"""

import os
import shutil

import debian

COMMANDS = ["slurmctld", "slurmd", "sbatch", "srun", "scontrol"]
PATH = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"  # where servers lie


def missing():
    """Which commands are not there."""
    return [name for name in COMMANDS if not shutil.which(name, path=PATH)]


def main():
    """Find, install, or say what to do."""
    if missing():
        debian.install(["slurm-wlm"])
    if left := missing():
        raise SystemExit(
            f"expected Slurm, found no {', '.join(left)} and could not install it; install it "
            "(Debian, Ubuntu: apt-get install slurm-wlm). Everything but book/cloud is tested "
            "without it: pytest --ignore=tests/cloud tests"
        )


if __name__ == "__main__":
    main()
