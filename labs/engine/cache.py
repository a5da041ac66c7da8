"""Finished runs, kept on disk: a file a run, under the run's key (see `labs.engine.keys`).

A file is the bytes of one row of a structured array, and a digest of these bytes and of the key.
Its size and its digest say whether it is what the run must have; whatever is damaged counts as
missing.
"""

import hashlib
import os
import pathlib
import warnings

import numpy as np

from labs.record import write_whole

DIGEST = 32  # bytes


def folder():
    """Where runs are kept; None where LABS_CACHE is "off".

    The folder is LABS_CACHE, or `labs` in the user's cache folder.
    """
    wish = os.environ.get("LABS_CACHE", "").strip()
    if wish.lower() == "off":
        return None
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(wish or pathlib.Path(home) / "labs")


class Cache:
    """The runs of one sweep that are on disk. `row`: the dtype of what each must have."""

    def __init__(self, row):
        self.row, self.place, self.damaged = np.dtype(row), folder(), 0

    def read(self, keys):
        """(positions that were found, their rows) of `keys`, a list.

        Damaged files are counted.
        """
        found, rows = [], np.zeros(len(keys), self.row)
        for i, key in enumerate(keys if self.place else ()):
            content = self._content(key)
            if content is not None:
                rows[i] = np.frombuffer(content, self.row)[0]
                found.append(i)
        return found, rows[found]

    def write(self, keys, rows):
        """Keep rows under their keys. A full or read-only disk is reported; the sweep goes on."""
        if self.place is None:
            return
        try:
            for key, row in zip(keys, rows):
                content = row.tobytes()
                whole = content + _seal(key, content)
                write_whole(self._path(key), lambda file, whole=whole: file.write(whole))
        except OSError as error:
            warnings.warn(
                f"the cache {self.place} should be writable, but is not ({error}); set LABS_CACHE "
                "to another folder or to off",
                stacklevel=2,
            )
            self.place = None  # said once

    def _path(self, key):
        return self.place / key[:2] / f"{key[2:]}.run"

    def _content(self, key):
        try:
            whole = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            whole = b""
        content, seal = whole[:-DIGEST], whole[-DIGEST:]
        if len(content) == self.row.itemsize and seal == _seal(key, content):
            return content
        self.damaged += 1
        return None


def _seal(key, content):
    return hashlib.blake2b(key.encode() + content, digest_size=DIGEST).digest()
