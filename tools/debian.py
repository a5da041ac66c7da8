"""Installs packages with apt, where there is apt and this user may."""

import os
import shutil
import subprocess
import sys


def root_prefix():
    """What to put before a command to run it as root, or None where this user can't."""
    if os.geteuid() == 0:
        return []
    sudo = shutil.which("sudo")
    return (
        [sudo, "-n"]
        if sudo and subprocess.run([sudo, "-n", "true"], capture_output=True).returncode == 0
        else None
    )


def say(command):
    """Run a command whose output belongs on the terminal, not in what we print."""
    print("+", *command, file=sys.stderr)
    return subprocess.run(command, stdout=sys.stderr).returncode == 0


def may_install():
    """Whether `install` can do anything here."""
    return shutil.which("apt-get") is not None and root_prefix() is not None


def install(packages):
    """Install packages of Debian or Ubuntu. Returns whether that worked."""
    if not may_install():
        return False
    apt = [*root_prefix(), "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    say([*apt, "update"])
    return say([*apt, "install", "-y", "--no-install-recommends", *packages])
