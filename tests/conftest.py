"""What the tests share."""

import os

import pytest

os.environ["LABS_PROGRESS"] = "off"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Each test has an empty cache of its own."""
    monkeypatch.setenv("LABS_CACHE", str(tmp_path / "cache"))
