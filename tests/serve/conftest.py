"""Servers that several tests share."""

import pytest
from serving import LONG, save_small, server


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """The folder of a small model."""
    return save_small(tmp_path_factory.mktemp("models") / "small")


@pytest.fixture(scope="module")
def served(small):
    """It, behind a server, for the tests of a file."""
    with server(small, "--slots", 4, "--tokens", 400, "--prompt", 300) as running:
        yield running


@pytest.fixture(scope="session")
def long(tmp_path_factory):
    """The folder of a small model that can write for seconds: its context is long."""
    return save_small(tmp_path_factory.mktemp("models") / "long", context=LONG)
