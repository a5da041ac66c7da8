"""What the tests of the book to take along share: the files that make has made."""

import built
import pytest


@pytest.fixture(scope="session")
def made():
    """A function from a suffix to the file that make has made, not older than the pages."""

    def find(suffix):
        path = built.TAKE / f"{built.NAME}.{suffix}"
        assert path.is_file(), f"expected {path}, found none: make {suffix}"
        newest = max((built.SITE / f"{page.name}.html").stat().st_mtime for page in built.pages())
        assert path.stat().st_mtime >= newest, f"{path} is older than the pages: make {suffix}"
        return path

    return find
