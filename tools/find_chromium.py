"""Prints the path of a Chromium for tests and tools; installs one where there is none and it may.

Looks at $CHROMIUM, at the usual commands and places, and at the one playwright keeps. Else
installs: with apt where this user may, with playwright otherwise. Ends with a sentence and status 1
where neither works.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import debian

COMMANDS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
PLACES = [
    "/usr/bin/chromium",
    "/usr/lib/chromium/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
]
PACKAGES = ["chromium", "fonts-dejavu-core", "fonts-noto-core"]
FLAGS = [  # of a Chromium that asks for nothing by itself
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def works(path):
    """Whether this is a browser that starts.

    Ubuntu's `chromium-browser` is often only a hint to install a snap.
    """
    if not path or not Path(path).exists():
        return False
    try:
        return subprocess.run([path, "--version"], capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def playwrights():
    """Where playwright keeps, or would keep, its own Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def find():
    """The first browser that starts, or None.

    A $CHROMIUM that does not start is an error, not a hint.
    """
    named = os.environ.get("CHROMIUM")
    if named:
        if not works(named):
            raise SystemExit(f"CHROMIUM must be the path of a Chromium that starts, got {named}")
        return named
    candidates = [*PLACES, *map(shutil.which, COMMANDS)]
    return next((path for path in candidates if works(path)), None) or next(
        filter(works, [playwrights()]), None
    )


def install():
    """Try apt, then playwright; the path of what works now, or None."""
    if debian.install(PACKAGES) and (path := find()):
        return path
    deps = ["--with-deps"] if debian.may_install() else []
    debian.say([sys.executable, "-m", "playwright", "install", *deps, "chromium"])
    return find()


def path():
    """Where the Chromium is that is there, or was installed; SystemExit says what to do."""
    path = find() or install()
    if not path:
        raise SystemExit(
            "expected a Chromium, found none and could not install one; install it (Debian: "
            "apt-get install chromium; macOS: brew install --cask chromium) or name one: "
            "CHROMIUM=/path/to/chromium make test"
        )
    return path


@contextlib.contextmanager
def running():
    """That Chromium, running. Only one can run in a thread."""
    from playwright.sync_api import sync_playwright

    found = path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":
    print(path())
