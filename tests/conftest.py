"""What the tests share: a cache of their own, and one Chromium."""

import os
import sys
from pathlib import Path

import pytest

os.environ["LABS_PROGRESS"] = "off"
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import find_chromium  # noqa: E402


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium: $CHROMIUM, or what tools/find_chromium.py finds."""
    with find_chromium.running() as browser:
        yield browser


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Each test has an empty cache of its own."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
