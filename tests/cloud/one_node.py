"""A Slurm of one machine, on its loopback, for running a job file for real.

For seconds, and for a machine of one's own: while it is up, other users of the machine may submit.
"""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import time

PATH = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"  # where servers lie
WHAT_TO_DO = (
    "expected Slurm on this machine, found none: a job file is run, not only read. Debian, Ubuntu: "
    "apt-get install slurm-wlm, or `make test` as root, which does it"
)
# One user runs everything and the servers listen on the loopback alone: so no authentication. The
# machine says that it has what the job file asks for, whatever it has.
CONFIG = """
ClusterName=test
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/none
CredType=cred/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SlurmdParameters=config_overrides
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=8 RealMemory=32000 Gres=gpu:1 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP
"""
GPU = "NodeName={host} Name=gpu File=/dev/null\n"


def free_ports():
    """Two ports that nobody uses."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0)), other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def ask(*command):
    """What a command of Slurm answers."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout.strip()


def wait_for(happened, what, seconds=180):
    """Return what `happened()` returns, as soon as it is true."""
    end = time.monotonic() + seconds
    while not (found := happened()):
        assert time.monotonic() < end, f"expected {what} within {seconds} seconds"
        time.sleep(0.05)
    return found


@contextlib.contextmanager
def slurm(folder):
    """Run Slurm with its state in `folder`; within the block, `sbatch` and the others find it."""
    servers = [shutil.which(name, path=PATH) for name in ("slurmctld", "slurmd")]
    assert all(servers) and shutil.which("sbatch", path=PATH), WHAT_TO_DO
    host = socket.gethostname().partition(".")[0]
    for part in ("state", "spool"):
        (folder / part).mkdir()
    about = dict(host=host, ports=free_ports(), user=getpass.getuser(), folder=folder)
    (folder / "slurm.conf").write_text(CONFIG.format(**about), encoding="utf-8")
    (folder / "gres.conf").write_text(GPU.format(**about), encoding="utf-8")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    with contextlib.ExitStack() as stack:
        running = []
        for server in servers:
            log = stack.enter_context(open(folder / f"{os.path.basename(server)}.log", "wb"))
            running.append(subprocess.Popen([server, "-D"], stdout=log, stderr=log))
        try:
            state = ["sinfo", "--noheader", "--format=%t"]
            idle = lambda: subprocess.run(state, capture_output=True).stdout == b"idle\n"
            wait_for(idle, f"an idle machine (the logs are in {folder})")
            yield
            ask("scancel", "--user", about["user"])
            wait_for(lambda: not ask("squeue", "--noheader"), "no more jobs")
        finally:
            del os.environ["SLURM_CONF"]
            for process in reversed(running):
                process.terminate()
                process.wait()
